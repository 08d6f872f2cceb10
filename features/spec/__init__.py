"""The words in which tables and features are declared.

A declaration is plain data: nothing here needs Spark, so that it can be listed, printed, hashed and checked
without a session. Row-level expressions are Spark SQL text, because a Spark ``Column`` cannot exist before
Spark does. What can't mean anything is refused where it is declared, with `Misdeclared`.

    Feature("days_late", "greatest(days_late, 0)", (MEAN, MAX), windows=(90, 365, EVER), family="payment history",
            about="Days between due and paid; early counts as on time.")

declares ``installments_days_late_mean_90d`` and five more: names are computed by `feature_names`, never typed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import Enum

from features.checks import (
    Misdeclared,
    check_family,
    check_identifier,
    check_name,
    check_once,
    check_sentence,
    check_some,
    check_sql,
    suggestion,
)
from features.expressions import columns_read

KEY = "SK_ID_CURR"
"""The column that names an applicant."""
TARGET = "TARGET"
"""The label: 1 where the applicant later had difficulties to pay, 0 where not, null where nobody knows yet."""
AGE = "age"
"""How long before the application a row happened; the last derivations, features and slices may read it."""
RANK = "rank"
"""The row's place among its entity's, 1 for the latest; read like `AGE`."""
PREVIOUS_AGE = "previous_age"
"""The age of the entity's next older row; read like `AGE`."""


class Type(Enum):
    """What a contract's columns hold; each says how a CSV cell is read, and which SQL type it becomes."""

    ID = "identifier"
    WHOLE = "whole number"
    AMOUNT = "amount"
    REAL = "real number"
    TEXT = "text"

    @property
    def ddl(self) -> str:
        """The type in Spark's DDL, in capitals."""
        match self:
            case Type.ID | Type.WHOLE:
                return "BIGINT"
            case Type.AMOUNT:
                return "DECIMAL(18,3)"
            case Type.REAL:
                return "DOUBLE"
            case Type.TEXT:
                return "STRING"


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
        optional: Any file may come without the column, as those of before it was known do; it is null there.
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
    optional: bool = False

    def __post_init__(self) -> None:
        declaration = f"column {self.name}"
        check_identifier("column", self.name)
        check_sentence(declaration, self.about)
        if self.codes and self.levels:
            raise Misdeclared(f"{declaration} has codes and levels: write codes where no other value may come")
        check_some(declaration, "codes or levels", [*self.codes, *self.levels] or [None])
        if self.required and self.optional:
            raise Misdeclared(f"{declaration} is required and optional: its cells are empty where a file lacks it")
        if self.type is Type.TEXT and (self.low, self.high) != (None, None):
            raise Misdeclared(f"{declaration} is text and has bounds, {self.low} to {self.high}: leave them out")
        if self.type is not Type.TEXT and self.levels:
            raise Misdeclared(f"{declaration} is a {self.type.value} and has levels: write codes, low or high")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise Misdeclared(f"{declaration} goes from {self.low:g} to {self.high:g}: write the lower bound as low")
        if self.type is not Type.TEXT:
            self.check_codes_are_numbers()

    def check_codes_are_numbers(self) -> None:
        """Refuse a code that no cell of the column can be."""
        for code in self.codes:
            try:
                Decimal(code)
            except InvalidOperation:
                raise Misdeclared(
                    f"column {self.name} is a {self.type.value} and has the code {code!r}: write it as a number"
                ) from None


@dataclass(frozen=True, slots=True)
class Derivation:
    """A row-level column computed from the columns of its table and from earlier derivations.

    One that carries the name of a column replaces it (365243 and XNA become nulls this way): for those declared
    after it, and not for those before.
    """

    name: str
    sql: str
    about: str

    def __post_init__(self) -> None:
        check_identifier("derivation", self.name)
        check_sql(f"derivation {self.name}", self.sql)
        check_sentence(f"derivation {self.name}", self.about)


@dataclass(frozen=True, slots=True)
class Slice:
    """A named row filter of a table: active, approved, late, ..."""

    name: str
    where: str
    about: str

    def __post_init__(self) -> None:
        if self.name or self.where != "true":
            check_name("slice", self.name)
        check_sql(f"slice {self.name}", self.where)
        check_sentence(f"slice {self.name}", self.about)


