"""The champion's score and decision for every new applicant of a delivery."""

import argparse

from pyspark.sql import functions as F

from jobs.lake.job import Job
from jobs.lake.model_rows import inputs_of
from jobs.lake.options import add_run_date, open_job
from jobs.lake.tables import FEATURES, SCORES
from jobs.monitoring.expecting import expect
from jobs.registry.store import connect
from jobs.runtime.settings import Settings
from jobs.scoring import batch
from jobs.scoring.batch import with_lineage
from jobs.scoring.not_scored import not_scored, without_features
from jobs.scoring.provenance import remember_scores
from jobs.scoring.scores_table import COMMENTS

HELP = "score a delivery's new applicants with the champion"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    score(open_job(arguments, settings))


def score(job: Job) -> None:
    """Replace the delivery's rows of `scores`: one for every applicant without TARGET who can be named.

    Raises:
        ModelRefused: The champion's file was changed, or it was trained on another feature set.
    """
    with job.step("score") as step:
        store = connect(job.lake.address, job.settings.mlflow)
        champion = store.versions.need_champion()
        features_version = job.lake.version(FEATURES)
        step.with_model(champion.version, champion.sha256)
        model = store.versions.registered_model(champion)
        applicants = inputs_of(model, job.lake, job.run_date)
        new = applicants.where(F.col("TARGET").isNull())
        threshold = job.settings.decision.threshold
        lost = without_features(job.lake, job.run_date, applicants).withColumn("threshold", F.lit(threshold))
        scored = batch.scored(new, model, threshold).unionByName(lost, allowMissingColumns=True)
        number = job.lake.replace(SCORES, with_lineage(scored, job.run_date, champion), job.run_date, COMMENTS)
        written = job.lake.read_run_date(SCORES, job.run_date, number)
        counts = written.agg(F.count("*"), F.count("probability"), F.count_if(F.col("decision") == "decline")).first()
        assert counts is not None
        applied, probabilities, declined = counts
        expect(job, written)
        remember_scores(job, number, features_version, champion, threshold)
        step.say(
            f"version {champion.version}: {probabilities:,} of {applied:,} new applicants scored, {declined:,} declined"
            if applied
            else "nobody to score: every applicant of the delivery has a TARGET"
        )
        for reason in not_scored(job.lake, job.run_date, written):
            step.warn(f"not scored: {reason}")
        step.counted(applied, probabilities, applied - probabilities)
        step.measure("applicants", applied)
        step.measure("scored", probabilities)
        step.measure("declined", declined)
