"""Weighted measures against the same rows written several times, and what survey statistics says of intervals."""

import math
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.model import calibration, fairness, measures
from jobs.model.bootstrap import bootstrap_auc_difference
from jobs.model.measures import Interval, Vector
from jobs.runtime.settings import Decision

TEN_TO_ONE = Decision(cost_of_default=10, cost_of_decline=1)
INTERVALS = {"auc_low", "auc_high", "calibration_error_noise"}

# (label, score, weight): few scores, so that many tie.
ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(1, 19).map(lambda step: step / 20), st.integers(1, 5)),
    min_size=6,
    max_size=40,
).filter(lambda rows: min(sum(label == of for label, _, _ in rows) for of in (0, 1)) >= 2)


def columns(rows: list[tuple[int, float, int]]) -> tuple[Vector, Vector, Vector]:
    label, score, weight = np.array(rows, dtype=np.float64).T
    return label, score, weight


def invented(rows: int, seed: int = 1) -> tuple[Vector, Vector, Vector]:
    """Labels drawn with their own probabilities, many of which tie, and weights between 0.2 and 5."""
    random = np.random.default_rng(seed)
    probability = np.round(np.clip(random.beta(1.2, 4, rows), 0.01, 0.99), 2)
    label = (random.random(rows) < probability).astype(float)
    return label, probability, np.exp(random.uniform(-1.6, 1.6, rows))


@settings(max_examples=150, deadline=None)
@given(ROWS)
def test_a_row_of_weight_three_measures_as_three_rows(rows: list[tuple[int, float, int]]) -> None:
    label, score, weight = columns(rows)
    times = weight.astype(int)
    weighted = asdict(measures.performance(label, score, TEN_TO_ONE, weights=weight))
    repeated = asdict(measures.performance(np.repeat(label, times), np.repeat(score, times), TEN_TO_ONE))
    for name in weighted.keys() - INTERVALS - {"rows"}:
        assert weighted[name] == pytest.approx(repeated[name], abs=1e-9, nan_ok=True), name
    assert weighted["rows"] == len(rows)  # observations all the same


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_so_do_the_curves_and_the_bands(rows: list[tuple[int, float, int]]) -> None:
    label, score, weight = columns(rows)
    often = np.repeat(label, weight.astype(int)), np.repeat(score, weight.astype(int))
    for curve in (measures.roc_curve, measures.precision_recall_curve, measures.strategy_curve):
        mine, theirs = curve(label, score, weight), curve(*often)
        for of in ("x", "y", "score"):
            np.testing.assert_allclose(getattr(mine, of), getattr(theirs, of), atol=1e-12)
    for mine, theirs in zip(measures.gains(label, score, weights=weight), measures.gains(*often), strict=True):
        assert (mine.band, mine.lowest_score) == (theirs.band, theirs.lowest_score)
        for of in ("bad_rate", "capture", "cumulative_capture", "lift", "cumulative_lift"):
            assert getattr(mine, of) == pytest.approx(getattr(theirs, of))
    bins = zip(measures.reliability(label, score, weights=weight), measures.reliability(*often), strict=True)
    for mine, theirs in bins:
        assert (mine.predicted, mine.observed, mine.weight) == pytest.approx(
            (theirs.predicted, theirs.observed, theirs.rows)
        )


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_the_weighted_auc_is_the_weight_of_the_pairs_won(rows: list[tuple[int, float, int]]) -> None:
    bad = [(score, weight) for label, score, weight in rows if label]
    good = [(score, weight) for label, score, weight in rows if not label]
    pairs = [(mine - other, w * v) for mine, w in bad for other, v in good]
    won = sum(both * (1.0 if apart > 0 else 0.5 if apart == 0 else 0.0) for apart, both in pairs)
    assert measures.auc(*columns(rows)) == pytest.approx(won / sum(both for _, both in pairs))


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_weights_of_one_change_no_bit(rows: list[tuple[int, float, int]]) -> None:
    label, score, _ = columns(rows)
    ones, other = np.ones(label.size), score[::-1]
    plain = measures.performance(label, score, TEN_TO_ONE)
    assert repr(measures.performance(label, score, TEN_TO_ONE, weights=ones)) == repr(plain)
    assert measures.gains(label, score, weights=ones) == measures.gains(label, score)
    assert measures.auc_difference(label, score, other, weights=ones) == measures.auc_difference(label, score, other)
    by_draws = bootstrap_auc_difference(label, score, other, draws=5, weights=ones)
    assert by_draws == bootstrap_auc_difference(label, score, other, draws=5)


UNITS: dict[str, Callable[[Vector, Vector, Vector], Interval]] = {
    "auc": lambda label, score, weight: measures.auc_interval(label, score, weights=weight),
    "difference": lambda label, score, weight: measures.auc_difference(label, score, score**2 % 0.3, weights=weight),
    "mean": lambda label, _, weight: measures.mean_interval(label, weights=weight),
}


@pytest.mark.parametrize("measure", UNITS)
def test_the_unit_of_the_weights_says_nothing_and_makes_no_interval_narrower(measure: str) -> None:
    """Rows that each stand for a thousand are not a thousand times as many."""
    label, score, weight = invented(300)
    once, thousand = (UNITS[measure](label, score, of) for of in (weight, 1000 * weight))
    for of in ("value", "standard_error", "low", "high"):
        assert getattr(thousand, of) == pytest.approx(getattr(once, of))


