"""Which of several trials is chosen: three runs that are made up, so that it is known which."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from jobs.model.candidates import Candidate, Logistic, OutOfFold, Trees
from jobs.model.choice import Trial, choose, undecided
from jobs.runtime.settings import load_settings

RANDOM = np.random.default_rng(1)
RISK = RANDOM.normal(size=4000)
LABELS = (RANDOM.random(4000) < 1 / (1 + np.exp(2 - 1.5 * RISK))).astype(float)
NOISE = RANDOM.normal(size=(3, 4000))
TREES = Trees(load_settings().train)


def trial(name: str, noise: float, leaves: int, candidate: Candidate = TREES, drawn: int = 0) -> Trial:
    """A fake run whose margins are the true risk under so much noise."""
    return Trial(name, candidate, (answer(noise, leaves, drawn),), f"run of {name}")


def answer(noise: float, leaves: int, drawn: int) -> OutOfFold:
    """One step of a made-up fit."""
    margins = np.array([RISK + noise * NOISE[drawn]])
    return OutOfFold(
        np.arange(4000),
        LABELS,
        np.ones(4000),
        np.arange(4000) % 5,
        margins,
        np.array([100.0]),
        np.array([float(leaves)]),
        seconds=3,
    )


def with_leaves(trial: Trial, leaves: int) -> Trial:
    """The same trial with another size."""
    return replace(trial, answers=(replace(trial.first, sizes=np.array([float(leaves)])),))


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
    second, first = with_leaves(runs[0], 200), with_leaves(runs[1], 900)
    behind = second.behind(first)
    assert 0 < behind.value < behind.standard_error
    found = choose([first, poor, second])
    assert (found.chosen, found.best) == (second, first)
    assert f"{second.name} is the simplest within one standard error of the best, {first.name}" in found.reason
    assert "with 200 leaves instead of" in found.reason
    assert f"{first.name} is better than {second.name} with a chance of" in found.reason


def test_shallow_trees_are_simpler_than_few_leaves() -> None:
    shallow = Trees(load_settings(overrides=("train.max_depth=1",)).train)
    deep, many = trial("deep", 0.10, 100), trial("many", 0.101, 4000, shallow, drawn=1)
    assert abs(many.behind(deep).value) < deep.behind(many).standard_error
    assert choose([deep, many]).chosen is many


def test_the_words_say_how_sure_a_choice_is() -> None:
    best, close, far = trial("best", 0.1, 900), trial("close", 0.11, 100, drawn=1), trial("far", 2.0, 10)
    behind = close.behind(best)
    sure = NormalDist().cdf(behind.value / behind.standard_error)
    assert f"best is better than close with a chance of {sure:.0%}, by folds dealt once" in choose([best, close]).reason
    assert "best is better than far with a chance of 100%" in choose([best, far]).reason
    twice = [each.also(answer(0.2, 100, 2)) for each in (best, close)]
    assert "by folds dealt 2 times" in choose(twice).reason


def test_folds_are_dealt_again_for_those_that_noise_decides_between() -> None:
    best, close, far = trial("best", 0.3, 900), trial("close", 0.31, 100, drawn=1), trial("far", 2.0, 10)
    line = trial("line", 0.2, 8, Logistic(0.1))
    error = close.behind(best).standard_error
    assert undecided([line, best, close, far], error / 2) == [best, close]
    assert undecided([line, best, close, far], error * 2) == []
    assert undecided([best, far], 1e-9) == []


def test_other_folds_lessen_their_own_noise_and_pairs_are_of_the_same_folds() -> None:
    one, other = trial("one", 0.8, 900), trial("other", 0.8, 900, drawn=1)
    more = one.also(answer(0.8, 900, 1)), other.also(answer(0.8, 900, 2))
    assert more[0].behind(more[1]).standard_error < one.behind(other).standard_error
    assert more[0].auc.value == pytest.approx((one.auc.value + other.auc.value) / 2)
    assert more[0].behind(other) == one.behind(other)


def test_the_rounds_are_those_of_least_loss_over_all_applicants() -> None:
    noisy, good = answer(2.0, 10, 0), answer(0.1, 20, 0)
    steps = replace(
        good,
        margins=np.concatenate([noisy.margins, good.margins, noisy.margins]),
        rounds=np.array([10.0, 20, 30]),
        sizes=np.array([10.0, 20, 30]),
    )
    found = Trial("trees", TREES, (steps,), "")
    assert (found.rounds, found.size, found.log_loss) == (20, 20, steps.losses.min())
    assert found.auc.value == Trial("good", TREES, (good,), "").auc.value


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
        _ = replace(found, answers=(replace(found.first, labels=np.zeros(4000)),)).auc
