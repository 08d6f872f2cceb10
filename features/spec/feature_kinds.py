"""The kinds of features: what folds rows, what is derived of finished columns, what is fitted."""

from dataclasses import dataclass, replace
from enum import Enum

from features.checks import Misdeclared, check_family, check_name, check_sentence, check_some, check_sql
from features.spec.aggregation import EVER, Aggregation, By, Risk, Window, as_windows
from features.spec.rows import ALL, Slice


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
        return as_windows(self.windows)

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
        return as_windows(self.windows)

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
