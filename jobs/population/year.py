"""Deliveries that follow each other: who comes back, how the population moves, and which delivery is broken."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.population.draws import uniform

RETURNING = 0.15
"""Of a later delivery's applicants: those who were in the delivery before with another loan."""
MONTHS_TO_OUTCOME = 6
FIRST_BAD_DAY, DAYS_TO_GOOD = 60, 180
"""Days after the delivery: nobody is known to be bad before, and who is not bad by then is good."""
RISK_BY_DRIFT = 0.5
"""Log-odds of default that a drift adds beside what it does to the external scores: nobody could have learned it."""


@dataclass(frozen=True)
class Wave:
    """One of several deliveries.

    Args:
        number: From 0; the first has the labelled applicants.
        before: How many applicants there were in all deliveries before.
        last: How many there were before the delivery before this one.
        moved: How far the external scores have fallen since the first, in standard deviations.
        is_broken: Whether the feed of the third external score failed, and came empty.
    """

    number: int = 0
    before: int = 0
    last: int = 0
    moved: float = 0.0
    is_broken: bool = False

    @property
    def extra_risk(self) -> float:
        """Log-odds of default on top of what the applications show."""
        return RISK_BY_DRIFT * self.moved


ONLY = Wave()


@dataclass(frozen=True)
class Year:
    """Several deliveries.

    Args:
        dates: Of each.
        first: Applicants of the first one.
        monthly: Applicants of each later one.
        drift: How far the external scores fall from one delivery to the next, in standard deviations.
        broken: Which one is broken, from 1; 0 for none.
    """

    dates: tuple[date, ...]
    first: int
    monthly: int
    drift: float
    broken: int

    def deliveries(self) -> Iterator[tuple[date, int, Wave]]:
        """Each delivery's date, how many applicants it has, and which one it is."""
        starts = [0, *(self.first + self.monthly * later for later in range(len(self.dates)))]
        for number, run_date in enumerate(self.dates):
            moved, is_broken = self.drift * number, number == self.broken - 1
            wave = Wave(number, starts[number], starts[max(0, number - 1)], moved, is_broken)
            yield run_date, self.monthly if number else self.first, wave


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or its last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def outcomes(people: DataFrame, run_date: date) -> DataFrame:
    """What comes of each new applicant, as a file of outcomes tells it: the bad ones are known before the good ones.

    Args:
        people: SK_ID_CURR, identity, is_test and TARGET.
        run_date: Their delivery.
    """
    bad_after = f"{FIRST_BAD_DAY} + CAST(floor({uniform('DEFAULTED')} * {DAYS_TO_GOOD - FIRST_BAD_DAY}) AS INT)"
    after = F.expr(f"CASE WHEN TARGET = 1 THEN {bad_after} ELSE {DAYS_TO_GOOD} END")
    return people.where("is_test").select(
        "SK_ID_CURR",
        F.lit(run_date.isoformat()).alias("run_date"),
        "TARGET",
        F.date_format(F.date_add(F.lit(run_date), after), "yyyy-MM-dd").alias("observed_on"),
    )
