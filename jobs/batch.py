"""A model over a DataFrame: Arrow batches through `jobs.model`, one booster a task.

The model travels as the bytes of its file; each task checks their hash again and loads them once.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.matrix import KEY
from jobs.model import Explanation, Model, load_model
from jobs.settings import Explain
from jobs.tracking import Registered

SCORED = f"{KEY} BIGINT, probability DOUBLE, score BIGINT, decision STRING, reason_not_scored STRING"
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

# A float32 probability that was stored and one that was computed again from the same features differ by less.
SAME_PROBABILITY = 1e-6

Batches = Iterator[pd.DataFrame]


def scored(rows: DataFrame, model: Model, threshold: float) -> DataFrame:
    """`Model.score` of each row.

    Args:
        rows: SK_ID_CURR and the model's features.
        model: What to score with.
        threshold: The probability from which an applicant is declined.
    """

    def score(each: pd.DataFrame, loaded: Model) -> pd.DataFrame:
        return pd.concat([each[[KEY]], loaded.score(each, threshold)], axis=1)

    return rows.select(KEY, *model.features).mapInPandas(by_batch(model, score), SCORED)


def measured(rows: DataFrame, model: Model, features: Sequence[str] = ()) -> pd.DataFrame:
    """SK_ID_CURR, TARGET, the model's probability and the named features of each row, collected, in the order of the
    applicants."""

    def measure(each: pd.DataFrame, loaded: Model) -> pd.DataFrame:
        return each[[KEY, "TARGET", *features]].assign(probability=loaded.probabilities(each))

    schema = ", ".join([MEASURED, *[f"`{name}` DOUBLE" for name in features]])
    collected = rows.select(KEY, "TARGET", *model.features).mapInPandas(by_batch(model, measure), schema).toPandas()
    return collected.sort_values(KEY, ignore_index=True)


def explained(rows: DataFrame, model: Model, settings: Explain) -> DataFrame:
    """`Model.explain` of each row.

    Args:
        rows: SK_ID_CURR, the stored probability and the model's features.
        model: What they were scored with.
        settings: How much of an explanation is kept.
    """

    def explain(each: pd.DataFrame, loaded: Model) -> pd.DataFrame:
        explanations = loaded.explain(each, settings.reasons, settings.contributions, settings.additivity)
        check_same_probability(each["probability"], explanations)
        return pd.DataFrame([flat(int(key), one) for key, one in zip(each[KEY], explanations, strict=True)])

    return rows.select(KEY, "probability", *model.features).mapInPandas(by_batch(model, explain), EXPLAINED)


def with_lineage(rows: DataFrame, run_date: date, model: Registered) -> DataFrame:
    """SK_ID_CURR, run_date, the other columns, then which model they are by."""
    lineage = dict(zip(LINEAGE, (model.version, model.sha256, model.run_id), strict=True))
    return rows.select(
        KEY,
        F.lit(run_date).alias("run_date"),
        *[name for name in rows.columns if name != KEY],
        *[F.lit(value).alias(name) for name, value in lineage.items()],
    )


def by_batch(model: Model, work: Callable[[pd.DataFrame, Model], pd.DataFrame]) -> Callable[[Batches], Batches]:
    """A function for mapInPandas that loads the model once and works on each batch that holds rows."""
    file, sha256 = model.file, model.sha256

    def run(batches: Batches) -> Batches:
        loaded = load_model(file, sha256)
        for batch in batches:
            if len(batch):
                yield work(batch, loaded)

    return run


def flat(key: int, explanation: Explanation) -> dict[str, Any]:
    """A row of `EXPLAINED`."""
    return {
        KEY: key,
        "base_value": explanation.base_value,
        "margin": explanation.margin,
        "reasons": [reason._asdict() for reason in explanation.reasons],
        "contributions": [contribution._asdict() for contribution in explanation.contributions],
        "other_contributions": explanation.other_contributions,
    }


def check_same_probability(stored: "pd.Series[float]", explanations: list[Explanation]) -> None:
    """Raise where the score of a row is not the one that is being explained."""
    pairs = zip(stored, explanations, strict=True)
    off = [abs(probability - explanation.probability) for probability, explanation in pairs]
    if max(off) > SAME_PROBABILITY:
        raise ArithmeticError(
            f"{sum(each > SAME_PROBABILITY for each in off)} of {len(off)} probabilities are not those of the features "
            "as they are now: score again, then explain"
        )
