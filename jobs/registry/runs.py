"""Runs of an MLflow store: what a training logs while it is open, and what it says of itself when it is finished."""

import json
import math
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.model.booster import BoostedTrees, Model
from jobs.model.measured_on import MeasuredOn
from jobs.model.measures import Interval
from jobs.registry.connection import DELETED, Connection
from jobs.registry.model_files import open_model
from jobs.runtime.errors import NotKept, UserError
from jobs.runtime.settings import Split

if TYPE_CHECKING:
    import xgboost
    from mlflow.data.dataset import Dataset
    from mlflow.entities import Run
    from mlflow.types.schema import Schema

RUN_VARIABLE = "MLFLOW_RUN_ID"
TRAIN, TRIAL = "train", "trial"
PARENT_TAG = "`mlflow.parentRunId`"
SERVING_PACKAGES = ("mlflow", "xgboost", "numpy", "pandas", "scikit-learn")
METRICS_A_REQUEST = 1000  # MLflow's own limit
OPEN, FINISHED = {"RUNNING", "SCHEDULED"}, "FINISHED"


@dataclass(frozen=True)
class Training:
    """A finished training run, as its tags and measures describe it.

    Args:
        run_id: MLflow's.
        lake: The address of the lake that it learned from.
        run_date: The delivery.
        feature_set: The version of the features.
        features_version: The Delta version of the feature table.
        split: How applicants were put into folds.
        model_id: MLflow's, of the model that it logged.
        sha256: Of the model's file.
        measured_on: By which applicants; runs of before say nothing, and were measured on the test folds.
        auc: By these, with its interval.
        ended: Why its trees are so many, in a line; empty of runs that don't say.
        weighted_by: The column by which applicants are weighted; empty where each counts once.
    """

    run_id: str
    lake: str
    run_date: date
    feature_set: str
    features_version: int
    split: Split
    model_id: str
    sha256: str
    measured_on: MeasuredOn
    auc: Interval
    ended: str
    weighted_by: str


@dataclass(frozen=True)
class Tried:
    """A candidate that a training cross-validated, as its run says.

    Args:
        name: For people.
        auc: Out of fold.
        log_loss: Out of fold.
        rounds: Trees, on average over the folds; 0 where it has none.
        size: Leaves or coefficients, on average.
        seconds: That fitting took, each fold on one core.
        chosen: Why it was chosen; None where it was not.
    """

    name: str
    auc: Interval
    log_loss: float
    rounds: float
    size: float
    seconds: float
    chosen: str | None


