"""What a model expects to come, from its own calibrated probabilities, before anything has come.

Each outcome is taken to be drawn with exactly its probability. So the intervals hold the chance of the outcomes alone;
that what comes lies outside says that the probabilities were not right. Applicants are given by steps of their margin
(`STEP`), each step with its rows and the sum of their probabilities: one by one they may stay where they are.
"""

from dataclasses import dataclass

import numpy as np

from jobs.model.contributions import Vector

STEP = 0.01
"""Log-odds: applicants of one step count as equally risky."""
DRAWS = 2000
METHOD = (
    "each outcome drawn with the applicant's own calibrated probability: the number of bad ones is Poisson-binomial "
    "(Le Cam 1960, Pacific Journal of Mathematics 10), the AUC the one that the probabilities imply (Tasche 2009, "
    "Estimating discriminatory power and PD curves when the number of defaults is small); intervals of "
    f"{DRAWS:,} draws"
)


@dataclass(frozen=True, slots=True)
class Expected:
    """A figure that is expected, and the bounds that it stays within at the confidence; None where there is none."""

    value: float | None
    low: float | None
    high: float | None

    @property
    def is_known(self) -> bool:
        """Whether anything is expected at all."""
        return self.value is not None


NOTHING = Expected(None, None, None)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is expected of some applicants: their bad rate, and how well the model ranks them."""

    rows: int
    bad_rate: Expected
    auc: Expected


def expected(rows: Vector, probabilities: Vector, confidence: float = 0.95, seed: int = 0) -> Figures:
    """What is expected of applicants.

    Args:
        rows: (steps,), how many are in each step of the margin, the steps in ascending order.
        probabilities: (steps,), the sum of their probabilities.
        confidence: Of the intervals.
        seed: Of the draws.
    """
    number = int(rows.sum())
    if not number:
        return Figures(0, NOTHING, NOTHING)
    likely = np.clip(probabilities / rows, 0.0, 1.0)
    drawn = np.random.default_rng(seed).binomial(rows.astype(np.int64), likely, size=(DRAWS, rows.size))
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(drawn.sum(axis=1) / number, tails)
    bad_rate = Expected(float(probabilities.sum()) / number, float(low), float(high))
    ranked = aucs(drawn.astype(np.float64), rows)
    ranked = ranked[np.isfinite(ranked)]
    if not ranked.size:
        return Figures(number, bad_rate, NOTHING)
    low, high = np.quantile(ranked, tails)
    (implied,) = aucs(probabilities[None], rows)
    return Figures(number, bad_rate, Expected(float(implied), float(low), float(high)))


def aucs(bad: Vector, rows: Vector) -> Vector:
    """The AUC for each line of bad ones, (lines, steps), among so many rows; nan where one class has nobody.

    Those of one step count as tied.
    """
    good = rows - bad
    below = np.cumsum(good, axis=1) - good
    wins = (bad * (below + good / 2)).sum(axis=1)
    pairs = bad.sum(axis=1) * good.sum(axis=1)
    found: Vector = np.divide(wins, pairs, out=np.full(len(bad), np.nan), where=pairs > 0)
    return found
