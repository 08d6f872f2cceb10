"""Which versions a delivery's decisions were made from, so that each can be made again: rows of `operations/decisions`.

They are added and never replaced: what was decided before a change of the threshold can be looked up too.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from pyspark.sql import functions as F

from jobs.lake.job import Job
from jobs.lake.tables import DECISIONS
from jobs.registry.versions import Registered

SCHEMA = (
    "run_date DATE, place BIGINT, scores_version BIGINT, explanations_version BIGINT, features_version BIGINT, "
    "deliveries STRING, model_version BIGINT, model_sha256 STRING, threshold DOUBLE"
)
"""place counts the rows of a run date."""


@dataclass(frozen=True)
class Provenance:
    """The versions that decisions were made from.

    Args:
        place: From 1, of the run date's.
        scores_version: Of `scores`.
        explanations_version: Of `explanations`; None where nothing was explained since.
        features_version: Of the feature table.
        deliveries: Of each source table.
        model_version: In the registry.
        model_sha256: Of the model's file.
        threshold: The probability from which applicants are declined.
    """

    place: int
    scores_version: int
    explanations_version: int | None
    features_version: int
    deliveries: Mapping[str, int]
    model_version: int
    model_sha256: str
    threshold: float


def remember_scores(job: Job, scores_version: int, features_version: int, model: Registered, threshold: float) -> None:
    """What `score` has read and written."""
    last = latest(job)
    deliveries = job.lake.delivery(job.run_date)
    place = last.place + 1 if last else 1
    keep(
        job,
        Provenance(place, scores_version, None, features_version, deliveries, model.version, model.sha256, threshold),
    )


def remember_threshold(job: Job, scores_version: int, threshold: float) -> None:
    """What `decide` has written, of scores whose versions were remembered."""
    last = latest(job)
    if last is not None:
        keep(job, replace(last, place=last.place + 1, scores_version=scores_version, threshold=threshold))


def remember_explanations(job: Job, explanations_version: int) -> None:
    """What `explain` has written, of scores whose versions were remembered."""
    last = latest(job)
    if last is not None:
        keep(job, replace(last, place=last.place + 1, explanations_version=explanations_version))


def latest(job: Job) -> Provenance | None:
    """What the delivery's decisions were made from; None of those that were scored before it was remembered."""
    if not job.lake.exists(DECISIONS):
        return None
    rows = job.lake.read_run_date(DECISIONS, job.run_date).orderBy(F.desc("place"))
    row = rows.drop("run_date").first()
    if row is None:
        return None
    return Provenance(**{**row.asDict(), "deliveries": json.loads(row["deliveries"])})


def keep(job: Job, provenance: Provenance) -> None:
    """Add the row."""
    row = [as_row(job.run_date, provenance)]
    job.lake.append(DECISIONS, job.lake.spark.createDataFrame(row, SCHEMA))


def as_row(run_date: date, of: Provenance) -> tuple[object, ...]:
    """As `SCHEMA`."""
    return (
        *(run_date, of.place, of.scores_version, of.explanations_version, of.features_version),
        *(json.dumps(dict(of.deliveries), sort_keys=True), of.model_version, of.model_sha256, of.threshold),
    )
