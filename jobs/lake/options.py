"""Options that several verbs share, and the `Job` they amount to."""

import argparse
import math
import os
from datetime import date
from pathlib import Path

from pyspark.sql import SparkSession

from jobs.lake.job import Job
from jobs.lake.tables import Lake, parse_run_date
from jobs.runtime.addresses import is_elsewhere, is_plain_folder, resolve
from jobs.runtime.errors import UserError
from jobs.runtime.session import chosen_engine, open_session
from jobs.runtime.settings import Settings

RUN_DATE = "{run_date}"
"""In --input: where the run date stands in the address."""
INPUT = f"the delivery's folder or address; {RUN_DATE} in it is the run date"
"""What --input is."""


def add_lake(parser: argparse.ArgumentParser) -> None:
    """--lake."""
    parser.add_argument("--lake", default="lake", help="the lake's folder or address (default: %(default)s)")


def add_run_date(parser: argparse.ArgumentParser) -> None:
    """--run-date, --lake and --wait."""
    parser.add_argument("--run-date", required=True, metavar="DATE", help="the delivery's date, as 2018-05-17")
    add_lake(parser)
    add_wait(parser)


def add_wait(parser: argparse.ArgumentParser) -> None:
    """--wait."""
    parser.add_argument(
        "--wait",
        type=minutes,
        default=0.0,
        metavar="MINUTES",
        help="how long to wait where another process writes into the lake (default: end with 6 at once)",
    )


def minutes(text: str) -> float:
    """A number of minutes, not negative; argparse tells the operator where it is none."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError(text)
    return number


def add_input(parser: argparse.ArgumentParser) -> None:
    """--input."""
    parser.add_argument("--input", required=True, metavar="DIR", help=INPUT)


def input_of(arguments: argparse.Namespace, job: Job) -> str:
    """The address of the delivery's files."""
    return input_at(arguments.input, job.lake.spark, job.run_date)


def input_at(text: str, spark: SparkSession, run_date: date) -> str:
    """The address of a delivery's files, where what was written may name the run date by its place."""
    return str(resolve(spark, text.replace(RUN_DATE, run_date.isoformat()), "--input"))


def open_lake(arguments: argparse.Namespace, settings: Settings) -> Lake:
    """The lake that the options name, with a session named after the verb."""
    is_here = is_plain_folder(arguments.lake)
    engine = chosen_engine(settings.session.engine, arguments.verb, arguments.env, is_here)
    return Lake.open(arguments.lake, open_session(arguments.verb, engine, arguments.env))


def open_job(arguments: argparse.Namespace, settings: Settings) -> Job:
    """The job that the options name."""
    run_date = parse_run_date(arguments.run_date)
    return Job(open_lake(arguments, settings), run_date, settings, arguments.wait)


def folder_here(text: str | None, option: str = "--output") -> Path | None:
    """The folder of this machine that an operator wrote; None where he wrote none.

    Raises:
        UserError: It could not be written to after the work.
    """
    if text is None:
        return None
    folder = path_here(text, option)
    check_folder(folder, option)
    return folder


def file_here(text: str | None, option: str = "--output") -> Path | None:
    """The file of this machine that an operator wrote; None where he wrote none.

    Raises:
        UserError: It could not be written after the work.
    """
    if text is None:
        return None
    file = path_here(text, option)
    if os.path.isdir(file):
        raise UserError(f"{option} {file} is a folder: name a file in it")
    check_folder(file.parent, option)
    return file


def path_here(text: str, option: str) -> Path:
    """The path; an address is refused as it was written, because its file system would become a folder's name."""
    if is_elsewhere(text):
        raise UserError(f"{option} {text} is not on this machine: name a place here, and copy from it")
    return Path(text)


def check_folder(output: Path, option: str = "--output") -> None:
    """Refuse before the work a folder that could not be written to after it."""
    there = next(place for place in (output, *output.absolute().parents) if os.path.exists(place))
    if not os.path.isdir(there):
        raise UserError(f"{option} {output}: {there} is a file: name a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{option} {output}: {there} can't be written to: name another folder")