@dataclass(frozen=True)
class OpenRun:
    """A run that is being logged to; its block is open.

    Args:
        connection: The store.
        id: MLflow's.
        experiment_id: Where it is.
    """

    connection: Connection
    id: str
    experiment_id: str

    @contextmanager
    def trial(self, name: str, kind: str, parameters: Mapping[str, float | int | str]) -> "Iterator[OpenRun]":
        """A run below this one, of a candidate that may be chosen."""
        import mlflow

        tags = {"verb": TRIAL, "kind": kind, "lake": self.connection.lake}
        with (
            self.connection.translated(),
            mlflow.start_run(experiment_id=self.experiment_id, run_name=name, nested=True, tags=tags) as run,
        ):
            mlflow.log_params(dict(parameters))
            yield OpenRun(self.connection, run.info.run_id, self.experiment_id)

    @contextmanager
    def autologging(self) -> Iterator[None]:
        """MLflow's own logging of Spark ML parameters; models, datasets and measures are logged by `train`."""
        import mlflow.pyspark.ml

        mlflow.pyspark.ml.autolog(log_models=False, log_datasets=False, log_post_training_metrics=False, silent=True)
        try:
            yield
        finally:
            mlflow.pyspark.ml.autolog(disable=True, silent=True)

    def log_parameters(self, parameters: Mapping[str, float | int | str]) -> None:
        """What the run was told, by name."""
        from mlflow.entities import Param

        said = [Param(name, str(value)) for name, value in parameters.items()]
        self.connection.client.log_batch(self.id, params=said)

    def of_trial(self, run_id: str) -> "OpenRun":
        """A trial's run, to log to once more."""
        return OpenRun(self.connection, run_id, self.experiment_id)

    def choose(self, trial: str, reason: str) -> None:
        """Leave on a trial's run that it was chosen, and why."""
        with self.connection.translated():
            self.connection.client.set_tag(trial, "chosen", reason)

    def log_dataset(self, path: str, version: int, names: Sequence[str], name: str, digest: str) -> "Dataset":
        """Name the Delta table, version and columns that the run learns from; measures are logged with it."""
        import mlflow
        from mlflow.data.delta_dataset_source import DeltaDatasetSource
        from mlflow.data.meta_dataset import MetaDataset

        class VersionedSource(DeltaDatasetSource):
            """MLflow's own leaves version 0 out."""

            def to_dict(self) -> dict[str, Any]:
                return {**super().to_dict(), "delta_table_version": self.delta_table_version}

        # MLflow's Spark dataset would count the rows, for seconds, each time it is logged.
        source = VersionedSource(path=path, delta_table_version=version)
        dataset = MetaDataset(source, name=name, digest=digest, schema=doubles(names))  # type: ignore[abstract]
        with self.connection.translated():
            mlflow.log_input(dataset, context="training")
        return dataset

    def log_model(self, model: Model) -> str:
        """Log the model to the run, so that `mlflow models serve` takes it; gives its id.

        Inference of a signature would mark some columns optional after a sample's nulls, and refuse whole numbers in
        others: all are required doubles. The input example is made up, because it goes wherever the model goes; plots
        and reports of a single applicant are on the run alone.
        """
        import mlflow.xgboost
        import pandas as pd
        from mlflow.models import ModelSignature
        from mlflow.types.schema import ColSpec, Schema

        example = pd.DataFrame([[float(place) for place in range(len(model.features))]], columns=list(model.features))
        logged = mlflow.xgboost.log_model(
            as_booster(model),
            name="model",
            signature=ModelSignature(
                inputs=doubles(model.features),
                outputs=Schema([ColSpec("float", "probability")]),
            ),
            input_example=example,
            pip_requirements=[f"{package}=={installed(package)}" for package in SERVING_PACKAGES],
            model_format="ubj",
            tags={"sha256": model.sha256, "feature_set": model.feature_set},
        )
        return str(logged.model_id)

    def log_curve(self, name: str, by_round: Mapping[int, float]) -> None:
        """A measure by round, in few requests.

        MLflow draws what stands before the last slash as a section, in alphabetical order: curves come first.
        """
        from mlflow.entities import Metric

        at = int(time.time() * 1000)
        points = [Metric(name, value, at, step) for step, value in by_round.items()]
        for start in range(0, len(points), METRICS_A_REQUEST):
            self.connection.client.log_batch(self.id, metrics=points[start : start + METRICS_A_REQUEST])

    def log_measures(
        self, values: Mapping[str, float], dataset: "Dataset | None" = None, model_id: str | None = None
    ) -> None:
        """Measures of the run and of its model; those that are not a number are left out."""
        import mlflow

        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        mlflow.log_metrics(finite, run_id=self.id, dataset=dataset, model_id=model_id)

    def log_files(self, files: Mapping[str, bytes]) -> None:
        """Artifacts, by their paths, in one request for all."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            self.connection.client.log_artifacts(self.id, folder)

    def log_tables(self, tables: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
        """Tables by their names, which MLflow's pages show with headings and in order."""
        import pandas as pd

        for name, rows in tables.items():
            self.connection.client.log_table(self.id, pd.DataFrame(rows), f"numbers/{name}.json")

    def tag(self, tags: Mapping[str, str]) -> None:
        """Tags of the run."""
        for name, value in tags.items():
            self.connection.client.set_tag(self.id, name, value)

    def described(self) -> Training:
        """What the run says of itself so far: its model and measures are logged."""
        return as_training(self.connection.client.get_run(self.id))

    def note(self, text: str) -> None:
        """What MLflow shows on top of the run's page."""
        from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

        self.tag({MLFLOW_RUN_NOTE: text})


def as_booster(model: Model) -> "xgboost.Booster":
    """What MLflow's flavour for xgboost logs; another kind of model needs a flavour of its own."""
    if not isinstance(model.predictor, BoostedTrees):
        raise TypeError(f"{model.predictor.name}: MLflow's flavour of it is to be named in OpenRun.log_model")
    return model.predictor.booster


