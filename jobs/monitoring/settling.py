"""What was expected of each delivery, and what came of it: settled once enough of it is known."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from features.spec import KEY, TARGET
from jobs.lake.job import Job
from jobs.lake.tables import EXPECTATIONS, MONTHS_ON_BOOK, OUTCOMES, SCORES, SETTLED, VINTAGES, Lake
from jobs.model.booster import APPROVE
from jobs.model.expectations import STEP
from jobs.model.realised import Realised, realised
from jobs.monitoring.counting import margin_step
from jobs.monitoring.expecting import ALL, APPROVED, AUC, BAD_RATE, POPULATIONS, band_name, band_of
from jobs.monitoring.outcomes import OBSERVED

INSIDE, OUTSIDE, NOT_YET = "inside", "outside", "not yet"
COUNTED = ("known", "bad")

SETTLED_SCHEMA = (
    "run_date DATE, vintage STRING, population STRING, measure STRING, expected DOUBLE, low DOUBLE, high DOUBLE, "
    "realised DOUBLE, rows BIGINT, known BIGINT, outcome STRING"
)
VINTAGES_SCHEMA = "vintage STRING, population STRING, measure STRING, realised DOUBLE, rows BIGINT, known BIGINT"
MONTHS_SCHEMA = "vintage STRING, month_on_book INT, known BIGINT, bad BIGINT, approved BIGINT"


def settle(job: Job) -> Iterator[str]:
    """Replace the tables of what was expected and what came, of all deliveries; says each that settled, in a line.

    A delivery's figure is settled when the outcomes of `monitor.settled_share` of its population are known: before,
    those that are known are the ones that went bad early.
    """
    steps = steps_with_outcomes(job.lake)
    expected = read_expectations(job.lake)
    rows = list(settled_rows(steps, expected, job.settings.monitor.settled_share))
    spark = job.lake.spark
    job.lake.replace_all(SETTLED, spark.createDataFrame(rows, SETTLED_SCHEMA))
    job.lake.replace_all(VINTAGES, spark.createDataFrame(list(vintage_rows(steps)), VINTAGES_SCHEMA))
    job.lake.replace_all(MONTHS_ON_BOOK, months_on_book(job.lake))
    return (said(row) for row in rows if row[2] in {ALL, APPROVED} and row[3] in {AUC, BAD_RATE} and row[-1] != NOT_YET)


def vintage_of(run_date: Column) -> Column:
    """The month of a run date, as 2018-05."""
    return F.date_format(run_date, "yyyy-MM")


def with_outcomes(lake: Lake) -> DataFrame:
    """The scored applicants of the deliveries of which any outcome is known, with TARGET and observed_on, or null."""
    outcomes = lake.read(OUTCOMES).select(KEY, "run_date", TARGET, OBSERVED)
    told = outcomes.select("run_date").distinct()
    scores = lake.read(SCORES).where("probability is not null").join(F.broadcast(told), on="run_date", how="left_semi")
    return scores.join(outcomes, on=[KEY, "run_date"], how="left")


def steps_with_outcomes(lake: Lake) -> pd.DataFrame:
    """run_date, vintage, step, decision, band, rows, known, bad and the sums of probabilities of the known, collected:
    as many rows as there are steps of the margin. Probabilities are added as decimals, whatever the order of rows."""
    known = F.col(TARGET).isNotNull()
    counted = (
        with_outcomes(lake)
        .groupBy(
            "run_date",
            vintage_of(F.col("run_date")).alias("vintage"),
            margin_step(STEP),
            "decision",
            band_of(F.col("score")).alias("band"),
        )
        .agg(
            F.count("*").alias("rows"),
            F.count_if(known).alias("known"),
            F.count_if(F.col(TARGET) == 1).alias("bad"),
            F.coalesce(F.sum(F.when(known, F.col("probability").cast("decimal(20,15)"))), F.lit(0))
            .cast("double")
            .alias("likely"),
        )
    )
    return counted.toPandas().sort_values(["run_date", "step", "decision", "band"], ignore_index=True)


def read_expectations(lake: Lake) -> list[Row]:
    """What was expected, of each run_date, population and measure; none of deliveries that were scored before."""
    if not lake.exists(EXPECTATIONS):
        return []
    return lake.read(EXPECTATIONS).select("run_date", "population", "measure", "expected", "low", "high").collect()


def populations_of(steps: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each population with its steps: all, by decision, and by band of scores."""
    for name, decisions in POPULATIONS.items():
        yield name, steps[steps["decision"].isin(decisions)]
    for lowest, inside in steps.groupby("band"):
        yield band_name(int(str(lowest))), inside


