"""What a model expects, against plain counting of every pair and every outcome."""

from itertools import product

import numpy as np
import pytest

from jobs.model.expectations import aucs, expected
from jobs.model.measures import auc


def test_the_auc_of_steps_is_that_of_the_applicants() -> None:
    random = np.random.default_rng(4)
    step = random.integers(0, 30, 400)
    bad = (random.random(400) < step / 60).astype(float)
    rows = np.bincount(step, minlength=30).astype(float)
    of_steps = aucs(np.bincount(step, bad, minlength=30)[None], rows)
    assert of_steps[0] == pytest.approx(auc(bad, step.astype(float)), abs=1e-12)


def test_bad_rate_and_its_interval_are_those_of_every_outcome_counted() -> None:
    probabilities = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.7, 0.8, 0.9])
    chances = dict.fromkeys(range(9), 0.0)
    for outcome in product((0, 1), repeat=8):
        chances[sum(outcome)] += float(np.prod(np.where(outcome, probabilities, 1 - probabilities)))
    upto = np.cumsum([chances[number] for number in range(9)])
    found = expected(np.ones(8), probabilities, confidence=0.8).bad_rate
    assert found.value == pytest.approx(sum(number * chance for number, chance in chances.items()) / 8)
    assert found.low == np.searchsorted(upto, 0.1) / 8
    assert found.high == np.searchsorted(upto, 0.9) / 8


def test_the_implied_auc_is_that_of_many_outcomes_drawn() -> None:
    random = np.random.default_rng(5)
    probabilities = np.sort(random.beta(1, 9, 600))
    drawn = [auc((random.random(600) < probabilities).astype(float), probabilities) for _ in range(300)]
    found = expected(np.ones(600), probabilities).auc
    assert found.value == pytest.approx(np.mean(drawn), abs=0.005)
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)


def test_where_the_probabilities_are_right_the_interval_holds_what_comes() -> None:
    random = np.random.default_rng(6)
    probabilities = np.sort(random.beta(1, 9, 800))
    found = expected(np.ones(800), probabilities)
    held = 0
    for _ in range(200):
        bad = (random.random(800) < probabilities).astype(float)
        held += found.auc.low <= auc(bad, probabilities) <= found.auc.high
    assert held >= 180


def test_nobody_is_expected_nothing_of_and_certainty_has_no_auc() -> None:
    assert not expected(np.array([]), np.array([])).bad_rate.is_known
    assert not expected(np.array([3.0]), np.array([0.0])).auc.is_known
