"""Two samples of applicants told apart, or not."""

import numpy as np

from jobs.model.domain_classifier import apart


def samples(moved: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(9)
    before, now = random.normal(size=(400, 5)), random.normal(size=(300, 5))
    now[:, 2] += moved
    before[::7, 1] = np.nan
    now[::7, 1] = np.nan
    return before, now


def test_samples_of_one_population_are_not_told_apart() -> None:
    auc, _ = apart(*samples(0.0), ["a", "b", "c", "d", "e"])
    assert auc.low < 0.5 < auc.high


def test_what_has_moved_is_told_and_named_first() -> None:
    auc, by = apart(*samples(1.0), ["a", "b", "c", "d", "e"], most=3)
    assert auc.low > 0.6
    assert next(iter(by)) == "c"
    assert len(by) == 3
