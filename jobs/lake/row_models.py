"""Small models of TARGET on single rows of a history, cross-fitted by applicant.

What they read is said by `features.plan.nested_table`.

A hash puts every applicant into one cohort for good, and each table has a model for each cohort: fitted on labelled
applicants of the training folds of all other cohorts, and the only one that ever scores this one. So nobody's label
reaches the scores of his rows, whatever the delivery; no label of a validation or test fold reaches any; and who scores
whom follows from the identifier alone, in batch and over REST.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.plan.history_rows import Sources
from features.plan.identity import computed
from features.plan.nested_table import (
    NESTED,
    SCORE,
    Levels,
    declared_levels,
    input_names,
    input_rows,
    key_columns,
    of_applicants,
    values_read,
)
from features.spec import KEY, TARGET
from jobs.lake import folds
from jobs.model.booster import sha256_of
from jobs.model.candidates import booster_parameters
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Nested, Split

if TYPE_CHECKING:
    import xgboost

COHORT, MODEL = "cohort", "row_model"
FITTED = f"{MODEL} INT, file BINARY"
SAMPLED_OF = 1_000_000

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class RowModels:
    """Fitted row models, and by what rule they share the applicants.

    Args:
        split: How applicants were put into folds.
        cohorts: How many cohorts there are.
        levels: The levels of categories when they were fitted: one that becomes known later is unknown to them.
        files: A booster's file by table and cohort; a cohort whose model had no row to learn from has none.
    """

    split: Split
    cohorts: int
    levels: Levels
    files: Mapping[tuple[str, int], bytes] = field(repr=False)

    @property
    def version(self) -> str:
        """Of all of it, and of what becomes of the scores: hexadecimal digits."""
        hashes = [(table, cohort, sha256_of(file)) for (table, cohort), file in sorted(self.files.items())]
        features = [(name, computed(table.features)) for name, table in NESTED.items()]
        levels = [(name, list(listed.items())) for name, listed in self.levels.items()]
        everything = (self.split, self.cohorts, inputs_version(), levels, features, hashes)
        return hashlib.sha256(repr(everything).encode()).hexdigest()

    def score(self, rows: DataFrame, table: str) -> DataFrame:
        """The rows of `nested_table.input_rows` with the score in place of the inputs, null where nobody fitted one.

        A score is the log-odds that the trees add to those of all rows that they were fitted on.
        """
        files = {cohort: file for (name, cohort), file in self.files.items() if name == table}
        kept = [f"{name} {kind}" for name, kind in rows.dtypes if name in key_columns(table)]
        known = rows.select("*", cohort_of(self.split, self.cohorts).alias(COHORT))
        return known.mapInArrow(scoring(files, table), ", ".join([*kept, f"{SCORE} DOUBLE"]))


def cohort_of(split: Split, cohorts: int) -> Column:
    """The applicant's cohort, by the fold: training folds are dealt out to the cohorts, so are those of the test."""
    return F.pmod(folds.fold(split) - split.test_folds, F.lit(cohorts)).cast("int")


def inputs_version() -> str:
    """Of what row models read, as it is declared now, but for the levels of categories."""
    read = [(table, values_read(table), tuple(categories)) for table, categories in declared_levels().items()]
    return hashlib.sha256(repr(read).encode()).hexdigest()[:12]


def fit(sources: Sources, split: Split, settings: Nested) -> RowModels:
    """The row models of a delivery, a task for each; the same rows give the same bytes.

    Args:
        sources: Its tables. Labels are read of training folds only.
        split: How applicants are put into folds.
        settings: How many models, of what size.
    """
    most = split.folds - split.test_folds - split.validation_folds
    if settings.cohorts > most:
        raise UserError(
            f"nested.cohorts = {settings.cohorts}, but only {most} folds are to train on: --set nested.cohorts={most}"
        )
    taught = folds.labelled(sources["application"], split).where(F.col("part") == folds.TRAIN)
    taught = taught.select(
        KEY, F.col(TARGET).cast("float").alias(TARGET), cohort_of(split, settings.cohorts).alias(COHORT)
    )
    files, levels = {}, declared_levels()
    for table, rows in count_rows(sources, taught).items():
        sampled = taught.where(draw(settings.seed) < F.lit(settings.rows / max(rows, 1) * SAMPLED_OF))
        for row in fit_table(table, sources, sampled, settings, levels).collect():
            files[table, row[MODEL]] = bytes(row["file"])
    return RowModels(split, settings.cohorts, levels, files)


