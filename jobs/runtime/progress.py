"""What an operator sees of a step while it runs.

A terminal shows one line with a bar, of which the last thing said stays: the step's result. A log is given every line,
and every while how far Spark's stages are. The log file of the process gets all lines in both cases.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from jobs.runtime.session import Stage
from jobs.runtime.settings import Log

LOOK_SECONDS = 0.5
"""Between two looks at Spark's stages, for the bar."""
PULSE_SECONDS = 30.0
"""Between two lines of a log about them."""
BAR_WIDTH = 20

Stages = Callable[[], Iterable[Stage]]


TEXT: Final = Log(format="text")
Level = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Said:
    """A line of progress.

    Args:
        verb: Who says it.
        seconds: How long after his start.
        text: What.
        level: How much it matters.
        recorded: What a log collector is given in place of the text, where that shows what a row holds.
    """

    verb: str
    seconds: float
    text: str
    level: Level = "info"
    recorded: str | None = None

    def __str__(self) -> str:
        """As people read it."""
        mark = "" if self.level == "info" else f"{self.level}: "
        return f"{self.verb:>9} {self.seconds:6.1f} s  {mark}{self.text}"

    def as_json(self) -> str:
        """As a log collector reads it, in one line."""
        line = {
            "time": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds"),
            "level": self.level,
            "verb": self.verb,
            "seconds": round(self.seconds, 1),
            "message": self.text if self.recorded is None else self.recorded,
        }
        return json.dumps(line, ensure_ascii=False)


class Lines:
    """Progress as plain lines, all of which stay."""

    def say(self, said: Said) -> None:
        """Show a line."""
        print(said, file=sys.stderr, flush=True)

    warn = say

    @contextmanager
    def watching(self, stages: Stages, say: Callable[[str], None]) -> Iterator[None]:
        """Say every while, until the end of the block, how far the stages are."""

        def pulse() -> None:
            running = list(stages())
            if running:
                done, tasks = tasks_of(running)
                say(f"Spark's stage {', '.join(str(stage.number) for stage in running)}: {done} of {tasks} tasks")

        with repeated(pulse, PULSE_SECONDS):
            yield
        say("done")


class JsonLines(Lines):
    """Progress as one JSON object a line, on a terminal too: somebody has asked for it."""

    def say(self, said: Said) -> None:
        """Show a line."""
        print(said.as_json(), file=sys.stderr, flush=True)

    warn = say


@dataclass
class Bar:
    """Progress as one line of a terminal. What was said is shown again where the step fails."""

    verb: str
    console: Console
    lines: list[Said] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Lay out the line."""
        text = Column(no_wrap=True, overflow="ellipsis")
        self.progress = Progress(
            TextColumn("{task.description:>9} {task.elapsed:6.1f} s", markup=False),
            BarColumn(BAR_WIDTH),
            TextColumn("{task.fields[text]}", markup=False, table_column=text),
            console=self.console,
            transient=True,
        )
        self.task: TaskID = self.progress.add_task(self.verb, total=None, text="")

    def say(self, said: Said) -> None:
        """Show a line until the next one."""
        self.lines.append(said)
        self.progress.update(self.task, text=said.text)

    def warn(self, said: Said) -> None:
        """Show a line that stays, above the bar."""
        self.leave(said)

    def leave(self, said: Said) -> None:
        """Write a line as it is, however long."""
        self.console.print(str(said), markup=False, soft_wrap=True)

    @contextmanager
    def watching(self, stages: Stages, _say: Callable[[str], None]) -> Iterator[None]:
        """Move the bar with the stages' tasks until the end of the block."""

        def look() -> None:
            done, tasks = tasks_of(stages())
            self.progress.update(self.task, completed=done, total=tasks or None)

        try:
            with self.progress, repeated(look, LOOK_SECONDS):
                yield
            self.lines = self.lines[-1:]
        finally:
            for said in self.lines:
                self.leave(said)


def tasks_of(stages: Iterable[Stage]) -> tuple[int, int]:
    """How many tasks are done, and how many there are."""
    running = list(stages)
    return sum(stage.done for stage in running), sum(stage.tasks for stage in running)


def display_of(verb: str, log: Log = TEXT) -> Lines | Bar:
    """How progress is shown where standard error goes."""
    if log.format == "json":
        return JsonLines()
    return Bar(verb, Console(stderr=True, highlight=False)) if on_terminal() else Lines()


def on_terminal() -> bool:
    """Whether somebody sees standard error on a terminal that can move its cursor."""
    console = Console(stderr=True)
    return console.is_terminal and not console.is_dumb_terminal


@contextmanager
def repeated(look: Callable[[], None], seconds: float) -> Iterator[None]:
    """Call a function every few seconds, in a thread of its own, until the end of the block."""
    done = threading.Event()

    def go_on() -> None:
        while not done.wait(seconds):
            look()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
