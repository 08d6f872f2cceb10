"""Which of several trials is chosen: three runs that are made up, so that it is known which."""

from dataclasses import replace

import numpy as np
import pytest

from jobs.model.candidates import Candidate, Logistic, OutOfFold, Trees
from jobs.model.choice import Trial, choose
from jobs.runtime.settings import load_settings

RANDOM = np.random.default_rng(1)
RISK = RANDOM.normal(size=4000)
LABELS = (RANDOM.random(4000) < 1 / (1 + np.exp(2 - 1.5 * RISK))).astype(float)
NOISE = RANDOM.normal(size=(3, 4000))
TREES = Trees(load_settings().train)


def trial(name: str, noise: float, leaves: int, candidate: Candidate = TREES, drawn: int = 0) -> Trial:
    """A fake run whose margins are the true risk under so much noise."""
    answered = OutOfFold(LABELS, RISK + noise * NOISE[drawn], rounds=100, size=leaves, seconds=3)
    return Trial(name, candidate, answered, f"run of {name}")


def test_of_three_runs_the_best_is_chosen_whatever_their_order() -> None:
    good, better, best = trial("good", 1.0, 100), trial("better", 0.5, 400), trial("best", 0.1, 900)
    assert good.auc.value < better.auc.value < best.auc.value
    for runs in ([good, better, best], [best, better, good], [better, best, good]):
        found = choose(runs)
        assert (found.chosen, found.best) == (best, best)
    assert "best has the best AUC" in found.reason


def test_the_simplest_within_one_standard_error_goes_before_the_best() -> None:
    large, small, poor = trial("large", 0.10, 900), trial("small", 0.101, 200, drawn=1), trial("poor", 1.0, 10)
    runs = sorted([large, small], key=lambda each: each.auc.value)
    second, first = replace(runs[0], answered=replace(runs[0].answered, size=200)), runs[1]
    first = replace(first, answered=replace(first.answered, size=900))
    behind = second.behind(first)
    assert 0 < behind.value < behind.standard_error
    found = choose([first, poor, second])
    assert (found.chosen, found.best) == (second, first)
    assert f"{second.name} is the simplest within one standard error of the best, {first.name}" in found.reason
    assert "200 leaves instead of 900" in found.reason


def test_the_standard_error_is_of_the_difference_not_of_one_auc() -> None:
    best, close = trial("best", 0.1, 900), trial("close", 0.25, 100)
    behind = close.behind(best)
    assert behind.standard_error < behind.value < best.auc.standard_error
    assert choose([best, close]).chosen is best


def test_a_baseline_is_never_chosen_but_held_against_the_trees() -> None:
    trees = trial("trees", 0.5, 100)
    lines = [trial("poor line", 1.0, 8, Logistic(0.001)), trial("good line", 0.1, 8, Logistic(0.1))]
    found = choose([*lines, trees])
    assert (found.chosen, found.baseline) == (trees, lines[1])
    behind = trees.behind(lines[1])
    assert behind.value > 0
    assert found.sentences[1] == (
        f"{behind.value:.4f} ({behind.low:.4f} to {behind.high:.4f}) of AUC behind the baseline, good line"
    )
    assert "of AUC ahead of the baseline, poor line" in choose([lines[0], trees]).sentences[1]
    assert len(choose([trees]).sentences) == 1


def test_of_two_equal_runs_the_first_is_chosen() -> None:
    first, second = trial("first", 0.1, 100), trial("second", 0.1, 100)
    assert choose([first, second]).chosen is first


def test_a_summary_says_what_a_trial_came_to_and_cost() -> None:
    found = trial("trees 3", 0.1, 1234)
    assert found.summary == (
        f"trees 3: AUC {found.auc.value:.4f} ± {found.auc.standard_error:.4f}, 100 trees, 1,234 leaves, 3 s of fitting"
    )
    with pytest.raises(ValueError, match="both classes"):
        _ = replace(found, answered=replace(found.answered, labels=np.zeros(4000))).auc
