"""What training promises: the same bytes for the same rows, all of it in MLflow, and a word on what can't work."""

from dataclasses import replace

import mlflow
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pyspark.sql import functions as F

from jobs.lake import folds
from jobs.lake.job import Job
from jobs.lake.tables import FEATURES
from jobs.model import measures
from jobs.model.booster import Model
from jobs.model.calibration import Calibration
from jobs.model.measures import Vector
from jobs.registry.runs import Training
from jobs.registry.store import Store, connect
from jobs.runtime.errors import UserError
from jobs.scoring import batch
from jobs.train import train
from jobs.training.distributed_fit import estimated
from jobs.training.last_fit import calibration_of, fit
from jobs.training.packed import VALUES
from jobs.training.training_set import TrainingSet, read_training_set
from tests.small_lake import FAMILY_OF, FEATURE_SET, INPUTS, LABELLED, NEW, RUN_DATE


@pytest.fixture(scope="module")
def store(small_job: Job) -> Store:
    return connect(small_job.lake.address, small_job.settings.mlflow)


@pytest.fixture(scope="module")
def training(store: Store) -> Training:
    """The first of its lake: other files' tests train in it too."""
    return store.runs.training(store.versions.version(1).run_id)


@pytest.fixture(scope="module")
def model(store: Store, training: Training) -> Model:
    return store.runs.trained_model(training)


@pytest.fixture(scope="module")
def rows(small_job: Job, training: Training) -> TrainingSet:
    return read_training_set(small_job, training.features_version, INPUTS)


@pytest.fixture(scope="module")
def test_rows(rows: TrainingSet) -> pd.DataFrame:
    """The labelled applicants of the test folds."""
    return rows.rows.where(F.col("part") == folds.TEST).orderBy("SK_ID_CURR").toPandas()


def test_applicants_keep_their_fold_and_new_ones_are_not_among_them(small_job: Job, rows: TrainingSet) -> None:
    split = small_job.settings.split
    numbers = rows.rows.repartition(3).select("SK_ID_CURR", "part", folds.fold(split).alias("fold")).toPandas()
    assert len(numbers) == LABELLED
    expected = np.select([numbers["fold"] < 2, numbers["fold"] == 2], [folds.TEST, folds.VALIDATION], folds.TRAIN)
    assert (numbers["part"] == expected).all()
    assert numbers["fold"].value_counts().sort_index().index.tolist() == list(range(10))
    assert numbers["fold"].value_counts().between(LABELLED / 10 * 0.7, LABELLED / 10 * 1.3).all()
    salted = rows.rows.select(folds.fold(split.model_copy(update={"seed": 1})).alias("fold"), "SK_ID_CURR").toPandas()
    both = numbers.merge(salted, on="SK_ID_CURR")
    assert (both["fold_x"] != both["fold_y"]).mean() > 0.8


def test_shuffled_rows_give_the_same_bytes(small_job: Job, rows: TrainingSet, model: Model) -> None:
    shuffled = rows.rows.orderBy(F.xxhash64(F.lit(1), "SK_ID_CURR")).repartition(5)
    again = fit(replace(rows, rows=shuffled), rows.names, small_job.settings, None)
    assert again.model.sha256 == model.sha256


def test_a_run_names_its_table_version_and_its_model(small_job: Job, store: Store, training: Training) -> None:
    lake = small_job.lake  # later deliveries make later versions
    assert training.features_version == lake.commits(FEATURES)[0]
    assert lake.read_run_date(FEATURES, RUN_DATE, training.features_version).count() == LABELLED + NEW
    assert training.feature_set == FEATURE_SET
    assert training.split == small_job.settings.split
    run = store.connection.client.get_run(training.run_id)
    assert run.info.run_name == f"train {RUN_DATE}"
    dataset = run.inputs.dataset_inputs[0].dataset
    assert dataset.source_type == "delta_table"
    assert f'"delta_table_version": {training.features_version}' in dataset.source
    assert run.data.params["num_workers"] == "2"
    assert run.data.params["early_stopping_rounds"] == "10"
    assert {file.path for file in store.connection.client.list_artifacts(training.run_id)} >= {
        "plots",
        "numbers",
        "model_card.md",
    }


def test_the_curves_have_a_point_for_each_round(store: Store, training: Training) -> None:
    curve = store.connection.client.get_metric_history(training.run_id, "curves/validation_log_loss")
    best_round = int(store.connection.client.get_run(training.run_id).data.tags["best_round"])
    assert [point.step for point in curve] == list(range(1, len(curve) + 1))
    assert min(curve, key=lambda point: (point.value, point.step)).step == best_round
    assert len(store.connection.client.get_metric_history(training.run_id, "curves/train_log_loss")) == len(curve)


def test_measures_are_those_of_the_test_folds(
    small_job: Job, store: Store, training: Training, model: Model, test_rows: pd.DataFrame
) -> None:
    logged = store.connection.client.get_run(training.run_id).data.metrics
    expected = measures.performance(test_rows["TARGET"], model.probabilities(test_rows), small_job.settings.decision)
    assert logged["auc"] == expected.auc > 0.7
    assert logged["rows"] == len(test_rows)
    assert logged["calibration_error"] == expected.calibration_error