ALL = Slice("", "true", "Every row.")


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


KEEP_THE_SIGN = {SUM, MEAN, MIN, MAX, DECAYED}
"""The aggregations that rise, or stay, where one of the rows' values rises."""


class Risk(Enum):
    """Which way the risk goes as a number rises, where the business knows it: it may stay, but never goes the other.

    A feature of the rows hands it to what `KEEP_THE_SIGN` makes of them; a spread or a count has no such sign.
    """

    RISING = 1
    FALLING = -1


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

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= 0:
            raise Misdeclared(f"a window by {self.by.value} ends at {self.end}: write a number above 0, or EVER")

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
        risk: Which way it goes as the value rises (see `rising`).
    """

    name: str
    value: str
    aggregations: tuple[Aggregation, ...]
    family: str
    about: str
    windows: tuple[int | Window, ...] = (EVER,)
    slices: tuple[Slice, ...] = (ALL,)
    risk: Risk | None = None

    def __post_init__(self) -> None:
        check_folding(self)
        check_aggregations(self)

    @property
    def spans(self) -> tuple[Window, ...]:
        """The windows, as `Window` objects."""
        return tuple(w if isinstance(w, Window) else Window(w) for w in self.windows)

    @property
    def values(self) -> tuple[str, ...]:
        """The SQL that is folded."""
        return (self.value,)


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
    risk: Risk | None = None

    def __post_init__(self) -> None:
        check_folding(self)
        check_aggregations(self)

    @property
    def spans(self) -> tuple[Window, ...]:
        """The windows over the rank, as `Window` objects."""
        return tuple(Window(k, By.LAST) for k in self.last) + tuple(Window(k, By.FIRST) for k in self.first)

    @property
    def values(self) -> tuple[str, ...]:
        """The SQL that is folded."""
        return (self.value,)


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
    risk: Risk | None = None

    def __post_init__(self) -> None:
        check_folding(self)

    @property
    def spans(self) -> tuple[Window, ...]:
        """The windows, as `Window` objects."""
        return tuple(w if isinstance(w, Window) else Window(w) for w in self.windows)

    @property
    def values(self) -> tuple[str, ...]:
        """The SQL that is folded."""
        return (self.numerator, self.denominator)


@dataclass(frozen=True, slots=True)
class Derived:
    """One number of an applicant: an SQL expression over finished columns; it carries its own name.

    In `application` it reads the application's columns and derivations; elsewhere any feature declared before it.
    """

    name: str
    sql: str
    family: str
    about: str
    risk: Risk | None = None

    def __post_init__(self) -> None:
        check_feature(self, self.sql)

    @property
    def expressions(self) -> tuple[str, ...]:
        """The SQL that it is made of."""
        return (self.sql,)


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

    def __post_init__(self) -> None:
        check_feature(self, self.column)
        if (self.code is Code.ORDINAL) != bool(self.order):
            raise Misdeclared(f"feature {self.name} is {self.code.value} with order {self.order}: only ORDINAL has one")

    @property
    def expressions(self) -> tuple[str, ...]:
        """The SQL that it is made of."""
        return (self.column,)


@dataclass(frozen=True, slots=True)
class GroupDeviation:
    """value minus the median of its group on the labelled rows; a group never seen takes the median of all."""

    name: str
    value: str
    group: str
    family: str
    about: str

    def __post_init__(self) -> None:
        check_feature(self, self.value, self.group)

    @property
    def expressions(self) -> tuple[str, ...]:
        """The SQL that it is made of."""
        return (self.value, self.group)


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

    def __post_init__(self) -> None:
        check_feature(self, self.value, self.where, self.group, self.like)

    @property
    def expressions(self) -> tuple[str, ...]:
        """The SQL that it is made of, of its own table."""
        return (self.like,)

    @property
    def expressions_there(self) -> tuple[str, ...]:
        """The SQL over the rows of the other table."""
        return (self.value, self.where, self.group)


Folding = Feature | Ordered | Ratio
Learned = Encoded | GroupDeviation | Expected
Declared = Folding | Derived | Learned


Signed = Feature | Ordered | Ratio | Derived


def rising[S: Signed](*declared: S) -> tuple[S, ...]:
    """The same, as never lowering the risk where they rise: more days late."""
    return tuple(replace(feature, risk=Risk.RISING) for feature in declared)


def falling[S: Signed](*declared: S) -> tuple[S, ...]:
    """The same, as never raising the risk where they rise: a higher external score."""
    return tuple(replace(feature, risk=Risk.FALLING) for feature in declared)


def check_feature(declared: Declared, *expressions: str) -> None:
    """What every feature has to keep."""
    check_name("feature", declared.name)
    check_sql(f"feature {declared.name}", *expressions)
    check_family(f"feature {declared.name}", declared.family)
    check_sentence(f"feature {declared.name}", declared.about)


def check_aggregations(declared: Feature | Ordered) -> None:
    """At least one, none of them twice."""
    check_some(f"feature {declared.name}", "aggregations", [aggregation.value for aggregation in declared.aggregations])


def check_folding(declared: Folding) -> None:
    """What every fold of rows has to keep."""
    check_feature(declared, *declared.values)
    try:
        windows = [window.label("") for window in declared.spans]
    except Misdeclared as problem:
        raise Misdeclared(f"feature {declared.name}: {problem}") from None
    check_some(f"feature {declared.name}", "windows", windows)
    check_some(f"feature {declared.name}", "slices", [slice_.name or "every row" for slice_ in declared.slices])


@dataclass(frozen=True, slots=True)
class Rollup:
    """Rows folded to a coarser grain before the features see them (the payments of one instalment).

    Args:
        key: The coarser grain.
        columns: The folded row's columns, each an SQL aggregate over its rows.
    """

    key: tuple[str, ...]
    columns: tuple[Derivation, ...]

    def __post_init__(self) -> None:
        check_some("a rollup", "key columns", self.key)
        check_once(
            f"the rollup to {', '.join(self.key)}", "columns", [*self.key, *(column.name for column in self.columns)]
        )


@dataclass(frozen=True, slots=True)
class Lookup:
    """Columns borrowed from the one row of another source table that shares `on` (null where there is none)."""

    table: str
    on: tuple[str, ...]
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        check_some(f"the lookup of {self.table}", "columns to look up by", self.on)
        check_some(f"the lookup of {self.table}", "columns to borrow", self.columns)


NO_DAY = 365_243
"""What stands in a column of days for a day that there is none of."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A column that counts days or months from the application, below 0 before it.

    Args:
        column: Its name.
        unit: "d" (days) or "m" (months).
        planned: It is a plan, known before it comes. What is none and lies ahead had not happened yet.
    """

    column: str
    unit: str = "d"
    planned: bool = False


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
        optional: A delivery may come without the files, as those of before the table was known did; it has no row then.
        entity: The column that features are folded to.
        rollup: Folding to a coarser grain first; its own derivations come from `derivations`.
        lookups: Columns borrowed from other tables, before the derivations.
        derivations: Row-level columns.
        age: SQL of how long before the application the row happened, >= 0; rows with a negative or null age
            are never seen by a feature.
        age_unit: "d" (days) or "m" (months).
        moments: The columns that count from the application, as delivered.
        order: SQL expressions that break ties of age, latest row first, with DESC behind where the largest is the
            latest; with the age they order the rows totally.
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
    optional: bool = False
    entity: str = KEY
    before_rollup: tuple[Derivation, ...] = ()
    rollup: Rollup | None = None
    lookups: tuple[Lookup, ...] = ()
    derivations: tuple[Derivation, ...] = ()
    age: str | None = None
    age_unit: str = "d"
    moments: tuple[Moment, ...] = ()
    order: tuple[str, ...] = ()
    features: tuple[Declared, ...] = ()
    parent_features: tuple[Folding, ...] = ()

    def __post_init__(self) -> None:
        check_contract(self)
        if self.parent_features and self.parent is None:
            raise Misdeclared(f"table {self.name} has parent_features and no parent: name what its rows belong to")
        check_rows(self)
        check_features(self)
        if self.parent_features:
            of_parent(self)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError where the contract has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def grain(self) -> tuple[str, ...]:
        """The columns that name a row which features see."""
        return self.rollup.key if self.rollup else self.key

    @property
    def row_columns(self) -> tuple[str, ...]:
        """The columns of a row before its derivations, but for what is borrowed and what its own rows tell it."""
        if self.rollup:
            return (*self.rollup.key, *(column.name for column in self.rollup.columns))
        return (*(column.name for column in self.columns), *(derivation.name for derivation in self.before_rollup))

    @property
    def tie_breakers(self) -> tuple[tuple[str, bool], ...]:
        """What breaks ties of age: the expression, and whether it descends."""
        terms = (text.rpartition(" ") for text in self.order)
        return tuple(
            (before, last.upper() == "DESC") if last.upper() in {"ASC", "DESC"} else (f"{before} {last}".strip(), False)
            for before, _, last in terms
        )

    @property
    def folding(self) -> tuple[Folding, ...]:
        """The features that fold rows."""
        return tuple(declared for declared in self.features if isinstance(declared, Folding))

    @property
    def slices(self) -> tuple[Slice, ...]:
        """The slices that features are cut by, each once."""
        return tuple(dict.fromkeys(slice_ for declared in self.folding for slice_ in declared.slices if slice_ != ALL))

    @property
    def row_expressions(self) -> tuple[tuple[str, str], ...]:
        """(where it stands, SQL) of all that features read of a row, after the derivations."""
        folded = [(declared.name, sql) for declared in self.folding for sql in declared.values]
        others = [
            (declared.name, sql)
            for declared in self.features
            if not isinstance(declared, Folding | Derived)
            for sql in declared.expressions
        ]
        return (*folded, *others, *((slice_.name, slice_.where) for slice_ in self.slices))

    @property
    def written(self) -> tuple[tuple[str, str], ...]:
        """(where it stands, SQL) of all that the table declares, in the order of its computation."""
        derivations = (*self.before_rollup, *(self.rollup.columns if self.rollup else ()), *self.derivations)
        ages = [sql for sql in (self.age, *(sql for sql, _ in self.tie_breakers)) if sql is not None]
        derived = [declared for declared in self.features if isinstance(declared, Derived)]
        return (
            *((derivation.name, derivation.sql) for derivation in derivations),
            *(("age or order", sql) for sql in ages),
            *self.row_expressions,
            *((declared.name, declared.sql) for declared in derived),
            *(of_parent(self).row_expressions if self.parent_features else ()),
        )

    @property
    def early_derivations(self) -> tuple[Derivation, ...]:
        """Those that are computed before the row's age is known; the lookups of other tables see them too."""
        return split_derivations(self)[0]

    @property
    def late_derivations(self) -> tuple[Derivation, ...]:
        """Those that read the row's age or rank, directly or not, or replace what one of these reads."""
        return split_derivations(self)[1]


