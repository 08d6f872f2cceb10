"""How many cells of packed rows' columns are filled, and of numbers their mean and spread."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from features.contract import names
from features.spec import Table
from jobs.lake.packed_rows import ROWS, Batches, each_pack

MEASURED = "column STRING, rows BIGINT, mean DOUBLE, squares DOUBLE, age DOUBLE"


@dataclass(frozen=True)
class Numbers:
    """What is known of some cells of a column.

    Args:
        rows: How many are filled.
        mean: Of their values; 0 for text.
        squares: The sum of the values' squared distances from the mean.
        age: The least distance from 0 of those that are not above it; None where all are.
    """

    rows: int = 0
    mean: float = 0.0
    squares: float = 0.0
    age: float | None = None

    def __add__(self, other: "Numbers") -> "Numbers":
        rows = self.rows + other.rows
        if not rows:
            return self
        apart, share = other.mean - self.mean, other.rows / rows
        ages = [age for age in (self.age, other.age) if age is not None]
        return Numbers(
            rows,
            self.mean + apart * share,
            self.squares + other.squares + apart * apart * self.rows * share,
            min(ages, default=None),
        )

    @property
    def spread(self) -> float:
        """The standard deviation."""
        return float((self.squares / self.rows) ** 0.5) if self.rows else 0.0


def measure_columns(packs: DataFrame, table: Table) -> dict[str, Numbers]:
    """What is known of each column of the contract."""
    columns = range(len(table.columns))
    parts = packs.select(ROWS).mapInArrow(partial(measuring, columns=columns), MEASURED)
    found = dict.fromkeys(names(table), Numbers())
    for column, *numbers in parts.collect():
        found[column] += Numbers(*numbers)
    return found


def measuring(batches: Batches, columns: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """What `measure_columns` does in Python: a row for each column, of all packs of a partition."""
    found: defaultdict[str, Numbers] = defaultdict(Numbers)
    for _, rows in each_pack(batches, columns):
        for name, cells in zip(rows.schema.names, rows.columns, strict=True):
            found[name] += numbers_of(cells)
    yield pa.RecordBatch.from_pylist(
        [{"column": name, **vars(numbers)} for name, numbers in found.items()],
        pa.schema(
            [
                ("column", pa.string()),
                ("rows", pa.int64()),
                ("mean", pa.float64()),
                ("squares", pa.float64()),
                ("age", pa.float64()),
            ]
        ),
    )


def numbers_of(cells: pa.Array) -> Numbers:
    """What is known of these cells."""
    rows = len(cells) - cells.null_count
    if pa.types.is_string(cells.type) or not rows:
        return Numbers(rows)
    # Identifiers of up to 64 bits lose their last ones: they have no mean.
    values = cells.cast(pa.float64(), safe=False)
    before = pc.max(values.filter(pc.less_equal(values, 0.0))).as_py()
    squares = pc.variance(values).as_py() * rows
    return Numbers(rows, pc.mean(values).as_py(), squares, None if before is None else abs(before))
