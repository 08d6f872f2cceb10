"""The words in which tables and features are declared.

A declaration is plain data: nothing here needs Spark, so that it can be listed, printed, hashed and checked
without a session. Row-level expressions are Spark SQL text, because a Spark ``Column`` cannot exist before
Spark does.

    Feature("days_late", "greatest(days_late, 0)", (MEAN, MAX), windows=(90, 365, EVER), family="payment history",
            about="Days between due and paid; early counts as on time.")

declares ``installments_days_late_mean_90d`` and five more: names are computed by `feature_names`, never typed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

KEY = "SK_ID_CURR"
"""The column that names an applicant."""
TARGET = "TARGET"
"""The label: 1 where the applicant later had difficulties to pay, 0 where not, null where nobody knows yet."""


class Type(Enum):
    """The SQL types a contract knows; each says how a CSV cell is read."""

    ID = "BIGINT"
    WHOLE = "bigint"
    AMOUNT = "DECIMAL(18,3)"
    REAL = "DOUBLE"
    TEXT = "STRING"

    @property
    def ddl(self) -> str:
        """The type in Spark's DDL, in capitals."""
        return self.value.upper()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a source table, as delivered.

    Args:
        name: Kaggle's own column name.
        type: How its cells are read.
        about: What it means, in a sentence.
        required: An empty cell breaks the contract.
        codes: A closed list of values (as written in the CSV); any other breaks the contract.
        levels: The values seen so far of an open list; another one is a warning.
        low: The smallest number the contract allows.
        high: The largest number the contract allows.
        protected: Read for the fairness audit only, never a model input.
        absent_from: Files of the table that are delivered without the column; it is null there.
    """

    name: str
    type: Type
    about: str
    required: bool = False
    codes: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    protected: bool = False
    absent_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Derivation:
    """A row-level column computed from the columns of its table and from earlier derivations.

    One that carries the name of a column replaces it (365243 and XNA become nulls this way).
    """

    name: str
    sql: str
    about: str


@dataclass(frozen=True, slots=True)
class Slice:
    """A named row filter of a table: active, approved, late, ..."""

    name: str
    where: str
    about: str


ALL = Slice("", "true", "every row")


class Aggregation(Enum):
    """How the values of many rows become one number; `no_rows` is what it is over none.

    Nulls are left out by every aggregation but COUNT, which counts rows. Over rows that hold only nulls SUM is 0
    and the others are null. STD is the sample standard deviation (null below two values). TREND is the slope of the
    ordinary least squares line of the value against time in the table's unit of age, rising towards the application
    (null below two different ages). DECAYED is the mean weighted by exp(-age / scale), the scale being one year.
    """

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    STD = "std"
    TREND = "trend"
    DECAYED = "decayed"

    @property
    def no_rows(self) -> float | None:
        """What the aggregation gives for an applicant without rows."""
        return 0.0 if self in (Aggregation.COUNT, Aggregation.SUM) else None


COUNT, SUM, MEAN, MIN = Aggregation.COUNT, Aggregation.SUM, Aggregation.MEAN, Aggregation.MIN
MAX, STD, TREND, DECAYED = Aggregation.MAX, Aggregation.STD, Aggregation.TREND, Aggregation.DECAYED


class By(Enum):
    """What the edge of a window is measured in."""

    AGE = "age"
    LAST = "last"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open range ``[0, end)`` of age, or of the rank among the latest or earliest rows of a slice.

    ``end=None`` has no far edge.
    """

    end: int | None
    by: By = By.AGE

    def label(self, age_unit: str) -> str:
        """The window's part of a feature name: ``90d``, ``12m``, ``last3``, ``ever``."""
        if self.end is None:
            return "ever"
        return f"{self.end}{age_unit}" if self.by is By.AGE else f"{self.by.value}{self.end}"


EVER = Window(None)


@dataclass(frozen=True, slots=True)
class Feature:
    """value x slices x windows x aggregations, over the rows of one table.

    Args:
        name: The value's name; the middle of the feature's name.
        value: SQL of a number (or boolean, read as 0 and 1) over one row; null where it has no meaning.
        aggregations: How rows are folded.
        family: The reason family (a key of `families.FAMILIES`).
        about: What the value is, in a sentence.
        windows: Ends of age windows in the table's unit of age (numbers), or `EVER`.
        slices: Row filters.
    """

    name: str
    value: str
    aggregations: tuple[Aggregation, ...]
    family: str
    about: str
    windows: tuple[int | Window, ...] = (EVER,)
    slices: tuple[Slice, ...] = (ALL,)

    @property
    def spans(self) -> tuple[Window, ...]:
        """The windows, as `Window` objects."""
        return tuple(w if isinstance(w, Window) else Window(w) for w in self.windows)


@dataclass(frozen=True, slots=True)
class Ordered:
    """A value over the latest (or earliest) rows of a slice, in the table's total order.

    ``last=(1,)`` with SUM or MEAN is the last row's value.
    """

    name: str
    value: str
    aggregations: tuple[Aggregation, ...]
    family: str
    about: str
    last: tuple[int, ...] = ()
    first: tuple[int, ...] = ()
    slices: tuple[Slice, ...] = (ALL,)

    @property
    def spans(self) -> tuple[Window, ...]:
        """The windows over the rank, as `Window` objects."""
        return tuple(Window(k, By.LAST) for k in self.last) + tuple(Window(k, By.FIRST) for k in self.first)


@dataclass(frozen=True, slots=True)
class Ratio:
    """sum(numerator) / sum(denominator) over the rows where both are known; null where the divisor is 0."""

    name: str
    numerator: str
    denominator: str
    family: str
    about: str
    windows: tuple[int | Window, ...] = (EVER,)
    slices: tuple[Slice, ...] = (ALL,)

    @property
    def spans(self) -> tuple[Window, ...]:
        """The windows, as `Window` objects."""
        return tuple(w if isinstance(w, Window) else Window(w) for w in self.windows)


