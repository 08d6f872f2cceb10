"""Back to a version that was champion before. No gate is tried: it passed them, and what replaced it is in doubt."""

import argparse
from collections.abc import Sequence

from jobs.lake.job import Job
from jobs.lake.options import add_lake, add_wait, open_lake
from jobs.lake.tables import Lake
from jobs.promotion import succession
from jobs.registry.store import Store, connect
from jobs.registry.versions import Registered
from jobs.runtime.errors import TryAgain, UserError
from jobs.runtime.settings import Settings

HELP = "go back to the champion before this one"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_lake(parser)
    add_wait(parser)
    parser.add_argument("--to", type=int, metavar="N", help="an earlier champion (default: the one before this one)")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for whoever reads the history")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    rollback(open_lake(arguments, settings), settings, arguments.to, arguments.reason, arguments.wait)


def rollback(lake: Lake, settings: Settings, to: int | None = None, reason: str = "", wait: float = 0) -> None:
    """Make an earlier champion score again. The one that it replaces is not made champion by `register` any more.

    Args:
        lake: Whose history names the earlier champions.
        settings: Where the registry is.
        to: The version; None takes the champion before this one.
        reason: What the history says.
        wait: Minutes to wait for the lake.

    Raises:
        ModelRefused: The earlier champion's file is not there or was changed.
        TryAgain: Another process changed the champion meanwhile.
    """
    store = connect(lake.address, settings.mlflow)
    change = champion_and_target(lake, store, to)
    champion, target = change
    job = Job(lake, store.runs.training(target.run_id).run_date, settings, wait)
    with job.step(succession.ROLLBACK) as step:
        step.with_model(target.version, target.sha256)
        if champion_and_target(lake, store, to) != change:
            raise TryAgain("the champion has just been changed by another process: see `status`, and try again")
        store.versions.registered_model(target)
        succession.change_champion(lake, store, succession.ROLLBACK, champion, target, reason)
        step.say(f"version {target.version} is champion again, after version {champion.version}")
        succession.say_what_is_next(job, step, target)


def champion_and_target(lake: Lake, store: Store, to: int | None) -> tuple[Registered, Registered]:
    """The version that scores now, and the one to go back to."""
    champion = store.versions.need_champion()
    version = earlier_champion(succession.history(lake), champion.version, to)
    return champion, store.versions.listed_version(version)


def earlier_champion(changes: Sequence[succession.Promotion], champion: int, to: int | None) -> int:
    """The version to go back to.

    Raises:
        UserError: There is none, or the history does not say which.
    """
    champions = succession.succession(changes)
    if to is not None:
        if to == champion:
            raise UserError(f"--to {to} is the champion")
        if to not in {change.to_version for change in changes}:
            raise UserError(f"--to {to} was never champion here: `promote --version {to}` tries the gates first")
        return to
    if champions[-1:] != [champion]:
        raise UserError(
            f"this lake did not make version {champion} champion, so what came before is not known: name it with --to N"
        )
    if len(champions) == 1:
        raise UserError(f"version {champion} is the first champion: there is none to go back to")
    return champions[-2]
