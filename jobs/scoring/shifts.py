"""How far new applicants are from those that a model was measured by, counted in bins where the rows are."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.spec import KEY
from jobs.model.booster import Model
from jobs.model.drift import BINS, Drift, Shift, population_stability, stability_noise
from jobs.runtime.session import computed_once
from jobs.runtime.settings import Gates
from jobs.scoring import batch
from jobs.scoring.twins import by_twins_where_they_said

PROBABILITY = "probability"
UNKNOWN = -1


def most_gaining(model: Model, most: int) -> list[str]:
    """The features that it gains most from, largest first, equal ones by name; all that it uses if fewer."""
    gains = model.predictor.gains()
    return sorted(gains, key=lambda name: (-gains[name], name))[:most]


def drift_between(
    test: DataFrame, new: DataFrame, model: Model, settings: Gates, twins: DataFrame | None
) -> Drift | None:
    """The drift of a model's scores, and of what it gains most from; None where there are none of either.

    Args:
        test: SK_ID_CURR, TARGET and the model's features of the applicants that it was measured by.
        new: The same of new ones.
        model: The model.
        settings: How many features are watched, and the confidence.
        twins: What its twins said of the first; None where it didn't learn from them.
    """
    watched = most_gaining(model, settings.drift_features)
    columns = [KEY, "TARGET", *model.features]
    both = test.selectExpr(*columns).unionByName(new.selectExpr(*columns))
    asked = batch.with_probabilities(both, model, watched)
    with computed_once(by_twins_where_they_said(asked, twins)) as scored:
        return drift_of(scored, watched, settings.confidence)


def drift_of(scored: DataFrame, features: Sequence[str], confidence: float) -> Drift | None:
    """The drift from the labelled rows to those without TARGET; None where there are none of either.

    Args:
        scored: TARGET, probability and the features of those that a model was measured by, and of new ones.
        features: Those that are watched.
        confidence: Of what chance alone stays below. The largest of many shifts is further out by chance: Bonferroni.
    """
    names = [PROBABILITY, *features]
    is_new = F.col("TARGET").isNull().alias("is_new")
    rows = scored.select(is_new, *[F.nanvl(name, F.lit(None).cast("double")).alias(name) for name in names])
    counts = {row["is_new"]: row["count"] for row in rows.groupBy("is_new").count().collect()}
    if len(counts) < 2:
        return None
    labelled, new = counts[False], counts[True]
    binned = counted(rows, edges_of(rows.where(~F.col("is_new")), names))

    def shift(name: str, sure: float) -> Shift:
        return Shift(name, population_stability(*binned[name]), stability_noise(labelled, new, sure))

    shifts = (shift(name, 1 - (1 - confidence) / len(features)) for name in features)
    return Drift(
        rows=min(labelled, new),
        scores=shift(PROBABILITY, confidence),
        features=tuple(sorted(shifts, key=lambda moved: (-moved.index, moved.name))),
    )


def edges_of(rows: DataFrame, names: Sequence[str]) -> dict[str, list[float]]:
    """The edges between bins of equal numbers of the rows, by column; equal ones once, none where nothing is known."""
    shares = F.array(*[F.lit(place / BINS) for place in range(1, BINS)])
    percentiles = rows.agg(*[F.percentile(name, shares).alias(name) for name in names]).first()
    assert percentiles is not None
    return {name: sorted(set(percentiles[name] or ())) for name in names}


def counted(rows: DataFrame, edges: Mapping[str, Sequence[float]]) -> dict[str, NDArray[np.float64]]:
    """The rows in each bin, by column: labelled ones, then new ones; the last bin holds the unknown.

    Args:
        rows: is_new and the columns.
        edges: Of each column's bins.
    """
    bins = rows.select("is_new", *[bin_of(name, inner).alias(name) for name, inner in edges.items()])
    each = bins.unpivot("is_new", list(edges), "name", "bin").groupBy("name", "is_new", "bin").count().collect()
    counts = {name: np.zeros((2, len(inner) + 2)) for name, inner in edges.items()}
    for row in each:
        counts[row["name"]][int(row["is_new"]), row["bin"]] = row["count"]
    return counts


def bin_of(name: str, edges: Sequence[float]) -> Column:
    """The number of edges that a value has reached; -1 where it is unknown."""
    reached = [F.when(F.col(name) >= edge, 1).otherwise(0) for edge in edges]
    return F.when(F.col(name).isNull(), UNKNOWN).otherwise(sum(reached, F.lit(0)))
