"""The champion's score and decision for every new applicant of a delivery."""

import argparse
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import batch, tracking
from jobs.batch import with_lineage
from jobs.errors import ModelRefused, UserError
from jobs.inputs import read_inputs
from jobs.job import Job
from jobs.lake import FEATURES, SCORES, Lake
from jobs.model import Model
from jobs.options import add_run_date, open_job
from jobs.scores import COMMENTS
from jobs.settings import Settings

HELP = "score a delivery's new applicants with the champion"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    score(open_job(arguments, settings))


def score(job: Job) -> None:
    """Replace the delivery's rows of `scores`: one for every applicant without TARGET.

    Raises:
        ModelRefused: The champion's file was changed, or it was trained on another feature set.
    """
    with job.step("score") as step:
        store = tracking.connect(job.lake.address, job.settings.mlflow)
        champion = store.need_champion()
        model = store.registered_model(champion)
        applicants = new_applicants(job.lake, job.run_date, model)
        scored = batch.scored(applicants, model, job.settings.decision.threshold)
        job.lake.replace(SCORES, with_lineage(scored, job.run_date, champion), job.run_date, COMMENTS)
        written = job.lake.read_run_date(SCORES, job.run_date)
        counts = written.agg(F.count("*"), F.count("probability"), F.count_if(F.col("decision") == "decline")).first()
        assert counts is not None
        applied, probabilities, declined = counts
        step.say(
            f"version {champion.version}: {probabilities:,} of {applied:,} new applicants scored, {declined:,} declined"
        )
        step.measure("applicants", applied)
        step.measure("scored", probabilities)
        step.measure("declined", declined)


def new_applicants(lake: Lake, run_date: date, model: Model) -> DataFrame:
    """The delivery's rows without TARGET as the model reads them, if they are of its feature set."""
    assembled, needed = lake.read_run_date(FEATURES, run_date), model.feature_set
    found = sorted(row[0] for row in assembled.select("feature_set").distinct().collect())
    if not found:
        raise UserError(f"{lake.path(FEATURES)} has no applicant of {run_date}: assemble the delivery first")
    if found != [needed]:
        raise ModelRefused(
            f"the champion was trained on feature set {needed}, {run_date} was assembled with {', '.join(found)}: "
            f"assemble it with --feature-set {needed}, or train and register a new model"
        )
    return read_inputs(lake, model.features, run_date).where(F.col("TARGET").isNull())
