"""The whole line: from CSV files to scored and explained applicants."""

import argparse
import sys
from collections.abc import Collection
from pathlib import Path
from shlex import quote

from jobs.assemble import assemble
from jobs.explain import explain
from jobs.ingest import ingest
from jobs.lake import contents
from jobs.lake.job import Job
from jobs.lake.model_rows import declared_inputs
from jobs.lake.night import ORDER
from jobs.lake.options import add_input, add_run_date, file_here, input_of, open_job
from jobs.lake.step_log import latest_steps
from jobs.register import register
from jobs.registry.connection import store_uri
from jobs.registry.store import connect
from jobs.report import report
from jobs.runtime.errors import GateRefused, UserError
from jobs.runtime.programs import called
from jobs.runtime.settings import Settings
from jobs.score import score
from jobs.train import train

HELP = "ingest, assemble, train, register, score, explain and report, in order"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    add_input(parser)
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="where to write the page (default: reports/DATE.html in a local lake)",
    )


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    page = file_here(arguments.report, "--report")
    job = open_job(arguments, settings)
    run(job, input_of(arguments, job), page)


def run(job: Job, source: str, page: Path | None = None) -> None:
    """Every verb in order, on one delivery.

    Args:
        job: The delivery's lake and run_date.
        source: The folder or address of its files.
        page: Where to write the report; None takes the lake's own place.

    Raises:
        GateRefused: The candidate was refused. Where there is a champion, everything was done with it.
    """
    page = page or job.lake.report(job.run_date)
    if page is None:
        raise UserError(f"{job.lake.root} is not a local folder: say where to write the page with --report FILE")
    store_uri(job.lake.address, job.settings.mlflow)  # a lake without a store is known now, not after an hour
    with job.line("run"):
        refused = to_explanations(job, source, ORDER, learns=True)
        report(job, output=page)
        say_where_it_is(job, page)
        if refused is not None:
            raise refused


def to_explanations(job: Job, source: str, left: Collection[str], learns: bool) -> GateRefused | None:
    """The line from a delivery's files to its explained scores, as far as it is left; gives a candidate's refusal.

    Args:
        job: The lake and run_date.
        source: Where the files are.
        left: Those of the verbs `ORDER` that are to be called.
        learns: Whether a candidate is trained where the delivery has labelled applicants.

    Raises:
        GateRefused: The candidate was refused and there is no champion: nothing can go on.
        UserError: There is neither a champion nor anybody to learn from.
    """
    if "ingest" in left:
        ingest(job, source)
    refused = None
    if learns and contents.has_labelled(job.lake, job.run_date):
        refused = try_new_candidate(job)
    elif "assemble" in left:
        take_champion(job)
    if "score" in left:
        score(job)
    if "explain" in left:
        explain(job)
    return refused


def try_new_candidate(job: Job) -> GateRefused | None:
    """Train and register on the delivery, which is then assembled for whoever is champion; gives a refusal.

    Raises:
        GateRefused: The candidate was refused and there is no champion: nothing can go on.
    """
    assemble(job)
    refused = None
    run_id = train(job, declared_inputs(job.settings.nested))
    try:
        register(job, run_id)
    except GateRefused as refusal:
        refused = refusal
    store = connect(job.lake.address, job.settings.mlflow)
    champion = store.versions.champion()
    if champion is None:
        raise GateRefused(f"{refused}\nthere is no champion to go on with: nothing was scored") from None
    if refused is not None:
        print(f"{refused}\ngoing on with the champion, version {champion.version}", file=sys.stderr)
    if store.runs.training(run_id).feature_set != champion.feature_set:
        assemble(job, champion.feature_set)
    return refused


def take_champion(job: Job) -> None:
    """Assemble a delivery that nobody learns from for the champion there is.

    Raises:
        UserError: There is none.
    """
    champion = connect(job.lake.address, job.settings.mlflow).versions.champion()
    if champion is None:
        raise UserError(
            f"{job.run_date} has no applicant with a TARGET to learn from, and there is no champion yet: "
            "run a delivery with application_train.csv first"
        )
    print(f"no candidate is trained: the champion, version {champion.version}, scores", file=sys.stderr)
    assemble(job, champion.feature_set)


def say_where_it_is(job: Job, page: Path) -> None:
    """What was done, how good the model is, where everything is, and what to do next."""
    steps = [step for step in latest_steps(job.lake) if step.run_date == job.run_date]
    store, address = connect(job.lake.address, job.settings.mlflow), job.lake.address
    champion = store.versions.need_champion()
    training, uri = store.runs.training(champion.run_id), store.connection.uri
    auc = training.auc
    lines = [
        "",
        f"done    {', '.join(f'{step.verb} {step.seconds:.0f} s' for step in steps)}",
        f"model   {store.versions.name} version {champion.version}: "
        f"AUC {auc.value:.4f} ({auc.low:.4f} to {auc.high:.4f}) on {training.measured_on.applicants}",
        f"report  {page.resolve()}",
        f"tables  {address}/scores, explanations, features and others, in Delta",
        f"MLflow  {uri}",
        f"next    {status_command(job)} --lake {quote(str(address))}",
        f"        {quote(called('python'))} -m jobs serve --lake {quote(str(address))}",
    ]
    if uri.startswith("sqlite"):
        lines.append(f"        {quote(called('mlflow'))} ui --backend-store-uri {quote(uri)}")
    print("\n".join(lines), flush=True)


def status_command(job: Job) -> str:
    """How `status` is called on the engine that the line ran on."""
    if job.settings.session.engine == "sail":
        return f"{quote(called('python'))} -m jobs status --set session.engine=sail"
    return "./spark-submit.sh status"
