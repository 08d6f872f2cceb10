"""Many rows to one row an entity: every slice, window and feature of a table from one pass over its rows.

Spark brings an entity's rows together (one shuffle) and computes the declared values; numpy folds them, an Arrow
batch at a time. Windows are not folded one by one: rows are folded into the tiles between neighbouring window edges,
and the tiles are cumulated. Wide conditional aggregates in SQL give the same numbers, but generating their code takes
longer than folding the data.

Sums of doubles depend on the order of adding, so an entity's rows are put in the table's total order first: the same
rows give the same bits, whatever the partitions.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import Window as SqlWindow
from pyspark.sql import functions as F

from features.spec import AGE, Aggregation, By, Feature, Ordered, Ratio, Slice, Table, Window, feature_names

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

ENTITY = "entity"
VALUES = "folded"
CHUNK_ROWS = 50_000
DAYS_A_YEAR, MONTHS_A_YEAR = 365.25, 12.0
NEVER = float("inf")


@dataclass(frozen=True)
class Plan:
    """What the fold needs to know of a table: which input column holds which value, slice or tie-breaker."""

    year: float
    ties: int
    values: tuple[str, ...]
    slices: tuple[Slice, ...]
    edges: Mapping[By, Floats]
    """Where the windows of each kind end, in order; the last one has no end."""
    folds: tuple["Fold", ...]
    width: int


@dataclass(frozen=True)
class Fold:
    """One value in one slice, with all output columns that come from it.

    `divisor` is the index of a Ratio's denominator.
    """

    value: int
    divisor: int | None
    slice: int
    by: By
    outputs: tuple[tuple[int, int, Aggregation | None], ...]
    """Output column, index of its window's edge, aggregation (None for a Ratio)."""


def make_plan(table: Table) -> Plan:
    """The fold of every row feature that a table declares; output columns follow `feature_names`."""
    values: dict[str, int] = {}
    slices: dict[Slice, int] = {}
    named = [feature for feature in feature_names(table) if feature.window is not None]
    windows = [feature.window for feature in named if feature.window is not None]
    edges = {by: np.array(sorted({NEVER} | {far_edge(w) for w in windows if w.by is by})) for by in By}
    outputs: dict[tuple[int, int | None, int, By], list[tuple[int, int, Aggregation | None]]] = {}
    for column, each in enumerate(named):
        declared, window = each.declared, each.window
        assert isinstance(declared, Feature | Ordered | Ratio)
        assert window is not None
        assert each.slice is not None
        above = declared.numerator if isinstance(declared, Ratio) else declared.value
        value = values.setdefault(above, len(values))
        divisor = values.setdefault(declared.denominator, len(values)) if isinstance(declared, Ratio) else None
        key = (value, divisor, slices.setdefault(each.slice, len(slices)), window.by)
        edge = int(np.searchsorted(edges[window.by], far_edge(window)))
        outputs.setdefault(key, []).append((column, edge, each.aggregation))
    year = DAYS_A_YEAR if table.age_unit == "d" else MONTHS_A_YEAR
    folds = tuple(Fold(*key, tuple(columns)) for key, columns in outputs.items())
    return Plan(year, len(table.order), tuple(values), tuple(slices), edges, folds, len(named))


def far_edge(window: Window) -> float:
    """The window's end."""
    return NEVER if window.end is None else float(window.end)


def fold_rows(rows: DataFrame, table: Table) -> DataFrame:
    """One row an entity: the entity, and its features as one array in the order of `feature_names`.

    An array instead of columns: what follows is a join, and a join of hundreds of columns is mostly generated code.
    """
    plan = make_plan(table)
    ties = [f"{'-' if descends else ''}cast({sql} as bigint)" for sql, descends in table.tie_breakers]
    prepared = rows.selectExpr(
        f"cast({table.entity} as bigint) as {ENTITY}",
        AGE,
        *[f"{tie} as tie_{i}" for i, tie in enumerate(ties)],
        *[f"cast({sql} as double) as value_{i}" for i, sql in enumerate(plan.values)],
        *[f"coalesce({each.where}, false) as slice_{i}" for i, each in enumerate(plan.slices)],
    )
    # A window brings an entity's rows together on every engine; a sort that nobody asks for may be dropped.
    together = prepared.select("*", F.count(F.lit(1)).over(SqlWindow.partitionBy(ENTITY)).alias("rows_of_entity"))
    return together.mapInArrow(arrow_fold(plan), f"{ENTITY} BIGINT, {VALUES} ARRAY<DOUBLE>").withColumnRenamed(
        ENTITY, table.entity
    )


