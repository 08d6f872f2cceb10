"""Options that several verbs share, and the `Job` they amount to."""

import argparse
import os
from pathlib import Path

from jobs.lake.job import Job
from jobs.lake.tables import Lake, parse_run_date
from jobs.runtime.addresses import is_elsewhere, resolve
from jobs.runtime.errors import UserError
from jobs.runtime.session import open_session
from jobs.runtime.settings import Settings


def add_lake(parser: argparse.ArgumentParser) -> None:
    """--lake."""
    parser.add_argument("--lake", default="lake", help="the lake's folder or address (default: %(default)s)")


def add_run_date(parser: argparse.ArgumentParser) -> None:
    """--run-date and --lake."""
    parser.add_argument("--run-date", required=True, metavar="DATE", help="the delivery's date, as 2018-05-17")
    add_lake(parser)


def add_input(parser: argparse.ArgumentParser) -> None:
    """--input."""
    parser.add_argument("--input", required=True, metavar="DIR", help="the delivery's folder or address")


def input_of(arguments: argparse.Namespace, job: Job) -> str:
    """The address of the delivery's files."""
    return str(resolve(job.lake.spark, arguments.input, "--input"))


def open_lake(arguments: argparse.Namespace, settings: Settings) -> Lake:
    """The lake that the options name, with a session named after the verb."""
    return Lake.open(arguments.lake, open_session(arguments.verb, settings.session.engine, arguments.env))


def open_job(arguments: argparse.Namespace, settings: Settings) -> Job:
    """The job that the options name."""
    run_date = parse_run_date(arguments.run_date)
    return Job(open_lake(arguments, settings), run_date, settings)


def check_folder(output: Path, option: str = "--output") -> None:
    """Refuse before the work a folder that could not be written to after it."""
    check_is_here(output, option)
    there = next(place for place in (output, *output.absolute().parents) if os.path.exists(place))
    if not os.path.isdir(there):
        raise UserError(f"{option} {output}: {there} is a file: name a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{option} {output}: {there} can't be written to: name another folder")


def check_is_here(output: Path, option: str) -> None:
    """Refuse an address: its file system would become a folder's name."""
    if is_elsewhere(output):
        meant = str(output).replace(":/", "://", 1)
        raise UserError(f"{option} {meant} is not on this machine: name a place here, and copy from it")


def check_file(output: Path, option: str = "--output") -> None:
    """Refuse before the work a file that could not be written after it."""
    check_is_here(output, option)
    if os.path.isdir(output):
        raise UserError(f"{option} {output} is a folder: name a file in it")
    check_folder(output.parent, option)
