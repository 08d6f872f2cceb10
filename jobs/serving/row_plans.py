"""The two plans of an uploaded row: from cells to typed rows, and from these and histories to features."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import types as T

from features import TABLES, contract
from features.contract import BROKEN_LINE, ERRORS, FILE
from features.plan.feature_table import BY_NAME
from features.plan.seen_later import DAYS_LATER, MONTHS_LATER, schema_with_later, seen_later
from jobs.lake.feature_sets import FeatureSet
from jobs.lake.histories import DELIVERY
from jobs.lake.tables import FEATURES
from jobs.runtime.session import engine_of_this_process
from jobs.serving.questions import Application
from jobs.serving.standing_plan import StandingPlan
from jobs.serving.uploads import COLUMNS, CONTRACT

ACCEPTED, REFUSED = "accepted", "refused"


def contract_plan(spark: SparkSession, folder: Path) -> StandingPlan:
    """From cells to `ACCEPTED`, typed rows of the application table, and `REFUSED`, the reasons of the others."""
    plan, cast = StandingPlan(spark, folder, folder.name), engine_of_this_process().cast
    text = T.StructType([T.StructField(name, T.StringType()) for name in (FILE, BROKEN_LINE, *COLUMNS)])
    (parsed,) = plan.settle([contract.parse(plan.table(CONTRACT.name, text), CONTRACT, cast=cast)])
    plan.keep(ACCEPTED, contract.accepted_rows(parsed, CONTRACT).select(*COLUMNS))
    plan.keep(REFUSED, contract.refused_rows(parsed, CONTRACT, cast=cast).select(FILE, ERRORS))
    return plan


def features_plan(spark: SparkSession, folder: Path, fitted: FeatureSet) -> StandingPlan:
    """From the source tables' rows of some applicants to `FEATURES`, the nested ones among them where there are."""
    plan = StandingPlan(spark, folder, folder.name)
    application = BY_NAME[CONTRACT.name]
    sent = plan.table(CONTRACT.name, contract.schema(CONTRACT))
    sources = {
        table.name: seen_later(plan.table(table.name, schema_with_later(table)), table)
        for table in TABLES
        if table is not application
    }
    sources[application.name] = sent.select(*contract.stored_columns(sent, application))
    plan.keep(FEATURES, fitted.applicants(sources, plan.settle))
    return plan


def as_cells(rows: Sequence[Application]) -> pa.Table:
    """The rows as the contract reads them; their places stand for the file that they came from."""
    cells = [(str(place), None, *row.cells) for place, row in enumerate(rows)]
    columns = [pa.array(column, pa.string()) for column in zip(*cells, strict=True)]
    return pa.table(columns, [FILE, BROKEN_LINE, *COLUMNS])


def with_later(rows: pa.Table, applied_on: date | None) -> pa.Table:
    """Rows of a source table with how much later than their delivery the application is, in place of that delivery."""
    deliveries = rows.column(DELIVERY).to_pylist()
    later = [(applied_on - day).days if applied_on else 0 for day in deliveries]
    months_later = [whole_months(day, applied_on) if applied_on else 0 for day in deliveries]
    for name, counted in ((DAYS_LATER, later), (MONTHS_LATER, months_later)):
        rows = rows.append_column(name, pa.array(counted, pa.int64()))
    return rows.drop_columns([DELIVERY])


def whole_months(first: date, last: date) -> int:
    """How many months have ended between two days: one on the same day of the next month, none on the day before."""
    return (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day)
