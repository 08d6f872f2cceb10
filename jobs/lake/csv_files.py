"""The files of a delivery: where they are, what their headers say, and their cells as text."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial, reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from features.contract import BROKEN_LINE, FILE
from features.spec import Table
from jobs.runtime.addresses import list_files, literally
from jobs.runtime.errors import ContractBroken, UserError

DESCRIPTIONS = "HomeCredit_columns_description.csv"
DATA_FILES = "*.{csv,csv.gz}"
HEADERS_AT_ONCE = 8


@dataclass(frozen=True)
class SourceFile:
    """A CSV file of a delivery, or a folder of its parts; parts are grouped by what their headers name."""

    name: str
    table: Table
    parts: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    """(header, addresses of the parts that have it)."""

    @property
    def read(self) -> tuple[str, ...]:
        """The contract's columns that the file is read for."""
        return tuple(column.name for column in self.table.columns if self.name not in column.absent_from)

    @property
    def ignored(self) -> list[str]:
        """The columns that the file has and the contract doesn't."""
        return sorted({column for header, _ in self.parts for column in header} - set(self.read))


def find_file(spark: SparkSession, source: str, name: str) -> list[str]:
    """The parts of a source file, whichever of its possible names it has; nothing where it has none."""
    forms = [f"{source.rstrip('/')}/{name}{ending}" for ending in (".csv", ".csv.gz", "")]
    found = {form: files for form in forms if (files := list_files(spark, form, DATA_FILES))}
    if len(found) > 1:
        raise UserError(f"{name} is there {len(found)} times, as {' and '.join(found)}: leave one of them")
    return next(iter(found.values()), [])


def read_header(spark: SparkSession, part: str) -> tuple[str, ...]:
    """The columns that a part names; nothing where it is empty."""
    line = spark.read.text(literally(part)).where(F.trim("value") != "").first()
    return tuple(column.strip() for column in next(csv.reader([line["value"].lstrip("\ufeff")]))) if line else ()


def open_file(spark: SparkSession, source: str, name: str, table: Table) -> SourceFile | None:
    """The file's parts and headers; None where the delivery does not have it.

    Raises:
        UserError: It is there in several forms.
        ContractBroken: It is empty, or a header lacks a column or names one twice.
    """
    addresses = find_file(spark, source, name)
    if not addresses:
        return None
    with ThreadPoolExecutor(HEADERS_AT_ONCE) as pool:
        headers = list(pool.map(partial(read_header, spark), addresses))
    parts: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for address, header in zip(addresses, headers, strict=True):
        if header:  # Spark writes an empty part where a partition held no row
            parts[header].append(address)
    if not parts:
        raise ContractBroken(f"{name} is empty, it has not even a header: export it again")
    file = SourceFile(name, table, tuple((header, tuple(same)) for header, same in parts.items()))
    for header in parts:
        check_header(file, header)
    return file


def check_header(file: SourceFile, header: Sequence[str]) -> None:
    """Refuse a header that lacks a column or names one twice."""
    missing = [column for column in file.read if column not in header]
    twice = [column for column, times in Counter(header).items() if times > 1 and column in file.read]
    if missing:
        s = "s" if len(missing) > 1 else ""
        raise ContractBroken(
            f"{file.name} lacks the column{s} {', '.join(missing)}: export it with all {len(file.read)} columns; "
            f"its header is {', '.join(header)[:120]}"
        )
    if twice:
        raise ContractBroken(f"{file.name} has several columns named {', '.join(twice)}: leave one of each")


def read_cells(spark: SparkSession, file: SourceFile) -> DataFrame:
    """The file's cells as text: `FILE`, `BROKEN_LINE` and the contract's columns, null where a cell is empty."""
    return reduce(DataFrame.unionByName, (read_parts(spark, file, header, parts) for header, parts in file.parts))


def read_parts(spark: SparkSession, file: SourceFile, header: Sequence[str], parts: Sequence[str]) -> DataFrame:
    """The cells of the parts that share a header."""
    # Spark takes a header's columns by position and their names without regard to case: only known names are kept.
    known = [name if name in file.read else f"_ignored_{position}" for position, name in enumerate(header)]
    rows = (
        spark.read.schema(T.StructType([T.StructField(name, T.StringType()) for name in (*known, BROKEN_LINE)]))
        .option("header", True)
        .option("escape", '"')
        .option("columnNameOfCorruptRecord", BROKEN_LINE)
        .option("columnPruning", False)  # pruned rows are not checked for the number of their cells
        .csv([literally(part) for part in parts])
    )
    columns = (
        (F.col(column.name) if column.name in file.read else F.lit(None).cast("string")).alias(column.name)
        for column in file.table.columns
    )
    return rows.select(F.lit(file.name).alias(FILE), BROKEN_LINE, *columns)


def read_descriptions(spark: SparkSession, source: str) -> dict[tuple[str, str], str]:
    """(source table, column) to its meaning, as the delivery's description file has it; nothing without one."""
    address = f"{source.rstrip('/')}/{DESCRIPTIONS}"
    if not list_files(spark, address, DATA_FILES):
        return {}
    file = spark.read.format("binaryFile").load(literally(address)).select("content").first()
    # Spark's CSV reader does not know cp1252, in which Kaggle ships it.
    text = bytes(file["content"]).decode("cp1252", errors="replace") if file else ""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if not {"Table", "Row", "Description"} <= set(rows.fieldnames or ()):
        raise ContractBroken(f"{DESCRIPTIONS} lacks the columns Table, Row and Description: leave it out or repair it")
    return {(described_table(row["Table"]), row["Row"].strip()): row["Description"].strip() for row in rows}


def described_table(file: str) -> str:
    """The source table that a description means: application_{train|test}.csv is the application."""
    return file.partition(".")[0].partition("_{")[0]
