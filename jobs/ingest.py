"""A delivery's CSV files to checked, typed Delta tables."""

import argparse
from collections.abc import Callable, Sequence

from features.contract import names
from jobs.lake.checks import Check, Checked, check_tables, keeping, problems
from jobs.lake.delivery_files import fingerprint, open_folder
from jobs.lake.descriptions import DESCRIPTIONS, Descriptions, read_descriptions
from jobs.lake.job import Job, Step
from jobs.lake.options import add_input, add_run_date, input_of, open_job
from jobs.lake.tables import (
    CHECKS,
    REFUSED_CHECKS,
    REFUSED_QUARANTINE,
    quarantine_table,
    refused_quarantine_table,
    source_table,
)
from jobs.runtime.errors import ContractBroken
from jobs.runtime.settings import Settings

HELP = "check a delivery's CSV files into Delta tables"
CHECK_SCHEMA = "source STRING, file STRING, check STRING, rows BIGINT"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    add_input(parser)
    parser.add_argument("--check", action="store_true", help="only check: write no table")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    job = open_job(arguments, settings)
    source = input_of(arguments, job)
    if arguments.check:
        check(job, source)
    else:
        ingest(job, source)


def ingest(job: Job, source: str) -> None:
    """Publish a delivery: every table is checked before the first is written, the delivery's record comes last.

    Raises:
        UserError: A file is not there.
        ContractBroken: A file can't be read, is missing a column, holds half rows, or more of its rows are refused than
            allowed. Refused rows and counts are kept apart from those of the delivery that is published, which stays as
            it was.
    """
    with job.step("ingest") as step, keeping() as kept:
        folder = open_folder(job.lake.spark, source)
        files = fingerprint(folder)  # before they are read: what comes meanwhile is seen as new
        descriptions = describe(step, read_descriptions(folder))
        checked = check_tables(folder, step, kept)
        taken, refused = (sum(table.rows(check) for table in checked) for check in (Check.ACCEPTED, Check.REFUSED))
        step.counted(taken + refused, 0, taken + refused)
        if refusal := problems(checked, job.settings.ingest):
            write_checks(job, checked, REFUSED_CHECKS, refused_quarantine_table)
            refused_rows = f"  the refused rows and why: {job.lake.path(REFUSED_QUARANTINE)}"
            raise ContractBroken("\n".join([*refusal, refused_rows]))
        versions = {table.table.name: write_table(job, table, descriptions, step) for table in checked}
        write_checks(job, checked, CHECKS, quarantine_table)
        job.lake.record_delivery(job.run_date, source, versions, files)
        step.counted(taken + refused, taken, refused)
        step.say(f"{taken:,} rows in {len(versions)} tables")


def check(job: Job, source: str) -> None:
    """Say what `ingest` would, and write nothing.

    Raises:
        UserError, ContractBroken: As `ingest`.
    """
    step = Step("check")
    with keeping() as kept:
        folder = open_folder(job.lake.spark, source)
        describe(step, read_descriptions(folder))
        if refusal := problems(check_tables(folder, step, kept), job.settings.ingest):
            raise ContractBroken("\n".join(refusal))
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


def write_checks(job: Job, checked: Sequence[Checked], checks: str, quarantine: Callable[[str], str]) -> None:
    """Keep what was counted, and the refused rows with their reasons.

    Args:
        job: The delivery.
        checked: Its tables.
        checks: Where to keep the counts.
        quarantine: Where to keep the refused rows of the source table of a name.
    """
    rows = [
        (table.table.name, finding.file, finding.words, finding.rows) for table in checked for finding in table.findings
    ]
    job.lake.replace(checks, job.lake.spark.createDataFrame(rows, CHECK_SCHEMA), job.run_date)
    for table in checked:
        name = quarantine(table.table.name)
        if table.rows(Check.REFUSED) or job.lake.exists(name):
            job.lake.replace(name, table.refused(), job.run_date)
