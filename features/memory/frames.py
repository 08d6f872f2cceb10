"""Rows in memory: derived columns, a coarser grain, what is borrowed of another table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlglot import exp

from features.memory.compiler import Expression, NotCompiled, compile_node, compiled, parsed
from features.memory.operations import divide
from features.memory.values import ALL_KNOWN, Columns, Values, from_arrow
from features.spec import Derivation, Rollup

Places = NDArray[np.intp]
Keys = NDArray[np.int64]


@dataclass(frozen=True)
class Frame:
    """Some rows, by columns that have an element for each."""

    columns: Columns
    count: int

    def with_columns(self, columns: Columns) -> "Frame":
        """The rows with more columns, or others in place of those of the same name."""
        return Frame({**self.columns, **{name: each.of_rows(self.count) for name, each in columns.items()}}, self.count)

    def take(self, places: Places) -> "Frame":
        """Some of the rows."""
        return Frame({name: column.take(places) for name, column in self.columns.items()}, len(places))

    def keys(self, name: str) -> Keys:
        """A column of whole numbers that are never null."""
        keys: Keys = self.columns[name].data
        return keys

    def value(self, expression: Expression) -> Values:
        """An expression's value in each row."""
        return expression(self.columns).of_rows(self.count)


def loaded(table: pa.Table) -> Frame:
    """An Arrow table's rows; dates, which no contract has, are left out."""
    read = [field.name for field in table.schema if not pa.types.is_date(field.type)]
    return Frame({name: from_arrow(table.column(name)) for name in read}, table.num_rows)


class Derivations:
    """Derived columns, each computed from those before it."""

    def __init__(self, declared: Iterable[Derivation]) -> None:
        self.parts = [(derivation.name, compiled(derivation.sql)) for derivation in declared]

    def __call__(self, rows: Frame) -> Frame:
        """The rows with the derivations; one named like a column takes that column's place."""
        columns = dict(rows.columns)
        for name, expression in self.parts:
            columns[name] = expression(columns).of_rows(rows.count)
        return Frame(columns, rows.count)


class OfGroups:
    """An SQL expression over aggregates of a group's rows.

    Raises:
        NotCompiled: An aggregate is not known here.
    """

    def __init__(self, sql: str) -> None:
        tree = exp.Paren(this=parsed(sql))
        names = (f"_aggregate_{place}" for place in count())
        self.parts: dict[str, tuple[type[exp.AggFunc], Expression]] = {}
        for node in list(tree.find_all(exp.AggFunc)):
            name = next(names)
            self.parts[name] = (type(node), compile_node(node.this, divide))
            node.replace(exp.column(name))
        self.function = compile_node(tree, divide)

    def __call__(self, rows: Frame, starts: Places) -> Values:
        """Its value for each group, whose rows stand together from `starts` on."""
        aggregates = {name: aggregate(kind, rows.value(inner), starts) for name, (kind, inner) in self.parts.items()}
        return self.function(aggregates).of_rows(len(starts))


def aggregate(kind: type[exp.AggFunc], value: Values, starts: Places) -> Values:
    """Of each group's values those that are not null; null where none is, and their number where they are counted."""
    if not len(starts):
        return value
    known = np.add.reduceat(value.known.astype(np.int64), starts)
    if kind is exp.Count:
        return Values(known, ALL_KNOWN)
    if kind is exp.Sum:
        return Values(np.add.reduceat(np.where(value.known, value.data, 0), starts), known > 0)
    if kind not in {exp.Max, exp.Min}:
        raise NotCompiled(f"{kind.__name__} in a rollup")
    ufunc = np.maximum if kind is exp.Max else np.minimum
    integers = value.data.dtype == np.int64
    least, most = (np.iinfo(np.int64).min, np.iinfo(np.int64).max) if integers else (-np.inf, np.inf)
    neutral = least if kind is exp.Max else most
    return Values(ufunc.reduceat(np.where(value.known, value.data, neutral), starts), known > 0)


class RolledUp:
    """Rows folded to a coarser grain."""

    def __init__(self, rollup: Rollup) -> None:
        self.key = rollup.key
        self.columns = {column.name: OfGroups(column.sql) for column in rollup.columns}

    def __call__(self, rows: Frame) -> Frame:
        """One row for each key."""
        keys = [rows.keys(name) for name in self.key]
        order = np.lexsort(keys[::-1])
        starts = group_starts([key[order] for key in keys])
        ordered = rows.take(order)
        one_each = {name: ordered.columns[name].take(starts) for name in self.key}
        folded = {name: expression(ordered, starts) for name, expression in self.columns.items()}
        return Frame({**one_each, **folded}, len(starts))


def group_starts(keys: Sequence[Keys]) -> Places:
    """Where each run of equal keys begins."""
    first = np.ones(len(keys[0]), dtype=np.bool_)
    first[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return np.flatnonzero(first)


def borrowed(rows: Frame, other: Frame, on: Sequence[str], columns: Iterable[str]) -> Mapping[str, Values]:
    """Columns of the other table's row of the same key, null where there is none."""
    theirs = zip(*[other.keys(name).tolist() for name in on], strict=True)
    places = {key: place for place, key in enumerate(theirs)}
    ours = zip(*[rows.keys(name).tolist() for name in on], strict=True)
    found = np.fromiter((places.get(key, -1) for key in ours), np.intp, rows.count)
    return {name: other.columns[name].take(found) for name in columns}
