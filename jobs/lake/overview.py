"""All nights of a lake, read at once: a few small tables, however many deliveries there are."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from pyspark.sql import functions as F

from features import TABLES
from jobs.lake.contents import ACCEPTED, TableState
from jobs.lake.step_log import LINES, StepRun, all_steps, in_order
from jobs.lake.tables import CHECKS, DELIVERIES, Lake

REFUSED = "refused"
WRITES_OF: Mapping[str, str] = {"assemble": "features", "score": "scores", "explain": "explanations"}
"""Verbs, each with the table of its rows."""


@dataclass(frozen=True)
class Delivery:
    """A delivery as it was published, and all that was done for its run date.

    Args:
        run_date: Which.
        source: Where its files were.
        versions: Of each source table.
        accepted: Rows of each source table, as `ingest` counted them.
        refused: Rows of each that went to quarantine.
        steps: All runs of verbs, in the order in which they ended.
    """

    run_date: date
    source: str
    versions: Mapping[str, int]
    accepted: Mapping[str, int]
    refused: Mapping[str, int]
    steps: tuple[StepRun, ...]

    @property
    def finished(self) -> Mapping[str, StepRun]:
        """The last finished run of each verb; no line of verbs."""
        return {step.verb: step for step in self.steps if step.is_finished and step.verb not in LINES}

    @property
    def last(self) -> StepRun | None:
        """What ended last, whatever became of it."""
        return self.steps[-1] if self.steps else None

    def tables(self) -> Iterator[TableState]:
        """The source tables at their versions, then the tables made from them, as far as verbs say that they are."""
        for table in TABLES:
            if table.name in self.versions:
                rows, refused = self.accepted.get(table.name, 0), self.refused.get(table.name, 0)
                yield TableState(table.name, self.versions[table.name], rows, refused)
        for verb, name in WRITES_OF.items():
            step = self.finished.get(verb)
            if step is not None:
                yield TableState(name, step.writes.get(name), rows_of(step))


def rows_of(step: StepRun) -> int:
    """The rows of the table that a step wrote; of before they were kept, as it counted them."""
    if step.verb == "score":
        return int(step.measures.get("applicants", 0))
    written = step.rows_out
    return int(written if written is not None else next(iter(step.measures.values()), 0))


def overview(lake: Lake) -> tuple[Delivery, ...]:
    """Every delivery of the lake, the newest first."""
    if not lake.exists(DELIVERIES):
        return ()
    deliveries = lake.read(DELIVERIES).select("run_date", "source", "versions").collect()
    rows = all_steps(lake)
    steps: dict[date, list[StepRun]] = {}
    for step in in_order(rows) if rows is not None else ():
        steps.setdefault(step.run_date, []).append(step)
    counts = counted(lake)
    return tuple(
        Delivery(
            row["run_date"],
            row["source"],
            json.loads(row["versions"]),
            counts.get((row["run_date"], ACCEPTED), {}),
            counts.get((row["run_date"], REFUSED), {}),
            tuple(steps.get(row["run_date"], ())),
        )
        for row in sorted(deliveries, key=lambda row: row["run_date"], reverse=True)
    )


def counted(lake: Lake) -> dict[tuple[date, str], dict[str, int]]:
    """By run date and check the rows of each source table that it counted, of those deliveries that are published."""
    if not lake.exists(CHECKS):
        return {}
    rows = lake.read(CHECKS).where(F.col("check").isin(ACCEPTED, REFUSED)).groupBy("run_date", "check", "source")
    counts: dict[tuple[date, str], dict[str, int]] = {}
    for row in rows.agg(F.sum("rows").alias("rows")).collect():
        counts.setdefault((row["run_date"], row["check"]), {})[row["source"]] = row["rows"]
    return counts
