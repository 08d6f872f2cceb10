"""How far a delivery's new applicants have moved, what moved their scores, and whether a limit is passed."""

import argparse
from pathlib import Path

from jobs.lake import contents
from jobs.lake.job import Job
from jobs.lake.options import add_run_date, file_here, open_job
from jobs.monitoring.history import read_nights
from jobs.monitoring.watching import keep, watch
from jobs.pages import monitoring_page
from jobs.registry.store import connect
from jobs.runtime.errors import LimitPassed
from jobs.runtime.settings import Settings

HELP = "hold a scored delivery against the applicants that its model was trained on"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="where to write the page (default: reports/monitoring/DATE.html in a local lake)",
    )


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    output = file_here(arguments.output)
    monitor(open_job(arguments, settings), output)


def monitor(job: Job, output: Path | None = None) -> Path | None:
    """Replace what `operations/` says of the delivery's monitoring and write its page; gives the page's path.

    Args:
        job: The delivery, which was scored before.
        output: Where to write the page; None takes the lake's own place, where it has one.

    Raises:
        UserError: It is not scored, or assembled otherwise since.
        NotKept: The model has no reference, and none can be made.
        ModelRefused: The model's file was changed, or the delivery is assembled with another feature set.
        LimitPassed: A limit of [monitor] is passed. Tables and page are written all the same.
    """
    with job.step("monitor") as step:
        if contents.has_nobody_new(job.lake, job.run_date):
            step.say("nobody to monitor: every applicant of the delivery has a TARGET")
            return None
        watched = watch(job, step, connect(job.lake.address, job.settings.mlflow))
        keep(job, watched)
        path = output or job.lake.monitoring_page(job.run_date)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            nights = read_nights(job.lake, job.run_date)
            path.write_text(monitoring_page.html(watched, nights, job.settings), encoding="utf-8")
            step.say(f"page: {path}")
        step.say(watched.said)
        step.measure("score shift", watched.scores.index)
        step.measure("findings", len(watched.findings))
        if watched.findings:
            said = f"{job.run_date} passes limits; its scores stand as they are"
            raise LimitPassed("\n".join([said, *map(indented, watched.findings)]))
        return path


def indented(finding: str) -> str:
    """A finding as a line of a message."""
    return f"  {finding}"
