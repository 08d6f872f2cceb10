"""Source rows to the rows that features see: folded, looked up, derived, and nothing after the application."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from features.spec import Derivation, Table

AGE = "age"
RANK = "rank"
PREVIOUS_AGE = "previous_age"

Sources = Mapping[str, DataFrame]
"""Source table by name, typed as its contract says."""


@cache  # one plan asks it a hundred thousand times
def mentions(sql: str, name: str) -> bool:
    """Whether an expression reads the column of that name."""
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", sql) is not None


def layers(derivations: Iterable[Derivation]) -> list[list[Derivation]]:
    """The derivations in the fewest groups in which none needs another one of its own group."""
    grouped: list[list[Derivation]] = []
    level: dict[str, int] = {}
    for derivation in derivations:
        depth = max((level[name] + 1 for name in level if mentions(derivation.sql, name)), default=0)
        level[derivation.name] = depth
        grouped.extend([] for _ in range(depth + 1 - len(grouped)))
        grouped[depth].append(derivation)
    return grouped


def derive(rows: DataFrame, derivations: Iterable[Derivation]) -> DataFrame:
    """The rows with the derivations; one named like a column takes that column's place."""
    for layer in layers(derivations):
        rows = rows.withColumns({derivation.name: F.expr(derivation.sql) for derivation in layer})
    return rows


def order_terms(table: Table) -> tuple[tuple[str, bool], ...]:
    """The tie-breakers of a table's order: expression, and whether it descends."""
    terms = []
    for text in table.order:
        expression, _, direction = text.rpartition(" ")
        if direction.upper() in ("ASC", "DESC"):
            terms.append((expression.strip(), direction.upper() == "DESC"))
        else:
            terms.append((text, False))
    return tuple(terms)


def feature_expressions(table: Table) -> list[str]:
    """Every row-level expression that a table's features and slices are made of."""
    found: list[str] = []
    for declared in table.features:
        found.extend(
            getattr(declared, part) for part in ("value", "numerator", "denominator") if hasattr(declared, part)
        )
        found.extend(slice_.where for slice_ in getattr(declared, "slices", ()))
    return found


def read_columns(table: Table) -> set[str]:
    """The words of what a table's features read, through its derivations."""
    texts = [*feature_expressions(table), table.age or "", *table.order]
    for derivation in reversed(table.derivations):
        if any(mentions(text, derivation.name) for text in texts):
            texts.append(derivation.sql)
    return {word for text in texts for word in re.findall(r"[A-Za-z_]\w*", text)}


def ranked(rows: DataFrame, table: Table) -> DataFrame:
    """The rows with their rank among their entity's (1 is the latest) and the age of the next older one.

    Only where an expression of the table reads them: they cost a sort.
    """
    read = [name for name in (RANK, PREVIOUS_AGE) if name in read_columns(table)]
    if not read:
        return rows
    ties = [F.expr(sql).desc() if descends else F.expr(sql).asc() for sql, descends in order_terms(table)]
    by_age = Window.partitionBy(table.entity).orderBy(F.col(AGE).asc(), *ties)
    windows = {RANK: F.row_number().over(by_age), PREVIOUS_AGE: F.lead(AGE).over(by_age)}
    return rows.select("*", *[windows[name].alias(name) for name in read])


def split_derivations(table: Table) -> tuple[Sequence[Derivation], Sequence[Derivation]]:
    """The derivations that need neither rank nor previous_age, and those that (directly or not) do."""
    late = {RANK, PREVIOUS_AGE}
    before, after = [], []
    for derivation in table.derivations:
        if any(mentions(derivation.sql, name) for name in late):
            late.add(derivation.name)
            after.append(derivation)
        else:
            before.append(derivation)
    return before, after


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
        if not set(other.key) <= set(lookup.on):
            raise ValueError(f"{table.name} looks up {lookup.table} on {lookup.on}, which is not its key {other.key}")
        derived = derive(sources[other.name], split_derivations(other)[0])
        if not read & set(lookup.columns):
            types = derived.select(*lookup.columns).dtypes
            rows = rows.selectExpr("*", *[f"cast(null as {kind}) as {name}" for name, kind in types])
            continue
        rows = rows.join(derived.select(*lookup.on, *lookup.columns), on=list(lookup.on), how="left")
    return rows


def feature_rows(table: Table, sources: Sources, tables: Mapping[str, Table]) -> DataFrame:
    """The rows that a table's features see, derived and with their `age`; those of unknown or negative age are out."""
    before, after = split_derivations(table)
    rows = derive(with_lookups(base_rows(table, sources), table, sources, tables), before)
    aged = rows.select("*", F.expr(f"cast({table.age} as double)").alias(AGE)).where(F.col(AGE) >= 0)
    return derive(ranked(aged, table), after)
