"""`operations/steps`: what every verb did for a run date, those that failed among them, and what is stale after it.

A row tells of tables, counts and models, never a value of a row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from pyspark.sql import Column, DataFrame, Row, Window
from pyspark.sql import functions as F

from jobs.lake.one_writer import Holder
from jobs.lake.tables import STEPS, Lake, source_table
from jobs.runtime.errors import LimitPassed, UserError

LINES: frozenset[str] = frozenset({"run", "nightly"})
"""Verbs that call others in order: their rows say how a night went, the others' what was written."""

FOLLOWS: Mapping[str, str] = {
    "assemble": "ingest",
    "score": "assemble",
    "explain": "score",
    "report": "score",
    "monitor": "score",
    "export": "explain",
}
"""Each step, and the one whose rows it reads."""


class Outcome(StrEnum):
    """What became of a step."""

    DONE = "done"
    LIMIT_PASSED = "limit passed"
    REFUSED = "refused"
    FAILED = "failed"
    STOPPED = "stopped"
    KILLED = "killed"


FINISHED = (Outcome.DONE, Outcome.LIMIT_PASSED)
"""After these everything that the verb writes is written."""


@dataclass(frozen=True)
class Ending:
    """How a step ended; `reason` is empty where it is simply done, `exit_code` None where nobody saw it."""

    outcome: Outcome
    exit_code: int | None
    reason: str = ""


def ending_of(error: BaseException | None) -> Ending:
    """How a step ended that raised this, or nothing."""
    match error:
        case None:
            return Ending(Outcome.DONE, 0)
        case LimitPassed():
            return Ending(Outcome.LIMIT_PASSED, error.exit_code, error.recorded)
        case UserError():
            return Ending(Outcome.REFUSED, error.exit_code, error.recorded)
        case KeyboardInterrupt() | SystemExit():
            return Ending(Outcome.STOPPED, None, "stopped from outside")
        case _:  # an error of Spark may hold a row
            return Ending(Outcome.FAILED, 1, f"{type(error).__name__}: see the log")


SCHEMA: Mapping[str, str] = {
    "run_date": "DATE",
    "verb": "STRING",
    "started": "TIMESTAMP",
    "finished": "TIMESTAMP",
    "seconds": "DOUBLE",
    "outcome": "STRING",
    "exit_code": "INT",
    "reason": "STRING",
    "rows_in": "BIGINT",
    "rows_out": "BIGINT",
    "rows_refused": "BIGINT",
    "reads": "MAP<STRING, BIGINT>",
    "writes": "MAP<STRING, BIGINT>",
    "model_version": "BIGINT",
    "model_sha256": "STRING",
    "engine": "STRING",
    "application_id": "STRING",
    "measures": "MAP<STRING, DOUBLE>",
}
"""The columns of the log, each a field of `StepRun`."""


@dataclass(frozen=True)
class StepRun:
    """A verb's run for a run_date: a row of `operations/steps`.

    Args:
        run_date: The delivery.
        verb: What was called.
        finished: When it ended, in UTC; of one that was killed, when the next one found out.
        seconds: How long it took.
        reads: Tables that it read, with their versions; none where it ran before they were kept.
        writes: Tables that it wrote, with the versions that it made.
        outcome: What became of it.
        exit_code: Of the verb; None where nobody saw it.
        reason: Why it is not simply done, in a line without any value of a row.
        model_sha256: Hash of the model that it used or made; None where it had none, or ran before this was kept.
        model_version: Of that model.
        rows_in: Rows that it was given; None where it counts none, as in the next two.
        rows_out: Rows that it wrote.
        rows_refused: Rows that it was given and refused, or could not score.
        measures: What else it counted.
        started: When it had the lake's lock, in UTC; None where that was not kept, as in the next two.
        engine: What computed.
        application_id: Spark's name for the session, as in its history server.
    """

    run_date: date
    verb: str
    finished: datetime
    seconds: float
    reads: Mapping[str, int] = field(default_factory=dict)
    writes: Mapping[str, int] = field(default_factory=dict)
    outcome: Outcome = Outcome.DONE
    exit_code: int | None = 0
    reason: str = ""
    model_sha256: str | None = None
    model_version: int | None = None
    rows_in: int | None = None
    rows_out: int | None = None
    rows_refused: int | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    started: datetime | None = None
    engine: str | None = None
    application_id: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether everything that it writes is written."""
        return self.outcome in FINISHED

    def append_to(self, lake: Lake) -> None:
        """Leave it in the lake's log."""
        values = {**vars(self), "outcome": str(self.outcome), "reason": self.reason or None}
        schema = ", ".join(f"{name} {kind}" for name, kind in SCHEMA.items())
        lake.append(STEPS, lake.spark.createDataFrame([tuple(values[name] for name in SCHEMA)], schema))