def arrow_fold(plan: Plan) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The fold as Spark's mapInArrow wants it: batches of one partition, sorted by entity, in and out."""

    def fold(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for chunk in whole_entities(batches):
            entities, folded = fold_chunk(chunk, plan)
            flat = pa.array(folded.ravel(), from_pandas=True)
            offsets = pa.array(np.arange(0, folded.size + 1, plan.width, dtype=np.int32))
            lists = pa.ListArray.from_arrays(offsets, flat)
            yield pa.RecordBatch.from_arrays([pa.array(entities), lists], names=[ENTITY, VALUES])

    return fold


def whole_entities(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The batches of a partition gathered into tables of some size that never part the rows of an entity.

    Raises:
        ValueError: The rows are not sorted by entity, so that one could be folded twice.
    """
    pending: list[pa.RecordBatch] = []
    rows, last = 0, np.iinfo(np.int64).min
    for batch in batches:
        if batch.num_rows == 0:
            continue
        entities = batch.column(ENTITY).to_numpy()
        if entities[0] < last or (entities[1:] < entities[:-1]).any():
            raise ValueError("the rows of a partition are not sorted by entity: an entity would be folded twice")
        last = entities[-1]
        pending.append(batch)
        rows += batch.num_rows
        if rows >= CHUNK_ROWS:
            table = pa.Table.from_batches(pending)
            complete = first_row_of_last_entity(table)
            if complete:
                yield table.slice(0, complete)
            pending = table.slice(complete).to_batches()
            rows = table.num_rows - complete
    if pending:
        yield pa.Table.from_batches(pending)


def first_row_of_last_entity(table: pa.Table) -> int:
    """Where the last entity of a table sorted by entity begins."""
    entities = table.column(ENTITY).to_numpy()
    return int(np.searchsorted(entities, entities[-1]))


def fold_chunk(chunk: pa.Table, plan: Plan) -> tuple[NDArray[np.int64], Floats]:
    """Entities (n,) and their features (n, width), NaN where a feature has no value."""
    keys = [chunk.column(name).to_numpy() for name in (ENTITY, AGE, *(f"tie_{i}" for i in range(plan.ties)))]
    values = [chunk.column(f"value_{i}").to_numpy() for i in range(len(plan.values))]
    slices = [chunk.column(f"slice_{i}").to_numpy() for i in range(len(plan.slices))]
    return fold_arrays(keys, values, slices, plan)


def fold_arrays(
    keys: Sequence[NDArray[Any]], values: Sequence[Floats], slices: Sequence[NDArray[np.bool_]], plan: Plan
) -> tuple[NDArray[np.int64], Floats]:
    """As `fold_chunk`, of arrays with an element a row.

    Args:
        keys: The entity, the age and what breaks ties.
        values: Of the plan's expressions, NaN where null.
        slices: Whether the row is in each of the plan's slices.
        plan: What to fold.
    """
    order = np.lexsort(keys[::-1])
    entity = keys[0][order]
    starts = segment_starts(entity)
    owner = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(entity)))
    ordered = [value[order] for value in values]
    rows = Rows(owner, keys[1][order], len(starts), plan.year)
    sliced = [rows.only(np.flatnonzero(inside[order])) for inside in slices]
    cells: dict[tuple[int, By], Indices] = {}
    out = np.full((len(starts), plan.width), np.nan)
    for fold in plan.folds:
        inside, edges = sliced[fold.slice], plan.edges[fold.by]
        place = (fold.slice, fold.by)
        if place not in cells:
            cells[place] = inside.owner * len(edges) + np.searchsorted(edges, inside.positions(fold.by), side="right")
        value = ordered[fold.value][inside.index]
        divisor = None if fold.divisor is None else ordered[fold.divisor][inside.index]
        fold_value(out, fold, Tiles(inside, cells[place], len(edges)), value, divisor)
    return entity[starts], out


def segment_starts(sorted_keys: NDArray[np.int64] | Indices) -> Indices:
    """Where each run of equal keys begins."""
    first = np.ones(len(sorted_keys), dtype=bool)
    np.not_equal(sorted_keys[1:], sorted_keys[:-1], out=first[1:])
    return np.flatnonzero(first)


class Rows:
    """Rows of some entities in total order; all arrays have one element a row.

    Args:
        owner: The row's entity, from 0, never falling.
        age: How long before the application.
        entities: How many entities there are, those without rows among them.
        year: A year in units of age.
        index: Where the rows stand among all rows of the chunk.
    """

    def __init__(self, owner: Indices, age: Floats, entities: int, year: float, index: Indices | None = None) -> None:
        self.owner, self.age, self.entities, self.year = owner, age, entities, year
        self.index = np.arange(len(owner)) if index is None else index

    def only(self, chosen: Indices) -> "Rows":
        """Some of the rows."""
        return Rows(self.owner[chosen], self.age[chosen], self.entities, self.year, self.index[chosen])

    @cached_property
    def starts(self) -> Indices:
        """Where the rows of each entity that has some begin."""
        return segment_starts(self.owner)

    def of_each(self, of_entity: NDArray[Any]) -> NDArray[Any]:
        """Something of each entity that has rows, repeated for its rows."""
        return np.repeat(of_entity, np.diff(self.starts, append=len(self.owner)))

    def positions(self, by: By) -> Floats:
        """Where each row lies in its entity's windows: its age, or its rank from the latest or earliest row, from 0."""
        if by is By.AGE:
            return self.age
        place = np.arange(len(self.owner))
        ends = self.starts + np.diff(self.starts, append=len(self.owner)) - 1
        rank: Indices = place - self.of_each(self.starts) if by is By.LAST else self.of_each(ends) - place
        return rank.astype(np.float64)

    def since_first(self, column: Floats) -> Floats:
        """The column less its entity's first value: sums of squares of the rest do not cancel."""
        shifted: Floats = column - self.of_each(column[self.starts])
        return shifted


class Tiles:
    """Rows cut into the tiles between neighbouring window edges of each entity; sums are cumulated over the tiles.

    What a method gives has the shape (entities, edges): column k is the window that ends at edge k.
    """

    def __init__(self, rows: Rows, cell: Indices, edges: int) -> None:
        self.rows, self.cell, self.shape = rows, cell, (rows.entities, edges)

    def only(self, chosen: NDArray[np.bool_]) -> "Tiles":
        """The tiles of some of the rows."""
        if chosen.all():
            return self
        return Tiles(self.rows.only(np.flatnonzero(chosen)), self.cell[chosen], self.shape[1])

    @cached_property
    def count(self) -> Floats:
        """Rows in each window."""
        tiles = np.bincount(self.cell, minlength=self.shape[0] * self.shape[1]).reshape(self.shape)
        return np.cumsum(tiles, axis=1).astype(np.float64)

    def sum(self, column: Floats) -> Floats:
        """Sum in each window."""
        size = self.shape[0] * self.shape[1]
        tiles = np.bincount(self.cell, weights=column, minlength=size).reshape(self.shape)
        return np.cumsum(tiles, axis=1)

    @cached_property
    def starts(self) -> Indices:
        """Where the rows of each tile that has some begin."""
        return segment_starts(self.cell)

    def extreme(self, column: Floats, ufunc: np.ufunc, empty: float) -> Floats:
        """Minimum or maximum in each window, `empty` where it holds no row."""
        tiles = np.full(self.shape, empty)
        if len(self.cell):
            tiles.flat[self.cell[self.starts]] = ufunc.reduceat(column, self.starts)
        cumulated: Floats = ufunc.accumulate(tiles, axis=1)
        return cumulated


def fold_value(out: Floats, fold: Fold, tiles: Tiles, value: Floats, divisor: Floats | None) -> None:
    """Write the fold's output columns into `out` (entities, width)."""
    is_known = ~np.isnan(value) if divisor is None else ~(np.isnan(value) | np.isnan(divisor))
    known = tiles.only(is_known)
    if known is not tiles:
        value = value[is_known]
        divisor = None if divisor is None else divisor[is_known]
    done: dict[Aggregation | None, Floats] = {}
    for column, edge, aggregation in fold.outputs:
        if aggregation not in done:
            done[aggregation] = aggregate(aggregation, tiles, known, value, divisor)
        out[:, column] = done[aggregation][:, edge]


def aggregate(
    aggregation: Aggregation | None, tiles: Tiles, known: Tiles, value: Floats, divisor: Floats | None
) -> Floats:
    """One aggregation in every window: (entities, edges), NaN where it has no value. None is a Ratio.

    Args:
        aggregation: Which.
        tiles: All rows.
        known: The rows whose value (and divisor) is not null.
        value: Of the known rows.
        divisor: Of the known rows, for a Ratio.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        match aggregation:
            case Aggregation.COUNT:
                return tiles.count
            case Aggregation.SUM:
                return known.sum(value)
            case Aggregation.MEAN:
                return known.sum(value) / known.count
            case Aggregation.MIN:
                return np.where(known.count > 0, known.extreme(value, np.minimum, np.inf), np.nan)
            case Aggregation.MAX:
                return np.where(known.count > 0, known.extreme(value, np.maximum, -np.inf), np.nan)
            case Aggregation.STD:
                return standard_deviation(known, value)
            case Aggregation.TREND:
                return trend(known, value)
            case Aggregation.DECAYED:
                weight = np.exp(-known.rows.age / known.rows.year)
                return known.sum(weight * value) / known.sum(weight)
            case None:
                assert divisor is not None
                below = known.sum(divisor)
                return np.where(below != 0, known.sum(value) / below, np.nan)


def standard_deviation(known: Tiles, value: Floats) -> Floats:
    """Sample standard deviation, NaN below two values."""
    shifted = known.rows.since_first(value)
    total, squares, count = known.sum(shifted), known.sum(shifted * shifted), known.count
    variance = np.maximum(squares - total * total / count, 0.0) / (count - 1)
    return np.where(count > 1, np.sqrt(variance), np.nan)


def trend(known: Tiles, value: Floats) -> Floats:
    """Least squares slope of the value against time (-age), NaN where fewer than two ages differ."""
    time, value = known.rows.since_first(-known.rows.age), known.rows.since_first(value)
    x, y, count = known.sum(time), known.sum(value), known.count
    spread = count * known.sum(time * time) - x * x
    slope = (count * known.sum(time * value) - x * y) / spread
    return np.where(spread > 0, slope, np.nan)
