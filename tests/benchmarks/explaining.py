"""What explaining costs beside the booster's own contributions: same rows, same threads, same model.

    python -m tests.benchmarks --part explaining

The booster alone leaves an array, of rows in memory or of rows that Spark reads from a table. `batch.explained` reads
the same table, holds each row's contributions against its margin, and picks, names and sums them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xgboost
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from features.plan.feature_table import catalogue
from features.spec import KEY
from jobs.model.booster import Model, load_model, seal, sha256_of
from jobs.runtime.session import open_session
from jobs.runtime.settings import load_settings
from jobs.scoring import batch
from tests.benchmarks.stopwatch import Stopwatch

THREADS = 2
ROWS, ROWS_A_FILE, TRAINED_ON = 40_000, 10_000, 20_000
ROUNDS = 400
REPEATS = 3
IN_MEMORY, HANDED_OVER = "booster, rows in memory", "Spark hands the rows over"
FROM_SPARK, EXPLAINED = "booster, rows from Spark", "batch.explained"
UNKNOWN = 0.3
Values = NDArray[np.float64]
Batches = Iterator[pa.RecordBatch]


def made_up(features: int) -> tuple[Values, NDArray[np.int64]]:
    """Values of which a third is unknown, and labels that follow from fifty of the features."""
    random = np.random.default_rng(7)
    values = random.normal(size=(ROWS, features)).astype(np.float32).astype(np.float64)
    margin = values[:, :50] @ random.normal(size=50) / 4 - 2.5
    values[random.random(values.shape) < UNKNOWN] = np.nan
    return values, (random.random(ROWS) < 1 / (1 + np.exp(-margin))).astype(np.int64)


def trained(values: Values, labels: NDArray[np.int64]) -> Model:
    """A booster of the settings' shape, as large as one that was stopped early at full size."""
    train = load_settings().train
    named = catalogue()
    data = xgboost.DMatrix(values[:TRAINED_ON], labels[:TRAINED_ON], feature_names=[each.name for each in named])
    parameters = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": train.max_depth,
        "learning_rate": train.learning_rate,
        "colsample_bytree": train.colsample_bytree,
        "subsample": train.subsample,
        "seed": train.seed,
        "nthread": THREADS,
    }
    booster = xgboost.train(parameters, data, ROUNDS)
    file = seal(booster, ROUNDS - 1, [each.family for each in named], "made up")
    return load_model(file, sha256_of(file))


def write_rows(folder: Path, values: Values, model: Model) -> None:
    """The rows as a table of Parquet files, with the probability that is explained."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, ROWS, ROWS_A_FILE):
        part = values[start : start + ROWS_A_FILE]
        columns = {
            KEY: pa.array(np.arange(start, start + len(part))),
            "probability": pa.array(model.predict(part)),
            **{name: pa.array(part[:, j], from_pandas=True) for j, name in enumerate(model.features)},
        }
        pq.write_table(pa.table(columns), folder / f"part-{start:06}.parquet")


def run_explain(work: Path, watch: Stopwatch) -> None:
    """Each way in turn, warm, several times; the least disturbed time of each counts."""
    values, labels = made_up(len(catalogue()))
    model = trained(values, labels)
    folder = work / "explaining"
    write_rows(folder, values, model)
    rows = open_session("explain").read.parquet(str(folder))
    ways = {
        IN_MEMORY: lambda: in_memory(model, values),
        HANDED_OVER: lambda: run(handed_over(rows)),
        FROM_SPARK: lambda: run(from_spark(rows, model)),
        EXPLAINED: lambda: run(batch.explained(rows, model, load_settings().explain)),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(1 + REPEATS):
        for way, work_on in ways.items():
            with watch.time(way):
                work_on()
            seconds[way].append(watch.seconds[way])
    watch.seconds = {way: min(taken[1:]) for way, taken in seconds.items()} | {"rows": ROWS}


def in_memory(model: Model, values: Values) -> None:
    """The booster's contributions of rows that lie in memory, and nothing else."""
    booster = model.predictor.booster.copy()
    booster.set_param({"nthread": THREADS})
    data = xgboost.DMatrix(values, feature_names=list(model.features), nthread=THREADS)
    booster.predict(data, pred_contribs=True)


def handed_over(rows: DataFrame) -> DataFrame:
    """What it takes that Spark reads the rows and Python gets them."""

    def count(batches: Batches) -> Batches:
        for each in batches:
            yield pa.RecordBatch.from_arrays([pa.array([each.num_rows])], names=["rows"])

    return rows.mapInArrow(count, "rows BIGINT")


def from_spark(rows: DataFrame, model: Model) -> DataFrame:
    """The booster's contributions of rows that come from Spark, and nothing else."""
    file, sha256 = model.file, model.sha256

    def predict(batches: Batches) -> Batches:
        loaded = load_model(file, sha256)
        for each in batches:
            values = np.ascontiguousarray(each.select(loaded.features).to_pandas().to_numpy())
            found = loaded.predictor.booster.predict(loaded.predictor.matrix(values), pred_contribs=True)
            yield pa.RecordBatch.from_arrays([pa.array([len(found)])], names=["rows"])

    return rows.mapInArrow(predict, "rows BIGINT")


def run(rows: DataFrame) -> None:
    """Compute the rows and throw them away."""
    rows.write.format("noop").mode("overwrite").save()
