"""All tables together: what each may read of the others, and the features that need more than one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from features.checks import Misdeclared, check_once, suggestion
from features.expressions import columns_read
from features.spec import (
    AGE,
    PREVIOUS_AGE,
    RANK,
    TARGET,
    WEIGHT,
    Declared,
    Derivation,
    Derived,
    Expected,
    Learned,
    Lookup,
    Named,
    Table,
    feature_names,
    of_parent,
)

ACROSS_TABLES = "across tables"


@dataclass(frozen=True)
class Declarations:
    """The source tables, parents before their children, and the features across tables in the order of their making.

    Raises:
        Misdeclared: A table's parent, lookup or expression needs what is not there, or two features share a name.
    """

    tables: tuple[Table, ...]
    across: tuple[Derived, ...] = ()

    def __post_init__(self) -> None:
        check_once("the source tables", "tables", [table.name for table in self.tables])
        check_once("the source tables", "files", [file for table in self.tables for file in table.files])
        without_parent = [table.name for table in self.tables if table.parent is None]
        if len(without_parent) != 1:
            names = " and ".join(without_parent) or "no table"
            raise Misdeclared(f"{names} of the source tables has no parent: exactly one holds the applicants")
        for place, table in enumerate(self.tables):
            check_parent(table, self.tables[:place])
        for table in self.tables:
            for lookup in table.lookups:
                check_lookup(table, lookup, self.by_name)
            self.check_columns(table)
        check_across(self.tables, self.across)
        check_once("the features", "features", [named.name for named in self.features])

    @cached_property
    def by_name(self) -> Mapping[str, Table]:
        """The tables by their names."""
        return {table.name: table for table in self.tables}

    @cached_property
    def application(self) -> Table:
        """The table that holds the applicants: the one without parent."""
        return next(table for table in self.tables if table.parent is None)

    @cached_property
    def histories(self) -> tuple[Table, ...]:
        """The tables whose rows are folded to the applicant."""
        return tuple(table for table in self.tables if table.parent is not None and table.features)

    @cached_property
    def children(self) -> Mapping[str, tuple[Table, ...]]:
        """By table those that tell its rows something, as they are folded for it."""
        folded = [of_parent(table) for table in self.tables if table.parent_features]
        return {
            name: tuple(child for child in folded if child.parent is not None and child.parent[0] == name)
            for name in self.by_name
        }

    @cached_property
    def features(self) -> tuple[Named, ...]:
        """Every feature, in the order of the feature table's columns."""
        ours = [named for table in self.tables for named in feature_names(table)]
        across = [Named(d.name, ACROSS_TABLES, d.family, d.about, None, None, None, d) for d in self.across]
        return (*ours, *across)

    def told_by_children(self, table: Table) -> tuple[str, ...]:
        """The columns that a table's rows are told by those that belong to them."""
        return tuple(named.name for child in self.children[table.name] for named in feature_names(child))

    def check_columns(self, table: Table) -> None:
        """Refuse an expression that reads a column which is not there, or not yet."""
        known = {*(column.name for column in table.columns), *self.told_by_children(table)}
        known |= check_derivations(table, table.before_rollup, known)
        if table.rollup is not None:
            for column in table.rollup.columns:
                check_known(table, column.name, column.sql, known)
            known = {*table.rollup.key, *(column.name for column in table.rollup.columns)}
        known |= {name for lookup in table.lookups for name in lookup.columns}
        known |= check_derivations(table, table.early_derivations, known)
        for sql in (table.age, *(sql for sql, _ in table.tie_breakers)):
            if sql is not None:
                check_known(table, "age or order", sql, known)
        if table.age is not None:
            known |= {AGE, RANK, PREVIOUS_AGE}
        known |= check_derivations(table, table.late_derivations, known)
        for folded in (table, *((of_parent(table),) if table.parent_features else ())):
            for where, sql in folded.row_expressions:
                check_known(table, where, sql, known)
        self.check_made_features(table, known)

    def check_made_features(self, table: Table, known: set[str]) -> None:
        """Refuse a feature over finished columns, or over another table's rows, that reads what is not there."""
        finished = {declared.name for declared in table.features if isinstance(declared, Learned)}
        finished |= known if table.parent is None else {named.name for named in feature_names(table)}
        for declared in table.features:
            if isinstance(declared, Derived):
                check_known(table, declared.name, declared.sql, finished)
                finished.add(declared.name)
            if isinstance(declared, Expected):
                if declared.table not in self.by_name:
                    raise Misdeclared(
                        f"feature {declared.name} looks at the table {declared.table}: "
                        f"{suggestion(declared.table, self.by_name)}"
                    )
                self.check_expected(declared, self.by_name[declared.table])

    def check_expected(self, declared: Expected, there: Table) -> None:
        """Refuse what is expected of rows that don't have the columns."""
        known = {*there.row_columns, *(derivation.name for derivation in there.derivations), AGE}
        known |= {name for lookup in there.lookups for name in lookup.columns}
        for sql in declared.expressions_there:
            check_known(there, declared.name, sql, known)


