"""A stored decision on one applicant, made again from the versions that it was made from."""

import argparse

from rich.console import Console
from rich.table import Table

from jobs.lake.job import Job
from jobs.lake.options import add_run_date, open_job
from jobs.monitoring.replaying import Replayed, replay_decision
from jobs.registry.store import connect
from jobs.runtime.errors import LimitPassed
from jobs.runtime.settings import Settings

HELP = "make a stored decision on an applicant again, and hold it against what was stored"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument("--applicant", type=int, required=True, metavar="ID", help="SK_ID_CURR of whom was decided on")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    replay(open_job(arguments, settings), arguments.applicant)


def replay(job: Job, applicant: int) -> Replayed:
    """Print what agreed, what differs, and what is gone and why. Nothing is written, and the lake is not locked.

    Args:
        job: The delivery.
        applicant: SK_ID_CURR.

    Raises:
        UserError: There is no such decision, or its versions were never remembered.
        LimitPassed: A part came out otherwise than it was stored.
    """
    replayed = replay_decision(job, connect(job.lake.address, job.settings.mlflow), applicant)
    console = Console(width=None if Console().is_terminal else 160)
    console.print(as_table(job, replayed), highlight=False)
    for sentence in replayed.sentences:
        console.print(f"  {sentence}", highlight=False, markup=False)
    if replayed.differing:
        names = ", ".join(part.name for part in replayed.differing)
        raise LimitPassed(f"--applicant {applicant} of {job.run_date}: not as it was stored: {names}")
    return replayed


def as_table(job: Job, replayed: Replayed) -> Table:
    """The parts, one a line."""
    table = Table(title=f"Applicant {replayed.applicant}, delivery of {job.run_date}", title_justify="left", box=None)
    table.add_column("part")
    table.add_column("replayed")
    table.add_column("from", overflow="fold")
    for part in replayed.parts:
        table.add_row(part.name, part.word, part.said)
    return table
