"""Many rows to one row an entity: every slice, window and feature of a table from one pass over its rows.

Spark brings an entity's rows together (one shuffle) and computes the declared values; numpy folds them, an Arrow
batch at a time. Windows are not folded one by one: rows are folded into the tiles between neighbouring window edges,
and the tiles are cumulated. Wide conditional aggregates in SQL give the same numbers, but generating their code takes
longer than folding the data.

Sums of doubles depend on the order of adding, so an entity's rows are put in the table's total order first: the same
rows give the same bits, whatever the partitions.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from features.rows import AGE, order_terms
from features.spec import Aggregation, By, Feature, Ordered, Ratio, Slice, Table, Window, feature_names

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

ENTITY = "entity"
VALUES = "folded"
CHUNK_ROWS = 200_000
DAYS_A_YEAR, MONTHS_A_YEAR = 365.25, 12.0


@dataclass(frozen=True)
class Plan:
    """What the fold needs to know of a table: which input column holds which value, slice or tie-breaker."""

    year: float
    ties: int
    values: tuple[str, ...]
    slices: tuple[Slice, ...]
    folds: tuple["Fold", ...]
    width: int


@dataclass(frozen=True)
class Fold:
    """One declared value in one slice, with the output columns that come from it.

    `divisor` is the index of a Ratio's denominator. Windows of a fold all measure the same thing.
    """

    value: int
    divisor: int | None
    slice: int
    by: By
    windows: tuple[Window, ...]
    outputs: tuple[tuple[int, int, Aggregation | None], ...]
    """Output column, index of its window, aggregation (None for a Ratio)."""


def make_plan(table: Table) -> Plan:
    """The fold of every row feature that a table declares; output columns follow `feature_names`."""
    values: dict[str, int] = {}
    slices: dict[Slice, int] = {}
    folds = []
    named = [each for each in feature_names(table) if each.window is not None]
    numbered = list(enumerate(named))
    for (declared, slice_), group in groupby(numbered, key=lambda pair: (pair[1].declared, pair[1].slice)):
        members = list(group)
        assert isinstance(declared, Feature | Ordered | Ratio)
        assert slice_ is not None
        ratio = isinstance(declared, Ratio)
        value_sql = declared.numerator if isinstance(declared, Ratio) else declared.value
        value = values.setdefault(value_sql, len(values))
        divisor = values.setdefault(declared.denominator, len(values)) if isinstance(declared, Ratio) else None
        for by in By:
            windows = tuple(sorted({w for w in declared.spans if w.by is by}, key=far_edge))
            outputs = tuple(
                (column, windows.index(each.window), None if ratio else each.aggregation)
                for column, each in members
                if each.window is not None and each.window.by is by
            )
            if outputs:
                folds.append(Fold(value, divisor, slices.setdefault(slice_, len(slices)), by, windows, outputs))
    year = DAYS_A_YEAR if table.age_unit == "d" else MONTHS_A_YEAR
    return Plan(year, len(table.order), tuple(values), tuple(slices), tuple(folds), len(named))


def far_edge(window: Window) -> float:
    """The window's end, for sorting."""
    return float("inf") if window.end is None else float(window.end)


