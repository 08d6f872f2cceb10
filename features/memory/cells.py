"""Cells of rows to typed columns without an engine, where nothing about a row is in doubt.

What a contract takes, and in which words it refuses, is said once, in `features.contract`. Here only rows are read that
are written as almost all are; of any other the engine decides.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from features.contract import NUMBER, SMALLEST
from features.spec import Column, Table, Type

WHOLE = re.compile(r"([+-]?[0-9]{1,18})([.]0)?")
AMOUNT = re.compile(r"[+-]?[0-9]{1,14}([.][0-9]{1,3})?")
REAL = re.compile(NUMBER.removeprefix("^").removesuffix("$"))

Cell = int | float | Decimal | str | None
Read = Callable[[str], Cell]


class InDoubt(ValueError):
    """A cell that is not written as almost all are, or that breaks the contract."""


@dataclass(frozen=True)
class Sorted:
    """Rows that keep the contract, typed, in their order, and the places of those that the engine has to look at."""

    kept: pa.Table
    in_doubt: list[int]


class Cells:
    """Reads the cells of a contract's columns.

    Args:
        table: The contract.
    """

    def __init__(self, table: Table) -> None:
        self.readers = [reader(column) for column in table.columns]
        self.schema = pa.schema([(column.name, ARROW[column.type]) for column in table.columns])

    def sort(self, rows: Sequence[Sequence[str | None]]) -> Sorted:
        """The rows, each with a cell for every column of the contract."""
        kept, in_doubt = [], []
        for place, row in enumerate(rows):
            try:
                kept.append([read(cell) for read, cell in zip(self.readers, row, strict=True)])
            except InDoubt:
                in_doubt.append(place)
        columns = list(zip(*kept, strict=True)) if kept else [()] * len(self.readers)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self.schema, strict=True)]
        return Sorted(pa.Table.from_arrays(arrays, schema=self.schema), in_doubt)


def reader(column: Column) -> Callable[[str | None], Cell]:
    """What reads the column's cells.

    Its function raises InDoubt.
    """
    read = READ[column.type]
    codes = frozenset(read(code) for code in column.codes)
    low, high = column.low, column.high

    def read_cell(text: str | None) -> Cell:
        if text is None:
            if column.required:
                raise InDoubt
            return None
        cell = read(text)
        if codes and cell not in codes:
            raise InDoubt
        if not isinstance(cell, str) and cell is not None:
            if (low is not None and cell < low) or (high is not None and cell > high):
                raise InDoubt
            if column.type is Type.ID and cell <= 0:
                raise InDoubt
        return cell

    return read_cell


def read_text(text: str) -> str:
    """Any text but an empty one, of which doors differ."""
    if not text:
        raise InDoubt
    return text


def read_whole(text: str) -> int:
    """12, and 12.0 as Kaggle writes it in columns that have empty cells."""
    found = WHOLE.fullmatch(text)
    if found is None:
        raise InDoubt
    return int(found[1])


def read_amount(text: str) -> Decimal:
    """With at most the three decimals that an amount has, so that nothing is rounded."""
    if AMOUNT.fullmatch(text) is None:
        raise InDoubt
    return Decimal(text)


def read_real(text: str) -> float:
    """Any number that the contract takes."""
    if REAL.fullmatch(text) is None:
        raise InDoubt
    number = float(text)
    return 0.0 if abs(number) < SMALLEST else number


READ: dict[Type, Read] = {
    Type.ID: read_whole,
    Type.WHOLE: read_whole,
    Type.AMOUNT: read_amount,
    Type.REAL: read_real,
    Type.TEXT: read_text,
}
ARROW: dict[Type, pa.DataType] = {
    Type.ID: pa.int64(),
    Type.WHOLE: pa.int64(),
    Type.AMOUNT: pa.decimal128(18, 3),
    Type.REAL: pa.float64(),
    Type.TEXT: pa.string(),
}
