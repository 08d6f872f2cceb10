"""What every verb is given, and what it says while it runs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from pyspark.sql import SparkSession

from jobs.lake.tables import STEPS, Lake
from jobs.runtime import log_files
from jobs.runtime.progress import Bar, Lines, Said, display_of
from jobs.runtime.session import running_stages
from jobs.runtime.settings import Settings


@dataclass
class Step:
    """One execution of a verb: says what it does and collects its measures."""

    verb: str
    started: float = field(default_factory=time.monotonic)
    measures: dict[str, float] = field(default_factory=dict)
    display: Lines | Bar = field(default_factory=Lines)

    @property
    def seconds(self) -> float:
        """Since the step began."""
        return time.monotonic() - self.started

    def say(self, text: str) -> None:
        """A line of progress. On a terminal the last one stays: it says what came of the step."""
        self.display.say(self.logged(text))

    def warn(self, text: str) -> None:
        """A line that stays on a terminal too."""
        self.display.warn(self.logged(f"warning: {text}"))

    def logged(self, text: str) -> Said:
        """The line, when it is in the log file of the process."""
        said = Said(self.verb, self.seconds, text)
        log_files.keep(str(said))
        return said

    def measure(self, name: str, value: float) -> None:
        """Keep a number for operations/steps."""
        self.measures[name] = float(value)

    @contextmanager
    def shown(self, spark: SparkSession) -> Iterator["Step"]:
        """Show how far Spark is until the end of the block."""
        self.display = display_of(self.verb)
        with self.display.watching(lambda: running_stages(spark), self.say):
            yield self


@dataclass(frozen=True)
class Job:
    """A lake, a run_date and the settings: what a verb works on."""

    lake: Lake
    run_date: date
    settings: Settings

    @contextmanager
    def step(self, verb: str) -> Iterator[Step]:
        """Run a verb under the lake's lock, with progress; its row in operations/steps is written where it succeeds."""
        step = Step(verb)
        with self.lake.locked(), step.shown(self.lake.spark):
            if unsafe := self.lake.unsafe_log_store:
                step.warn(
                    f"two jobs that write into {self.lake.address} at once may lose each other's commits: let one "
                    f"write, or give Spark a log store for several drivers with {unsafe} (README, On a cluster)"
                )
            yield step
            self.record(step)

    def record(self, step: Step) -> None:
        """Leave the step's row."""
        finished = datetime.fromtimestamp(time.time(), UTC)
        row = [(self.run_date, step.verb, finished, round(step.seconds, 3), step.measures)]
        schema = "run_date DATE, verb STRING, finished TIMESTAMP, seconds DOUBLE, measures MAP<STRING, DOUBLE>"
        self.lake.append(STEPS, self.lake.spark.createDataFrame(row, schema))
