"""Platt's scaling of a booster's margins, and a booster that has it inside.

    calibrated = calibration.fit(margins, labels, folds)  # out-of-fold margins of labelled applicants
    if calibrated.improves:
        booster = calibration.fold_in(booster, calibrated.slope, calibrated.intercept)

Folded in before `model.seal`, it is part of the one file that batch, REST and `mlflow models serve` answer from, and
contributions still add up to the margin.
"""

import json
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jobs.model.measures import (
    CalibrationLine,
    Interval,
    Vector,
    in_order_of_both_classes,
    log_losses,
    logistic_line,
    mean_interval,
)

if TYPE_CHECKING:
    import xgboost

LOGISTIC, TREES = "binary:logistic", "gbtree"


@dataclass(frozen=True, slots=True)
class Calibration:
    """margin' = intercept + slope * margin, in log-odds of default, and what it was found to be worth.

    gain is the mean log loss of an applicant before minus after, each with a line that was fitted on the other folds.
    """

    slope: float
    intercept: float
    gain: Interval

    @property
    def improves(self) -> bool:
        """Whether the gain is more than its standard error, and the ranking stays as it was."""
        return self.slope > 0 and self.gain.value > self.gain.standard_error


def fit(
    margins: ArrayLike,
    labels: ArrayLike,
    folds: ArrayLike,
    confidence: float = 0.95,
    weights: ArrayLike | None = None,
) -> Calibration:
    """Platt's line through all rows, and its cross-fitted gain.

    Platt (1999), Probabilistic outputs for support vector machines, Advances in Large Margin Classifiers;
    Niculescu-Mizil and Caruana (2005), Predicting good probabilities with supervised learning, ICML, for boosted trees.

    Args:
        margins: Log-odds by models that did not see the row's label: out-of-fold, never those of the training rows.
        labels: 1 for default, 0 for none.
        folds: The fold of each row, any whole numbers, at least two different ones.
        confidence: Of the gain's interval.
        weights: As in `measures`.

    Raises:
        ValueError: A single fold, a single class outside of some fold, or what `measures` refuses.
    """
    label, margin, fold, weight = in_order_of_both_classes(labels, margins, folds, weights=weights)
    numbers = np.unique(fold)
    if numbers.size < 2:
        raise ValueError(f"all {fold.size} rows are in one fold: what is fitted on the others needs a second one")
    calibrated = cross_fitted(margin, label, fold, weight)
    gain = mean_interval(log_losses(label, margin) - log_losses(label, calibrated), confidence, weight)
    of_all = platt(label, margin, weight)
    return Calibration(of_all.slope, of_all.intercept, gain)


def cross_fitted(margins: Vector, labels: Vector, folds: NDArray[Any], weights: Vector) -> Vector:
    """Each margin on the line through those of the other folds, in the order given: nobody's own label moves his."""
    calibrated = np.empty_like(margins)
    for number in np.unique(folds):
        inside = folds == number
        line = platt(labels[~inside], margins[~inside], weights[~inside])
        calibrated[inside] = line.intercept + line.slope * margins[inside]
    return calibrated


def platt(label: Vector, margin: Vector, weight: Vector) -> CalibrationLine:
    """The line by Platt's targets, which are kept off 0 and 1 as if each class had one row more; nan where a constant
    margin has none."""
    bad, good = float((weight * label).sum()), float((weight * (1 - label)).sum())
    if not (bad and good):
        raise ValueError(f"all {label.size} labels outside of a fold are {label[0]:.0f}: a line needs both classes")
    return logistic_line(margin, np.where(label == 1, (bad + 1) / (bad + 2), 1 / (good + 2)), weight)


def fold_in(booster: "xgboost.Booster", slope: float, intercept: float) -> "xgboost.Booster":
    """A booster whose margin is intercept + slope * margin of the one given, to the precision of float32.

    Every leaf is multiplied by the slope, and so are the contributions; the base score takes the rest. Names,
    attributes and the trees' covers stay.

    Args:
        booster: Trees of the objective binary:logistic.
        slope: More than 0: the ranking of the applicants stays.
        intercept: Log-odds.

    Raises:
        ValueError: Another kind of booster, or a slope or intercept that is not as said.
    """
    import xgboost

    if not (np.isfinite(slope) and np.isfinite(intercept) and slope > 0):
        raise ValueError(f"slope {slope} and intercept {intercept}: both must be finite, and the slope more than 0")
    content = json.loads(bytes(booster.save_raw("json")))
    learner = content["learner"]
    kind, objective = learner["gradient_booster"]["name"], learner["objective"]["name"]
    if (kind, objective) != (TREES, LOGISTIC):
        raise ValueError(f"a {kind} of {objective}: only a {TREES} of {LOGISTIC} has margins that are log-odds")
    for tree in learner["gradient_booster"]["model"]["trees"]:
        scale_leaves(tree, slope)
    (base,) = json.loads(learner["learner_model_param"]["base_score"])
    moved = intercept + slope * log(base / (1 - base))
    learner["learner_model_param"]["base_score"] = f"[{1 / (1 + exp(-moved)):.9E}]"
    folded: Any = xgboost.Booster()
    folded.load_model(bytearray(json.dumps(content).encode()))
    same: xgboost.Booster = folded
    return same


def scale_leaves(tree: dict[str, Any], slope: float) -> None:
    """Multiply the leaves of a tree in xgboost's JSON: a node without children keeps its value where others keep their
    split, and every node's weight beside it."""
    is_leaf = np.array(tree["left_children"]) == -1
    split = np.array(tree["split_conditions"])
    tree["split_conditions"] = shortest(np.where(is_leaf, split * slope, split))
    tree["base_weights"] = shortest(np.array(tree["base_weights"]) * slope)


def shortest(values: Vector) -> list[float]:
    """The values as float32, in the fewest digits that tell them apart: xgboost's parser takes no more."""
    return [float(str(value)) for value in values.astype(np.float32)]
