"""A delivery held against its contracts: which rows are taken, which are refused and why, and what was counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial, reduce

from pyspark.sql import Column as SqlColumn
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from features import TABLES
from features.contract import (
    BLANK,
    BROKEN_LINE,
    CELLS,
    ERRORS,
    FILE,
    UNREADABLE,
    accepted_rows,
    any_of,
    contradicting_keys,
    contradictions,
    names,
    parse,
    refused_rows,
    refused_type,
    repeated_keys,
    without_repeats,
)
from features.rows_as_sent import few, how_to_write, shown
from features.spec import Column, Table
from jobs.lake import contents
from jobs.lake.csv_files import SourceFile, SplitLines, open_file, split_lines, told_when_unreadable
from jobs.lake.delivery_files import Folder, Packed, unpacking, where_instead
from jobs.lake.job import Step
from jobs.lake.packed_rows import COUNT, count_levels, count_values, pack, unpack
from jobs.lake.repeated_keys import only, suspects, without
from jobs.runtime.errors import ContractBroken, UserError
from jobs.runtime.found_files import LINE
from jobs.runtime.session import computed_once, engine_of_this_process
from jobs.runtime.settings import Ingest

TABLES_AT_ONCE = 3
"""Checked side by side: planning one's queries leaves cores idle."""
LEVELS_SHOWN = 5
NOT_UTF_8 = "\ufffd"
"""What Spark makes of bytes that are no UTF-8."""


class Check(Enum):
    """What is counted; the value is how operations/checks calls it."""

    ACCEPTED = contents.ACCEPTED
    REFUSED = "refused"
    REPEATED = "identical rows dropped"
    BLANK = "blank rows dropped"
    ORPHAN = "without parent"
    NEW_LEVEL = "new level of"
    REASON = "reason:"


@dataclass(frozen=True)
class Finding:
    """What a check counted in a file: a row of operations/checks.

    Args:
        file: Or the table, where all its files are counted together.
        check: What was counted.
        rows: How many rows.
        about: The column with its new levels, or with why it was refused.
        example: A cell that was refused.
    """

    file: str
    check: Check
    rows: int
    about: str = ""
    example: str = ""

    @property
    def words(self) -> str:
        """The check with what it is about."""
        return f"{self.check.value} {self.about}".rstrip()


@dataclass(frozen=True)
class Counted:
    """A source table of a delivery: its rows, and what was counted.

    Args:
        table: Its contract.
        packs: The rows that keep it, as `packed_rows.PACKED`.
        levels: The levels in them, as `packed_rows.count_levels` counts them.
        findings: What was counted.
    """

    table: Table
    packs: DataFrame
    levels: DataFrame
    findings: tuple[Finding, ...]

    @property
    def accepted(self) -> DataFrame:
        """The contract's columns of the rows that keep it."""
        return unpack(self.packs, self.table, names(self.table)).drop(FILE)

    def rows(self, check: Check, file: str | None = None) -> int:
        """Rows that a check counted, over all files or in one."""
        return sum(finding.rows for finding in self.of(check) if file in (None, finding.file))

    def of(self, *checks: Check) -> Iterator[Finding]:
        """The findings of some checks."""
        return (finding for finding in self.findings if finding.check in checks)


@dataclass(frozen=True)
class Checked(Counted):
    """A source table of the delivery, checked but not yet written.

    Args:
        files: Where it comes from.
        parsed: The rows of lines that are not plain, as `contract.parse` gives them; None where all lines are.
        contradicted: Rows that contradict another of their key, as `contract.refused_rows` gives them; None for none.
        broken: Why the delivery can't be taken, whatever the number of refused rows.
    """

    files: tuple[SourceFile, ...]
    parsed: DataFrame | None
    contradicted: DataFrame | None
    broken: tuple[str, ...]

    def refused(self) -> DataFrame:
        """`FILE`, the cells as delivered, and the reasons."""
        return all_refused(self.packs.sparkSession, self.parsed, self.contradicted, self.table)