def run_of(row: Row) -> StepRun:
    """The run that a row of the log tells of."""
    maps = {name: row[name] or {} for name in ("reads", "writes", "measures")}
    return StepRun(**{**row.asDict(), **maps, "outcome": Outcome(row["outcome"]), "reason": row["reason"] or ""})


def killed(who: Holder, found: datetime) -> StepRun:
    """The run of one who held the lake and left no row.

    Args:
        who: Held it.
        found: When somebody else found out.
    """
    return StepRun(
        who.run_date,
        who.verb,
        found,
        (found - who.since).total_seconds(),
        outcome=Outcome.KILLED,
        exit_code=None,
        reason=f"process {who.process} on {who.host} ended without a word",
        started=who.since,
    )


def all_steps(lake: Lake) -> DataFrame | None:
    """Every row, with the columns of today; None where there is none."""
    if not lake.exists(STEPS):
        return None
    rows = lake.read(STEPS)
    lake.ledger.reads.pop(STEPS, None)  # who writes it reads it too
    return rows.select(*[column_of(rows, name) for name in SCHEMA])


def column_of(rows: DataFrame, name: str) -> Column:
    """A column of the log, null where a row is older than the column; what left a row then was done."""
    column = F.col(name) if name in rows.columns else F.lit(None).cast(SCHEMA[name])
    return (F.coalesce(column, F.lit(str(Outcome.DONE))) if name == "outcome" else column).alias(name)


def latest_steps(lake: Lake) -> tuple[StepRun, ...]:
    """Each verb's latest finished run for each run_date, in the order in which they ended; no line of verbs."""
    rows = all_steps(lake)
    if rows is None:
        return ()
    finished = rows.where(F.col("outcome").isin(*map(str, FINISHED)) & ~F.col("verb").isin(*LINES))
    return in_order(latest_of(finished))


def steps_of(lake: Lake, run_dates: Sequence[date]) -> tuple[StepRun, ...]:
    """All that was done for some run dates, whatever became of it, in the order in which it ended."""
    rows = all_steps(lake)
    return () if rows is None else in_order(rows.where(F.col("run_date").isin(list(run_dates))))


def latest_of(rows: DataFrame) -> DataFrame:
    """The last row of each verb and run_date."""
    latest_first = Window.partitionBy("run_date", "verb").orderBy(F.desc("finished"))
    return rows.withColumn("place", F.row_number().over(latest_first)).where("place = 1")


def last_of_each_verb(rows: DataFrame) -> DataFrame:
    """Of each verb, for whichever run date, the last row and the last finished one."""
    is_finished = F.col("outcome").isin(*map(str, FINISHED))
    latest_first = Window.partitionBy("verb", is_finished).orderBy(F.desc("finished"))
    return rows.withColumn("place", F.row_number().over(latest_first)).where("place = 1")


def in_order(rows: DataFrame) -> tuple[StepRun, ...]:
    """The rows as they ended."""
    # Without a zone, so that they are read in the session's (UTC), not in the machine's.
    moments = {name: F.col(name).cast("timestamp_ntz") for name in ("started", "finished")}
    return tuple(map(run_of, rows.select(*SCHEMA).withColumns(moments).orderBy("finished", "verb").collect()))


def stale_verbs(
    steps: Iterable[StepRun], run_date: date, delivered: Mapping[str, int] | None = None
) -> tuple[str, ...]:
    """The steps of a run_date whose input was written again after they ran.

    Args:
        steps: The latest runs.
        run_date: Whose.
        delivered: The versions of its source tables as the delivery was recorded: `ingest` may have ended before it
            could leave its row.
    """
    ran = {step.verb: step for step in steps if step.run_date == run_date}
    return tuple(
        verb
        for verb, before in FOLLOWS.items()
        if verb in ran and is_stale(ran[verb], ran.get(before), delivered if before == "ingest" else None)
    )


def is_stale(step: StepRun, before: StepRun | None, delivered: Mapping[str, int] | None = None) -> bool:
    """Whether a step read older rows than there are now: by the tables' versions, or where it ran before these were
    kept by the times."""
    written = {source_table(name): version for name, version in delivered.items()} if delivered else {}
    if before and not written:
        written = dict(before.writes)
    both = written.keys() & step.reads.keys()
    if both:
        return any(step.reads[table] < written[table] for table in both)
    return before is not None and before.finished > step.finished
