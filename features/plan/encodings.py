"""What is fitted on labelled applicants, and how it is applied to any: category codes, medians of groups.

Both are kept as rows (name, level, value), so that they can be stored, read and compared. The level NULL of a group
holds the median of all rows, which a level never seen takes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.expressions import number_literal, text_literal
from features.plan.history_rows import Sources, derive, feature_rows
from features.spec import Code, Encoded, Expected, GroupDeviation, Table

ENCODING_SCHEMA = "name STRING, level STRING, value DOUBLE"
UNKNOWN = "cast(null as double)"


@dataclass(frozen=True, slots=True)
class Encoding:
    """One fitted number: of a feature's level, or of all rows where the level is None."""

    name: str
    level: str | None
    value: float


Encodings = tuple[Encoding, ...]


def in_order(encodings: Iterable[Encoding]) -> Encodings:
    """The same by feature, that of all rows before those of its levels."""
    return tuple(sorted(encodings, key=lambda fitted: (fitted.name, fitted.level is not None, fitted.level or "")))


def encoded(table: Table) -> tuple[Encoded, ...]:
    """The table's encoded categories."""
    return tuple(declared for declared in table.features if isinstance(declared, Encoded))


def deviations(table: Table) -> tuple[GroupDeviation, ...]:
    """The table's deviations from group medians."""
    return tuple(declared for declared in table.features if isinstance(declared, GroupDeviation))


def expectations(table: Table) -> tuple[Expected, ...]:
    """What the table's rows lead to expect of another table's."""
    return tuple(declared for declared in table.features if isinstance(declared, Expected))


def long_form(rows: DataFrame, columns: Iterable[Column]) -> DataFrame:
    """(name, level, value) for each struct in each row."""
    return rows.select(F.inline(F.array(*columns)))


def triple(name: str, level: Column, value: Column) -> Column:
    """One (name, level, value) struct."""
    return F.struct(F.lit(name).alias("name"), level.cast("string").alias("level"), value.cast("double").alias("value"))


def fit(sources: Sources, table: Table, tables: Mapping[str, Table]) -> DataFrame:
    """Frequencies and medians of the labelled applicants: (name, level, value), one row a level.

    No label is read but to know that there is one.

    Args:
        sources: Every source table.
        table: The application, whose fitted features are meant.
        tables: Every table's declaration, by name.
    """
    labelled = derive(sources[table.name].where(F.col("TARGET").isNotNull()), table.derivations)
    frequencies = [category for category in encoded(table) if category.code is Code.FREQUENCY]
    levels = long_form(labelled, [triple(e.name, F.col(e.column), F.lit(1.0)) for e in frequencies])
    shares = (
        levels.where(F.col("level").isNotNull())
        .groupBy("name", "level")
        .agg(F.count("*").cast("double").alias("rows"))
        .crossJoin(labelled.agg(F.count("*").cast("double").alias("all_rows")))
        .select("name", "level", (F.col("rows") / F.col("all_rows")).alias("value"))
    )
    groups = [triple(d.name, F.col(d.group), F.expr(d.value)) for d in deviations(table)]
    overall = [triple(d.name, F.lit(None), F.expr(d.value)) for d in deviations(table)]
    samples = long_form(labelled, groups).where(F.col("level").isNotNull()).unionByName(long_form(labelled, overall))
    for each in expectations(table):
        theirs = feature_rows(tables[each.table], sources, tables).join(
            labelled.select(*table.key), list(table.key), how="left_semi"
        )
        alike = triple(each.name, F.expr(each.group), F.expr(each.value))
        samples = samples.unionByName(long_form(theirs.where(each.where), [alike]).where(F.col("level").isNotNull()))
    medians = (
        samples.groupBy("name", "level")
        .agg(F.percentile("value", F.lit(0.5)).alias("value"))
        .where(F.col("value").isNotNull())
    )
    return shares.unionByName(medians)


def lookup(encodings: Encodings, name: str, level: str) -> str:
    """SQL of the fitted value of a level, itself SQL of a text; null for one that was not seen."""
    # Not a map: Sail makes it anew for every row.
    cases = [
        f"when {text_literal(encoding.level)} then {number_literal(encoding.value)}"
        for encoding in encodings
        if encoding.name == name and encoding.level is not None
    ]
    return f"case {level} {' '.join(cases)} end" if cases else UNKNOWN


def frequency(feature: Encoded, encodings: Encodings) -> str:
    """The level's share of the labelled rows, 0 for one never seen, null for an empty cell."""
    level = feature.column
    return f"case when {level} is not null then coalesce({lookup(encodings, feature.name, level)}, 0e0) end"


def ordinal(feature: Encoded) -> str:
    """The level's position in the declared order."""
    cases = [f"when {text_literal(level)} then {number_literal(place)}" for place, level in enumerate(feature.order)]
    return f"case {feature.column} {' '.join(cases)} end"


def deviation(feature: GroupDeviation, encodings: Encodings) -> str:
    """The value less its group's median on the labelled rows."""
    overall = next((e.value for e in encodings if e.name == feature.name and e.level is None), None)
    of_all = UNKNOWN if overall is None else number_literal(overall)
    median = f"coalesce({lookup(encodings, feature.name, feature.group)}, {of_all})"
    return f"cast({feature.value} as double) - {median}"


def as_sql(table: Table, encodings: Encodings) -> dict[str, str]:
    """The encoded columns of a table's rows, by name, as SQL over the columns that they are made of."""
    codes = {
        each.name: ordinal(each) if each.code is Code.ORDINAL else frequency(each, encodings) for each in encoded(table)
    }
    medians = {each.name: deviation(each, encodings) for each in deviations(table)}
    expected = {each.name: lookup(encodings, each.name, each.like) for each in expectations(table)}
    return {**codes, **medians, **expected}


def apply(table: Table, encodings: Encodings) -> list[Column]:
    """The encoded columns of a table's rows, by name."""
    return [F.expr(sql).alias(name) for name, sql in as_sql(table, encodings).items()]
