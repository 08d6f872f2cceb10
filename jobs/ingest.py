"""A delivery's CSV files to checked, typed Delta tables."""

import argparse
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from features import TABLES
from features.contract import (
    BROKEN_LINE,
    CELLS,
    ERRORS,
    FILE,
    accepted_rows,
    contradicting_keys,
    contradictions,
    names,
    new_level,
    parse,
    refused_rows,
    repeated_keys,
    without_repeats,
)
from features.spec import Column, Table
from jobs.lake.csv_files import SourceFile, open_file, read_cells, read_descriptions
from jobs.lake.job import Job, Step
from jobs.lake.options import add_run_date, open_job
from jobs.lake.tables import CHECKS, quarantine_table, source_table
from jobs.runtime.errors import ContractBroken, UserError
from jobs.runtime.settings import Settings

HELP = "check a delivery's CSV files into Delta tables"
CHECK_SCHEMA = "source STRING, file STRING, check STRING, rows BIGINT"
TABLES_AT_ONCE = 3
"""Checked side by side: planning one's queries leaves cores idle."""
LEVELS_SHOWN = 5
VALUE_SHOWN = 40


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument("--input", required=True, metavar="DIR", help="the delivery's folder or address")
    parser.add_argument("--check", action="store_true", help="only check: write no table")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    job = open_job(arguments, settings)
    if arguments.check:
        check(job, arguments.input)
    else:
        ingest(job, arguments.input)


@dataclass(frozen=True)
class Finding:
    """What a check found in a file: a row of operations/checks."""

    file: str
    check: str
    rows: int
    example: str = ""


@dataclass(frozen=True)
class Checked:
    """A source table of the delivery, checked but not yet written.

    Args:
        table: Its contract.
        parsed: Every row, as `contract.parse` gives it.
        accepted: `FILE` and the typed columns.
        contradicted: Rows that contradict another of their key, as `contract.refused_rows` gives them; None for none.
        findings: What was counted.
        broken: Why the delivery can't be taken, whatever the number of refused rows.
    """

    table: Table
    parsed: DataFrame
    accepted: DataFrame
    contradicted: DataFrame | None
    findings: tuple[Finding, ...]
    broken: tuple[str, ...]

    def refused(self) -> DataFrame:
        """`FILE`, the cells as delivered, and the reasons."""
        return all_refused(self.parsed, self.contradicted, self.table)

    def rows(self, check: str) -> int:
        """Rows that a check counted, over all files."""
        return sum(finding.rows for finding in self.findings if finding.check == check)


@dataclass
class Kept:
    """What is computed once and used several times: a CSV file is read and parsed only once."""

    frames: list[DataFrame]

    def keep(self, frame: DataFrame) -> DataFrame:
        """The frame, kept in memory and on disk once it is computed."""
        self.frames.append(frame.persist(StorageLevel.MEMORY_AND_DISK))
        return self.frames[-1]


@contextmanager
def keeping() -> Iterator[Kept]:
    """Let go of everything kept in the end."""
    kept = Kept([])
    try:
        yield kept
    finally:
        for frame in kept.frames:
            frame.unpersist()


def ingest(job: Job, source: str) -> None:
    """Publish a delivery: every table is checked before the first is written, the delivery's record comes last.

    Raises:
        UserError: A file is not there.
        ContractBroken: A file is missing a column, holds no row or half rows, or more of its rows are refused than
            allowed. Refused rows and counts are in quarantine and operations/checks, the tables as they were.
    """
    with job.step("ingest") as step, keeping() as kept:
        checked = check_tables(job, source, step, kept)
        write_checks(job, checked)
        refuse_broken(job, checked)
        descriptions = read_descriptions(job.lake.spark, source)
        versions = {}
        for each in checked:
            name = each.table.name
            comments = {
                column.name: descriptions.get((name, column.name), column.about) for column in each.table.columns
            }
            rows = each.accepted.select(*names(each.table))
            versions[name] = job.lake.replace(source_table(name), rows, job.run_date, comments)
            step.measure(f"{name} rows", each.rows("accepted"))
        job.lake.record_delivery(job.run_date, source, versions)
        taken = sum(each.rows("accepted") for each in checked)
        step.say(f"{taken:,} rows in {len(versions)} tables")


def check(job: Job, source: str) -> None:
    """Say what `ingest` would, and write nothing.

    Raises:
        UserError, ContractBroken: As `ingest`.
    """
    step = Step("check")
    with keeping() as kept:
        refuse_broken(job, check_tables(job, source, step, kept))
    step.say("nothing was written")


