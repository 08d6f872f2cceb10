"""One self-contained HTML page about a delivery: what ran, on what, how good the model is, and why it decides so."""

import argparse
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from pyspark.sql import functions as F

from features.plan.nested_table import EVERY_FEATURE
from jobs.lake import contents
from jobs.lake.job import Job
from jobs.lake.model_rows import read_inputs
from jobs.lake.options import add_run_date, file_here, open_job
from jobs.lake.step_log import latest_steps
from jobs.lake.tables import SCORES
from jobs.pages.report_page import FeatureCount, ModelIdentity, ReportData, drawn, page_of, without_applicant
from jobs.registry.store import Store, connect
from jobs.registry.versions import Registered
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Settings
from jobs.scoring.not_scored import not_scored
from jobs.scoring.one_applicant import explain_applicant
from jobs.scoring.scores_table import riskiest
from jobs.scoring.shap_sample import drivers_of, logged_stability, sample_of
from jobs.scoring.shifts import drift_between
from jobs.scoring.test_applicants import held_out
from jobs.scoring.twins import measured_by, measured_rows, twins_of

HELP = "write the HTML report of a delivery and its model"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument("--applicant", type=int, metavar="ID", help="whom to explain (default: the riskiest of all)")
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="where to write the page (default: reports/DATE.html in a local lake)",
    )


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    output = file_here(arguments.output)
    report(open_job(arguments, settings), arguments.applicant, output)


def report(job: Job, applicant: int | None = None, output: Path | None = None) -> Path:
    """Write the page and log it, without the applicant, to the champion's training run; gives its path.

    Args:
        job: The delivery to report on.
        applicant: SK_ID_CURR of whom to explain; None takes the riskiest applicant scored.
        output: Where to write; None takes the lake's own place.
    """
    with job.step("report") as step:
        path = output or job.lake.report(job.run_date)
        if path is None:
            raise UserError(f"{job.lake.root} is not a local folder: say where to write the page with --output FILE")
        store = connect(job.lake.address, job.settings.mlflow)
        champion = store.versions.need_champion()
        step.with_model(champion.version, champion.sha256)
        data = gather(job, store, champion, applicant)
        step.say(f"drawing {len(data.test.labels):,} {data.measured_on.applicants}")
        path.parent.mkdir(parents=True, exist_ok=True)
        images = drawn(data)
        path.write_text(page_of(data, images), encoding="utf-8")
        logged = data if job.settings.mlflow.log_applicants else without_applicant(data)
        store.runs.log_page(champion.run_id, path.name, page_of(logged, images))
        step.say(f"report: {path}")
        return path


def gather(job: Job, store: Store, champion: Registered, applicant: int | None) -> ReportData:
    """What the lake and the MLflow store hold about the delivery and the champion."""
    lake, run_date = job.lake, job.run_date
    model, training = store.versions.registered_model(champion), store.runs.training(champion.run_id)
    if training.lake != str(lake.address):
        raise UserError(
            f"the champion was trained on {training.lake}: report there, where those are that it was measured by"
        )
    chosen = riskiest(job) if applicant is None else applicant
    explained = None if chosen is None else explain_applicant(job, store, chosen)
    rows = read_inputs(lake, model.features, training.run_date, training.features_version)
    test = measured_rows(rows, training)
    is_new = F.col("TARGET").isNull() & (F.col("feature_set") == model.feature_set)
    new = read_inputs(lake, model.features, run_date).where(is_new)
    return ReportData(
        run_date=run_date,
        source=lake.source_of(run_date),
        steps=tuple(step for step in latest_steps(lake) if step.run_date == run_date),
        tables=contents.tables_of(lake, run_date),
        features=count_features(frozenset(model.features)),
        model=ModelIdentity(
            name=store.versions.name,
            version=champion.version,
            sha256=champion.sha256,
            run_id=champion.run_id,
            feature_set=champion.feature_set,
            trained_on=training.run_date,
            features_version=training.features_version,
        ),
        decision=job.settings.decision,
        gates=job.settings.gates,
        verdicts=store.versions.verdicts(champion),
        not_scored=not_scored(lake, run_date, lake.read_run_date(SCORES, run_date)) if lake.exists(SCORES) else (),
        drift=drift_between(test, new, model, job.settings.gates, twins_of(lake, training)),
        measured_on=training.measured_on,
        test=held_out(lake, training.run_date, measured_by(lake, training, model), training.weighted_by),
        drivers=drivers_of(sample_of(test, model), model),
        stability=logged_stability(store.runs.measures(champion.run_id)),
        trials=store.runs.trials(champion.run_id),
        applicant=explained,
    )


def count_features(names: Collection[str]) -> tuple[FeatureCount, ...]:
    """Those of the named features that are declared, by table and family."""
    declared = (named for named in EVERY_FEATURE if named.name in names)
    counts = Counter((named.table, named.family) for named in declared)
    return tuple(FeatureCount(table, family, count) for (table, family), count in counts.items())
