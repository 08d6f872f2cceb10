"""A delivery in figures, to hold it against the deliveries before it: how many rows, what is null, how old, whose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import reduce

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from features.contract import CONTRADICTS
from features.spec import KEY, Table, Type
from features.spec import Column as Declared
from jobs.lake.checks import Check, Counted
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
    children = [table.accepted.select(KEY) for table in counted if table.table.parent and has_applicant(table.table)]
    people = application.accepted.select(KEY)
    if children and applicants:
        lost = people.join(reduce(DataFrame.unionByName, children).distinct(), on=KEY, how="left_anti").count()
        figures.append(Figure(application.table.name, Kind.NO_HISTORY, lost / applicants, applicants))
    if before is not None and applicants:
        again = people.join(before.select(KEY).distinct(), on=KEY, how="left_semi").count()
        figures.append(Figure(application.table.name, Kind.OVERLAP, again / applicants, applicants))
    return tuple(figures)


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
    row = counted.accepted.agg(*aggregates(table)).first()
    assert row is not None
    if table.parent is None:
        # Labelled and new applicants do not come in each delivery: who is not there is not compared.
        parts = {"labelled": row[f"count {LABEL}"], "new": rows - row[f"count {LABEL}"]}
        figures += [Figure(name, Kind.ROWS, count, count, part) for part, count in parts.items() if count]
    figures += of_columns(table, row, rows, independent)
    levels = count_levels(counted.accepted, table)
    figures += [Figure(name, Kind.LEVELS, len(of), independent, column, levels=of) for column, of in levels.items()]
    return figures


def aggregates(table: Table) -> list[Column]:
    """What one pass over a table's rows counts."""
    counts = [F.count(column.name).alias(f"count {column.name}") for column in table.columns]
    for name in numbers(table):
        value = F.col(name).cast("double")
        counts += [F.avg(value).alias(f"mean {name}"), F.stddev_pop(value).alias(f"spread {name}")]
    if table.moments:
        happened = F.col(table.moments[0].column)
        days = F.lit(DAYS_OF_A_MONTH if table.moments[0].unit == "m" else 1)
        counts.append((F.min(F.when(happened <= 0, -happened)) * days).cast("double").alias("age"))
    return counts


def always_there(table: Table) -> list[Declared]:
    """The columns that every delivery has: of the others it says nothing where they are null."""
    return [column for column in table.columns if not (column.absent_from or column.optional)]


def numbers(table: Table) -> list[str]:
    """Those that have a mean: identifiers have none."""
    return [column.name for column in always_there(table) if column.type not in (Type.ID, Type.TEXT)]


def of_columns(table: Table, row: Row, rows: int, independent: int) -> list[Figure]:
    """The figures that `aggregates` counted."""
    figures = [
        Figure(table.name, Kind.NULLS, 1 - row[f"count {column.name}"] / rows, independent, column.name)
        for column in always_there(table)
    ]
    figures += [
        Figure(
            table.name, Kind.MEAN, rounded(row[f"mean {name}"], 6), independent, name, rounded(row[f"spread {name}"], 3)
        )
        for name in numbers(table)
        if row[f"mean {name}"] is not None
    ]
    if table.moments and row["age"] is not None:
        figures.append(Figure(table.name, Kind.FRESHNESS, row["age"], independent, table.moments[0].column))
    return figures


def rounded(number: float, digits: int) -> float:
    """To so many significant digits: the last ones of a sum depend on the order that its rows come in."""
    return float(f"{number:.{digits}g}")


def count_levels(rows: DataFrame, table: Table) -> dict[str, dict[str, int]]:
    """The levels of each column that lists some, and how many rows hold each."""
    listed = [column.name for column in table.columns if column.type is Type.TEXT and (column.codes or column.levels)]
    if not listed:
        return {}
    cells = F.explode(F.array(*(F.struct(F.lit(name).alias("column"), F.col(name).alias("level")) for name in listed)))
    counts = rows.select(cells.alias("cell")).select("cell.*").where("level is not null").groupBy("column", "level")
    ordered = counts.count().orderBy(F.desc("count"), "column", "level").limit(LEVELS_KEPT * len(listed)).collect()
    levels: dict[str, dict[str, int]] = {name: {} for name in listed}
    for row in ordered:
        levels[row["column"]][row["level"]] = row["count"]
    return levels


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
