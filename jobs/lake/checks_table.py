"""Rows of operations/checks: what was counted of a delivery, and its figures beside those of the deliveries before."""

from collections.abc import Iterable, Sequence
from datetime import date

from pyspark.sql import Row

from features.spec import Table
from jobs.lake.checks import Check, Counted, Finding
from jobs.lake.comparison import Compared, Verdict
from jobs.lake.figures import figure_of
from jobs.lake.tables import CHECKS, Lake

CHECK_SCHEMA = (
    "source STRING, file STRING, check STRING, rows BIGINT, column STRING, value DOUBLE, spread DOUBLE, "
    "levels MAP<STRING, BIGINT>, usual DOUBLE, allowed DOUBLE, verdict STRING, sentence STRING, reason STRING"
)
"""What was counted has the first four; a figure's rows are those that it is measured on."""
NOT_A_FIGURE = (None,) * 9


def write_counts(
    lake: Lake, run_date: date, name: str, counted: Iterable[Counted], compared: Sequence[Compared]
) -> None:
    """Keep what was counted of a delivery, and its figures, in the table of that name."""
    rows = [counted_row(table.table, finding) for table in counted for finding in table.findings]
    rows += map(compared_row, compared)
    lake.replace(name, lake.spark.createDataFrame(rows, CHECK_SCHEMA), run_date)


def counted_row(table: Table, finding: Finding) -> tuple[object, ...]:
    """What was counted of a table, as a row of `CHECK_SCHEMA`."""
    return (table.name, finding.file, finding.words, finding.rows, *NOT_A_FIGURE)


def compared_row(compared: Compared) -> tuple[object, ...]:
    """A figure as a row of `CHECK_SCHEMA`."""
    of = compared.figure
    measured = float(of.value), float(of.spread), dict(of.levels)
    counted = (of.table, "", str(of.kind), of.of, of.column, *measured)
    usual, allowed = (None if number is None else float(number) for number in (compared.usual, compared.allowed))
    return (*counted, usual, allowed, str(compared.verdict), compared.sentence, compared.reason)


def findings_of(lake: Lake, run_date: date) -> dict[str, tuple[Finding, ...]]:
    """What was counted of each source table of a published delivery, without the refused cells of examples."""
    found: dict[str, tuple[Finding, ...]] = {}
    rows = lake.read_run_date(CHECKS, run_date)
    for row in (rows.where("value is null") if "value" in rows.columns else rows).collect():
        found[row["source"]] = (*found.get(row["source"], ()), finding_of(row))
    return found


def finding_of(row: Row) -> Finding:
    """The finding that `counted_row` made a row of."""
    check = next(check for check in Check if f"{row['check']} ".startswith(f"{check.value} "))
    return Finding(row["file"], check, row["rows"], row["check"].removeprefix(check.value).lstrip())


def accepted_by_hand(lake: Lake, run_date: date) -> dict[str, str]:
    """The figures that somebody accepted of a published delivery as they were, with his reason."""
    rows = lake.read_run_date(CHECKS, run_date)
    if "verdict" not in rows.columns:
        return {}
    accepted = rows.where(rows["verdict"] == str(Verdict.ACCEPTED)).collect()
    return {figure_of(row).name: row["reason"] for row in accepted}