def fold_rows(rows: DataFrame, table: Table) -> DataFrame:
    """One row an entity: the entity, and its features as one array in the order of `feature_names`.

    An array instead of columns: what follows is a join, and a join of hundreds of columns is mostly generated code.
    """
    plan = make_plan(table)
    ties = [f"{'-' if descends else ''}cast({sql} as bigint)" for sql, descends in order_terms(table)]
    prepared = rows.selectExpr(
        f"cast({table.entity} as bigint) as {ENTITY}",
        AGE,
        *[f"{tie} as tie_{i}" for i, tie in enumerate(ties)],
        *[f"cast({sql} as double) as value_{i}" for i, sql in enumerate(plan.values)],
        *[f"coalesce({each.where}, false) as slice_{i}" for i, each in enumerate(plan.slices)],
    )
    return (
        prepared.repartition(ENTITY)
        .sortWithinPartitions(ENTITY)
        .mapInArrow(arrow_fold(plan), f"{ENTITY} BIGINT, {VALUES} ARRAY<DOUBLE>")
        .withColumnRenamed(ENTITY, table.entity)
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
    """The batches gathered into tables of some size that never part the rows of an entity."""
    pending: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if batch.num_rows == 0:
            continue
        pending.append(batch)
        rows += batch.num_rows
        if rows >= CHUNK_ROWS:
            table = pa.Table.from_batches(pending)
            entities = table.column(ENTITY).to_numpy()
            cut = int(np.searchsorted(entities, entities[-1]))
            if cut:
                yield table.slice(0, cut)
            pending = table.slice(cut).to_batches()
            rows = table.num_rows - cut
    if pending:
        yield pa.Table.from_batches(pending)


def fold_chunk(chunk: pa.Table, plan: Plan) -> tuple[NDArray[np.int64], Floats]:
    """Entities (n,) and their features (n, width), NaN where a feature has no value."""
    sort_keys = [chunk.column(f"tie_{i}").to_numpy() for i in reversed(range(plan.ties))]
    order = np.lexsort([*sort_keys, chunk.column(AGE).to_numpy(), chunk.column(ENTITY).to_numpy()])
    entities, owner = np.unique(chunk.column(ENTITY).to_numpy()[order], return_inverse=True)
    age = chunk.column(AGE).to_numpy()[order]
    values = [chunk.column(f"value_{i}").to_numpy()[order] for i in range(len(plan.values))]
    members = [np.flatnonzero(chunk.column(f"slice_{i}").to_numpy()[order]) for i in range(len(plan.slices))]
    out = np.full((len(entities), plan.width), np.nan)
    for fold in plan.folds:
        inside = members[fold.slice]
        position = positions(fold.by, owner[inside], age[inside])
        value = values[fold.value][inside]
        divisor = None if fold.divisor is None else values[fold.divisor][inside]
        fold_value(out, fold, Rows(owner[inside], age[inside], position, value, divisor, len(entities), plan.year))
    return entities, out


def positions(by: By, owner: Indices, age: Floats) -> Floats:
    """Where each row lies in its entity's windows: its age, or its rank from the latest or earliest row, from 0."""
    if by is By.AGE:
        return age
    starts = np.searchsorted(owner, owner, side="left")
    if by is By.LAST:
        return (np.arange(len(owner)) - starts).astype(np.float64)
    return (np.searchsorted(owner, owner, side="right") - 1 - np.arange(len(owner))).astype(np.float64)


@dataclass(frozen=True)
class Rows:
    """The rows of a slice in total order; all arrays have one element a row."""

    owner: Indices
    age: Floats
    position: Floats
    value: Floats
    divisor: Floats | None
    entities: int
    year: float

    def known(self) -> "Rows":
        """The rows whose value (and divisor) is not null."""
        keep = ~np.isnan(self.value)
        if self.divisor is not None:
            keep &= ~np.isnan(self.divisor)
        divisor = None if self.divisor is None else self.divisor[keep]
        return Rows(
            self.owner[keep],
            self.age[keep],
            self.position[keep],
            self.value[keep],
            divisor,
            self.entities,
            self.year,
        )

    def since_first(self, column: Floats) -> Floats:
        """The column less its entity's first value: sums of squares of the rest do not cancel."""
        starts = np.searchsorted(self.owner, self.owner, side="left")
        shifted: Floats = column - column[starts]
        return shifted


class Tiles:
    """Rows of a slice, cut into the tiles between neighbouring window edges of each entity."""

    def __init__(self, rows: Rows, windows: tuple[Window, ...]) -> None:
        edges = np.array([far_edge(window) for window in windows])
        tile = np.searchsorted(edges, rows.position, side="right")
        inside = tile < len(edges)
        self.shape = (rows.entities, len(edges))
        self.inside = inside
        self.cell = rows.owner[inside] * len(edges) + tile[inside]
        self.starts = np.flatnonzero(np.diff(self.cell, prepend=-1))

    def count(self) -> Floats:
        """Rows in each window: (entities, windows)."""
        tiles = np.bincount(self.cell, minlength=self.shape[0] * self.shape[1]).reshape(self.shape)
        return np.cumsum(tiles, axis=1).astype(np.float64)

    def sum(self, column: Floats) -> Floats:
        """Sum in each window: (entities, windows)."""
        size = self.shape[0] * self.shape[1]
        tiles = np.bincount(self.cell, weights=column[self.inside], minlength=size).reshape(self.shape)
        return np.cumsum(tiles, axis=1)

    def extreme(self, column: Floats, ufunc: np.ufunc, empty: float) -> Floats:
        """Minimum or maximum in each window, `empty` where it holds no row: (entities, windows)."""
        tiles = np.full(self.shape, empty)
        if len(self.starts):
            tiles.flat[self.cell[self.starts]] = ufunc.reduceat(column[self.inside], self.starts)
        cumulated: Floats = ufunc.accumulate(tiles, axis=1)
        return cumulated


def fold_value(out: Floats, fold: Fold, rows: Rows) -> None:
    """Write the fold's output columns into `out` (entities, width)."""
    known = rows.known()
    tiles = Tiles(known, fold.windows)
    count = tiles.count()
    done: dict[Aggregation | None, Floats] = {}
    for column, window, aggregation in fold.outputs:
        if aggregation not in done:
            done[aggregation] = aggregate(aggregation, rows, known, tiles, count, fold.windows)
        out[:, column] = done[aggregation][:, window]


def aggregate(
    aggregation: Aggregation | None,
    rows: Rows,
    known: Rows,
    tiles: Tiles,
    count: Floats,
    windows: tuple[Window, ...],
) -> Floats:
    """One aggregation in every window: (entities, windows), NaN where it has no value. None is a Ratio."""
    with np.errstate(divide="ignore", invalid="ignore"):
        match aggregation:
            case Aggregation.COUNT:
                return Tiles(rows, windows).count()
            case Aggregation.SUM:
                return tiles.sum(known.value)
            case Aggregation.MEAN:
                return tiles.sum(known.value) / count
            case Aggregation.MIN:
                return np.where(count > 0, tiles.extreme(known.value, np.minimum, np.inf), np.nan)
            case Aggregation.MAX:
                return np.where(count > 0, tiles.extreme(known.value, np.maximum, -np.inf), np.nan)
            case Aggregation.STD:
                return standard_deviation(known, tiles, count)
            case Aggregation.TREND:
                return trend(known, tiles, count)
            case Aggregation.DECAYED:
                weight = np.exp(-known.age / known.year)
                return tiles.sum(weight * known.value) / tiles.sum(weight)
            case None:
                assert known.divisor is not None
                divisor = tiles.sum(known.divisor)
                return np.where(divisor != 0, tiles.sum(known.value) / divisor, np.nan)


def standard_deviation(known: Rows, tiles: Tiles, count: Floats) -> Floats:
    """Sample standard deviation, NaN below two values."""
    shifted = known.since_first(known.value)
    total, squares = tiles.sum(shifted), tiles.sum(shifted * shifted)
    variance = np.maximum(squares - total * total / count, 0.0) / (count - 1)
    return np.where(count > 1, np.sqrt(variance), np.nan)


def trend(known: Rows, tiles: Tiles, count: Floats) -> Floats:
    """Least squares slope of the value against time (-age), NaN where fewer than two ages differ."""
    time, value = known.since_first(-known.age), known.since_first(known.value)
    x, y = tiles.sum(time), tiles.sum(value)
    spread = count * tiles.sum(time * time) - x * x
    slope = (count * tiles.sum(time * value) - x * y) / spread
    return np.where(spread > 0, slope, np.nan)
