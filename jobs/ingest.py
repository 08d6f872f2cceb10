"""A delivery's CSV files to checked, typed Delta tables."""

import argparse
from collections.abc import Callable, Mapping, Sequence

from jobs.lake.checks import Check, Checked, check_tables, keeping, problems
from jobs.lake.checks_table import write_counts
from jobs.lake.comparison import Compared
from jobs.lake.delivery_files import fingerprint, open_folder
from jobs.lake.descriptions import DESCRIPTIONS, Descriptions, read_descriptions
from jobs.lake.figures import Kind
from jobs.lake.job import Job, Step
from jobs.lake.options import INPUT, add_run_date, input_of, open_job
from jobs.lake.requeue import requeue
from jobs.lake.tables import (
    CHECKS,
    REFUSED_CHECKS,
    REFUSED_QUARANTINE,
    quarantine_table,
    refused_quarantine_table,
    source_table,
)
from jobs.lake.usual import compared_with_before, unusual
from jobs.runtime.addresses import resolve
from jobs.runtime.errors import ContractBroken, UserError
from jobs.runtime.settings import Settings

HELP = "check a delivery's CSV files into Delta tables"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--input", metavar="DIR", help=INPUT)
    source.add_argument(
        "--requeue",
        metavar="FILE",
        help="take rows of the delivery's quarantine that were mended in the CSV file that `quarantine --export` wrote",
    )
    parser.add_argument("--check", action="store_true", help="only check: write no table")
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="CHECK",
        help="take the delivery though this figure is not as usual: a name as the refusal says it; repeatable",
    )
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="why what --accept names or --requeue brings is right"
    )


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    if arguments.requeue:
        requeue_file(arguments, settings)
        return
    accepted = accepted_of(arguments.accept, arguments.reason)
    job = open_job(arguments, settings)
    source = input_of(arguments, job)
    if arguments.check:
        check(job, source, accepted)
    else:
        ingest(job, source, accepted)


def requeue_file(arguments: argparse.Namespace, settings: Settings) -> None:
    """Take mended rows; they have a reason of their own, with or without a figure that is accepted.

    Raises:
        UserError: --check, which is of whole deliveries, is among the options.
    """
    if arguments.check:
        raise UserError("--check goes with --input: mended rows are taken where they keep the contract, or not")
    accepted = accepted_of(arguments.accept, arguments.reason if arguments.accept else "")
    job = open_job(arguments, settings)
    file = str(resolve(job.lake.spark, arguments.requeue, "--requeue"))
    requeue(job, file, arguments.reason.strip(), accepted)


def accepted_of(names: Sequence[str], reason: str) -> dict[str, str]:
    """What --accept and --reason say.

    Raises:
        UserError: There is one without the other, or no figure is called so.
    """
    if bool(names) != bool(reason.strip()):
        missing = "--reason: write why it is right" if names else "--accept: name what is right"
        raise UserError(f"{'--accept' if names else '--reason'} comes without {missing}")
    for name in names:
        if name.partition(":")[0] not in set(Kind):
            raise UserError(f"--accept {name}: no figure is called so, there are {', '.join(Kind)}")
    return dict.fromkeys(names, reason.strip())


def ingest(job: Job, source: str, accepted: Mapping[str, str] | None = None) -> None:
    """Publish a delivery: every table is checked before the first is written, the delivery's record comes last.

    Args:
        job: The lake and run_date.
        source: The folder or address of the files.
        accepted: Figures that are taken though they are not as usual, with the reason.

    Raises:
        UserError: A file is not there.
        ContractBroken: A file can't be read, is missing a column, holds half rows, more of its rows are refused than
            allowed, or a figure is not as in the deliveries before. Refused rows and counts are kept apart from those
            of the delivery that is published, which stays as it was.
    """
    with job.step("ingest") as step, keeping() as kept:
        folder = open_folder(job.lake.spark, source)
        files = fingerprint(folder)  # before they are read: what comes meanwhile is seen as new
        descriptions = describe(step, read_descriptions(folder))
        checked = check_tables(folder, step, kept)
        taken, refused = (sum(table.rows(check) for table in checked) for check in (Check.ACCEPTED, Check.REFUSED))
        step.counted(taken + refused, 0, taken + refused)
        if refusal := problems(checked, job.settings.ingest):
            write_checks(job, checked, (), REFUSED_CHECKS, refused_quarantine_table)
            refused_rows = f"  the refused rows and why: {job.lake.path(REFUSED_QUARANTINE)}"
            raise ContractBroken("\n".join([*refusal, refused_rows]))
        compared = compared_with_before(job, step, checked, accepted or {})
        if unlike := unusual(compared):
            write_checks(job, checked, compared, REFUSED_CHECKS, refused_quarantine_table)
            raise unlike
        versions = {table.table.name: write_table(job, table, descriptions, step) for table in checked}
        write_checks(job, checked, compared, CHECKS, quarantine_table)
        job.lake.record_delivery(job.run_date, source, versions, files)
        step.counted(taken + refused, taken, refused)
        step.say(f"{taken:,} rows in {len(versions)} tables")


def check(job: Job, source: str, accepted: Mapping[str, str] | None = None) -> None:
    """Say what `ingest` would, and write nothing.

    Raises:
        UserError, ContractBroken: As `ingest`.
    """
    step = Step("check")
    with keeping() as kept:
        folder = open_folder(job.lake.spark, source)
        describe(step, read_descriptions(folder))
        checked = check_tables(folder, step, kept)
        if refusal := problems(checked, job.settings.ingest):
            raise ContractBroken("\n".join(refusal))
        compared = compared_with_before(job, step, checked, accepted or {})
        if unlike := unusual(compared):
            raise unlike
    step.say("nothing was written")


def describe(step: Step, descriptions: Descriptions) -> Descriptions:
    """Warn of a description file that was left out."""
    if descriptions.left_out:
        step.warn(f"{DESCRIPTIONS}: left out, {descriptions.left_out}")
    return descriptions


def write_table(job: Job, checked: Checked, descriptions: Descriptions, step: Step) -> int:
    """Write a source table's accepted rows and what its columns mean; gives the version."""
    table = checked.table
    comments = {
        column.name: descriptions.of_column.get((table.name, column.name), column.about) for column in table.columns
    }
    version = job.lake.replace(source_table(table.name), checked.accepted, job.run_date, comments)
    step.measure(f"{table.name} rows", checked.rows(Check.ACCEPTED))
    return version


def write_checks(
    job: Job,
    checked: Sequence[Checked],
    compared: Sequence[Compared],
    checks: str,
    quarantine: Callable[[str], str],
) -> None:
    """Keep what was counted and compared, and the refused rows with their reasons.

    Args:
        job: The delivery.
        checked: Its tables.
        compared: Its figures.
        checks: Where to keep the counts.
        quarantine: Where to keep the refused rows of the source table of a name.
    """
    write_counts(job.lake, job.run_date, checks, checked, compared)
    for table in checked:
        name = quarantine(table.table.name)
        if table.rows(Check.REFUSED) or job.lake.exists(name):
            job.lake.replace(name, table.refused(), job.run_date)