def test_the_interval_is_that_of_the_jackknife() -> None:
    """As Yao, Li and Graubard (2015) take it: each row left out in turn, class by class."""
    label, score, weight = invented(400)
    variance = 0.0
    for of in (0, 1):
        left_out = [
            measures.auc(np.delete(label, at), np.delete(score, at), np.delete(weight, at))
            for at in np.flatnonzero(label == of)
        ]
        variance += (len(left_out) - 1) * float(np.var(left_out))
    found = measures.auc_interval(label, score, weights=weight)
    assert found.standard_error == pytest.approx(math.sqrt(variance), rel=0.02)
    assert found.standard_error > 1.1 * measures.auc_interval(label, score).standard_error


def test_of_rows_that_were_drawn_unevenly_the_weighted_interval_holds_the_auc_of_all() -> None:
    """Who has a high score is drawn four times as often, and the AUC among the drawn is another one."""
    random = np.random.default_rng(3)
    risk = random.normal(size=60_000)
    came = (random.random(risk.size) < 1 / (1 + np.exp(2 - risk))).astype(float)
    score = risk + random.normal(size=risk.size)
    chance = np.where(score > 0, 0.8, 0.2) / 40
    of_all = measures.auc(came, score)
    held, plain_held = 0, 0
    for _ in range(200):
        drawn = random.random(risk.size) < chance
        of = came[drawn], score[drawn]
        weighted = measures.auc_interval(*of, weights=1 / chance[drawn])
        held += weighted.low <= of_all <= weighted.high
        plain = measures.auc_interval(*of)
        plain_held += plain.low <= of_all <= plain.high
    assert held >= 183  # of 200 at 95 %: fewer by chance once in a hundred
    assert plain_held < 160


def test_delong_and_the_bootstrap_agree_on_weighted_rows() -> None:
    label, score, weight = invented(1500, seed=5)
    other = np.round(score + np.random.default_rng(0).normal(0, 0.1, score.size), 2)
    delong = measures.auc_difference(label, score, other, weights=weight)
    drawn = bootstrap_auc_difference(label, score, other, weights=weight)
    assert drawn.value == pytest.approx(delong.value)
    assert drawn.standard_error == pytest.approx(delong.standard_error, rel=0.1)


def test_chance_is_told_by_as_many_rows_as_weigh_the_same() -> None:
    random = np.random.default_rng(2)
    bad, good = np.exp(random.uniform(-2, 2, 60)), np.exp(random.uniform(-2, 2, 240))
    label, weight = np.repeat([1.0, 0.0], [60, 240]), np.append(bad, good)
    bound = measures.auc_by_chance(measures.effective_rows(bad), measures.effective_rows(good))
    below = [measures.auc(label, random.random(300), weight) < bound for _ in range(2000)]
    assert np.mean(below) == pytest.approx(0.95, abs=0.015)
    assert bound > measures.auc_by_chance(60, 240)
    assert measures.effective_rows(np.full(60, 3.0)) == 60


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_a_weight_is_a_number_above_0(wrong: float) -> None:
    label, score, weight = invented(20)
    weight[3] = wrong
    with pytest.raises(ValueError, match="every weight must be a finite number above 0"):
        measures.auc(label, score, weight)
    with pytest.raises(ValueError, match=r"as many as the rows, not \(3,\) of \(20,\)"):
        measures.brier(label, score, [1, 1, 1])


def test_platts_line_through_a_row_of_weight_two_is_that_through_two() -> None:
    label, probability, _ = invented(400)
    margin, fold = measures.log_odds_of(probability), np.arange(400) % 4
    twice = [np.repeat(of, 2) for of in (margin, label, fold)]
    weighted, repeated = calibration.fit(margin, label, fold, weights=np.full(400, 2.0)), calibration.fit(*twice)
    assert (weighted.slope, weighted.intercept) == pytest.approx((repeated.slope, repeated.intercept))
    assert weighted.gain.value == pytest.approx(repeated.gain.value)
    # Two equal rows would be told as two observations; a row that counts twice is one.
    assert weighted.gain.standard_error == pytest.approx(math.sqrt(2) * repeated.gain.standard_error, rel=0.01)
    assert calibration.fit(margin, label, fold, weights=np.ones(400)) == calibration.fit(margin, label, fold)


def test_approval_rates_are_weighted_and_their_ratio_is_as_sure_as_the_effective_rows() -> None:
    """Of the women the approved count half."""
    groups = np.repeat(["F", "M"], 100)
    declined = np.tile([0.9, 0.1], 100)
    weight = np.where((groups == "F") & (declined == 0.1), 0.5, 1.0)
    label = np.tile([1, 1, 0, 0], 50)
    found = fairness.audit("Gender", groups, label, declined, threshold=0.5, weights=weight)
    women, men = found.levels
    assert (women.rows, women.approved, women.approval_rate) == (100, 50, pytest.approx(1 / 3))
    assert women.effective_rows == pytest.approx(75**2 / 62.5)
    assert (men.effective_rows, men.approval_rate) == (100, 0.5)
    ratio = found.selection_rate_ratio
    assert ratio is not None
    expected = fairness.ratio_of_rates(30, 90, 50, 100)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((expected.value, expected.low, expected.high))
