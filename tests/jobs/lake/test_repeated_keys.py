"""Keys by eight bytes each: rows that are alike have the same, and others by chance alone."""

from collections import Counter
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from jobs.lake.repeated_keys import hash_rows

ROWS = 20_000


@pytest.fixture(scope="module")
def keys() -> pa.RecordBatch:
    """Cells of every type that a contract has, some of them empty, few enough of each that rows repeat."""
    random = np.random.default_rng(5)
    columns: dict[str, list[object]] = {
        "identifier": random.integers(100_001, 100_101, ROWS).tolist(),
        "days": [None if day == 0 else -day for day in random.integers(0, 4, ROWS).tolist()],
        "amount": [None if cents == 0 else Decimal(cents) / 1000 for cents in random.integers(0, 4, ROWS).tolist()],
        "rate": [None if rate == 0 else rate / 3 for rate in random.integers(0, 4, ROWS).tolist()],
        "status": [[None, "Active", "Closed", "C"][place] for place in random.integers(0, 4, ROWS).tolist()],
    }
    types = [pa.int64(), pa.int64(), pa.decimal128(18, 3), pa.float64(), pa.string()]
    return pa.RecordBatch.from_arrays(
        [pa.array(cells, kind) for cells, kind in zip(columns.values(), types, strict=True)], names=list(columns)
    )


def test_rows_share_a_number_where_they_share_every_cell(keys: pa.RecordBatch) -> None:
    whole = [tuple(row.values()) for row in keys.to_pylist()]
    assert 1_000 < len(set(whole)) < ROWS
    assert Counter(Counter(whole).values()) == Counter(Counter(hash_rows(keys).tolist()).values())
    assert len(set(zip(whole, hash_rows(keys).tolist(), strict=True))) == len(set(whole))


def test_a_part_of_a_pack_is_numbered_like_the_whole(keys: pa.RecordBatch) -> None:
    assert hash_rows(keys.slice(7, 100)).tolist() == hash_rows(keys)[7:107].tolist()


def test_an_empty_cell_is_not_taken_for_another_columns() -> None:
    rows = pa.RecordBatch.from_pylist([{"a": None, "b": 3}, {"a": 3, "b": None}, {"a": 3, "b": 3}])
    assert len(set(hash_rows(rows).tolist())) == 3
