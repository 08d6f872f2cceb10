"""The estimator: boosted trees grown by as many barrier tasks as there are workers, which no one process must hold."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from features.spec import KEY, WEIGHT, Named
from jobs.lake import folds
from jobs.model.candidates import LOSS, booster_parameters, monotone, signs_of
from jobs.runtime.session import setting
from jobs.runtime.settings import Train
from jobs.scoring import batch

if TYPE_CHECKING:
    from xgboost.spark import SparkXGBClassifier, SparkXGBClassifierModel
    from xgboost.spark.summary import XGBoostTrainingSummary

PACKED = "inputs"


def boosted(rows: DataFrame, inputs: Sequence[Named], settings: Train) -> "SparkXGBClassifierModel":
    """The estimator's fit until the validation folds have not gained for a while. It stops on log loss because its
    distributed AUC is only an approximation.

    Args:
        rows: SK_ID_CURR, TARGET, part, SAMPLE_WEIGHT and the features; those of the validation folds are not learned
            from.
        inputs: The features, in order.
        settings: What the trees look like.
    """
    ends: Mapping[str, int | str] = {
        "validation_indicator_col": "is_validation",
        "early_stopping_rounds": settings.early_stopping_rounds,
    }
    return estimated(rows, inputs, settings, F.col("part") == folds.VALIDATION, ends)


def grown(rows: DataFrame, inputs: Sequence[Named], settings: Train) -> "SparkXGBClassifierModel":
    """The estimator's fit of all rounds on all of the rows."""
    return estimated(rows, inputs, settings, F.lit(False), {})


def estimated(
    rows: DataFrame, inputs: Sequence[Named], settings: Train, is_validation: Column, ends: Mapping[str, int | str]
) -> "SparkXGBClassifierModel":
    """The estimator's fit, ended as it says."""
    data = laid_out(rows, inputs, settings.num_workers, is_validation)
    with plans_as_they_are(rows.sparkSession):
        fitted: SparkXGBClassifierModel = classifier(inputs, settings, ends).fit(data)
    return fitted


def history_of(fitted: "SparkXGBClassifierModel") -> "XGBoostTrainingSummary":
    """The log loss by round."""
    history = fitted.training_summary
    assert history is not None
    return history


def laid_out(rows: DataFrame, inputs: Sequence[Named], num_workers: int, is_validation: Column) -> DataFrame:
    """The rows to fit on, where and in the order that the applicants decide: shuffled rows give the same bytes.

    The features are one array: columns would be twice the bytes to shuffle, and a thousand of each batch for Python.
    """
    packed = batch.as_array([named.name for named in inputs]).alias(PACKED)
    columns = rows.select(KEY, "TARGET", WEIGHT, is_validation.alias("is_validation"), packed)
    return columns.repartition(num_workers, KEY).sortWithinPartitions(KEY)


def plans_as_they_are(spark: SparkSession) -> AbstractContextManager[None]:
    """Without adaptive plans: xgboost asks for the number of partitions, and theirs is known once all is computed."""
    return setting(spark, "spark.sql.adaptive.enabled", "false")


def classifier(inputs: Sequence[Named], settings: Train, ends: Mapping[str, int | str]) -> "SparkXGBClassifier":
    """The estimator by the settings."""
    from xgboost.spark import SparkXGBClassifier

    parameters: dict[str, Any] = {**booster_parameters(settings), **monotone(settings, signs_of(inputs)), **ends}
    logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)
    return SparkXGBClassifier(
        features_col=PACKED,
        feature_names=[named.name for named in inputs],
        label_col="TARGET",
        weight_col=WEIGHT,
        num_workers=settings.num_workers,
        n_estimators=settings.rounds,
        eval_metric=LOSS,
        verbose=False,
        **parameters,
    )
