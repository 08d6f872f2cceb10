"""What the parts of a table have to keep together; a part alone checks itself as it is made."""

from typing import TYPE_CHECKING

from features.checks import Misdeclared, check_name, check_once, check_sentence, check_some, check_sql, suggestion
from features.expressions import columns_read
from features.spec.columns import KEY, TARGET, WEIGHT
from features.spec.feature_kinds import Derived, Encoded, Learned
from features.spec.named import feature_names
from features.spec.rows import AGE, PREVIOUS_AGE, RANK

if TYPE_CHECKING:
    from features.spec.table import Table


def check_contract(table: "Table") -> None:
    """What a table's columns have to keep together."""
    declaration, names = f"table {table.name}", [column.name for column in table.columns]
    check_sentence(declaration, table.about)
    check_once(declaration, "columns", names)
    check_some(declaration, "key columns", table.key)
    for name in (*table.key, *((table.parent[1],) if table.parent else ())):
        if name not in names:
            raise Misdeclared(f"{declaration} has no column {name} of its key or parent: {suggestion(name, names)}")
    optional = [name for name in table.key if not table.column(name).required]
    if optional and len(table.key) < len(names):
        raise Misdeclared(f"{declaration}: {optional[0]} is of the key and may be empty: write required=True")
    for column in table.columns:
        for file in column.absent_from:
            if file not in table.files:
                raise Misdeclared(
                    f"column {column.name} of {table.name} is absent from {file}: {suggestion(file, table.files)}"
                )


def check_rows(table: "Table") -> None:
    """That the derivations of a table's rows can be computed in the order in which they are declared."""
    declaration = f"table {table.name}"
    rollup = table.rollup.columns if table.rollup else ()
    derived = [derivation.name for derivation in (*table.before_rollup, *rollup, *table.derivations)]
    cases = {column.name.lower(): column.name for column in table.columns}
    for name in (*cases.values(), *derived):
        if cases.setdefault(name.lower(), name) != name:
            raise Misdeclared(f"{declaration} has {cases[name.lower()]} and {name}: SQL does not tell them apart")
        if name.lower() in {AGE, RANK, PREVIOUS_AGE}:
            raise Misdeclared(f"{declaration} has a column {name}, which is computed for every row: name it otherwise")
    known = {*table.row_columns, *(name for lookup in table.lookups for name in lookup.columns)}
    for place, derivation in enumerate(table.derivations):
        later = {other.name for other in table.derivations[place:]} - known
        for name in columns_read(derivation.sql) & later:
            raise Misdeclared(
                f"derivation {derivation.name} of {table.name} reads {name}, which is not derived yet: "
                f"declare {name} before it"
            )
        known.add(derivation.name)
    for sql in (table.age, *(sql for sql, _ in table.tie_breakers)):
        if sql is not None:
            check_sql(declaration, sql)
    late = {derivation.name for derivation in table.late_derivations}
    if table.age is not None and columns_read(table.age) & late:
        name = min(columns_read(table.age) & late)
        raise Misdeclared(f"{declaration}: age reads {name}, which is derived from it or the rank: take another column")


def check_features(table: "Table") -> None:
    """What a table's features have to keep together."""
    declaration, names = f"table {table.name}", [named.name for named in feature_names(table)]
    for name in names:
        check_name(f"{declaration}: feature", name)
    check_once(declaration, "features", names)
    check_once(declaration, "slices", [slice_.name for slice_ in table.slices])
    check_nothing_forbidden(table)
    check_derived_features(table)
    if table.folding:
        check_time(table)
    for declared in table.features:
        if isinstance(declared, Learned) and table.parent is not None:
            raise Misdeclared(f"feature {declared.name} of {table.name}: only what has no parent has fitted features")
        if isinstance(declared, Encoded) and declared.order:
            check_ordinal(table, declared)


def check_nothing_forbidden(table: "Table") -> None:
    """No expression reads a protected column, the label or the weight."""
    forbidden = {TARGET, WEIGHT, *(column.name for column in table.columns if column.protected)}
    for where, sql in table.written:
        for name in columns_read(sql) & forbidden:
            raise Misdeclared(f"{where} of {table.name} reads {name}, which no feature may: leave it out")


def check_derived_features(table: "Table") -> None:
    """Derived features read what stands before them, and one with a column's name is that column."""
    names = [named.name for named in feature_names(table)]
    rows = {*table.row_columns, *(derivation.name for derivation in table.derivations)} if not table.parent else set()
    fitted = {declared.name for declared in table.features if isinstance(declared, Learned)}
    for declared in table.features:
        if not isinstance(declared, Derived):
            continue
        if declared.name in rows and declared.sql != declared.name:
            raise Misdeclared(
                f"feature {declared.name} of {table.name} is {declared.sql!r} and has a column's name: "
                f"write {declared.name!r}, or name it otherwise"
            )
        later = set(names[names.index(declared.name) :]) - rows - fitted
        for name in columns_read(declared.sql) & later:
            raise Misdeclared(
                f"feature {declared.name} of {table.name} reads {name}, which is not computed yet: "
                f"declare {name} before it"
            )


def check_time(table: "Table") -> None:
    """Rows that are folded have an age and a total order, and no feature says their time in other words."""
    declaration = f"table {table.name}"
    if table.entity not in table.row_columns:
        raise Misdeclared(
            f"{declaration} folds its rows to {table.entity}, which is none of its columns: "
            "write parent_features, which fold them to the row that they belong to"
        )
    clocks = columns_read(table.age or "null") & set(table.row_columns)
    if not clocks:
        raise Misdeclared(f"{declaration} has the age {table.age!r}, which reads no column: write SQL of a row's age")
    if table.age_unit not in {"d", "m"}:
        raise Misdeclared(f"{declaration} has the age_unit {table.age_unit!r}: write d for days or m for months")
    ordered = {name for sql, _ in table.tie_breakers for name in columns_read(sql)}
    for name in table.grain:
        # All rows of an entity are of one applicant.
        if name not in {KEY, table.entity, *clocks, *ordered}:
            raise Misdeclared(f"{declaration}: rows of one age are in no order, {name} differs: add it to order")
    for where, sql in table.row_expressions:
        if sql.removeprefix("-") in clocks:
            raise Misdeclared(f"feature {where} of {table.name} is {sql!r}, which is the age: write {AGE!r}")


def check_ordinal(table: "Table", declared: Encoded) -> None:
    """An ordinal code has a place for every level."""
    levels = table.column(declared.column).levels
    for level in set(levels) ^ set(declared.order):
        raise Misdeclared(
            f"feature {declared.name} of {table.name}: {level!r} is in the order of {declared.column} or among its "
            "levels, and not in both: write the levels as order"
        )
