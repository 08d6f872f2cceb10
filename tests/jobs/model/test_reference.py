"""Applicants in counts: bins, steps of the margin, and what can be read from them."""

import numpy as np
import pytest

from jobs.model.reference import Counts, binned_margins, bins_of, edges_of, shares_of_gain, step_of, tenths


def counts_of(margins: np.ndarray, **families: float) -> Counts:
    steps, rows = np.unique(step_of(margins), return_counts=True)
    return Counts(
        rows=margins.size,
        features={},
        margins=dict(zip(steps.tolist(), rows.tolist(), strict=True)),
        families=families,
    )


def test_few_levels_have_a_bin_each_and_the_unknown_have_the_last() -> None:
    values = np.array([0.0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, np.nan])
    edges = edges_of(values)
    assert edges == [1.0, 2.0]
    assert np.bincount(bins_of(values, edges)).tolist() == [9, 1, 1, 1]


def test_many_values_are_parted_into_tenths_and_nothing_known_has_no_edge() -> None:
    values = np.arange(1000.0)
    assert np.bincount(bins_of(values, edges_of(values))).tolist() == [100] * 10
    assert edges_of(np.full(3, np.nan)) == []
    assert bins_of(np.array([np.nan, 4.0]), []).tolist() == [1, 0]


def test_the_share_below_a_margin_is_that_of_the_rows() -> None:
    margins = np.random.default_rng(2).normal(-2, 1, 5000)
    counts = counts_of(margins)
    assert counts.scored == 5000
    for margin in (-4.0, -2.2, -1.9999, 0.5):
        assert counts.below(margin) == pytest.approx((margins < margin).mean(), abs=5e-4)


def test_tenths_of_margins_hold_a_tenth_each() -> None:
    margins = np.random.default_rng(3).normal(size=10_000)
    counts = counts_of(margins)
    edges = tenths(counts.margins)
    bins = binned_margins(counts.margins, edges)
    assert len(edges) == 9
    assert bins[-1] == 0
    assert all(900 < rows < 1100 for rows in bins[:-1])
    assert sum(bins) == 10_000


def test_shares_of_gain_add_up_and_come_largest_first() -> None:
    assert shares_of_gain({"b": 1.0, "a": 1.0, "c": 2.0, "none": 0.0}) == {"c": 0.5, "a": 0.25, "b": 0.25}
