"""Scores of single rows as features: what small models of TARGET say of each earlier application, loan and instalment.

A row model reads of a row what the table's features read of it, and the place of each category among its declared
levels; so a column that is kept from the features is kept from the row models too. Its score is a column of the row,
and what becomes of the scores of an applicant's rows is declared like any other feature. Who may learn from whom, and
how, is not said here (see `jobs.lake.row_models`).

After NoxMoon's nested models and Onodera's f702 of the Home Credit competition, which aggregate out-of-fold scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from pyspark.sql import DataFrame

from features import TABLES
from features.expressions import text_literal
from features.plan.feature_table import BY_NAME, Settle, as_planned, catalogue, joined, packed, unpacked, with_children
from features.plan.fold import VALUES, fold_rows
from features.plan.history_rows import Sources, feature_rows
from features.spec import (
    AGE,
    DECAYED,
    KEY,
    MAX,
    MEAN,
    MIN,
    STD,
    SUM,
    Column,
    Declared,
    Feature,
    Named,
    Ordered,
    Table,
    Type,
    feature_names,
)

SCORE = "nested_score"
INPUT = "input_"

ROWS: Mapping[str, tuple[str, str]] = {
    "previous_application": ("an earlier application", "previous applications"),
    "bureau": ("a loan with another lender", "bureau history"),
    "installments_payments": ("an instalment", "payment history"),
}
"""The tables whose rows are scored: what a row is, and the reason family of its score."""

CONSTANTS = ("1", "true")


def scores_of(table: Table, row: str, family: str) -> Table:
    """The table as rows that have been scored, with the features of their scores."""
    about = f"Log-odds of default that {row} speaks for, above those of the average one."
    features: tuple[Declared, ...] = (
        Feature(SCORE, SCORE, (MEAN, MAX, MIN, STD, SUM, DECAYED), family, about),
        Feature(SCORE, SCORE, (MEAN, MAX), family, about, windows=(365,)),
        Ordered(SCORE, SCORE, (MEAN,), family, about, last=(1, 3, 5)),
    )
    return replace(table, name=f"scores of {table.name}", features=features, parent_features=())


NESTED: Mapping[str, Table] = {name: scores_of(BY_NAME[name], *told) for name, told in ROWS.items()}
"""The tables whose rows are scored, with the features of their scores."""
NESTED_FEATURES: tuple[Named, ...] = tuple(named for table in NESTED.values() for named in feature_names(table))
"""Every column of the table of nested features, in order."""
NESTED_NAMES = frozenset(named.name for named in NESTED_FEATURES)
EVERY_FEATURE: tuple[Named, ...] = (*catalogue(), *NESTED_FEATURES)
"""All that is declared: the columns of the feature table, then of the nested one."""

Levels = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By table and category, the levels in the order of their places."""


class RowScores(Protocol):
    """Row models, as far as features need them."""

    @property
    def levels(self) -> Levels:
        """The levels that they were fitted with."""
        ...

    def score(self, rows: DataFrame, table: str) -> DataFrame:
        """From rows as `input_rows` gives them to SK_ID_CURR, age, what orders them, and the score."""
        ...


def declared_levels() -> Levels:
    """The levels that the contracts of the scored tables know now, closed or open, of every category that has any."""
    return {
        name: {column.name: column.codes or column.levels for column in BY_NAME[name].columns if is_category(column)}
        for name in NESTED
    }


def is_category(column: Column) -> bool:
    """Whether a row model reads the column as the place of its level."""
    return column.type is Type.TEXT and bool(column.codes or column.levels)


def values_read(name: str) -> tuple[str, ...]:
    """What the row model of a table reads of a row, as its features do: SQL of numbers."""
    table = BY_NAME[name]
    read = dict.fromkeys(
        sql for declared in table.folding for sql in (*declared.values, *(slice_.where for slice_ in declared.slices))
    )
    return tuple(sql for sql in read if sql not in CONSTANTS)


def place_of_level(column: str, levels: Sequence[str]) -> str:
    """SQL of the place of a category's level among those listed: 1 for the first, null for another one."""
    cases = " ".join(f"when {text_literal(level)} then {place}" for place, level in enumerate(levels, start=1))
    return f"case {column} {cases} end"


def row_inputs(name: str, levels: Levels) -> tuple[str, ...]:
    """What the row model of a table reads of a row, as SQL of numbers: values, then places of levels."""
    return (*values_read(name), *(place_of_level(column, listed) for column, listed in levels[name].items()))


def input_names(name: str) -> list[str]:
    """The columns that hold the inputs of a table's row model."""
    return [f"{INPUT}{place}" for place in range(len(values_read(name)) + len(declared_levels()[name]))]


def key_columns(name: str) -> list[str]:
    """What names a row and orders it among its applicant's."""
    return [KEY, AGE, *[sql for sql, _ in BY_NAME[name].tie_breakers if sql != KEY]]


def input_rows(name: str, sources: Sources, levels: Levels) -> DataFrame:
    """The rows that a table's features see: `key_columns`, then the inputs as floats, null where unknown."""
    table = BY_NAME[name]
    rows = feature_rows(table, with_children(table, sources), BY_NAME)
    inputs = zip(row_inputs(name, levels), input_names(name), strict=True)
    return rows.selectExpr(
        *key_columns(name), *[f"cast(cast({sql} as double) as float) as {column}" for sql, column in inputs]
    )


def of_applicants(sources: Sources, applicants: DataFrame) -> Sources:
    """The rows of some applicants: SK_ID_CURR; a history that does not name them is found by its parent's rows."""
    found = {
        name: rows.join(applicants.select(KEY), on=KEY, how="left_semi")
        for name, rows in sources.items()
        if KEY in rows.columns
    }
    for table in TABLES:
        if table.name not in found and table.parent is not None:
            parent, column = table.parent
            found[table.name] = sources[table.name].join(found[parent].select(column), on=column, how="left_semi")
    return found


def nested_table(sources: Sources, models: RowScores, settle: Settle = as_planned) -> DataFrame:
    """One row for every applicant: SK_ID_CURR, then the columns of `NESTED_FEATURES` as doubles.

    Args:
        sources: The applicants and their histories.
        models: What scores the rows.
        settle: Ends the parts, as in `feature_table.feature_table`.
    """
    folded = [
        fold_rows(models.score(input_rows(name, sources, models.levels), name), table).withColumnRenamed(
            VALUES, packed(table)
        )
        for name, table in NESTED.items()
    ]
    applicants, *parts = settle([sources["application"].select(KEY), *folded])
    columns = {name: column for table in NESTED.values() for name, column in unpacked(table).items()}
    return joined(applicants, parts).select(KEY, *[columns[named.name] for named in NESTED_FEATURES])