def draw(seed: int) -> Column:
    """A number in [0, SAMPLED_OF) by a hash of the applicant that the folds know nothing of."""
    return F.pmod(F.xxhash64(F.lit(f"rows {seed}"), F.col(KEY)), F.lit(SAMPLED_OF))


def count_rows(sources: Sources, applicants: DataFrame) -> dict[str, int]:
    """How many rows of each scored table belong to the applicants."""
    known = applicants.select(KEY)
    return {table: sources[table].join(known, on=KEY, how="left_semi").count() for table in NESTED}


def fit_table(table: str, sources: Sources, applicants: DataFrame, settings: Nested, levels: Levels) -> DataFrame:
    """A table's models: the cohort that each keeps away from, and its file.

    Args:
        table: Whose rows.
        sources: The delivery's tables.
        applicants: SK_ID_CURR, TARGET and cohort of those to learn from.
        settings: Of the boosters.
        levels: Of the categories.
    """
    rows = input_rows(table, of_applicants(sources, applicants), levels).join(applicants, on=KEY, how="inner")
    models = F.explode(F.array(*[F.lit(cohort) for cohort in range(settings.cohorts)])).alias(MODEL)
    lessons = rows.select("*", models).where(F.col(MODEL) != F.col(COHORT))
    return lessons.groupBy(MODEL).applyInArrow(fitting(table, settings), FITTED)


def fitting(table: str, settings: Nested) -> Callable[[pa.Table], pa.Table]:
    """The fit of one model, as Spark's applyInArrow wants it: all rows of a group in, one row out."""
    order, names = key_columns(table), input_names(table)

    def fit_one(rows: pa.Table) -> pa.Table:
        # In an order of their own, so that no shuffle decides what the booster sees first.
        place = np.lexsort([rows.column(name).to_numpy() for name in reversed(order)])
        labels = rows.column(TARGET).to_numpy()[place]
        file = fit_booster(input_values(rows, names)[place], labels, settings)
        return pa.table({MODEL: pa.array([rows.column(MODEL)[0].as_py()], pa.int32()), "file": [file]})

    return fit_one


def fit_booster(inputs: Floats, labels: Floats, settings: Nested) -> bytes:
    """Trees that add to the log-odds of all rows, as a file."""
    import xgboost

    # One of each class more than there are: rows of one class have log-odds too.
    odds = np.log((labels.sum() + 1) / ((1 - labels).sum() + 1))
    data = xgboost.DMatrix(inputs, labels, base_margin=np.full(len(labels), odds, np.float32), nthread=1)
    parameters = {
        "objective": "binary:logistic",
        "base_score": 0.5,  # log-odds of 0: what is predicted is the trees alone
        "nthread": 1,  # a task has one core, and the bytes depend on it
        **booster_parameters(settings),
    }
    return bytes(xgboost.train(parameters, data, settings.rounds).save_raw("ubj"))


def scoring(files: Mapping[int, bytes], table: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The scoring of rows, as mapInArrow wants it."""
    kept, names = key_columns(table), input_names(table)

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        boosters = {cohort: load(file) for cohort, file in files.items()}
        for batch in batches:
            if not batch.num_rows:
                continue
            scores = score_rows(input_values(batch, names), batch.column(COHORT).to_numpy(), boosters)
            columns = [*[batch.column(name) for name in kept], pa.array(scores, from_pandas=True)]
            yield pa.RecordBatch.from_arrays(columns, names=[*kept, SCORE])

    return score


def score_rows(
    inputs: Floats, cohorts: NDArray[np.int32], boosters: "Mapping[int, xgboost.Booster]"
) -> NDArray[np.float64]:
    """Each row's score by the model of its applicant's cohort, nan where there is none."""
    scores = np.full(len(inputs), np.nan)
    for cohort, booster in boosters.items():
        own = cohorts == cohort
        if own.any():
            scores[own] = booster.inplace_predict(inputs[own], predict_type="margin")
    return scores


def load(file: bytes) -> "xgboost.Booster":
    """A booster on one thread: Spark has given the task one core."""
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(file))
    return booster


def input_values(rows: pa.Table | pa.RecordBatch, names: list[str]) -> Floats:
    """Rows x inputs, nan where unknown."""
    columns = [rows.column(name).to_numpy(zero_copy_only=False) for name in names]
    return np.column_stack(columns).astype(np.float32, copy=False)
