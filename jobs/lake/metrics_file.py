"""What a monitoring system is told of a lake, as Prometheus's text format, for node_exporter's textfile collector.

The file always holds the last end of every verb, whichever process writes it, so that no series comes and goes.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Final

from jobs.lake.step_log import StepRun, all_steps, in_order, last_of_each_verb
from jobs.lake.tables import Lake

PREFIX: Final = "home_credit_step"
SERIES: Final = {
    "finished_timestamp_seconds": "When the verb ended last, whatever became of it",
    "done_timestamp_seconds": "When the verb last wrote all that it writes",
    "duration_seconds": "How long it took",
    "exit_code": "Its exit code; -1 where it was killed",
    "run_date_timestamp_seconds": "The delivery that it was for, at midnight UTC",
    "rows": "Rows that it was given, wrote and refused",
    "measure": "What else it counted",
}
"""Each is a gauge, by lake and verb."""


def write_metrics(file: Path, lake: Lake) -> None:
    """Write the file whole, or leave the one that is there."""
    rows = all_steps(lake)
    steps = in_order(last_of_each_verb(rows)) if rows is not None else ()
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")  # the collector reads *.prom alone
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished.write_text("".join(f"{line}\n" for line in lines(lake.root, steps)), encoding="utf-8")
    unfinished.replace(file)


def lines(lake: str, steps: Sequence[StepRun]) -> Iterator[str]:
    """The file's lines.

    Args:
        lake: Its address.
        steps: Of each verb the last one that ended, and the last one that was done.
    """
    last = {step.verb: step for step in steps}
    done = {step.verb: step for step in steps if step.is_finished}
    for name, about in SERIES.items():
        yield f"# HELP {PREFIX}_{name} {about}"
        yield f"# TYPE {PREFIX}_{name} gauge"
        for step in (done if name == "done_timestamp_seconds" else last).values():
            for label, value in values(name, step):
                yield f'{PREFIX}_{name}{{lake="{escaped(lake)}",verb="{step.verb}"{label}}} {value:.15g}'


def values(name: str, step: StepRun) -> Iterator[tuple[str, float]]:
    """The values of one series for a step, each with the label that tells it from the others."""
    match name:
        case "finished_timestamp_seconds" | "done_timestamp_seconds":
            yield "", step.finished.replace(tzinfo=UTC).timestamp()
        case "duration_seconds":
            yield "", step.seconds
        case "exit_code":
            yield "", -1 if step.exit_code is None else step.exit_code
        case "run_date_timestamp_seconds":
            yield "", datetime.combine(step.run_date, time(), UTC).timestamp()
        case "rows":
            counts = {"in": step.rows_in, "out": step.rows_out, "refused": step.rows_refused}
            yield from ((f',kind="{kind}"', rows) for kind, rows in counts.items() if rows is not None)
        case _:
            yield from ((f',name="{escaped(of)}"', value) for of, value in step.measures.items())


def escaped(text: str) -> str:
    """A label's value."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
