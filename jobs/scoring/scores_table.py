"""The table of scores: what its columns mean, whom it holds, and which model gave them."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.spec import KEY
from jobs.lake import contents
from jobs.lake.job import Job
from jobs.lake.step_log import latest_steps, stale_verbs
from jobs.lake.tables import SCORES
from jobs.model.booster import APPROVE, DECLINE, Model
from jobs.registry.store import Store
from jobs.registry.versions import Registered
from jobs.runtime.errors import ModelRefused, UserError
from jobs.scoring import batch
from jobs.scoring.batch import LINEAGE

COMMENTS = {
    "SK_ID_CURR": "The applicant",
    "run_date": "The delivery",
    "probability": "Probability of default by the model",
    "score": "600 points at odds of 50 good to 1 bad, 20 more where the odds double",
    "decision": "decline where the probability is at the threshold or above, else approve",
    "threshold": "The probability from which declining costs less than approving",
    "reason_not_scored": "Why there is no score; null where there is one",
    **LINEAGE,
}


def read_scores(job: Job) -> DataFrame:
    """The delivery's scores; that there are none is the user's error."""
    scores = job.lake.read_run_date(SCORES, job.run_date)
    if not scores.isEmpty():
        return scores
    if contents.has_nobody_new(job.lake, job.run_date):
        raise UserError(f"{job.run_date} has nobody to score: every applicant of it has a TARGET")
    raise UserError(f"{job.lake.path(SCORES)} has no score of {job.run_date}: score the delivery first")


def check_fresh(job: Job, scored: DataFrame, features: DataFrame, model: Model) -> None:
    """Refuse scores that the features do not give any more, of which there is doubt where it was assembled since.

    Args:
        job: The delivery.
        scored: SK_ID_CURR and probability.
        features: SK_ID_CURR and the model's features.
        model: What scored.
    """
    if "score" not in stale_verbs(latest_steps(job.lake), job.run_date, job.lake.delivery(job.run_date)):
        return
    again = batch.scored(features, model, job.settings.decision.threshold).select(
        KEY, F.col("probability").alias("now")
    )
    is_same = F.abs(F.col("probability") - F.col("now")) <= batch.SAME_PROBABILITY
    both = scored.join(again, on=KEY, how="left")
    if not both.where(~F.coalesce(is_same, F.lit(False))).isEmpty():
        raise UserError(f"{job.run_date} was assembled otherwise after it was scored: score it again")


def decision(probability: Column, threshold: float) -> Column:
    """The decision of `jobs.model.booster.decisions`, in SQL; null where there is no probability."""
    return F.when(probability >= threshold, DECLINE).when(probability < threshold, APPROVE)


def scoring_model(job: Job, store: Store, scores: DataFrame) -> Registered:
    """The version that gave the delivery its scores, which is not always the champion of today.

    Raises:
        ModelRefused: The registry has another file by that version.
    """
    identity = scores.select("model_version", "model_sha256").first()
    assert identity is not None
    registered = store.versions.version(identity["model_version"])
    if registered.sha256 != identity["model_sha256"]:
        raise ModelRefused(
            f"version {registered.version} of {store.versions.name} is not what scored {job.run_date}: score again"
        )
    return registered


def riskiest(job: Job) -> int | None:
    """The scored applicant of the delivery with the highest probability, the smallest identifier among equals."""
    if not job.lake.exists(SCORES):
        return None
    scores = job.lake.read_run_date(SCORES, job.run_date).where("probability is not null")
    row = scores.orderBy(F.desc("probability"), KEY).select(KEY).first()
    return int(row[0]) if row else None
