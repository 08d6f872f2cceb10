"""Declared SQL in memory means what it means on Spark, row by row of small tables; nulls are written as None."""

import numpy as np
import pytest

from features import DECLARED
from features.memory.compiler import NotCompiled, compiled
from features.memory.feature_table import FeatureTable
from features.memory.operations import NotDivisible
from features.memory.values import Values, from_texts

Cell = int | float | str | bool | None


def column(cells: list[Cell]) -> Values:
    """Cells of one type as a column."""
    known = [cell for cell in cells if cell is not None]
    if any(isinstance(cell, str) for cell in known):
        return from_texts([None if cell is None else str(cell) for cell in cells])
    kinds: tuple[type, type] = (
        (float, np.float64) if any(isinstance(cell, float) for cell in known) else (int, np.int64)
    )
    kinds = (bool, np.bool_) if known and all(isinstance(cell, bool) for cell in known) else kinds
    data = np.array([kinds[0]() if cell is None else cell for cell in cells], kinds[1])
    return Values(data, np.array([cell is not None for cell in cells]))


def computed(sql: str, **columns: list[Cell]) -> list[Cell]:
    """The expression's value in each row."""
    with np.errstate(all="ignore"):
        values = compiled(sql)({name: column(cells) for name, cells in columns.items()})
    rows = len(next(iter(columns.values())))
    whole = values.of_rows(rows)
    return [cell if known else None for cell, known in zip(whole.data.tolist(), whole.known.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("sql", "a", "b", "expected"),
    [
        ("a + b", [1, None, 3], [2, 5, None], [3, None, None]),
        ("a - b * 2", [1, 2], [2, 0], [-3, 2]),
        ("-a", [1, None], [0, 0], [-1, None]),
        ("a / b", [1, 3, None], [2, 2, 0], [0.5, 1.5, None]),
        ("a / nullif(b, 0)", [1, 3], [0, 2], [None, 1.5]),
        ("a > b", [1, 3, None], [2, 2, 2], [False, True, None]),
        ("a between b and 5", [1, 3, 9], [2, 2, 2], [False, True, False]),
        ("a is null", [1, None], [0, 0], [False, True]),
        ("a is not null", [1, None], [0, 0], [True, False]),
        ("coalesce(a, b, 7)", [1, None, None], [2, 5, None], [1, 5, 7]),
        ("greatest(a, b)", [1, 3, None, None], [2, 2, 2, None], [2, 3, 2, None]),
        ("least(a, b, 2)", [1, 3, None, None], [2, 5, 1, None], [1, 2, 1, 2]),
        ("case when a > 1 then b when a = 1 then -1 end", [1, 2, 0, None], [5, 6, 7, 8], [-1, 6, None, None]),
        ("if(a < b, a, 0)", [1, 3, None], [2, 2, 2], [1, 0, 0]),
        ("case when b <> 0 then a / b else 0 end", [1, 3], [0, 2], [0.0, 1.5]),
        ("coalesce(a / b, -1)", [1, 3], [0, 2], [-1.0, 1.5]),
        ("cast(a > b as int) + 1", [1, 3], [2, 2], [1, 2]),
        ("power(a, 2)", [3, None], [0, 0], [9.0, None]),
        ("sqrt(a)", [4, None], [0, 0], [2.0, None]),
        ("ln(a)", [1, 0, None], [0, 0, 0], [0.0, None, None]),
        ("a in (1, 3)", [1, 2, None], [0, 0, 0], [True, False, None]),
        ("cast(a as string)", [12, None], [0, 0], ["12", None]),
        ("case when a then b end", [True, False, None], [1, 2, 3], [1, None, None]),
        ("12e0 / 6", [1, 2], [0, 0], [2.0, 2.0]),
    ],
)
def test_numbers(sql: str, a: list[Cell], b: list[Cell], expected: list[Cell]) -> None:
    assert computed(sql, a=a, b=b) == expected


@pytest.mark.parametrize(
    ("number", "nearest", "floor", "ceiling", "whole"),
    [(2.5, 3, 2, 3, 2), (-2.5, -3, -3, -2, -2), (0.49999999999999994, 0, 0, 1, 0), (4.0, 4, 4, 4, 4)],
)
def test_halves_go_away_from_zero_and_a_cast_cuts(
    number: float, nearest: int, floor: int, ceiling: int, whole: int
) -> None:
    said = [computed(sql, a=[number]) for sql in ("round(a)", "floor(a)", "ceil(a)", "cast(a as bigint)")]
    assert said == [[nearest], [floor], [ceiling], [whole]]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("t = 'Yes'", [True, False, None]),
        ("t <> 'Yes'", [False, True, None]),
        ("t in ('Yes', 'No way')", [True, True, None]),
        ("t like 'Y%'", [True, False, None]),
        ("t like '%way'", [False, True, None]),
        ("t like 'N%y'", [False, True, None]),
        ("nullif(t, 'Yes')", [None, "No way", None]),
        ("concat(t, '-', t)", ["Yes-Yes", "No way-No way", None]),
        ("case t when 'Yes' then 1 when 'Perhaps' then 2 end", [1.0, None, None]),
        ("case t when 'Yes' then -1.5e0 else 0 end", [-1.5, 0.0, 0.0]),
    ],
)
def test_texts(sql: str, expected: list[Cell]) -> None:
    assert computed(sql, t=["Yes", "No way", None]) == expected


def test_a_text_that_is_no_number_is_null_as_a_number() -> None:
    assert computed("cast(t as int)", t=["3", "X", None]) == [3, None, None]


@pytest.mark.parametrize(
    ("operator", "truth"),
    [
        ("and", {(1, 1): 1, (1, 0): 0, (1, None): None, (0, 0): 0, (0, None): 0, (None, None): None}),
        ("or", {(1, 1): 1, (1, 0): 1, (1, None): 1, (0, 0): 0, (0, None): None, (None, None): None}),
    ],
)
def test_what_is_unknown_may_not_matter(operator: str, truth: dict[tuple[int | None, int | None], int | None]) -> None:
    pairs = [*truth, *((b, a) for a, b in truth)]
    asked = [[None if cell is None else bool(cell) for cell in cells] for cells in zip(*pairs, strict=True)]
    found = computed(f"a {operator} b", a=list(asked[0]), b=list(asked[1]))
    assert found == [None if value is None else bool(value) for value in (*truth.values(), *truth.values())]
    assert computed("not a", a=[True, False, None]) == [False, True, None]


def test_to_divide_by_0_is_an_error_as_on_spark() -> None:
    with pytest.raises(NotDivisible):
        computed("a / b", a=[1, 2], b=[1, 0])


def test_what_nobody_has_declared_yet_is_named() -> None:
    with pytest.raises(NotCompiled, match=r"Levenshtein in 'LEVENSHTEIN\(a, b\)'"):
        compiled("levenshtein(a, b)")


def test_all_that_is_declared_can_be_compiled() -> None:
    assert FeatureTable(()).names == tuple(named.name for named in DECLARED.features)
