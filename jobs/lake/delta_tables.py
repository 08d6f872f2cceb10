"""Delta tables at an address, and the only code that knows that they are Delta."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import PurePosixPath
from urllib.parse import unquote

from delta import exceptions
from pyspark.sql import DataFrame, DataFrameWriter, SparkSession
from pyspark.sql import functions as F

from jobs.runtime.addresses import Address, list_files, literally
from jobs.runtime.errors import TryAgain, UserError
from jobs.runtime.session import engine_of_this_process, setting

OF_ONE_DRIVER = frozenset({"s3", "s3a", "s3n"})
"""File systems that let two writers make one file: Delta's own log store for them knows its own driver alone."""
COMPACTS = "spark.databricks.delta.autoCompact.enabled"
LAST_CHECKPOINT = "_delta_log/_last_checkpoint"
LAST_COMMIT = "spark.databricks.delta.lastCommitVersionInSession"

WRITTEN_MEANWHILE = (
    exceptions.ConcurrentAppendException,
    exceptions.ConcurrentDeleteDeleteException,
    exceptions.ConcurrentDeleteReadException,
    exceptions.ConcurrentTransactionException,
    exceptions.ConcurrentWriteException,
    exceptions.MetadataChangedException,
    exceptions.ProtocolChangedException,
)
"""Delta's words for a commit that another one came before; it has no common one."""

TABLE_PROPERTIES = {
    # Models name the versions that they were trained on: these must stay readable.
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
    # Nobody skips files by an amount, and the default of 32 columns takes a third of a write.
    "delta.dataSkippingNumIndexedCols": "3",
}


@dataclass
class Ledger:
    """The tables that were read and written since the step began, with their versions."""

    reads: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)

    def begin(self) -> None:
        """Forget what was done before."""
        self.reads.clear()
        self.writes.clear()

    def was_read(self, table: str, version: int) -> None:
        """Note the newest version that was read, unless it is the step's own."""
        if self.writes.get(table) != version:
            self.reads[table] = max(version, self.reads.get(table, version))

    def was_written(self, table: str, version: int) -> None:
        """Note the last version that was made."""
        self.writes[table] = version


