"""How far a population has moved, and what chance moves it."""

import numpy as np
import pytest
from numpy.typing import ArrayLike

from jobs.model.drift import BINS, population_stability, stability_noise


def binned(expected: ArrayLike, actual: ArrayLike, bins: int = BINS) -> tuple[np.ndarray, np.ndarray]:
    """Values as the rows in bins of equal numbers of the expected ones, the unknown last: the plain way."""
    before, now = np.asarray(expected, dtype=float), np.asarray(actual, dtype=float)
    known = before[~np.isnan(before)]
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins)) if known.size else np.empty(0)
    counts = []
    for values in (before, now):
        bin_of = np.where(np.isnan(values), edges.size + 1, np.searchsorted(edges, values, side="right"))
        counts.append(np.bincount(bin_of, minlength=edges.size + 2))
    return counts[0], counts[1]


def test_population_stability_by_hand() -> None:
    # Two bins: half and half expected; 1 and 3 of 4 came. Half a row is added to each bin, also to the one of nan.
    expected, actual = np.array([2.5, 2.5, 0.5]) / 5.5, np.array([1.5, 3.5, 0.5]) / 5.5
    by_hand = ((actual - expected) * np.log(actual / expected)).sum()
    before, now = binned([1, 2, 3, 4], [1, 3, 3, 4], bins=2)
    assert (before.tolist(), now.tolist()) == ([2, 2, 0], [1, 3, 0])
    assert population_stability(before, now) == pytest.approx(by_hand)


def test_population_stability_sees_a_shift_and_missing_values() -> None:
    values = np.random.default_rng(0).normal(size=3000)
    assert population_stability(*binned(values[:1500], values[1500:])) < 0.1
    assert population_stability(*binned(values, values + 1)) > 0.25
    assert population_stability(*binned(values, np.where(values > 0, np.nan, values))) > 0.25


def test_nobody_has_not_moved() -> None:
    with pytest.raises(ValueError, match="no rows"):
        population_stability([3, 4], [0, 0])


@pytest.mark.parametrize(("expected", "actual"), [(2000, 2000), (3000, 800)])
def test_chance_alone_seldom_shifts_a_population_further_than_its_noise(expected: int, actual: int) -> None:
    random = np.random.default_rng(6)
    noise = stability_noise(expected, actual)
    beyond = [
        population_stability(*binned(random.normal(size=expected), random.normal(size=actual))) > noise
        for _ in range(1000)
    ]
    assert 0.005 < np.mean(beyond) < 0.06
