"""A CSV file for people, there whole or not at all."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from pyspark.sql import Row


def write_whole(path: Path, columns: Sequence[str], rows: Iterator[Row]) -> int:
    """Write a header and the rows beside the file, then put it in its place; gives how many rows there are.

    A run that breaks leaves the file that was there before. The folder is made where there is none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    try:
        written = write_csv(unfinished, columns, rows)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return written


def write_csv(path: Path, columns: Sequence[str], rows: Iterator[Row]) -> int:
    """A header and the rows, null as an empty cell; gives how many there are."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        written = 0
        for row in rows:
            writer.writerow(row)
            written += 1
        return written
