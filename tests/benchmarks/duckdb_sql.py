"""The same declarations as one DuckDB query: a third opinion on every folded feature, and the yardstick of speed."""

from collections.abc import Iterable, Mapping

from features.plan.history_rows import layers, read_columns
from features.spec import (
    AGE,
    PREVIOUS_AGE,
    RANK,
    Aggregation,
    By,
    Derivation,
    Named,
    Ratio,
    Slice,
    Table,
    feature_names,
    of_parent,
)

YEARS = {"d": 365.25, "m": 12.0}


def fold_query(table: Table, tables: Mapping[str, Table], sources: Mapping[str, str]) -> str:
    """One row an entity with every folded feature of the table.

    Args:
        table: The table to fold.
        tables: Every table by name.
        sources: What to read a source table from, as DuckDB writes it, such as ``read_parquet('x.parquet')``.
    """
    named = [each for each in feature_names(table) if each.window is not None]
    slices = ordered_slices(named)
    ranks = "".join(f", {rank(table, s, by)} AS {rank_name(s, by, slices)}" for s, by in slices)
    select = ",\n  ".join(f"{feature(each, table, slices)} AS {each.name}" for each in named)
    return (
        f"SELECT {table.entity},\n  {select}\nFROM (SELECT *{ranks} FROM ({feature_rows(table, tables, sources)}))\n"
        f"GROUP BY {table.entity}"
    )


def feature_rows(table: Table, tables: Mapping[str, Table], sources: Mapping[str, str]) -> str:
    """The rows that features see."""
    rows = derived(with_children(table, tables, sources), table.before_rollup)
    if table.rollup is not None:
        columns = ", ".join(f"{column.sql} AS {column.name}" for column in table.rollup.columns)
        keys = ", ".join(table.rollup.key)
        rows = f"SELECT {keys}, {columns} FROM ({rows}) GROUP BY {keys}"
    read = read_columns(table)
    for lookup in table.lookups:
        if not read & set(lookup.columns):
            rows = f"SELECT *, {', '.join(f'NULL AS {name}' for name in lookup.columns)} FROM ({rows})"
            continue
        other = tables[lookup.table]
        borrowed = ", ".join([*lookup.on, *lookup.columns])
        other_rows = derived(f"SELECT * FROM {sources[other.name]}", other.early_derivations)
        rows = (
            f"SELECT * FROM ({rows}) LEFT JOIN (SELECT {borrowed} FROM ({other_rows})) USING ({', '.join(lookup.on)})"
        )
    aged = f"SELECT *, cast({table.age} AS double) AS {AGE} FROM ({derived(rows, table.early_derivations)})"
    window = f"OVER (PARTITION BY {table.entity} ORDER BY {order(table, By.LAST)})"
    past = (
        f"SELECT *, row_number() {window} AS {RANK}, lead({AGE}) {window} AS {PREVIOUS_AGE} "
        f"FROM ({aged}) WHERE {AGE} >= 0"
        if read & {RANK, PREVIOUS_AGE}
        else f"SELECT * FROM ({aged}) WHERE {AGE} >= 0"
    )
    return derived(past, table.late_derivations)


def with_children(table: Table, tables: Mapping[str, Table], sources: Mapping[str, str]) -> str:
    """The source rows, with the folded rows of the tables that belong to them where a feature reads those."""
    rows = f"SELECT * FROM {sources[table.name]}"
    for child in map(of_parent, (each for each in tables.values() if each.parent_features)):
        assert child.parent is not None
        if child.parent[0] == table.name and any(name.startswith(child.prefix) for name in read_columns(table)):
            folded = fold_query(child, tables, sources)
            rows = f"SELECT *{of_nobody(child)} FROM ({rows}) LEFT JOIN ({folded}) USING ({child.entity})"
    return rows


def of_nobody(table: Table) -> str:
    """What an aggregation gives for no rows, in place of the nulls of a join."""
    replaced = ", ".join(
        f"coalesce({named.name}, {named.aggregation.no_rows}) AS {named.name}"
        for named in feature_names(table)
        if named.aggregation and named.aggregation.no_rows is not None
    )
    return f" REPLACE ({replaced})" if replaced else ""


def derived(rows: str, derivations: Iterable[Derivation]) -> str:
    """The rows with derivations that may replace columns."""
    for layer in layers(derivations):
        columns = ", ".join(f"{derivation.sql} AS {derivation.name}" for derivation in layer)
        replaced = ", ".join(f"'{derivation.name}'" for derivation in layer)
        rows = f"SELECT COLUMNS(lambda name: name NOT IN ({replaced})), {columns} FROM ({rows})"
    return rows


def order(table: Table, by: By) -> str:
    """The table's total order, latest row first, or the other way round."""
    terms = [(AGE, False), *table.tie_breakers]
    return ", ".join(f"{sql} {'DESC' if descends != (by is By.FIRST) else 'ASC'}" for sql, descends in terms)


def ordered_slices(named: Iterable[Named]) -> list[tuple[Slice, By]]:
    """The slices whose rows have to be ranked, and from which end."""
    found = {
        (each.slice, each.window.by): None
        for each in named
        if each.slice is not None and each.window is not None and each.window.by is not By.AGE
    }
    return list(found)


def rank(table: Table, slice_: Slice, by: By) -> str:
    """The rank of a row among its entity's rows inside (or outside) of a slice."""
    inside = f"coalesce({slice_.where}, false)"
    return f"row_number() OVER (PARTITION BY {table.entity}, {inside} ORDER BY {order(table, by)})"


def rank_name(slice_: Slice, by: By, slices: list[tuple[Slice, By]]) -> str:
    """The column of a rank."""
    return f"rank_{slices.index((slice_, by))}"


def feature(named: Named, table: Table, slices: list[tuple[Slice, By]]) -> str:
    """One folded feature."""
    assert named.slice is not None
    assert named.window is not None
    where = [] if named.slice.where == "true" else [f"({named.slice.where})"]
    if named.window.by is not By.AGE:
        where.append(f"{rank_name(named.slice, named.window.by, slices)} <= {named.window.end}")
    elif named.window.end is not None:
        where.append(f"{AGE} < {named.window.end}")
    if isinstance(named.declared, Ratio):
        over, below = (f"cast({sql} AS double)" for sql in (named.declared.numerator, named.declared.denominator))
        inside = " AND ".join([*where, f"({over} + {below}) IS NOT NULL"])
        return f"sum({over}) FILTER ({inside}) / nullif(sum({below}) FILTER ({inside}), 0)"
    value = f"cast({named.declared.value} AS double)"
    inside = f" FILTER ({' AND '.join(where)})" if where else ""
    decay = f"exp(-{AGE} / {YEARS[table.age_unit]})"
    known = f" FILTER ({' AND '.join([*where, f'{value} IS NOT NULL'])})"
    match named.aggregation:
        case Aggregation.COUNT:
            return f"count(*){inside}"
        case Aggregation.SUM:
            return f"coalesce(sum({value}){inside}, 0)"
        case Aggregation.MEAN:
            return f"avg({value}){inside}"
        case Aggregation.MIN | Aggregation.MAX:
            return f"{named.aggregation.value}({value}){inside}"
        case Aggregation.STD:
            return f"stddev_samp({value}){inside}"
        case Aggregation.TREND:
            # DuckDB's slope over a single age is NaN.
            return f"nullif(regr_slope({value}, -{AGE}){inside}, 'NaN'::DOUBLE)"
        case Aggregation.DECAYED:
            return f"sum({value} * {decay}){known} / sum({decay}){known}"
    raise AssertionError(f"no SQL for {named.aggregation}")
