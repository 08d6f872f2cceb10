"""A column of rows in memory, with SQL's nulls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Known = NDArray[np.bool_]

ALL_KNOWN: Known = np.ones(1, dtype=np.bool_)
NONE_KNOWN: Known = np.zeros(1, dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """One element a row, or a single one for all rows.

    Args:
        data: int64 for whole numbers, float64, bool, or object for texts; of an unknown row anything of the type.
        known: False where the row's value is null.
    """

    data: NDArray[Any]
    known: Known

    def of_rows(self, count: int) -> "Values":
        """The same with an element for each of so many rows."""
        if len(self.data) == count and len(self.known) == count:
            return self
        return Values(np.broadcast_to(self.data, count), np.broadcast_to(self.known, count))

    def take(self, places: NDArray[np.intp]) -> "Values":
        """Those of some rows; -1 stands for no row, whose value is null."""
        if not len(self.data):
            return Values(np.zeros(len(places), self.data.dtype), np.zeros(len(places), np.bool_))
        return Values(self.data[places], self.known[places] & (places >= 0))

    def doubles(self) -> NDArray[np.float64]:
        """The numbers, NaN where null."""
        numbers: NDArray[np.float64] = np.where(self.known, self.data, np.nan).astype(np.float64, copy=False)
        return numbers


Columns = Mapping[str, Values]

NULL = Values(np.zeros(1, dtype=np.bool_), NONE_KNOWN)


def from_doubles(numbers: NDArray[np.float64]) -> Values:
    """Numbers of which NaN is null."""
    return Values(numbers, ~np.isnan(numbers))


def from_texts(texts: list[str | None]) -> Values:
    """Texts, of which None is null."""
    known = np.fromiter((text is not None for text in texts), np.bool_, len(texts))
    data = np.empty(len(texts), dtype=object)
    data[:] = [text or "" for text in texts]
    return Values(data, known)


def from_arrow(column: pa.ChunkedArray) -> Values:
    """An Arrow column of a type that contracts have; an amount becomes the double nearest to it.

    What is declared computes with amounts as doubles, too, and compares them with 0 alone before it does.
    """
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # as older versions give it
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return from_texts(array.to_pylist())
    known = array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_decimal128(array.type):
        return Values(unscaled(array) / 10.0**array.type.scale, known)
    filled = array.fill_null(False if pa.types.is_boolean(array.type) else 0)
    return Values(filled.to_numpy(zero_copy_only=False), known)


def unscaled(decimals: pa.Decimal128Array) -> NDArray[np.int64]:
    """The decimals as counts of their last digit, 0 where null: 18 digits fit into the lower half of the 128 bits."""
    if not len(decimals):
        return np.zeros(0, np.int64)
    halves = np.frombuffer(decimals.buffers()[1], np.int64)
    lower = halves[2 * decimals.offset : 2 * (decimals.offset + len(decimals)) : 2]
    return np.where(decimals.is_valid().to_numpy(zero_copy_only=False), lower, 0)
