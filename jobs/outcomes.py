"""What came of applicants, merged into the lake, and held against what the model expected of them."""

import argparse

from pyspark.sql import functions as F

from features.spec import TARGET
from jobs.lake.job import Job, Step
from jobs.lake.options import add_lake, add_wait, open_lake
from jobs.lake.tables import OUTCOMES, parse_date, quarantine_table
from jobs.monitoring.outcomes import OUTCOME_KEY, SOURCE, Judged, judge, read_cells
from jobs.monitoring.settling import settle
from jobs.runtime.addresses import resolve
from jobs.runtime.session import computed_once
from jobs.runtime.settings import Settings

HELP = "take in what came of applicants, and hold it against what was expected"


def add_options(parser: argparse.ArgumentParser) -> None:
    """--input, --as-of, --lake and --wait."""
    parser.add_argument(
        "--input", required=True, metavar="FILE",
        help="a CSV file of SK_ID_CURR, TARGET, observed_on and, where it is known, run_date (else the newest delivery "
        "up to the observation that holds the applicant)",
    )  # fmt: skip
    parser.add_argument(
        "--as-of",
        required=True,
        metavar="DATE",
        help="the day that the file tells of, as 2018-11-17: later counts more",
    )
    add_lake(parser)
    add_wait(parser)


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    lake = open_lake(arguments, settings)
    as_of = parse_date(arguments.as_of, "--as-of")
    outcomes(Job(lake, as_of, settings, arguments.wait), str(resolve(lake.spark, arguments.input, "--input")))


def outcomes(job: Job, source: str) -> None:
    """Merge the file into `outcomes`, and settle every delivery of which something is known.

    The same file again changes nothing. Rows that can't be taken go to `quarantine/outcomes` with the reason.

    Args:
        job: The lake; its run_date is the day that the file tells of.
        source: The file's address.

    Raises:
        UserError: There is no such file, or no delivery up to that day.
        ContractBroken: A column is missing.
    """
    with job.step("outcomes") as step:
        judged = judge(job.lake, read_cells(job.lake.spark, source), job.run_date, source)
        with computed_once(judged.taken) as taken:  # counted and merged: one reading of the file
            counted = taken.agg(F.count("*"), F.count_if(F.col(TARGET) == 1)).first()
            assert counted is not None
            number, bad = counted
            if number:
                job.lake.merge(OUTCOMES, taken, OUTCOME_KEY)
        refused = keep_refused(job, judged, source)
        step.say(f"{number:,} outcomes new or corrected, {bad:,} of them bad; {refused:,} refused")
        step.measure("taken", number)
        step.measure("refused", refused)
        settle_if_known(job, step)


def keep_refused(job: Job, judged: Judged, source: str) -> int:
    """Keep the refused rows beside those of other files of the same day; gives how many there are."""
    quarantine = quarantine_table("outcomes")
    refused = judged.refused
    if job.lake.exists(quarantine):
        others = job.lake.read_run_date(quarantine, job.run_date).where(F.col(SOURCE) != source)
        refused = refused.unionByName(others.select(*refused.columns))
    elif refused.isEmpty():
        return 0
    version = job.lake.replace(quarantine, refused, job.run_date)
    return job.lake.read_run_date(quarantine, job.run_date, version).where(F.col(SOURCE) == source).count()


def settle_if_known(job: Job, step: Step) -> None:
    """Settle, where any outcome is there."""
    if job.lake.exists(OUTCOMES):
        for line in settle(job):
            step.say(line)
