"""Nights that were missed: each delivery of a span of dates in order, as far as it is not done."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby

from rich.console import Console

from jobs.lake.delivery_files import fingerprints
from jobs.lake.job import Job
from jobs.lake.night import look_at
from jobs.lake.options import RUN_DATE, add_input, add_lake, add_wait, input_at, open_lake
from jobs.lake.tables import parse_date
from jobs.nightly import WATCHES, Asked, nightly
from jobs.runtime.errors import ContractBroken, LimitPassed, UserError
from jobs.runtime.settings import Settings

HELP = "do the nights of a span of dates, in order, as far as they are not done"

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """What is left of a span of dates.

    Args:
        left: The run dates whose delivery is there, in order, each with the verbs that are left: none where it is done.
        missing: The run dates without a delivery, in order.
    """

    left: dict[date, tuple[str, ...]]
    missing: tuple[date, ...]

    def lines(self) -> Iterator[str]:
        """As an operator reads it."""
        for run_date, verbs in self.left.items():
            yield f"{run_date}  {', '.join(verbs) or 'done'}"
        for first, last in spans(self.missing):
            yield f"{first}  no delivery" if first == last else f"{first} to {last}  no delivery"
        nights = sum(1 for verbs in self.left.values() if verbs)
        done, missing = len(self.left) - nights, len(self.missing)
        yield f"{nights:,} nights to do, {done:,} done, {missing:,} dates without a delivery"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("--from", dest="first", required=True, metavar="DATE", help="the first run date, as 2018-05-17")
    parser.add_argument("--to", dest="last", required=True, metavar="DATE", help="the last one")
    add_lake(parser)
    add_wait(parser)
    add_input(parser)
    parser.add_argument("--dry-run", action="store_true", help="print what is left to do, and do nothing")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    first, last = parse_date(arguments.first, "--from"), parse_date(arguments.last, "--to")
    if first > last:
        raise UserError(f"--from {first} is after --to {last}: write the earlier date first")
    if RUN_DATE not in arguments.input:
        raise UserError(
            f"--input {arguments.input} names one place for all dates: write {RUN_DATE} where the date stands"
        )
    job = Job(open_lake(arguments, settings), first, settings, arguments.wait)
    plan = plan_of(job, arguments.input, last)
    Console(soft_wrap=True, highlight=False).print("\n".join(plan.lines()), markup=False)
    if not arguments.dry_run:
        backfill(job, arguments.input, plan)


def plan_of(job: Job, source: str, last: date) -> Plan:
    """What is left from the job's run date to the last one.

    Args:
        job: The lake and the first run date.
        source: Where deliveries are, with the place of the run date.
        last: The last run date.
    """
    spark, first = job.lake.spark, job.run_date
    there = fingerprints(spark, input_at(source, spark, first), first)
    dates = [first + days * DAY for days in range((last - first).days + 1)]
    nights = look_at(job.lake, [day for day in dates if day in there])
    left = {day: nights.of(day, there[day]).left(tuple(WATCHES)) for day in dates if day in there}
    return Plan(left, tuple(day for day in dates if day not in there))


def backfill(job: Job, source: str, plan: Plan) -> None:
    """Do what is left, a night after the other; one that was killed goes on where it was.

    A delivery that breaks its contract is left out, and told again in the end: the nights after it don't read it.

    Raises:
        ContractBroken: Of some dates; all others are done.
        LimitPassed: All are done, and of some a watched limit is passed.
    """
    broken: list[str] = []
    passed: list[str] = []
    for day, verbs in plan.left.items():
        if verbs:
            try:
                nightly(replace(job, run_date=day), input_at(source, job.lake.spark, day), Asked())
            except ContractBroken as problem:
                broken.append(f"{day}: {problem}")
            except LimitPassed as limit:
                passed.append(f"{day}: {limit}")
    if broken:
        raise ContractBroken("\n".join([*broken, *passed]))
    if passed:
        raise LimitPassed("\n".join(passed))


def spans(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """The first and the last of days that follow each other."""
    for _, together in groupby(enumerate(days), key=lambda numbered: numbered[1] - numbered[0] * DAY):
        run = [day for _, day in together]
        yield run[0], run[-1]