@dataclass(frozen=True)
class OncePerKey:
    """Packs of the accepted rows with each key once, and rows that contradict another of their key; None for none."""

    packs: DataFrame
    contradicted: DataFrame | None


@dataclass(frozen=True)
class FileCount:
    """What a file's rows amount to before their keys are compared.

    Args:
        kept: Rows that keep the contract.
        refused: Rows that break it.
        blank: Rows that hold nothing.
        half: A line that was cut by a newline inside quotes; None where none was.
    """

    kept: int = 0
    refused: int = 0
    blank: int = 0
    half: str | None = None


@dataclass(frozen=True)
class ReadRows:
    """The rows of a table's files before their keys are compared.

    Args:
        packs: Those that keep the contract, as `packed_rows.PACKED`.
        parsed: The rows of lines that are not plain, as `contract.parse` gives them; None where all lines are.
        by_file: What became of each file's rows.
    """

    packs: DataFrame
    parsed: DataFrame | None
    by_file: Mapping[str, FileCount]


@dataclass(frozen=True)
class Kept:
    """What is computed once and used several times: a CSV file is read and parsed only once."""

    frames: ExitStack

    def keep(self, frame: DataFrame) -> DataFrame:
        """The frame, kept once it is computed."""
        return self.frames.enter_context(computed_once(frame))


@contextmanager
def keeping() -> Iterator[Kept]:
    """Let go of everything kept in the end."""
    # The last ones first: Spark plans again whatever was made of a frame that goes.
    with ExitStack() as frames:
        yield Kept(frames)


def check_tables(folder: Folder, step: Step, kept: Kept) -> list[Checked]:
    """Every source table, checked, with its warnings and a line of progress each.

    Raises:
        UserError: A file is not there.
        ContractBroken: A file can't be read, or its header breaks the contract.
    """
    checked: dict[str, Checked] = {}
    files_of = find_files(folder)
    check = partial(check_table, folder.spark, kept)
    with ThreadPoolExecutor(TABLES_AT_ONCE) as pool:
        pending = {table: pool.submit(check, table, files) for table, files in files_of.items()}
        for table in files_of:
            try:
                checked[table.name] = with_orphans(pending[table].result(), checked)
            except ContractBroken:
                raise ContractBroken("\n".join(broken_files(pending.values()))) from None
            step.say(f"{table.name}: {summary(checked[table.name])}")
            for warning, recorded in warnings(checked[table.name]):
                step.warn(warning, recorded)
    return list(checked.values())


def broken_files(tables: Iterable[Future[Checked]]) -> list[str]:
    """What is wrong with each table that could not be checked, when all are done."""
    return [str(error) for table in tables if isinstance(error := table.exception(), ContractBroken)]


def find_files(folder: Folder) -> dict[Table, list[SourceFile]]:
    """The files of every source table that the delivery has; all that is wrong with them is said at once."""
    files_of: dict[Table, list[SourceFile]] = {table: [] for table in TABLES}
    zips: list[str] = []
    broken: list[str] = []
    delivered: set[Table] = set()
    for table, name in named_files():
        try:
            file = open_file(folder, name, table)
        except Packed as packed:
            zips.append(packed.address)
        except ContractBroken as problem:
            broken.append(str(problem))
        else:
            if file is None:
                continue
            files_of[table].append(file)
        delivered.add(table)
    needed = [table for table in TABLES if not table.optional]
    absent = [" or ".join(f"{name}.csv" for name in table.files) for table in needed if table not in delivered]
    missing = f"--input {folder.source} has no {few(absent)}, plain, as .csv.gz or as a folder of parts"
    if zips or broken:
        raise ContractBroken("\n".join([*unpacking(zips), *broken, *([missing] if absent and not zips else [])]))
    if absent:
        instead = where_instead(folder, [name for _, name in named_files()])
        raise UserError(f"{missing}\n{instead}".rstrip())
    return {table: files for table, files in files_of.items() if files}


def named_files() -> Iterator[tuple[Table, str]]:
    """Every file that a delivery may have, with its source table."""
    return ((table, name) for table in TABLES for name in table.files)