def check_parent(table: Table, before: Iterable[Table]) -> None:
    """The row that a row belongs to is found by its key, in a table that is declared before."""
    if table.parent is None:
        return
    name, column = table.parent
    parents = {other.name: other for other in before}
    if name not in parents:
        raise Misdeclared(f"table {table.name} has the parent {name}, no table before it: declare {name} first")
    if column not in parents[name].key:
        raise Misdeclared(
            f"table {table.name} belongs to {name} by {column}, which is not of its key: "
            f"{suggestion(column, parents[name].key)}"
        )


def check_lookup(table: Table, lookup: Lookup, tables: Mapping[str, Table]) -> None:
    """What is borrowed is of exactly one row, is there before ages are known, and may be read."""
    if lookup.table not in tables:
        raise Misdeclared(f"table {table.name} looks up {lookup.table}: {suggestion(lookup.table, tables)}")
    other = tables[lookup.table]
    if not set(other.key) <= set(lookup.on):
        raise Misdeclared(
            f"table {table.name} looks up {other.name} on {', '.join(lookup.on)}, which is not its key: "
            f"add {', '.join(sorted(set(other.key) - set(lookup.on)))}"
        )
    protected = {TARGET, WEIGHT, *(column.name for column in other.columns if column.protected)}
    known = {column.name for column in other.columns} | {derivation.name for derivation in other.early_derivations}
    for name in (*lookup.on, *lookup.columns):
        if name not in known:
            raise Misdeclared(f"table {table.name} borrows {name} of {other.name}: {suggestion(name, known)}")
        if name in protected:
            raise Misdeclared(f"table {table.name} borrows {name} of {other.name}, which no feature may read: leave it")


def check_derivations(table: Table, derivations: Iterable[Derivation], known: Iterable[str]) -> set[str]:
    """Refuse a derivation that reads what is not there; gives the names that they make."""
    there = set(known)
    for derivation in derivations:
        check_known(table, derivation.name, derivation.sql, there)
        there.add(derivation.name)
    return there


def check_known(table: Table, where: str, sql: str, known: set[str]) -> None:
    """Refuse an expression that reads another column than these."""
    for name in sorted(columns_read(sql) - known):
        raise Misdeclared(f"{where} of {table.name} reads {name}, which is no column there: {suggestion(name, known)}")


def check_across(tables: Iterable[Table], across: Iterable[Derived]) -> None:
    """Features across tables read finished features, and of their own kind those that stand before them."""
    known = {named.name for table in tables for named in feature_names(table)}
    for derived in across:
        for name in sorted(columns_read(derived.sql) - known):
            raise Misdeclared(
                f"feature {derived.name} {ACROSS_TABLES} reads {name}, which is no feature before it: "
                f"{suggestion(name, known)}"
            )
        known.add(derived.name)


def derived_among(declared: Iterable[Declared]) -> Iterator[Derivation]:
    """The derived features among them as derivations over finished columns, as doubles."""
    for feature in declared:
        if isinstance(feature, Derived):
            yield Derivation(feature.name, f"cast({feature.sql} as double)", feature.about)
