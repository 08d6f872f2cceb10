"""Rows of a delivery's quarantine that somebody mended: found again, and held against the same contract.

A row in quarantine is known by what it is: its file and cells, and its place among those that are alike. It is in
quarantine or it was taken; nothing else is remembered of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import Column as SqlColumn
from pyspark.sql import DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as F

from features import TABLES
from features.contract import ERRORS, FILE, accepted_rows, names, parse, refused_rows
from features.rows_as_sent import NAMES_SHOWN, few, read_header, shown
from features.spec import Table
from jobs.lake.checks import Kept
from jobs.lake.csv_files import open_part, read_text
from jobs.runtime.addresses import literally, matching_files
from jobs.runtime.errors import ContractBroken, UserError
from jobs.runtime.session import engine_of_this_process

FILE_COLUMN, ROW, WHY = "file", "quarantined_row", "why"
"""What an exported row has beside its cells."""
BEFORE, AFTER = "before", "after"
"""A row's cells as JSON, as they were delivered and as they were mended."""
KNOWN = (ROW, BEFORE, AFTER, WHY)
"""What stays beside a row while it is held against the contract."""


@dataclass(frozen=True)
class Mended:
    """What becomes of a file of corrections.

    Args:
        rows: `FILE` and the contract's columns of those that are new to the delivery.
        taken: `FILE` and `KNOWN` of those that leave quarantine.
    """

    rows: DataFrame
    taken: DataFrame


def with_row(quarantined: DataFrame, table: Table) -> DataFrame:
    """The rows with `ROW`, which says which one of its delivery's it is, whatever their order."""
    said = F.sha2(F.to_json(F.struct(FILE, *names(table))), 256)
    alike = Window.partitionBy("run_date", "_said").orderBy(F.to_json(ERRORS))
    row = F.concat_ws("-", F.substring("_said", 1, 16), F.row_number().over(alike))
    return quarantined.withColumn("_said", said).withColumn(ROW, row).drop("_said")


def in_words(errors: str) -> SqlColumn:
    """The reasons of a refused row."""
    reasons = F.transform(errors, lambda error: F.concat_ws(" ", error["column"], error["value"], error["problem"]))
    return F.concat_ws("; ", reasons)


def legible(quarantined: DataFrame, table: Table) -> DataFrame:
    """run_date, the file, `ROW`, the cells as delivered, and the reasons in words."""
    rows = with_row(quarantined, table)
    return rows.select("run_date", F.col(FILE).alias(FILE_COLUMN), ROW, *names(table), in_words(ERRORS).alias(WHY))


def read_corrections(spark: SparkSession, path: str) -> tuple[Table, DataFrame]:
    """The source table that a file of corrections is of, and its rows: `BROKEN_LINE`, `ROW` and the cells as text.

    Raises:
        UserError: There is no such file.
        ContractBroken: It is no CSV file, or has not the columns that `quarantine --export` writes.
    """
    if matching_files(spark, literally(path)) is None:
        raise UserError(f"--requeue {path} is not there: name a file that `quarantine --export` wrote")
    columns = {table: (ROW, *names(table)) for table in TABLES}
    sent = open_part(spark, [name for of_table in columns.values() for name in of_table], path)
    for table, of_table in columns.items():
        header = read_header(sent, of_table)
        if not header.lacking:
            return table, read_text(spark, header, [path]).dropna(how="all")
    raise ContractBroken(
        f"--requeue {path} has not the columns {ROW} and all of a source table: mend the cells of what "
        f"`quarantine --export` wrote and leave its columns; it has {few(sent)}"
    )


def mend(sent: DataFrame, quarantined: DataFrame, published: DataFrame, table: Table, kept: Kept) -> Mended:
    """Hold corrections against the contract and against what the delivery has.

    A row that is as it was and still breaks the contract stays where it is. One that was mended in vain refuses all.

    Args:
        sent: As `read_corrections`, of rows that are in quarantine.
        quarantined: As `with_row`.
        published: The contract's columns of the delivery.
        table: The contract.
        kept: What is computed once.

    Raises:
        ContractBroken: A row still breaks the contract, or says otherwise than another of its key.
    """
    cells = F.to_json(F.struct(*names(table)))
    was = quarantined.select(FILE, ROW, cells.alias(BEFORE), in_words(ERRORS).alias(WHY))
    cast, both = engine_of_this_process().cast, sent.select("*", cells.alias(AFTER)).join(was, on=ROW, how="inner")
    parsed = kept.keep(parse(both, table, *KNOWN, cast=cast))
    refuse_in_vain(refused_rows(parsed, table, *KNOWN, cast=cast))
    fits = accepted_rows(parsed, table, *KNOWN)
    # Joined and compared by a text each: a hundred columns in every step take minutes to plan.
    key, said = F.to_json(F.struct(*table.key)).alias("key"), cells.alias("said")
    mended = kept.keep(fits.select(FILE, *KNOWN, key, said))
    stored = kept.keep(published.select(key, said).join(mended.select("key").distinct(), on="key", how="left_semi"))
    by_key = stored.unionByName(mended.select("key", "said")).groupBy("key").agg(F.count_distinct("said").alias("ways"))
    contradicting = kept.keep(by_key.where("ways > 1").select("key"))
    refuse_contradictions(mended.join(contradicting, on="key", how="left_semi"), table)
    taken = mended.join(contradicting, on="key", how="left_anti")
    new = taken.join(stored.select("key"), on="key", how="left_anti").groupBy("key").agg(F.min(ROW).alias(ROW))
    rows = fits.join(new.select(ROW), on=ROW, how="left_semi")
    return Mended(kept.keep(rows.select(FILE, *names(table))), kept.keep(taken.select(FILE, *KNOWN)))


def told(error: Row) -> str:
    """An entry of `ERRORS` in words."""
    return f"{error['column']} {shown(error['value'])}, which {error['problem']}"


def refuse_in_vain(refused: DataFrame) -> None:
    """Refuse corrections that still break the contract.

    Raises:
        ContractBroken: There is one that was changed.
    """
    refuse(few_of(changed(refused), lambda row: f"{row[ROW]} has {few(list(map(told, row[ERRORS])))}"))


def refuse_contradictions(contradicting: DataFrame, table: Table) -> None:
    """Refuse corrections that say otherwise than another row of their key.

    Raises:
        ContractBroken: There is one that was changed.
    """
    otherwise = f"says otherwise than another row of the same {', '.join(table.key)}"
    refuse(few_of(changed(contradicting), lambda row: f"{row[ROW]} {otherwise}"))


def changed(rows: DataFrame) -> DataFrame:
    """Those of which a cell is not as it was."""
    return rows.where(F.col(BEFORE) != F.col(AFTER))


def few_of(rows: DataFrame, words: Callable[[Row], str]) -> str:
    """The first rows by `ROW` in words, and how many more there are; nothing where there is none."""
    first = [words(row) for row in rows.orderBy(ROW).limit(NAMES_SHOWN).collect()]
    more = rows.count() - len(first) if len(first) == NAMES_SHOWN else 0
    return "; ".join(first) + (f" and {more:,} more" if more else "")


def refuse(found: str) -> None:
    """Refuse a file for what is wrong with its rows, if anything is."""
    if found:
        raise ContractBroken(
            f"rows were mended and still break the contract, and nothing was taken: {found}; mend them, or leave them "
            "out of the file"
        )
