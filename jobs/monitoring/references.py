"""The reference of a model: counted at training and kept with its run, or counted now where it was trained before."""

from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.spec import KEY
from jobs.lake import folds
from jobs.lake.job import Job
from jobs.lake.model_rows import read_inputs
from jobs.lake.tables import FEATURES
from jobs.model.booster import Model
from jobs.model.reference import STEP, Counts, Reference, edges_of, shares_of_gain
from jobs.monitoring.counting import PART, count_parts, margin_step
from jobs.registry.runs import Runs, Training
from jobs.registry.store import Store
from jobs.registry.versions import Registered
from jobs.runtime.errors import NotKept
from jobs.scoring import batch
from jobs.scoring.twins import measured_rows, twins_of

ARTIFACT = "monitoring/reference.json"
NEW, MEASURED, OTHERS = "new", "measured", "others"
SAMPLED = 5000
"""Applicants whose values make the edges: a tenth of so many is known to half a percent. All are counted."""


def reference_of(job: Job, store: Store, scorer: Registered, model: Model) -> Reference:
    """What was kept with the version; where nothing was, it is counted from the training's delivery and kept.

    Raises:
        NotKept: Nothing was kept, and the delivery is not in this lake as it was learned from.
    """
    try:
        training = store.runs.training(scorer.run_id)
        kept = store.runs.text(scorer.run_id, ARTIFACT)
        return Reference.model_validate_json(kept) if kept else keep_reference(job, store.runs, training, model)
    except NotKept as gone:
        raise NotKept(
            f"version {scorer.version} has nothing that it could be held against: {gone}; `train` and `register` a "
            f"model in {job.lake.address}, which keeps its own"
        ) from gone


def keep_reference(job: Job, runs: Runs, training: Training, model: Model) -> Reference:
    """Count the reference of a model, and keep it with its run.

    Args:
        job: Whose lake the training learned from.
        runs: Where the run is.
        training: What it says of itself.
        model: What was trained.
    """
    reference = count_reference(training_rows(job, training, model), model, twins_of(job.lake, training))
    runs.log_text(training.run_id, ARTIFACT, reference.model_dump_json())
    return reference


def training_rows(job: Job, training: Training, model: Model) -> DataFrame:
    """The applicants of the delivery that a model was trained on: SK_ID_CURR, part and the model's features.

    part is "new", "measured" of those that the model was measured by, or "others".

    Raises:
        NotKept: The delivery is not in this lake as it was learned from.
    """
    version = training.features_version
    if training.lake != str(job.lake.address) or version not in job.lake.commits(FEATURES):
        raise NotKept(
            f"its run {training.run_id} has no {ARTIFACT}, and version {version} of {training.lake}/{FEATURES}, from "
            f"which it learned, is not in {job.lake.address}"
        )
    rows = read_inputs(job.lake, model.features, training.run_date, version)
    of_model = rows.where(F.col("feature_set") == training.feature_set)
    measured = measured_rows(of_model, training).select(KEY, F.lit(MEASURED).alias("by"))
    part = F.when(F.col("TARGET").isNull(), NEW).otherwise(F.coalesce("by", F.lit(OTHERS)))
    return of_model.join(measured, on=KEY, how="left").select(KEY, part.alias(PART), *model.features)


def count_reference(rows: DataFrame, model: Model, twins: DataFrame | None) -> Reference:
    """The reference of a model.

    Args:
        rows: As `training_rows`.
        model: The model.
        twins: What its twins said of those that it was measured by; None where it was asked itself.
    """
    gains = shares_of_gain(model.predictor.gains())
    edges = edges_of_sample(rows, model, gains)
    parts = count_parts(rows, model, edges, (MEASURED, NEW))
    measured = parts[MEASURED]
    if twins is not None:
        measured = measured.model_copy(update={"margins": margins_of(twins)})
    return Reference(
        model_sha256=model.sha256,
        gains=gains,
        edges=edges,
        labelled=measured.model_copy(update=features_of([counts for part, counts in parts.items() if part != NEW])),
        new=parts.get(NEW),
    )


def margins_of(said: DataFrame) -> dict[int, int]:
    """The rows by step of their margin.

    Args:
        said: probability.
    """
    steps = said.where("probability is not null").groupBy(margin_step(STEP)).count()
    return {row["step"]: row["count"] for row in steps.collect()}


def features_of(parts: list[Counts]) -> dict[str, object]:
    """The rows and features of several parts together."""
    features = {
        name: [sum(rows) for rows in zip(*(counts.features[name] for counts in parts), strict=True)]
        for name in parts[0].features
    }
    return {"rows": sum(counts.rows for counts in parts), "features": features}


def edges_of_sample(rows: DataFrame, model: Model, names: Iterable[str]) -> dict[str, list[float]]:
    """The edges of each feature's bins, by the labelled applicants whose hash is smallest: the same ones each time."""
    labelled = rows.where(F.col(PART) != NEW)
    values = batch.values_of(batch.collected(folds.some_of(labelled, SAMPLED), model))
    places = {name: place for place, name in enumerate(model.features)}
    return {name: edges_of(values[:, places[name]]) for name in names}
