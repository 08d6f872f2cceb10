"""Which of many packed rows may share their key with another, found by eight bytes of each."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.util import hash_array, hash_pandas_object
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.contract import FILE
from features.spec import Table
from jobs.lake.packed_rows import COUNT, PACK, PACKED, ROWS, Batches, each_pack, of_file, places_of, unpacked, written

PLACES = "_places"
"""Beside a pack: the places of some of its rows."""
PARTITIONS = "spark.sql.shuffle.partitions"
BUCKET, HASHES = "_bucket", "_hashes"

EMPTY = 0x5DEECE66D
"""Stands for an empty cell; another row whose cell is that number is only looked at more closely."""


def suspects(packs: DataFrame, table: Table) -> DataFrame:
    """`PACK` and in `PLACES` the rows whose key others may have too: all that do, and a few by chance."""
    buckets = int(packs.sparkSession.conf.get(PARTITIONS) or 1)
    hashed = packs.select(PACK, ROWS).mapInArrow(
        partial(hashing, columns=places_of(table, table.key), buckets=buckets),
        f"{BUCKET} INT, {PACK} STRING, {HASHES} BINARY, {PLACES} BINARY",
    )
    found = hashed.groupBy(BUCKET).applyInArrow(repeated, f"{PACK} STRING, {PLACES} BINARY")
    return found.groupBy(PACK).agg(F.collect_list(PLACES).alias(PLACES))


def hashing(batches: Batches, columns: list[int], buckets: int) -> Iterator[pa.RecordBatch]:
    """The hashes of each pack's keys, cut into buckets: equal keys are in the same."""
    for pack_, keys in each_pack(batches, columns):
        hashes = hash_rows(keys)
        of_bucket = hashes % np.uint64(buckets)
        places = [np.flatnonzero(of_bucket == bucket).astype(np.int32) for bucket in range(buckets)]
        yield pa.RecordBatch.from_arrays(
            [
                pa.array(range(buckets), pa.int32()),
                pa.repeat(pack_[PACK][0], buckets),
                pa.array([hashes[within].tobytes() for within in places], pa.binary()),
                pa.array([within.tobytes() for within in places], pa.binary()),
            ],
            [BUCKET, PACK, HASHES, PLACES],
        )


def repeated(bucket: pa.Table) -> pa.Table:
    """The places of a bucket's hashes that are there several times, by their packs."""
    hashes = [np.frombuffer(of_pack.as_buffer(), np.uint64) for of_pack in bucket[HASHES]]
    ordered = np.sort(np.concatenate(hashes))
    several = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    found: dict[str, bytes] = {}
    for name, of_pack, places in zip(bucket[PACK], hashes, bucket[PLACES], strict=True):
        shared = np.isin(of_pack, several)
        if shared.any():
            found[name.as_py()] = np.frombuffer(places.as_buffer(), np.int32)[shared].tobytes()
    return pa.table({PACK: pa.array(found, pa.string()), PLACES: pa.array(found.values(), pa.binary())})


def hash_rows(rows: pa.RecordBatch) -> npt.NDArray[np.uint64]:
    """A number for each row, the same for the same cells."""
    columns = {str(place): as_numbers(cells) for place, cells in enumerate(rows.columns)}
    return np.asarray(hash_pandas_object(pd.DataFrame(columns), index=False), np.uint64)


def as_numbers(cells: pa.Array) -> npt.NDArray[np.int64 | np.uint64]:
    """A number for each cell, the same for the same value."""
    if pa.types.is_string(cells.type):
        encoded = cells.dictionary_encode()
        texts = hash_array(encoded.dictionary.to_numpy(zero_copy_only=False))
        cells = pa.array(texts, pa.uint64()).take(encoded.indices)
    elif pa.types.is_decimal(cells.type):
        low_words = np.frombuffer(cells.buffers()[1], np.int64)[2 * cells.offset :: 2][: len(cells)]
        cells = pc.if_else(cells.is_valid(), pa.array(low_words), None)
    elif pa.types.is_floating(cells.type):
        cells = cells.view(pa.int64())
    numbers: npt.NDArray[np.int64 | np.uint64] = cells.fill_null(EMPTY).to_numpy(zero_copy_only=False)
    return numbers


def only(packs: DataFrame, places: DataFrame, table: Table) -> DataFrame:
    """The rows at these places: `FILE` and the contract's columns."""
    whole = range(len(table.columns))
    beside = packs.join(places, on=PACK, how="inner").select(FILE, ROWS, PLACES)
    return beside.mapInArrow(partial(taking, columns=whole), unpacked(table, whole))


def taking(batches: Batches, columns: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """What `only` does in Python."""
    for pack_, rows in each_pack(batches, columns):
        yield of_file(rows.take(pa.array(places_in(pack_))), pack_)


def without(packs: DataFrame, places: DataFrame, table: Table) -> DataFrame:
    """The packs without the rows at these places."""
    beside = packs.join(places, on=PACK, how="left").select(FILE, PACK, COUNT, ROWS, PLACES)
    return beside.mapInArrow(partial(leaving, columns=range(len(table.columns))), PACKED)


def leaving(batches: Batches, columns: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """What `without` does in Python."""
    for pack_, rows in each_pack(batches, columns):
        stays = np.ones(len(rows), np.bool_)
        stays[places_in(pack_)] = False
        left = rows.filter(pa.array(stays))
        yield pa.RecordBatch.from_arrays(
            [pack_[FILE], pack_[PACK], pa.array([len(left)]), pa.array([written(left)], pa.binary())],
            [FILE, PACK, COUNT, ROWS],
        )


def places_in(pack_: pa.RecordBatch) -> npt.NDArray[np.int32]:
    """The places beside a pack; none where nothing is."""
    parts = pack_[PLACES][0].as_py() or [b""]
    return np.frombuffer(b"".join(parts), np.int32)
