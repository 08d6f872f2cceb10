"""The last fit: boosted trees on all rows, by as many barrier tasks as there are workers, calibrated and sealed."""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.spec import KEY
from jobs.lake import folds
from jobs.model import calibration, measures
from jobs.model.booster import Model, load_model, seal, sha256_of
from jobs.model.calibration import Calibration
from jobs.model.candidates import LOSS, booster_parameters
from jobs.runtime.session import setting
from jobs.runtime.settings import Train
from jobs.scoring import batch
from jobs.training.training_set import TrainingSet

if TYPE_CHECKING:
    import pandas as pd
    import xgboost
    from xgboost.spark import SparkXGBClassifier, SparkXGBClassifierModel

# Fewer defaults than this cannot tell a wrong slope from chance.
FEWEST_TO_CALIBRATE = 200
CALIBRATION_FOLDS = 5
PACKED = "inputs"


@dataclass(frozen=True)
class Trained:
    """A finished model, the log loss of each round, and what calibrating it is worth where that could be told."""

    model: Model
    calibration: Calibration | None
    best_round: int
    train_losses: list[float]
    validation_losses: list[float]

    @property
    def summary(self) -> str:
        """How training went, in a line."""
        best = self.validation_losses[self.best_round - 1]
        return f"{len(self.validation_losses)} rounds, the best is {self.best_round}: validation log loss {best:.5f}"

    @property
    def calibrated(self) -> str:
        """What became of calibration, in a line."""
        found = self.calibration
        if found is None:
            return f"not calibrated: fewer than {FEWEST_TO_CALIBRATE} validation applicants of a class"
        done = "calibrated" if found.improves else "left as it is"
        return f"{done}: Platt's slope {found.slope:.3f} gains {found.gain.value:.2g} of log loss on other folds"


def fit(training: TrainingSet, settings: Train) -> Trained:
    """Boosted trees, one barrier task a worker, stopped early on the validation fold's log loss."""
    fitted = boosted(training, settings)
    booster, history = fitted.get_booster(), fitted.training_summary
    assert history is not None
    model = sealed(booster, training)
    found = calibration_of(batch.measured(training.rows.where(F.col("part") == folds.VALIDATION), model))
    if found is not None and found.improves:
        model = sealed(calibration.fold_in(booster, found.slope, found.intercept), training)
    return Trained(
        model=model,
        calibration=found,
        best_round=booster.best_iteration + 1,
        train_losses=history.train_objective_history[LOSS],
        validation_losses=history.validation_objective_history[LOSS],
    )


def other_seed(training: TrainingSet, settings: Train) -> Model:
    """The model that the next seed gives of the same rows."""
    return fit(training, settings.model_copy(update={"seed": settings.seed + 1})).model


def boosted(training: TrainingSet, settings: Train) -> "SparkXGBClassifierModel":
    """The estimator's fit, all rounds of it."""
    with plans_as_they_are(training.rows.sparkSession):
        fitted: SparkXGBClassifierModel = classifier(training.names, settings).fit(
            laid_out(training, settings.num_workers)
        )
    return fitted


def sealed(booster: "xgboost.Booster", training: TrainingSet) -> Model:
    """The booster up to its best iteration, with all that its file says of it."""
    families = [named.family for named in training.inputs]
    file = seal(booster, booster.best_iteration, families, training.feature_set)
    return load_model(file, sha256_of(file))


def calibration_of(validation: "pd.DataFrame") -> Calibration | None:
    """Platt's line through the validation fold, which the trees have not seen; None where it holds too few to tell.

    Args:
        validation: TARGET and probability, in the order of the applicants.
    """
    known = validation.dropna()
    labels, probabilities = known["TARGET"].to_numpy(), known["probability"].to_numpy()
    if min((labels == 1).sum(), (labels == 0).sum()) < FEWEST_TO_CALIBRATE:
        return None
    margins = measures.log_odds_of(probabilities)
    return calibration.fit(margins, labels, np.arange(len(labels)) % CALIBRATION_FOLDS)


def laid_out(training: TrainingSet, num_workers: int) -> DataFrame:
    """The rows to fit on, where and in the order that the applicants decide: shuffled rows give the same bytes.

    The features are one array: columns would be twice the bytes to shuffle, and a thousand of each batch for Python.
    """
    rows = training.rows.where(F.col("part") != folds.TEST)
    is_validation = (F.col("part") == folds.VALIDATION).alias("is_validation")
    inputs = batch.as_array(training.names).alias(PACKED)
    return rows.select(KEY, "TARGET", is_validation, inputs).repartition(num_workers, KEY).sortWithinPartitions(KEY)


def plans_as_they_are(spark: SparkSession) -> AbstractContextManager[None]:
    """Without adaptive plans: xgboost asks for the number of partitions, and theirs is known once all is computed."""
    return setting(spark, "spark.sql.adaptive.enabled", "false")


def classifier(names: list[str], settings: Train) -> "SparkXGBClassifier":
    """The estimator by the settings. It stops on log loss because its distributed AUC is only an approximation."""
    from xgboost.spark import SparkXGBClassifier

    trees: dict[str, Any] = dict(booster_parameters(settings))
    logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)
    return SparkXGBClassifier(
        features_col=PACKED,
        feature_names=names,
        label_col="TARGET",
        validation_indicator_col="is_validation",
        num_workers=settings.num_workers,
        n_estimators=settings.rounds,
        early_stopping_rounds=settings.early_stopping_rounds,
        eval_metric=LOSS,
        verbose=False,
        **trees,
    )
