"""The CSV files of a delivery: what their headers say, and their cells as text."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import PurePosixPath
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from features.contract import BROKEN_LINE, FILE
from features.rows_as_sent import Header, few, read_header
from features.spec import Table
from jobs.lake.delivery_files import Folder, Packed, find_parts
from jobs.lake.first_lines import BYTES, LINES, Zipped, header_of
from jobs.runtime.addresses import literally
from jobs.runtime.errors import ContractBroken

HEADERS_AT_ONCE = 8
# As Spark's error of the condition FAILED_READ_FILE says it.
UNREADABLE = re.compile(r"Encountered error while reading file (.+?)\.\s+(?:SQLSTATE|File does not exist)")


@dataclass(frozen=True)
class SourceFile:
    """A CSV file of a delivery, or a folder of its parts; parts are grouped by what their headers name.

    Args:
        name: Of the file, without ending, as the contract spells it.
        table: The source table that it belongs to.
        spelt: Its name in the delivery, where that is written in other capitals.
        parts: Each header, and the addresses of the parts that have it.
    """

    name: str
    table: Table
    spelt: str | None
    parts: tuple[tuple[Header, tuple[str, ...]], ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """A sentence for each thing that was taken though it is not as the contract says."""
        spelt = (f"taken for {self.name}",) if self.spelt else ()
        return (*spelt, *dict.fromkeys(remark for header, _ in self.parts for remark in header.remarks))


def columns_of(table: Table, name: str) -> tuple[str, ...]:
    """The contract's columns that the table's file of that name is read for."""
    return tuple(column.name for column in table.columns if name not in column.absent_from)


def open_file(folder: Folder, name: str, table: Table) -> SourceFile | None:
    """The file's parts and headers; None where the delivery does not have it.

    Raises:
        UserError: It is there in several forms.
        Packed: It is a zip archive.
        ContractBroken: It is empty or no CSV, it can't be read, or a header lacks a column or names one twice.
    """
    delivered = find_parts(folder, name)
    if delivered is None:
        return None
    columns = columns_of(table, name)
    optional = [column.name for column in table.columns if column.optional and column.name in columns]
    with ThreadPoolExecutor(HEADERS_AT_ONCE) as pool:
        headers = list(pool.map(partial(open_part, folder.spark, columns), delivered.addresses))
    parts: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for address, names in zip(delivered.addresses, headers, strict=True):
        if names:  # Spark writes an empty part where a partition held no row
            parts[names].append(address)
    if not parts:
        raise ContractBroken(f"{name} is empty, it has not even a header: export it again")
    read = {names: read_header(names, columns, optional) for names in parts}
    for header in read.values():
        check_header(name, header, len(columns) - len(optional))
    return SourceFile(name, table, delivered.spelt, tuple((read[names], tuple(same)) for names, same in parts.items()))


def open_part(spark: SparkSession, columns: Sequence[str], part: str) -> tuple[str, ...]:
    """The columns that a part names; nothing where it is empty."""
    with told_when_unreadable():
        # As bytes: what is no text must not be taken for it.
        start = F.substring(F.col("value").cast("binary"), 1, BYTES).alias("start")
        lines = [bytes(row["start"]) for row in spark.read.text(literally(part)).select(start).limit(LINES).collect()]
    try:
        return header_of(lines, columns, packed=part.endswith(".gz"))
    except Zipped:
        raise Packed(part) from None
    except ContractBroken as problem:
        raise ContractBroken(f"{part_name(part)} {problem}") from None


def part_name(part: str) -> str:
    """A file, or a part with its folder, as a message names it."""
    path = PurePosixPath(part)
    return f"{path.parent.name}/{path.name}" if path.parent.name.casefold().endswith(".csv") else path.name


@contextmanager
def told_when_unreadable() -> Iterator[None]:
    """Say of a file that can't be read to its end which one it is.

    Raises:
        ContractBroken: Spark met one.
    """
    try:
        yield
    except Py4JJavaError as error:  # Spark's Python side has no name for it
        unreadable = UNREADABLE.search(str(error))
        if unreadable is None:
            raise
        raise ContractBroken(f"{part_name(unquote(unreadable[1]))} {why_unreadable(str(error))}") from None


def why_unreadable(trace: str) -> str:
    """What is wrong with the file that Spark's trace tells of, and what to do."""
    if "incorrect header check" in trace or "not a gzip file" in trace:
        return "is named .gz and is not packed by gzip: name it .csv, or pack it"
    if "Permission denied" in trace:
        return "may not be read: permission denied"
    return "can't be read to its end, it is cut off or damaged: send it again"


def check_header(name: str, header: Header, columns: int) -> None:
    """Refuse a header that lacks a column or names one twice."""
    if header.lacking:
        s = "s" if len(header.lacking) > 1 else ""
        raise ContractBroken(
            f"{name} lacks the column{s} {few(header.lacking)}: export it with all {columns} columns; "
            f"its header is {few(header.shown)}"
        )
    if header.repeated:
        raise ContractBroken(f"{name} has several columns named {few(header.repeated)}: leave one of each")


def read_cells(spark: SparkSession, file: SourceFile) -> DataFrame:
    """The file's cells as text: `FILE`, `BROKEN_LINE` and the contract's columns, null where a cell is empty."""
    return reduce(DataFrame.unionByName, (read_parts(spark, file, header, parts) for header, parts in file.parts))


def read_parts(spark: SparkSession, file: SourceFile, header: Header, parts: Sequence[str]) -> DataFrame:
    """The cells of the parts that share a header, null in the columns that they came without."""
    columns = (
        (F.col(column.name) if column.name in header.places else F.lit(None).cast("string")).alias(column.name)
        for column in file.table.columns
    )
    return read_text(spark, header, parts).select(F.lit(file.name).alias(FILE), BROKEN_LINE, *columns)


def read_text(spark: SparkSession, header: Header, files: Sequence[str]) -> DataFrame:
    """`BROKEN_LINE` and the header's known columns of files that share it, all text, null where a cell is empty."""
    # Spark takes a header's columns by position and their names without regard to case: only known names are kept.
    known = {place: column for column, place in header.places.items()}
    names = [known.get(place, f"_ignored_{place}") for place in range(len(header.sent))]
    return (
        spark.read.schema(T.StructType([T.StructField(name, T.StringType()) for name in (*names, BROKEN_LINE)]))
        .option("header", True)
        .option("escape", '"')
        .option("columnNameOfCorruptRecord", BROKEN_LINE)
        .option("columnPruning", False)  # pruned rows are not checked for the number of their cells
        .csv([literally(file) for file in files])
        .select(BROKEN_LINE, *header.places)
    )