def realised_of(steps: pd.DataFrame) -> Realised:
    """What came of those of the steps whose outcome is known."""
    together = steps[steps["known"] > 0].groupby("step", sort=True)[["known", "bad", "likely"]].sum()
    return realised(*(together[name].to_numpy(dtype=np.float64) for name in ("known", "bad", "likely")))


def measures_of(found: Realised) -> dict[str, float]:
    """The measures that there are, by name."""
    return {name: value for name, value in asdict(found).items() if name not in COUNTED and value is not None}


def settled_rows(steps: pd.DataFrame, expected: Sequence[Row], share: float) -> Iterator[tuple[object, ...]]:
    """Rows of `SETTLED_SCHEMA`: each delivery, population and measure, in order."""
    stored: dict[tuple[object, ...], tuple[float, float, float]] = {
        (row["run_date"], row["population"], row["measure"]): (row["expected"], row["low"], row["high"])
        for row in expected
    }
    for (run_date, vintage), of_delivery in steps.groupby(["run_date", "vintage"], sort=True):
        for population, inside in populations_of(of_delivery):
            number, found = int(inside["rows"].sum()), realised_of(inside)
            enough = found.known >= share * number
            for measure, value in measures_of(found).items():
                said_before = stored.get((run_date, population, measure))
                yield (
                    *(run_date, vintage, population, measure),
                    *(said_before or (None, None, None)),
                    *(value, number, found.known),
                    verdict(value, said_before, enough),
                )


def verdict(value: float, said_before: tuple[float, float, float] | None, enough: bool) -> str | None:
    """Whether what came is within what was expected; None where nothing was."""
    if said_before is None:
        return None
    if not enough:
        return NOT_YET
    _, low, high = said_before
    return INSIDE if low <= value <= high else OUTSIDE


def vintage_rows(steps: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """Rows of `VINTAGES_SCHEMA`: the deliveries of a month together."""
    for vintage, of_month in steps.groupby("vintage", sort=True):
        for population, inside in populations_of(of_month):
            number, found = int(inside["rows"].sum()), realised_of(inside)
            for measure, value in measures_of(found).items():
                yield vintage, population, measure, value, number, found.known


def months_on_book(lake: Lake) -> DataFrame:
    """Of each vintage's approved: whose outcome was known, and bad, by the end of each month after the delivery."""
    months = F.floor(F.months_between(OBSERVED, "run_date")).cast("int")
    approved = with_outcomes(lake).where(F.col("decision") == APPROVE)
    by_month = approved.groupBy(vintage_of(F.col("run_date")).alias("vintage"), months.alias("month_on_book")).agg(
        F.count("*").alias("rows"), F.count_if(F.col(TARGET) == 1).alias("bad")
    )
    earlier = by_month.select(
        "vintage", *[F.col(name).alias(f"earlier_{name}") for name in ("month_on_book", "rows", "bad")]
    )
    upto = by_month.join(earlier, on="vintage", how="inner")
    is_earlier = F.col("earlier_month_on_book") <= F.col("month_on_book")
    return (
        upto.where(F.col("month_on_book").isNotNull())
        .groupBy("vintage", "month_on_book")
        .agg(
            F.sum(F.when(is_earlier, F.col("earlier_rows")).otherwise(0)).alias("known"),
            F.sum(F.when(is_earlier, F.col("earlier_bad")).otherwise(0)).alias("bad"),
            F.sum("earlier_rows").alias("approved"),
        )
    )


def said(row: tuple[object, ...]) -> str:
    """A settled figure as a person reads it."""
    run_date, _, population, measure, expected, low, high, value, *_, outcome = row
    words = {AUC: "AUC", BAD_RATE: "bad rate"}[str(measure)]
    digits = ".3f" if measure == AUC else ".1%"
    figures = [format(float(str(number)), digits) for number in (expected, low, high, value)]
    return (
        f"{run_date}, {population}, {words}: expected {figures[0]} ({figures[1]} to {figures[2]}), realised "
        f"{figures[3]}: {outcome}"
    )