def test_the_served_model_scores_as_the_batch(
    training: Training, model: Model, rows: TrainingSet, test_rows: pd.DataFrame
) -> None:
    served = mlflow.pyfunc.load_model(f"models:/{training.model_id}").predict(test_rows[list(FAMILY_OF)])
    batched = batch.measured(rows.rows.where(F.col("part") == folds.TEST), model)
    mine = model.probabilities(test_rows)
    assert np.abs(mine - served).max() <= 1e-6
    assert np.array_equal(mine, batched["probability"])


@pytest.mark.spark
def test_the_model_scores_as_spark_before_the_cut(
    small_job: Job, model: Model, rows: TrainingSet, test_rows: pd.DataFrame
) -> None:
    outside = rows.rows.where(F.col("part") != folds.TEST)
    fitted = estimated(outside, rows.inputs, small_job.settings.train, F.col("part") == folds.VALIDATION)
    tested = rows.rows.where(F.col("part") == folds.TEST)
    transformed = fitted.transform(tested.select("*", F.array(*rows.names).alias(VALUES)))
    in_spark = transformed.select("SK_ID_CURR", "probability").orderBy("SK_ID_CURR").toPandas()["probability"]
    mine = model.probabilities(test_rows)
    assert np.abs(mine - [each[1] for each in in_spark]).max() <= 1e-6
    assert fitted.get_booster().num_boosted_rounds() > model.predictor.booster.num_boosted_rounds()


def test_the_signature_wants_every_feature_as_a_double(training: Training) -> None:
    served = mlflow.pyfunc.load_model(f"models:/{training.model_id}")
    columns = served.metadata.get_input_schema().inputs
    assert [(column.name, column.type.name, column.required) for column in columns] == [
        (name, "double", True) for name in FAMILY_OF
    ]
    unknown = pd.DataFrame([dict.fromkeys(FAMILY_OF, None)])
    assert 0 < served.predict(unknown)[0] < 1
    with pytest.raises(mlflow.MlflowException, match="NOISE"):
        served.predict(unknown.drop(columns="NOISE"))


def test_a_protected_column_never_trains_a_model(small_job: Job) -> None:
    gender = replace(INPUTS[0], name="CODE_GENDER")
    with pytest.raises(AssertionError, match="CODE_GENDER"):
        read_training_set(small_job, None, (*INPUTS, gender))


def test_what_the_table_does_not_hold_is_the_users_to_put_right(small_job: Job) -> None:
    with pytest.raises(UserError, match=r"has no column EXT_SOURCE_9: assemble 2018-05-17 again"):
        train(small_job, (*INPUTS, replace(INPUTS[0], name="EXT_SOURCE_9")))
    with pytest.raises(UserError, match="has no version 99"):
        train(small_job, INPUTS, version=99)
    with pytest.raises(UserError, match="no labelled applicant of 2017-01-01"):
        train(replace(small_job, run_date=RUN_DATE.replace(year=2017, month=1, day=1)), INPUTS)


def test_a_model_is_calibrated_where_the_validation_fold_gains_by_it(
    small_job: Job, rows: TrainingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = small_job.settings.model_copy(update={"train": small_job.settings.train.model_copy(update={"rounds": 5})})
    plain = fit(rows, rows.names, few, None)
    line = Calibration(slope=1.5, intercept=0.2, gain=measures.Interval(0.010, 0.002, 0.006, 0.014))
    monkeypatch.setattr("jobs.training.last_fit.calibration_of", lambda *_: line)
    people = rows.rows.limit(50).toPandas()
    models = (plain.model, fit(rows, rows.names, few, None).model)
    before, after = (model.predict(model.values(people), "margin") for model in models)
    assert after == pytest.approx(0.2 + 1.5 * before, abs=1e-5)


def unseen_rows(bad: int, good: int, overstated: float) -> tuple[Vector, Vector, NDArray[np.int64], Vector]:
    """Margins times `overstated` of applicants whose TARGET was drawn from theirs, TARGET, five folds, weights of 1."""
    random = np.random.default_rng(0)
    margins = random.normal(0, 1.5, 20 * (bad + good))
    targets = random.random(margins.size) < 1 / (1 + np.exp(-margins))
    chosen = np.sort(np.append(np.flatnonzero(targets)[:bad], np.flatnonzero(~targets)[:good]))
    return overstated * margins[chosen], targets[chosen].astype(float), np.arange(chosen.size) % 5, np.ones(chosen.size)


def test_overstated_odds_are_found_and_few_defaults_tell_nothing() -> None:
    found = calibration_of(*unseen_rows(500, 500, overstated=2))
    assert found is not None
    assert found.improves
    assert found.slope == pytest.approx(0.5, abs=0.1)
    assert calibration_of(*unseen_rows(199, 500, overstated=2)) is None
