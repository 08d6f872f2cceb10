"""The one place that knows the MLflow store: runs, models and the registry.

MLflow is imported where it is needed because that takes seconds, and needs no Spark here.
"""

import json
import logging
import math
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.model.booster import Model, load_model
from jobs.model.measures import Interval
from jobs.promotion.gates import Drift, Gate, as_table
from jobs.runtime.errors import ModelRefused, TryAgain, UserError
from jobs.runtime.settings import Mlflow, Split

if TYPE_CHECKING:
    from mlflow import ActiveRun, MlflowClient
    from mlflow.data.dataset import Dataset
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.types.schema import Schema

STORE_VARIABLE, RUN_VARIABLE = "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID"
TRAIN, TRIAL = "train", "trial"
PARENT_TAG = "`mlflow.parentRunId`"
CHAMPION, CHALLENGER = "champion", "challenger"
VALIDATION, PASSED, REFUSED = "validation_status", "passed", "refused"
VERSION_TAGS = ("sha256", "feature_set", "run_id")
MODEL_FILE = "model.ubj"
SERVING_PACKAGES = ("mlflow", "xgboost", "numpy", "pandas", "scikit-learn")

# MLflow's pages open on training runs, not on traces of language models, and compare them by the AUC first.
MODEL_TRAINING = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.experiment.primaryMetric.name": "auc",
    "mlflow.experiment.primaryMetric.greaterIsBetter": "True",
}
ABOUT_MODEL = (
    "The probability that an applicant will have payment difficulties (TARGET = 1).\n\n"
    "`champion` is the version that scores, `challenger` the candidate registered last, until it becomes champion. "
    "A version says how its gates went; its run has the model card, plots and tables. The verbs `register`, `promote` "
    "and `rollback` change the champion and keep the history: an alias moved by hand leaves no trace in the lake."
)
GATES_OF_NOTE = "\n\n**Gates**\n\n"
METRICS_A_REQUEST = 1000  # MLflow's own limit
UNREACHABLE = "API request to "
NOT_THERE = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}


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
        auc: On the test folds, with its interval.
    """

    run_id: str
    lake: str
    run_date: date
    feature_set: str
    features_version: int
    split: Split
    model_id: str
    sha256: str
    auc: Interval


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
class Registered:
    """A version in the registry, as its tags describe it."""

    version: int
    sha256: str
    feature_set: str
    run_id: str


@dataclass(frozen=True)
class Tracking:
    """An MLflow store, and the part of it that belongs to one lake.

    Args:
        uri: The store's address.
        experiment_id: Where its runs go.
        model_name: The registered model.
        lake: The lake's address: which runs of a shared store are its own.
        client: MLflow's client of the store.
    """

    uri: str
    experiment_id: str
    model_name: str
    lake: str
    client: "MlflowClient"

    @contextmanager
    def run(self, name: str, tags: dict[str, str]) -> "Iterator[ActiveRun]":
        """A run of this lake, FAILED where its block raises; the one that `mlflow run` made where it did."""
        import mlflow

        adopted = os.environ.get(RUN_VARIABLE)
        if adopted:
            self.logged_run(adopted)
        with (
            told_when_unreachable(self.uri),
            mlflow.start_run(experiment_id=self.experiment_id, run_name=name, tags={**tags, "lake": self.lake}) as run,
        ):
            yield run

    @contextmanager
    def trial_run(self, name: str, kind: str, parameters: Mapping[str, float | int | str]) -> Iterator[str]:
        """A run below the active one, of a candidate that may be chosen; gives its id."""
        import mlflow

        parent = mlflow.active_run()
        assert parent is not None
        with mlflow.start_run(
            experiment_id=parent.info.experiment_id,
            run_name=name,
            nested=True,
            tags={"verb": TRIAL, "kind": kind, "lake": self.lake},
        ) as run:
            mlflow.log_params(dict(parameters))
            yield str(run.info.run_id)

    def log_choice(self, trial_run_id: str, reason: str) -> None:
        """Leave on a trial's run that it was chosen, and why."""
        with told_when_unreachable(self.uri):
            self.client.set_tag(trial_run_id, "chosen", reason)

    @contextmanager
    def autologging(self) -> Iterator[None]:
        """MLflow's own logging of Spark ML parameters; models, datasets and measures are logged by `train`."""
        import mlflow.pyspark.ml

        mlflow.pyspark.ml.autolog(log_models=False, log_datasets=False, log_post_training_metrics=False, silent=True)
        try:
            yield
        finally:
            mlflow.pyspark.ml.autolog(disable=True, silent=True)

    def log_model(self, model: Model) -> str:
        """Log the model to the active run, so that `mlflow models serve` takes it; gives its id.

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
            model.booster,
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

    def log_curve(self, name: str, values: Sequence[float]) -> None:
        """A measure of every round, in few requests.

        MLflow draws what stands before the last slash as a section, in alphabetical order: curves come first.
        """
        import mlflow
        from mlflow.entities import Metric

        active = mlflow.active_run()
        assert active is not None
        at = int(time.time() * 1000)
        points = [Metric(name, value, at, step) for step, value in enumerate(values, start=1)]
        for start in range(0, len(points), METRICS_A_REQUEST):
            self.client.log_batch(active.info.run_id, metrics=points[start : start + METRICS_A_REQUEST])

    def latest_training(self, run_date: date) -> Training:
        """The lake's newest finished training run of a delivery."""
        with told_when_unreachable(self.uri):
            # A run that `mlflow run` made is in the experiment that it chose.
            everywhere = [experiment.experiment_id for experiment in self.client.search_experiments()]
            found = self.client.search_runs(
                everywhere,
                f"attributes.status = 'FINISHED' and tags.verb = '{TRAIN}' and tags.run_date = '{run_date}'",
                order_by=["attributes.start_time DESC"],
            )
        ours = [run for run in found if run.data.tags.get("lake") == self.lake]
        if not ours:
            raise UserError(f"no finished training run of {run_date} for {self.lake} in {self.uri}: train first")
        return as_training(ours[0])

    def training(self, run_id: str) -> Training:
        """A training run by its id."""
        run = self.logged_run(run_id)
        if run.data.tags.get("verb") != TRAIN or "model_sha256" not in run.data.tags:
            raise UserError(f"run {run_id} is not a training run that finished: give the id of one")
        return as_training(run)

    def logged_run(self, run_id: str) -> "Run":
        """A run by its id; one that is not there is the user's error."""
        from mlflow.exceptions import MlflowException

        try:
            with told_when_unreachable(self.uri):
                return self.client.get_run(run_id)
        except MlflowException:
            raise UserError(f"no run {run_id} in {self.uri}: `status` and the MLflow pages list them") from None

    def trials(self, run_id: str) -> tuple[Tried, ...]:
        """What a training tried before it chose, in order."""
        experiment = self.logged_run(run_id).info.experiment_id
        below = f"tags.{PARENT_TAG} = '{run_id}' and tags.verb = '{TRIAL}' and attributes.status = 'FINISHED'"
        with told_when_unreachable(self.uri):
            found = self.client.search_runs([experiment], below, order_by=["attributes.start_time ASC"])
        return tuple(as_tried(run) for run in found)

    def measures(self, run_id: str) -> dict[str, float]:
        """The last value of each measure that a run logged."""
        with told_when_unreachable(self.uri):
            return dict(self.client.get_run(run_id).data.metrics)

    def trained_model(self, training: Training) -> Model:
        """The model that a training run logged."""
        return self.open_model(f"models:/{training.model_id}", training.sha256)

    def registered_model(self, registered: Registered) -> Model:
        """The model of a version."""
        return self.open_model(f"models:/{self.model_name}/{registered.version}", registered.sha256)

    def open_model(self, uri: str, sha256: str) -> Model:
        """Load a model's file once its hash is found to be the expected one, running none of the code beside it."""
        import mlflow.artifacts
        from mlflow.exceptions import MlflowException

        with told_when_unreachable(self.uri), tempfile.TemporaryDirectory() as folder:
            try:
                copied = mlflow.artifacts.download_artifacts(uri, dst_path=folder, tracking_uri=self.uri)
                file = (Path(copied) / MODEL_FILE).read_bytes()
            except (OSError, MlflowException) as error:
                if is_unreachable(error):
                    raise
                raise ModelRefused(f"{uri} has no {MODEL_FILE} in {self.uri}: register another model") from error
        return load_model(file, sha256)

    def champion(self) -> Registered | None:
        """The version that scores, if there is one."""
        return self.version_called(CHAMPION)

    def challenger(self) -> Registered | None:
        """The candidate registered last, if it did not become champion."""
        return self.version_called(CHALLENGER)

    def version_called(self, alias: str) -> Registered | None:
        """The version that an alias points to, if any does."""
        from mlflow.exceptions import MlflowException

        try:
            with told_when_unreachable(self.uri):
                return as_registered(self.client.get_model_version_by_alias(self.model_name, alias))
        except MlflowException as error:
            if error.error_code not in NOT_THERE:
                raise
            return None

    def need_champion(self) -> Registered:
        """The version that scores; that there is none is the user's error."""
        champion = self.champion()
        if champion is None:
            raise UserError(f"no champion of {self.model_name} in {self.uri}: train and register a model first")
        return champion

    def listed_version(self, number: int) -> Registered:
        """A version that the operator named; one that is not there is the user's error."""
        found = self.find_version(number)
        if found is not None:
            return found
        known = reversed(self.versions())
        there = ", ".join(str(each.version) for each in known) or "none: train and register a model first"
        raise UserError(f"no version {number} of {self.model_name} in {self.uri}; there is {there}")

    def version(self, number: int) -> Registered:
        """A version by its number."""
        found = self.find_version(number)
        if found is None:
            raise ModelRefused(f"version {number} of {self.model_name} is not in {self.uri} any more: score again")
        return found

    def find_version(self, number: int) -> Registered | None:
        """A version by its number, if it is there.

        Raises:
            ModelRefused: Something else than `register` made it.
        """
        found = (as_registered(each) for each in self.listed() if int(each.version) == number)
        return next(found, None)

    def versions(self) -> list[Registered]:
        """Every version that `register` made, newest first. No verb can use others of the same name."""
        ours = (as_registered(each) for each in self.listed() if not missing_tags(each))
        return sorted(ours, key=lambda each: -each.version)

    def listed(self) -> "Sequence[ModelVersion]":
        """Every version of the model's name, whoever made it."""
        with told_when_unreachable(self.uri):
            return list(self.client.search_model_versions(f"name = '{self.model_name}'"))

    def register(self, training: Training) -> Registered:
        """The version of a run's model; one that was registered before is found again by its hash."""
        import mlflow

        versions = self.versions()
        known = [each for each in versions if each.sha256 == training.sha256]
        if known:
            return known[0]
        tags = {
            "sha256": training.sha256,
            "feature_set": training.feature_set,
            "run_id": training.run_id,
            "run_date": training.run_date.isoformat(),
            "features_version": str(training.features_version),
        }
        with told_when_unreachable(self.uri):
            made = mlflow.register_model(f"models:/{training.model_id}", self.model_name, tags=tags)
            if not versions:
                self.client.update_registered_model(self.model_name, ABOUT_MODEL)
        return as_registered(made)

    def log_gates(self, training: Training, registered: Registered, gates: Sequence[Gate]) -> None:
        """Leave on the run and on the version what each gate said, for programs as tags and for people as a table in
        the description, and on the run and its model the values."""
        from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

        outcome = PASSED if all(gate.held for gate in gates) else REFUSED
        verdicts = {f"gate.{gate.name}": f"{PASSED if gate.held else REFUSED}: {gate.sentence}" for gate in gates}
        tags = {VALIDATION: outcome, **verdicts}
        with told_when_unreachable(self.uri):
            note = self.client.get_run(training.run_id).data.tags.get(MLFLOW_RUN_NOTE, "").split(GATES_OF_NOTE)[0]
            told = note + GATES_OF_NOTE + as_table(gates)
            for name, value in {**tags, MLFLOW_RUN_NOTE: told}.items():
                self.client.set_tag(training.run_id, name, value)
            self.client.update_model_version(self.model_name, str(registered.version), told)
            for gate in gates:
                self.client.log_metric(training.run_id, f"gate.{gate.name}", gate.value, model_id=training.model_id)
        self.tag_version(registered, tags)

    def log_drift(self, training: Training, drift: Drift) -> None:
        """Leave on the run how far each feature that is watched has shifted, most first."""
        shifts = sorted(drift.features, key=lambda shift: -shift.index)
        rows = [asdict(shift) for shift in (drift.scores, *shifts)]
        with told_when_unreachable(self.uri):
            self.client.log_text(training.run_id, json.dumps(rows, indent=1), "drift.json")

    def tag_version(self, registered: Registered, tags: Mapping[str, str]) -> None:
        """Tags of a version."""
        with told_when_unreachable(self.uri):
            for name, value in tags.items():
                self.client.set_model_version_tag(self.model_name, str(registered.version), name, value)

    def validation(self, registered: Registered) -> str:
        """passed or refused, as the gates last said of a version; "not tried" where they never did."""
        with told_when_unreachable(self.uri):
            tags = self.client.get_model_version(self.model_name, str(registered.version)).tags
        return str(tags.get(VALIDATION, "not tried"))

    def make_challenger(self, registered: Registered) -> None:
        """From now on this version is the one that may become champion."""
        with told_when_unreachable(self.uri):
            self.client.set_registered_model_alias(self.model_name, CHALLENGER, str(registered.version))

    def make_champion(self, registered: Registered) -> None:
        """From now on this version scores, and challenges no more."""
        with told_when_unreachable(self.uri):
            self.client.set_registered_model_alias(self.model_name, CHAMPION, str(registered.version))
            if self.challenger() == registered:
                self.client.delete_registered_model_alias(self.model_name, CHALLENGER)


