"""A registered version to champion, by an operator's decision, where the gates hold against the champion there is."""

import argparse

from jobs.lake.job import Job
from jobs.lake.options import add_lake, add_wait, open_lake
from jobs.lake.tables import Lake
from jobs.promotion import succession
from jobs.registry.store import connect
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Settings

HELP = "make a registered version champion, where the gates hold"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_lake(parser)
    add_wait(parser)
    parser.add_argument("--version", type=int, required=True, metavar="N", help="the version to promote")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for whoever reads the history")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    promote(open_lake(arguments, settings), settings, arguments.version, arguments.reason, arguments.wait)


def promote(lake: Lake, settings: Settings, version: int, reason: str = "", wait: float = 0) -> None:
    """Try the gates again, against today's champion, and make the version champion.

    Args:
        lake: Where those are that it was measured by.
        settings: The limits of the gates, and where the registry is.
        version: In the registry.
        reason: What the history says.
        wait: Minutes to wait for the lake.

    Raises:
        GateRefused: A gate refused it; the champion stays.
    """
    store = connect(lake.address, settings.mlflow)
    candidate = store.versions.listed_version(version)
    training = store.runs.training(candidate.run_id)
    if training.lake != str(lake.address):
        raise UserError(f"version {version} was trained on {training.lake}: promote it with --lake {training.lake}")
    job = Job(lake, training.run_date, settings, wait)
    with job.step("promote") as step:
        step.with_model(version, candidate.sha256)
        champion = store.versions.champion()  # read under the lock: who is beaten is who is replaced
        if candidate == champion:
            step.say(f"version {version} is champion already")
            return
        succession.try_gates(job, step, store, training, candidate, champion)
        succession.change_champion(lake, store, "promote", champion, candidate, reason)
        step.say(f"version {version} is champion")
        succession.say_what_is_next(job, step, candidate)
