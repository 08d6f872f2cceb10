"""What it costs to fit across workers: the same rows, rounds and parameters by one process and by Spark's workers.

    python -m tests.benchmarks --part fit

Both read the feature table of the lake. `across_workers` is what `train` does, `in_one_process` is who has no Spark:
pyarrow reads the table's files, and one process fits with as many threads as there are workers.
"""

from pathlib import Path
from urllib.parse import unquote, urlparse

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xgboost
from numpy.typing import NDArray
from pyspark.sql import functions as F

from features.plan.feature_table import catalogue
from features.spec import KEY
from jobs.lake import folds
from jobs.lake.job import Job
from jobs.lake.tables import FEATURES
from jobs.model.candidates import LOSS, booster_parameters
from jobs.runtime.settings import Train
from jobs.training.booster_fit import boosted
from jobs.training.training_set import read_training_set
from tests.benchmarks.stopwatch import Stopwatch

ROUNDS = 200
ACROSS, ALONE = "train, across workers", "one process"
ROWS, VALIDATION_LOSS = "rows", "log loss"
PARTS = "parts.parquet"
FILES = "files.txt"
Values, Labels, Flags = NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]


def fixed_rounds(settings: Train) -> Train:
    """So many rounds, whatever the validation fold says."""
    return settings.model_copy(update={"rounds": ROUNDS, "early_stopping_rounds": ROUNDS})


def across_workers(job: Job, work: Path, watch: Stopwatch) -> None:
    """Fit as `train` does, and leave what the one process needs to take the same rows."""
    folder = work / "fitting"
    folder.mkdir(exist_ok=True)
    training = read_training_set(job, None, catalogue())
    rows = training.rows.where(F.col("part") != folds.TEST)
    chosen = rows.select(KEY, (F.col("part") == folds.VALIDATION).alias("is_validation"))
    chosen.toPandas().to_parquet(folder / PARTS)
    (folder / FILES).write_text("\n".join(job.lake.read_run_date(FEATURES, job.run_date).inputFiles()))
    settings = fixed_rounds(job.settings.train)
    with watch.time(ACROSS):
        fitted = boosted(rows, training.inputs, settings)
    watch.seconds[VALIDATION_LOSS] = fitted.validation_losses[-1]


def in_one_process(settings: Train, work: Path, watch: Stopwatch) -> None:
    """Read the files and fit, without Spark; the parts of the time are told apart."""
    folder = work / "fitting"
    parts = pq.read_table(folder / PARTS)
    files = [unquote(urlparse(file).path) for file in (folder / FILES).read_text().splitlines()]
    names = [named.name for named in catalogue()]
    history: dict[str, dict[str, list[float]]] = {}
    with watch.time(ALONE):
        with watch.time("read"):
            values, labels, is_validation = read(files, names, parts)
        with watch.time("matrix"):
            train, validation = matrices(values, labels, is_validation, names, settings)
        with watch.time("boost"):
            xgboost.train(
                parameters(fixed_rounds(settings)),
                train,
                ROUNDS,
                evals=[(train, "training"), (validation, "validation")],
                evals_result=history,
                verbose_eval=False,
            )
    watch.seconds[VALIDATION_LOSS] = history["validation"][LOSS][-1]
    watch.seconds[ROWS] = float(len(labels))


def read(files: list[str], names: list[str], parts: pa.Table) -> tuple[Values, Labels, Flags]:
    """Features as float32, labels, and who validates, of the applicants in `parts`; a file at a time."""
    chosen = parts.to_pandas().set_index(KEY)["is_validation"]
    values, labels, flags = [], [], []
    for file in files:
        rows = pq.read_table(file, columns=[KEY, "TARGET", *names])
        is_validation = chosen.reindex(rows.column(KEY).to_numpy())
        rows = rows.filter(pa.array(is_validation.notna().to_numpy()))
        # Column by column: a table of doubles and its transposed copy would not fit beside each other.
        part = np.empty((rows.num_rows, len(names)), dtype=np.float32, order="F")
        for place, name in enumerate(names):
            part[:, place] = rows.column(name).to_numpy()
        values.append(part)
        labels.append(rows.column("TARGET").to_numpy())
        flags.append(is_validation.dropna().to_numpy(dtype=bool))
    return np.concatenate(values), np.concatenate(labels), np.concatenate(flags)


def matrices(
    values: Values, labels: Labels, is_validation: Flags, names: list[str], settings: Train
) -> tuple[xgboost.DMatrix, xgboost.DMatrix]:
    """The binned rows to fit on and to validate with."""
    train, validation = ~is_validation, is_validation
    bins, threads = settings.max_bin, settings.num_workers
    fitted_on = xgboost.QuantileDMatrix(
        values[train], labels[train], max_bin=bins, feature_names=names, nthread=threads
    )
    watched = xgboost.QuantileDMatrix(
        values[validation], labels[validation], max_bin=bins, feature_names=names, nthread=threads, ref=fitted_on
    )
    return fitted_on, watched


def parameters(settings: Train) -> dict[str, float | int | str]:
    """What `train` gives its booster, and a thread for each worker."""
    ours: dict[str, float | int | str] = {
        "objective": "binary:logistic",
        "eval_metric": LOSS,
        "nthread": settings.num_workers,
    }
    return booster_parameters(settings) | ours
