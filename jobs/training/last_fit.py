"""The last fit: how many trees, on whom, measured by whom, calibrated and sealed.

Many applicants: the validation folds end the fit, and the test folds, which it never saw, measure it. Few: a fold of
them is too small for either. The rounds are those that were best out of fold, and all labelled applicants measure the
model, each by a twin of it that was fitted without his fold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.spec import KEY, WEIGHT
from jobs.lake import folds
from jobs.lake.weights import summed
from jobs.model import calibration, linear_part, measures
from jobs.model.booster import Model, load_model, seal, sha256_of
from jobs.model.calibration import Calibration
from jobs.model.candidates import OutOfFold, Trees
from jobs.model.choice import Trial
from jobs.model.linear_part import LinearPart, Mixed
from jobs.model.measured_on import MeasuredOn
from jobs.model.measures import Vector
from jobs.runtime.session import computed_once
from jobs.runtime.settings import Settings, Train
from jobs.scoring import batch
from jobs.training import cross_validation
from jobs.training.booster_fit import boosted, grown
from jobs.training.linear_fit import linear_fit
from jobs.training.training_set import TrainingSet

if TYPE_CHECKING:
    import xgboost

# Fewer defaults than this cannot tell a wrong slope from chance.
FEWEST_TO_CALIBRATE = 200
CALIBRATION_FOLDS = 5
# Of the folds that measure: others than those that a booster is chosen by, which would flatter it.
MEASURING_DEAL = -1


@dataclass(frozen=True)
class Trained:
    """A finished model, and how it came about.

    Args:
        model: Calibrated where that is worth it.
        calibration: What it is worth, where that could be told.
        linear: The part of the margin that is not the trees'; None where there is none.
        rounds: Trees of the model.
        ended: Why it has so many, in a line.
        curves: Name to log loss by round.
        fitted_on: The rows that it learned from.
        measured_on: By whom it was measured.
        measured: SK_ID_CURR, TARGET, probability and SAMPLE_WEIGHT of these, in their order.
    """

    model: Model
    calibration: Calibration | None
    linear: LinearPart | None
    rounds: int
    ended: str
    curves: Mapping[str, Mapping[int, float]]
    fitted_on: DataFrame
    measured_on: MeasuredOn
    measured: pd.DataFrame

    @property
    def calibrated(self) -> str:
        """What became of calibration, in a line."""
        line = self.calibration
        if line is None:
            return f"not calibrated: fewer than {FEWEST_TO_CALIBRATE} applicants of a class to tell by"
        done = "calibrated" if line.improves else "left as it is"
        return f"{done}: Platt's slope {line.slope:.3f} gains {line.gain.value:.2g} of log loss on other folds"


@dataclass(frozen=True)
class Ended:
    """How many trees, found without the test folds.

    Args:
        rounds: Of the trees.
        why: So many, in a line.
        curves: Name to log loss by round.
    """

    rounds: int
    why: str
    curves: Mapping[str, Mapping[int, float]]


def fit(training: TrainingSet, names: Sequence[str], settings: Settings, tried: Trial | None) -> Trained:
    """Boosted trees on the labelled applicants, with what they are worth for others.

    Args:
        training: The applicants, with every feature that was to choose from.
        names: The features that the model reads.
        settings: What the trees look like, and how they are measured.
        tried: The same trees cross-validated by round outside of the test folds, which says how many of them are best;
            None stops them on the validation folds.
    """
    if training.is_few:
        return measured_out_of_fold(training, names, settings, tried)
    return measured_on_test_folds(training.only(names), settings.train)


def measured_on_test_folds(training: TrainingSet, settings: Train) -> Trained:
    """As many trees as are best for the validation folds, which calibrate them too; the test folds never saw them."""
    booster, ended = stopped_early(training, settings)
    uncalibrated = sealed(booster, training)
    validation = batch.measured(training.rows.where(F.col("part") == folds.VALIDATION), uncalibrated, WEIGHT).dropna()
    margins, labels = measures.log_odds_of(validation["probability"].to_numpy()), validation["TARGET"].to_numpy()
    line = calibration_of(margins, labels, np.arange(len(labels)) % CALIBRATION_FOLDS, validation[WEIGHT].to_numpy())
    model = calibrated(booster, training, line)
    test = batch.measured(training.rows.where(F.col("part") == folds.TEST), model, WEIGHT)
    trained = Trained(
        model=model,
        calibration=line,
        linear=None,
        rounds=ended.rounds,
        ended=ended.why,
        curves=ended.curves,
        fitted_on=training.rows.where(F.col("part") == folds.TRAIN),
        measured_on=MeasuredOn.TEST_FOLDS,
        measured=test,
    )
    if settings.test_folds_too != "always":
        return trained
    again = grown(training.rows, training.inputs, with_rounds(settings, ended.rounds)).booster
    return replace(
        trained,
        model=calibrated(again, training, line),
        ended=f"{ended.why}; as many were then grown on all labelled applicants",
        fitted_on=training.rows,
        measured_on=MeasuredOn.TEST_FOLDS_BY_TWIN,
    )


def measured_out_of_fold(
    training: TrainingSet, names: Sequence[str], settings: Settings, tried: Trial | None
) -> Trained:
    """As many trees as are best out of fold, measured and calibrated by twins of all labelled applicants."""
    read = training.only(names)
    ended = stopped_early(read, settings.train)[1] if tried is None else best_out_of_fold(tried)
    twins = ask_twins(training, settings, ended.rounds)
    margins = twins.margins[-1]
    line = calibration_of(margins, twins.labels, twins.folds, twins.weights)
    if line is not None and line.improves:
        margins = calibration.cross_fitted(margins, twins.labels, twins.folds, twins.weights)
    said = pd.DataFrame(
        {
            KEY: twins.applicants,
            "TARGET": twins.labels.astype(np.int64),
            "probability": measures.probabilities_of(margins),
            WEIGHT: twins.weights,
        }
    )
    own = training.own.select(KEY).toPandas()
    is_everybody = settings.train.test_folds_too != "never"
    fitted_on = read.rows if is_everybody else read.rows.where(F.col("part") != folds.TEST)
    fitted = grown(fitted_on, read.inputs, with_rounds(settings.train, ended.rounds))
    part = linear_fit(fitted_on, read.inputs, settings.train) if settings.train.linear_share else None
    whom = "all labelled applicants" if is_everybody else "those outside of the test folds"
    return Trained(
        model=calibrated(mixed(fitted.booster, part, settings.train), read, line),
        calibration=line,
        linear=part,
        rounds=ended.rounds,
        ended=f"{ended.why}; grown on {whom}"
        + ("" if part is None else f", with a linear part of {len(part.steps)} features"),
        curves={"train_log_loss": by_round(fitted.losses), **ended.curves},
        fitted_on=fitted_on,
        measured_on=MeasuredOn.OUT_OF_FOLD,
        measured=said[said[KEY].isin(own[KEY])].reset_index(drop=True),
    )


def other_seed(training: TrainingSet, trained: Trained, settings: Train) -> Model:
    """The model that the next seed gives of as many trees on the same rows."""
    other = with_rounds(settings, trained.rounds).model_copy(update={"seed": settings.seed + 1})
    fitted = grown(trained.fitted_on, training.inputs, other)
    return calibrated(mixed(fitted.booster, trained.linear, settings), training, trained.calibration)


def ask_twins(training: TrainingSet, settings: Settings, rounds: int) -> OutOfFold:
    """What so many trees say of all labelled applicants, fitted without each one's fold.

    The folds are others than those by which the trees were chosen, and features are selected anew inside of each. All
    start from the bad rate of everybody, as the model that ships does, which ranks nobody before another.
    """
    everybody = settings.search.model_copy(update={"rows": training.rows.count()})
    dealt = cross_validation.deal(training.rows, training.inputs, settings.split, everybody, None)
    dealt = cross_validation.deal_again(dealt, settings.split, MEASURING_DEAL)
    with computed_once(dealt.rows) as rows:
        selected = cross_validation.selected(replace(dealt, rows=rows), settings.selection)
        trees = with_rounds(settings.train, rounds)
        candidate = Mixed(trees) if trees.linear_share else Trees(trees)
        return cross_validation.out_of_fold(replace(selected, bad_rate=bad_rate_of(rows)), candidate)


def bad_rate_of(rows: DataFrame) -> float:
    """The weighted share of the bad, the same for any order of the rows."""
    sums = rows.agg(F.expr(summed(WEIGHT, "TARGET = 1")), F.expr(summed(WEIGHT))).first()
    assert sums is not None
    return float(sums[0]) / float(sums[1])


def with_rounds(settings: Train, rounds: int) -> Train:
    """The same trees, so many of them."""
    return settings.model_copy(update={"rounds": rounds, "few_rounds": rounds})


def stopped_early(training: TrainingSet, settings: Train) -> "tuple[xgboost.Booster, Ended]":
    """Trees on the training folds until the validation folds' log loss has not fallen for a while, up to the best."""
    fitted = boosted(training.rows.where(F.col("part") != folds.TEST), training.inputs, settings)
    rounds, losses = fitted.booster.best_iteration + 1, fitted.validation_losses
    curves = {"train_log_loss": by_round(fitted.losses), "validation_log_loss": by_round(losses)}
    why = f"{len(losses)} rounds, the best is {rounds}: validation log loss {losses[rounds - 1]:.5f}"
    return fitted.booster[:rounds], Ended(rounds, why, curves)


