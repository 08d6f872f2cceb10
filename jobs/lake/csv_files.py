"""The CSV files of a delivery: what their headers say, and their cells as text."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import pyarrow as pa
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
from jobs.runtime.found_files import LINE, UnreadableFile
from jobs.runtime.session import engine_of_this_process
from jobs.runtime.text_lines import without_blank, without_headers

HEADERS_AT_ONCE = 8
SPLIT = pa.schema([(COUNT, pa.int64()), (ROWS, pa.binary()), (LINE, pa.string())])
BYTES_AT_ONCE = 4_000_000


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
    parts = parts_by_header(folder.spark, columns, delivered.addresses)
    if not parts:
        raise ContractBroken(f"{name} is empty, it has not even a header: export it again")
    read = {names: read_header(names, columns, optional) for names in parts}
    for header in read.values():
        check_header(name, header, len(columns) - len(optional))
    return SourceFile(name, table, delivered.spelt, tuple((read[names], tuple(same)) for names, same in parts.items()))


def parts_by_header(
    spark: SparkSession, columns: Sequence[str], addresses: Sequence[str]
) -> dict[tuple[str, ...], list[str]]:
    """The columns that parts name, and the parts that name them so; those that are empty are left out."""
    with ThreadPoolExecutor(HEADERS_AT_ONCE) as pool:
        headers = list(pool.map(partial(open_part, spark, columns), addresses))
    parts: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for address, names in zip(addresses, headers, strict=True):
        if names:  # Spark writes an empty part where a partition held no row
            parts[names].append(address)
    return parts


def open_part(spark: SparkSession, columns: Sequence[str], part: str) -> tuple[str, ...]:
    """The columns that a part names; nothing where it is empty."""
    with told_when_unreadable():
        lines = engine_of_this_process().files.first_lines(spark, literally(part), LINES, BYTES)
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
        with engine_of_this_process().files.reading():
            yield
    except UnreadableFile as problem:
        raise ContractBroken(f"{part_name(problem.address)} {problem.why}") from None


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
        lines = engine_of_this_process().files.lines(spark, [literally(part) for part in parts])
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
        cells = engine_of_this_process().files.cells(LINE, spark_names(self.header)).alias(CELLS)
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


def spark_names(header: Header) -> list[str]:
    """A name for each cell; Spark takes columns by position and their names without regard to case."""
    known = {place: column for column, place in header.places.items()}
    return [known.get(place, f"_ignored_{place}") for place in range(len(header.sent))]


def read_text(spark: SparkSession, header: Header, files: Sequence[str]) -> DataFrame:
    """`BROKEN_LINE` and the header's known columns of files that share it, all text, null where a cell is empty."""
    addresses = [literally(file) for file in files]
    rows = engine_of_this_process().files.csv(spark, spark_names(header), addresses)
    return rows.select(BROKEN_LINE, *header.places)