@dataclass(frozen=True)
class DeltaTables:
    """Tables of rows by run_date, below one address.

    Reader protocol 1 and no constraints, so that every other reader of Delta can open them.

    Args:
        root: The text of the resolved address.
        spark: What reads and writes them.
        ledger: What was read and written.
    """

    root: str
    spark: SparkSession
    ledger: Ledger = field(default_factory=Ledger, compare=False, repr=False)

    @property
    def address(self) -> Address:
        """Where they are."""
        return Address(self.root)

    @property
    def may_lose_commits(self) -> bool:
        """Whether of two drivers that commit at once one may write over the other's, and neither is told."""
        file_system = self.root.partition("://")[0]
        named = self.spark.conf.get(f"spark.delta.logStore.{file_system}.impl", None)
        return file_system in OF_ONE_DRIVER and named is None

    def path(self, table: str) -> str:
        """The table's address."""
        return self.address.below(table)

    def exists(self, table: str) -> bool:
        """Whether the table was ever written."""
        return bool(self.commits(table))

    def version(self, table: str) -> int:
        """The newest version; that there is no such table is the user's error."""
        return self.versions(table)[-1]

    def versions(self, table: str) -> list[int]:
        """As `commits`, of a table that is there.

        Raises:
            UserError: It is not.
        """
        commits = self.commits(table)
        if not commits:
            raise UserError(f"no table {self.path(table)}: run the step that writes it first, or check --lake")
        return commits

    def commits(self, table: str) -> list[int]:
        """The versions that the table's log holds, oldest first; none where there is no table."""
        files = (PurePosixPath(file) for file in list_files(self.spark, f"{self.path(table)}/_delta_log", "*.json"))
        return [int(file.stem) for file in files if file.stem.isdecimal()]

    def read(self, table: str, version: int | None = None) -> DataFrame:
        """The table, newest or at a version; a table that is not there is the user's error."""
        versions = self.versions(table)
        reader = self.spark.read.format("delta")
        if version is None:
            self.ledger.was_read(table, versions[-1])
            return reader.load(self.path(table))
        if version not in versions:
            raise UserError(f"table {self.path(table)} has no version {version}, the newest is {versions[-1]}")
        self.ledger.was_read(table, version)
        if version != versions[-1]:
            self.keep_versions_readable(table)
        return reader.option("versionAsOf", version).load(self.path(table))

    def added(self, table: str, version: int) -> list[str]:
        """The files that a commit has added, as its own file says: patterns of Hadoop's.

        Delta takes what this process has committed from memory, and would not see that another has written over it.
        """
        folder = literally(self.path(table))
        commit = f"{folder}/_delta_log/{version:020}.json"
        lines = self.spark.read.schema("add STRUCT<path: STRING>").json(commit).where("add IS NOT NULL")
        return [f"{folder}/{unquote(row[0])}" for row in lines.select("add.path").collect()]

    def read_run_date(self, table: str, run_date: date, version: int | None = None) -> DataFrame:
        """The rows of one run_date."""
        return self.read(table, version).where(F.col("run_date") == F.lit(run_date))

    def replace(
        self,
        table: str,
        rows: DataFrame,
        run_date: date,
        comments: Mapping[str, str] | None = None,
        of: Mapping[str, str] | None = None,
    ) -> int:
        """Put the rows in place of the run_date's, in one commit; gives the version that it made.

        A table that is not there yet is made, partitioned by run_date (and by what `of` names).

        Args:
            table: Which.
            rows: Its columns; they get run_date and those of `of` where they have none.
            run_date: The delivery.
            comments: What columns mean.
            of: Columns and their values, such as a feature set: only these rows are replaced.
        """
        said = comments or {}
        columns = [
            F.col(name).alias(name, metadata={"comment": said[name]}) if name in said else F.col(name)
            for name in rows.columns
        ]
        within = of or {}
        place = {"run_date": F.lit(run_date)} | {name: F.lit(value) for name, value in within.items()}
        added = [value.alias(name) for name, value in place.items() if name not in rows.columns]
        placed = rows.select(*columns, *added)
        if self.exists(table):
            only = [
                f"run_date = DATE'{run_date.isoformat()}'",
                *(f"{name} = '{value}'" for name, value in within.items()),
            ]
            stored = partial(self.spark.read.format("delta").load, self.path(table))
            beside = engine_of_this_process().beside(placed, stored)
            writer = beside.write.option("replaceWhere", " and ".join(only)).option("mergeSchema", True)
        else:
            writer = placed.write.partitionBy(*place).options(**TABLE_PROPERTIES)
        self.save(writer.format("delta").mode("overwrite"), table)
        return self.noted(table, self.committed(table))

    def merge(self, table: str, rows: DataFrame, key: Sequence[str]) -> int:
        """Put rows in place of those of the same key, and add the others, in one commit; gives the newest version.

        A table that is not there yet is made, partitioned by run_date. What a row was before stays readable, at the
        versions before.

        Args:
            table: Which.
            rows: All of its columns; at most one row for each key.
            key: The columns that tell rows apart, run_date among them.
        """
        if not self.exists(table):
            self.save(rows.write.format("delta").partitionBy("run_date").options(**TABLE_PROPERTIES), table)
            return self.noted(table, self.committed(table))
        same = " AND ".join(f"kept.{name} = new.{name}" for name in key)
        with self.told_when_written_meanwhile(table):
            self.spark.sql(
                f"MERGE INTO delta.`{self.path(table)}` AS kept USING {{rows}} AS new ON {same} "
                "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
                rows=rows,
            )
        self.keep_versions_readable(table)
        return self.noted(table, self.version(table))

    def replace_all(self, table: str, rows: DataFrame) -> None:
        """Put the rows in place of the whole table, in one commit."""
        self.save(rows.write.format("delta").mode("overwrite").option("overwriteSchema", True), table)
        self.noted(table, self.committed(table))

    def noted(self, table: str, version: int) -> int:
        """The version that a write has made, which the step's ledger has now."""
        self.ledger.was_written(table, version)
        return version

    def committed(self, table: str) -> int:
        """The version that the write before made, which may not be the newest: another may have written since.

        Delta says it, but where no row came or went: then the newest is as good. Sail does not, and writes lakes of one
        machine, which the lock keeps others from.
        """
        said = self.spark.conf.get(LAST_COMMIT, None)
        return self.version(table) if said is None else int(said)

    def numbers_as_they_are(self) -> AbstractContextManager[None]:
        """Write no dictionaries: a feature's values seldom repeat, and looking each one up is two fifths of a write."""
        return setting(self.spark, "parquet.enable.dictionary", "false")

    def append(self, table: str, rows: DataFrame) -> None:
        """Add rows to a log table; columns that it lacks are added, its many small files brought together."""
        with setting(self.spark, COMPACTS, "true"):
            self.save(rows.write.format("delta").mode("append").option("mergeSchema", True), table)

    def append_in_turn(self, table: str, rows: DataFrame, turn: int) -> None:
        """Add rows to a log table; see `save_in_turn`."""
        self.save_in_turn(rows.write.format("delta").mode("append"), table, turn)

    def overwrite_in_turn(self, table: str, rows: DataFrame, turn: int) -> None:
        """Put the rows in place of all there are; see `save_in_turn`."""
        self.save_in_turn(rows.write.format("delta").mode("overwrite"), table, turn)

    def save_in_turn(self, writer: DataFrameWriter, table: str, turn: int) -> None:
        """Write where nobody else has taken this turn: of two that have read the same, one wins.

        Args:
            writer: As it is set up.
            table: Which.
            turn: More than that of the last write that was read.

        Raises:
            TryAgain: Somebody else has taken it.
        """
        # Delta leaves out a transaction of a number that it knows, and lets only one of two commit that are open. Sail
        # does not, and writes lakes of one machine, which the lock keeps others from.
        self.save(writer.options(txnAppId=table, txnVersion=turn), table)
        if engine_of_this_process().says_commits and self.spark.conf.get(LAST_COMMIT, None) is None:
            raise self.written_meanwhile(table)

    def save(self, writer: DataFrameWriter, table: str) -> None:
        """Write as it is set up; see `committed`.

        Raises:
            TryAgain: Another process wrote the same rows meanwhile; there is no lock elsewhere than on this machine.
        """
        self.spark.conf.unset(LAST_COMMIT)
        with self.told_when_written_meanwhile(table):
            writer.save(self.path(table))
        self.keep_versions_readable(table)

    def keep_versions_readable(self, table: str) -> None:
        """Delete the hint at the last checkpoint where the engine would read no version of before.

        Delta's protocol asks for none: without it a reader looks through the log, and the next checkpoint has another.

        Raises:
            UserError: It can't be deleted.
        """
        folder = Address(self.path(table)).folder
        if folder is None or engine_of_this_process().reads_before_hints:
            return
        try:
            (folder / LAST_CHECKPOINT).unlink(missing_ok=True)
        except OSError as error:
            raise UserError(
                f"{folder / LAST_CHECKPOINT} can't be deleted ({error.strerror}), and Sail reads no version of before "
                "it: let the lake be written to, or use Spark"
            ) from None

    @contextmanager
    def told_when_written_meanwhile(self, table: str) -> Iterator[None]:
        """Say of a write within the block that another one came between.

        Raises:
            TryAgain: Another process wrote the same rows meanwhile.
        """
        try:
            yield
        except WRITTEN_MEANWHILE as error:
            raise self.written_meanwhile(table) from error

    def written_meanwhile(self, table: str) -> TryAgain:
        """What an operator is told whose write came too late."""
        return TryAgain(f"{self.path(table)} was written by another process meanwhile: try again")
