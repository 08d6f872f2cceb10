"""The one place that builds a session, and the only one that knows which engine it has.

`spark` is Apache Spark, on this machine or a cluster. `sail` is Sail, a Spark Connect server in Rust inside this
process: one machine, no JVM, the same DataFrames. What it can't do as Spark does is a method of both.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from pyspark.errors import PySparkRuntimeError
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from features.contract import try_cast
from features.memory import casts
from features.plan.feature_table import Settle, as_planned
from features.spec import Type
from jobs.runtime.engine_choice import only_looks
from jobs.runtime.errors import UserError
from jobs.runtime.local_files import LocalFiles
from jobs.runtime.log_files import LOG4J, LOG4J_VARIABLE, java_output_kept
from jobs.runtime.settings import Engine, WishedEngine, conf_dir
from jobs.runtime.spark_conf import conf_of, delta_jars
from jobs.runtime.spark_files import SparkFiles

if TYPE_CHECKING:
    from pysail.spark import SparkConnectServer

# What results depend on, so that no file can change it.
REQUIRED = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    # Tables hashed by applicant stay so in joins that also compare another column: one shuffle a table.
    "spark.sql.requireAllClusterKeysForCoPartition": "false",
}
CASTS: Final[Mapping[str, Callable[[str | None], object]]] = {
    Type.WHOLE.ddl: casts.to_whole,
    Type.AMOUNT.ddl: casts.to_amount,
}
"""What reads a text as Spark's cast to a type does, where Sail's does not."""
SAIL_SETTINGS: Final = {
    # A service may be idle for a night; Sail would drop its session after a quarter of an hour.
    "SAIL_SPARK__SESSION_TIMEOUT_SECS": "31536000",
    # Few applicants are read from large files: what is not asked for need not be decoded.
    "SAIL_PARQUET__PUSHDOWN_FILTERS": "true",
    "RUST_LOG": "error",
    # Trees are small: threads that spin between them cost four times what growing does where cores are shared.
    "OMP_WAIT_POLICY": "passive",
}
"""For the process of Sail's server, where the environment does not say otherwise."""


def open_session(name: str, engine: Engine = "spark", env: str = "local") -> SparkSession:
    """The session, named after what it runs; a process has one, of one engine.

    Under spark-submit the sizes and JARs are spark-submit's; started by Python they come from the same files, so that
    both agree.

    Args:
        name: What it runs: a verb, mostly.
        engine: What computes.
        env: As `--env` takes it: whose sizes Spark is started with.

    Raises:
        UserError: The engine can't run it, is not installed, or spark-submit has started the other one.
    """
    # Workers would otherwise take python3 from PATH and fail with PYTHON_VERSION_MISMATCH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = ENGINES[engine].open(name, env)
    for key, value in REQUIRED.items():
        session.conf.set(key, value)
    return session


@contextmanager
def setting(spark: SparkSession, key: str, value: str) -> Iterator[None]:
    """One of the session's settings for a while; what it was before comes back."""
    before = spark.conf.get(key, None)
    spark.conf.set(key, value)
    try:
        yield
    finally:
        if before is None:
            spark.conf.unset(key)
        else:
            spark.conf.set(key, before)


def start_spark(builder: SparkSession.Builder, name: str, env: str) -> SparkSession:
    """Start a JVM, which says what it has to say in the process's log."""
    conf = conf_dir().absolute()
    os.environ.setdefault(LOG4J_VARIABLE, (conf / LOG4J).as_uri())
    for key, value in {**conf_of(conf, env), **delta_jars(conf, Path(sys.prefix))}.items():
        builder = builder.config(key, value)
    if "MASTER" in os.environ:
        builder = builder.master(os.environ["MASTER"])
    with java_output_kept(name) as log:
        try:
            return builder.getOrCreate()
        except PySparkRuntimeError as error:
            if error.getCondition() != "JAVA_GATEWAY_EXITED":
                raise
            raise UserError(f"Spark did not start: {log} says why. It needs Java 17 or 21") from error


def start_sail() -> "SparkConnectServer":
    """Start a Sail server in this process, at a free port of this machine."""
    try:
        from pysail.spark import SparkConnectServer
    except ModuleNotFoundError:
        raise UserError("session.engine = sail needs the extra: pip install 'home-credit-spark[sail]'") from None
    for name, value in SAIL_SETTINGS.items():
        os.environ.setdefault(name, value)
    server = SparkConnectServer(ip="127.0.0.1", port=0)
    server.start(background=True)
    return server