def check_table(spark: SparkSession, kept: Kept, table: Table, files: Sequence[SourceFile]) -> Checked:
    """Read the files of a table in one pass, count what is wrong, and look for repeated keys."""
    read = read_rows(spark, kept, table, files)
    levels = kept.keep(count_levels(read.packs, table))
    once = once_per_key(read.packs, table, kept)
    accepted = levels if once.packs is read.packs else kept.keep(count_levels(once.packs, table))
    findings = [*count_outcomes(read.by_file, once, table), *count_new_levels(levels, accepted, read.by_file, table)]
    if any(finding.rows for finding in findings if finding.check is Check.REFUSED):
        findings += count_reasons(all_refused(spark, read.parsed, once.contradicted, table))
    broken = tuple(unfit_files(read.by_file, table))
    return Checked(table, once.packs, accepted, tuple(findings), tuple(files), read.parsed, once.contradicted, broken)


def read_rows(spark: SparkSession, kept: Kept, table: Table, files: Sequence[SourceFile]) -> ReadRows:
    """The rows of a table's files: those of plain lines as they are, of the others what keeps the contract.

    Raises:
        ContractBroken: A file can't be read to its end.
    """
    with told_when_unreadable():
        parts = [replace(part, lines=kept.keep(part.lines)) for file in files for part in split_lines(spark, file)]
        plain, others = count_lines(parts)
    of_plain = reduce(DataFrame.unionByName, (part.plain() for part in parts))
    if not others:
        return ReadRows(of_plain, None, {file.name: FileCount(kept=plain[file.name]) for file in files})
    cast = engine_of_this_process().cast
    parsed = kept.keep(parse(reduce(DataFrame.unionByName, (part.others() for part in parts)), table, cast=cast))
    counts = count_rows(parsed)
    judged = {file.name: counts.get(file.name, FileCount()) for file in files}
    return ReadRows(
        of_plain.unionByName(kept.keep(pack(accepted_rows(parsed, table), table, "others"))),
        parsed,
        {name: replace(count, kept=count.kept + plain[name]) for name, count in judged.items()},
    )


def all_refused(
    spark: SparkSession, parsed: DataFrame | None, contradicted: DataFrame | None, table: Table
) -> DataFrame:
    """The rows that break the contract, and those that contradict each other."""
    cast = engine_of_this_process().cast
    refused = [] if parsed is None else [refused_rows(parsed, table, cast=cast)]
    refused += [] if contradicted is None else [contradicted]
    return reduce(DataFrame.unionByName, refused) if refused else spark.createDataFrame([], refused_type(table))


def count_lines(parts: Sequence[SplitLines]) -> tuple[Counter[str], int]:
    """How many plain lines each file has, and how many others there are in all."""
    counts = (part.lines.groupBy(FILE).agg(F.sum(COUNT), F.count(LINE)) for part in parts)
    plain: Counter[str] = Counter()
    others = 0
    for file, rows, lines in reduce(DataFrame.unionByName, counts).collect():
        plain[file] += rows or 0
        others += lines
    return plain, others


def count_rows(parsed: DataFrame) -> dict[str, FileCount]:
    """What the parsed rows of each file amount to; a file without rows is not there."""
    line = F.col(f"{CELLS}.{BROKEN_LINE}")
    # A newline inside quotes cuts a row: one of its pieces at least has too few cells and an odd number of quotes.
    is_half = F.length(F.regexp_replace(line, '[^"]', "")) % 2 == 1
    rows = parsed.groupBy(FILE).agg(
        F.count_if(F.col(CELLS).isNull()).alias("kept"),
        F.count(CELLS).alias("broken"),
        F.count_if(f"{CELLS}.{BLANK}").alias("blank"),
        F.min(F.when(is_half, line)).alias("half"),
    )
    return {
        row[FILE]: FileCount(row["kept"], row["broken"] - row["blank"], row["blank"], row["half"])
        for row in rows.collect()
    }


