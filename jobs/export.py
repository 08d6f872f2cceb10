"""Scores and reasons as one CSV file, for whoever writes the letters."""

import argparse
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.spec import KEY
from jobs.lake.csv_output import write_whole
from jobs.lake.job import Job
from jobs.lake.options import add_run_date, check_folder, open_job, path_here
from jobs.lake.tables import EXPLANATIONS
from jobs.runtime.errors import UserError
from jobs.runtime.settings import MOST_REASONS, Settings
from jobs.scoring.scores_table import read_scores

HELP = "write a delivery's scores and reasons as one CSV file"

REASONS = tuple(f"reason_{place}" for place in range(1, MOST_REASONS + 1))
COLUMNS = (KEY, "run_date", "probability", "score", "decision", *REASONS, "reason_not_scored", "model_version")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument("--output", required=True, metavar="DIR", help="the local folder to put scores-DATE.csv into")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    folder = path_here(arguments.output, "--output")
    check_folder(folder)
    export(open_job(arguments, settings), folder)


def export(job: Job, folder: Path) -> Path:
    """Write `COLUMNS` of every new applicant of the delivery, in the order of the identifiers; gives the file's path.

    The file is there whole or not at all: a run that breaks leaves the one that was there before.

    Raises:
        UserError: The delivery is not scored, or its scores are not explained.
    """
    with job.step("export") as step:
        rows = letters(job)
        path = letters_file(folder, job.run_date)
        written = write_whole(path, COLUMNS, rows.orderBy(KEY).toLocalIterator())
        step.say(f"{written:,} applicants in {path}")
        step.counted(written, written)
        step.measure("exported", written)
        return path


def letters_file(folder: Path, run_date: date) -> Path:
    """Where the CSV file of a delivery goes."""
    return folder / f"scores-{run_date.isoformat()}.csv"


def letters(job: Job) -> DataFrame:
    """`COLUMNS`, a row for each new applicant."""
    scores = read_scores(job)
    explained = job.lake.read_run_date(EXPLANATIONS, job.run_date)
    reasons = explained.select(
        KEY,
        F.col("model_sha256").alias("explained_by"),
        *[F.get("reasons.sentence", F.lit(place)).alias(name) for place, name in enumerate(REASONS)],
    )
    rows = scores.join(reasons, on=KEY, how="left")
    if not rows.where("probability is not null and not explained_by <=> model_sha256").isEmpty():
        raise UserError(f"{job.lake.path(EXPLANATIONS)} does not explain the scores of {job.run_date}: explain first")
    return rows.select(*COLUMNS)
