"""Rows of a delivery sorted by applicant, in files that are mapped into memory: found by key, without an engine.

An index is a copy beside the lake, which stays the truth: it knows which versions it was made of, and whoever asks
looks first whether these are still the ones that are published.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features import TABLES
from features.contract import names
from features.spec import KEY, Table
from jobs.lake.histories import DELIVERY, OF_APPLICANTS, Histories
from jobs.lake.tables import DELIVERIES, FEATURES, Lake

CELLS_AT_ONCE = 60_000_000
"""Of a table as it is copied: what they take is what the copying needs."""
ROWS_OF_A_BATCH = 100_000

Keys = NDArray[np.int64]


class SortedRows:
    """A file of rows sorted by one of their columns.

    Args:
        path: As `write_sorted` has written it.
        key: The column.
    """

    def __init__(self, path: Path, key: str) -> None:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        self.schema = reader.schema
        self.batches = [reader.get_batch(place) for place in range(reader.num_record_batches)]
        self.keys: list[Keys] = [batch.column(key).to_numpy() for batch in self.batches]
        self.last = np.array([keys[-1] for keys in self.keys], np.int64)

    def of(self, wanted: Sequence[int]) -> pa.Table:
        """All rows of these keys."""
        parts = [part for key in sorted(set(wanted)) for part in self.of_one(key)]
        return pa.Table.from_batches(parts, self.schema).combine_chunks()

    def of_one(self, key: int) -> Iterator[pa.RecordBatch]:
        """The rows of a key, which may go on in the next batch."""
        for place in range(int(np.searchsorted(self.last, key)), len(self.batches)):
            first, end = np.searchsorted(self.keys[place], [key, key + 1])
            if first == end:
                return
            yield self.batches[place].slice(first, end - first)


@dataclass(frozen=True)
class ApplicantIndex:
    """What a lake holds of the applicants of one delivery.

    Args:
        delivery: Which.
        published: The version of the table of deliveries that it was made by.
        assembled: The version of the feature table; None where the delivery has no features yet.
        tables: The source tables' rows, sorted by applicant, or by the row that they belong to.
        features: The rows of the feature table; None where the delivery has no features yet.
        elsewhere: SK_ID_CURR of those whom another delivery holds, in order.
    """

    delivery: date
    published: int
    assembled: int | None
    tables: Mapping[str, SortedRows]
    features: SortedRows | None
    elsewhere: Keys

    def is_current(self, lake: Lake) -> bool:
        """Whether the lake has published nothing since, and assembled nothing."""
        return self.published == lake.version(DELIVERIES) and self.assembled == newest(lake, FEATURES)

    def histories(self, applicants: Sequence[int]) -> Histories | None:
        """As `histories.read_histories` gives them; None where another delivery has to be looked into."""
        found = {table.name: self.tables[table.name].of(applicants) for table in OF_APPLICANTS}
        here = {key for rows in found.values() for key in rows.column(KEY).to_pylist()}
        others = np.array([applicant for applicant in applicants if applicant not in here], np.int64)
        if np.isin(others, self.elsewhere).any():
            return None
        for table in TABLES:  # parents come before their children
            if table.name not in found and table.parent is not None:
                parent, column = table.parent
                found[table.name] = self.tables[table.name].of(found[parent].column(column).to_pylist())
        of_delivery = {name: rows.append_column(DELIVERY, self.dates(rows)) for name, rows in found.items()}
        return Histories(of_delivery, dict.fromkeys(here, self.delivery))

    def dates(self, rows: pa.Table) -> pa.Array:
        """The delivery, for each of the rows."""
        return pa.array([self.delivery] * len(rows), pa.date32())


def newest(lake: Lake, table: str) -> int | None:
    """The newest version of a table, None where there is none."""
    commits = lake.commits(table)
    return commits[-1] if commits else None


def make_index(lake: Lake, run_date: date | None, folder: Path) -> ApplicantIndex | None:
    """The index of a delivery, of the files that are there already where they are of the same versions.

    Args:
        lake: Whose.
        run_date: The delivery; None takes the newest.
        folder: Where its files are kept. What is of other versions there is removed.

    Returns:
        None where the lake has no delivery.
    """
    published, assembled = newest(lake, DELIVERIES), newest(lake, FEATURES)
    deliveries = lake.deliveries()
    if published is None or not deliveries:
        return None
    delivery = run_date or max(deliveries)
    versions = deliveries[delivery]
    kept = {
        table.name: folder / f"{delivery}" / f"{table.name}-{versions.get(table.name, 'none')}.arrow"
        for table in TABLES
    }
    for table in TABLES:
        if not kept[table.name].exists():
            rows = lake.delivered_rows(table, {delivery: versions}).drop(DELIVERY)
            write_sorted(rows, sorted_by(table), kept[table.name])
    features = folder / f"{delivery}" / f"{FEATURES}-{assembled}.arrow"
    if assembled is not None and not features.exists():
        write_sorted(lake.read_run_date(FEATURES, delivery, assembled).drop(DELIVERY), KEY, features)
    others = {other: of for other, of in deliveries.items() if other != delivery} if run_date is None else {}
    remove_others(folder, {*kept.values(), features})
    return ApplicantIndex(
        delivery,
        published,
        assembled,
        {table.name: SortedRows(kept[table.name], sorted_by(table)) for table in TABLES},
        SortedRows(features, KEY) if assembled is not None else None,
        applicants_of(lake, others),
    )


def sorted_by(table: Table) -> str:
    """The column by which a table's rows are found."""
    if KEY in names(table):
        return KEY
    assert table.parent is not None, "a table without applicants belongs to one that has them"
    return table.parent[1]


def applicants_of(lake: Lake, deliveries: Mapping[date, Mapping[str, int]]) -> Keys:
    """Whom some deliveries hold in any table, in order, each once."""
    if not deliveries:
        return np.zeros(0, np.int64)
    parts = [
        lake.delivered_rows(table, deliveries).select(KEY).distinct().toArrow().column(KEY).to_numpy()
        for table in OF_APPLICANTS
    ]
    return np.unique(np.concatenate(parts))


def write_sorted(rows: DataFrame, key: str, path: Path) -> None:
    """Put the rows in order into a file, whole or not at all; one part of the keys after the other.

    Args:
        rows: All of their columns are kept.
        key: A column of whole numbers that are never null.
        path: The file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    least, most, number = rows.agg(F.min(key), F.max(key), F.count(F.lit(1))).toArrow().to_pylist()[0].values()
    parts = number * len(rows.columns) // CELLS_AT_ONCE + 1
    edges = [(least or 0) + ((most or 0) + 1 - (least or 0)) * place // parts for place in range(parts + 1)]
    with pa.OSFile(str(unfinished), "wb") as sink:
        writer = None
        for low, end in pairwise(edges):
            part = rows.where((F.col(key) >= low) & (F.col(key) < end)).toArrow()
            part = part.take(pc.sort_indices(part, [(key, "ascending")]))
            writer = writer or pa.ipc.new_file(sink, part.schema)
            writer.write_table(part.combine_chunks(), max_chunksize=ROWS_OF_A_BATCH)
        assert writer is not None, "there is one part at least"
        writer.close()
    unfinished.replace(path)


def remove_others(folder: Path, kept: set[Path]) -> None:
    """Remove what an index of other versions has left; who still reads it has it until he is done."""
    for of_delivery in folder.iterdir():
        if of_delivery not in {path.parent for path in kept}:
            shutil.rmtree(of_delivery)
        else:
            for file in set(of_delivery.glob("*.arrow")) - kept:
                file.unlink()
