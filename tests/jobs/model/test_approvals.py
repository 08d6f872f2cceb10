"""A change of the share approved, and whose doing it was."""

import numpy as np
import pytest

from jobs.model.approvals import approval_change, said_of
from tests.jobs.model.test_reference import counts_of

THRESHOLD = -2.3


def margins(seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).normal(-2.5, 0.8, 20_000)


def test_one_family_that_moves_everybody_is_the_whole_change() -> None:
    before = counts_of(margins(), external=-0.2, age=0.1)
    now = counts_of(margins() + 0.3, external=0.1, age=0.1)
    change = approval_change(before, now, THRESHOLD)
    by_family = {family.family: family.approvals for family in change.families}
    plain = ((margins() + 0.3) < THRESHOLD).mean() - (margins() < THRESHOLD).mean()
    assert change.change == pytest.approx(plain, abs=1e-3)
    assert by_family["external"] == pytest.approx(plain, abs=2e-3)
    assert by_family["age"] == 0
    assert change.other == pytest.approx(0, abs=2e-3)


def test_parts_add_up_whatever_their_order_and_the_largest_is_named_first() -> None:
    before = counts_of(margins(), a=0.0, b=0.0, c=0.0)
    now = counts_of(margins(8) * 1.1 + 0.2, a=0.3, b=-0.2, c=0.01)
    change = approval_change(before, now, THRESHOLD)
    assert [family.family for family in change.families] == ["a", "b", "c"]
    assert sum(family.approvals for family in change.families) + change.other == pytest.approx(change.change)
    assert change.families[0].approvals < 0 < change.families[1].approvals


def test_families_that_cancel_each_other_are_still_told() -> None:
    now = counts_of(margins(), a=0.2, b=-0.2)
    change = approval_change(counts_of(margins(), a=0.0, b=0.0), now, THRESHOLD)
    assert change.change == 0
    assert change.families[0].approvals == pytest.approx(-change.families[1].approvals)
    assert abs(change.families[0].approvals) > 0.05


def test_a_reviewer_reads_points_and_families() -> None:
    before = counts_of(margins(), **{"external scores": -0.2})
    now = counts_of(margins() + 0.3, **{"external scores": 0.1})
    said = said_of(approval_change(before, now, THRESHOLD))
    assert said.startswith("approvals fell by 15.1 points to 45.4%: -15.1 from external scores")
    assert said_of(approval_change(before, before, THRESHOLD)) == "approvals stayed at 60.5% (+0.0 points)"
