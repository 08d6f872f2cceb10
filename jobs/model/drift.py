"""How far values have moved from one group of applicants to another: the population stability index.

Shares of rows in bins are compared, so that counts are all that is needed and applicants may stay where they are.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

BINS = 10


@dataclass(frozen=True, slots=True)
class Shift:
    """The population stability index of a feature, or of the probabilities, from whom it was measured by to new ones.

    noise is what chance alone stays below where nothing has shifted.
    """

    name: str
    index: float
    noise: float


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the new applicants are from the labelled ones.

    Args:
        rows: The fewer of both.
        scores: Of the model's probabilities.
        features: Of the features that the model gains most from, the largest shift first.
    """

    rows: int
    scores: Shift
    features: tuple[Shift, ...]

    @property
    def shifts(self) -> tuple[Shift, ...]:
        """All of them, that of the scores first."""
        return (self.scores, *self.features)


def population_stability(expected: ArrayLike, actual: ArrayLike) -> float:
    """Population stability index: sum over bins of (a - e) ln(a / e), a and e being the shares of rows in the bin.

    Half a row is added to each bin so that an empty one does not make the index infinite. Below 0.1 is read as no
    shift, above 0.25 as one to act on: Siddiqi (2006), Credit Risk Scorecards.

    Args:
        expected: The rows in each bin before, bins of equal numbers of them and one for the unknown.
        actual: The rows in the same bins now.
    """
    before, now = (np.asarray(counts, dtype=np.float64) for counts in (expected, actual))
    if not before.sum() or not now.sum():
        raise ValueError("no rows: the population stability index needs expected and actual ones")
    e, a = ((counts + 0.5) / (counts + 0.5).sum() for counts in (before, now))
    return float(np.sum((a - e) * np.log(a / e)))


def stability_noise(expected: int, actual: int, confidence: float = 0.95, bins: int = BINS) -> float:
    """The confidence-quantile of `population_stability` where nothing has shifted, of so many rows.

    The index over (1/expected + 1/actual) is then nearly chi-square, with as many degrees of freedom as there are bins
    beside that of the unknown: Yurdakul and Naranjo (2020), Journal of Risk Model Validation 14. Its quantile by Wilson
    and Hilferty (1931), Proceedings of the National Academy of Sciences 17.
    """
    spread = 2 / (9 * bins)
    quantile = float(bins * (1 - spread + NormalDist().inv_cdf(confidence) * spread**0.5) ** 3)
    return quantile * (1 / expected + 1 / actual)
