"""How good probabilities turned out to be, from applicants counted by steps of their margin and by what came of them.

The measures are those of `measures`, where those of one step of `expectations.STEP` log-odds count as equally risky.
"""

from dataclasses import dataclass

import numpy as np

from jobs.model.contributions import Vector
from jobs.model.expectations import aucs
from jobs.model.measures import BINS, logistic_line


@dataclass(frozen=True, slots=True)
class Realised:
    """What came of some applicants. What needs both outcomes is None where all came to the same."""

    known: int
    bad: int
    bad_rate: float | None
    auc: float | None
    gini: float | None
    ks: float | None
    calibration_slope: float | None
    calibration_intercept: float | None
    calibration_error: float | None


NOBODY = Realised(0, 0, None, None, None, None, None, None, None)


def realised(rows: Vector, bad: Vector, probabilities: Vector) -> Realised:
    """The measures.

    Args:
        rows: (steps,), whose outcome is known, in each step of the margin, the steps in ascending order.
        bad: (steps,), how many of them were bad.
        probabilities: (steps,), the sum of their probabilities.
    """
    known, number = int(rows.sum()), int(bad.sum())
    if not known:
        return NOBODY
    error = calibration_error(rows, bad, probabilities)
    if number in (0, known):
        return Realised(known, number, number / known, None, None, None, None, None, error)
    (auc,) = aucs(bad[None], rows)
    shares = [np.cumsum(side) / side.sum() for side in (bad, rows - bad)]
    likely = np.clip(probabilities / rows, 1e-9, 1 - 1e-9)
    line = logistic_line(np.log(likely / (1 - likely)), bad / rows, rows)
    return Realised(
        known=known,
        bad=number,
        bad_rate=number / known,
        auc=float(auc),
        gini=2 * float(auc) - 1,
        ks=float(np.abs(shares[0] - shares[1]).max()),
        calibration_slope=finite(line.slope),
        calibration_intercept=finite(line.intercept),
        calibration_error=error,
    )


def finite(value: float) -> float | None:
    """The value, None of nan."""
    return float(value) if np.isfinite(value) else None


def calibration_error(rows: Vector, bad: Vector, probabilities: Vector) -> float:
    """As `measures.calibration_error`: steps go to ten bins of equal numbers of rows by their midranks."""
    midranks = np.cumsum(rows) - (rows - 1) / 2
    bins = np.minimum((midranks - 0.5) * BINS / rows.sum(), BINS - 1).astype(np.int64)
    off = np.bincount(bins, probabilities, minlength=BINS) - np.bincount(bins, bad, minlength=BINS)
    return float(np.abs(off).sum() / rows.sum())
