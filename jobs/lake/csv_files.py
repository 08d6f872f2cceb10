"""The CSV files of a delivery: what their headers say, and their cells as text."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.contract import BROKEN_LINE, CELLS, FILE
from features.memory.plain_lines import PlainLines
from features.rows_as_sent import Header, few, read_header
from features.spec import Table
from jobs.lake.delivery_files import Folder, Packed, find_parts
from jobs.lake.first_lines import BYTES, LINES, Zipped, header_of
from jobs.lake.packed_rows import COUNT, PACK, ROWS, Batches, labelled, written
from jobs.runtime.addresses import literally
from jobs.runtime.errors import ContractBroken

HEADERS_AT_ONCE = 8
CSV_OPTIONS = {
    "escape": '"',
    "columnNameOfCorruptRecord": BROKEN_LINE,
    "columnPruning": "false",  # pruned rows are not checked for the number of their cells
}
LINE, BEGINS = "_line", "_begins"
"""A line's text, and which part it is of, where that begins in the piece that Spark has cut."""
SPLIT = pa.schema([(COUNT, pa.int64()), (ROWS, pa.binary()), (LINE, pa.string())])
NOT_BLANK = r"[^\x00-\x20]"
BYTES_AT_ONCE = 4_000_000
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


def split_lines(spark: SparkSession, file: SourceFile) -> Iterator["SplitLines"]:
    """The file's lines, those apart that are not plain, for each header that its parts have."""
    for number, (header, parts) in enumerate(file.parts):
        columns = {place: column for column, place in header.places.items()}
        plain = PlainLines(file.table, file.name, [columns.get(place) for place in range(len(header.sent))])
        # Which lines may be a header: a part begins with one, and Spark cuts parts at any line.
        begins = F.when(F.input_file_block_start() == 0, F.xxhash64(F.input_file_name())).alias(BEGINS)
        lines = spark.read.text([literally(part) for part in parts]).select(F.col("value").alias(LINE), begins)
        split = lines.mapInArrow(partial(splitting, plain=plain), f"{COUNT} BIGINT, {ROWS} BINARY, {LINE} STRING")
        named = labelled(split.select(F.lit(file.name).alias(FILE), COUNT, ROWS, LINE), f"{file.name} {number}")
        yield SplitLines(file, header, named)


@dataclass(frozen=True)
class SplitLines:
    """The lines of a file's parts that share a header.

    Args:
        file: Their file.
        header: Their header.
        lines: Packs of rows made of plain lines, and every other line in `LINE`.
    """

    file: SourceFile
    header: Header
    lines: DataFrame

    def plain(self) -> DataFrame:
        """The packs, as `PACKED`."""
        return self.lines.where(F.col(LINE).isNull()).select(FILE, PACK, COUNT, ROWS)

    def others(self) -> DataFrame:
        """The cells of the other lines as text: `FILE`, `BROKEN_LINE` and the contract's columns, null where a cell is
        empty, or where the parts came without the column."""
        cells = F.from_csv(LINE, column_types(self.header), CSV_OPTIONS).alias(CELLS)
        columns = (
            (
                F.col(f"{CELLS}.{column.name}") if column.name in self.header.places else F.lit(None).cast("string")
            ).alias(column.name)
            for column in self.file.table.columns
        )
        found = self.lines.where(F.col(LINE).isNotNull()).select(FILE, cells)
        return found.select(FILE, F.col(f"{CELLS}.{BROKEN_LINE}"), *columns)


def splitting(batches: Batches, plain: PlainLines) -> Iterator[pa.RecordBatch]:
    """What `split_lines` does in Python: lines of a few megabytes to a pack, and to rows of their own."""
    for lines in in_larger_pieces(without_headers(batches)):
        found = plain.sort(lines)
        others = without_blank(found.in_doubt)
        none = pa.nulls(len(others))
        pack = [[len(found.rows)], [written(found.rows)], [None]] if len(found.rows) else [[], [], []]
        yield pa.RecordBatch.from_arrays(
            [
                pa.concat_arrays([pa.array(of_pack, kind), of_others.cast(kind)])
                for of_pack, of_others, kind in zip(pack, [none, none, others], SPLIT.types, strict=True)
            ],
            schema=SPLIT,
        )


def in_larger_pieces(pieces: Iterable[pa.Array]) -> Iterator[pa.Array]:
    """The lines, brought together until they are long enough that what is done once a piece does not matter."""
    waiting: list[pa.Array] = []
    for lines in pieces:
        waiting.append(lines)
        if sum(piece.nbytes for piece in waiting) >= BYTES_AT_ONCE:
            yield pa.concat_arrays(waiting)
            waiting = []
    if waiting:
        yield pa.concat_arrays(waiting)


def without_headers(batches: Batches) -> Iterator[pa.Array]:
    """The lines without the first one that is not blank of each part that begins in them."""
    header_of = None
    for batch in batches:
        runs = pc.run_end_encode(batch[BEGINS])
        start = 0
        for end, part in zip(runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True):
            lines = batch[LINE].slice(start, end - start)
            start = end
            if part is not None and part != header_of:
                written_on = without_blank(lines)
                header_of = part if len(written_on) else header_of
                lines = written_on.slice(1)
            yield lines


def without_blank(lines: pa.Array) -> pa.Array:
    """The lines without those that hold nothing, as Spark's CSV reader leaves them out."""
    return lines.filter(pc.match_substring_regex(lines.view(pa.binary()), NOT_BLANK))


def column_types(header: Header) -> str:
    """What `from_csv` makes of a line: the cells of the header's known columns under their names, and `BROKEN_LINE`."""
    return ", ".join(f"{name} STRING" for name in (*spark_names(header), BROKEN_LINE))


def spark_names(header: Header) -> list[str]:
    """A name for each cell; Spark takes columns by position and their names without regard to case."""
    known = {place: column for column, place in header.places.items()}
    return [known.get(place, f"_ignored_{place}") for place in range(len(header.sent))]


def read_text(spark: SparkSession, header: Header, files: Sequence[str]) -> DataFrame:
    """`BROKEN_LINE` and the header's known columns of files that share it, all text, null where a cell is empty."""
    return (
        spark.read.schema(column_types(header))
        .options(header=True, **CSV_OPTIONS)
        .csv([literally(file) for file in files])
        .select(BROKEN_LINE, *header.places)
    )
