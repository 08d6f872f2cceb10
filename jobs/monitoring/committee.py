"""A year of deliveries as a risk committee sees it: read from the lake, each figure with the table that it is from."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Row
from pyspark.sql import functions as F

from jobs.lake.checks import Check
from jobs.lake.comparison import Verdict
from jobs.lake.tables import (
    DRIFT,
    EXPECTATIONS,
    MONITORED,
    MONTHS_ON_BOOK,
    OUTCOMES,
    REFUSED_CHECKS,
    SELECTION_RATES,
    SETTLED,
    VINTAGES,
    Lake,
)
from jobs.monitoring.history import Night, read_nights
from jobs.monitoring.settling import INSIDE, NOT_YET, OUTSIDE
from jobs.runtime.errors import UserError

MONTHS = 12
MOVERS = 3


@dataclass(frozen=True)
class Settled:
    """A figure that was expected of a delivery, and what came; outcome is inside, outside or not yet."""

    run_date: date
    population: str
    measure: str
    expected: float
    low: float
    high: float
    realised: float
    rows: int
    known: int
    outcome: str


@dataclass(frozen=True)
class VintageMonth:
    """Of the approved of a vintage: whose outcome was known, and bad, by the end of a month on book."""

    vintage: str
    month_on_book: int
    known: int
    bad: int
    approved: int


@dataclass(frozen=True)
class CommitteeYear:
    """The last twelve months up to a delivery.

    Args:
        upto: The delivery.
        nights: What was found of each delivery, oldest first.
        movers: The features that moved most of each delivery, of those that moved beyond chance.
        ratios: The ratio of approval rates by attribute, of each delivery.
        settled: Expected and realised figures, by delivery.
        vintages: Realised measures of each month, by population and measure.
        months_on_book: How each vintage's outcomes came.
        refused: The deliveries that were refused, each with what was counted against it.
        versions: The Delta version that each table was read at.
    """

    upto: date
    nights: tuple[Night, ...]
    movers: Mapping[date, tuple[str, ...]]
    ratios: Mapping[date, Mapping[str, float]]
    settled: tuple[Settled, ...]
    vintages: Mapping[str, Mapping[tuple[str, str], float]]
    months_on_book: tuple[VintageMonth, ...]
    refused: Mapping[date, tuple[str, ...]]
    versions: Mapping[str, int]

    @property
    def hits(self) -> int:
        """Settled figures that came within what was expected."""
        return sum(each.outcome == INSIDE for each in self.settled)

    @property
    def misses(self) -> tuple[Settled, ...]:
        """Those that did not."""
        return tuple(each for each in self.settled if each.outcome == OUTSIDE)

    @property
    def waiting(self) -> int:
        """Figures of which not enough is known."""
        return sum(each.outcome == NOT_YET for each in self.settled)

    def figures(self, population: str, measure: str) -> tuple[Settled, ...]:
        """One figure of every delivery that settled, oldest first."""
        return tuple(
            each
            for each in self.settled
            if (each.population, each.measure) == (population, measure) and each.outcome != NOT_YET
        )


def read_year(lake: Lake, upto: date) -> CommitteeYear:
    """What the lake says of the twelve months up to a delivery.

    Raises:
        UserError: Nothing was monitored yet.
    """
    since = upto.replace(year=upto.year - 1) if (upto.month, upto.day) != (2, 29) else date(upto.year - 1, 2, 28)
    nights = tuple(night for night in read_nights(lake, upto) if night.run_date > since)
    if not nights:
        raise UserError(f"{lake.root} has no delivery up to {upto} that was monitored: score and monitor one first")

    def rows(table: str) -> list[Row]:
        if not lake.exists(table):
            return []
        inside = (F.col("run_date") > F.lit(since)) & (F.col("run_date") <= F.lit(upto))
        return lake.read(table).where(inside).orderBy("run_date").collect()

    tables = (
        *(MONITORED, DRIFT, SELECTION_RATES, EXPECTATIONS, OUTCOMES, SETTLED),
        *(VINTAGES, MONTHS_ON_BOOK, REFUSED_CHECKS),
    )
    return CommitteeYear(
        upto=upto,
        nights=nights,
        movers=read_movers(lake, since, upto),
        ratios=ratios_of(rows(SELECTION_RATES)),
        settled=settled_of(rows(SETTLED)),
        vintages=read_vintages(lake, since, upto),
        months_on_book=read_months(lake, since, upto),
        refused=refusals(rows(REFUSED_CHECKS)),
        versions={table: lake.version(table) for table in tables if lake.exists(table)},
    )


def read_movers(lake: Lake, since: date, upto: date) -> dict[date, tuple[str, ...]]:
    """The features that moved most of each delivery, with their index."""
    moved = lake.read(DRIFT).where(
        (F.col("run_date") > F.lit(since))
        & (F.col("run_date") <= F.lit(upto))
        & F.col("outcome").isin("watch", "moved")
    )
    found: dict[date, list[str]] = defaultdict(list)
    for row in moved.where("place > 0").orderBy("run_date", F.desc("population_stability"), "name").collect():
        found[row["run_date"]].append(f"{row['name']} {row['population_stability']:.2f}")
    return {run_date: tuple(names[:MOVERS]) for run_date, names in found.items()}


def ratios_of(rows: list[Row]) -> dict[date, dict[str, float]]:
    """The ratio of each attribute, by delivery."""
    found: dict[date, dict[str, float]] = defaultdict(dict)
    for row in rows:
        if row["ratio"] is not None:
            found[row["run_date"]][row["attribute"]] = row["ratio"]
    return found


def settled_of(rows: list[Row]) -> tuple[Settled, ...]:
    """The figures of which something was expected."""
    names = tuple(Settled.__dataclass_fields__)
    return tuple(Settled(**{name: row[name] for name in names}) for row in rows if row["outcome"] is not None)


def read_vintages(lake: Lake, since: date, upto: date) -> dict[str, dict[tuple[str, str], float]]:
    """The realised measures of each month."""
    if not lake.exists(VINTAGES):
        return {}
    found: dict[str, dict[tuple[str, str], float]] = defaultdict(dict)
    for row in lake.read(VINTAGES).where(F.col("vintage").between(f"{since:%Y-%m}", f"{upto:%Y-%m}")).collect():
        found[row["vintage"]][row["population"], row["measure"]] = row["realised"]
        found[row["vintage"]][row["population"], "known"] = row["known"]
        found[row["vintage"]][row["population"], "rows"] = row["rows"]
    return dict(sorted(found.items()))


def read_months(lake: Lake, since: date, upto: date) -> tuple[VintageMonth, ...]:
    """How each vintage's outcomes came, month by month."""
    if not lake.exists(MONTHS_ON_BOOK):
        return ()
    inside = lake.read(MONTHS_ON_BOOK).where(F.col("vintage").between(f"{since:%Y-%m}", f"{upto:%Y-%m}"))
    names = tuple(VintageMonth.__dataclass_fields__)
    return tuple(VintageMonth(*row) for row in inside.select(*names).orderBy("vintage", "month_on_book").collect())


def refusals(rows: list[Row]) -> dict[date, tuple[str, ...]]:
    """What spoke against each delivery that was refused: the reasons of its rows, and figures that are not as usual.

    Args:
        rows: Of `operations/refused_checks`; those of before figures were kept have no verdict.
    """
    found: dict[date, list[str]] = defaultdict(list)
    for row in rows:
        lines, reason = found[row["run_date"]], row["check"].partition(f"{Check.REASON.value} ")[2]
        if reason:
            lines.append(f"{row['file']}: {row['rows']:,} rows, {reason}")
        elif "verdict" in row and row["verdict"] == Verdict.ERROR:
            lines.append(row["sentence"])
    return {run_date: tuple(lines) for run_date, lines in found.items()}
