"""The measures against scikit-learn, and by hand where a small example says more."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from jobs.model import measures
from jobs.model.bootstrap import bootstrap_auc_difference
from jobs.model.measures import Vector
from jobs.runtime.settings import Decision

TEN_TO_ONE = Decision(cost_of_default=10, cost_of_decline=1)


def invented(rows: int = 400, seed: int = 1, digits: int = 2) -> tuple[Vector, Vector]:
    """Labels drawn with their own probabilities, rounded so that many scores tie."""
    random = np.random.default_rng(seed)
    probability = np.round(np.clip(random.beta(1.2, 8, rows), 0.01, 0.99), digits)
    return (random.random(rows) < probability).astype(float), probability


@pytest.mark.parametrize("seed", range(4))
def test_discrimination_agrees_with_scikit_learn(seed: int):
    label, score = invented(seed=seed)
    assert measures.auc(label, score) == pytest.approx(metrics.roc_auc_score(label, score), abs=1e-12)
    assert measures.gini(label, score) == pytest.approx(2 * metrics.roc_auc_score(label, score) - 1, abs=1e-12)
    assert measures.average_precision(label, score) == pytest.approx(metrics.average_precision_score(label, score))
    false_rate, true_rate, _ = metrics.roc_curve(label, score, drop_intermediate=False)
    roc = measures.roc_curve(label, score)
    np.testing.assert_allclose([roc.x, roc.y], [false_rate, true_rate])
    assert measures.kolmogorov_smirnov(label, score).value == pytest.approx((true_rate - false_rate).max())


def test_a_mean_has_its_normal_interval():
    found = measures.mean_interval([1, 0, 0, 1])
    error = math.sqrt((4 * 0.25 / 3) / 4)
    assert (found.value, found.standard_error) == pytest.approx((0.5, error))
    assert (found.low, found.high) == pytest.approx((0.5 - 1.959964 * error, 0.5 + 1.959964 * error))
    assert measures.mean_interval([0.3]).high == math.inf
    with pytest.raises(ValueError, match="no rows"):
        measures.mean_interval([])


@pytest.mark.parametrize("seed", range(4))
def test_calibration_agrees_with_scikit_learn(seed: int):
    label, probability = invented(seed=seed)
    assert measures.brier(label, probability) == pytest.approx(metrics.brier_score_loss(label, probability))
    assert measures.log_loss(label, probability) == pytest.approx(metrics.log_loss(label, probability))
    odds = np.log(probability / (1 - probability))[:, None]
    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(odds, label)
    line = measures.calibration_line(label, probability)
    assert (line.intercept, line.slope) == pytest.approx((fitted.intercept_[0], fitted.coef_[0, 0]), abs=1e-4)


def test_decisions_agree_with_scikit_learn():
    label, probability = invented()
    table = measures.confusion(label, probability, 0.1)
    declined = probability >= 0.1
    expected = metrics.confusion_matrix(label, declined).ravel().tolist()
    assert [table.true_negative, table.false_positive, table.false_negative, table.true_positive] == expected
    assert table.f1 == pytest.approx(metrics.f1_score(label, declined))
    assert table.accuracy == pytest.approx(metrics.accuracy_score(label, declined))
    assert table.precision == pytest.approx(metrics.precision_score(label, declined))
    assert table.recall == pytest.approx(metrics.recall_score(label, declined))


def test_auc_by_hand_with_a_tie():
    # Pairs (bad, good): 0.8 beats both, 0.4 ties one and beats one: 3.5 of 4.
    assert measures.auc([1, 1, 0, 0], [0.8, 0.4, 0.4, 0.1]) == 3.5 / 4


def test_delong_is_the_variance_of_the_pairwise_comparisons():
    label, score = invented(rows=60, seed=3)
    bad, good = score[label == 1], score[label == 0]
    wins = (bad[:, None] > good) + 0.5 * (bad[:, None] == good)
    variance = wins.mean(axis=1).var(ddof=1) / bad.size + wins.mean(axis=0).var(ddof=1) / good.size
    interval = measures.auc_interval(label, score)
    assert interval.value == pytest.approx(wins.mean())
    assert interval.standard_error == pytest.approx(math.sqrt(variance))
    assert interval.high == pytest.approx(min(1, interval.value + 1.959964 * interval.standard_error))


@pytest.fixture(scope="module")
def pair() -> tuple[Vector, Vector, Vector]:
    """Labels, scores and others that are the scores with noise; many of both tie."""
    label, score = invented(rows=1500, seed=5)
    return label, score, np.round(score + np.random.default_rng(0).normal(0, 0.1, score.size), 2)


def test_delong_agrees_with_the_bootstrap(pair: tuple[Vector, Vector, Vector]):
    delong, bootstrap = measures.auc_difference(*pair), bootstrap_auc_difference(*pair)
    label, score, other = pair
    assert delong.value == pytest.approx(metrics.roc_auc_score(label, score) - metrics.roc_auc_score(label, other))
    assert bootstrap.value == pytest.approx(delong.value)
    assert bootstrap.standard_error == pytest.approx(delong.standard_error, rel=0.1)
    assert (bootstrap.low, bootstrap.high) == pytest.approx((delong.low, delong.high), abs=delong.standard_error / 4)


def test_the_bootstrap_is_that_of_the_rows_drawn(pair: tuple[Vector, Vector, Vector]):
    label, score, other = (values[:80] for values in pair)
    order = np.lexsort((label, other, score))
    bad, good = (order[label[order] == of] for of in (1, 0))
    random = np.random.default_rng(0)
    differences = []
    for _ in range(50):
        chosen = [random.choice(rows, rows.size) for rows in (bad, good)]
        drawn = np.concatenate(chosen)
        differences.append(measures.auc(label[drawn], score[drawn]) - measures.auc(label[drawn], other[drawn]))
    found = bootstrap_auc_difference(label, score, other, confidence=0.9, draws=50)
    assert found.standard_error == pytest.approx(np.std(differences, ddof=1))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(differences, [0.05, 0.95])))


def test_the_bootstrap_is_the_same_again_and_for_rows_in_another_order(pair: tuple[Vector, Vector, Vector]):
    first = bootstrap_auc_difference(*pair, draws=50)
    shuffled = np.random.default_rng(3).permutation(pair[0].size)
    assert bootstrap_auc_difference(*(values[shuffled] for values in pair), draws=50) == first
    assert bootstrap_auc_difference(*pair, draws=50, seed=1) != first


def test_a_score_does_not_differ_from_itself():
    label, score = invented()
    for compare in (measures.auc_difference, bootstrap_auc_difference):
        difference = compare(label, score, score)
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_ks_by_hand():
    distance = measures.kolmogorov_smirnov([1, 0, 1, 0, 0], [0.9, 0.7, 0.6, 0.3, 0.2])
    assert distance.value == pytest.approx(1 - 1 / 3)
    assert distance.score == 0.6


def test_calibration_error_by_hand():
    # Two bins of two: means 0.15 and 0.65 predicted, 0 and 1 observed.
    label, probability = [0, 1, 0, 1], [0.1, 0.7, 0.2, 0.6]
    bins = measures.reliability(label, probability, bins=2)
    assert [(b.rows, b.observed) for b in bins] == [(2, 0.0), (2, 1.0)]
    assert [b.predicted for b in bins] == pytest.approx([0.15, 0.65])
    assert measures.calibration_error(label, probability, bins=2) == pytest.approx((0.15 + 0.35) / 2)


def test_calibration_error_agrees_with_scikit_learn():
    label, probability = invented(rows=5000, digits=17)
    observed, predicted = calibration_curve(label, probability, n_bins=10, strategy="quantile")
    assert [b.predicted for b in measures.reliability(label, probability)] == pytest.approx(predicted)
    assert measures.calibration_error(label, probability) == pytest.approx(np.abs(observed - predicted).mean())


def test_equal_probabilities_share_a_bin_whatever_their_order():
    label, probability = np.array([1, 0, 0, 0, 1, 0]), np.array([0.2, 0.2, 0.2, 0.2, 0.2, 0.9])
    bins = measures.reliability(label, probability, bins=3)
    assert [b.rows for b in bins] == [5, 1]
    assert measures.reliability(label[::-1], probability[::-1], bins=3) == bins


def test_calibration_noise_shrinks_with_the_rows_and_bounds_a_perfect_model():
    label, probability = invented(rows=20000, digits=6)
    few, many = measures.calibration_noise(probability[:300]), measures.calibration_noise(probability)
    assert few.mean > 4 * many.mean
    assert many.mean < many.bound
    assert measures.calibration_error(label, probability) < many.bound
    assert measures.calibration_error(label, np.minimum(1, 1.3 * probability)) > many.bound
    assert measures.calibration_noise(probability[:300]) == few


def test_calibration_line_says_that_probabilities_are_spread_too_far():
    label, probability = invented(rows=20000, digits=6)
    true = measures.calibration_line(label, probability)
    assert true.slope == pytest.approx(1, abs=0.1)
    odds = 2 * np.log(probability / (1 - probability))
    assert measures.calibration_line(label, 1 / (1 + np.exp(-odds))).slope == pytest.approx(true.slope / 2)


@pytest.mark.parametrize("probability", [[0.1, 0.2, 0.8, 0.9], [0.3] * 4])
def test_no_calibration_line_through_separated_or_constant_probabilities(probability: list[float]):
    assert math.isnan(measures.calibration_line([0, 0, 1, 1], probability).slope)


def test_gains_by_hand():
    label = [1, 1, 0, 1, 0, 0, 0, 0]
    score = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
    first, second, *_, last = measures.gains(label, score, bands=4)
    assert (first.band, first.rows, first.bad, first.bad_rate, first.lowest_score) == (1, 2, 2, 1.0, 0.8)
    assert (first.capture, first.lift) == pytest.approx((2 / 3, 8 / 3))
    assert (second.cumulative_capture, second.cumulative_lift) == pytest.approx((1.0, 2.0))
    assert (last.band, last.cumulative_capture, last.cumulative_lift) == pytest.approx((4, 1.0, 1.0))


def test_the_cheapest_threshold_is_the_one_of_the_costs():
    label, probability = invented(rows=20000, digits=6)
    costs = {t: measures.confusion(label, probability, t).cost(10, 1) for t in (0.03, 1 / 11, 0.3, 0.9)}
    assert min(costs, key=costs.__getitem__) == TEN_TO_ONE.threshold


def test_cost_by_hand():
    # One bad applicant approved (10), one good one declined (1), four decisions.
    assert measures.confusion([1, 0, 0, 1], [0.05, 0.5, 0.01, 0.6], 0.1).cost(10, 1) == 11 / 4


def test_approval_rate_and_bad_rate_by_hand():
    # Approved below 0.5: three of five, one of them bad.
    table = measures.confusion([0, 1, 0, 1, 0], [0.1, 0.2, 0.3, 0.6, 0.7], 0.5)
    assert (table.approval_rate, table.bad_rate_of_approved) == (3 / 5, 1 / 3)


def test_strategy_curve_by_hand():
    curve = measures.strategy_curve([0, 1, 0, 1], [0.1, 0.2, 0.2, 0.4])
    assert curve.x.tolist() == [0.25, 0.75, 1.0]
    assert curve.y.tolist() == pytest.approx([0, 1 / 3, 0.5])
    assert curve.score.tolist() == [0.2, 0.4, math.inf]


@pytest.mark.parametrize(("bad", "good"), [(3, 37), (22, 288)])
def test_scores_by_chance_seldom_reach_more_than_is_said(bad: int, good: int):
    random = np.random.default_rng(4)
    bound = measures.auc_by_chance(bad, good)
    labels = np.arange(bad + good) < bad
    beyond = [measures.auc(labels, random.random(bad + good)) > bound for _ in range(1000)]
    assert 0.03 < np.mean(beyond) < 0.07


def test_what_can_be_told_from_chance_is_told_four_times_of_five():
    bad, good = 22, 288
    random = np.random.default_rng(4)
    labels = np.arange(bad + good) < bad
    # The distance of two normal distributions that gives the AUC: Phi(distance / sqrt 2).
    distance = math.sqrt(2) * NormalDist().inv_cdf(measures.auc_told_from_chance(bad, good))
    bound = measures.auc_by_chance(bad, good)
    told = [measures.auc(labels, random.normal(size=bad + good) + distance * labels) > bound for _ in range(1000)]
    assert 0.77 < np.mean(told) < 0.83


def test_performance_gathers_the_single_measures():
    label, probability = invented()
    found = measures.performance(label, probability, TEN_TO_ONE)
    interval = measures.auc_interval(label, probability)
    assert (found.rows, found.bad_rate) == (400, label.mean())
    assert (found.auc_low, found.auc, found.auc_high) == (interval.low, interval.value, interval.high)
    assert found.f1 == measures.confusion(label, probability, 1 / 11).f1
    assert found.calibration_error == measures.calibration_error(label, probability)


def test_no_measure_depends_on_the_order_of_the_rows():
    label, probability = invented(rows=3000, digits=17)
    shuffled = np.random.default_rng(2).permutation(3000)
    in_order = measures.performance(label, probability, TEN_TO_ONE)
    assert measures.performance(label[shuffled], probability[shuffled], TEN_TO_ONE) == in_order


@pytest.mark.parametrize(
    ("label", "score", "message"),
    [
        ([], [], "no rows"),
        ([1, 1], [0.1, 0.2], "needs both classes"),
        ([0, 1], [0.1], "of one length"),
        ([0, 2], [0.1, 0.2], "must be 0 or 1, not 2"),
        ([0, 1], [0.1, math.nan], "finite"),
    ],
)
def test_what_cannot_be_measured_is_refused(label: list[int], score: list[float], message: str):
    for measure in (measures.auc, measures.kolmogorov_smirnov, measures.gains, measures.calibration_line):
        with pytest.raises(ValueError, match=message):
            measure(label, score)


def test_one_bad_row_has_no_standard_error():
    with pytest.raises(ValueError, match="1 bad and 2 good rows"):
        measures.auc_interval([1, 0, 0], [0.3, 0.2, 0.1])
