"""A trained candidate to the registry, and to champion where the gates hold."""

import argparse

import pandas as pd
from pyspark.sql import functions as F

from features.matrix import KEY
from jobs import batch, folds, measures, tracking
from jobs.errors import GateRefused
from jobs.gates import Evidence, Gate, judge, unpaired_gain
from jobs.job import Job
from jobs.lake import source_table
from jobs.measures import Interval
from jobs.model import Model
from jobs.options import add_run_date, open_job
from jobs.settings import Settings
from jobs.tracking import Registered, Tracking, Training

HELP = "register a trained model, and make it champion where the gates hold"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument("--run-id", metavar="ID", help="the MLflow run to register (default: the delivery's latest)")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    register(open_job(arguments, settings), arguments.run_id)


def register(job: Job, run_id: str | None = None) -> int:
    """Register the candidate, try the gates, make it champion; gives its version.

    Args:
        job: The delivery whose candidate it is.
        run_id: The training run; None takes the delivery's latest finished one.

    Raises:
        GateRefused: A gate did not hold; the candidate is registered and the champion stays.
    """
    with job.step("register") as step:
        store = tracking.connect(job.lake.address, job.settings.mlflow)
        training = store.training(run_id) if run_id else store.latest_training(job.run_date)
        candidate, champion = store.trained_model(training), store.champion()
        if champion is not None and champion.sha256 == candidate.sha256:
            step.say(f"the candidate is version {champion.version}, which is champion already")
            return champion.version
        registered = store.register(training)
        evidence = gather_evidence(job, store, training, candidate, champion)
        gates = judge(evidence, job.settings.gates, job.settings.decision.threshold)
        for gate in gates:
            step.say(f"gate {gate.name}: {gate.sentence}")
        store.log_gates(training, registered, gates)
        failed = [gate for gate in gates if not gate.held]
        if failed:
            raise GateRefused(refusal(registered, champion, failed))
        store.make_champion(registered)
        step.say(f"version {registered.version} is champion")
        return registered.version


def refusal(registered: Registered, champion: Registered | None, failed: list[Gate]) -> str:
    """What an operator reads of a candidate that was refused."""
    stays = f"version {champion.version} stays champion" if champion else "there is no champion yet"
    reasons = "; ".join(f"{gate.name} {gate.sentence}" for gate in failed)
    return f"version {registered.version} is not made champion, {stays}: {reasons}"


def gather_evidence(
    job: Job, store: Tracking, training: Training, candidate: Model, champion: Registered | None
) -> Evidence:
    """The candidate and the champion on the test folds, and the applicants' genders for the audit."""
    test = measured_on_test_folds(job, training, training.features_version, candidate)
    genders = test[[KEY]].merge(read_genders(job, training), on=KEY, how="left")["CODE_GENDER"].fillna("unknown")
    return Evidence(
        labels=test["TARGET"].to_numpy(),
        probabilities=test["probability"].to_numpy(),
        genders=genders.to_numpy(dtype=str),
        gain=None if champion is None else gain_on_champion(job, store, training, test, champion),
    )


def measured_on_test_folds(job: Job, training: Training, version: int, model: Model) -> pd.DataFrame:
    """SK_ID_CURR, TARGET and the model's probability of the candidate's test applicants, with the model's features."""
    rows = folds.labelled(job.lake, training.run_date, version, training.split)
    return batch.measured(
        rows.where((F.col("part") == folds.TEST) & (F.col("feature_set") == model.feature_set)), model
    )


def gain_on_champion(
    job: Job, store: Tracking, training: Training, test: pd.DataFrame, champion: Registered
) -> Interval:
    """The candidate's AUC minus the champion's, on the same applicants where the champion can read them.

    A champion of another feature set reads them as they were assembled for it. Where they never were, its own test
    applicants are what it is compared on.
    """
    confidence, its_training = job.settings.gates.confidence, store.training(champion.run_id)
    same_features = champion.feature_set == training.feature_set
    if same_features or its_training.lake == training.lake:
        version = training.features_version if same_features else its_training.features_version
        both = test.merge(
            measured_on_test_folds(job, training, version, store.registered_model(champion)),
            on=KEY,
            suffixes=("", "_of_champion"),
        )
        if len(both):
            return measures.auc_difference(
                both["TARGET"], both["probability"], both["probability_of_champion"], confidence
            )
    ours = measures.auc_interval(test["TARGET"], test["probability"], confidence)
    return unpaired_gain(ours, its_training.auc, confidence)


def read_genders(job: Job, training: Training) -> pd.DataFrame:
    """SK_ID_CURR and CODE_GENDER of the labelled applicants, as delivered. For the audit only."""
    application = "application"
    version = job.lake.delivery(training.run_date)[application]
    rows = job.lake.read_run_date(source_table(application), training.run_date, version)
    return rows.where(F.col("TARGET").isNotNull()).select(KEY, "CODE_GENDER").toPandas()
