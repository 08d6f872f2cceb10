"""What every verb is given, and what an operator sees while it runs."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from pyspark.sql import SparkSession

from jobs.lake.tables import STEPS, Lake
from jobs.runtime.session import running_stages
from jobs.runtime.settings import Settings

PULSE_SECONDS = 10.0


@dataclass
class Step:
    """One execution of a verb: says what it does and collects its measures."""

    verb: str
    started: float = field(default_factory=time.monotonic)
    measures: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Since the step began."""
        return time.monotonic() - self.started

    def say(self, text: str) -> None:
        """A line of progress."""
        print(f"{self.verb:>9} {self.seconds:6.1f} s  {text}", file=sys.stderr, flush=True)

    def measure(self, name: str, value: float) -> None:
        """Keep a number for operations/steps."""
        self.measures[name] = float(value)


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
        done = threading.Event()
        watcher = threading.Thread(target=report_stages, args=(self.lake.spark, step, done), daemon=True)
        with self.lake.locked():
            watcher.start()
            try:
                yield step
            finally:
                done.set()
                watcher.join()
            self.record(step)
        step.say("done")

    def record(self, step: Step) -> None:
        """Leave the step's row."""
        finished = datetime.fromtimestamp(time.time(), UTC)
        row = [(self.run_date, step.verb, finished, round(step.seconds, 3), step.measures)]
        schema = "run_date DATE, verb STRING, finished TIMESTAMP, seconds DOUBLE, measures MAP<STRING, DOUBLE>"
        self.lake.append(STEPS, self.lake.spark.createDataFrame(row, schema))


def report_stages(spark: SparkSession, step: Step, done: threading.Event) -> None:
    """Say every few seconds how far Spark's running stages are: in a log there is no progress bar."""
    if sys.stderr.isatty():
        return
    while not done.wait(PULSE_SECONDS):
        for stage in running_stages(spark):
            step.say(stage)
