"""What a lake holds, what in it is stale, which model scores, and how it came to."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pyspark.sql import functions as F
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jobs.lake import contents
from jobs.lake.contents import StepRun, TableState
from jobs.lake.options import add_lake, open_lake
from jobs.lake.tables import DELIVERIES, SCORES, Lake
from jobs.model.measures import Interval
from jobs.promotion import succession
from jobs.promotion.succession import Promotion
from jobs.registry.store import Store, connect
from jobs.registry.versions import Registered
from jobs.runtime.settings import Mlflow, Settings

HELP = "show the deliveries of a lake, its tables, what is stale, the champion and the challenger"

# Before one of these there is no model, and no store that would not have to be made first.
WITH_MODELS = {"train", "register", "score"}

NO_CHAMPION = "none yet: run `train` and `register`"
PROMOTIONS_SHOWN = 5


@dataclass(frozen=True)
class Delivery:
    """A delivery of the lake and the rows that it has in each table."""

    run_date: date
    source: str
    tables: tuple[TableState, ...]


@dataclass(frozen=True)
class Version:
    """A registered model, as its training run measured it and as the gates last judged it."""

    name: str
    version: int
    sha256: str
    run_id: str
    auc: Interval
    validation: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_lake(parser)


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    status(open_lake(arguments, settings), settings.mlflow)


def status(lake: Lake, mlflow: Mlflow) -> None:
    """Print what is there; nothing is written and the lake is not locked.

    Args:
        lake: The lake to look at.
        mlflow: Where its models are kept.
    """
    console = Console(soft_wrap=True)
    deliveries = find_deliveries(lake)
    if not deliveries:
        console.print(f"no delivery in {lake.root} yet: run `ingest` first")
        return
    steps = contents.latest_steps(lake)
    trained = any(step.verb in WITH_MODELS for step in steps)
    champion, challenger = find_versions(lake, mlflow) if trained else (None, None)
    for delivery in deliveries:
        console.print(delivery_table(delivery))
    console.print(steps_table(steps))
    findings = [*stale_steps(steps), *stale_scores(scoring_models(lake), champion)]
    console.print("\nStale\n  " + "\n  ".join(findings) if findings else "\nNothing is stale.", highlight=False)
    console.print(f"\nChampion\n  {describe(champion) or NO_CHAMPION}", highlight=False)
    if challenger:
        console.print(f"Challenger\n  {describe(challenger)}, gates {challenger.validation}", highlight=False)
    changes = succession.history(lake)
    if changes:
        console.print(promotions_table(changes))


def find_deliveries(lake: Lake) -> tuple[Delivery, ...]:
    """Every delivery of the lake, oldest first."""
    if not lake.exists(DELIVERIES):
        return ()
    rows = lake.read(DELIVERIES).select("run_date", "source").orderBy("run_date").collect()
    return tuple(Delivery(row["run_date"], row["source"], contents.tables_of(lake, row["run_date"])) for row in rows)


def find_versions(lake: Lake, mlflow: Mlflow) -> tuple[Version | None, Version | None]:
    """The champion and the challenger of the lake's store, as far as there are any."""
    store = connect(lake.address, mlflow)
    return as_version(store, store.versions.champion()), as_version(store, store.versions.challenger())


def as_version(store: Store, registered: Registered | None) -> Version | None:
    """A version with its measures; None of none."""
    if registered is None:
        return None
    auc = store.runs.training(registered.run_id).auc
    return Version(
        store.versions.name,
        registered.version,
        registered.sha256,
        registered.run_id,
        auc,
        store.versions.validation(registered),
    )


def scoring_models(lake: Lake) -> dict[date, set[str]]:
    """The hashes of the models whose scores a run_date has."""
    if not lake.exists(SCORES):
        return {}
    rows = lake.read(SCORES).groupBy("run_date").agg(F.collect_set("model_sha256").alias("models")).collect()
    return {row["run_date"]: set(row["models"]) for row in rows}


def stale_steps(steps: Sequence[StepRun]) -> Iterator[str]:
    """A sentence for each step whose input was written again after it ran."""
    for run_date in sorted({step.run_date for step in steps}):
        for verb in contents.stale_verbs(steps, run_date):
            yield f"{run_date}: `{contents.FOLLOWS[verb]}` ran after `{verb}`: run `{verb}` again"


def stale_scores(models: Mapping[date, set[str]], champion: Version | None) -> Iterator[str]:
    """A sentence for each run_date that another model than the champion scored."""
    for run_date in sorted(models):
        if champion and models[run_date] - {champion.sha256}:
            yield f"{run_date}: scored by another model than the champion: run `score` and `explain` again"


def delivery_table(delivery: Delivery) -> Table:
    """The tables of one delivery."""
    table = Table(title=f"Delivery {delivery.run_date} from {delivery.source}", title_justify="left", box=None)
    table.add_column("table")
    for heading in ("version", "rows", "refused"):
        table.add_column(heading, justify="right")
    for state in delivery.tables:
        refused = "" if state.refused is None else f"{state.refused:,}"
        table.add_row(state.name, str(state.version), f"{state.rows:,}", refused)
    return table


def steps_table(steps: Sequence[StepRun]) -> Table:
    """The latest run of each step."""
    table = Table(title="Steps", title_justify="left", box=None)
    for heading in ("run_date", "step", "finished (UTC)"):
        table.add_column(heading)
    table.add_column("seconds", justify="right")
    for step in steps:
        table.add_row(str(step.run_date), step.verb, f"{step.finished:%Y-%m-%d %H:%M:%S}", f"{step.seconds:.1f}")
    return table


def describe(version: Version | None) -> str:
    """A version in a line; nothing of none."""
    if version is None:
        return ""
    auc = f"AUC {version.auc.value:.4f} ({version.auc.low:.4f} to {version.auc.high:.4f})"
    return f"{version.name} version {version.version}, {auc}, run {version.run_id}"


def promotions_table(changes: Sequence[Promotion]) -> Table:
    """The last changes of champion, newest first."""
    table = Table(title="Changes of champion", title_justify="left", box=None)
    for heading in ("finished (UTC)", "verb", "by", "version", "reason"):
        table.add_column(heading)
    for change in list(reversed(changes))[:PROMOTIONS_SHOWN]:
        versions = f"{change.from_version or 'none'} to {change.to_version}"
        table.add_row(f"{change.finished:%Y-%m-%d %H:%M:%S}", change.verb, change.by, versions, escape(change.reason))
    return table
