"""A delivery in figures, to hold it against the deliveries before it: how many rows, what is null, how old, whose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import reduce

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from features.contract import CONTRADICTS
from features.spec import KEY, Table, Type
from features.spec import Column as Declared
from jobs.lake.checks import Check, Counted
from jobs.lake.numbers import Numbers, measure_columns
from jobs.lake.packed_rows import COUNT, count_values, listed
from jobs.lake.tables import CHECKS, Lake, source_table

LABEL = "TARGET"
DAYS_OF_A_MONTH = 30
LEVELS_KEPT = 200
"""Of a column, the most frequent: more are no levels."""


class Kind(StrEnum):
    """What is measured; the value is how operations/checks, the settings and --accept call it."""

    ROWS = "rows"
    PER_APPLICANT = "rows_per_applicant"
    KEY_REUSE = "key_reuse"
    ORPHANS = "orphans"
    NULLS = "nulls"
    MEAN = "mean"
    LEVELS = "levels"
    FRESHNESS = "freshness"
    NO_HISTORY = "without_history"
    OVERLAP = "overlap"


@dataclass(frozen=True)
class Figure:
    """A number that a delivery is compared by.

    Args:
        table: The source table.
        kind: What is measured.
        value: The count, share, mean or age; of levels how many there are.
        of: How many independent rows it is measured on: at most one for each applicant.
        column: Of the table, where it is one column's.
        spread: The standard deviation of the values that a mean is of.
        levels: Of a column with levels, how many rows hold each.
    """

    table: str
    kind: Kind
    value: float
    of: int
    column: str = ""
    spread: float = 0.0
    levels: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As --accept takes it: kind, table and column."""
        return ":".join(part for part in (self.kind, self.table, self.column) if part)


def measure(counted: Sequence[Counted], before: DataFrame | None) -> tuple[Figure, ...]:
    """The figures of a delivery.

    Args:
        counted: Its tables.
        before: SK_ID_CURR of the delivery before it; None where there was none.
    """
    application = next(table for table in counted if table.table.parent is None)
    applicants = application.rows(Check.ACCEPTED)
    figures: list[Figure] = []
    for table in counted:
        figures += of_table(table, applicants)
    children = [applicants_of(table) for table in counted if table.table.parent and has_applicant(table.table)]
    people = applicants_of(application)
    if children and applicants:
        lost = people.join(reduce(DataFrame.unionByName, children).distinct(), on=KEY, how="left_anti").count()
        figures.append(Figure(application.table.name, Kind.NO_HISTORY, lost / applicants, applicants))
    if before is not None and applicants:
        again = people.join(before.select(KEY).distinct(), on=KEY, how="left_semi").count()
        figures.append(Figure(application.table.name, Kind.OVERLAP, again / applicants, applicants))
    return tuple(figures)


def applicants_of(counted: Counted) -> DataFrame:
    """The applicants that a table's rows name, each at least once."""
    return count_values(counted.packs, counted.table, KEY).select(KEY)


def has_applicant(table: Table) -> bool:
    """Whether the table's rows name their applicant."""
    return any(column.name == KEY for column in table.columns)


def of_table(counted: Counted, applicants: int) -> list[Figure]:
    """The figures of one table."""
    table, rows = counted.table, counted.rows(Check.ACCEPTED)
    name, independent = table.name, min(rows, applicants)
    if rows == 0:
        return [Figure(name, Kind.PER_APPLICANT, 0.0, applicants)] if applicants else []
    figures = []
    if table.parent is not None and applicants:
        figures.append(Figure(name, Kind.PER_APPLICANT, rows / applicants, applicants))
        figures.append(Figure(name, Kind.ORPHANS, counted.rows(Check.ORPHAN) / rows, independent))
    contradicted = sum(reason.rows for reason in counted.of(Check.REASON) if reason.about.endswith(CONTRADICTS))
    figures.append(Figure(name, Kind.KEY_REUSE, (counted.rows(Check.REPEATED) + contradicted) / rows, independent))
    numbers = measure_columns(counted.packs, table)
    if table.parent is None:
        # Labelled and new applicants do not come in each delivery: who is not there is not compared.
        labelled = numbers[LABEL].rows
        parts = {"labelled": labelled, "new": rows - labelled}
        figures += [Figure(name, Kind.ROWS, count, count, part) for part, count in parts.items() if count]
    figures += of_columns(table, numbers, rows, independent)
    levels = most_frequent(counted.levels, table)
    figures += [Figure(name, Kind.LEVELS, len(of), independent, column, levels=of) for column, of in levels.items()]
    return figures