def split_derivations(table: Table) -> tuple[tuple[Derivation, ...], tuple[Derivation, ...]]:
    """A table's early and late derivations, each in the order of their declaration."""
    early, late = [], []
    made_late, read_late = {AGE, RANK, PREVIOUS_AGE}, set[str]()
    for derivation in table.derivations:
        read = columns_read(derivation.sql)
        if read & made_late or derivation.name in made_late | read_late:
            late.append(derivation)
            made_late.add(derivation.name)
            read_late |= read
        else:
            early.append(derivation)
    return tuple(early), tuple(late)


def check_contract(table: Table) -> None:
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


def check_rows(table: Table) -> None:
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


def check_features(table: Table) -> None:
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


def check_nothing_forbidden(table: Table) -> None:
    """No expression reads a protected column or the label."""
    forbidden = {TARGET, *(column.name for column in table.columns if column.protected)}
    for where, sql in table.written:
        for name in columns_read(sql) & forbidden:
            raise Misdeclared(f"{where} of {table.name} reads {name}, which no feature may: leave it out")


def check_derived_features(table: Table) -> None:
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


def check_time(table: Table) -> None:
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


def check_ordinal(table: Table, declared: Encoded) -> None:
    """An ordinal code has a place for every level."""
    levels = table.column(declared.column).levels
    for level in set(levels) ^ set(declared.order):
        raise Misdeclared(
            f"feature {declared.name} of {table.name}: {level!r} is in the order of {declared.column} or among its "
            "levels, and not in both: write the levels as order"
        )


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
    def risk(self) -> Risk | None:
        """Which way the risk goes as the feature rises; None where nobody has said, or its aggregation has no sign."""
        if not isinstance(self.declared, Signed):
            return None
        return self.declared.risk if self.aggregation is None or self.aggregation in KEEP_THE_SIGN else None

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