def log_dataset(path: str, version: int, names: Sequence[str], name: str, digest: str) -> "Dataset":
    """Name the Delta table, version and columns that the active run learns from; measures are logged with it."""
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
    mlflow.log_input(dataset, context="training")
    return dataset


def doubles(names: Sequence[str]) -> "Schema":
    """The schema of features: required doubles, in which a null is nan."""
    from mlflow.types.schema import ColSpec, Schema

    return Schema([ColSpec("double", name, required=True) for name in names])


def log_trial(values: Mapping[str, float]) -> None:
    """Measures of the active run, which has no model."""
    import mlflow

    mlflow.log_metrics(dict(values))


def log_measures(values: dict[str, float], dataset: "Dataset | None", model_id: str) -> None:
    """Measures of the active run and its model; those that are not a number are left out."""
    import mlflow

    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    mlflow.log_metrics(finite, dataset=dataset, model_id=model_id)


def log_files(files: Mapping[str, bytes]) -> None:
    """Artifacts of the active run, by their paths, in one request for all."""
    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        mlflow.log_artifacts(folder)


def log_tables(tables: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    """Tables of the active run by their names, which MLflow's pages show with headings and in order."""
    import mlflow
    import pandas as pd

    for name, rows in tables.items():
        mlflow.log_table(pd.DataFrame(rows), f"numbers/{name}.json")


def log_tags(tags: dict[str, str]) -> None:
    """Tags of the active run."""
    import mlflow

    mlflow.set_tags(tags)


def log_note(text: str) -> None:
    """What MLflow shows on top of the active run's page."""
    from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

    log_tags({MLFLOW_RUN_NOTE: text})


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
        auc=logged_auc(metrics),
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


def as_registered(found: "ModelVersion") -> Registered:
    """A version of the registry by its tags; one without them was registered by something else."""
    tags: dict[str, str] = found.tags
    missing = missing_tags(found)
    if missing:
        raise ModelRefused(
            f"version {found.version} of {found.name} has no tag {missing[0]}: `register` a trained model"
        )
    return Registered(int(found.version), tags["sha256"], tags["feature_set"], tags["run_id"])


def missing_tags(found: "ModelVersion") -> list[str]:
    """Those of `register` that a version has not: none, unless somebody registered it in MLflow's pages."""
    return [name for name in VERSION_TAGS if name not in found.tags]


def store_uri(lake: str, settings: Mlflow) -> str:
    """$MLFLOW_TRACKING_URI (`mlflow run` sets it), else the setting, else SQLite inside a local lake."""
    named = os.environ.get(STORE_VARIABLE) or settings.tracking_uri
    if named:
        return named
    if "://" in lake:
        raise UserError(
            f"{lake} is not a local folder: give the MLflow server's address, as in --set mlflow.tracking_uri=http://..."
        )
    return f"sqlite:///{lake_store(lake) / 'mlflow.db'}"


def lake_store(lake: str) -> Path:
    """The folder of a local lake's own store."""
    return Path(lake).absolute() / "mlflow"


def connect(lake: str, settings: Mlflow) -> Tracking:
    """The store of a lake; it and the experiment are made where they are not there yet.

    Args:
        lake: The lake's absolute folder, or its address.
        settings: Where runs and models are kept.

    Raises:
        TryAgain: The server does not answer.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow's own defaults wait minutes for a server that is not there.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    import mlflow

    for noisy in ("alembic", "mlflow.store.db.utils", "mlflow.tracking._model_registry"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    uri = store_uri(lake, settings)
    artifacts = None
    if uri.startswith(f"sqlite:///{lake_store(lake)}"):
        lake_store(lake).mkdir(parents=True, exist_ok=True)
        artifacts = (lake_store(lake) / "artifacts").as_uri()
    use_store(uri)
    client = mlflow.MlflowClient(uri)
    with told_when_unreachable(uri):
        experiment = client.get_experiment_by_name(settings.experiment)
        experiment_id = (
            experiment.experiment_id
            if experiment
            else client.create_experiment(settings.experiment, artifacts, tags=MODEL_TRAINING)
        )
    return Tracking(uri, experiment_id, settings.model_name, lake, client)


def use_store(uri: str) -> None:
    """Point MLflow's own functions at the store. They would leave it in the environment too, where the next lake of
    this process would take it for the operator's wish."""
    import mlflow

    wished = os.environ.get(STORE_VARIABLE)
    mlflow.set_tracking_uri(uri)
    if wished is None:
        os.environ.pop(STORE_VARIABLE, None)


@contextmanager
def told_when_unreachable(uri: str) -> Iterator[None]:
    """Turn MLflow's error of a server that does not answer into the user's."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if not is_unreachable(error):
            raise
        raise TryAgain(f"the MLflow server {uri} does not answer: start it or correct mlflow.tracking_uri") from error


def is_unreachable(error: Exception) -> bool:
    """Whether MLflow gave up on a request. It has no error code of its own for this."""
    return str(error).startswith(UNREACHABLE) and "failed with" in str(error)
