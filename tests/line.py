"""The whole line on a small delivery, and what its lake holds in the end."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.__main__ import main

RUN_DATE = "2018-05-17"
APPLICANTS = 1200

# Few and coarse trees: these tests ask whether the line runs and repeats itself, not how good its model is. A penalty
# for full deliveries would leave none that splits: one probability for all, on which no two ways could disagree.
TREES = (
    *("train.rounds=40", "train.learning_rate=0.3"),
    *("search.trials=1", "search.folds=2", "search.fewest_of_a_class=2", "search.logistic_c=[0.001]"),
    *("search.min_child_weight=[2.0, 5.0]", "search.reg_alpha=[0.1, 1.0]", "search.reg_lambda=[1.0, 5.0]"),
    *("gates.auc=0.5", "explain.stability=false"),
)
QUICK = tuple(word for setting in TREES for word in ("--set", setting))

# What may differ between two runs on the same input: names that MLflow and Delta give, and times.
GIVEN = ("run_id", "model_version", "versions", "source", "files", "seconds", "finished")


def generate_delivery(folder: Path) -> None:
    assert main(("generate", "--applicants", str(APPLICANTS), "--seed", "7", "--output", str(folder))) == 0


def run_line(delivery: Path, lake: Path) -> int:
    return main(("run", "--input", str(delivery), "--lake", str(lake), "--run-date", RUN_DATE, *QUICK))


def fingerprint(spark: SparkSession, lake: Path, apart: Sequence[str] = ()) -> dict[str, tuple[int, int]]:
    """Each table's number of rows and the sum of their hashes: the same rows in any order, the same number. Columns
    that may differ are left out: those of `GIVEN`, and those named apart."""
    tables = sorted(log.parent for log in lake.rglob("_delta_log"))
    found = {}
    for table in tables:
        rows = spark.read.format("delta").load(str(table)).drop(*GIVEN, *apart)
        row_hash = F.xxhash64(F.to_json(F.struct("*"))).cast("decimal(38,0)")
        found[str(table.relative_to(lake))] = tuple(rows.agg(F.count("*"), F.sum(row_hash)).collect()[0])
    return found


def shuffle_delivery(delivery: Path, shuffled: Path, parts: int) -> None:
    """The same rows in another order, every file as a folder of parts with a header each."""
    order = random.Random(1)
    shuffled.mkdir()
    for file in sorted(path for path in delivery.iterdir() if path.suffix == ".csv"):
        header, rows = read_csv(file)
        order.shuffle(rows)
        (shuffled / file.name).mkdir()
        for part in range(parts):
            with (shuffled / file.name / f"part-{part}.csv").open("w", newline="", encoding="utf-8") as out:
                csv.writer(out).writerows([header, *rows[part::parts]])


def write_csv(file: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A file of a delivery."""
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([header, *rows])


def read_csv(file: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a file, or of all parts in a folder."""
    header: list[str] = []
    rows: list[list[str]] = []
    for part in sorted(file.glob("part-*")) if file.is_dir() else [file]:
        with part.open(newline="", encoding="utf-8-sig") as opened:
            header, *more = csv.reader(opened)
            rows += more
    return header, rows
