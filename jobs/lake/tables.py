"""The lake: what its tables are called, and the deliveries in them."""

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import itemgetter
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from features import TABLES
from features.contract import schema, stored_columns
from features.spec import Table
from jobs.lake.delta_tables import DeltaTables
from jobs.runtime.addresses import resolve
from jobs.runtime.errors import UserError

DELIVERIES = "operations/deliveries"
STEPS = "operations/steps"
CHECKS = "operations/checks"
REFUSED_CHECKS = "operations/refused_checks"
REFUSED_QUARANTINE = "quarantine/refused"
"""Of the last delivery of a run date that was refused, apart from those of the one that is published."""
REQUEUED = "quarantine/requeued"
"""Rows that were mended and taken: what each was and became, and why."""
PROMOTIONS = "operations/promotions"
MONITORED = "operations/monitored"
DRIFT = "operations/drift"
FAMILY_SHIFTS = "operations/family_shifts"
SELECTION_RATES = "operations/selection_rates"
EXPECTATIONS = "operations/expectations"
DECISIONS = "operations/decisions"
SETTLED = "operations/settled"
VINTAGES = "operations/vintages"
MONTHS_ON_BOOK = "operations/months_on_book"
FEATURES = "features"
ENCODINGS = "encodings"
CATALOGUE = "catalogue"
NESTED = "nested"
NESTED_MODELS = "nested_models"
SCORES = "scores"
EXPLANATIONS = "explanations"
TWINS = "twins"
OUTCOMES = "outcomes"


def source_table(name: str) -> str:
    """The lake's name of a source table."""
    return f"tables/{name}"


def quarantine_table(name: str) -> str:
    """The lake's name of a source table's quarantine."""
    return f"quarantine/{name}"


def refused_quarantine_table(name: str) -> str:
    """The lake's name of a source table's quarantine in the last delivery that was refused."""
    return f"{REFUSED_QUARANTINE}/{name}"


def parse_run_date(text: str) -> date:
    """An ISO date."""
    return parse_date(text, "--run-date")


def parse_date(text: str, option: str) -> date:
    """An ISO date that an option names."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option} {text} is not a date: write it as 2018-05-17") from None


@dataclass(frozen=True)
class Lake(DeltaTables):
    """The tables of a lender: what was delivered, and what was made of it."""

    @staticmethod
    def open(text: str, spark: SparkSession) -> "Lake":
        """The lake at an address that an operator wrote."""
        return Lake(str(resolve(spark, text, "--lake")), spark)

    @property
    def reports(self) -> Path | None:
        """The folder of pages for people, or None where the lake is not on this machine."""
        folder = self.address.folder
        return folder / "reports" if folder else None

    def report(self, run_date: date) -> Path | None:
        """Where the report of a run_date is kept, or None where the lake is not on this machine."""
        return self.reports / f"{run_date.isoformat()}.html" if self.reports else None

    def monitoring_page(self, run_date: date) -> Path | None:
        """Where the monitoring page of a run_date is kept, or None where the lake is not on this machine."""
        return self.reports / "monitoring" / f"{run_date.isoformat()}.html" if self.reports else None

    @property
    def year_page(self) -> Path | None:
        """Where the page of the last twelve months is kept, or None where the lake is not on this machine."""
        return self.reports / "monitoring" / "index.html" if self.reports else None

    def record_delivery(
        self, run_date: date, source: str, versions: Mapping[str, int], files: str | None = None
    ) -> None:
        """Publish a delivery: from now on its readers see the tables at these versions.

        Seven commits are not one; this row, written last, is what makes them one.

        Args:
            run_date: The delivery.
            source: Where its files are.
            versions: Of each source table.
            files: What tells its files from others of the same names, as `delivery_files.fingerprint` gives it.
        """
        row = [(source, json.dumps(dict(versions), sort_keys=True), files, run_date)]
        schema = "source STRING, versions STRING, files STRING, run_date DATE"
        self.replace(DELIVERIES, self.spark.createDataFrame(row, schema), run_date)

    def record_again(self, run_date: date, table: str, version: int) -> None:
        """Publish a delivery with another version of one of its tables: whence it came stays as it was."""
        versions = {**self.delivery(run_date), table: version}
        self.record_delivery(run_date, self.source_of(run_date), versions, self.files_of_deliveries().get(run_date))

    def source_of(self, run_date: date) -> str:
        """Where a delivery's files were; an empty text where it is not there."""
        row = self.read_run_date(DELIVERIES, run_date).select("source").first()
        return str(row[0]) if row else ""

    def files_of_deliveries(self) -> dict[date, str]:
        """What told each delivery's files from others when it was taken, as far as that was kept."""
        if not self.exists(DELIVERIES):
            return {}
        rows = self.read(DELIVERIES)
        known = rows.where("files is not null").select("run_date", "files").collect() if "files" in rows.columns else []
        return {row["run_date"]: row["files"] for row in known}

    def deliveries(self) -> dict[date, dict[str, int]]:
        """The versions of the source tables that belong to each delivery, the newest delivery first."""
        if not self.exists(DELIVERIES):
            return {}
        rows = self.read(DELIVERIES).select("run_date", "versions").collect()
        return {row["run_date"]: json.loads(row["versions"]) for row in sorted(rows, reverse=True)}

    def delivery(self, run_date: date) -> dict[str, int]:
        """The versions of the source tables that belong to a delivery; unknown ones are the user's error."""
        deliveries = self.deliveries()
        if run_date not in deliveries:
            raise UserError(
                f"no delivery of {run_date} in {self.root}: ingest it first, or see `status` for what is there"
            )
        return deliveries[run_date]

    def delivered_tables(self, run_date: date) -> dict[str, DataFrame]:
        """Every source table of a delivery, as recorded, without run_date."""
        recorded = {run_date: self.delivery(run_date)}
        return {table.name: self.delivered_rows(table, recorded).drop("run_date") for table in TABLES}

    def delivered_rows(self, table: Table, deliveries: Mapping[date, Mapping[str, int]]) -> DataFrame:
        """A source table's rows of some deliveries, as recorded, with run_date.

        A delivery that came without the table, as those of before it was declared did, has no row.

        Args:
            table: As it is declared now: a column that a delivery was stored without is null.
            deliveries: At least one, as `deliveries` gives them.
        """
        name = table.name
        versions = {run_date: of_tables[name] for run_date, of_tables in deliveries.items() if name in of_tables}
        if not versions:
            return self.spark.createDataFrame([], schema(table).add("run_date", T.DateType()))
        parts = []
        for version, run_dates in by_last_version(versions).items():
            rows = self.read(source_table(name), version).where(F.col("run_date").isin(run_dates))
            parts.append(rows.select(*stored_columns(rows, table), "run_date"))
        return reduce(DataFrame.unionByName, parts)


def by_last_version(versions: Mapping[date, int]) -> dict[int, list[date]]:
    """The versions of a table that hold deliveries as they were recorded, and the deliveries to read from each.

    A commit replaces the rows of one delivery. Where recorded versions follow each other without a gap, the last one
    holds them all; a version in a gap may have changed an earlier delivery and not been recorded.
    """
    recorded = set(versions.values())
    last = sorted(version for version in recorded if version + 1 not in recorded)
    in_order = sorted(versions.items(), key=itemgetter(1))
    read_at = {run_date: last[bisect_left(last, version)] for run_date, version in in_order}
    return {version: [run_date for run_date, at in read_at.items() if at == version] for version in last}
