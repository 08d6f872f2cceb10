"""The fold equals plain Python, whatever the rows, their order and the way they are cut into batches."""

import math
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.plan.fold import CHUNK_ROWS, ENTITY, VALUES, arrow_fold, make_plan, whole_entities
from features.spec import (
    AGE,
    COUNT,
    DECAYED,
    EVER,
    MAX,
    MEAN,
    MIN,
    STD,
    SUM,
    TREND,
    Feature,
    Ordered,
    Ratio,
    Slice,
    Table,
    feature_names,
)
from tests.made_up import made_up
from tests.oracle import Row, expected

ACTIVE = Slice("active", "is_active", "Still running.")
EVERY = (COUNT, SUM, MEAN, MIN, MAX, STD, TREND, DECAYED)
LOANS = Table(
    name="loans",
    prefix="loan",
    files=("loans",),
    about="A loan.",
    key=("SK_ID_LOAN",),
    columns=made_up("SK_ID_CURR", "SK_ID_LOAN", "DAYS", "debt", "late", "is_active"),
    age="-DAYS",
    order=("SK_ID_LOAN DESC",),
    features=(
        Feature("debt", "debt", EVERY, "bureau debt", "Debt.", windows=(30, 90, EVER)),
        Feature("debt_of", "debt", (SUM, MEAN), "bureau debt", "Debt.", windows=(90,), slices=(ACTIVE,)),
        Ordered("late", "late", (SUM, MAX, COUNT), "bureau debt", "Late.", last=(1, 3), first=(1, 2)),
        Ordered("late_of", "late", (MEAN,), "bureau debt", "Late.", last=(2,), first=(1,), slices=(ACTIVE,)),
        Ratio("debt_ratio", "debt", "late", "bureau debt", "Debt to late.", windows=(90, EVER)),
    ),
)

values = st.none() | st.integers(-1000, 1000).map(float) | st.floats(-1e6, 1e6).map(lambda x: round(x, 3))


@st.composite
def loans(draw: st.DrawFn) -> list[Row]:
    rows = []
    for entity in draw(st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True)):
        ids = draw(st.lists(st.integers(1, 99), min_size=1, max_size=7, unique=True))
        for loan in ids:
            age = draw(st.sampled_from([0, 1, 29, 30, 31, 89, 90, 91, 400]))
            cells = {"debt": draw(values), "late": draw(st.none() | st.integers(0, 5).map(float))}
            rows.append(Row(entity, float(age), (-loan,), cells, {"true": True, "is_active": draw(st.booleans())}))
    return draw(st.permutations(rows))


def as_batch(rows: list[Row], table: Table = LOANS) -> pa.RecordBatch:
    """The rows as the engine's prepared input, sorted by entity as Spark hands them over."""
    plan = make_plan(table)
    ordered = sorted(rows, key=lambda row: row.entity)
    columns = {
        ENTITY: pa.array([row.entity for row in ordered], pa.int64()),
        AGE: pa.array([row.age for row in ordered], pa.float64()),
        "tie_0": pa.array([row.ties[0] for row in ordered], pa.int64()),
    }
    for i, sql in enumerate(plan.values):
        columns[f"value_{i}"] = pa.array([row.values[sql] for row in ordered], pa.float64())
    for i, slice_ in enumerate(plan.slices):
        columns[f"slice_{i}"] = pa.array([row.slices[slice_.where] for row in ordered], pa.bool_())
    return pa.RecordBatch.from_pydict(columns)


def folded(batches: list[pa.RecordBatch], table: Table = LOANS) -> dict[int, dict[str, float | None]]:
    names = [named.name for named in feature_names(table)]
    result = {}
    for batch in arrow_fold(make_plan(table))(iter(batches)):
        for entity, row in zip(batch.column(ENTITY).to_pylist(), batch.column(VALUES).to_pylist(), strict=True):
            assert entity not in result
            result[entity] = dict(zip(names, row, strict=True))
    return result


def row(entity: int, age: float, loan: int, debt: float | None, late: float | None, active: bool = True) -> Row:
    return Row(entity, age, (-loan,), {"debt": debt, "late": late}, {"true": True, "is_active": active})