def check_tables(job: Job, source: str, step: Step, kept: Kept) -> list[Checked]:
    """Every source table, checked, with a line of progress each."""
    checked: dict[str, Checked] = {}
    found = find_files(job, source)
    with ThreadPoolExecutor(TABLES_AT_ONCE) as pool:
        pending = {table: pool.submit(check_table, job, table, files, kept) for table, files in found.items()}
        for table, files in found.items():
            each = with_orphans(pending[table].result(), checked)
            checked[table.name] = each
            step.say(f"{table.name}: {summary(each)}")
            for file in files:
                if file.ignored:
                    step.warn(f"{file.name}: ignored, not in the contract: {', '.join(file.ignored)}")
            for finding in each.findings:
                if finding.check.startswith("new level"):
                    step.warn(f"{finding.file}: {finding.check}, in {finding.rows:,} rows")
    return list(checked.values())


def with_orphans(each: Checked, checked: Mapping[str, Checked]) -> Checked:
    """The table with a finding on its rows without parent; the parent was checked before it."""
    if each.table.parent is None:
        return each
    name, key = each.table.parent
    orphans = count_orphans(each.accepted, checked[name].accepted, key)
    return replace(each, findings=(*each.findings, Finding(each.table.name, "without parent", orphans)))


def find_files(job: Job, source: str) -> dict[Table, list[SourceFile]]:
    """The files of every source table; all that is wrong with them is said at once."""
    found: dict[Table, list[SourceFile]] = {}
    absent: list[str] = []
    broken: list[str] = []
    for table in TABLES:
        found[table] = []
        named = 0
        for name in table.files:
            try:
                file = open_file(job.lake.spark, source, name, table)
            except ContractBroken as problem:
                named += 1
                broken.append(str(problem))
                continue
            if file is not None:
                named += 1
                found[table].append(file)
        if not named:
            absent.append(" or ".join(f"{name}.csv" for name in table.files))
    if absent:
        raise UserError(f"--input {source} has no {', no '.join(absent)} (nor as .csv.gz or a folder of parts)")
    if broken:
        raise ContractBroken("\n".join(broken))
    return found


def check_table(job: Job, table: Table, files: list[SourceFile], kept: Kept) -> Checked:
    """Parse the files of a table in one pass, count what is wrong, and look for repeated keys."""
    cells = reduce(DataFrame.unionByName, (read_cells(job.lake.spark, file) for file in files))
    parsed = kept.keep(parse(cells, table))
    totals = count_rows(parsed, table)
    accepted = accepted_rows(parsed, table)
    good = {file: row["rows"] - row["refused"] for file, row in totals.items()}
    bad = {file: row["refused"] for file, row in totals.items()}
    dropped, contradicted = 0, None
    repeated = kept.keep(repeated_keys(accepted, table))
    if not repeated.isEmpty():
        contradicting = kept.keep(contradicting_keys(accepted, repeated, table))
        contradicted = kept.keep(contradictions(accepted, contradicting, table))
        bad = add(bad, rows_by_file(contradicted))
        accepted = kept.keep(without_repeats(accepted, contradicting, table))
        once = add(dict.fromkeys(totals, 0), rows_by_file(accepted))
        dropped = sum(good.values()) - sum(once.values()) - sum(rows_by_file(contradicted).values())
        good = once
    findings = [Finding(file, "accepted", rows) for file, rows in good.items()]
    findings += [Finding(file, "refused", rows) for file, rows in bad.items()]
    findings += [Finding(table.name, "identical rows dropped", dropped)] if dropped else []
    findings += [
        Finding(file, name_levels(accepted, file, column), row[column.name])
        for file, row in totals.items()
        for column in open_lists(table)
        if row[column.name]
    ]
    findings += count_reasons(all_refused(parsed, contradicted, table)) if any(bad.values()) else []
    return Checked(table, parsed, accepted, contradicted, tuple(findings), tuple(broken_files(totals, files)))


def all_refused(parsed: DataFrame, contradicted: DataFrame | None, table: Table) -> DataFrame:
    """The rows that break the contract, and those that contradict each other."""
    refused = refused_rows(parsed, table)
    return refused if contradicted is None else refused.unionByName(contradicted)


def count_rows(parsed: DataFrame, table: Table) -> dict[str, Row]:
    """For each file its rows, how many are refused, half a row, or hold a level that an open list does not."""
    line = F.col(f"{CELLS}.{BROKEN_LINE}")
    # A newline inside quotes cuts a row: one of its pieces at least has too few cells and an odd number of quotes.
    is_half = F.length(F.regexp_replace(line, '[^"]', "")) % 2 == 1
    kept = F.col(CELLS).isNull()
    rows = parsed.groupBy(FILE).agg(
        F.count(F.lit(1)).alias("rows"),
        F.count(CELLS).alias("refused"),
        F.min(F.when(is_half, line)).alias("half"),
        *(F.count_if(kept & new_level(column)).alias(column.name) for column in open_lists(table)),
    )
    return {row[FILE]: row for row in rows.orderBy(FILE).collect()}


