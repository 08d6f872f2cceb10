"""What the model expects of a delivery, stored when it is scored: what comes is held against it later."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.lake.job import Job
from jobs.lake.tables import EXPECTATIONS
from jobs.model.booster import APPROVE, DECLINE
from jobs.model.expectations import METHOD, STEP, Expected, expected
from jobs.monitoring.counting import margin_step

ALL, APPROVED, DECLINED = "all", "approved", "declined"
POPULATIONS = {ALL: (APPROVE, DECLINE), APPROVED: (APPROVE,), DECLINED: (DECLINE,)}
"""Which decisions each holds."""
BAND = "score "
BAND_POINTS = 20
"""Points of a band of scores, over which the odds double."""
AUC, BAD_RATE, APPROVAL_RATE = "auc", "bad_rate", "approval_rate"

SCHEMA = (
    "population STRING, measure STRING, expected DOUBLE, low DOUBLE, high DOUBLE, rows BIGINT, confidence DOUBLE, "
    "method STRING, threshold DOUBLE, model_version BIGINT, model_sha256 STRING"
)


def expect(job: Job, scores: DataFrame) -> None:
    """Replace what is expected of the delivery; nothing is left of one that has nobody scored.

    Args:
        job: The delivery.
        scores: Its rows of `scores`, as written.
    """
    confidence = job.settings.monitor.confidence
    steps = steps_of(scores)
    identity = scores.where("probability is not null").select("threshold", "model_version", "model_sha256").first()
    if identity is None:
        if job.lake.exists(EXPECTATIONS):
            job.lake.replace(EXPECTATIONS, job.lake.read_run_date(EXPECTATIONS, job.run_date).limit(0), job.run_date)
        return
    rows = [
        (population, measure, figure.value, figure.low, figure.high, number, confidence, METHOD, *identity)
        for population, measure, figure, number in figures_of(steps, confidence)
        if figure.is_known
    ]
    job.lake.replace(EXPECTATIONS, job.lake.spark.createDataFrame(rows, SCHEMA), job.run_date)


def steps_of(scores: DataFrame) -> pd.DataFrame:
    """step, decision, band, rows and sum of probabilities: as many rows as there are steps of the margin.

    Probabilities are added as decimals, so that no sum depends on the order of its rows.
    """
    counted = (
        scores.where("probability is not null")
        .groupBy(margin_step(STEP), "decision", band_of(F.col("score")).alias("band"))
        .agg(F.count("*").alias("rows"), F.sum(F.col("probability").cast("decimal(20,15)")).alias("bad"))
    )
    steps = counted.withColumns({"bad": F.col("bad").cast("double")}).toPandas()
    return steps.sort_values(["step", "decision", "band"], ignore_index=True)


def band_of(score: Column) -> Column:
    """The lowest score of each score's band."""
    return F.floor(score / BAND_POINTS) * BAND_POINTS


def band_name(lowest: int) -> str:
    """The population of a band."""
    return f"{BAND}{lowest} to {lowest + BAND_POINTS - 1}"


def figures_of(steps: pd.DataFrame, confidence: float) -> Iterator[tuple[str, str, Expected, int]]:
    """Population, measure, what is expected, and of how many."""
    scored = int(steps["rows"].sum())
    approved = int(steps.loc[steps["decision"] == APPROVE, "rows"].sum())
    rate = approved / scored
    yield ALL, APPROVAL_RATE, Expected(rate, rate, rate), scored  # decided already: no chance is left in it
    for population, decisions in POPULATIONS.items():
        of = expected(*by_step(steps[steps["decision"].isin(decisions)]), confidence)
        yield population, BAD_RATE, of.bad_rate, of.rows
        yield population, AUC, of.auc, of.rows
    for lowest, inside in steps.groupby("band"):
        of = expected(*by_step(inside), confidence)
        yield band_name(int(str(lowest))), BAD_RATE, of.bad_rate, of.rows


def by_step(steps: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Rows and sum of probabilities of each step, in ascending order."""
    together = steps.groupby("step", sort=True)[["rows", "bad"]].sum()
    return together["rows"].to_numpy(dtype=np.float64), together["bad"].to_numpy(dtype=np.float64)