def written_and_read(rows: DataFrame, path: str) -> DataFrame:
    """The rows, computed, from the files they were written to."""
    rows.write.parquet(path)
    read = rows.sparkSession.read
    # Sail writes no file where there is no row, and would find no columns. A schema is given only then: with one it
    # takes every row for one that a condition on a struct's field lets through.
    return (read if any(Path(path).glob("*.parquet")) else read.schema(rows.schema)).parquet(path)


@dataclass(frozen=True)
class Stage:
    """A stage of Spark that is running, and how many of its tasks are done."""

    number: int
    done: int
    tasks: int


class Spark:
    """Apache Spark, on this machine or a cluster."""

    name: Final[Engine] = "spark"
    says_commits = True
    """Whether the session's settings say after a write which version of a Delta table it made, if any."""
    reads_before_hints = True
    """Whether it reads a Delta table's versions of before the checkpoint that the table's log hints at."""
    files = SparkFiles()
    """How the files of deliveries are found and read."""

    def open(self, name: str, env: str) -> SparkSession:
        """The session, with the sizes of an environment; spark-submit has started it already."""
        builder = SparkSession.builder.appName(f"home-credit {name}")
        return builder.getOrCreate() if "PYSPARK_GATEWAY_PORT" in os.environ else start_spark(builder, name, env)

    def settling(self) -> AbstractContextManager[Settle]:
        """All parts of the feature table are one plan."""
        return nullcontext(as_planned)

    def beside(self, rows: DataFrame, stored: Callable[[], DataFrame]) -> DataFrame:  # noqa: ARG002  as Sail
        """The rows, to be written beside those that are stored."""
        return rows

    @contextmanager
    def computed_once(self, rows: DataFrame) -> Iterator[DataFrame]:
        """The rows, which are kept where they are computed first."""
        rows.persist()
        try:
            yield rows
        finally:
            rows.unpersist()

    def in_order_again(self, rows: DataFrame, by: Sequence[str]) -> DataFrame:  # noqa: ARG002  as Sail
        """The rows, which are as they were made."""
        return rows

    def apart(self, rows: DataFrame, number: str, numbers: int) -> DataFrame:
        """The rows of each number in a task of their own: by their hash several would share one while a core is idle.

        Args:
            rows: Of which a column is the number.
            number: That column.
            numbers: How many there are.
        """
        return rows.repartitionById(numbers, number)

    def cast(self, text: Column, ddl: str) -> Column:
        """The value of a type that a text names; null where it names none."""
        return try_cast(text, ddl)

    def master(self, session: SparkSession) -> str:
        """What runs the tasks, as Spark names it."""
        return session.sparkContext.master or ""

    def parallelism(self, session: SparkSession) -> int:
        """How many tasks run at once, as far as the engine knows; a setting may say otherwise."""
        return session.sparkContext.defaultParallelism

    def application_id(self, session: SparkSession) -> str | None:
        """The name of the application in Spark's history server."""
        return str(session.sparkContext.applicationId)

    def own_session(self, session: SparkSession) -> SparkSession:
        """A session with the settings that this one has now, for a thread that must not see them change."""
        beside = session.newSession()
        for key, value in session.conf.getAll.items():
            if beside.conf.get(key, None) != value:
                beside.conf.set(key, value)
        return beside

    def running_stages(self, session: SparkSession) -> Iterator[Stage]:
        """How far each running stage is."""
        tracker = session.sparkContext.statusTracker()
        for stage in tracker.getActiveStageIds():
            info = tracker.getStageInfo(stage)
            if info is not None:
                yield Stage(stage, info.numCompletedTasks, info.numTasks)