@dataclass(frozen=True)
class Runs:
    """The training runs of a lake."""

    connection: Connection

    @contextmanager
    def start(self, name: str, tags: Mapping[str, str]) -> Iterator[OpenRun]:
        """A run of this lake, FAILED where its block raises; the one that `mlflow run` made where it did.

        Raises:
            UserError: $MLFLOW_RUN_ID names a run that is not there, was deleted, has ended, or has a model already.
        """
        import mlflow

        adopted = os.environ.get(RUN_VARIABLE)
        if adopted:
            self.check_adoptable(adopted)
        place = self.connection
        with (
            place.translated(),
            mlflow.start_run(
                experiment_id=place.experiment_id, run_name=name, tags={**tags, "lake": place.lake}
            ) as run,
        ):
            yield OpenRun(place, run.info.run_id, run.info.experiment_id)

    def check_adoptable(self, run_id: str) -> None:
        """Refuse a run that a second model would be logged into."""
        run = self.logged_run(run_id)
        of = f"${RUN_VARIABLE} is {run_id}, a run of {self.connection.shown} that"
        else_ = f"unset {RUN_VARIABLE}, or name a run that `mlflow run` has just started"
        if run.info.lifecycle_stage == DELETED:
            raise UserError(f"{of} was deleted: {else_}")
        if run.info.status not in OPEN:
            raise UserError(f"{of} is {run.info.status}: {else_}")
        if "model_sha256" in run.data.tags:
            raise UserError(f"{of} has a model already: {else_}")

    def latest_training(self, run_date: date) -> Training:
        """The lake's newest finished training run of a delivery."""
        with self.connection.translated():
            # A run that `mlflow run` made is in the experiment that it chose.
            everywhere = [experiment.experiment_id for experiment in self.connection.client.search_experiments()]
            page = self.connection.client.search_runs(
                everywhere,
                f"attributes.status = '{FINISHED}' and tags.verb = '{TRAIN}' and tags.run_date = '{run_date}'",
                order_by=["attributes.start_time DESC"],
            )
        ours = [run for run in page if run.data.tags.get("lake") == self.connection.lake]
        if not ours:
            raise UserError(
                f"no finished training run of {run_date} for {self.connection.lake} in {self.connection.shown}: "
                "train first"
            )
        return as_training(ours[0])

    def training(self, run_id: str) -> Training:
        """A training run by its id."""
        run = self.logged_run(run_id)
        if run.info.status != FINISHED or run.data.tags.get("verb") != TRAIN:
            raise UserError(f"run {run_id} is not a training run that finished: give the id of one")
        return as_training(run)

    def logged_run(self, run_id: str) -> "Run":
        """A run by its id; one that is not there is the user's error.

        Raises:
            NotKept: It is not there.
        """
        from mlflow.exceptions import MlflowException

        try:
            with self.connection.translated():
                return self.connection.client.get_run(run_id)
        except MlflowException:  # a malformed id has another code than one that is not there
            raise NotKept(
                f"no run {run_id} in {self.connection.shown}: `status` and the MLflow pages list them"
            ) from None

    def trials(self, run_id: str) -> tuple[Tried, ...]:
        """What a training tried before it chose, in order."""
        experiment = self.logged_run(run_id).info.experiment_id
        below = f"tags.{PARENT_TAG} = '{run_id}' and tags.verb = '{TRIAL}' and attributes.status = '{FINISHED}'"
        with self.connection.translated():
            page = self.connection.client.search_runs([experiment], below, order_by=["attributes.start_time ASC"])
        return tuple(as_tried(run) for run in page)

    def measures(self, run_id: str) -> dict[str, float]:
        """The last value of each measure that a run logged."""
        with self.connection.translated():
            return dict(self.connection.client.get_run(run_id).data.metrics)

    def trained_model(self, training: Training) -> Model:
        """The model that a training run logged."""
        return open_model(self.connection, f"models:/{training.model_id}", training.sha256)

    def log_rows(self, run_id: str, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Rows as a JSON artifact of a finished run."""
        with self.connection.translated():
            self.connection.client.log_text(run_id, json.dumps(rows, indent=1), name)

    def log_text(self, run_id: str, name: str, text: str) -> None:
        """A text as an artifact of a run."""
        with self.connection.translated():
            self.connection.client.log_text(run_id, text, name)

    def text(self, run_id: str, name: str) -> str | None:
        """A text among a run's artifacts; None where it has none of that name."""
        client = self.connection.client
        with self.connection.translated(), tempfile.TemporaryDirectory() as folder:
            if name not in {listed.path for listed in client.list_artifacts(run_id, name.rpartition("/")[0])}:
                return None
            return Path(client.download_artifacts(run_id, name, folder)).read_text(encoding="utf-8")

    def log_page(self, run_id: str, name: str, page: str) -> None:
        """A page as an artifact of a finished run, among its reports."""
        with self.connection.translated():
            self.connection.client.log_text(run_id, page, f"reports/{name}")


def doubles(names: Sequence[str]) -> "Schema":
    """The schema of features: required doubles, in which a null is nan."""
    from mlflow.types.schema import ColSpec, Schema

    return Schema([ColSpec("double", name, required=True) for name in names])


def as_training(run: "Run") -> Training:
    """What a finished training run says of itself."""
    tags, metrics = run.data.tags, run.data.metrics
    return Training(
        run_id=run.info.run_id,
        lake=tags["lake"],
        run_date=date.fromisoformat(tags["run_date"]),
        feature_set=tags["feature_set"],
        features_version=int(tags["features_version"]),
        split=Split.model_validate_json(tags["split"]),
        model_id=tags["model_id"],
        sha256=tags["model_sha256"],
        measured_on=MeasuredOn(tags.get("measured_on", MeasuredOn.TEST_FOLDS)),
        auc=logged_auc(metrics),
        ended=tags.get("rounds", ""),
        weighted_by=tags.get("weighted_by", ""),
    )


def as_tried(run: "Run") -> Tried:
    """What the run of a trial says of itself."""
    metrics = run.data.metrics
    return Tried(
        name=str(run.info.run_name),
        auc=logged_auc(metrics),
        log_loss=metrics["log_loss"],
        rounds=metrics["rounds"],
        size=metrics["size"],
        seconds=metrics["fit_seconds"],
        chosen=run.data.tags.get("chosen"),
    )


def logged_auc(metrics: Mapping[str, float]) -> Interval:
    """The AUC among a run's measures."""
    return Interval(metrics["auc"], metrics["auc_standard_error"], metrics["auc_low"], metrics["auc_high"])
