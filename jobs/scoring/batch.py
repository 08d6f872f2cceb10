"""A model over a DataFrame: Arrow batches through `jobs.model.booster`, one booster a task.

The model travels as the bytes of its file; each task checks their hash again and loads them once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.reason_families import FAMILIES
from features.spec import KEY
from jobs.model.booster import Model, load_model
from jobs.model.contributions import Explanations, Vector
from jobs.registry.versions import Registered
from jobs.runtime.settings import Explain

SCORED = f"{KEY} BIGINT, probability DOUBLE, score BIGINT, decision STRING, reason_not_scored STRING"
IN_ARROW = pa.schema(
    {"probability": pa.float64(), "score": pa.int64(), "decision": pa.string(), "reason_not_scored": pa.string()}
)
"""What `Model.score_of` answers."""
MEASURED = f"{KEY} BIGINT, TARGET BIGINT, probability DOUBLE"
EXPLAINED = (
    f"{KEY} BIGINT, base_value DOUBLE, margin DOUBLE, "
    "reasons ARRAY<STRUCT<family: STRING, sentence: STRING, contribution: DOUBLE>>, "
    "contributions ARRAY<STRUCT<feature: STRING, value: DOUBLE, contribution: DOUBLE>>, other_contributions DOUBLE"
)

LINEAGE = {
    "model_version": "Version in the registry",
    "model_sha256": "Hash of the model's file",
    "run_id": "MLflow run that trained the model",
}
"""What every row by a model says of it, with the columns' comments."""

VALUES = "model_values"

# A float32 probability that was stored and one that was computed again from the same features differ by less.
SAME_PROBABILITY = 1e-6


def as_array(names: Sequence[str]) -> Column:
    """The features as one array of single precision, which is what boosters read, null where one is unknown.

    Spark shuffles one column and hands it to Python in a fraction of the time that a thousand take. Here as wherever
    all features are named they are SQL: a Column object for each takes a second.
    """
    return F.expr(f"array({', '.join(names)})").cast("array<float>")


def with_values(rows: DataFrame, model: Model, *others: str) -> DataFrame:
    """SK_ID_CURR, the other columns, and the model's features as one array of doubles, as `values_of` reads it."""
    return rows.selectExpr(KEY, *others, f"cast(array({', '.join(model.features)}) as array<double>) as {VALUES}")


def values_of(rows: pa.RecordBatch) -> Vector:
    """The features of a batch, one row an applicant, nan where unknown, in the model's order."""
    flat: Vector = rows[VALUES].flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(rows.num_rows, -1)


def collected(rows: DataFrame, model: Model, *others: str) -> pa.RecordBatch:
    """The rows as `with_values` has them, brought here, in the order of the applicants; there must be some."""
    (whole,) = with_values(rows, model, *others).toArrow().sort_by(KEY).combine_chunks().to_batches()
    return whole


def scored(rows: DataFrame, model: Model, threshold: float) -> DataFrame:
    """`Model.score` of each row.

    Args:
        rows: SK_ID_CURR and the model's features.
        model: What to score with.
        threshold: The probability from which an applicant is declined.
    """

    def score(each: pa.RecordBatch, loaded: Model) -> pa.RecordBatch:
        answers = pa.RecordBatch.from_pandas(loaded.score_of(values_of(each), threshold), IN_ARROW)
        return pa.RecordBatch.from_arrays([each[KEY], *answers.columns], names=[KEY, *IN_ARROW.names])

    answers = with_values(rows, model).mapInArrow(by_batch(model, score), SCORED)
    return answers.select(
        KEY, "probability", "score", "decision", F.lit(threshold).alias("threshold"), "reason_not_scored"
    )


def with_probabilities(rows: DataFrame, model: Model, features: Sequence[str] = ()) -> DataFrame:
    """SK_ID_CURR, TARGET, the model's probability and the named features of each row."""

    names = [KEY, "TARGET", "probability", *features]

    def measure(each: pa.RecordBatch, loaded: Model) -> pa.RecordBatch:
        probabilities = pa.array(loaded.probabilities_of(values_of(each)), from_pandas=True)
        known = [each[name] for name in features]
        return pa.RecordBatch.from_arrays([each[KEY], each["TARGET"], probabilities, *known], names=names)

    schema = ", ".join([MEASURED, *[f"`{name}` DOUBLE" for name in features]])
    return with_values(rows, model, "TARGET", *features).mapInArrow(by_batch(model, measure), schema)


