"""Applicants and their folded histories to the feature table; the catalogue of its columns."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features import ACROSS, TABLES
from features.plan.encodings import Encodings, apply
from features.plan.fold import VALUES, fold_rows
from features.plan.history_rows import Sources, derive, feature_rows, mentions
from features.spec import KEY, TARGET, Declared, Derivation, Derived, Named, Table, feature_names, of_parent

BY_NAME: Mapping[str, Table] = {table.name: table for table in TABLES}

Settle = Callable[[Sequence[DataFrame]], Sequence[DataFrame]]
"""What ends a part of a plan: the same rows of each frame, computed or not. None of the frames needs another."""


def as_planned(parts: Sequence[DataFrame]) -> Sequence[DataFrame]:
    """The parts as one plan with what follows."""
    return parts


def catalogue() -> tuple[Named, ...]:
    """Every column of the feature table, in order."""
    ours = [named for table in TABLES for named in feature_names(table)]
    across = [Named(d.name, "across tables", d.family, d.about, None, None, None, d) for d in ACROSS]
    return (*ours, *across)


def feature_set(encodings: Encodings, row_models: str = "") -> str:
    """The version of a feature set: 12 hexadecimal digits over its declarations and what was fitted.

    Args:
        encodings: What was fitted for the feature table.
        row_models: The version of the row models whose scores belong to it; empty where none do.
    """
    fitted = sorted(encodings, key=lambda each: (each.name, each.level is not None, each.level or ""))
    text = repr(TABLES) + repr(ACROSS) + repr(fitted) + row_models
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def feature_table(sources: Sources, encodings: Encodings, settle: Settle = as_planned) -> DataFrame:
    """One row for every applicant: SK_ID_CURR, TARGET, then the columns of `catalogue` as doubles.

    Nobody is dropped for lack of history: an applicant without rows in a table has what its aggregations give for none.

    Args:
        sources: The applicants and their histories.
        encodings: What was fitted, to be applied.
        settle: Ends the parts: the application's features and each folded table, then what they are joined to. For a
            few applicants computing the parts is quicker: planning all of it as one costs more than the rows.
    """
    application = BY_NAME["application"]
    applicants = derive(sources["application"], application.derivations)
    applicants = applicants.select("*", *apply(application, encodings))
    applicants = derive(applicants, derivations(application.features))
    own = [f"cast({named.name} as double) as {named.name}" for named in feature_names(application)]
    parts = [applicants.selectExpr(KEY, f"cast({TARGET} as bigint) as {TARGET}", *own)]
    histories = [table for table in TABLES if table.features and table is not application]
    for table in histories:
        folded = fold_rows(feature_rows(table, with_children(table, sources), BY_NAME), table)
        parts.append(folded.withColumnRenamed(VALUES, packed(table)))
    joined, *settled = settle(parts)
    for folded in settled:
        joined = joined.join(folded, on=KEY, how="left")
    finished = [each for table in histories for each in derivations(table.features)] + derivations(ACROSS)
    elements = {name: column for table in histories for name, column in unpacked(table).items()}
    # Only what the derived columns read is unpacked for them: a layer of a thousand columns is mostly planning.
    read = [name for name in elements if any(mentions(each.sql, name) for each in finished)]
    (derived,) = settle([derive(joined.select("*", *[elements[name] for name in read]), finished)])
    kept = {name: column for name, column in elements.items() if name not in read}
    return derived.select(KEY, TARGET, *[kept.get(named.name, F.col(named.name)) for named in catalogue()])


def derivations(declared: Iterable[Declared]) -> list[Derivation]:
    """The derived features among them as row-level derivations."""
    return [Derivation(d.name, f"cast({d.sql} as double)", d.about) for d in declared if isinstance(d, Derived)]


def packed(table: Table) -> str:
    """The name of the column that holds all of a table's features."""
    return f"{table.prefix}_{VALUES}"


def unpacked(table: Table) -> dict[str, Column]:
    """A table's folded features by name, of its packed column, with what an aggregation gives for no rows."""
    folded = [named for named in feature_names(table) if named.window is not None]
    columns = {}
    for place, named in enumerate(folded):
        no_rows = named.aggregation.no_rows if named.aggregation else None
        # Not `packed[place]`: to check the index against the array's end makes the plan twice as large.
        value = F.get(packed(table), F.lit(place))
        columns[named.name] = (value if no_rows is None else F.coalesce(value, F.lit(no_rows))).alias(named.name)
    return columns


def with_children(table: Table, sources: Sources) -> Sources:
    """The sources, the table's own rows widened by the folded rows of the tables that belong to its rows."""
    rows = sources[table.name]
    for child in TABLES:
        if child.parent_features and child.parent is not None and child.parent[0] == table.name:
            each = of_parent(child)
            folded = fold_rows(feature_rows(each, sources, BY_NAME), each).withColumnRenamed(VALUES, packed(each))
            rows = rows.join(folded, on=each.entity, how="left")
            rows = rows.select("*", *unpacked(each).values())
    return {**sources, table.name: rows}
