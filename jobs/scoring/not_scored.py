"""New applicants without a score, and why: a feature that no tree can read, or no row that features are made of."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features import DECLARED
from features.contract import ERRORS, ERRORS_TYPE, LINE, typed
from features.spec import KEY, TARGET
from jobs.lake.contents import applicants_of
from jobs.lake.tables import Lake, quarantine_table
from jobs.runtime.session import engine_of_this_process

REASON = "reason_not_scored"
IN_QUARANTINE = f"the row in {DECLARED.application.name} is in quarantine"
UNNAMED = f"{IN_QUARANTINE} and does not say whose it is"
NOT_ASSEMBLED = "the feature table is older than the delivery: assemble, then score"


@dataclass(frozen=True)
class NotScored:
    """How many new applicants of a delivery have no score for the same reason."""

    reason: str
    applicants: int

    def __str__(self) -> str:
        """As a line says it."""
        return f"{self.applicants:,}: {self.reason}"


def without_features(lake: Lake, run_date: date, assembled: DataFrame) -> DataFrame:
    """SK_ID_CURR and why, once for each new applicant of a delivery whom the feature table does not have.

    Args:
        lake: Where the delivery is.
        run_date: Which.
        assembled: SK_ID_CURR of everybody whom the feature table has of it.
    """
    delivered, assembled = applicants_of(lake, run_date, lake.delivery(run_date)), assembled.select(KEY)
    late = delivered.where(F.col(TARGET).isNull()).join(assembled, on=KEY, how="left_anti")
    known = delivered.select(KEY).unionByName(assembled)
    lost = named_in_quarantine(new_in_quarantine(lake, run_date)).join(known, on=KEY, how="left_anti")
    return late.select(KEY, F.lit(NOT_ASSEMBLED).alias(REASON)).unionByName(lost)


def new_in_quarantine(lake: Lake, run_date: date) -> DataFrame:
    """SK_ID_CURR and `ERRORS` of each row in the delivery's quarantine that no TARGET is known of, in whichever file.

    SK_ID_CURR is null where the row does not say whose it is: in a broken line nobody knows which cell it would be.
    """
    application = DECLARED.application
    if not lake.exists(quarantine_table(application.name)):
        return lake.spark.createDataFrame([], f"{KEY} BIGINT, {ERRORS} {ERRORS_TYPE}")
    cast = engine_of_this_process().cast
    key, target = (typed(application.column(name), F.col(name), cast) for name in (KEY, TARGET))
    is_named = (F.get(ERRORS, F.lit(0))["column"] != LINE) & (key > 0)
    rows = lake.read_run_date(quarantine_table(application.name), run_date).where(target.isNull())
    return rows.select(F.when(is_named, key).alias(KEY), ERRORS)


def named_in_quarantine(rows: DataFrame) -> DataFrame:
    """SK_ID_CURR and why, once for each applicant of `new_in_quarantine`; why names columns and problems, no cell."""
    problems = F.transform(ERRORS, lambda error: F.concat_ws(" ", error["column"], error["problem"]))
    why = F.concat_ws("; ", F.array_distinct(problems))
    people = rows.where(F.col(KEY).isNotNull()).select(KEY, why.alias("why")).groupBy(KEY)
    return people.agg(F.concat(F.lit(f"{IN_QUARANTINE}: "), F.min("why")).alias(REASON))


def not_scored(lake: Lake, run_date: date, scores: DataFrame) -> tuple[NotScored, ...]:
    """The reasons in a delivery's rows of `scores`, the most frequent first, then the rows that name nobody."""
    counts = scores.where("probability is null").groupBy(REASON).count().orderBy(F.desc("count"), REASON).collect()
    unnamed = new_in_quarantine(lake, run_date).where(F.col(KEY).isNull()).count()
    return (
        *(NotScored(row[REASON], row["count"]) for row in counts),
        *([NotScored(UNNAMED, unnamed)] if unnamed else []),
    )
