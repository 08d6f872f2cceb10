"""Decisions made anew from stored scores, where the threshold or the costs have changed. No model is needed."""

import argparse

from pyspark.sql import functions as F

from jobs.lake.job import Job
from jobs.lake.options import add_run_date, open_job
from jobs.lake.tables import SCORES
from jobs.monitoring.expecting import expect
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Settings
from jobs.scoring.provenance import remember_threshold
from jobs.scoring.scores_table import COMMENTS, decision, read_scores

HELP = "make a delivery's decisions anew from its stored scores"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="the probability from which an applicant is declined (default: by the costs of the settings)",
    )


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    chosen = arguments.threshold
    threshold = settings.decision.threshold if chosen is None else chosen
    if not 0 < threshold < 1:
        raise UserError(f"--threshold {threshold:g} is not between 0 and 1: write a probability, such as 0.09")
    decide(open_job(arguments, settings), threshold)


def decide(job: Job, threshold: float) -> int:
    """Replace decision and threshold in the delivery's rows of `scores`; gives how many decisions changed.

    Args:
        job: The delivery, which was scored before.
        threshold: The probability from which an applicant is declined.
    """
    with job.step("decide") as step:
        scores = read_scores(job)
        anew = decision(F.col("probability"), threshold)
        counts = scores.agg(
            F.count_if(F.col("probability").isNotNull()),
            F.count_if(~anew.eqNullSafe(F.col("decision"))),
            F.count_if(anew == "decline"),
        ).first()
        assert counts is not None
        scored, changed, declined = counts
        decided = scores.withColumns({"decision": anew, "threshold": F.lit(threshold)})
        number = job.lake.replace(SCORES, decided, job.run_date, COMMENTS)
        remember_threshold(job, number, threshold)
        expect(job, job.lake.read_run_date(SCORES, job.run_date, number))
        step.say(f"declined from {threshold:.4f} on: {declined:,} of {scored:,}, {changed:,} decisions changed")
        step.counted(scored, scored)
        step.measure("changed", changed)
        step.measure("declined", declined)
        return int(changed)
