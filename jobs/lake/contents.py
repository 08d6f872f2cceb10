"""What a lake holds for a run_date, read cheaply: tables with their versions and rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features import TABLES
from jobs.lake.tables import CHECKS, EXPLANATIONS, FEATURES, SCORES, Lake, quarantine_table, source_table

ACCEPTED = "accepted"
"""What operations/checks calls rows that were taken."""
MADE = (FEATURES, SCORES, EXPLANATIONS)


@dataclass(frozen=True)
class TableState:
    """A table's rows of one run_date; version is None where nobody kept it, refused where rows are never refused."""

    name: str
    version: int | None
    rows: int
    refused: int | None = None


def accepted_rows(lake: Lake, run_date: date) -> int | None:
    """Rows of all source tables of a delivery, as `ingest` counted them; None where it left no count."""
    if not lake.exists(CHECKS):
        return None
    counts = lake.read_run_date(CHECKS, run_date).where(F.col("check") == ACCEPTED)
    row = counts.agg(F.sum("rows")).first()
    return row[0] if row else None


def has_labelled(lake: Lake, run_date: date) -> bool:
    """Whether a delivery has applicants to learn from: it may be application_test.csv and their histories alone."""
    return not applicants_of(lake, run_date, lake.delivery(run_date)).where(F.col("TARGET").isNotNull()).isEmpty()


def has_nobody_new(lake: Lake, run_date: date) -> bool:
    """Whether a delivery that is there has nobody to score: it may be application_train.csv and histories alone."""
    versions = lake.deliveries().get(run_date)
    if versions is None:
        return False
    return applicants_of(lake, run_date, versions).where(F.col("TARGET").isNull()).isEmpty()


def applicants_of(lake: Lake, run_date: date, versions: Mapping[str, int]) -> DataFrame:
    """The applicants of a delivery, with its tables at these versions."""
    application = "application"
    return lake.read_run_date(source_table(application), run_date, versions[application])


def count_rows(frames: Mapping[str, DataFrame]) -> dict[str, int]:
    """The rows of each frame, in one query: starting one takes longer than counting."""
    counts = [frame.agg(F.count("*")).select(F.lit(name), "*") for name, frame in frames.items()]
    return {row[0]: row[1] for row in reduce(DataFrame.union, counts).collect()} if counts else {}


def tables_of(lake: Lake, run_date: date) -> tuple[TableState, ...]:
    """The source tables of a delivery at its recorded versions, then the tables made from it, as far as they are there.

    Raises:
        UserError: There is no such delivery.
    """
    recorded = lake.delivery(run_date)
    sources = {table.name: recorded[table.name] for table in TABLES if table.name in recorded}
    made = {table: lake.version(table) for table in MADE if lake.exists(table)}
    refused = [quarantine_table(name) for name in sources if lake.exists(quarantine_table(name))]
    rows = count_rows(
        {name: lake.read_run_date(source_table(name), run_date, version) for name, version in sources.items()}
        | {table: lake.read_run_date(table, run_date, version) for table, version in made.items()}
        | {table: lake.read_run_date(table, run_date) for table in refused}
    )
    return (
        *(TableState(name, at, rows[name], rows.get(quarantine_table(name), 0)) for name, at in sources.items()),
        *(TableState(table, at, rows[table]) for table, at in made.items()),
    )
