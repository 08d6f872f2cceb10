"""Applicants counted where they are: by bins of features, by steps of the margin, with their contributions summed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.model.booster import Model, unusable
from jobs.model.contributions import Vector
from jobs.model.reference import PARTS_OF_LOG_ODDS, Counts, bins_of, step_of
from jobs.scoring import batch

PART = "part"
FEATURE, MARGIN, FAMILY = "feature", "margin", "family"
COUNTED = f"{PART} STRING, kind STRING, name STRING, place BIGINT, rows BIGINT, total BIGINT"
IN_ARROW = pa.schema(
    {PART: pa.string(), "kind": pa.string(), "name": pa.string()}
    | {number: pa.int64() for number in ("place", "rows", "total")}
)


class Counted(NamedTuple):
    """Rows of a part in one place: a bin of a feature, a step of the margin, or a family with its contributions."""

    part: str
    kind: str
    name: str
    place: int
    rows: int
    total: int


def count_parts(
    rows: DataFrame, model: Model, edges: Mapping[str, Sequence[float]], scored: Sequence[str]
) -> dict[str, Counts]:
    """The counts of each part of the rows. Only counts leave the executors, as many as there are bins.

    Args:
        rows: SK_ID_CURR, part (text) and the model's features.
        model: The model.
        edges: Between the bins of each watched feature.
        scored: The parts whose margins and contributions are wanted: of the others only features are counted.
    """

    def count(each: pa.RecordBatch, loaded: Model) -> pa.RecordBatch:
        values, parts = batch.values_of(each), each[PART].to_numpy(zero_copy_only=False).astype(str)
        places = {name: place for place, name in enumerate(loaded.features)}
        lines: list[Counted] = []
        for part in np.unique(parts).tolist():
            inside = values[parts == part]
            lines += counted_features(part, inside, places, edges)
            if part in scored:
                lines += counted_scores(part, inside[~unusable(inside).any(axis=1)], loaded)
        return pa.RecordBatch.from_pylist([line._asdict() for line in lines], IN_ARROW)

    each = batch.with_values(rows, model, PART).mapInArrow(batch.by_batch(model, count), COUNTED)
    sums = [F.sum(name).alias(name) for name in ("rows", "total")]
    together = each.groupBy(PART, "kind", "name", "place").agg(*sums)
    return as_counts([Counted(*row) for row in together.collect()], edges)


def counted_features(
    part: str, values: Vector, places: Mapping[str, int], edges: Mapping[str, Sequence[float]]
) -> list[Counted]:
    """The rows in each bin of each watched feature."""
    return [
        Counted(part, FEATURE, name, place, rows, 0)
        for name, inner in edges.items()
        for place, rows in enumerate(np.bincount(bins_of(values[:, places[name]], inner)).tolist())
        if rows
    ]


def counted_scores(part: str, values: Vector, model: Model) -> list[Counted]:
    """The rows in each step of the margin, and the sums of each family's contributions."""
    explained, margins = model.predictor.predict(values, ["contributions", "margin"])
    steps, rows = np.unique(step_of(margins), return_counts=True)
    lines = [
        Counted(part, MARGIN, "", step, number, 0) for step, number in zip(steps.tolist(), rows.tolist(), strict=True)
    ]
    for family, inside in columns_of(model.families).items():
        whole = np.rint(explained[:, inside].astype(np.float64) * PARTS_OF_LOG_ODDS).astype(np.int64)
        lines.append(Counted(part, FAMILY, family, 0, len(values), int(whole.sum())))
    return lines


def margin_step(size: float) -> Column:
    """The step of the margin, of so many log-odds, that a stored probability is in: the column "step"."""
    margin = F.ln(F.col("probability") / (1 - F.col("probability")))
    return F.floor(margin / size).alias("step")


def columns_of(families: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """The places of each family's features."""
    named = np.asarray(families)
    return {str(family): np.flatnonzero(named == family) for family in np.unique(named)}


def as_counts(lines: Sequence[Counted], edges: Mapping[str, Sequence[float]]) -> dict[str, Counts]:
    """The counted lines, by part."""

    def empty() -> dict[str, list[int]]:
        return {name: [0] * (len(inner) + 2) for name, inner in edges.items()}

    features: dict[str, dict[str, list[int]]] = defaultdict(empty)
    margins: dict[str, dict[int, int]] = defaultdict(dict)
    families: dict[str, dict[str, float]] = defaultdict(dict)
    for part, kind, name, place, rows, total in sorted(lines):
        of_features = features[part]  # empty where a model gains from none
        match kind:
            case "feature":
                of_features[name][place] = rows
            case "margin":
                margins[part][place] = rows
            case _:
                families[part][name] = total / rows / PARTS_OF_LOG_ODDS
    return {
        part: Counts(
            rows=sum(next(iter(of_features.values()))) if of_features else sum(margins[part].values()),
            features=of_features,
            margins=margins[part],
            families=families[part],
        )
        for part, of_features in features.items()
    }
