"""One self-contained HTML page about a delivery: what ran, on what, how good the model is, and why it decides so."""

import argparse
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.matrix import KEY, catalogue
from jobs import batch, folds, inventory, tracking
from jobs.errors import UserError
from jobs.fairness import age_bands
from jobs.job import Job
from jobs.lake import DELIVERIES, FEATURES, SCORES
from jobs.model import Model, unusable
from jobs.options import add_run_date, open_job
from jobs.page import Applicant, Drivers, FeatureCount, HeldOutRows, ModelIdentity, ReportData, render
from jobs.settings import Settings
from jobs.tracking import Registered, Tracking

HELP = "write the HTML report of a delivery and its model"

# Applicants whose contributions are drawn: more make the page larger, not clearer.
SAMPLE = 2000
MISSING = "missing"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument("--applicant", type=int, metavar="ID", help="whom to explain (default: the riskiest of all)")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where to write the page (default: reports/DATE.html in a local lake)",
    )


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    report(open_job(arguments, settings), arguments.applicant, arguments.output)


def report(job: Job, applicant: int | None = None, output: Path | None = None) -> Path:
    """Write the page and log it to the champion's training run; gives its path.

    Args:
        job: The delivery to report on.
        applicant: SK_ID_CURR of whom to explain; None takes the riskiest applicant scored.
        output: Where to write; None takes the lake's own place.
    """
    with job.step("report") as step:
        path = output or job.lake.report(job.run_date)
        if path is None:
            raise UserError(f"{job.lake.root} is not a local folder: say where to write the page with --output FILE")
        store = tracking.connect(job.lake.address, job.settings.mlflow)
        champion = store.need_champion()
        data = gather(job, store, champion, applicant)
        step.say(f"drawing {len(data.test.labels):,} test applicants")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(data), encoding="utf-8")
        with tracking.told_when_unreachable(store.uri):
            store.client.log_artifact(champion.run_id, str(path))
        step.say(f"report: {path}")
        return path


def gather(job: Job, store: Tracking, champion: Registered, applicant: int | None) -> ReportData:
    """What the lake and the MLflow store hold about the delivery and the champion."""
    lake, run_date = job.lake, job.run_date
    model, training = store.registered_model(champion), store.training(champion.run_id)
    if training.lake != lake.address:
        raise UserError(f"the champion was trained on {training.lake}: report there, where its test applicants are")
    explained = explain_applicant(job, model, applicant)
    labelled = folds.labelled(lake, training.run_date, training.features_version, training.split)
    test = labelled.where(F.col("part") == folds.TEST)
    applications = lake.delivered_tables(training.run_date)["application"]
    source = lake.read_run_date(DELIVERIES, run_date).select("source").first()
    return ReportData(
        run_date=run_date,
        source=source[0] if source else "",
        steps=tuple(step for step in inventory.latest_steps(lake) if step.run_date == run_date),
        tables=inventory.tables_of(lake, run_date),
        features=count_features(),
        model=ModelIdentity(
            name=store.model_name,
            version=champion.version,
            sha256=champion.sha256,
            run_id=champion.run_id,
            feature_set=champion.feature_set,
            trained_on=training.run_date,
            features_version=training.features_version,
        ),
        decision=job.settings.decision,
        test=measure_test(batch.measured(test, model), applications),
        drivers=explain_sample(test, model),
        applicant=explained,
    )


def count_features() -> tuple[FeatureCount, ...]:
    """The catalogue's features by table and family."""
    counts = Counter((named.table, named.family) for named in catalogue())
    return tuple(FeatureCount(table, family, count) for (table, family), count in counts.items())


def measure_test(measured: pd.DataFrame, applications: DataFrame) -> HeldOutRows:
    """Labels, probabilities and audited groups of the applicants that could be scored."""
    columns = (KEY, "CODE_GENDER", "NAME_FAMILY_STATUS", "DAYS_BIRTH", "NAME_CONTRACT_TYPE")
    rows = measured.dropna().merge(applications.select(*columns).toPandas(), on=KEY, how="left", validate="1:1")
    return HeldOutRows(
        labels=rows["TARGET"].to_numpy(dtype=np.float64),
        probabilities=rows["probability"].to_numpy(dtype=np.float64),
        groups=groups_of(rows),
    )


def groups_of(rows: pd.DataFrame) -> Mapping[str, NDArray[np.str_]]:
    """The level of each applicant in each audited attribute."""
    return {
        "Gender": rows["CODE_GENDER"].fillna(MISSING).to_numpy(dtype=str),
        "Family status": rows["NAME_FAMILY_STATUS"].fillna(MISSING).to_numpy(dtype=str),
        "Age": age_bands(rows["DAYS_BIRTH"]),
        "Contract type": rows["NAME_CONTRACT_TYPE"].fillna(MISSING).to_numpy(dtype=str),
    }


def explain_sample(test: DataFrame, model: Model) -> Drivers:
    """Contributions of at most `SAMPLE` test applicants, the same ones each time: those whose hash is smallest."""
    sample = test.orderBy(F.xxhash64(KEY), KEY).limit(SAMPLE).select(KEY, *model.features).toPandas()
    values = model.values(sample)
    values = values[~unusable(values).any(axis=1)]
    return Drivers(model.predict(values, "contributions")[:, :-1], values, model.features, model.families)


def explain_applicant(job: Job, model: Model, applicant: int | None) -> Applicant | None:
    """The applicant asked for, or the riskiest one scored; None where nobody was scored and nobody asked for."""
    chosen = riskiest(job) if applicant is None else applicant
    if chosen is None:
        return None
    found = job.lake.read_run_date(FEATURES, job.run_date).where(F.col(KEY) == chosen).select(KEY, *model.features)
    row = found.toPandas()
    if row.empty:
        raise UserError(f"--applicant {chosen}: not in the delivery of {job.run_date}")
    scored = model.score(row, job.settings.decision.threshold).iloc[0]
    if pd.isna(scored["probability"]):
        raise UserError(f"--applicant {chosen} could not be scored: {scored['reason_not_scored']}")
    limits = job.settings.explain
    explained = model.explain(row, limits.reasons, limits.contributions, limits.additivity)[0]
    values = model.values(row)
    return Applicant(
        id=chosen,
        probability=float(scored["probability"]),
        score=int(scored["score"]),
        decision=str(scored["decision"]),
        reasons=tuple(reason.sentence for reason in explained.reasons),
        base_value=explained.base_value,
        contributions=model.predict(values, "contributions")[0, :-1],
        values=values[0],
    )


def riskiest(job: Job) -> int | None:
    """The scored applicant of the delivery with the highest probability, the smallest id among equals."""
    if not job.lake.exists(SCORES):
        return None
    scores = job.lake.read_run_date(SCORES, job.run_date).where("probability is not null")
    row = scores.orderBy(F.desc("probability"), KEY).select(KEY).first()
    return int(row[0]) if row else None
