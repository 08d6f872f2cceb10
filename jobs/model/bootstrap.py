"""The difference of two AUCs on the same applicants, by a paired bootstrap: it needs no normal errors.

Arrays are as in `measures`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jobs.model.measures import Interval, Vector, auc, check_two_of_each, in_order_of_both_classes


def bootstrap_auc_difference(
    labels: ArrayLike,
    scores: ArrayLike,
    others: ArrayLike,
    confidence: float = 0.95,
    draws: int = 500,
    seed: int = 0,
    weights: ArrayLike | None = None,
) -> Interval:
    """AUC of the scores minus AUC of the others on the same rows, with the percentile interval of a paired bootstrap.

    Each draw takes as many bad and as many good rows as there are, with what they weigh and with replacement, and both
    AUCs on those rows.
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13; stratified by class as in Robin et al.
    (2011), pROC, BMC Bioinformatics 12. The standard error is that of the draws. Needs two rows of each class.
    """
    label, score, other, weight = in_order_of_both_classes(labels, scores, others, weights=weights)
    bad, good = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    check_two_of_each(bad.size, good.size)
    compared = [PairsOfClasses.of(score[bad], score[good]), PairsOfClasses.of(other[bad], other[good])]
    random = np.random.default_rng(seed)
    differences = np.empty(draws)
    for draw in range(draws):
        times_bad = np.bincount(random.integers(bad.size, size=bad.size), minlength=bad.size) * weight[bad]
        times_good = np.bincount(random.integers(good.size, size=good.size), minlength=good.size) * weight[good]
        mine, theirs = (pairs.auc(times_bad, times_good) for pairs in compared)
        differences[draw] = mine - theirs
    low, high = np.quantile(differences, [(1 - confidence) / 2, (1 + confidence) / 2])
    value = auc(label, score, weight) - auc(label, other, weight)
    return Interval(value, float(differences.std(ddof=1)), float(low), float(high))


@dataclass(frozen=True, slots=True)
class PairsOfClasses:
    """Who stands above whom, kept for many draws: the order of the good rows by score, and for each bad row how many
    good ones score below it and how many not above it."""

    order: NDArray[np.int64]
    below: NDArray[np.int64]
    not_above: NDArray[np.int64]

    @classmethod
    def of(cls, bad: Vector, good: Vector) -> "PairsOfClasses":
        """Of the classes' scores."""
        order = np.argsort(good, kind="stable")
        below, not_above = (np.searchsorted(good[order], bad, side) for side in ("left", "right"))
        return cls(order, below, not_above)

    def auc(self, times_bad: Vector, times_good: Vector) -> float:
        """The AUC where each row counts so many times."""
        seen = np.concatenate([[0], np.cumsum(times_good[self.order])])
        wins = times_bad @ (seen[self.below] + seen[self.not_above])
        return float(wins) / 2 / float(times_bad.sum() * times_good.sum())
