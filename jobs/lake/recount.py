"""A published delivery counted again, as `ingest` would have with the rows that were mended since.

Counted from what is there, and not from what was taken: a run that was killed may have written some of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features import TABLES
from features.contract import FILE
from features.spec import Table
from jobs.lake.checks import Check, Counted, Finding, Kept, count_by_file, count_reasons, with_orphans
from jobs.lake.checks_table import findings_of
from jobs.lake.packed_rows import COUNT, count_levels, pack
from jobs.lake.tables import Lake

RECOUNTED = (Check.ACCEPTED, Check.REFUSED, Check.REPEATED, Check.REASON)


def counted_again(
    lake: Lake, run_date: date, mended: Table, rows: DataFrame, left: DataFrame, kept: Kept
) -> list[Counted]:
    """The source tables of a published delivery.

    Args:
        lake: Where it is.
        run_date: Which.
        mended: The table of which rows were mended.
        rows: That table as it becomes.
        left: What stays of it in quarantine.
        kept: What is computed once.
    """
    versions = lake.delivery(run_date)
    before = findings_of(lake, run_date)
    counted: dict[str, Counted] = {}
    for table in (table for table in TABLES if table.name in versions):
        stored = lake.delivered_rows(table, {run_date: versions}).drop("run_date")
        then = tuple(other_than_orphans(before.get(table.name, ())))
        now = packed(table, rows if table == mended else stored, then, kept)
        if table == mended:
            number = sum(count_by_file(now.packs, F.sum(COUNT)).values())
            now = replace(now, findings=tuple(recounted(now, number, left)))
        counted[table.name] = with_orphans(now, counted)
    return list(counted.values())


def packed(table: Table, rows: DataFrame, findings: tuple[Finding, ...], kept: Kept) -> Counted:
    """A table that is not of files any more."""
    packs = kept.keep(pack(rows.withColumn(FILE, F.lit(table.name)), table, table.name))
    return Counted(table, packs, kept.keep(count_levels(packs, table)), findings)


def other_than_orphans(findings: tuple[Finding, ...]) -> Iterator[Finding]:
    """Orphans are counted anew in every table: a mended row may be their parent."""
    return (finding for finding in findings if finding.check is not Check.ORPHAN)


def recounted(then: Counted, rows: int, left: DataFrame) -> Iterator[Finding]:
    """What is found of a table, where rows of it have left quarantine.

    Args:
        then: As it was counted before.
        rows: How many it has now.
        left: What is in quarantine now.
    """
    refused = count_by_file(left, F.count("*"))
    kept = {file: came - refused.get(file, 0) for file, came in rows_that_came(then).items()}
    alike = sum(kept.values()) - rows  # mended to what another row says: of those one counts, whichever file it is of
    repeated = then.rows(Check.REPEATED) + alike
    for file, fit in kept.items():
        same = min(alike, fit)
        alike -= same
        yield Finding(file, Check.ACCEPTED, fit - same)
        yield Finding(file, Check.REFUSED, refused.get(file, 0))
    if repeated:
        yield Finding(then.table.name, Check.REPEATED, repeated)
    yield from (finding for finding in then.findings if finding.check not in RECOUNTED)
    yield from count_reasons(left)


def rows_that_came(then: Counted) -> Mapping[str, int]:
    """By file how many rows were accepted or refused."""
    files = [finding.file for finding in then.of(Check.ACCEPTED)]
    return {file: then.rows(Check.ACCEPTED, file) + then.rows(Check.REFUSED, file) for file in files}
