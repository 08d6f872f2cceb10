"""How many applicants each labelled one of a delivery stands for, where the lender says so and the settings ask for it.

A labelled applicant may be one of ten that were drawn, or stand for those who were refused before (reject inference).
"""

from datetime import date
from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.spec import KEY, WEIGHT
from jobs.lake.tables import Lake, source_table
from jobs.runtime.errors import UserError

# Sums of doubles differ by the order of their rows in the last bit; sums of these don't.
EXACT = "decimal(38,12)"
WITHOUT = "train without weights by --set train.weight="


def with_weights(rows: DataFrame, lake: Lake, run_date: date, column: str) -> DataFrame:
    """Labelled applicants with `WEIGHT` beside them, in units of the mean: what one weighs says nothing by itself, and
    penalties keep their meaning. Who stands for nobody is left out.

    Args:
        rows: SK_ID_CURR and whatever else of the delivery's labelled applicants.
        lake: Where the delivery is.
        run_date: The delivery.
        column: `train.weight`; empty: each stands for one.

    Raises:
        UserError: The delivery has no such column, somebody has no weight, or nobody weighs anything.
    """
    if not column:
        return rows.withColumn(WEIGHT, F.lit(1.0))
    application = lake.read_run_date(source_table("application"), run_date, lake.delivery(run_date)["application"])
    if column not in application.columns:
        raise UserError(not_delivered(column, run_date))
    delivered = application.select(KEY, F.col(column).alias(WEIGHT))
    weighed = rows.join(F.broadcast(delivered), on=KEY, how="left")
    mean = mean_of(weighed, column, run_date)
    return weighed.where(F.col(WEIGHT) > 0).withColumn(WEIGHT, F.col(WEIGHT) / F.lit(mean))


def mean_of(weighed: DataFrame, column: str, run_date: date) -> float:
    """The mean weight of those who stand for somebody.

    Raises:
        UserError: As `with_weights`.
    """
    weight = F.col(WEIGHT)
    counted = weighed.agg(
        F.count("*").alias("rows"),
        F.count_if(weight.isNull()).alias("unknown"),
        F.min(F.when(weight.isNull(), F.col(KEY))).alias("such_as"),
        F.count_if(weight > 0).alias("counting"),
        F.sum(weight.cast(EXACT)).alias("total"),
    ).first()
    assert counted is not None
    rows, unknown = counted["rows"], counted["unknown"]
    if rows and unknown == rows:
        raise UserError(not_delivered(column, run_date))
    if unknown:
        said = f"{column} is empty for {unknown:,} of {rows:,} labelled applicants of {run_date}"
        instead = "write 1 for who stands for one, 0 for who is to be left out"
        raise UserError(f"{said}, such as {counted['such_as']}: {instead}, or {WITHOUT}", f"{said}: {instead}")
    total: Decimal = counted["total"] or Decimal(0)
    if rows and not total:
        raise UserError(
            f"{column} is 0 for all {rows:,} labelled applicants of {run_date}, so that nobody is left to learn from: "
            f"write above 0 how many each stands for, or {WITHOUT}"
        )
    counting: int = counted["counting"]
    return float(total) / max(1, counting)


def not_delivered(column: str, run_date: date) -> str:
    """What is said where no labelled applicant has a weight."""
    return (
        f"train.weight names {column}, which application_train.csv of {run_date} came without: ingest it with the "
        f"column, or {WITHOUT}"
    )


def summed(weight: str, where: str = "true") -> str:
    """SQL of an exact sum of the weights where it holds."""
    return f"sum(case when {where} then cast({weight} as {EXACT}) end)"