def measured(rows: DataFrame, model: Model, *also: str) -> pd.DataFrame:
    """SK_ID_CURR, TARGET, the model's probability and other numbers of each row, collected, in the order of the
    applicants."""
    return with_probabilities(rows, model, also).toPandas().sort_values(KEY, ignore_index=True)


def explained(rows: DataFrame, model: Model, settings: Explain) -> DataFrame:
    """`Model.explain` of each row.

    Args:
        rows: SK_ID_CURR, the stored probability and the model's features.
        model: What they were scored with.
        settings: How much of an explanation is kept.
    """

    def explain(each: pa.RecordBatch, loaded: Model) -> pa.RecordBatch:
        values = values_of(each)
        explanations = loaded.explanations(values, settings.reasons, settings.contributions, settings.additivity)
        check_same_probability(each["probability"].to_numpy(), explanations.probability)
        return as_arrow(each[KEY], explanations)

    return with_values(rows, model, "probability").mapInArrow(by_batch(model, explain), EXPLAINED)


def as_arrow(keys: pa.Array, explained: Explanations) -> pa.RecordBatch:
    """Rows of `EXPLAINED`, made whole columns at a time: an object for each applicant would take longer than SHAP."""
    is_reason = explained.reason_sums > 0
    families = pa.array(explained.families).take(pa.array(explained.reasons[is_reason]))
    sentences = pa.array([FAMILIES[family] for family in explained.families]).take(
        pa.array(explained.reasons[is_reason])
    )
    reasons = {"family": families, "sentence": sentences, "contribution": pa.array(explained.reason_sums[is_reason])}
    values = explained.values.ravel()
    contributions = {
        "feature": pa.array(explained.features).take(pa.array(explained.named.ravel())),
        "value": pa.array(values, mask=np.isnan(values)),
        "contribution": pa.array(explained.contributions.ravel()),
    }
    columns = {
        KEY: keys,
        "base_value": pa.array(explained.base_value),
        "margin": pa.array(explained.margin),
        "reasons": lists(is_reason.sum(axis=1), reasons),
        "contributions": lists(np.full(len(explained.margin), explained.named.shape[1]), contributions),
        "other_contributions": pa.array(explained.other_contributions),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def lists(lengths: NDArray[np.int64], elements: Mapping[str, pa.Array]) -> pa.ListArray:
    """Lists of structs: so many of the elements in a row for each."""
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    structs = pa.StructArray.from_arrays(list(elements.values()), names=list(elements))
    return pa.ListArray.from_arrays(pa.array(ends), structs)


def with_lineage(rows: DataFrame, run_date: date, model: Registered) -> DataFrame:
    """SK_ID_CURR, run_date, the other columns, then which model they are by."""
    lineage = dict(zip(LINEAGE, (model.version, model.sha256, model.run_id), strict=True))
    return rows.select(
        KEY,
        F.lit(run_date).alias("run_date"),
        *[name for name in rows.columns if name != KEY],
        *[F.lit(value).alias(name) for name, value in lineage.items()],
    )


def by_batch(
    model: Model, work: Callable[[pa.RecordBatch, Model], pa.RecordBatch]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """A function for mapInArrow that loads the model once and works on each batch that holds rows."""
    file, sha256 = model.file, model.sha256

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        loaded = load_model(file, sha256)
        for batch in batches:
            if len(batch):
                yield work(batch, loaded)

    return run


def check_same_probability(stored: Vector, explained: Vector) -> None:
    """Raise where the score of a row is not the one that is being explained."""
    off = ~(np.abs(stored - explained) <= SAME_PROBABILITY)
    if off.any():
        raise ArithmeticError(
            f"{off.sum()} of {off.size} probabilities are not those of the features as they are now: "
            "score again, then explain"
        )
