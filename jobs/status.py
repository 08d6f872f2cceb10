"""What a lake holds, what in it is stale, which model scores, and how it came to."""

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jobs.lake.night import distinct
from jobs.lake.options import add_lake, open_lake
from jobs.lake.overview import Delivery, overview
from jobs.lake.step_log import FOLLOWS, StepRun, stale_verbs
from jobs.lake.tables import SCORES, Lake
from jobs.model.measures import Interval
from jobs.promotion import succession
from jobs.promotion.succession import Promotion
from jobs.registry.store import Store, connect
from jobs.registry.versions import Registered
from jobs.runtime.errors import NotKept
from jobs.runtime.settings import Mlflow, Settings

HELP = "show the nights of a lake, its newest delivery, what is stale, the champion and the challenger"

# Before one of these there is no model, and no store that would not have to be made first.
WITH_MODELS = {"train", "register", "score"}

NO_CHAMPION = "none yet: run `train` and `register`"
PROMOTIONS_SHOWN = 5
NIGHTS_SHOWN = 10
WIDTH = 160
"""Of what is no terminal."""


@dataclass(frozen=True)
class Version:
    """A registered model, as its training run measured it, where that is kept, and as the gates last judged it."""

    name: str
    version: int
    sha256: str
    run_id: str
    auc: Interval | None
    validation: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_lake(parser)
    parser.add_argument("--all", action="store_true", help=f"every night (default: the newest {NIGHTS_SHOWN})")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    status(open_lake(arguments, settings), settings.mlflow, None if arguments.all else NIGHTS_SHOWN)


def status(lake: Lake, mlflow: Mlflow, most: int | None = NIGHTS_SHOWN) -> None:
    """Print what is there; nothing is written and the lake is not locked.

    Args:
        lake: The lake to look at.
        mlflow: Where its models are kept.
        most: So many nights, the newest first; None shows all.
    """
    console = Console(soft_wrap=True, width=None if Console().is_terminal else WIDTH)
    deliveries = overview(lake)
    if not deliveries:
        console.print(f"no delivery in {lake.root} yet: run `ingest` first")
        return
    steps = [step for delivery in deliveries for step in delivery.finished.values()]
    trained = any(step.verb in WITH_MODELS for step in steps)
    champion, challenger = find_versions(lake, mlflow) if trained else (None, None)
    shown = deliveries[:most]
    console.print(nights_table(shown, len(deliveries)))
    console.print(delivery_table(deliveries[0]))
    console.print(steps_table(deliveries[0].steps))
    findings = [*stale_deliveries(shown), *stale_scores(scoring_models(lake, shown), champion)]
    console.print("\nStale\n  " + "\n  ".join(findings) if findings else "\nNothing is stale.", highlight=False)
    console.print(f"\nChampion\n  {describe(champion) or NO_CHAMPION}", highlight=False)
    if challenger:
        console.print(f"Challenger\n  {describe(challenger)}, gates {challenger.validation}", highlight=False)
    changes = succession.history(lake)
    if changes:
        console.print(promotions_table(changes))


def find_versions(lake: Lake, mlflow: Mlflow) -> tuple[Version | None, Version | None]:
    """The champion and the challenger of the lake's store, as far as there are any."""
    store = connect(lake.address, mlflow)
    return as_version(store, store.versions.champion()), as_version(store, store.versions.challenger())


def as_version(store: Store, registered: Registered | None) -> Version | None:
    """A version with its measures; None of none."""
    if registered is None:
        return None
    try:
        auc = store.runs.training(registered.run_id).auc
    except NotKept:
        auc = None
    return Version(
        store.versions.name,
        registered.version,
        registered.sha256,
        registered.run_id,
        auc,
        store.versions.validation(registered),
    )


def scoring_models(lake: Lake, deliveries: Sequence[Delivery]) -> dict[date, frozenset[str]]:
    """The hashes of the models whose scores a run_date has."""
    return distinct(lake, SCORES, [delivery.run_date for delivery in deliveries], "model_sha256")


def stale_deliveries(deliveries: Sequence[Delivery]) -> Iterator[str]:
    """A sentence for each step whose input was written again after it ran, the oldest delivery first."""
    for delivery in reversed(deliveries):
        yield from stale_steps(delivery.finished.values(), delivery.run_date, delivery.versions)


