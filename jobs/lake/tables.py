"""The one place that knows where data is and that it is Delta."""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import itemgetter
from pathlib import Path, PurePosixPath

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from features import TABLES
from features.contract import schema, stored_columns
from features.spec import Table
from jobs.runtime.addresses import list_files
from jobs.runtime.errors import TryAgain, UserError
from jobs.runtime.session import setting

DELIVERIES = "operations/deliveries"
STEPS = "operations/steps"
CHECKS = "operations/checks"
REFUSED_CHECKS = "operations/refused_checks"
REFUSED_QUARANTINE = "quarantine/refused"
"""Of the last delivery of a run date that was refused, apart from those of the one that is published."""
PROMOTIONS = "operations/promotions"
FEATURES = "features"
ENCODINGS = "encodings"
CATALOGUE = "catalogue"
NESTED = "nested"
NESTED_MODELS = "nested_models"
SCORES = "scores"
EXPLANATIONS = "explanations"

TABLE_PROPERTIES = {
    # Models name the versions that they were trained on: these must stay readable.
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
    # Nobody skips files by an amount, and the default of 32 columns takes a third of a write.
    "delta.dataSkippingNumIndexedCols": "3",
}


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
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"--run-date {text} is not a date: write it as 2018-05-17") from None


@dataclass(frozen=True)
class Lake:
    """A directory or object-store prefix of Delta tables.

    Reader protocol 1 and no constraints, so that every other reader of Delta can open the tables.
    """

    root: str
    spark: SparkSession

    def path(self, table: str) -> str:
        """The table's address."""
        return f"{self.root.rstrip('/')}/{table}"

    @property
    def local_root(self) -> Path | None:
        """The lake's folder, or None where it is in an object store."""
        if self.root.startswith("file:"):
            return Path(self.root.removeprefix("file://").removeprefix("file:"))
        return None if "://" in self.root else Path(self.root).resolve()

    @property
    def address(self) -> str:
        """The lake's absolute folder, or its address in an object store."""
        return str(self.local_root or self.root)

    @property
    def reports(self) -> Path | None:
        """The folder of pages for people, or None where the lake is in an object store."""
        return self.local_root / "reports" if self.local_root else None

    def report(self, run_date: date) -> Path | None:
        """Where the report of a run_date is kept, or None where the lake is in an object store."""
        return self.reports / f"{run_date.isoformat()}.html" if self.reports else None

    def exists(self, table: str) -> bool:
        """Whether the table was ever written."""
        return bool(self.commits(table))

    def version(self, table: str) -> int:
        """The newest version of a table that is there."""
        return self.commits(table)[-1]

    def commits(self, table: str) -> list[int]:
        """The versions that the table's log holds, oldest first; none where there is no table."""
        files = (PurePosixPath(file) for file in list_files(self.spark, f"{self.path(table)}/_delta_log", "*.json"))
        return [int(file.stem) for file in files if file.stem.isdecimal()]

    def read(self, table: str, version: int | None = None) -> DataFrame:
        """The table, newest or at a version; a table that is not there is the user's error."""
        versions = self.commits(table)
        if not versions:
            raise UserError(f"no table {self.path(table)}: run the step that writes it first, or check --lake")
        reader = self.spark.read.format("delta")
        if version is None:
            return reader.load(self.path(table))
        if version not in versions:
            raise UserError(f"table {self.path(table)} has no version {version}, the newest is {versions[-1]}")
        return reader.option("versionAsOf", version).load(self.path(table))

    def read_run_date(self, table: str, run_date: date, version: int | None = None) -> DataFrame:
        """The rows of one run_date."""
        return self.read(table, version).where(F.col("run_date") == F.lit(run_date))

    def replace(
        self,
        table: str,
        rows: DataFrame,
        run_date: date,
        comments: Mapping[str, str] | None = None,
        feature_set: str | None = None,
    ) -> int:
        """Put the rows in place of the run_date's, in one commit; gives the new version.

        A table that is not there yet is made, partitioned by run_date (and by feature set).

        Args:
            table: Which.
            rows: Its columns; they get run_date, and feature_set where it is given, where they have none.
            run_date: The delivery.
            comments: What columns mean.
            feature_set: Replace only the rows of this one: the table keeps those of others.
        """
        said = comments or {}
        columns = [
            F.col(name).alias(name, metadata={"comment": said[name]}) if name in said else F.col(name)
            for name in rows.columns
        ]
        place = {"run_date": F.lit(run_date)} | ({} if feature_set is None else {"feature_set": F.lit(feature_set)})
        added = {name: value for name, value in place.items() if name not in rows.columns}
        writer = rows.select(*columns).withColumns(added).write.format("delta").mode("overwrite")
        if self.exists(table):
            one_set = "" if feature_set is None else f" and feature_set = '{feature_set}'"
            writer = writer.option("replaceWhere", f"run_date = DATE'{run_date.isoformat()}'{one_set}").option(
                "mergeSchema", True
            )
        else:
            writer = writer.partitionBy(*place).options(**TABLE_PROPERTIES)
        writer.save(self.path(table))
        return self.version(table)

    def numbers_as_they_are(self) -> AbstractContextManager[None]:
        """Write no dictionaries: a feature's values seldom repeat, and looking each one up is two fifths of a write."""
        return setting(self.spark, "parquet.enable.dictionary", "false")

    def append(self, table: str, rows: DataFrame) -> None:
        """Add rows to a log table."""
        rows.write.format("delta").mode("append").save(self.path(table))

    def record_delivery(self, run_date: date, source: str, versions: Mapping[str, int]) -> None:
        """Publish a delivery: from now on its readers see the tables at these versions.

        Seven commits are not one; this row, written last, is what makes them one.
        """
        row = [(source, json.dumps(dict(versions), sort_keys=True), run_date)]
        self.replace(
            DELIVERIES, self.spark.createDataFrame(row, "source STRING, versions STRING, run_date DATE"), run_date
        )

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

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second writer out of a local lake; in an object store Delta's own commit protocol does."""
        folder = self.local_root
        if folder is None:
            yield
            return
        import fcntl  # not on every platform that can read a lake

        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TryAgain(f"{self.root} is being written by another process: try again when it is done") from None
            yield


def by_last_version(versions: Mapping[date, int]) -> dict[int, list[date]]:
    """The versions of a table that hold deliveries as they were recorded, and the deliveries to read from each.

    A commit replaces the rows of one delivery. Where recorded versions follow each other without a gap, the last one
    holds them all; a version in a gap may have changed an earlier delivery and not been recorded.
    """
    held: dict[int, list[date]] = {}
    for run_date, version in sorted(versions.items(), key=itemgetter(1)):
        held[version] = [*held.pop(version - 1, []), *held.get(version, []), run_date]
    return held
