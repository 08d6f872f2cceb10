"""A table's rows in memory to its folded features: what `features.plan.history_rows` and its fold do on Spark."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.declarations import Declarations
from features.memory.compiler import compiled
from features.memory.frames import Derivations, Frame, Keys, Places, RolledUp, borrowed, group_starts
from features.memory.operations import double
from features.memory.values import ALL_KNOWN, NULL, Known, Values, from_doubles
from features.plan.fold import Floats, fold_arrays, make_plan
from features.plan.history_rows import needed, read_columns
from features.spec import AGE, PREVIOUS_AGE, RANK, Lookup, Table, feature_names

Sources = Mapping[str, Frame]
"""The rows of every source table by its name, with the columns of its contract."""


@dataclass(frozen=True)
class Folded:
    """A table's folded features: a row for each entity that has rows, NaN where a feature has no value."""

    entities: Keys
    values: Floats

    def of(self, entities: Keys, no_rows: Floats) -> Floats:
        """A row for each of these; `no_rows` is what the features are where there are none, or nothing but nulls."""
        values = np.tile(no_rows, (len(entities), 1))
        places = np.searchsorted(self.entities, entities)
        found = np.flatnonzero(places < len(self.entities))
        found = found[self.entities[places[found]] == entities[found]]
        folded = self.values[places[found]]
        values[found] = np.where(np.isnan(folded), no_rows, folded)
        return values


class History:
    """A table with all that is compiled and planned of it.

    Args:
        table: Whose rows are folded.
        declared: It and the tables that it borrows from, or that belong to its rows.

    Raises:
        NotCompiled: One of its expressions can't be computed in memory.
    """

    def __init__(self, table: Table, declared: Declarations) -> None:
        self.table = table
        self.read = read_columns(table)
        self.before_rollup = Derivations(table.before_rollup)
        self.rolled_up = RolledUp(table.rollup) if table.rollup else None
        self.early, self.late = Derivations(table.early_derivations), Derivations(table.late_derivations)
        self.age = compiled(table.age or "null")
        self.ties = [(compiled(sql), descends) for sql, descends in table.tie_breakers]
        self.plan = make_plan(table)
        self.values = [compiled(sql) for sql in self.plan.values]
        self.slices = [compiled(each.where) for each in self.plan.slices]
        self.features = [named for named in feature_names(table) if named.window is not None]
        empty = [named.aggregation.no_rows if named.aggregation else None for named in self.features]
        self.no_rows = np.array([np.nan if number is None else number for number in empty])
        self.lookups = [lookup for lookup in table.lookups if self.read & set(lookup.columns)]
        self.unread = [name for lookup in table.lookups if lookup not in self.lookups for name in lookup.columns]
        self.lenders = {
            lookup.table: Derivations(needed(declared.by_name[lookup.table].early_derivations, lookup.columns))
            for lookup in self.lookups
        }
        self.children = [History(child, declared) for child in declared.children.get(table.name, ())]

    def folded(self, sources: Sources) -> Folded:
        """Its features, folded to its entity."""
        rows = self.feature_rows(sources)
        keys = [rows.keys(self.table.entity), *self.order(rows)]
        values = [rows.value(expression).doubles() for expression in self.values]
        return Folded(*fold_arrays(keys, values, [true(rows.value(test)) for test in self.slices], self.plan))

    def feature_rows(self, sources: Sources) -> Frame:
        """The rows that features see, derived and with their `age`; those of unknown or negative age are out."""
        rows = self.before_rollup(self.with_children(sources))
        rows = self.rolled_up(rows) if self.rolled_up else rows
        rows = self.early(self.with_lookups(rows, sources))
        age = double(rows.value(self.age))
        seen = np.flatnonzero(age.known & (age.data >= 0))
        return self.late(self.ranked(rows.with_columns({AGE: age}).take(seen)))

    def with_children(self, sources: Sources) -> Frame:
        """Its rows, widened by what its features read of those that belong to them."""
        rows = sources[self.table.name]
        for child in self.children:
            values = child.folded(sources).of(rows.keys(child.table.entity), child.no_rows)
            told = {
                named.name: from_doubles(values[:, place])
                for place, named in enumerate(child.features)
                if named.name in self.read
            }
            rows = rows.with_columns(told)
        return rows

    def with_lookups(self, rows: Frame, sources: Sources) -> Frame:
        """The rows with all that they borrow; what no feature reads is null."""
        for lookup in self.lookups:
            rows = rows.with_columns(self.lent(rows, lookup, sources))
        return rows.with_columns(dict.fromkeys(self.unread, NULL))

    def lent(self, rows: Frame, lookup: Lookup, sources: Sources) -> Mapping[str, Values]:
        """What one table lends."""
        other = self.lenders[lookup.table](sources[lookup.table])
        return borrowed(rows, other, lookup.on, lookup.columns)

    def order(self, rows: Frame) -> list[Floats | Keys]:
        """What orders an entity's rows, the latest first."""
        ties = [(rows.value(expression).data, descends) for expression, descends in self.ties]
        return [rows.columns[AGE].data, *[-tie if descends else tie for tie, descends in ties]]

    def ranked(self, rows: Frame) -> Frame:
        """The rows with their rank among their entity's and the age of the next older one, where they are read."""
        if not self.read & {RANK, PREVIOUS_AGE}:
            return rows
        entity = rows.keys(self.table.entity)
        place = np.lexsort([entity, *self.order(rows)][::-1])
        starts = group_starts([entity[place]])
        return rows.with_columns(neighbours(place, starts, rows.columns[AGE].data))


def neighbours(place: Places, starts: Places, age: Floats) -> Mapping[str, Values]:
    """Rank and age of the next older row.

    Args:
        place: Where the rows stand in order, entity by entity.
        starts: Where in that order each entity's rows begin.
        age: Of the rows as they stand.
    """
    count = len(place)
    rank, older, known = np.empty(count, np.int64), np.zeros(count), np.zeros(count, np.bool_)
    rank[place] = np.arange(count) - np.repeat(starts, np.diff(starts, append=count)) + 1
    has_older = np.ones(count, np.bool_)
    has_older[starts[1:] - 1] = False
    has_older[-1:] = False
    older[place[:-1]] = age[place[1:]]
    known[place] = has_older
    return {RANK: Values(rank, ALL_KNOWN), PREVIOUS_AGE: Values(older, known)}


def true(tested: Values) -> Known:
    """Where a condition is true, neither false nor null."""
    return tested.known & tested.data.astype(np.bool_)
