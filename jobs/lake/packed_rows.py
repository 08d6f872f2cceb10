"""Typed rows, thousands of them in one value of a frame: Python reads and counts them without the engine, which would
take each one apart and put it together again."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.contract import FILE, names
from features.spec import Table, Type

PACK, COUNT, ROWS = "_pack", "_count", "_rows"
"""What a pack is called, how many rows it has, and these."""
PACKED = f"{FILE} STRING, {PACK} STRING, {COUNT} BIGINT, {ROWS} BINARY"
NAMELESS = f"{FILE} STRING, {COUNT} BIGINT, {ROWS} BINARY"
QUICK = pa.ipc.IpcWriteOptions(compression="lz4")

Batches = Iterable[pa.RecordBatch]


def pack(rows: DataFrame, table: Table, label: str) -> DataFrame:
    """Rows as packs, as `PACKED`.

    Args:
        rows: `FILE` and the contract's columns.
        table: The contract.
        label: Tells these packs from all others.
    """
    return labelled(rows.select(FILE, *names(table)).mapInArrow(packing, NAMELESS), label)


def packing(batches: Batches) -> Iterator[pa.RecordBatch]:
    """What `pack` does in Python."""
    for batch in batches:
        for file in pc.unique(batch[FILE]):
            rows = batch.filter(pc.equal(batch[FILE], file)).drop_columns([FILE])
            yield pa.RecordBatch.from_pydict({FILE: [file.as_py()], COUNT: [len(rows)], ROWS: [written(rows)]})


def labelled(packs: DataFrame, label: str) -> DataFrame:
    """Packs with a name each, which is the same whenever they are made anew."""
    name = F.concat(F.lit(f"{label} "), F.monotonically_increasing_id())
    return packs.withColumn(PACK, name)


def unpack(packs: DataFrame, table: Table, columns: Sequence[str]) -> DataFrame:
    """`FILE` and columns of the contract, in its order."""
    places = places_of(table, columns)
    return packs.select(FILE, ROWS).mapInArrow(partial(unpacking, columns=places), unpacked(table, places))


def unpacking(batches: Batches, columns: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """What `unpack` does in Python."""
    for pack_, rows in each_pack(batches, columns):
        yield of_file(rows, pack_)


def of_file(rows: pa.RecordBatch, pack_: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of a pack beside their file."""
    return rows.add_column(0, FILE, pa.repeat(pack_[FILE][0], len(rows)))


def each_pack(batches: Batches, columns: Sequence[int]) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Each pack, and the columns at these places of its rows."""
    for batch in batches:
        for place in range(len(batch)):
            yield batch.slice(place, 1), read(batch[ROWS][place], columns)


def written(rows: pa.RecordBatch) -> bytes:
    """Rows as bytes, from which single columns can be read."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=QUICK) as stream:
        stream.write_batch(rows)
    return bytes(sink.getvalue())


def read(rows: pa.Scalar, columns: Sequence[int]) -> pa.RecordBatch:
    """The columns at these places of written rows."""
    options = pa.ipc.IpcReadOptions(included_fields=list(columns), use_threads=False)
    return pa.ipc.open_stream(rows.as_buffer(), options=options).read_next_batch()


def places_of(table: Table, columns: Sequence[str]) -> list[int]:
    """Where columns stand in the contract."""
    return [place for place, name in enumerate(names(table)) if name in columns]


def unpacked(table: Table, places: Sequence[int]) -> str:
    """`FILE` and the columns at these places of the contract, as the engine wants them described."""
    columns = [table.columns[place] for place in places]
    return ", ".join([f"{FILE} STRING", *(f"{column.name} {column.type.ddl}" for column in columns)])


def count_values(packs: DataFrame, table: Table, column: str) -> DataFrame:
    """The values of a column, and in `COUNT` how many rows hold each; a value may be there several times."""
    (place,) = places_of(table, [column])
    out = f"{column} {table.column(column).type.ddl}, {COUNT} BIGINT"
    return packs.select(ROWS).mapInArrow(partial(counting_values, columns=[place]), out)


def counting_values(batches: Batches, columns: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """What `count_values` does in Python."""
    for _, rows in each_pack(batches, columns):
        values, counts = pc.value_counts(rows[0]).flatten()
        yield pa.RecordBatch.from_arrays([values, counts], [rows.schema.names[0], COUNT])


def listed(table: Table) -> list[str]:
    """The columns of text that list their values."""
    return [column.name for column in table.columns if column.type is Type.TEXT and (column.codes or column.levels)]


def count_levels(packs: DataFrame, table: Table) -> DataFrame:
    """How often each level is there: `FILE`, column, level, and `COUNT` of the rows that hold it.

    Only columns of text that list some have levels; an empty cell is none.
    """
    places = places_of(table, listed(table))
    out = f"{FILE} STRING, column STRING, level STRING, {COUNT} BIGINT"
    counted = packs.select(FILE, ROWS).mapInArrow(partial(counting_levels, columns=places), out)
    return counted.groupBy(FILE, "column", "level").agg(F.sum(COUNT).alias(COUNT))


def counting_levels(batches: Batches, columns: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """What `count_levels` does in Python."""
    for pack_, rows in each_pack(batches, columns):
        for name, cells in zip(rows.schema.names, rows.columns, strict=True):
            levels, counts = pc.value_counts(cells.drop_null()).flatten()
            file, column = pa.repeat(pack_[FILE][0], len(levels)), pa.repeat(name, len(levels))
            yield pa.RecordBatch.from_arrays([file, column, levels, counts], [FILE, "column", "level", COUNT])
