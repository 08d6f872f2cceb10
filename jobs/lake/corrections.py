"""Rows of a delivery's quarantine that somebody mended: found again, and held against the same contract.

A row in quarantine is known by what it is: its file and cells, and its place among those that are alike. It is in
quarantine or it was taken; nothing else is remembered of it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql import Column as SqlColumn
from pyspark.sql import DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as F

from features import TABLES
from features.contract import BROKEN_LINE, ERRORS, FILE, accepted_rows, names, parse, refused_rows
from features.rows_as_sent import few, shown
from features.spec import Table
from jobs.lake.checks import Kept
from jobs.runtime.addresses import literally
from jobs.runtime.errors import ContractBroken, UserError

FILE_COLUMN, ROW, WHY = "file", "quarantined_row", "why"
"""What an exported row has beside its cells."""
BEFORE, AFTER = "before", "after"
"""A row's cells as JSON, as they were delivered and as they were mended."""
KNOWN = (ROW, BEFORE, AFTER, WHY)
"""What stays beside a row while it is held against the contract."""
SHOWN = 5


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
        ContractBroken: It has not the columns that `quarantine --export` writes.
    """
    read = spark.read.option("header", True).option("escape", '"')
    try:
        header = read.csv(literally(path)).columns
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        raise UserError(f"--requeue {path} is not there: name a file that `quarantine --export` wrote") from None
    sent = {name.strip().casefold(): name for name in header}
    table = next((table for table in TABLES if is_of(sent.keys(), table)), None)
    if table is None:
        raise ContractBroken(
            f"--requeue {path} has not the columns {ROW} and all of a source table: mend the cells of what "
            f"`quarantine --export` wrote and leave its columns; it has {few(header)}"
        )
    schema = ", ".join(f"`{name}` STRING" for name in (*header, BROKEN_LINE))
    rows = (
        read.schema(schema)
        .option("columnNameOfCorruptRecord", BROKEN_LINE)
        .option("columnPruning", False)
        .csv(literally(path))
    )
    cells = [F.col(f"`{sent[name.casefold()]}`").alias(name) for name in (ROW, *names(table))]
    return table, rows.select(BROKEN_LINE, *cells).dropna(how="all")


def is_of(sent: Collection[str], table: Table) -> bool:
    """Whether these columns are those of a table's corrections, and no other table's."""
    cells = set(sent) - {"run_date", FILE_COLUMN, ROW, WHY}
    return ROW in sent and cells == {name.casefold() for name in names(table)}


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
    parsed = kept.keep(parse(sent.select("*", cells.alias(AFTER)).join(was, on=ROW, how="inner"), table, *KNOWN))
    refuse_in_vain(refused_rows(parsed, table, *KNOWN))
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
    return Mended(
        fits.join(new.select(ROW), on=ROW, how="left_semi").select(FILE, *names(table)), taken.select(FILE, *KNOWN)
    )


def told(error: Row) -> str:
    """An entry of `ERRORS` in words."""
    return f"{error['column']} {shown(error['value'])}, which {error['problem']}"


def refuse_in_vain(refused: DataFrame) -> None:
    """Refuse corrections that still break the contract.

    Raises:
        ContractBroken: There is one that was changed.
    """
    rows = changed(refused).select(ROW, ERRORS).limit(SHOWN + 1).collect()
    refuse([f"{row[ROW]} has {few(list(map(told, row[ERRORS])), SHOWN)}" for row in rows])


def refuse_contradictions(contradicting: DataFrame, table: Table) -> None:
    """Refuse corrections that say otherwise than another row of their key.

    Raises:
        ContractBroken: There is one that was changed.
    """
    rows = changed(contradicting).select(ROW).limit(SHOWN + 1).collect()
    refuse([f"{row[ROW]} says otherwise than another row of the same {', '.join(table.key)}" for row in rows])


def changed(rows: DataFrame) -> DataFrame:
    """Those of which a cell is not as it was, in order."""
    return rows.where(F.col(BEFORE) != F.col(AFTER)).orderBy(ROW)


def refuse(found: Sequence[str]) -> None:
    """Refuse a file for what is wrong with its rows, if anything is."""
    if found:
        raise ContractBroken(
            f"rows were mended and still break the contract, and nothing was taken: {few(found, SHOWN, '; ')}; "
            "mend them, or leave them out of the file"
        )
