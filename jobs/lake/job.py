"""What every verb is given, and what it says while it runs."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import TracebackType

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from jobs.lake.locks import locked
from jobs.lake.metrics_file import write_metrics
from jobs.lake.one_writer import Holder, utc
from jobs.lake.step_log import Ending, StepRun, ending_of, killed
from jobs.lake.tables import STEPS, Lake
from jobs.runtime import log_files
from jobs.runtime.errors import UserError
from jobs.runtime.progress import TEXT, Bar, JsonLines, Level, Lines, Said, display_of
from jobs.runtime.session import application_id, engine_name, running_stages
from jobs.runtime.settings import Log, Settings


@dataclass
class Rows:
    """How many rows a step was given, wrote and refused; None where it does not count them."""

    given: int | None = None
    written: int | None = None
    refused: int | None = None


@dataclass
class Step:
    """One execution of a verb: says what it does and collects its measures."""

    verb: str
    started: float = field(default_factory=time.monotonic)
    began: datetime = field(default_factory=lambda: utc(time.time()))
    measures: dict[str, float] = field(default_factory=dict)
    rows: Rows = field(default_factory=Rows)
    model: tuple[int | None, str] | None = None
    display: Lines | Bar = field(default_factory=Lines)

    @property
    def seconds(self) -> float:
        """Since the step began."""
        return time.monotonic() - self.started

    def say(self, text: str) -> None:
        """A line of progress. On a terminal the last one stays: it says what came of the step."""
        self.display.say(self.logged(text))

    def warn(self, text: str, recorded: str | None = None) -> None:
        """A line that stays on a terminal too.

        Args:
            text: What people read.
            recorded: What a log collector is given instead, where the text shows what a row holds.
        """
        self.display.warn(self.logged(text, "warning", recorded))

    def logged(self, text: str, level: Level = "info", recorded: str | None = None) -> Said:
        """The line, when it is in the log file of the process."""
        said = Said(self.verb, self.seconds, text, level, recorded)
        log_files.keep(str(said))
        return said

    def measure(self, name: str, value: float) -> None:
        """Keep a number for operations/steps."""
        self.measures[name] = float(value)

    def counted(self, given: int | None = None, written: int | None = None, refused: int | None = None) -> None:
        """Keep how many rows came, went and were refused for operations/steps."""
        self.rows = Rows(given, written, refused)

    def with_model(self, version: int | None, sha256: str) -> None:
        """Keep for operations/steps which model it used, or made; it may have no version yet."""
        self.model = (version, sha256)

    @contextmanager
    def shown(self, spark: SparkSession, log: Log = TEXT) -> Iterator["Step"]:
        """Show how far Spark is until the end of the block."""
        self.display = display_of(self.verb, log)
        with self.display.watching(lambda: running_stages(spark), self.say):
            yield self


@dataclass(frozen=True)
class Job:
    """A lake, a run_date and the settings: what a verb works on.

    Args:
        lake: Where everything is.
        run_date: The delivery.
        settings: All of them.
        wait: How many minutes to wait for the lake where another process writes into it.
    """

    lake: Lake
    run_date: date
    settings: Settings
    wait: float = 0

    @contextmanager
    def step(self, verb: str) -> Iterator[Step]:
        """Run a verb under the lake's lock, with progress; its row in operations/steps says what became of it."""
        with self.holding(verb):
            step = Step(verb)
            self.lake.ledger.begin()
            with step.shown(self.lake.spark, self.settings.log), self.recorded(step):
                yield step

    def quiet(self, verb: str) -> Step:
        """A step of which only its lines are shown."""
        return Step(verb, display=JsonLines() if self.settings.log.format == "json" else Lines())

    @contextmanager
    def line(self, verb: str) -> Iterator[Step]:
        """Call several verbs under one hold of the lock; the line has its own row in operations/steps."""
        with self.holding(verb):
            step = self.quiet(verb)
            with self.recorded(step):
                try:
                    yield step
                finally:
                    self.lake.ledger.begin()  # what was read and written stands in the rows of its verbs

    @contextmanager
    def holding(self, verb: str) -> Iterator[None]:
        """Hold the lake, if this process does not already; who held it and was killed gets his row in operations/steps.

        Raises:
            TryAgain: Another process holds it, and still does after `wait`.
        """
        waits = self.quiet(verb)
        with locked(self.lake, Holder.here(verb, self.run_date), self.wait, waits.say) as gone:
            if gone:
                waits.warn(f"{gone} ended without a word: what it left undone is taken up")
                killed(gone, utc(time.time())).append_to(self.lake)
            yield

    @contextmanager
    def recorded(self, step: Step) -> Iterator[None]:
        """Leave the step's row at the end of the block, whatever its end."""
        with ExitStack() as ended:
            ended.push(lambda *raised: self.ended(step, *raised))
            yield

    def ended(
        self, step: Step, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        """Leave the step's row; never swallow what was raised, nor put another error in its place."""
        if error is None:
            self.record(step, ending_of(None))
            return False
        # Nothing is left in a lake that is not there: its address may be a mistake.
        with suppress(UserError, PySparkException, Py4JError, OSError):
            if ending_of(error).exit_code != UserError.exit_code or self.lake.exists(STEPS):
                self.record(step, ending_of(error))
        return False

    def record(self, step: Step, ending: Ending) -> None:
        """Leave the step's row."""
        version, sha256 = step.model or (None, None)
        run = StepRun(
            run_date=self.run_date,
            verb=step.verb,
            started=step.began,
            finished=utc(time.time()),
            seconds=round(step.seconds, 3),
            outcome=ending.outcome,
            exit_code=ending.exit_code,
            reason=ending.reason,
            rows_in=step.rows.given,
            rows_out=step.rows.written,
            rows_refused=step.rows.refused,
            reads=dict(self.lake.ledger.reads),
            writes=dict(self.lake.ledger.writes),
            model_version=version,
            model_sha256=sha256,
            engine=engine_name(),
            application_id=application_id(self.lake.spark),
            measures=step.measures,
        )
        run.append_to(self.lake)
        if self.settings.metrics.file:
            write_metrics(Path(self.settings.metrics.file), self.lake)