@dataclass(frozen=True, slots=True)
class Derived:
    """One number of an applicant: an SQL expression over finished columns; it carries its own name.

    In `application` it reads the application's columns and derivations; elsewhere any feature declared before it.
    """

    name: str
    sql: str
    family: str
    about: str


class Code(Enum):
    """How a category becomes a number."""

    ORDINAL = "ordinal"
    FREQUENCY = "frequency"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A category of the application as a number, fitted on labelled rows and then only applied.

    FREQUENCY is the level's share of the labelled rows, 0 for a level never seen, null where the cell is empty.
    ORDINAL is the position in `order`, null for another level.
    """

    name: str
    column: str
    code: Code
    family: str
    about: str
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupDeviation:
    """value minus the median of its group on the labelled rows; a group never seen takes the median of all."""

    name: str
    value: str
    group: str
    family: str
    about: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What rows of another table lead to expect: the median of their value among those that are like the application.

    Fitted on the rows of labelled applicants and then only applied; null where no row was like it.

    Args:
        table: The table whose rows are looked at.
        value: SQL of a number over one of its rows.
        where: SQL of which rows count.
        group: SQL of a text over one of its rows.
        like: SQL over the application that gives the text of its own group.
    """

    name: str
    table: str
    value: str
    where: str
    group: str
    like: str
    family: str
    about: str


Folding = Feature | Ordered | Ratio
Learned = Encoded | GroupDeviation | Expected
Declared = Folding | Derived | Learned


@dataclass(frozen=True, slots=True)
class Rollup:
    """Rows folded to a coarser grain before the features see them (the payments of one instalment).

    Args:
        key: The coarser grain.
        columns: The folded row's columns, each an SQL aggregate over its rows.
    """

    key: tuple[str, ...]
    columns: tuple[Derivation, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Columns borrowed from the one row of another source table that shares `on` (null where there is none)."""

    table: str
    on: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A source table: its contract, its row-level derivations and its features.

    Args:
        name: Kaggle's table name, the table's name in the lake.
        prefix: Start of its features' names.
        files: The CSV files it comes from, without ending.
        about: What a row is, in a sentence.
        key: Columns that name a row; no two rows share them.
        columns: The contract, in Kaggle's order.
        parent: The table and column of the row that this one belongs to; None for the application.
        entity: The column that features are folded to.
        rollup: Folding to a coarser grain first; its own derivations come from `derivations`.
        lookups: Columns borrowed from other tables, before the derivations.
        derivations: Row-level columns.
        age: SQL of how long before the application the row happened, >= 0; rows with a negative or null age
            are never seen by a feature.
        age_unit: "d" (days) or "m" (months).
        order: SQL expressions that break ties of age, latest row first; with the age they order the rows totally.
        features: What is computed for an applicant.
        parent_features: What is computed for the row that the rows belong to, for the parent's own features to read
            (see `of_parent`).
    """

    name: str
    prefix: str
    files: tuple[str, ...]
    about: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    parent: tuple[str, str] | None = None
    entity: str = KEY
    before_rollup: tuple[Derivation, ...] = ()
    rollup: Rollup | None = None
    lookups: tuple[Lookup, ...] = ()
    derivations: tuple[Derivation, ...] = ()
    age: str | None = None
    age_unit: str = "d"
    order: tuple[str, ...] = ()
    features: tuple[Declared, ...] = ()
    parent_features: tuple[Folding, ...] = ()

    def column(self, name: str) -> Column:
        """The column of that name; KeyError where the contract has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")


def of_parent(table: Table) -> Table:
    """The same rows, folded to the row that they belong to: ``loan_installments_late_mean_ever`` is one loan's."""
    assert table.parent is not None
    return replace(
        table, prefix=f"loan_{table.prefix}", entity=table.parent[1], features=table.parent_features, parent_features=()
    )


@dataclass(frozen=True, slots=True)
class Named:
    """One finished feature: its name and what a reader of the catalogue wants to know of it."""

    name: str
    table: str
    family: str
    about: str
    aggregation: Aggregation | None
    slice: Slice | None
    window: Window | None
    declared: Declared

    @property
    def description(self) -> str:
        """The feature in words: the value, then how it was folded."""
        if self.window is None:
            return self.about
        parts = [self.aggregation.value if self.aggregation else "ratio of sums"]
        if self.slice is not None and self.slice.name:
            parts.append(self.slice.about)
        if self.window.end is not None:
            unit = {"age": "age below", "last": "latest", "first": "earliest"}[self.window.by.value]
            parts.append(f"{unit} {self.window.end}")
        return f"{self.about} [{', '.join(parts)}]"


def joined_name(*parts: str) -> str:
    """The parts that are not empty, with underscores between."""
    return "_".join(part for part in parts if part)


def feature_names(table: Table) -> Iterator[Named]:
    """Every feature that a table declares, in the order of its columns in the feature table."""
    for declared in table.features:
        if isinstance(declared, Derived | Learned):
            yield Named(declared.name, table.name, declared.family, declared.about, None, None, None, declared)
            continue
        aggregations = (None,) if isinstance(declared, Ratio) else declared.aggregations
        for slice_ in declared.slices:
            for window in declared.spans:
                for aggregation in aggregations:
                    name = joined_name(
                        table.prefix,
                        declared.name,
                        aggregation.value if aggregation else "",
                        slice_.name,
                        window.label(table.age_unit),
                    )
                    yield Named(
                        name, table.name, declared.family, declared.about, aggregation, slice_, window, declared
                    )
