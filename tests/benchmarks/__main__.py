"""`make bench`: full-size files, then ingest and features by Spark, Sail and DuckDB, fits, explanations and REST.

Every step runs in a process of its own, its clock starts after the session has; memory is the peak of the process and
its children, shared pages counted once (PSS, Linux only). Ratios of one run compare, seconds of two machines don't.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from jobs.registry.connection import STORE_VARIABLE
from tests.benchmarks.explaining import FROM_SPARK
from tests.benchmarks.fitting import ACROSS, ALONE, ROUNDS, ROWS, VALIDATION_LOSS
from tests.benchmarks.serving import rows_to_send, time_requests

FULL_SIZE = 356_255
TENFOLD = 10
POLL_SECONDS = 2.0
GIB = 2**30
SPARK_MEMORY = "8g"
PARTS = ("engines", "sizes", "explaining", "fit", "serving")


@dataclass(frozen=True)
class Measured:
    """A step by one engine: seconds by name, and the peak memory in GiB."""

    step: str
    engine: str
    seconds: dict[str, float]
    gib: float


class PeakMemory(threading.Thread):
    """The largest memory that a process and its children had at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self.process = psutil.Process(process.pid)
        self.ended = threading.Event()
        self.bytes = 0

    def run(self) -> None:
        while not self.ended.wait(POLL_SECONDS):
            self.bytes = max(self.bytes, sum(self.of_each()))

    def of_each(self) -> Iterator[int]:
        try:
            family = [self.process, *self.process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for each in family:
            try:
                yield each.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue


def measure(step: str, engine: str, options: Sequence[str]) -> Measured:
    """Run a step in its own process."""
    print(f"{step} by {engine} ...", file=sys.stderr, flush=True)
    # Later words win over conf/spark-defaults.conf.
    environment = os.environ | {"PYSPARK_SUBMIT_ARGS": f"--driver-memory {SPARK_MEMORY} pyspark-shell"}
    words = [sys.executable, "-m", "tests.benchmarks.steps", step, "--engine", engine, *options]
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    memory = PeakMemory(process)
    memory.start()
    said, complaints = process.communicate()
    memory.ended.set()
    memory.join()
    if process.returncode:
        sys.exit(f"{' '.join(words)} ended with {process.returncode}:\n{complaints[-3000:]}")
    seconds = json.loads(said.splitlines()[-1])
    print("   ", {name: round(value, 1) for name, value in seconds.items()}, file=sys.stderr, flush=True)
    return Measured(step, engine, seconds, memory.bytes / GIB)


def generate(folder: Path, applicants: int) -> None:
    """Make the delivery, if it is not there already."""
    marker = folder / "generated.json"
    if marker.exists() and json.loads(marker.read_text()) == {"applicants": applicants, "seed": 1}:
        return
    words = ["generate", "--applicants", str(applicants), "--seed", "1", "--output", str(folder)]
    subprocess.run([sys.executable, "-m", "jobs", *words], check=True)


def print_table(title: str, measured: Sequence[Measured], run: str, baseline: str, rows: int | None = None) -> None:
    """The engines of a step, and each one's ratio to the baseline."""
    grid = Table(title=title, title_justify="left")
    grid.add_column("engine")
    for heading in ("seconds", "rows/s", f"ratio to {baseline}", "peak GiB"):
        grid.add_column(heading, justify="right")
    base = next(each.seconds[run] for each in measured if each.engine == baseline)
    for each in measured:
        if run in each.seconds:
            seconds = each.seconds[run]
            speed = f"{rows / seconds:,.0f}" if rows else ""
            grid.add_row(each.engine, f"{seconds:.1f}", speed, f"{seconds / base:.2f}", f"{each.gib:.1f}")
    Console(width=100).print(grid)


def compare_engines(work: Path, delivery: Path) -> None:
    """Ingest, folds and the whole feature table."""
    options = ["--data", str(delivery), "--work", str(work)]
    ours = measure("ingest", "spark", options)
    copies = [measure("copy", engine, options) for engine in ("spark", "sail", "duckdb")]
    folds = [measure("fold", engine, options) for engine in ("spark", "sail", "duckdb")]
    whole = [measure("assemble", engine, options) for engine in ("spark", "sail", "duckdb")]
    rows = sum(json.loads((work / "rows.json").read_text()).values())
    checked = Measured("ingest", "spark, checked (ingest)", ours.seconds, ours.gib)
    print_table("CSV to tables, all eight files", [checked, *copies], "first", "spark", rows)
    for run in ("first", "warm"):
        print_table(f"Instalment and bureau-balance features, {run} run", folds, run, "duckdb")
    print_table("assemble: the whole feature table", whole, "first", "duckdb")


def compare_sizes(work: Path, applicants: int) -> None:
    """One history at full size and at ten times that."""
    sizes = [applicants, applicants * TENFOLD]
    measured = [measure("scale", "spark", ["--work", str(work), "--applicants", str(size)]) for size in sizes]
    grid = Table(title="Bureau balances to loans, Spark", title_justify="left")
    for heading in ("applicants", "rows", "seconds to fold", "rows/s", "ratio", "peak GiB", "seconds to generate"):
        grid.add_column(heading, justify="right")
    base = measured[0].seconds["first"]
    for size, each in zip(sizes, measured, strict=True):
        fold, rows = each.seconds["first"], each.seconds["rows"]
        grid.add_row(
            f"{size:,}",
            f"{rows:,.0f}",
            f"{fold:.1f}",
            f"{rows / fold:,.0f}",
            f"{fold / base:.2f}",
            f"{each.gib:.1f}",
            f"{each.seconds['generate']:.0f}",
        )
    Console(width=100).print(grid)


def compare_fitting(work: Path) -> None:
    """One booster by Spark's workers and by one process, on the feature table that `assemble` left."""
    measured = [measure("fit", engine, ["--work", str(work)]) for engine in ("spark", "xgboost")]
    rows = measured[-1].seconds[ROWS]
    grid = Table(title=f"{ROUNDS} rounds on {rows:,.0f} rows of the feature table, two threads", title_justify="left")
    grid.add_column("who")
    for heading in ("seconds", f"ratio to {ALONE}", "peak GiB", "validation log loss"):
        grid.add_column(heading, justify="right")
    alone = measured[-1].seconds[ALONE]
    for who, each in zip((ACROSS, ALONE), measured, strict=True):
        seconds, loss = each.seconds[who], each.seconds[VALIDATION_LOSS]
        grid.add_row(who, f"{seconds:.1f}", f"{seconds / alone:.2f}", f"{each.gib:.1f}", f"{loss:.5f}")
    Console(width=100).print(grid)


def compare_explaining(work: Path) -> None:
    """Contributions by the booster alone, and whole explanations through Spark."""
    seconds = measure("explain", "spark", ["--work", str(work)]).seconds
    rows = seconds.pop("rows")
    grid = Table(title=f"Explaining {rows:,.0f} rows, two threads", title_justify="left")
    grid.add_column("way")
    for heading in ("seconds", "rows/s", f"throughput to {FROM_SPARK}"):
        grid.add_column(heading, justify="right")
    for way, taken in seconds.items():
        grid.add_row(way, f"{taken:.1f}", f"{rows / taken:,.0f}", f"{seconds[FROM_SPARK] / taken:.2f}")
    Console(width=100).print(grid)


def time_serving(work: Path, delivery: Path) -> None:
    """Callers of the service, on a champion of the feature table that `assemble` left."""
    header, lines = rows_to_send(delivery)
    # The champion is the benchmark's lake's own, whatever server the shell names.
    os.environ.pop(STORE_VARIABLE, None)
    measure("champion", "spark", ["--work", str(work)])
    time_requests(work / "lake", header, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time ingest, features, fitting, explanations and the REST service.")
    parser.add_argument("--applicants", type=int, default=FULL_SIZE, help="default: %(default)s, Home Credit's number")
    parser.add_argument("--work", type=Path, default=Path("build/bench"), help="default: %(default)s")
    parser.add_argument("--delivery", type=Path, help="files to read (default: generated into WORK/delivery)")
    parser.add_argument("--part", choices=PARTS, help="default: all of them")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    parts = PARTS if arguments.part is None else (arguments.part,)
    delivery = arguments.delivery or arguments.work / "delivery"
    if "engines" in parts:
        if arguments.delivery is None:
            generate(delivery, arguments.applicants)
        compare_engines(arguments.work, delivery)
    if "sizes" in parts:
        compare_sizes(arguments.work, arguments.applicants)
    if "explaining" in parts:
        compare_explaining(arguments.work)
    if "fit" in parts:
        compare_fitting(arguments.work)
    if "serving" in parts:
        time_serving(arguments.work, delivery)


if __name__ == "__main__":
    main()
