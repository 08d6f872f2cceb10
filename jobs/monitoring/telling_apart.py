"""A classifier between the reference and a delivery: how well they can be told apart, and by which features.

A shift of single features can be small where their combination has moved: who is told from whom by several together
shows. Lopez-Paz and Oquab (2017), Revisiting classifier two-sample tests, ICLR.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.spec import KEY
from jobs.lake import folds
from jobs.lake.job import Job
from jobs.lake.tables import FEATURES
from jobs.model.booster import Model
from jobs.model.contributions import Vector
from jobs.model.domain_classifier import apart
from jobs.monitoring.counting import PART
from jobs.monitoring.references import NEW, training_rows
from jobs.monitoring.watched import ToldApart
from jobs.registry.runs import Training

FEATURES_READ = 100
"""Those that the model gains most from: what has moved elsewhere moves no score."""


def tell_apart(
    job: Job, training: Training, model: Model, applicants: DataFrame, by_gain: list[str], held_against: str
) -> ToldApart | None:
    """How well the delivery is told from the reference; None where that is off, they are the same, or it is gone.

    Args:
        job: The delivery.
        training: Of the model that scored.
        model: The model.
        applicants: SK_ID_CURR and features of the delivery's new applicants.
        by_gain: The features that it gains from, most first.
        held_against: Whom the reference is, "new" or "labelled".
    """
    settings = job.settings.monitor
    is_reference = held_against == NEW and training.run_date == job.run_date
    is_there = training.lake == str(job.lake.address) and training.features_version in job.lake.commits(FEATURES)
    if not settings.classifier or is_reference or not is_there:
        return None
    before = training_rows(job, training, model)
    of_reference = before.where(F.col(PART) == NEW if held_against == NEW else F.col(PART) != NEW)
    names = by_gain[:FEATURES_READ]
    was, now = (sampled(rows, names, settings.classifier_rows) for rows in (of_reference, applicants))
    if min(len(was), len(now)) < 2 * 10:
        return None
    auc, gains = apart(was, now, names, settings.confidence)
    return ToldApart(auc, len(was) + len(now), tuple(gains.items()))


def sampled(rows: DataFrame, names: list[str], most: int) -> Vector:
    """The features of at most so many applicants: those whose hash is smallest, in the order of the hash."""
    taken = folds.some_of(rows, most).selectExpr(KEY, *names).toPandas()
    values: Vector = taken.sort_values(KEY)[names].to_numpy(dtype=float)
    return values
