"""A night: what a delivery still needs until its new applicants are scored, explained and watched. For cron."""

import argparse
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs.export import export, letters_file
from jobs.lake.delivery_files import fingerprint, open_folder
from jobs.lake.job import Job, Step
from jobs.lake.night import Night, look_at
from jobs.lake.options import add_input, add_run_date, folder_here, input_of, open_job
from jobs.lake.tables import SCORES
from jobs.monitor import monitor
from jobs.registry.connection import store_uri
from jobs.registry.store import connect
from jobs.run import to_explanations
from jobs.runtime.errors import LimitPassed, NotKept, UserError
from jobs.runtime.settings import Settings

HELP = "bring a delivery from its files to watched scores, as far as it is not there yet"

WATCHES: Final[Mapping[str, Callable[[Job], object]]] = {"monitor": monitor}
"""Verbs that look at the explained scores, each of which may find that a limit is passed."""


@dataclass(frozen=True)
class Asked:
    """What a night is asked for beside its scores.

    Args:
        retrains: Train a candidate where the delivery has labelled applicants, and try the gates.
        letters: The folder for the CSV file of `export`; None for none.
    """

    retrains: bool = False
    letters: Path | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    add_input(parser)
    parser.add_argument(
        "--retrain", action="store_true", help="train a candidate on the delivery, and make it champion where it passes"
    )
    parser.add_argument("--export", metavar="DIR", help="write scores-DATE.csv into this local folder too")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    letters = folder_here(arguments.export, "--export")
    job = open_job(arguments, settings)
    nightly(job, input_of(arguments, job), Asked(arguments.retrain, letters))


def nightly(job: Job, source: str, asked: Asked) -> None:
    """Do what is left for the delivery; where nothing is, say so and write nothing.

    Who scored a delivery stays who scored it: a later champion is asked only where it has to be scored anyway.

    Args:
        job: The lake and run_date.
        source: The folder or address of the delivery's files.
        asked: What it is asked for.

    Raises:
        UserError: There is no champion, and none is to be trained.
        GateRefused: The candidate was refused. Where there is a champion, everything was done with it.
        LimitPassed: Everything was done, and a watched limit is passed or could not be watched.
    """
    store_uri(job.lake.address, job.settings.mlflow)  # a lake without a store is known now
    with job.holding("nightly"):
        files = fingerprint(open_folder(job.lake.spark, source))
        night = look_at(job.lake, [job.run_date]).of(job.run_date, files)
        learns = asked.retrains and not night.has_learned()
        left = night.left_to_learn(tuple(WATCHES)) if learns else left_to_score(job, night)
        letters = asked.letters if left or is_export_left(job, night, asked.letters) else None
        if not left and letters is None:
            job.quiet("nightly").say(f"{job.run_date} is done and its files are the same: nothing to do")
            return
        with job.line("nightly") as line:
            line.say(f"{job.run_date}: {', '.join((*left, 'export') if letters else left)} left to do")
            refused = to_explanations(job, source, left, learns)
            found = watch(job, left)
            if letters is not None:
                export_if_any(job, line, letters)
            if found:
                raise LimitPassed("\n".join(map(str, (*found, refused) if refused else found)))
            if refused is not None:
                raise refused


def left_to_score(job: Job, night: Night) -> tuple[str, ...]:
    """The verbs that are left where nothing is learned; who scores must be there before anything is taken.

    Raises:
        UserError: There is no champion.
    """
    watching = tuple(WATCHES)
    if not night.left(watching):
        return ()
    champion = connect(job.lake.address, job.settings.mlflow).versions.champion()
    if champion is None:
        raise UserError(
            "there is no champion yet to score with: train one on a delivery with application_train.csv, by `run` or "
            "by `nightly --retrain`"
        )
    return night.left_for(champion.feature_set, watching)


def watch(job: Job, left: Collection[str]) -> list[LimitPassed]:
    """Look at the explained scores; gives what the risk department is to be told: of limits, and of what can't look."""
    found = []
    for verb, look in WATCHES.items():
        if verb in left:
            try:
                look(job)
            except LimitPassed as limit:
                found.append(limit)
            except NotKept as gone:
                found.append(LimitPassed(f"the scores of {job.run_date} stand, and `{verb}` can't watch them: {gone}"))
    return found


def is_export_left(job: Job, night: Night, folder: Path | None) -> bool:
    """Whether the letters' file is asked for, and is not there or not of the scores that there are."""
    return folder is not None and not (night.is_done("export") and letters_file(folder, job.run_date).exists())


def export_if_any(job: Job, line: Step, folder: Path) -> None:
    """Write the letters' file where somebody gets a letter, with a score or without."""
    if job.lake.read_run_date(SCORES, job.run_date).isEmpty():
        line.say("nobody to export: every applicant of the delivery has a TARGET")
    else:
        export(job, folder)
