"""The fairness audit, by hand."""

import numpy as np
import pytest

from jobs.model.fairness import age_bands, audit, elderly_ratio, marital_status, ratio_of_rates

# Threshold 0.5. Women: 4 of 5 approved, all 3 good ones among them; men: 2 of 5, 2 of the 4 good ones.
GROUPS = ["F"] * 5 + ["M"] * 5
LABELS = [*[0, 0, 0, 1, 1], *[0, 0, 0, 0, 1]]
PROBABILITIES = [*[0.1, 0.1, 0.2, 0.3, 0.9], *[0.1, 0.2, 0.6, 0.7, 0.8]]


def test_audit_by_hand():
    found = audit("CODE_GENDER", GROUPS, LABELS, PROBABILITIES, threshold=0.5)
    women, men = found.levels
    assert (women.name, women.rows, women.approved, women.approval_rate) == ("F", 5, 4, 0.8)
    assert (men.bad_rate, men.predicted, men.good_approval_rate) == pytest.approx((0.2, 0.48, 0.5))
    # Bins of one probability each: 0.1 twice, 0.2, 0.3, 0.9 against outcomes of 0, 0, 1, 1.
    assert women.calibration_error == pytest.approx((2 * 0.1 + 0.2 + 0.7 + 0.1) / 5)
    assert women.auc is not None
    assert women.auc.value == 1
    assert men.auc is None  # one bad row has no standard error
    assert found.selection_rate_ratio is not None
    assert found.selection_rate_ratio.value == pytest.approx(0.5)
    assert found.equal_opportunity_difference == pytest.approx(0.5)


def test_a_group_below_two_percent_is_shown_but_not_compared():
    groups = ["F"] * 50 + ["M"] * 49 + ["XNA"]
    labels = np.arange(100) % 2
    probabilities = np.array([0.1] * 99 + [0.9])
    found = audit("CODE_GENDER", groups, labels, probabilities, threshold=0.5)
    assert [level.name for level in found.levels] == ["F", "M", "XNA"]
    assert found.selection_rate_ratio is not None
    assert found.selection_rate_ratio.value == 1


def test_ages_come_in_their_order_and_other_groups_by_size():
    bands = ["62 and over", "unknown", "unknown", "25 to 34", "under 25", "25 to 34", "55 to 61", "unknown"]
    assert [level.name for level in audit("Age", bands, [0] * 8, [0.1] * 8, threshold=0.5).levels] == [
        "under 25",
        "25 to 34",
        "55 to 61",
        "62 and over",
        "unknown",
    ]
    people = ["M", "F", "F", "XNA"]
    assert [level.name for level in audit("CODE_GENDER", people, [0] * 4, [0.1] * 4, threshold=0.5).levels] == [
        "F",
        "M",
        "XNA",
    ]


def test_one_group_compares_with_nobody():
    found = audit("CODE_GENDER", ["F"] * 10, LABELS, PROBABILITIES, threshold=0.5)
    assert (found.selection_rate_ratio, found.equal_opportunity_difference) == (None, None)


def test_the_interval_of_the_ratio_holds_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(4)
    chosen, others = random.binomial(200, 0.72, 2000), random.binomial(300, 0.9, 2000)
    intervals = [ratio_of_rates(int(a), 200, int(b), 300) for a, b in zip(chosen, others, strict=True)]
    assert np.mean([i.low <= 0.8 <= i.high for i in intervals]) == pytest.approx(0.95, abs=0.015)


def test_a_group_of_which_nobody_is_approved_has_a_ratio_near_zero():
    ratio = ratio_of_rates(0, 50, 40, 50)
    assert 0 < ratio.value < 0.05
    assert ratio.low < ratio.value < ratio.high


def test_a_ratio_needs_both_groups():
    with pytest.raises(ValueError, match="0 and 5 rows"):
        ratio_of_rates(0, 0, 4, 5)


def test_age_bands_are_half_open():
    days = [-years * 365.25 for years in (24.9, 25, 34.9, 61.9, 62, float("nan"))]
    assert age_bands(days).tolist() == ["under 25", "25 to 34", "25 to 34", "55 to 61", "62 and over", "unknown"]


@pytest.mark.parametrize(
    ("young", "middle", "elderly", "ratio"),
    [
        (40, 80, 60, 0.75),  # against the band that is approved most, not against all others
        (80, 40, 60, 0.75),
        (40, 60, 80, 80 / 60),  # favouring the elderly is allowed: the ratio is above 1
    ],
)
def test_the_elderly_are_compared_with_the_younger_band_that_is_approved_most(young, middle, elderly, ratio):
    bands, probabilities = [], []
    for band, approved in (("under 25", young), ("35 to 44", middle), ("62 and over", elderly)):
        bands += [band] * 100
        probabilities += [0.1] * approved + [0.9] * (100 - approved)
    found = elderly_ratio(audit("Age", bands, [0] * 300, probabilities, threshold=0.5).compared)
    assert found is not None
    assert found.value == pytest.approx(ratio)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("bands", [["62 and over"] * 100, ["25 to 34"] * 100, ["25 to 34"] * 99 + ["62 and over"]])
def test_without_two_sides_of_which_neither_is_tiny_the_elderly_are_not_compared(bands):
    assert elderly_ratio(audit("Age", bands, [0] * 100, [0.1] * 100, threshold=0.5).compared) is None


def test_marital_status_is_one_of_three_or_as_delivered():
    statuses = ["Married", "Civil marriage", "Single / not married", "Widow", "Separated", "unknown"]
    assert marital_status(statuses).tolist() == [*["married"] * 2, *["unmarried"] * 2, "separated", "unknown"]
