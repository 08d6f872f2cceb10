"""Rows of operations/checks: what was counted of a delivery, and its figures beside those of the deliveries before."""

from features.spec import Table
from jobs.lake.checks import Finding
from jobs.lake.comparison import Compared

CHECK_SCHEMA = (
    "source STRING, file STRING, check STRING, rows BIGINT, column STRING, value DOUBLE, spread DOUBLE, "
    "levels MAP<STRING, BIGINT>, usual DOUBLE, allowed DOUBLE, verdict STRING, sentence STRING, reason STRING"
)
"""What was counted has the first four; a figure's rows are those that it is measured on."""
NOT_A_FIGURE = (None,) * 9


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
