"""Source rows to the rows that features see: folded, looked up, derived, and nothing after the application."""

from collections.abc import Iterable, Mapping, Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from features.expressions import columns_read
from features.spec import AGE, PREVIOUS_AGE, RANK, Derivation, Table

Sources = Mapping[str, DataFrame]
"""Source table by name, typed as its contract says."""


def layers(derivations: Iterable[Derivation]) -> list[list[Derivation]]:
    """The derivations in the fewest groups that give, one after the other, what they would give one by one.

    All of a group see the row as it was before the group: so none reads what another of it makes, and one that replaces
    a column is not before those that were declared to read it as it was.
    """
    grouped: list[list[Derivation]] = []
    made: dict[str, int] = {}
    read: dict[str, int] = {}
    for derivation in derivations:
        columns = columns_read(derivation.sql)
        needed = [made[name] + 1 for name in (*columns, derivation.name) if name in made]
        depth = max([*needed, read.get(derivation.name, 0)], default=0)
        made[derivation.name] = depth
        read |= {name: max(read.get(name, 0), depth) for name in columns}
        grouped.extend([] for _ in range(depth + 1 - len(grouped)))
        grouped[depth].append(derivation)
    return grouped


def derive(rows: DataFrame, derivations: Iterable[Derivation]) -> DataFrame:
    """The rows with the derivations; one named like a column takes that column's place."""
    for layer in layers(derivations):
        rows = rows.withColumns({derivation.name: F.expr(derivation.sql) for derivation in layer})
    return rows


def read_columns(table: Table) -> set[str]:
    """What a table's features read of a row, through its derivations."""
    texts = [*(sql for _, sql in table.row_expressions), table.age or "null", *(sql for sql, _ in table.tie_breakers)]
    read = {name for sql in texts for name in columns_read(sql)}
    return read.union(*(columns_read(derivation.sql) for derivation in needed(table.derivations, read)))


def needed(derivations: Sequence[Derivation], columns: Iterable[str]) -> list[Derivation]:
    """Those that the columns are made of, in their order."""
    read, kept = set(columns), []
    for derivation in reversed(derivations):
        if derivation.name in read:
            kept.append(derivation)
            read |= columns_read(derivation.sql)
    return kept[::-1]


def ranked(rows: DataFrame, table: Table) -> DataFrame:
    """The rows with their rank among their entity's (1 is the latest) and the age of the next older one.

    Only where an expression of the table reads them: they cost a sort.
    """
    read = [name for name in (RANK, PREVIOUS_AGE) if name in read_columns(table)]
    if not read:
        return rows
    ties = [F.expr(sql).desc() if descends else F.expr(sql).asc() for sql, descends in table.tie_breakers]
    by_age = Window.partitionBy(table.entity).orderBy(F.col(AGE).asc(), *ties)
    windows = {RANK: F.row_number().over(by_age), PREVIOUS_AGE: F.lead(AGE).over(by_age)}
    return rows.select("*", *[windows[name].alias(name) for name in read])


def base_rows(table: Table, sources: Sources) -> DataFrame:
    """The table's rows, hashed by entity, folded to the grain of its rollup."""
    rows = derive(sources[table.name], table.before_rollup)
    if table.entity in rows.columns:
        rows = rows.repartition(table.entity)
    if table.rollup is None:
        return rows
    folded = [F.expr(column.sql).alias(column.name) for column in table.rollup.columns]
    return rows.groupBy(*table.rollup.key).agg(*folded)


def with_lookups(rows: DataFrame, table: Table, sources: Sources, tables: Mapping[str, Table]) -> DataFrame:
    """The rows with the columns they borrow; no row is lost or doubled, since `on` holds the other table's key.

    Of a lookup that no feature reads only the columns are there, all null: a join costs two shuffles.
    """
    read = read_columns(table)
    for lookup in table.lookups:
        other = tables[lookup.table]
        derived = derive(sources[other.name], other.early_derivations)
        if not read & set(lookup.columns):
            types = derived.select(*lookup.columns).dtypes
            rows = rows.selectExpr("*", *[f"cast(null as {kind}) as {name}" for name, kind in types])
            continue
        rows = rows.join(derived.select(*lookup.on, *lookup.columns), on=list(lookup.on), how="left")
    return rows


def feature_rows(table: Table, sources: Sources, tables: Mapping[str, Table]) -> DataFrame:
    """The rows that a table's features see, derived and with their `age`; those of unknown or negative age are out."""
    rows = derive(with_lookups(base_rows(table, sources), table, sources, tables), table.early_derivations)
    aged = rows.select("*", F.expr(f"cast({table.age} as double)").alias(AGE)).where(F.col(AGE) >= 0)
    return derive(ranked(aged, table), table.late_derivations)
