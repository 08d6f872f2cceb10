"""What came, measured from counts: the same as from the applicants themselves."""

import numpy as np
import pytest

from jobs.model import measures
from jobs.model.expectations import STEP
from jobs.model.realised import NOBODY, Realised, realised


def in_steps(probabilities: np.ndarray, labels: np.ndarray) -> Realised:
    steps = np.floor(np.log(probabilities / (1 - probabilities)) / STEP).astype(int)
    _, place = np.unique(steps, return_inverse=True)
    return realised(*(np.bincount(place, weights) for weights in (np.ones(labels.size), labels, probabilities)))


def applicants(rows: int = 4000, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(11)
    margins = random.normal(-2.3, 1, rows)
    labels = (random.random(rows) < 1 / (1 + np.exp(-margins))).astype(float)
    return 1 / (1 + np.exp(-(-2.3 + spread * (margins + 2.3)))), labels


@pytest.mark.parametrize("spread", [1.0, 1.6])
def test_counts_give_the_measures_of_the_applicants(spread: float) -> None:
    probabilities, labels = applicants(spread=spread)
    found, line = in_steps(probabilities, labels), measures.calibration_line(labels, probabilities)
    assert found.bad_rate == labels.mean()
    assert found.auc == pytest.approx(measures.auc(labels, probabilities), abs=1e-3)
    assert found.gini == pytest.approx(measures.gini(labels, probabilities), abs=2e-3)
    assert found.ks == pytest.approx(measures.kolmogorov_smirnov(labels, probabilities).value, abs=5e-3)
    assert found.calibration_slope == pytest.approx(line.slope, abs=2e-3)
    assert found.calibration_intercept == pytest.approx(line.intercept, abs=5e-3)
    assert found.calibration_error == pytest.approx(measures.calibration_error(labels, probabilities), abs=2e-3)


def test_where_all_came_to_the_same_only_rates_are_told() -> None:
    found = realised(np.array([3.0, 2.0]), np.zeros(2), np.array([0.3, 0.4]))
    assert (found.known, found.bad, found.bad_rate, found.auc, found.ks) == (5, 0, 0.0, None, None)
    assert realised(np.array([]), np.array([]), np.array([])) == NOBODY
