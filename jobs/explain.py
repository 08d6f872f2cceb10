"""Why each new applicant got the score: exact contributions, and reasons that a declined applicant could be told."""

import argparse

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.matrix import KEY
from jobs import batch, tracking
from jobs.batch import LINEAGE, with_lineage
from jobs.errors import ModelRefused, UserError
from jobs.job import Job
from jobs.lake import EXPLANATIONS, FEATURES, SCORES
from jobs.options import add_run_date, open_job
from jobs.settings import Settings
from jobs.tracking import Registered, Tracking

HELP = "explain the scores of a delivery's new applicants"

COMMENTS = {
    "SK_ID_CURR": "The applicant",
    "run_date": "The delivery",
    "base_value": "What the contributions are added to, in log-odds of default",
    "margin": "Log-odds of default by the model: base value, contributions and other contributions",
    "reasons": "Families of features that raise the risk, the largest first, with the sentence for the applicant",
    "contributions": "Largest SHAP contributions of single features, in log-odds; value is null where it is unknown",
    "other_contributions": "Sum of all contributions that are not named",
    **LINEAGE,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    explain(open_job(arguments, settings))


def explain(job: Job) -> None:
    """Replace the delivery's rows of `explanations`: one for every applicant with a score, by the model that gave it.

    Raises:
        ModelRefused: The model's file was changed since it scored.
    """
    with job.step("explain") as step:
        scores = job.lake.read_run_date(SCORES, job.run_date)
        store = tracking.connect(job.lake.address, job.settings.mlflow)
        scorer = scoring_model(job, store, scores)
        model = store.registered_model(scorer)
        features = job.lake.read_run_date(FEATURES, job.run_date).select(KEY, *model.features)
        scored = scores.where(F.col("probability").isNotNull()).select(KEY, "probability")
        explained = batch.explained(scored.join(features, on=KEY, how="inner"), model, job.settings.explain)
        job.lake.replace(EXPLANATIONS, with_lineage(explained, job.run_date, scorer), job.run_date, COMMENTS)
        written = job.lake.read_run_date(EXPLANATIONS, job.run_date)
        counts = written.agg(F.count("*"), F.avg(F.size("reasons"))).first()
        assert counts is not None
        step.say(f"{counts[0]:,} applicants explained by version {scorer.version}, {counts[1] or 0:.1f} reasons each")
        step.measure("explained", counts[0])


def scoring_model(job: Job, store: Tracking, scores: DataFrame) -> Registered:
    """The version that gave the delivery its scores, which is not always the champion of today."""
    found = scores.select("model_version", "model_sha256").first()
    if found is None:
        raise UserError(f"{job.lake.path(SCORES)} has no score of {job.run_date}: score the delivery first")
    registered = store.version(found["model_version"])
    if registered.sha256 != found["model_sha256"]:
        raise ModelRefused(
            f"version {registered.version} of {store.model_name} is not what scored {job.run_date}: score again"
        )
    return registered
