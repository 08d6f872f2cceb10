"""Features that gain more by the labels than by labels dealt at random.

Altmann, Toloşi, Sander and Lengauer (2010), Permutation importance: a corrected feature importance measure,
Bioinformatics 26; for this data: "Feature selection with null importances", Kaggle (2018).
"""

import numpy as np
from numpy.typing import NDArray

from jobs.model.candidates import Labels, Values, booster_parameters
from jobs.model.measures import Vector
from jobs.runtime.settings import Booster, Selection


def kept(values: Values, labels: Labels, weights: Vector, settings: Selection) -> NDArray[np.int64]:
    """The places of the features that are kept, in order.

    A feature is kept where its gain exceeds the quantile of its gains under shuffled labels; of those, the `most` by
    how far; and where they are fewer than `fewest`, the next ones too.

    Args:
        values: (rows, features), nan where unknown: those that are fitted on, never those that are measured.
        labels: TARGET of the rows.
        weights: How many applicants each stands for; a row keeps its own where labels are shuffled.
        settings: How many shuffles, the quantile, the bounds, and what the trees look like.
    """
    random = np.random.default_rng(settings.seed)
    gained = gains(values, labels, weights, settings)
    by_chance = [gains(values, random.permutation(labels), weights, settings) for _ in range(settings.shuffles)]
    excess = gained - np.quantile(by_chance, settings.quantile, axis=0)
    best_first = np.argsort(-excess, kind="stable")
    count = np.clip((excess > 0).sum(), settings.fewest, settings.most)
    chosen: NDArray[np.int64] = np.sort(best_first[:count])
    return chosen


def gains(values: Values, labels: Labels, weights: Vector, settings: Booster) -> Vector:
    """The total gain of each feature in trees by the settings."""
    import xgboost

    rows = xgboost.QuantileDMatrix(values, labels, weight=weights, missing=np.nan, max_bin=settings.max_bin, nthread=1)
    parameters = {**booster_parameters(settings), "objective": "binary:logistic", "nthread": 1}
    fitted = xgboost.train(parameters, rows, settings.rounds)
    total = np.zeros(values.shape[1])
    for name, gain in fitted.get_score(importance_type="total_gain").items():
        total[int(name.removeprefix("f"))] = gain
    return total
