"""A booster trained across the executors on a delivery's labelled applicants, and everything about it in MLflow."""

import argparse
import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features import TABLES
from features.spec import KEY, Named
from jobs.lake import folds
from jobs.lake.feature_sets import fitted_if_made, row_models_of
from jobs.lake.job import Job
from jobs.lake.model_rows import declared_inputs, read_inputs
from jobs.lake.options import add_run_date, open_job
from jobs.lake.tables import FEATURES
from jobs.model import calibration, measures
from jobs.model.booster import Model, load_model, seal, sha256_of
from jobs.model.calibration import Calibration
from jobs.model.candidates import LOSS, booster_parameters
from jobs.pages import run_documents
from jobs.registry import store as tracking
from jobs.runtime.errors import UserError
from jobs.runtime.session import setting
from jobs.runtime.settings import Settings, Train
from jobs.scoring import batch
from jobs.training.search import search

if TYPE_CHECKING:
    import pandas as pd
    import xgboost
    from xgboost.spark import SparkXGBClassifier, SparkXGBClassifierModel

HELP = "train a model on a delivery's labelled applicants"

# A standard error needs two rows of each class.
FEWEST_OF_A_CLASS = 2
# Fewer defaults than this cannot tell a wrong slope from chance.
FEWEST_TO_CALIBRATE = 200
CALIBRATION_FOLDS = 5
PACKED = "inputs"
ROUNDS_A_LINE = 100


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument(
        "--features-version", type=int, metavar="N", help="the Delta version of the feature table (default: the newest)"
    )


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    train(open_job(arguments, settings), declared_inputs(settings.nested), arguments.features_version)


@dataclass(frozen=True)
class TrainingSet:
    """Labelled applicants of one delivery, at one version of the feature table.

    Args:
        rows: SK_ID_CURR, TARGET, part (see `folds`) and the features.
        inputs: The model's features, in its order.
        feature_set: Their version.
        version: The Delta version of the table.
    """

    rows: DataFrame
    inputs: tuple[Named, ...]
    feature_set: str
    version: int

    @property
    def names(self) -> list[str]:
        """The features' columns, in the model's order."""
        return [named.name for named in self.inputs]

    def only(self, names: Sequence[str]) -> "TrainingSet":
        """The same applicants with these of the features."""
        kept = set(names)
        return replace(self, inputs=tuple(named for named in self.inputs if named.name in kept))


@dataclass(frozen=True)
class Trained:
    """A finished model, the log loss of each round, and what calibrating it is worth where that could be told."""

    model: Model
    calibration: Calibration | None
    best_round: int
    train_losses: list[float]
    validation_losses: list[float]

    @property
    def summary(self) -> str:
        """How training went, in a line."""
        best = self.validation_losses[self.best_round - 1]
        return f"{len(self.validation_losses)} rounds, the best is {self.best_round}: validation log loss {best:.5f}"

    @property
    def calibrated(self) -> str:
        """What became of calibration, in a line."""
        found = self.calibration
        if found is None:
            return f"not calibrated: fewer than {FEWEST_TO_CALIBRATE} validation applicants of a class"
        done = "calibrated" if found.improves else "left as it is"
        return f"{done}: Platt's slope {found.slope:.3f} gains {found.gain.value:.2g} of log loss on other folds"


def train(job: Job, inputs: Sequence[Named], version: int | None = None) -> str:
    """Train, measure on the test folds, log; gives the MLflow run's id.

    Args:
        job: The delivery to learn from.
        inputs: The model's features, in order.
        version: The Delta version of the feature table; None takes the newest.
    """
    with job.step("train") as step:
        training = read_training_set(job, version, tuple(inputs))
        check_session(job.lake.spark, job.settings.train.num_workers)
        check_labels(training.rows)
        store = tracking.connect(job.lake.address, job.settings.mlflow)
        with store.run(f"train {job.run_date}", run_tags(job, training)) as run:
            searched = search(step, store, training.rows, training.names, job.settings)
            training, job = training.only(searched.names), with_booster(job, searched.train)
            with store.autologging():
                trained = fit(training, job.settings.train)
            step.say(trained.summary)
            step.say(trained.calibrated)
            test = batch.measured(training.rows.where(F.col("part") == folds.TEST), trained.model)
            performance = log_training(job, store, training, trained, test)
            log_documentation(job, store, run.info.run_id, training, trained, test)
        step.say(
            f"AUC {performance.auc:.4f} ({performance.auc_low:.4f} to {performance.auc_high:.4f}) "
            f"on {performance.rows:,.0f} test applicants, MLflow run {run.info.run_id}"
        )
        step.measure("auc", performance.auc)
        return str(run.info.run_id)


