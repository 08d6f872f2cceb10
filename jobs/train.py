"""A booster trained across the executors on a delivery's labelled applicants, and everything about it in MLflow."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from features.spec import Named
from jobs.lake.job import Job, Step
from jobs.lake.model_rows import declared_inputs
from jobs.lake.options import add_run_date, open_job
from jobs.model.booster import Model
from jobs.monitoring.references import keep_reference
from jobs.pages import run_documents
from jobs.registry.runs import OpenRun, Runs
from jobs.registry.store import connect
from jobs.runtime.settings import Settings, Train
from jobs.scoring.twins import keep_twins
from jobs.training.booster_fit import parameters_logged
from jobs.training.few_rows import make_do
from jobs.training.last_fit import Trained, fit, other_seed
from jobs.training.logged_training import log_training, run_tags
from jobs.training.search import search
from jobs.training.training_set import TrainingSet, read_training_set
from jobs.training.workers import with_workers_that_fit

HELP = "train a model on a delivery's labelled applicants"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument(
        "--features-version", type=int, metavar="N", help="the Delta version of the feature table (default: the newest)"
    )


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    train(open_job(arguments, settings), declared_inputs(settings.nested), arguments.features_version)


def train(job: Job, inputs: Sequence[Named], version: int | None = None) -> str:
    """Train, measure, log; gives the MLflow run's id.

    Args:
        job: The delivery to learn from.
        inputs: The model's features, in order.
        version: The Delta version of the feature table; None takes the newest.
    """
    with job.step("train") as step:
        training = read_training_set(job, version, tuple(inputs))
        job = on_slots_there_are(step, job)
        training, settings = make_do(job, step, training)
        job = replace(job, settings=settings)
        store = connect(job.lake.address, job.settings.mlflow)
        with store.runs.start(f"train {job.run_date}", run_tags(job, training)) as run:
            searched = search(step, run, training, job.settings)
            job = with_booster(job, searched.train)
            with parameters_logged(run, job.settings.train):
                trained = fit(training, searched.names, job.settings, searched.by_round)
            training = training.only(searched.names)
            step.with_model(None, trained.model.sha256)
            step.say(trained.ended)
            step.say(trained.calibrated)
            if trained.measured_on.is_by_twins:
                keep_twins(job, trained.model, trained.measured)
            performance = log_training(job, run, training, trained)
            stability = job.settings.explain.stability
            second = other_seed(training, trained, job.settings.train) if stability else None
            log_documentation(job, store.runs, run, training, trained, second)
            keep_reference(job, store.runs, run.described(), trained.model)
        step.say(f"MLflow run {run.id}")
        step.say(
            f"AUC {performance.auc:.4f} ({performance.auc_low:.4f} to {performance.auc_high:.4f}) "
            f"on {performance.rows:,.0f} {trained.measured_on.applicants}{weighted_by(settings.train)}"
        )
        step.measure("auc", performance.auc)
        return run.id


def weighted_by(settings: Train) -> str:
    """How measures are weighted, behind what was measured; nothing where each applicant counts once."""
    return f", weighted by {settings.weight}" if settings.weight else ""


def on_slots_there_are(step: Step, job: Job) -> Job:
    """The job with as many workers as the session has slots for."""
    settings = job.settings
    fitting = with_workers_that_fit(job.lake.spark, settings.train, settings.session.executors_seconds)
    if fitting != settings.train:
        step.warn(f"one core: one worker trains, not train.num_workers = {settings.train.num_workers}")
    return replace(job, settings=settings.model_copy(update={"train": fitting}))


def with_booster(job: Job, booster: Train) -> Job:
    """The job with the booster that was chosen; with its settings, a training makes the same model without a search."""
    settings = job.settings
    search = settings.search.model_copy(update={"trials": 0, "logistic_c": ()})
    return replace(job, settings=settings.model_copy(update={"train": booster, "search": search}))


def log_documentation(
    job: Job, runs: Runs, run: OpenRun, training: TrainingSet, trained: Trained, second: Model | None
) -> None:
    """Log what documents the model to the run: plots, tables, the model card, and the audit by group."""
    logged, trials = run.described(), runs.trials(run.id)
    evaluation = run_documents.evaluate(
        job, logged, training.own, training.new, trained.model, trained.measured, second
    )
    card = run_documents.card_of(job, logged, trained.model, training.rows, training.inputs, evaluation, trials)
    run.log_measures(run_documents.measures_of(card), model_id=logged.model_id)
    run.log_files(run_documents.files(card, evaluation))
    run.log_tables(run_documents.tables(card, training.inputs, evaluation))
    run.note(card.lead)
