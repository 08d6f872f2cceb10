"""What a model's twins said of the applicants that it was measured by: kept in the lake, for the model can't be asked.

A model that was fitted on all labelled applicants knows them. Its twins are of the same trees and were fitted without
those whom they were asked about (Stone 1974, Cross-validatory choice and assessment of statistical predictions, JRSS B
36). They are not kept; what they said is, by the hash of the model's file.
"""

from collections.abc import Mapping
from datetime import date

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.spec import KEY
from jobs.lake import folds
from jobs.lake.job import Job
from jobs.lake.model_rows import read_inputs
from jobs.lake.tables import TWINS, Lake
from jobs.model.booster import Model
from jobs.model.measured_on import MeasuredOn
from jobs.registry.runs import Training
from jobs.runtime.errors import NotKept
from jobs.scoring import batch

COLUMNS: Mapping[str, str] = {
    "TARGET": "Whether the applicant had payment difficulties",
    "probability": "P(TARGET = 1) by a twin of the model that was fitted without the applicant",
    "model_sha256": "Hash of the model's file",
}


def keep_twins(job: Job, model: Model, measured: pd.DataFrame) -> None:
    """Put what a model's twins said in place of what is kept of a model with these bytes.

    Args:
        job: The delivery that it learned from.
        model: The model.
        measured: SK_ID_CURR, TARGET and probability.
    """
    rows = job.lake.spark.createDataFrame(measured[[KEY, "TARGET", "probability"]], batch.MEASURED)
    job.lake.replace(TWINS, rows, job.run_date, COLUMNS, of={"model_sha256": model.sha256})


def twins_of(lake: Lake, training: Training) -> DataFrame | None:
    """As `said_by_twins`, of a training's model; None where it was measured itself."""
    return said_by_twins(lake, training.run_date, training.sha256) if training.measured_on.is_by_twins else None


def said_by_twins(lake: Lake, run_date: date, sha256: str) -> DataFrame:
    """SK_ID_CURR, TARGET and probability of the applicants that a model was measured by.

    Raises:
        NotKept: They are not in the lake any more.
    """
    if lake.exists(TWINS):
        kept = lake.read_run_date(TWINS, run_date).where(F.col("model_sha256") == sha256)
        if not kept.isEmpty():
            return kept.select(KEY, "TARGET", "probability")
    raise NotKept(
        f"{lake.path(TWINS)} holds nothing of {run_date} for the model {sha256[:12]}...: what it was measured by is "
        f"gone, train {run_date} again"
    )


def measured_by(lake: Lake, training: Training, model: Model) -> pd.DataFrame:
    """SK_ID_CURR, TARGET and probability of the applicants that a model was measured by, in their order."""
    twins = twins_of(lake, training)
    if twins is not None:
        return twins.toPandas().sort_values(KEY, ignore_index=True)
    rows = read_inputs(lake, model.features, training.run_date, training.features_version)
    return batch.measured(measured_rows(rows, training), model)


def measured_rows(rows: DataFrame, training: Training) -> DataFrame:
    """Those of a training's labelled applicants that its model was measured by.

    Args:
        rows: SK_ID_CURR, TARGET and whatever else of its delivery.
        training: The model's.
    """
    labelled = rows.where(F.col("TARGET").isNotNull())
    if training.measured_on is MeasuredOn.OUT_OF_FOLD:
        return labelled
    return labelled.where(folds.part(training.split) == folds.TEST)


def unseen_by(lake: Lake, rows: DataFrame, run_date: date, training: Training) -> DataFrame:
    """Those of the rows for whom a model, or a twin of it, can be asked: it didn't learn from them. And new ones.

    Args:
        lake: The model's.
        rows: SK_ID_CURR, TARGET (null for new applicants) and whatever else of a delivery.
        run_date: The delivery.
        training: The model's.
    """
    match training.measured_on:
        case MeasuredOn.OUT_OF_FOLD if run_date == training.run_date:
            return rows
        case MeasuredOn.TEST_FOLDS_BY_TWIN if run_date == training.run_date:
            return folds.unseen(rows, training.split)
        case MeasuredOn.TEST_FOLDS:
            return folds.unseen(rows, training.split)
        case _:
            delivered = read_inputs(lake, (), training.run_date, training.features_version)
            learned = delivered.where("TARGET is not null").select(F.col(KEY).alias("learned"))
            return rows.join(learned, on=F.expr(f"{KEY} = learned and TARGET is not null"), how="left_anti")


def by_twins_where_they_said(scored: DataFrame, twins: DataFrame | None) -> DataFrame:
    """The rows, with the twins' probability of those whom they were asked about: the model may have learned from them.

    Args:
        scored: SK_ID_CURR, TARGET (null for new applicants, who stay as they are), the model's probability and others.
        twins: SK_ID_CURR and probability; None where the model learned from none of the rows.
    """
    if twins is None:
        return scored
    said = twins.select(KEY, F.col("probability").alias("by_twin"))
    is_labelled = F.col("TARGET").isNotNull()
    return (
        scored.join(F.broadcast(said), on=KEY, how="left")
        .withColumn("probability", F.coalesce(F.when(is_labelled, F.col("by_twin")), "probability"))
        .drop("by_twin")
    )