def stale_steps(steps: Iterable[StepRun], run_date: date, delivered: Mapping[str, int] | None = None) -> Iterator[str]:
    """A sentence for each step of a run date whose input was written again after it ran."""
    for verb in stale_verbs(steps, run_date, delivered):
        yield f"{run_date}: `{FOLLOWS[verb]}` ran after `{verb}`: run `{verb}` again"


def stale_scores(models: Mapping[date, frozenset[str]], champion: Version | None) -> Iterator[str]:
    """A sentence for each run_date that another model than the champion scored."""
    for run_date in sorted(models):
        if champion and models[run_date] - {champion.sha256}:
            yield f"{run_date}: scored by another model than the champion: run `score` and `explain` again"


def nights_table(nights: Sequence[Delivery], of: int) -> Table:
    """A line for each night: what came of it, how many were scored and how, and by which version."""
    title = f"Nights, the newest {len(nights)} of {of}" if len(nights) < of else "Nights"
    table = Table(title=title, title_justify="left", box=None)
    for heading in ("run_date", "last (UTC)", "outcome"):
        table.add_column(heading)
    for heading in ("rows", "refused", "new", "scored", "declined", "model"):
        table.add_column(heading, justify="right")
    table.add_column("why")
    for night in nights:
        last, score = night.last, night.finished.get("score")
        measures = score.measures if score else {}
        table.add_row(
            str(night.run_date),
            f"{last.finished:%Y-%m-%d %H:%M}" if last else "",
            f"{last.verb} {last.outcome}" if last else "",
            f"{sum(night.accepted.values()):,}",
            f"{sum(night.refused.values()):,}",
            *[f"{measures[name]:,.0f}" if name in measures else "" for name in ("applicants", "scored", "declined")],
            str(score.model_version or "") if score else "",
            escape(last.reason) if last else "",
        )
    return table


def delivery_table(delivery: Delivery) -> Table:
    """The tables of one delivery."""
    table = Table(title=f"\nDelivery {delivery.run_date} from {delivery.source}", title_justify="left", box=None)
    table.add_column("table")
    for heading in ("version", "rows", "refused"):
        table.add_column(heading, justify="right")
    for state in delivery.tables():
        refused = "" if state.refused is None else f"{state.refused:,}"
        version = "" if state.version is None else str(state.version)
        table.add_row(state.name, version, f"{state.rows:,}", refused)
    return table


def steps_table(steps: Sequence[StepRun]) -> Table:
    """The latest run of each step of a delivery."""
    table = Table(title="\nSteps", title_justify="left", box=None)
    for heading in ("run_date", "step", "finished (UTC)", "outcome"):
        table.add_column(heading)
    table.add_column("seconds", justify="right")
    latest = {step.verb: step for step in steps}
    for step in sorted(latest.values(), key=lambda step: step.finished):
        finished, seconds = f"{step.finished:%Y-%m-%d %H:%M:%S}", f"{step.seconds:.1f}"
        table.add_row(str(step.run_date), step.verb, finished, str(step.outcome), seconds)
    return table


def describe(version: Version | None) -> str:
    """A version in a line; nothing of none."""
    if version is None:
        return ""
    named = f"{version.name} version {version.version}"
    if version.auc is None:
        return f"{named}, AUC unknown, run {version.run_id} is not in the store any more"
    return (
        f"{named}, AUC {version.auc.value:.4f} ({version.auc.low:.4f} to {version.auc.high:.4f}), run {version.run_id}"
    )


def promotions_table(changes: Sequence[Promotion]) -> Table:
    """The last changes of champion, newest first."""
    table = Table(title="Changes of champion", title_justify="left", box=None)
    for heading in ("finished (UTC)", "verb", "by", "version", "reason"):
        table.add_column(heading)
    for change in list(reversed(changes))[:PROMOTIONS_SHOWN]:
        versions = f"{change.from_version or 'none'} to {change.to_version}"
        table.add_row(f"{change.finished:%Y-%m-%d %H:%M:%S}", change.verb, change.by, versions, escape(change.reason))
    return table
