"""The last twelve months of a lake on one page, as a risk committee prints it."""

import argparse
from pathlib import Path

from jobs.lake.job import Job
from jobs.lake.options import add_run_date, file_here, open_job
from jobs.monitoring.committee import read_year
from jobs.pages import year_page
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Settings

HELP = "write the page of the twelve months up to a delivery"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="where to write the page (default: reports/monitoring/index.html in a local lake)",
    )


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    output = file_here(arguments.output)
    year(open_job(arguments, settings), output)


def year(job: Job, output: Path | None = None) -> Path:
    """Write the page of the twelve months up to the job's run date; gives its path.

    Args:
        job: The lake and the last delivery.
        output: Where to write; None takes the lake's own place.

    Raises:
        UserError: Nothing was monitored, or there is nowhere to write to.
    """
    with job.step("year") as step:
        path = output or job.lake.year_page
        if path is None:
            raise UserError(f"{job.lake.root} is not a local folder: say where to write the page with --output FILE")
        found = read_year(job.lake, job.run_date)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(year_page.html(found, job.settings), encoding="utf-8")
        step.say(f"{found.hits} figures within what was expected, {len(found.misses)} outside, {found.waiting} not yet")
        step.say(f"page: {path}")
        return path
