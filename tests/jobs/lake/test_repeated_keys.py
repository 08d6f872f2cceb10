"""Repeated keys are found by numbers made of them, across packs."""

from decimal import Decimal

import numpy as np
import pyarrow as pa

from jobs.lake.packed_rows import ROWS as PACKED_ROWS
from jobs.lake.packed_rows import written
from jobs.lake.repeated_keys import BUCKET, HASHES, PACK, PLACES, hash_rows, hashing, repeated

SCHEMA = pa.schema(
    [("id", pa.int64()), ("amount", pa.decimal128(18, 3)), ("rate", pa.float64()), ("name", pa.string())]
)
ROWS = [
    (1, Decimal("1.000"), 0.5, "a"),
    (2, Decimal("1.000"), 0.5, "a"),
    (1, Decimal("-1.000"), 0.5, "a"),
    (1, Decimal("1.000"), -0.5, "a"),
    (1, Decimal("1.000"), 0.5, "b"),
    (None, Decimal("1.000"), 0.5, "a"),
    (1, None, 0.5, "a"),
    (1, Decimal("1.000"), None, "a"),
    (1, Decimal("1.000"), 0.5, None),
    (0, Decimal("0.000"), 0.0, ""),
]


def batch(rows: list[tuple[object, ...]]) -> pa.RecordBatch:
    columns = [pa.array(cells, field.type) for cells, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def test_other_cells_give_another_number_and_the_same_ones_the_same() -> None:
    hashes = hash_rows(batch(ROWS))
    assert len(set(hashes.tolist())) == len(ROWS)
    assert hash_rows(batch(ROWS[::-1])).tolist() == hashes.tolist()[::-1]
    assert hash_rows(batch([ROWS[0], *ROWS]).slice(1)).tolist() == hashes.tolist(), "cut from a larger one"


def test_what_two_packs_share_is_found_in_both() -> None:
    packs = {"one": np.arange(1000, dtype=np.uint64), "two": np.arange(998, 1500, dtype=np.uint64)}
    bucket = pa.table(
        {
            BUCKET: [0, 0],
            PACK: list(packs),
            HASHES: [hashes.tobytes() for hashes in packs.values()],
            PLACES: [np.arange(len(hashes), dtype=np.int32).tobytes() for hashes in packs.values()],
        }
    )
    found = {row[PACK]: np.frombuffer(row[PLACES], np.int32).tolist() for row in repeated(bucket).to_pylist()}
    assert found == {"one": [998, 999], "two": [0, 1]}
    assert repeated(bucket.slice(0, 1)).num_rows == 0


def test_every_row_of_a_pack_is_in_one_bucket() -> None:

    packed = pa.RecordBatch.from_pydict({PACK: ["one"], PACKED_ROWS: [written(batch(ROWS))]})
    (buckets,) = hashing([packed], range(4), 3)
    places = [np.frombuffer(part, np.int32) for part in buckets[PLACES].to_pylist()]
    assert sorted(np.concatenate(places).tolist()) == list(range(len(ROWS)))
