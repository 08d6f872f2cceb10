"""The estimator: boosted trees grown by as many barrier tasks as there are workers, which no one process must hold."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column, DataFrame, SparkSession

from features.spec import KEY, WEIGHT, Named
from jobs.model.candidates import LOSS, Grown, booster_parameters, monotone, signs_of
from jobs.runtime.session import setting
from jobs.runtime.settings import Train
from jobs.training.packed import STOPS, VALUES, packed

if TYPE_CHECKING:
    from xgboost.spark import SparkXGBClassifier, SparkXGBClassifierModel


def fit_across_workers(
    rows: DataFrame, inputs: Sequence[Named], settings: Train, is_validation: Column | None
) -> Grown:
    """The estimator's fit. It stops on log loss because its distributed AUC is only an approximation.

    Args:
        rows: SK_ID_CURR, TARGET, SAMPLE_WEIGHT, the features and what `is_validation` reads.
        inputs: The features, in order.
        settings: What the trees look like.
        is_validation: Whose log loss ends the fit; None where nobody's does.
    """
    fitted = estimated(rows, inputs, settings, is_validation)
    history = fitted.training_summary
    assert history is not None
    stops = history.validation_objective_history
    return Grown(fitted.get_booster(), history.train_objective_history[LOSS], stops.get(LOSS, ()))


def estimated(
    rows: DataFrame, inputs: Sequence[Named], settings: Train, is_validation: Column | None
) -> "SparkXGBClassifierModel":
    """What the estimator makes; see `fit_across_workers`."""
    ends: Mapping[str, int | str] = {
        "validation_indicator_col": STOPS,
        "early_stopping_rounds": settings.early_stopping_rounds,
    }
    data = laid_out(packed(rows, inputs, is_validation), settings.num_workers)
    with plans_as_they_are(rows.sparkSession):
        fitted: SparkXGBClassifierModel = classifier(inputs, settings, {} if is_validation is None else ends).fit(data)
    return fitted


def laid_out(rows: DataFrame, num_workers: int) -> DataFrame:
    """The rows to fit on, where and in the order that the applicants decide: shuffled rows give the same bytes."""
    return rows.repartition(num_workers, KEY).sortWithinPartitions(KEY)


def plans_as_they_are(spark: SparkSession) -> AbstractContextManager[None]:
    """Without adaptive plans: xgboost asks for the number of partitions, and theirs is known once all is computed."""
    return setting(spark, "spark.sql.adaptive.enabled", "false")


def classifier(inputs: Sequence[Named], settings: Train, ends: Mapping[str, int | str]) -> "SparkXGBClassifier":
    """The estimator by the settings."""
    from xgboost.spark import SparkXGBClassifier

    parameters: dict[str, Any] = {**booster_parameters(settings), **monotone(settings, signs_of(inputs)), **ends}
    logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)
    return SparkXGBClassifier(
        features_col=VALUES,
        feature_names=[named.name for named in inputs],
        label_col="TARGET",
        weight_col=WEIGHT,
        num_workers=settings.num_workers,
        n_estimators=settings.rounds,
        eval_metric=LOSS,
        verbose=False,
        **parameters,
    )
