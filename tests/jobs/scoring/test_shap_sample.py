"""Whether reasons stay under another seed, by hand."""

import numpy as np
import pytest

from jobs.scoring.shap_sample import NO_REASON, Drivers, Stability, logged_stability, stability

NAMES = ("EXT_SOURCE_MEAN", "CREDIT_INCOME_PERCENT", "ANNUITY_INCOME_PERCENT")
FAMILIES = ("external scores", "affordability", "affordability")

#            external   affordability, affordability
ANNA = [0.5, 0.2, 0.2]  # external scores
BRUNO = [0.3, 0.2, 0.2]  # affordability, by the sum of two
CARLA = [-0.5, -0.2, 0.1]  # nothing raises the risk
DMITRI = [0.1, -0.2, -0.1]  # external scores


def drivers(*rows: list[float]) -> Drivers:
    contributions = np.array(rows)
    return Drivers(contributions, contributions * 0, np.zeros(len(rows)), -2.5, NAMES, FAMILIES)


def test_the_first_reason_is_the_family_that_raises_the_risk_most() -> None:
    affordability, external = 0, 1
    assert drivers(ANNA, BRUNO, CARLA, DMITRI).top_reasons.tolist() == [external, affordability, NO_REASON, external]


def test_a_model_agrees_with_itself() -> None:
    one = drivers(ANNA, BRUNO, CARLA, DMITRI)
    assert stability(one, one) == Stability(1.0, pytest.approx(1.0))


def test_two_models_agree_where_the_first_reason_is_the_same() -> None:
    first = drivers(ANNA, BRUNO, CARLA, DMITRI)
    second = drivers(BRUNO, ANNA, CARLA, DMITRI)
    assert stability(first, second).same_top_reason == 0.5


def test_importance_is_compared_by_rank() -> None:
    first, second = drivers([0.9, 0.2, 0.1]), drivers([0.1, 0.2, 0.9])
    assert stability(first, second).importance_rank_correlation == pytest.approx(-1.0)
    assert stability(first, drivers([9.0, 0.5, 0.4])).importance_rank_correlation == pytest.approx(1.0)


def test_what_was_logged_is_read_again() -> None:
    found = Stability(0.9, 0.8)
    assert logged_stability({"auc": 0.7, **found.logged}) == found
    assert logged_stability({"auc": 0.7}) is None


def test_the_riskiest_of_a_sample_has_the_largest_margin() -> None:
    contributions, _, names, base_value = drivers(BRUNO, ANNA, CARLA).riskiest
    assert contributions.tolist() == ANNA
    assert (names, base_value) == (NAMES, -2.5)