def broken_files(totals: dict[str, Row], files: list[SourceFile]) -> Iterator[str]:
    """What makes a file unfit as a whole."""
    for file in files:
        row = totals.get(file.name)
        if row is None:
            yield f"{file.name} has a header and no row: export it again"
        elif row["half"] is not None:
            yield (
                f"{file.name} has a newline inside quotes or a quote that is not closed, near '{cut(row['half'])}': "
                "export it with one row a line"
            )


def open_lists(table: Table) -> list[Column]:
    """The columns whose levels may grow."""
    return [column for column in table.columns if column.levels]


def name_levels(accepted: DataFrame, file: str, column: Column) -> str:
    """The levels of an open list that the contract has not seen, the most frequent by name."""
    unseen = accepted.where((F.col(FILE) == file) & new_level(column)).groupBy(column.name).count()
    shown = unseen.orderBy(F.desc("count"), column.name).limit(LEVELS_SHOWN).collect()
    return f"new level of {column.name}: {', '.join(cut(row[column.name]) for row in shown)}"


def rows_by_file(rows: DataFrame) -> dict[str, int]:
    """How many rows came from each file."""
    return {row[FILE]: row["count"] for row in rows.groupBy(FILE).count().collect()}


def add(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    """The sums, file by file of the left."""
    return {file: rows + right.get(file, 0) for file, rows in left.items()}


def count_reasons(refused: DataFrame) -> list[Finding]:
    """How often each column was refused for each problem, the most frequent first."""
    errors = refused.select(FILE, F.explode(ERRORS).alias("error")).select(FILE, "error.*")
    counts = errors.groupBy(FILE, "column", "problem").agg(
        F.count(F.lit(1)).alias("rows"), F.min("value").alias("example")
    )
    ordered = counts.orderBy(F.desc("rows"), FILE, "column", "problem").collect()
    return [
        Finding(row[FILE], f"reason: {row['column']} {row['problem']}", row["rows"], row["example"]) for row in ordered
    ]


def count_orphans(children: DataFrame, parents: DataFrame, key: str) -> int:
    """Rows of a table whose parent is not in the delivery."""
    # Counted by key first: far fewer rows meet the parents.
    lost = children.groupBy(key).count().join(parents.select(key), on=key, how="left_anti")
    row = lost.agg(F.sum("count")).first()
    return int(row[0] or 0) if row else 0


def summary(checked: Checked) -> str:
    """A line on a table."""
    counts = {
        check: checked.rows(check) for check in ("accepted", "refused", "identical rows dropped", "without parent")
    }
    rare = [f"{rows:,} {check}" for check, rows in list(counts.items())[2:] if rows]
    return ", ".join([f"{counts['accepted']:,} rows", f"{counts['refused']:,} refused", *rare])


def cut(text: str) -> str:
    """As much of a cell or line as a message can hold."""
    return text if len(text) <= VALUE_SHOWN else f"{text[:VALUE_SHOWN]}..."


def refuse_broken(job: Job, checked: list[Checked]) -> None:
    """Stop where a file is unfit, or has more refused rows than allowed; says so of all files."""
    problems = [problem for each in checked for problem in (*each.broken, *too_many_refused(job, each))]
    if problems:
        raise ContractBroken("\n".join(problems))


def too_many_refused(job: Job, checked: Checked) -> Iterator[str]:
    """For each file with more refused rows than allowed: how many, why, and where to look."""
    allowed = job.settings.ingest.refused_share
    for finding in checked.findings:
        if finding.check != "refused":
            continue
        of_file = [each for each in checked.findings if each.file == finding.file]
        rows = finding.rows + sum(each.rows for each in of_file if each.check == "accepted")
        if finding.rows > allowed * rows:
            reasons = [
                f"{each.check.removeprefix('reason: ')} ({each.rows:,}, such as '{cut(each.example)}')"
                for each in of_file
                if each.check.startswith("reason: ")
            ]
            yield (
                f"{finding.file}: {finding.rows:,} of {rows:,} rows refused, more than {allowed:.1%}: "
                f"{'; '.join(reasons[: job.settings.ingest.reasons_shown])}.\n"
                f"  See {job.lake.path(quarantine_table(checked.table.name))}, or raise ingest.refused_share"
            )


def write_checks(job: Job, checked: list[Checked]) -> None:
    """Keep what was counted, and the refused rows with their reasons."""
    rows = [(each.table.name, found.file, found.check, found.rows) for each in checked for found in each.findings]
    if rows:
        job.lake.replace(CHECKS, job.lake.spark.createDataFrame(rows, CHECK_SCHEMA), job.run_date)
    for each in checked:
        table = quarantine_table(each.table.name)
        if each.rows("refused") or job.lake.exists(table):
            job.lake.replace(table, each.refused(), job.run_date)
