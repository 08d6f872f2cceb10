"""What explaining costs beside the booster's own contributions: same rows, same threads, same model.

    python -m tests.benchmarks --part explaining

The bare booster has its rows in memory and leaves an array; `batch.explained` reads a table through Spark, holds each
row's contributions against its margin, and picks, names and sums them.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xgboost
from numpy.typing import NDArray
from pyspark.sql import SparkSession

from features.matrix import KEY, catalogue
from jobs import batch
from jobs.model import Model, load_model, seal, sha256_of
from jobs.session import open_session
from jobs.settings import load_settings
from tests.benchmarks.stopwatch import Stopwatch

THREADS = 2
ROWS, ROWS_A_FILE, TRAINED_ON, WARM_UP = 40_000, 10_000, 20_000, 2_000
ROUNDS = 400
UNKNOWN = 0.3
Values = NDArray[np.float64]


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
    """Contributions of the same rows by the booster alone, then by `batch.explained`; both are warm."""
    values, labels = made_up(len(catalogue()))
    model = trained(values, labels)
    folder = work / "explaining"
    write_rows(folder, values, model)
    bare(model, values[:WARM_UP])
    with watch.time("bare"):
        bare(model, values)
    spark = open_session("explain")
    explain(spark, folder, model, WARM_UP)
    with watch.time("first"):
        explain(spark, folder, model, ROWS)
    watch.seconds["rows"] = ROWS


def bare(model: Model, values: Values) -> None:
    """The booster's contributions and nothing else."""
    booster = model.booster.copy()
    booster.set_param({"nthread": THREADS})
    data = xgboost.DMatrix(values, feature_names=list(model.features), nthread=THREADS)
    booster.predict(data, pred_contribs=True)


def explain(spark: SparkSession, folder: Path, model: Model, most: int) -> None:
    """Explanations of the rows with the smallest identifiers, computed and thrown away."""
    rows = spark.read.parquet(str(folder)).where(f"{KEY} < {most}")
    batch.explained(rows, model, load_settings().explain).write.format("noop").mode("overwrite").save()
