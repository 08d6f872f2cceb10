"""Trees that tell two samples of applicants apart, cross-validated: at 0.5 nothing does."""

from typing import Any

import numpy as np

from jobs.model.contributions import Vector
from jobs.model.measures import Interval, auc_interval
from jobs.model.reference import shares_of_gain

FOLDS = 5
ROUNDS = 60
TREES = {
    "objective": "binary:logistic",
    "max_depth": 2,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.3,
    "min_child_weight": 5.0,
    "nthread": 1,
    "seed": 17,
}


def apart(
    before: Vector, now: Vector, names: list[str], confidence: float = 0.95, most: int = 10
) -> tuple[Interval, dict[str, float]]:
    """The AUC out of fold at which trees know who is of now, and the features' shares of their gain, largest first.

    Args:
        before: (rows, features), nan where unknown.
        now: (rows, features).
        names: The features.
        confidence: Of the interval.
        most: So many features are named.
    """
    import xgboost

    values = np.vstack([before, now]).astype(np.float32)
    values[np.isinf(values)] = np.nan
    is_now = np.repeat([0.0, 1.0], [len(before), len(now)])
    fold = np.random.default_rng(0).permutation(len(values)) % FOLDS
    told = np.empty(len(values))
    gains: dict[str, float] = dict.fromkeys(names, 0.0)
    for number in range(FOLDS):
        inside = fold == number
        learned = xgboost.DMatrix(values[~inside], is_now[~inside], feature_names=names)
        booster = xgboost.train(TREES, learned, ROUNDS)
        told[inside] = booster.predict(xgboost.DMatrix(values[inside], feature_names=names))
        gained: Any = booster.get_score(importance_type="total_gain")
        gains |= {name: gains[name] + gain for name, gain in gained.items()}
    shares = shares_of_gain(gains) if any(gains.values()) else {}
    return auc_interval(is_now, told, confidence), dict(list(shares.items())[:most])