ANNA_ALL_NULL = row(1, 5, 1, None, None)
BRUNO_ON_THE_EDGE = [row(2, 29, 1, 10, 0), row(2, 30, 2, 20, 1), row(2, 90, 3, 30, 2)]
CLARA_TIES = [row(3, 7, 1, 1, 1), row(3, 7, 2, 2, 0, active=False), row(3, 7, 3, 3, 5)]
DMITRI_CONSTANT = [row(4, age, age + 1, 123456.789, 1) for age in range(5)]


@settings(max_examples=300, deadline=None)
@given(rows=loans())
@example(rows=[ANNA_ALL_NULL])
@example(rows=BRUNO_ON_THE_EDGE)
@example(rows=CLARA_TIES)
@example(rows=DMITRI_CONSTANT)
def test_fold_equals_the_oracle(rows: list[Row]) -> None:
    got, want = folded([as_batch(rows)]), expected(rows, LOANS)
    assert got.keys() == want.keys()
    for entity, features in want.items():
        for name, value in features.items():
            found = got[entity][name]
            if value is None:
                assert found is None, (entity, name, found)
            else:
                assert found is not None, (entity, name)
                assert math.isclose(found, value, rel_tol=1e-9, abs_tol=1e-6), (entity, name, found, value)


@settings(max_examples=100, deadline=None)
@given(rows=loans(), cuts=st.lists(st.integers(0, 40), max_size=4), data=st.data())
def test_row_order_and_batches_change_no_bit(rows: list[Row], cuts: list[int], data: st.DataObject) -> None:
    whole = as_batch(rows)
    shuffled = as_batch(data.draw(st.permutations(rows)))
    edges = sorted({0, *[min(cut, len(rows)) for cut in cuts], len(rows)})
    parts = [shuffled.slice(start, end - start) for start, end in pairwise(edges)]
    assert folded(parts) == folded([whole])


@settings(max_examples=50, deadline=None)
@given(rows=loans())
def test_other_entities_change_nothing(rows: list[Row]) -> None:
    together = folded([as_batch(rows)])
    for entity in together:
        assert folded([as_batch([row for row in rows if row.entity == entity])]) == {entity: together[entity]}


def test_a_window_ends_before_its_edge() -> None:
    bruno = folded([as_batch(BRUNO_ON_THE_EDGE)])[2]
    assert [bruno[f"loan_debt_sum_{window}"] for window in ("30d", "90d", "ever")] == [10, 30, 60]


def test_the_latest_of_rows_of_one_day_is_the_first_in_the_declared_order() -> None:
    clara = folded([as_batch(CLARA_TIES)])[3]
    assert clara["loan_late_sum_last1"] == 5
    assert clara["loan_late_sum_first1"] == 1
    assert clara["loan_late_of_mean_active_last2"] == 3


def test_a_constant_has_no_deviation_and_no_trend() -> None:
    dmitri = folded([as_batch(DMITRI_CONSTANT)])[4]
    assert dmitri["loan_debt_std_ever"] == 0.0
    assert dmitri["loan_debt_trend_ever"] == 0.0


@pytest.mark.parametrize("size", [1, 7, CHUNK_ROWS // 3, CHUNK_ROWS * 2 + 5])
def test_chunks_never_part_an_entity(size: int) -> None:
    entities = np.repeat(np.arange(size // 5 + 1), 5)[:size]
    batches = pa.Table.from_pydict({ENTITY: pa.array(entities)}).to_batches(max_chunksize=10_000)
    chunks = [chunk.column(ENTITY).to_numpy() for chunk in whole_entities(iter(batches))]
    assert np.concatenate(chunks).tolist() == entities.tolist()
    for left, right in pairwise(chunks):
        assert left[-1] != right[0]


def test_rows_that_are_not_sorted_by_entity_are_refused() -> None:
    entities = np.append(np.arange(CHUNK_ROWS * 2), 5)
    batches = pa.Table.from_pydict({ENTITY: pa.array(entities)}).to_batches(max_chunksize=10_000)
    with pytest.raises(ValueError, match="not sorted by entity"):
        list(whole_entities(iter(batches)))
