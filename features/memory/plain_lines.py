"""Lines of a CSV file to typed columns without an engine, where nothing about a line is in doubt.

A line is plain where every cell is written as almost all are and keeps the contract; that takes a regular expression
for the line and a comparison with each bound. What a contract takes besides, and in which words it refuses, is said
once, in `features.contract`: of a line that is not plain the engine decides.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from features.contract import SMALLEST
from features.memory.cells import ARROW
from features.spec import Column, Table, Type

# Printable ASCII without quotes, and without a comma where no quotes are around it; no space at either end.
BARE = r"[!#-+\--~](?:[ !#-+\--~]*[!#-+\--~])?"
QUOTED = r'"[!#-~](?:[ !#-~]*[!#-~])?"'
WRITTEN = {
    Type.ID: r"[1-9][0-9]{0,17}",
    Type.WHOLE: r"-?[0-9]{1,15}(?:[.]0)?",
    Type.AMOUNT: r"-?[0-9]{1,15}(?:[.][0-9]{1,3})?",
    Type.REAL: r"-?[0-9]{1,20}(?:[.][0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?",
    Type.TEXT: f"{BARE}|{QUOTED}",
}
"""How a plain cell of each type is written."""
# Kaggle writes 12.0 in columns that have empty cells; fifteen digits are exact in a double.
READ_AS = {**ARROW, Type.WHOLE: pa.float64()}
THOUSANDTH = Decimal("0.001")


@dataclass(frozen=True)
class Sorted:
    """The rows of the plain lines, typed, in their order, and the lines that the engine has to look at."""

    rows: pa.RecordBatch
    in_doubt: pa.Array


class PlainLines:
    """Reads the plain lines of a file, and tells the others.

    Args:
        table: The contract.
        file: The file's name, as the contract spells it.
        header: What each of its columns is called in the contract; None for one that the contract does not read.
    """

    def __init__(self, table: Table, file: str, header: Sequence[str | None]) -> None:
        self.columns = [column for column in table.columns if column.name in header]
        self.schema = pa.schema([(column.name, ARROW[column.type]) for column in table.columns])
        known = {column.name: cell_pattern(column, file) for column in self.columns}
        self.pattern = f"^{','.join(f'(?:{BARE}|{QUOTED})?' if name is None else known[name] for name in header)}$"
        self.names = [name or f"_ignored_{place}" for place, name in enumerate(header)]

    def sort(self, lines: pa.Array) -> Sorted:
        """The lines, which hold no line end."""
        written = pc.and_(pc.match_substring_regex(lines, self.pattern), pc.greater(pc.binary_length(lines), 0))
        readable = lines.filter(written)
        rows, keeps = self.typed(self.cells(readable))
        in_doubt = [lines.filter(pc.invert(written)), readable.filter(pc.invert(keeps))]
        return Sorted(rows.filter(keeps), pa.concat_arrays(in_doubt))

    def cells(self, lines: pa.Array) -> pa.RecordBatch:
        """The cells of lines that match the pattern, numbers as `READ_AS` says."""
        types = {column.name: READ_AS[column.type] for column in self.columns}
        if not len(lines):
            return pa.RecordBatch.from_pylist([], pa.schema(types))
        whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
        text = pc.binary_join(whole, "\n")[0].as_buffer()
        (cells,) = csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(use_threads=False, block_size=text.size, column_names=self.names),
            csv.ParseOptions(ignore_empty_lines=False),
            csv.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True
            ),
        ).to_batches()
        return cells

    def typed(self, cells: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.Array]:
        """All columns of the contract, and which rows are within its bounds."""
        read = {column.name: typed(column, cells[column.name]) for column in self.columns}
        absent = {field.name: pa.nulls(len(cells), field.type) for field in self.schema if field.name not in read}
        keeps = pa.repeat(True, len(cells))
        for column in self.columns:
            for within in bounds(column, read[column.name]):
                keeps = pc.and_(keeps, pc.fill_null(within, True))
        columns = {**read, **absent}
        return pa.RecordBatch.from_arrays([columns[name] for name in self.schema.names], schema=self.schema), keeps


def cell_pattern(column: Column, file: str) -> str:
    """How a plain cell of the column is written in the file."""
    written = WRITTEN[column.type]
    if column.codes:
        plain = [re.escape(code) for code in column.codes if re.fullmatch(written, code)]
        written = "|".join(plain or ["[^\\x00-\\x{10FFFF}]"])
        if column.type is Type.WHOLE:
            written = f"(?:{written})(?:[.]0)?"
        elif column.type is Type.TEXT:
            written += "".join(f'|"{code}"' for code in plain)
    may_be_empty = not column.required or file in column.absent_from
    return f"(?:{written})?" if may_be_empty else f"(?:{written})"


def typed(column: Column, cells: pa.Array) -> pa.Array:
    """The cells in the column's own type."""
    match column.type:
        case Type.WHOLE:
            return cells.cast(pa.int64())
        case Type.REAL:
            return pc.if_else(pc.less(pc.abs(cells), SMALLEST), 0.0, cells)
        case _:
            return cells


def bounds(column: Column, values: pa.Array) -> Iterator[pa.Array]:
    """For each bound of the column, which values are within; null where there is none."""
    if column.low is not None:
        yield pc.greater_equal(values, bound(column, column.low))
    if column.high is not None:
        yield pc.less_equal(values, bound(column, column.high))


def bound(column: Column, value: float) -> pa.Scalar:
    """A bound in the column's type."""
    exact = Decimal(str(value))
    match column.type:
        case Type.AMOUNT:
            return pa.scalar(exact.quantize(THOUSANDTH, ROUND_HALF_UP), ARROW[column.type])
        case Type.REAL:
            return pa.scalar(float(value), ARROW[column.type])
        case _:
            return pa.scalar(int(exact), ARROW[column.type])
