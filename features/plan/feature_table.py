"""Applicants and their folded histories to the feature table; the catalogue of its columns."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features import DECLARED
from features.declarations import Declarations, derived_among
from features.expressions import columns_read
from features.plan.encodings import Encodings, apply
from features.plan.fold import VALUES, fold_rows
from features.plan.history_rows import Sources, derive, feature_rows
from features.spec import KEY, TARGET, Named, Table, feature_names

BY_NAME: Mapping[str, Table] = DECLARED.by_name

Settle = Callable[[Sequence[DataFrame]], Sequence[DataFrame]]
"""What ends a part of a plan: the same rows of each frame, computed or not. None of the frames needs another."""


def as_planned(parts: Sequence[DataFrame]) -> Sequence[DataFrame]:
    """The parts as one plan with what follows."""
    return parts


def catalogue() -> tuple[Named, ...]:
    """Every column of the feature table, in order."""
    return DECLARED.features


def feature_table(
    sources: Sources, encodings: Encodings, settle: Settle = as_planned, declared: Declarations = DECLARED
) -> DataFrame:
    """One row for every applicant: SK_ID_CURR, TARGET, then every feature as a double.

    Nobody is dropped for lack of history: an applicant without rows in a table has what its aggregations give for none.

    Args:
        sources: The applicants and their histories.
        encodings: What was fitted, to be applied.
        settle: Ends the parts: the application's features and each folded table, then what they are joined to. For a
            few applicants computing the parts is quicker: planning all of it as one costs more than the rows.
        declared: The tables and their features.
    """
    folded = [folded_part(table, sources, declared) for table in declared.histories]
    own, *histories = settle([own_features(sources, encodings, declared), *folded])
    return finished(joined(own, histories), settle, declared)


def own_features(sources: Sources, encodings: Encodings, declared: Declarations) -> DataFrame:
    """SK_ID_CURR, TARGET and the features that need no history, of every applicant."""
    application = declared.application
    rows = derive(sources[application.name], application.derivations)
    rows = derive(rows.select("*", *apply(application, encodings)), derived_among(application.features))
    doubles = [f"cast({named.name} as double) as {named.name}" for named in feature_names(application)]
    return rows.selectExpr(KEY, f"cast({TARGET} as bigint) as {TARGET}", *doubles)


def folded_part(table: Table, sources: Sources, declared: Declarations) -> DataFrame:
    """An entity of a table and its folded features, in the column `packed(table)`."""
    rows = feature_rows(table, with_children(table, sources, declared), declared.by_name)
    return fold_rows(rows, table).withColumnRenamed(VALUES, packed(table))


def joined(applicants: DataFrame, folded: Iterable[DataFrame]) -> DataFrame:
    """All applicants with what was folded for them."""
    for part in folded:
        applicants = applicants.join(part, on=KEY, how="left")
    return applicants


def finished(rows: DataFrame, settle: Settle, declared: Declarations) -> DataFrame:
    """The features of `own_features` and packed histories, with those that are derived from them, in their order."""
    derivations = [derivation for table in declared.histories for derivation in derived_among(table.features)]
    derivations += derived_among(declared.across)
    elements = {name: column for table in declared.histories for name, column in unpacked(table).items()}
    # Only what the derived columns read is unpacked for them: a layer of a thousand columns is mostly planning.
    read = {name for derivation in derivations for name in columns_read(derivation.sql)}
    early = [column for name, column in elements.items() if name in read]
    (derived,) = settle([derive(rows.select("*", *early), derivations)])
    late = {name: column for name, column in elements.items() if name not in read}
    return derived.select(KEY, TARGET, *[late.get(named.name, F.col(named.name)) for named in declared.features])


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


def with_children(table: Table, sources: Sources, declared: Declarations = DECLARED) -> Sources:
    """The sources, the table's own rows widened by the folded rows of the tables that belong to its rows."""
    rows = sources[table.name]
    for child in declared.children[table.name]:
        rows = rows.join(folded_part(child, sources, declared), on=child.entity, how="left")
        rows = rows.select("*", *unpacked(child).values())
    return {**sources, table.name: rows}