def once_per_key(packs: DataFrame, table: Table, kept: Kept) -> OncePerKey:
    """Each key once: rows that are alike become one, those that contradict each other are told apart."""
    places = kept.keep(suspects(packs, table))
    if not places.count():
        return OncePerKey(packs, None)
    rows = kept.keep(only(packs, places, table))
    contradicting = kept.keep(contradicting_keys(rows, repeated_keys(rows, table), table))
    once = kept.keep(pack(without_repeats(rows, contradicting, table), table, "once"))
    return OncePerKey(
        without(packs, places, table).unionByName(once), kept.keep(contradictions(rows, contradicting, table))
    )


def count_outcomes(counts: Mapping[str, FileCount], once: OncePerKey, table: Table) -> Iterator[Finding]:
    """What became of the rows of each file."""
    accepted = {file: count.kept for file, count in counts.items()}
    contradicted: Mapping[str, int] = {}
    if once.contradicted is not None:
        accepted, contradicted = count_by_file(once.packs, F.sum(COUNT)), count_by_file(once.contradicted, F.count("*"))
    for file, count in counts.items():
        yield Finding(file, Check.ACCEPTED, accepted.get(file, 0))
        yield Finding(file, Check.REFUSED, count.refused + contradicted.get(file, 0))
        if count.blank:
            yield Finding(file, Check.BLANK, count.blank)
    repeated = sum(count.kept for count in counts.values()) - sum(accepted.values()) - sum(contradicted.values())
    if repeated:
        yield Finding(table.name, Check.REPEATED, repeated)


def count_new_levels(levels: DataFrame, accepted: DataFrame, files: Iterable[str], table: Table) -> Iterator[Finding]:
    """The levels of open lists that the contract has not seen.

    Args:
        levels: Those of all rows that keep the contract, as `count_levels` gives them.
        accepted: Those of the rows that are left when each key is there once.
        files: The table's files.
        table: The contract.
    """
    lists = open_lists(table)
    if not lists:
        return
    unseen = any_of([(F.col("column") == column.name) & ~F.col("level").isin(*column.levels) for column in lists])
    counts = levels.where(unseen).groupBy(FILE, "column").agg(F.sum(COUNT).alias(COUNT)).collect()
    new = {(row[FILE], row["column"]): row[COUNT] for row in counts}
    for file in files:
        for column in lists:
            if (file, column.name) in new:
                yield Finding(
                    file, Check.NEW_LEVEL, new[file, column.name], name_levels(accepted.where(unseen), file, column)
                )


def unfit_files(counts: Mapping[str, FileCount], table: Table) -> Iterator[str]:
    """What makes files unfit as a whole."""
    for file, count in counts.items():
        if count.half is not None:
            yield (
                f"{file} has a newline inside quotes or a quote that is not closed, near '{shown(count.half)}': "
                "export it with one row a line"
            )
    if table.parent is None and not any(count.kept or count.refused for count in counts.values()):
        have = "have" if len(counts) > 1 else "has"
        yield f"{' and '.join(counts)} {have} a header and no row: there is no applicant, export again"


def open_lists(table: Table) -> list[Column]:
    """The columns whose levels may grow."""
    return [column for column in table.columns if column.levels]


def name_levels(unseen: DataFrame, file: str, column: Column) -> str:
    """A column and the levels of its open list that the contract has not seen, the most frequent by name."""
    of_column = unseen.where((F.col(FILE) == file) & (F.col("column") == column.name))
    most_frequent = of_column.orderBy(F.desc(COUNT), "level").limit(LEVELS_SHOWN).collect()
    return f"{column.name}: {', '.join(shown(row['level']) for row in most_frequent)}"


def count_by_file(rows: DataFrame, count: SqlColumn) -> dict[str, int]:
    """An aggregate for each file."""
    return {row[0]: row[1] for row in rows.groupBy(FILE).agg(count).collect()}