class Sail:
    """Sail, whose server is this process's from its first session on: its client hangs when Python lets go of it."""

    name: Final[Engine] = "sail"
    says_commits = False
    reads_before_hints = False
    files = LocalFiles()

    def __init__(self) -> None:
        self.server: SparkConnectServer | None = None

    def open(self, name: str, env: str) -> SparkSession:  # noqa: ARG002  as Spark
        """The session; it has no sizes."""
        if "PYSPARK_GATEWAY_PORT" in os.environ:
            raise UserError(f"session.engine = sail needs no spark-submit: call python -m jobs {name} ...")
        if self.server is None:
            self.server = start_sail()
        host, port = self.server.listening_address
        return SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()

    @contextmanager
    def settling(self) -> Iterator[Settle]:
        """Each part is written to a temporary folder: Sail would hold all parts of one plan in memory at once.

        The last one alone is written anyway.
        """
        with TemporaryDirectory(prefix="home-credit-") as folder:
            written = count()

            def settle(parts: Sequence[DataFrame]) -> Sequence[DataFrame]:
                if len(parts) == 1:
                    return parts
                return [written_and_read(part, f"{folder}/{next(written)}") for part in parts]

            yield settle

    def beside(self, rows: DataFrame, stored: Callable[[], DataFrame]) -> DataFrame:
        """The rows in the stored ones' own types: Sail takes no list whose elements Arrow has another name for."""
        return stored().limit(0).unionByName(rows, allowMissingColumns=True)

    @contextmanager
    def computed_once(self, rows: DataFrame) -> Iterator[DataFrame]:
        """The rows, from a file: Sail persists nothing."""
        with TemporaryDirectory(prefix="home-credit-") as folder:
            yield written_and_read(rows, f"{folder}/rows")

    def in_order_again(self, rows: DataFrame, by: Sequence[str]) -> DataFrame:
        """The rows, by expressions: whatever idle thread is next has taken each batch of them."""
        return rows.orderBy(*(F.expr(each) for each in by))

    def apart(self, rows: DataFrame, number: str, numbers: int) -> DataFrame:  # noqa: ARG002  as Spark
        """Where it puts them itself."""
        return rows

    def cast(self, text: Column, ddl: str) -> Column:
        """As Spark reads it: Sail's own casts take other texts for whole numbers and amounts."""
        read = CASTS.get(ddl)
        return try_cast(text, ddl) if read is None else F.udf(read, ddl, useArrow=False)(text)

    def master(self, session: SparkSession) -> str:  # noqa: ARG002  as Spark
        """As Spark would name what this process is."""
        return "local[*]"

    def parallelism(self, session: SparkSession) -> int:  # noqa: ARG002  as Spark
        """The cores of this process."""
        return len(os.sched_getaffinity(0))

    def application_id(self, session: SparkSession) -> str | None:  # noqa: ARG002  as Spark
        """It keeps no history."""
        return None

    def own_session(self, session: SparkSession) -> SparkSession:
        """Its settings do not change."""
        return session

    def running_stages(self, session: SparkSession) -> Iterator[Stage]:  # noqa: ARG002  as Spark
        """It can't tell."""
        return iter(())


SPARK, SAIL = Spark(), Sail()
ENGINES: Final[Mapping[Engine, Spark | Sail]] = {"spark": SPARK, "sail": SAIL}


def engine_of_this_process() -> Spark | Sail:
    """The one whose session is open."""
    return SPARK if SAIL.server is None else SAIL


def chosen_engine(wished: WishedEngine, verb: str, env: str, is_lake_here: bool = False) -> Engine:
    """What is wished; where that is left open Sail for a verb that only looks at a lake of this machine, else Spark.

    Args:
        wished: As the settings say.
        verb: What is to run.
        env: As `--env` takes it.
        is_lake_here: Whether the lake is a folder of this machine that Sail finds by its name.
    """
    if wished != "auto":
        return wished
    if SAIL.server is not None:
        return "sail"  # a process has one engine
    can_sail = find_spec("pysail") is not None and not has_spark()
    return "sail" if can_sail and is_lake_here and only_looks(verb, env) else "spark"


def has_spark() -> bool:
    """Whether this process has Spark already, of spark-submit or of a verb before."""
    return "PYSPARK_GATEWAY_PORT" in os.environ or SparkSession.getActiveSession() is not None


def engine_name() -> Engine:
    """As the settings call the one whose session is open."""
    return engine_of_this_process().name


def settling() -> AbstractContextManager[Settle]:
    """How the parts of the feature table are ended while it is written."""
    return engine_of_this_process().settling()


def computed_once(rows: DataFrame) -> AbstractContextManager[DataFrame]:
    """The rows for what is done within the block, computed once however often they are read."""
    return engine_of_this_process().computed_once(rows)


def application_id(session: SparkSession) -> str | None:
    """Spark's name for what the session belongs to; None where the engine has none."""
    return engine_of_this_process().application_id(session)


def running_stages(session: SparkSession) -> Iterator[Stage]:
    """How far each running stage is; nothing where the engine can't tell."""
    return engine_of_this_process().running_stages(session)
