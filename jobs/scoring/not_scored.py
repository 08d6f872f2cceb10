"""New applicants without a score, and why: a feature that no tree can read, or a row that broke its contract."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features import DECLARED
from features.contract import ERRORS, FILE, typed
from features.spec import KEY, TARGET
from jobs.lake.tables import Lake, quarantine_table

REASON = "reason_not_scored"


@dataclass(frozen=True)
class NotScored:
    """How many new applicants of a delivery have no score for the same reason."""

    reason: str
    applicants: int

    def __str__(self) -> str:
        """As a line says it."""
        return f"{self.applicants:,}: {self.reason}"


def in_quarantine(lake: Lake, run_date: date) -> DataFrame | None:
    """SK_ID_CURR and why, once for each new applicant whose row is in the delivery's quarantine; None for none.

    The reason names columns and what is wrong with them, no cell. A row whose SK_ID_CURR can't be read is nobody's.
    """
    application = DECLARED.application
    if not lake.exists(quarantine_table(application.name)):
        return None
    rows = lake.read_run_date(quarantine_table(application.name), run_date)
    new = rows.where(F.col(FILE).isin(*application.column(TARGET).absent_from))
    problems = F.transform(ERRORS, lambda error: F.concat_ws(" ", error["column"], error["problem"]))
    why = F.concat_ws("; ", F.array_distinct(problems))
    people = new.select(typed(application.column(KEY), F.col(KEY)).alias(KEY), why.alias("why")).where(F.col(KEY) > 0)
    reason = F.concat(F.lit(f"the row in {application.name} is in quarantine: "), F.min("why"))
    return people.groupBy(KEY).agg(reason.alias(REASON))


def with_quarantined(
    scored: DataFrame, applicants: DataFrame, quarantined: DataFrame | None, threshold: float
) -> DataFrame:
    """The scored rows, and one without a score for each applicant of whom the delivery has no row but in quarantine.

    Args:
        scored: As `batch.scored`.
        applicants: SK_ID_CURR of everybody in the delivery.
        quarantined: As `in_quarantine`.
        threshold: The probability from which an applicant is declined.
    """
    if quarantined is None:
        return scored
    lost = quarantined.join(applicants.select(KEY), on=KEY, how="left_anti")
    return scored.unionByName(lost.withColumn("threshold", F.lit(threshold)), allowMissingColumns=True)


def not_scored(scores: DataFrame) -> tuple[NotScored, ...]:
    """The reasons in rows of `scores`, the most frequent first."""
    counts = scores.where("probability is null").groupBy(REASON).count().orderBy(F.desc("count"), REASON).collect()
    return tuple(NotScored(row[REASON], row["count"]) for row in counts)