def read_training_set(job: Job, version: int | None, inputs: tuple[Named, ...]) -> TrainingSet:
    """The delivery's labelled rows, if the table holds the inputs and none of them is protected."""
    rows = read_inputs(job.lake, [named.name for named in inputs], job.run_date, version)
    number = job.lake.version(FEATURES) if version is None else version
    names = [named.name for named in inputs]
    protected = {column.name for table in TABLES for column in table.columns if column.protected}
    assert not protected & set(names), f"protected columns are never model inputs: {protected & set(names)}"
    missing = [name for name in names if name not in rows.columns]
    if missing:
        raise UserError(f"{job.lake.path(FEATURES)} has no column {missing[0]}: assemble {job.run_date} again")
    labelled = folds.labelled(rows, job.settings.split)
    feature_sets = [row[0] for row in labelled.select("feature_set").distinct().collect()]
    if len(feature_sets) != 1:
        raise UserError(
            f"{job.lake.path(FEATURES)} version {number} has no labelled applicant of {job.run_date} "
            "with these features: assemble a delivery with application_train.csv first, by the same settings"
        )
    check_row_models(job, feature_sets[0])
    return TrainingSet(labelled.select(KEY, "TARGET", "part", *names), inputs, feature_sets[0], number)


def check_row_models(job: Job, feature_set: str) -> None:
    """Refuse nested features of row models that learned from what are test applicants now, or by other code."""
    models = row_models_of(job.lake, feature_set)
    if models is None:
        return
    if fitted_if_made(job.lake, feature_set) is None:
        raise UserError(f"feature set {feature_set} is not declared like this any more: assemble {job.run_date} again")
    if models.split != job.settings.split:
        raise UserError(
            f"the row models of feature set {feature_set} were fitted with split {models.split}, "
            f"not with {job.settings.split}: assemble {job.run_date} again"
        )


def check_session(spark: SparkSession, num_workers: int) -> None:
    """Refuse at once what would fail after minutes in a barrier stage."""
    if spark.conf.get("spark.dynamicAllocation.enabled", "false") == "true":
        raise UserError("spark.dynamicAllocation.enabled is true: barrier training needs it to be false")
    slots = spark.sparkContext.defaultParallelism // int(spark.conf.get("spark.task.cpus", "1") or 1)
    if num_workers > slots:
        raise UserError(
            f"train.num_workers = {num_workers}, but the session has {slots} slots for tasks: "
            f"--set train.num_workers={slots}, or give it more cores"
        )


def check_labels(rows: DataFrame) -> None:
    """Refuse labels that cannot be trained and measured on; a third value would make xgboost train on many classes."""
    counted = rows.groupBy("part", "TARGET").count().collect()
    counts = {(row["part"], row["TARGET"]): row["count"] for row in counted}
    strange = sorted({label for _, label in counts} - {0, 1})
    if strange:
        raise UserError(f"TARGET is {strange[0]} for some applicants: it must be 0 or 1")
    for part in (folds.TRAIN, folds.VALIDATION, folds.TEST):
        for label in (0, 1):
            found = counts.get((part, label), 0)
            if found < FEWEST_OF_A_CLASS:
                raise UserError(
                    f"{found} applicants with TARGET {label} in the {part} folds, at least {FEWEST_OF_A_CLASS} are "
                    "needed: train on a larger delivery"
                )


def with_booster(job: Job, booster: Train) -> Job:
    """The job with the booster that was chosen; with its settings, a training makes the same model without a search."""
    settings = job.settings
    search = settings.search.model_copy(update={"trials": 0, "logistic_c": ()})
    return replace(job, settings=settings.model_copy(update={"train": booster, "search": search}))


def fit(training: TrainingSet, settings: Train) -> Trained:
    """Boosted trees, one barrier task a worker, stopped early on the validation fold's log loss."""
    fitted = boosted(training, settings)
    booster, history = fitted.get_booster(), fitted.training_summary
    assert history is not None
    model = sealed(booster, training)
    found = calibration_of(batch.measured(training.rows.where(F.col("part") == folds.VALIDATION), model))
    if found is not None and found.improves:
        model = sealed(calibration.fold_in(booster, found.slope, found.intercept), training)
    return Trained(
        model=model,
        calibration=found,
        best_round=booster.best_iteration + 1,
        train_losses=history.train_objective_history[LOSS],
        validation_losses=history.validation_objective_history[LOSS],
    )


def boosted(training: TrainingSet, settings: Train) -> "SparkXGBClassifierModel":
    """The estimator's fit, all rounds of it."""
    with plans_as_they_are(training.rows.sparkSession):
        fitted: SparkXGBClassifierModel = classifier(training.names, settings).fit(
            laid_out(training, settings.num_workers)
        )
    return fitted


def sealed(booster: "xgboost.Booster", training: TrainingSet) -> Model:
    """The booster up to its best iteration, with all that its file says of it."""
    families = [named.family for named in training.inputs]
    file = seal(booster, booster.best_iteration, families, training.feature_set)
    return load_model(file, sha256_of(file))