def always_there(table: Table) -> list[Declared]:
    """The columns that every delivery has: of the others it says nothing where they are null."""
    return [column for column in table.columns if not (column.absent_from or column.optional)]


def of_columns(table: Table, numbers: Mapping[str, Numbers], rows: int, independent: int) -> list[Figure]:
    """The figures of single columns."""
    figures = [
        Figure(table.name, Kind.NULLS, 1 - numbers[column.name].rows / rows, independent, column.name)
        for column in always_there(table)
    ]
    for column in always_there(table):
        of = numbers[column.name]
        if of.rows and has_mean(column):
            mean, spread = rounded(of.mean, 6), rounded(of.spread, 3)
            figures.append(Figure(table.name, Kind.MEAN, mean, independent, column.name, spread))
    if table.moments and (age := numbers[table.moments[0].column].age) is not None:
        days = DAYS_OF_A_MONTH if table.moments[0].unit == "m" else 1
        figures.append(Figure(table.name, Kind.FRESHNESS, age * days, independent, table.moments[0].column))
    return figures


def has_mean(column: Declared) -> bool:
    """Whether the column's numbers have a mean: identifiers have none."""
    return column.type not in (Type.ID, Type.TEXT)


def rounded(number: float, digits: int) -> float:
    """To so many significant digits: the last ones of a sum depend on the order that its rows come in.

    To twelve first: the mean of a thousand whole numbers is often half a step, and its last bit would decide.
    """
    return float(f"{float(f'{number:.12g}'):.{digits}g}")


def most_frequent(levels: DataFrame, table: Table) -> dict[str, dict[str, int]]:
    """The levels of each column that lists some, and how many rows hold each.

    Args:
        levels: As `packed_rows.count_levels` gives them.
        table: The contract.
    """
    columns = listed(table)
    if not columns:
        return {}
    counts = levels.groupBy("column", "level").agg(F.sum(COUNT).alias(COUNT))
    ordered = counts.orderBy(F.desc(COUNT), "column", "level").limit(LEVELS_KEPT * len(columns)).collect()
    found: dict[str, dict[str, int]] = {name: {} for name in columns}
    for row in ordered:
        found[row["column"]][row["level"]] = row[COUNT]
    return found


def figures_before(lake: Lake, run_date: date, most: int) -> list[tuple[Figure, ...]]:
    """The figures of the last deliveries before a run date, as far as they were kept, the newest first."""
    if not lake.exists(CHECKS):
        return []
    rows = lake.read(CHECKS)
    if "value" not in rows.columns:
        return []
    known = rows.where((F.col("run_date") < F.lit(run_date)) & F.col("value").isNotNull())
    dates = sorted((row[0] for row in known.select("run_date").distinct().collect()), reverse=True)[:most]
    figures: dict[date, list[Figure]] = {day: [] for day in dates}
    for row in known.where(F.col("run_date").isin(dates)).collect() if dates else ():
        figures[row["run_date"]].append(figure_of(row))
    return [tuple(of) for of in figures.values()]


def figure_of(row: Row) -> Figure:
    """The figure that a row of operations/checks keeps."""
    return Figure(
        row["source"],
        Kind(row["check"]),
        row["value"],
        row["rows"],
        row["column"],
        row["spread"],
        row["levels"] or {},
    )


def applicants_before(lake: Lake, run_date: date) -> DataFrame | None:
    """SK_ID_CURR of the newest delivery before a run date; None where there is none."""
    earlier = [day for day in lake.deliveries() if day < run_date]
    if not earlier:
        return None
    version = lake.delivery(earlier[0])["application"]
    return lake.read_run_date(source_table("application"), earlier[0], version).select(KEY)
