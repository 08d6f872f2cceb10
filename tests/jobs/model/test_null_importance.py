"""Which features are kept: those that say more of the labels than of labels dealt at random."""

import numpy as np
import pytest

from jobs.model.null_importance import gains, kept
from jobs.runtime.settings import load_settings

ROWS, FEATURES, TELLING = 1500, 40, (3, 17, 29)
SETTINGS = load_settings(
    overrides=(
        *("selection.shuffles=6", "selection.quantile=0.9", "selection.fewest=1", "selection.most=40"),
        *("selection.rounds=15", "selection.seed=1", "selection.min_child_weight=5", "selection.reg_alpha=0"),
    )
).selection

ONCE = np.ones(ROWS)


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    values = random.normal(size=(ROWS, FEATURES)).astype(np.float32)
    margin = values[:, TELLING].sum(axis=1) - 1
    return values, (random.random(ROWS) < 1 / (1 + np.exp(-margin))).astype(np.float32)


def test_what_tells_is_kept_and_most_of_what_does_not_goes(rows: tuple) -> None:
    found = kept(*rows, ONCE, SETTINGS)
    assert set(TELLING) <= set(found)
    assert found.tolist() == sorted(found)
    assert len(found) < FEATURES / 2


def test_under_labels_that_mean_nothing_little_is_kept(rows: tuple) -> None:
    shuffled = np.random.default_rng(9).permutation(rows[1])
    assert len(kept(rows[0], shuffled, ONCE, SETTINGS)) < FEATURES / 3


def test_the_bounds_hold_and_the_most_telling_go_first(rows: tuple) -> None:
    all_kept = kept(*rows, ONCE, SETTINGS.model_copy(update={"fewest": FEATURES}))
    assert all_kept.tolist() == list(range(FEATURES))
    three = kept(*rows, ONCE, SETTINGS.model_copy(update={"most": 3}))
    assert three.tolist() == list(TELLING)


def test_gains_are_of_the_features_in_their_places(rows: tuple) -> None:
    found = gains(*rows, ONCE, SETTINGS)
    assert found.shape == (FEATURES,)
    assert set(np.argsort(-found)[:3]) == set(TELLING)
