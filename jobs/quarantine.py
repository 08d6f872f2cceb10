"""Rows of deliveries that broke the contract: how many, why, and the rows themselves for whoever mends them."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from rich.console import Console
from rich.table import Table as Grid

from features import TABLES
from features.contract import ERRORS, names
from features.spec import Table
from jobs.lake.corrections import FILE_COLUMN, ROW, WHY, legible
from jobs.lake.csv_output import write_whole
from jobs.lake.options import add_lake, folder_here, open_lake
from jobs.lake.tables import Lake, parse_run_date, quarantine_table, refused_quarantine_table
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Settings

HELP = "show the rows that broke the contract: how many and why, and on request the rows"

WIDTH = 160
"""Of what is no terminal."""


@dataclass(frozen=True)
class Asked:
    """Which rows are looked at.

    Args:
        run_date: Of this delivery; None takes all.
        tables: The source tables.
        of_refused: Those of deliveries that were refused, which are kept apart from those that were published.
    """

    run_date: date | None
    tables: tuple[Table, ...]
    of_refused: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_lake(parser)
    parser.add_argument("--run-date", metavar="DATE", help="of this delivery, as 2018-05-17 (default: of all)")
    parser.add_argument(
        "--table", metavar="NAME", choices=[table.name for table in TABLES], help="of this source table"
    )
    parser.add_argument(
        "--refused", action="store_true", help="of the last delivery that was refused (default: of those published)"
    )
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="print so many rows of each table too")
    parser.add_argument(
        "--export",
        metavar="DIR",
        help="write the rows with their reasons into DIR, TABLE.csv for each table",
    )


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    folder = folder_here(arguments.export, "--export")
    if arguments.sample < 0:
        raise UserError(f"--sample {arguments.sample}: a number of rows is not negative")
    asked = Asked(
        run_date=parse_run_date(arguments.run_date) if arguments.run_date else None,
        tables=tuple(table for table in TABLES if arguments.table in (None, table.name)),
        of_refused=arguments.refused,
    )
    quarantine(open_lake(arguments, settings), asked, arguments.sample, folder)


def quarantine(lake: Lake, asked: Asked, sample: int = 0, folder: Path | None = None) -> None:
    """Print what is in quarantine; the lake is not locked and nothing in it is written.

    Args:
        lake: The lake to look at.
        asked: Which rows.
        sample: So many rows of each table are printed, those of the smallest hash: the same ones each time.
        folder: Where to write them as CSV; None for nowhere.
    """
    console = Console(soft_wrap=True, width=None if Console().is_terminal else WIDTH)
    rows_of = {table: rows for table in asked.tables if (rows := refused_rows(lake, asked, table)) is not None}
    counts = counted(rows_of)
    if not counts:
        console.print(nothing(lake, asked), highlight=False)
        return
    console.print(reasons_grid(counts))
    held = {count.table for count in counts}
    with_rows = {table: rows for table, rows in rows_of.items() if table.name in held}
    if sample:
        for table, rows in with_rows.items():
            print_sample(console, table, rows, sample)
    if folder is not None:
        for table, rows in with_rows.items():
            export(console, table, rows, folder / f"{table.name}.csv")


@dataclass(frozen=True)
class Count:
    """Rows of a table that were refused for a reason; a row with several reasons is in several."""

    run_date: date
    table: str
    column: str
    problem: str
    rows: int


def refused_rows(lake: Lake, asked: Asked, table: Table) -> DataFrame | None:
    """run_date, `FILE`, the cells and `ERRORS` of a table's refused rows; None where none was ever refused."""
    name = refused_quarantine_table(table.name) if asked.of_refused else quarantine_table(table.name)
    if not lake.exists(name):
        return None
    return lake.read(name) if asked.run_date is None else lake.read_run_date(name, asked.run_date)


def counted(rows_of: dict[Table, DataFrame]) -> list[Count]:
    """The reasons by delivery and table in one query, the newest delivery first and the most frequent reason first."""
    parts = [
        rows.select("run_date", F.lit(table.name).alias("table"), F.explode(ERRORS).alias("error"))
        for table, rows in rows_of.items()
    ]
    if not parts:
        return []
    together = (
        reduce(DataFrame.unionByName, parts).groupBy("run_date", "table", "error.column", "error.problem").count()
    )
    counts = (Count(*row) for row in together.collect())
    place = {table.name: number for number, table in enumerate(rows_of)}
    return sorted(
        counts,
        key=lambda count: (-count.run_date.toordinal(), place[count.table], -count.rows, count.column, count.problem),
    )


def nothing(lake: Lake, asked: Asked) -> str:
    """What is said where no row was refused."""
    of = f"of {asked.run_date} " if asked.run_date else ""
    which = "the last refused delivery" if asked.of_refused else "the published deliveries"
    tables = f"in {asked.tables[0].name} " if len(asked.tables) == 1 else ""
    return f"no row {of}{tables}is in quarantine in {lake.root}, among {which}"


def reasons_grid(counts: Sequence[Count]) -> Grid:
    """The reasons as a table for a terminal."""
    grid = Grid(title="In quarantine", title_justify="left")
    for heading in ("run date", "table", "column", "problem"):
        grid.add_column(heading)
    grid.add_column("rows", justify="right")
    for count in counts:
        grid.add_row(str(count.run_date), count.table, count.column, count.problem, f"{count.rows:,}")
    return grid


def print_sample(console: Console, table: Table, rows: DataFrame, most: int) -> None:
    """Some rows, as delivered, each with its reasons."""
    shown = legible(rows, table).orderBy(F.xxhash64(*names(table)), *names(table)).limit(most).collect()
    for row in shown:
        cells = ", ".join(f"{name} {row[name]}" for name in names(table) if row[name] is not None)
        console.print(
            f"\n{table.name}, {row['run_date']}, {row[FILE_COLUMN]}: {row[WHY]}", highlight=False, markup=False
        )
        console.print(f"  {cells}", highlight=False, markup=False)


def export(console: Console, table: Table, rows: DataFrame, path: Path) -> None:
    """The rows as a CSV file, in the order of their cells."""
    columns = ("run_date", FILE_COLUMN, ROW, *names(table), WHY)
    ordered = legible(rows, table).select(*columns).orderBy("run_date", *names(table), ROW)
    written = write_whole(path, columns, ordered.toLocalIterator())
    console.print(f"{written:,} rows of {table.name} in {path}", highlight=False, markup=False)
