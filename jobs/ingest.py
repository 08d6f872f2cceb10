"""A delivery's CSV files to checked, typed Delta tables."""

import argparse
from collections.abc import Callable, Mapping, Sequence

from features.contract import names
from features.rows_as_sent import few
from jobs.lake.checks import Check, Checked, check_tables, keeping, problems
from jobs.lake.checks_table import CHECK_SCHEMA, compared_row, counted_row
from jobs.lake.comparison import Compared, Verdict, compare
from jobs.lake.delivery_files import fingerprint, open_folder
from jobs.lake.descriptions import DESCRIPTIONS, Descriptions, read_descriptions
from jobs.lake.figures import Kind, applicants_before, figures_before, measure
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
from jobs.runtime.addresses import resolve
from jobs.runtime.errors import ContractBroken, UserError
from jobs.runtime.settings import Settings

HELP = "check a delivery's CSV files into Delta tables"
ACCEPTED_SHOWN = 10


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
        check_goes_with_requeue(arguments)
        job = open_job(arguments, settings)
        requeue(job, str(resolve(job.lake.spark, arguments.requeue, "--requeue")), arguments.reason.strip())
        return
    accepted = accepted_of(arguments.accept, arguments.reason)
    job = open_job(arguments, settings)
    source = input_of(arguments, job)
    if arguments.check:
        check(job, source, accepted)
    else:
        ingest(job, source, accepted)


def check_goes_with_requeue(arguments: argparse.Namespace) -> None:
    """Refuse options that are of whole deliveries."""
    for option, given in {"--check": arguments.check, "--accept": arguments.accept}.items():
        if given:
            raise UserError(f"{option} goes with --input: mended rows are taken where they keep the contract, or not")


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
        if errors := [one for one in compared if one.verdict is Verdict.ERROR]:
            write_checks(job, checked, compared, REFUSED_CHECKS, refused_quarantine_table)
            raise ContractBroken(unusual(errors), recorded_of(errors))
        versions = {table.table.name: write_table(job, table, descriptions, step) for table in checked}
        write_checks(job, checked, compared, CHECKS, quarantine_table)
        job.lake.record_delivery(job.run_date, source, versions, files)
        step.counted(taken + refused, taken, refused)
        step.say(f"{taken:,} rows in {len(versions)} tables")


def compared_with_before(
    job: Job, step: Step, checked: Sequence[Checked], accepted: Mapping[str, str]
) -> tuple[Compared, ...]:
    """The delivery's figures with what is said of each; warnings are said at once."""
    figures = measure(checked, applicants_before(job.lake, job.run_date))
    before = figures_before(job.lake, job.run_date, job.settings.checks.last)
    compared = compare(figures, before, job.settings.checks, accepted)
    for one in compared:
        if one.verdict is Verdict.WARNING:
            step.warn(one.sentence, f"unusual: {one.figure.name}")
        elif one.verdict is Verdict.ACCEPTED:
            step.warn(f"{one.sentence}: accepted, {one.reason}", f"accepted: {one.figure.name}")
    return compared


def unusual(errors: Sequence[Compared]) -> str:
    """What an operator reads of a delivery that is not like those before it."""
    lines = [f"{one.sentence} (--accept {one.figure.name})" for one in errors[:ACCEPTED_SHOWN]]
    more = [f"and {len(errors) - ACCEPTED_SHOWN} more"] if len(errors) > ACCEPTED_SHOWN else []
    return "\n".join(
        [
            "the delivery is not like those before it, and nothing was replaced:",
            *(f"  {line}" for line in [*lines, *more]),
            "send it again, or take it as it is with --accept and --reason; a kind alone, such as --accept "
            f"{errors[0].figure.kind}, accepts all of that kind",
        ]
    )


def recorded_of(errors: Sequence[Compared]) -> str:
    """As a step's row keeps it: which figures, without any level of them."""
    return f"not like the deliveries before: {few([one.figure.name for one in errors])}"


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
        if errors := [one for one in compared if one.verdict is Verdict.ERROR]:
            raise ContractBroken(unusual(errors), recorded_of(errors))
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
    version = job.lake.replace(source_table(table.name), checked.accepted.select(*names(table)), job.run_date, comments)
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
    rows = [
        *(counted_row(table.table, finding) for table in checked for finding in table.findings),
        *map(compared_row, compared),
    ]
    job.lake.replace(checks, job.lake.spark.createDataFrame(rows, CHECK_SCHEMA), job.run_date)
    for table in checked:
        name = quarantine(table.table.name)
        if table.rows(Check.REFUSED) or job.lake.exists(name):
            job.lake.replace(name, table.refused(), job.run_date)
