"""What the history of champions says, told in small tables. Nothing here needs a session."""

from datetime import datetime

import pytest

from jobs.promotion.succession import ROLLBACK, Promotion, rolled_back, succession
from jobs.rollback import earlier_champion
from jobs.runtime.errors import UserError


def told(*changes: str) -> list[Promotion]:
    """Changes written as "promote 1 2"; "register 0 1" is the first."""
    rows = []
    for minute, change in enumerate(changes):
        verb, before, after = change.split()
        at = datetime(2026, 1, 1, 12, minute)
        rows.append(Promotion(at, verb, "anna", int(before) or None, int(after), "hash", "because"))
    return rows


FIRST = "register 0 1"


@pytest.mark.parametrize(
    ("changes", "champions", "doubted"),
    [
        ([], [], set()),
        ([FIRST], [1], set()),
        ([FIRST, "register 1 2", "promote 2 4"], [1, 2, 4], set()),
        ([FIRST, "register 1 2", "promote 2 4", "rollback 4 2"], [1, 2], {4}),
        ([FIRST, "register 1 2", "promote 2 4", "rollback 4 2", "rollback 2 1"], [1], {2, 4}),
        ([FIRST, "register 1 2", "promote 2 4", "rollback 4 1"], [1], {4}),
        ([FIRST, "register 1 2", "rollback 2 1", "promote 1 2"], [1, 2], set()),
        ([FIRST, "register 1 2", "promote 2 1"], [1, 2, 1], set()),
        # The first try of version 2 wrote its row and went no further.
        ([FIRST, "register 1 2", "register 1 2"], [1, 2], set()),
        # Back and forth again, by name.
        ([FIRST, "register 1 2", "rollback 2 1", "rollback 1 2"], [1, 2], {1}),
    ],
)
def test_a_rollback_takes_back_what_came_after(changes: list[str], champions: list[int], doubted: set[int]) -> None:
    assert succession(told(*changes)) == champions
    assert rolled_back(told(*changes)) == doubted


def test_rollback_goes_to_the_champion_before_or_to_the_one_named() -> None:
    changes = told(FIRST, "register 1 2", "promote 2 4")
    assert earlier_champion(changes, 4, None) == 2
    assert earlier_champion(changes, 4, 1) == 1


@pytest.mark.parametrize(
    ("champion", "to", "message"),
    [
        (4, 3, "--to 3 was never champion here: `promote --version 3`"),
        (4, 4, "--to 4 is the champion"),
        (5, None, "this lake did not make version 5 champion.* --to N"),
    ],
)
def test_what_rollback_cannot_know_is_asked_for(champion: int, to: int | None, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        earlier_champion(told(FIRST, "register 1 2", "promote 2 4"), champion, to)
    assert refused.value.exit_code == 2


def test_before_the_first_champion_there_is_none() -> None:
    with pytest.raises(UserError, match="version 1 is the first champion"):
        earlier_champion(told(FIRST), 1, None)
    with pytest.raises(UserError, match="this lake did not make version 1 champion"):
        earlier_champion([], 1, None)


def test_rollback_is_the_name_of_its_verb() -> None:
    from jobs import rollback

    assert rollback.__name__.endswith(f".{ROLLBACK}")