def calibration_of(validation: "pd.DataFrame") -> Calibration | None:
    """Platt's line through the validation fold, which the trees have not seen; None where it holds too few to tell.

    Args:
        validation: TARGET and probability, in the order of the applicants.
    """
    known = validation.dropna()
    labels, probabilities = known["TARGET"].to_numpy(), known["probability"].to_numpy()
    if min((labels == 1).sum(), (labels == 0).sum()) < FEWEST_TO_CALIBRATE:
        return None
    margins = measures.log_odds_of(probabilities)
    return calibration.fit(margins, labels, np.arange(len(labels)) % CALIBRATION_FOLDS)


def laid_out(training: TrainingSet, num_workers: int) -> DataFrame:
    """The rows to fit on, where and in the order that the applicants decide: shuffled rows give the same bytes.

    The features are one array: columns would be twice the bytes to shuffle, and a thousand of each batch for Python.
    """
    rows = training.rows.where(F.col("part") != folds.TEST)
    is_validation = (F.col("part") == folds.VALIDATION).alias("is_validation")
    inputs = batch.as_array(training.names).alias(PACKED)
    return rows.select(KEY, "TARGET", is_validation, inputs).repartition(num_workers, KEY).sortWithinPartitions(KEY)


def plans_as_they_are(spark: SparkSession) -> AbstractContextManager[None]:
    """Without adaptive plans: xgboost asks for the number of partitions, and theirs is known once all is computed."""
    return setting(spark, "spark.sql.adaptive.enabled", "false")


def classifier(names: list[str], settings: Train) -> "SparkXGBClassifier":
    """The estimator by the settings. It stops on log loss because its distributed AUC is only an approximation."""
    from xgboost.spark import SparkXGBClassifier

    trees: dict[str, Any] = dict(booster_parameters(settings))
    logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)
    return SparkXGBClassifier(
        features_col=PACKED,
        feature_names=names,
        label_col="TARGET",
        validation_indicator_col="is_validation",
        num_workers=settings.num_workers,
        n_estimators=settings.rounds,
        early_stopping_rounds=settings.early_stopping_rounds,
        eval_metric=LOSS,
        verbose=ROUNDS_A_LINE,
        **trees,
    )


def run_tags(job: Job, training: TrainingSet) -> dict[str, str]:
    """What tells a run from others before it has a model."""
    return {
        "verb": tracking.TRAIN,
        "run_date": job.run_date.isoformat(),
        "feature_set": training.feature_set,
        "features_version": str(training.version),
        "split": job.settings.split.model_dump_json(),
    }


def log_training(
    job: Job, store: tracking.Tracking, training: TrainingSet, trained: Trained, test: "pd.DataFrame"
) -> measures.Performance:
    """Log dataset, curves, model, and the measures of the test folds to the active run."""
    dataset = tracking.log_dataset(
        path=job.lake.path(FEATURES),
        version=training.version,
        names=training.names,
        name=f"features {job.run_date}",
        digest=f"{training.feature_set} v{training.version}",
    )
    store.log_curve("curves/train_log_loss", trained.train_losses)
    store.log_curve("curves/validation_log_loss", trained.validation_losses)
    labels, probabilities, decision = test["TARGET"], test["probability"], job.settings.decision
    performance = measures.performance(labels, probabilities, decision, job.settings.gates.confidence)
    area = measures.auc_interval(labels, probabilities)
    model_id = store.log_model(trained.model)
    tracking.log_measures(asdict(performance) | {"auc_standard_error": area.standard_error}, dataset, model_id)
    tracking.log_tags(
        {
            "model_id": model_id,
            "model_sha256": trained.model.sha256,
            "best_round": str(trained.best_round),
            "base_value": str(trained.model.base_value()),
            "threshold": str(decision.threshold),
            "calibration": trained.calibrated,
        }
    )
    return performance


def log_documentation(
    job: Job, store: tracking.Tracking, run_id: str, training: TrainingSet, trained: Trained, test: "pd.DataFrame"
) -> None:
    """Log what documents the model to the active run: plots, tables, the model card, and the audit by group."""
    logged, trials = store.training(run_id), store.trials(run_id)
    second = other_seed(training, job.settings.train) if job.settings.explain.stability else None
    found = run_documents.evaluate(job, training.rows, trained.model, test, second)
    card = run_documents.card_of(job, logged, trained.model, training.rows, training.inputs, found, trials)
    tracking.log_measures(run_documents.measures_of(card), None, logged.model_id)
    tracking.log_files(run_documents.files(card, found))
    tracking.log_tables(run_documents.tables(card, training.inputs, found))
    tracking.log_note(card.lead)


def other_seed(training: TrainingSet, settings: Train) -> Model:
    """The model that the next seed gives of the same rows."""
    return fit(training, settings.model_copy(update={"seed": settings.seed + 1})).model
