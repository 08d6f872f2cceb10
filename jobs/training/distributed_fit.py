"""The last fit: boosted trees on all rows, by as many barrier tasks as there are workers, calibrated and sealed."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.spec import KEY, Named
from jobs.lake import folds
from jobs.model import calibration, measures
from jobs.model.booster import Model, load_model, seal, sha256_of
from jobs.model.calibration import Calibration
from jobs.model.candidates import LOSS, booster_parameters, monotone, signs_of
from jobs.model.choice import Trial
from jobs.model.measures import Vector
from jobs.runtime.session import setting
from jobs.runtime.settings import Train
from jobs.scoring import batch
from jobs.training.training_set import TrainingSet

if TYPE_CHECKING:
    import xgboost
    from xgboost.spark import SparkXGBClassifier, SparkXGBClassifierModel
    from xgboost.spark.summary import XGBoostTrainingSummary

# Fewer defaults than this cannot tell a wrong slope from chance.
FEWEST_TO_CALIBRATE = 200
CALIBRATION_FOLDS = 5
PACKED = "inputs"


@dataclass(frozen=True)
class Trained:
    """A finished model, and how it came about.

    Args:
        model: Calibrated where that is worth it.
        calibration: What it is worth, where that could be told.
        rounds: Trees of the model.
        ended: Why it has so many, in a line.
        curves: Name to log loss by round.
    """

    model: Model
    calibration: Calibration | None
    rounds: int
    ended: str
    curves: Mapping[str, Mapping[int, float]]

    @property
    def calibrated(self) -> str:
        """What became of calibration, in a line."""
        line = self.calibration
        if line is None:
            return f"not calibrated: fewer than {FEWEST_TO_CALIBRATE} applicants of a class to tell by"
        done = "calibrated" if line.improves else "left as it is"
        return f"{done}: Platt's slope {line.slope:.3f} gains {line.gain.value:.2g} of log loss on other folds"


def fit(training: TrainingSet, settings: Train, tried: Trial | None) -> Trained:
    """Boosted trees on all rows but those of the test folds, one barrier task a worker.

    Args:
        training: The rows.
        settings: What the trees look like.
        tried: The same trees cross-validated by round on the same rows, which says how many of them are best; None
            stops them on the validation fold.
    """
    return stopped_early(training, settings) if tried is None else as_cross_validated(training, settings, tried)


def stopped_early(training: TrainingSet, settings: Train) -> Trained:
    """As many trees as are best for the validation fold's log loss, which calibrates them too."""
    fitted = boosted(training, settings)
    booster, history = fitted.get_booster(), history_of(fitted)
    rounds = booster.best_iteration + 1
    model = sealed(booster, rounds, training)
    validation = batch.measured(training.rows.where(F.col("part") == folds.VALIDATION), model).dropna()
    margins, labels = measures.log_odds_of(validation["probability"].to_numpy()), validation["TARGET"].to_numpy()
    line = calibration_of(margins, labels, np.arange(len(labels)) % CALIBRATION_FOLDS)
    losses = history.validation_objective_history[LOSS]
    return Trained(
        model=calibrated(booster, rounds, training, line),
        calibration=line,
        rounds=rounds,
        ended=f"{len(losses)} rounds, the best is {rounds}: validation log loss {losses[rounds - 1]:.5f}",
        curves={
            "train_log_loss": by_round(history.train_objective_history[LOSS]),
            "validation_log_loss": by_round(losses),
        },
    )


def as_cross_validated(training: TrainingSet, settings: Train, tried: Trial) -> Trained:
    """As many trees as were best for all applicants out of fold, whose margins calibrate them; nobody stops the fit."""
    rounds = round(tried.rounds)
    fitted = grown(training, settings.model_copy(update={"rounds": rounds}))
    line = calibration_of(tried.first.margins[tried.step], tried.labels, tried.first.folds)
    return Trained(
        model=calibrated(fitted.get_booster(), rounds, training, line),
        calibration=line,
        rounds=rounds,
        ended=f"{rounds} rounds, the best of {tried.first.rounds[-1]:.0f} for {tried.labels.size:,} applicants out of "
        f"fold (log loss {tried.log_loss:.5f}); those of the validation folds are fitted on too",
        curves={
            "train_log_loss": by_round(history_of(fitted).train_objective_history[LOSS]),
            "out_of_fold_log_loss": dict(zip(map(round, tried.first.rounds), tried.first.losses, strict=True)),
        },
    )


def other_seed(training: TrainingSet, settings: Train, tried: Trial | None) -> Model:
    """The model that the next seed gives of the same rows."""
    return fit(training, settings.model_copy(update={"seed": settings.seed + 1}), tried).model


def boosted(training: TrainingSet, settings: Train) -> "SparkXGBClassifierModel":
    """The estimator's fit until the validation fold has not gained for a while. It stops on log loss because its
    distributed AUC is only an approximation."""
    stopping: dict[str, int | str] = {
        "validation_indicator_col": "is_validation",
        "early_stopping_rounds": settings.early_stopping_rounds,
    }
    return estimated(training, settings, stopping)


def grown(training: TrainingSet, settings: Train) -> "SparkXGBClassifierModel":
    """The estimator's fit of all rounds, on the applicants of the validation fold too."""
    return estimated(training, settings, {})


def estimated(training: TrainingSet, settings: Train, stopping: Mapping[str, int | str]) -> "SparkXGBClassifierModel":
    """The estimator's fit, ended as it says."""
    rows = laid_out(training, settings.num_workers)
    with plans_as_they_are(training.rows.sparkSession):
        fitted: SparkXGBClassifierModel = classifier(training.inputs, settings, stopping).fit(rows)
    return fitted


def history_of(fitted: "SparkXGBClassifierModel") -> "XGBoostTrainingSummary":
    """The log loss by round."""
    history = fitted.training_summary
    assert history is not None
    return history


def by_round(losses: Sequence[float]) -> dict[int, float]:
    """The losses by their round, from 1."""
    return dict(enumerate(losses, start=1))


def calibrated(booster: "xgboost.Booster", rounds: int, training: TrainingSet, line: Calibration | None) -> Model:
    """The model with the line inside, where that is worth it."""
    if line is None or not line.improves:
        return sealed(booster, rounds, training)
    return sealed(calibration.fold_in(booster, line.slope, line.intercept), rounds, training)


def sealed(booster: "xgboost.Booster", rounds: int, training: TrainingSet) -> Model:
    """The first rounds of the booster, with all that its file says of it."""
    families = [named.family for named in training.inputs]
    file = seal(booster, rounds - 1, families, training.feature_set)
    return load_model(file, sha256_of(file))


def calibration_of(margins: Vector, labels: Vector, folds: NDArray[np.int64]) -> Calibration | None:
    """Platt's line through applicants whom the trees have not seen; None where there are too few to tell."""
    if min((labels == 1).sum(), (labels == 0).sum()) < FEWEST_TO_CALIBRATE:
        return None
    return calibration.fit(margins, labels, folds)


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


def classifier(inputs: Sequence[Named], settings: Train, stopping: Mapping[str, int | str]) -> "SparkXGBClassifier":
    """The estimator by the settings."""
    from xgboost.spark import SparkXGBClassifier

    parameters: dict[str, Any] = {**booster_parameters(settings), **monotone(settings, signs_of(inputs)), **stopping}
    logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)
    return SparkXGBClassifier(
        features_col=PACKED,
        feature_names=[named.name for named in inputs],
        label_col="TARGET",
        num_workers=settings.num_workers,
        n_estimators=settings.rounds,
        eval_metric=LOSS,
        verbose=False,
        **parameters,
    )
