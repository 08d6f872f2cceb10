"""A trained candidate to the registry, and to champion where the gates hold."""

import argparse

from jobs.lake.job import Job
from jobs.lake.options import add_run_date, open_job
from jobs.promotion import succession
from jobs.registry.runs import Training
from jobs.registry.store import Store, connect
from jobs.registry.versions import Registered
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Settings

HELP = "register a trained model, and make it champion where the gates hold"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument("--run-id", metavar="ID", help="the MLflow run to register (default: the delivery's latest)")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    register(open_job(arguments, settings), arguments.run_id)


def register(job: Job, run_id: str | None = None) -> int:
    """Register the candidate as challenger, try the gates, make it champion by the policy; gives its version.

    Args:
        job: The delivery whose candidate it is.
        run_id: The training run; None takes the delivery's latest finished one.

    Raises:
        UserError: The run is of another delivery, or of another lake.
        GateRefused: A gate refused it; the candidate stays challenger and the champion stays.
    """
    with job.step("register") as step:
        store = connect(job.lake.address, job.settings.mlflow)
        training = named_training(job, store, run_id) if run_id else store.runs.latest_training(job.run_date)
        champion = store.versions.champion()
        if champion is not None and champion.sha256 == training.sha256:
            step.say(f"the candidate is version {champion.version}, which is champion already")
            return champion.version
        store.runs.trained_model(training)  # a changed file is refused before it has a version
        candidate = store.versions.register(training)
        step.with_model(candidate.version, candidate.sha256)
        store.versions.make_challenger(candidate)
        succession.try_gates(job, step, store, training, candidate, champion)
        waits = why_it_waits(job, candidate, champion)
        if waits:
            step.say(f"version {candidate.version} {waits}: `promote --version {candidate.version}` makes it champion")
        else:
            succession.change_champion(job.lake, store, "register", champion, candidate, "no gate refused it")
            step.say(f"version {candidate.version} is champion")
        return candidate.version


def named_training(job: Job, store: Store, run_id: str) -> Training:
    """The run that the operator named, if it learned from the job's delivery: whom it was measured by is there only."""
    training = store.runs.training(run_id)
    if (training.lake, training.run_date) != (str(job.lake.address), job.run_date):
        raise UserError(
            f"run {run_id} was trained on {training.run_date} of {training.lake}, not on {job.run_date} of "
            f"{job.lake.address}: register it with --run-date {training.run_date} --lake {training.lake}"
        )
    return training


def why_it_waits(job: Job, candidate: Registered, champion: Registered | None) -> str | None:
    """Why a candidate that no gate refused stays challenger; None where the policy makes it champion."""
    if champion is None:
        return None
    if candidate.version in succession.rolled_back(succession.history(job.lake)):
        return "was rolled back and stays challenger"
    return None if job.settings.gates.promote else f"stays challenger of version {champion.version}"
