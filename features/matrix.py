"""Applicants and their folded histories to the feature table; the catalogue of its columns."""

import hashlib
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features import ACROSS, TABLES
from features.aggregate import VALUES, fold_rows
from features.encode import Encodings, apply
from features.rows import Sources, derive, feature_rows
from features.spec import Derivation, Derived, Named, Table, feature_names

KEY = "SK_ID_CURR"
TARGET = "TARGET"

BY_NAME: Mapping[str, Table] = {table.name: table for table in TABLES}


def catalogue() -> tuple[Named, ...]:
    """Every column of the feature table, in order."""
    ours = [named for table in TABLES if table.entity == KEY for named in feature_names(table)]
    across = [Named(d.name, "across tables", d.family, d.about, None, None, None, d) for d in ACROSS]
    return (*ours, *across)


def feature_set(encodings: Encodings) -> str:
    """The version of a feature set: 12 hexadecimal digits over its declarations and what was fitted."""
    fitted = sorted(encodings, key=lambda each: (each.name, each.level is not None, each.level or ""))
    text = repr(TABLES) + repr(ACROSS) + repr(fitted)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def feature_table(sources: Sources, encodings: Encodings) -> DataFrame:
    """One row for every applicant: SK_ID_CURR, TARGET, then the columns of `catalogue` as doubles.

    Nobody is dropped for lack of history: an applicant without rows in a table has what its aggregations give for none.
    """
    application = BY_NAME["application"]
    applicants = derive(sources["application"], application.derivations)
    applicants = applicants.select("*", *apply(application, encodings))
    applicants = derive(applicants, derivations(application))
    own = [named.name for named in feature_names(application)]
    joined = applicants.select(
        KEY, F.col(TARGET).cast("bigint").alias(TARGET), *[F.col(name).cast("double").alias(name) for name in own]
    )
    histories = [table for table in TABLES if table.entity == KEY and table is not application]
    for table in histories:
        folded = fold_rows(feature_rows(table, with_children(table, sources), BY_NAME), table)
        joined = joined.join(folded.withColumnRenamed(VALUES, packed(table)), on=KEY, how="left")
    kept = [F.col(name) for name in (KEY, TARGET, *own)]
    named = joined.select(*kept, *[column for table in histories for column in unpacked(table)])
    finished = derive(named, [Derivation(d.name, f"cast({d.sql} as double)", d.about) for d in ACROSS])
    return finished.select(KEY, TARGET, *[named.name for named in catalogue()])


def derivations(table: Table) -> list[Derivation]:
    """The table's derived features as row-level derivations."""
    return [
        Derivation(d.name, f"cast({d.sql} as double)", d.about) for d in table.features if isinstance(d, Derived)
    ]


def packed(table: Table) -> str:
    """The name of the column that holds all of a table's features."""
    return f"{table.prefix}_{VALUES}"


def unpacked(table: Table) -> list[Column]:
    """A table's features by name, with what its aggregations give for no rows in place of a missing row."""
    columns = []
    for place, named in enumerate(feature_names(table)):
        value = F.col(packed(table))[place]
        no_rows = named.aggregation.no_rows if named.aggregation else None
        filled = value if no_rows is None else F.coalesce(value, F.lit(no_rows))
        columns.append(filled.alias(named.name))
    return columns


def with_children(table: Table, sources: Sources) -> Sources:
    """The sources, the table's own rows widened by the folded rows of the tables that belong to its rows."""
    rows = sources[table.name]
    for child in TABLES:
        if child.parent is not None and child.parent[0] == table.name and child.entity == child.parent[1]:
            folded = fold_rows(feature_rows(child, sources, BY_NAME), child).withColumnRenamed(VALUES, packed(child))
            rows = rows.join(folded, on=child.entity, how="left")
            rows = rows.select(*[c for c in rows.columns if c != packed(child)], *unpacked(child))
    return {**sources, table.name: rows}
