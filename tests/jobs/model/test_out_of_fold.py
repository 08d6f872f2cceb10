"""Whether the interval of an AUC out of fold holds what it says, by simulation on as few applicants as it is for."""

import numpy as np
from numpy.typing import NDArray

from jobs.model.measures import auc, auc_interval

APPLICANTS, FEATURES, FOLDS, SAMPLES = 800, 30, 5, 300
STRENGTH = np.linspace(0.45, 0, FEATURES)


def drawn(random: np.random.Generator, rows: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Applicants of whom 9 % are bad, by a risk that the first features say more of than the last."""
    values = random.normal(size=(rows, FEATURES))
    return values, (random.random(rows) < 1 / (1 + np.exp(2.8 - values @ STRENGTH))).astype(np.int64)


def ridge(values: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Coefficients of a penalised least-squares fit: a model that is quick to fit and overfits a little."""
    penalty = 40.0 * np.eye(FEATURES)
    return np.linalg.solve(values.T @ values + penalty, values.T @ (labels - labels.mean()))


def test_the_interval_out_of_fold_holds_the_auc_of_the_twins_and_the_model_that_ships_is_no_worse() -> None:
    """In 95 % of samples, give or take what three hundred say. What ships learned from a fold more than each twin."""
    random = np.random.default_rng(4)
    others, came = drawn(random, 60_000)
    held, shipped_ahead = [], []
    for _ in range(SAMPLES):
        values, labels = drawn(random, APPLICANTS)
        fold = random.integers(0, FOLDS, APPLICANTS)
        margins, of_twins = np.empty(APPLICANTS), []
        for number in range(FOLDS):
            out = fold == number
            twin = ridge(values[~out], labels[~out])
            margins[out] = values[out] @ twin
            of_twins.append(auc(came, others @ twin))
        interval = auc_interval(labels, margins)
        held.append(interval.low <= np.mean(of_twins) <= interval.high)
        shipped_ahead.append(auc(came, others @ ridge(values, labels)) - interval.value)
    assert 0.92 <= np.mean(held) <= 0.98
    assert 0 <= np.mean(shipped_ahead) <= 0.015
