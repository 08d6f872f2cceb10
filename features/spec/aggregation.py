"""How many rows become one number: the aggregation, the window, and whether the sign of the risk stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from features.checks import Misdeclared


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


def as_windows(ends: Sequence[int | Window]) -> tuple[Window, ...]:
    """Windows, some of which are given by where they end in the table's unit of age."""
    return tuple(end if isinstance(end, Window) else Window(end) for end in ends)