def count_reasons(refused: DataFrame) -> list[Finding]:
    """How often each column was refused for each problem, the most frequent first."""
    errors = refused.select(FILE, F.explode(ERRORS).alias("error")).select(FILE, "error.*")
    counts = errors.groupBy(FILE, "column", "problem").agg(
        F.count(F.lit(1)).alias("rows"), F.min("value").alias("example")
    )
    ordered = counts.orderBy(F.desc("rows"), FILE, "column", "problem").collect()
    return [
        Finding(row[FILE], Check.REASON, row["rows"], f"{row['column']} {advised(row)}", row["example"])
        for row in ordered
    ]


def advised(reason: Row) -> str:
    """The problem, and of a cell that is no number what to write instead."""
    advice = how_to_write(reason["example"]) if reason["problem"] in UNREADABLE.values() else ""
    return f"{reason['problem']}: {advice}" if advice else str(reason["problem"])


def with_orphans[T: Counted](table: T, checked: Mapping[str, Counted]) -> T:
    """The table with a finding on its rows without parent; the parent was checked before it."""
    if table.table.parent is None:
        return table
    name, key = table.table.parent
    orphans = table.rows(Check.ACCEPTED)
    if name in checked:  # an optional parent that did not come has no row
        orphans = count_orphans(table, checked[name], key)
    return replace(table, findings=(*table.findings, Finding(table.table.name, Check.ORPHAN, orphans)))


def count_orphans(children: Counted, parents: Counted, key: str) -> int:
    """Rows of a table whose parent is not in the delivery."""
    # Counted by key first: far fewer rows meet the parents.
    by_key = count_values(children.packs, children.table, key).groupBy(key).agg(F.sum(COUNT).alias(COUNT))
    lost = by_key.join(count_values(parents.packs, parents.table, key), on=key, how="left_anti")
    row = lost.agg(F.sum(COUNT)).first()
    return int(row[0] or 0) if row else 0


def summary(checked: Checked) -> str:
    """A line on a table."""
    rare = (Check.REPEATED, Check.BLANK, Check.ORPHAN)
    counts = [f"{checked.rows(check):,} {check.value}" for check in rare if checked.rows(check)]
    return ", ".join([f"{checked.rows(Check.ACCEPTED):,} rows", f"{checked.rows(Check.REFUSED):,} refused", *counts])


def warnings(checked: Checked) -> Iterator[tuple[str, str | None]]:
    """What was taken though it is not as expected; where that shows a cell, beside it what does not."""
    for file in checked.files:
        yield from ((f"{file.spelt or file.name}: {remark}", None) for remark in file.remarks)
        if not checked.rows(Check.ACCEPTED, file.name) + checked.rows(Check.REFUSED, file.name):
            yield f"{file.name}: a header and no row, taken as it is: send it again if there should be some", None
    for level in checked.of(Check.NEW_LEVEL):
        encoding = " (not in UTF-8: export the file in UTF-8)" if NOT_UTF_8 in level.about else ""
        column = level.about.partition(":")[0]
        yield (
            f"{level.file}: {level.words}, in {level.rows:,} rows{encoding}",
            f"{level.file}: {level.check.value} {column}, in {level.rows:,} rows",
        )


def problems(checked: Sequence[Checked], settings: Ingest) -> list[str]:
    """Why the delivery can't be taken: files that are unfit, and those with more refused rows than allowed."""
    return [problem for table in checked for problem in (*table.broken, *too_many_refused(table, settings))]


def too_many_refused(checked: Checked, settings: Ingest) -> Iterator[str]:
    """For each file with more refused rows than allowed: how many, and why."""
    for refused in checked.of(Check.REFUSED):
        rows = refused.rows + checked.rows(Check.ACCEPTED, refused.file)
        if refused.rows > settings.refused_share * rows:
            reasons = [
                f"{reason.about} ({reason.rows:,}, such as '{shown(reason.example)}')"
                for reason in checked.of(Check.REASON)
                if reason.file == refused.file
            ]
            yield (
                f"{refused.file}: {refused.rows:,} of {rows:,} rows refused, more than {settings.refused_share:.1%}: "
                f"{few(reasons, settings.reasons_shown, '; ')}: mend them, or raise ingest.refused_share"
            )