def best_out_of_fold(tried: Trial) -> Ended:
    """As many trees as were best for all applicants outside of the test folds together."""
    first, rounds = tried.first, round(tried.rounds)
    why = (
        f"{rounds} rounds, the best of {first.rounds[-1]:.0f} for {tried.labels.size:,} applicants out of fold "
        f"(log loss {tried.log_loss:.5f})"
    )
    return Ended(rounds, why, {"out_of_fold_log_loss": dict(zip(map(round, first.rounds), first.losses, strict=True))})


def by_round(losses: Sequence[float]) -> dict[int, float]:
    """The losses by their round, from 1."""
    return dict(enumerate(losses, start=1))


def mixed(booster: "xgboost.Booster", part: LinearPart | None, settings: Train) -> "xgboost.Booster":
    """The booster with the linear part inside, where there is one."""
    return booster if part is None else linear_part.mix(booster, part, settings.linear_share)


def calibrated(booster: "xgboost.Booster", training: TrainingSet, line: Calibration | None) -> Model:
    """The model with the line inside, where that is worth it."""
    if line is None or not line.improves:
        return sealed(booster, training)
    return sealed(calibration.fold_in(booster, line.slope, line.intercept), training)


def sealed(booster: "xgboost.Booster", training: TrainingSet) -> Model:
    """The booster with all that its file says of it."""
    families = [named.family for named in training.inputs]
    file = seal(booster, booster.num_boosted_rounds() - 1, families, training.feature_set)
    return load_model(file, sha256_of(file))


def calibration_of(margins: Vector, labels: Vector, folds: NDArray[np.int64], weights: Vector) -> Calibration | None:
    """Platt's line through applicants whom the trees have not seen; None where there are too few to tell."""
    if min((labels == 1).sum(), (labels == 0).sum()) < FEWEST_TO_CALIBRATE:
        return None
    return calibration.fit(margins, labels, folds, weights=weights)
