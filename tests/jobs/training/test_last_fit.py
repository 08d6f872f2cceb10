"""By whom a model is measured: nobody that it, or the twin that answers for it, was fitted on."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xgboost
from pyspark.sql import functions as F

from jobs.lake import folds
from jobs.lake.job import Job, Step
from jobs.lake.tables import TWINS, Lake
from jobs.model.calibration import cross_fitted
from jobs.model.candidates import Trees
from jobs.model.measured_on import MeasuredOn
from jobs.promotion.evidence import ask_candidate, compare
from jobs.promotion.gates import DifferentApplicants, SameApplicants
from jobs.register import register
from jobs.registry.runs import Training
from jobs.registry.store import Store, connect
from jobs.report import gather
from jobs.runtime.errors import UserError
from jobs.runtime.settings import load_settings
from jobs.scoring.twins import measured_by, unseen_by
from jobs.train import train
from jobs.training.few_rows import make_do
from jobs.training.last_fit import MEASURING_DEAL, Trained, fit
from jobs.training.training_set import TrainingSet, read_training_set
from tests.small_lake import INPUTS, LABELLED, NEW, OVERRIDES, RUN_DATE, applicants, write

FEW = (*OVERRIDES, "train.rounds=20", "train.few_rows=5000", "search.folds=3")


@pytest.fixture(scope="module")
def few_job(small_job: Job, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A lake of its own, of few applicants."""
    job = Job(Lake(str(tmp_path_factory.mktemp("few")), small_job.lake.spark), RUN_DATE, load_settings(overrides=FEW))
    write(job, applicants())
    return job


@pytest.fixture(scope="module")
def training_set(few_job: Job) -> TrainingSet:
    made, _ = make_do(few_job, Step("train"), read_training_set(few_job, None, INPUTS))
    return made


@pytest.fixture(scope="module")
def store(few_job: Job) -> Store:
    return connect(few_job.lake.address, few_job.settings.mlflow)


@pytest.fixture(scope="module")
def training(few_job: Job, store: Store) -> Training:
    return store.runs.training(train(few_job, INPUTS))


def test_few_applicants_are_each_measured_by_trees_that_never_saw_their_fold(
    few_job: Job, training_set: TrainingSet, store: Store, training: Training
) -> None:
    """A plain loop over the folds, of pandas and no Spark, finds what the lake keeps."""
    assert training.measured_on is MeasuredOn.OUT_OF_FOLD
    model = store.runs.trained_model(training)
    measured = measured_by(few_job.lake, training, model)
    assert len(measured) == LABELLED
    settings = few_job.settings
    fold = folds.cross_fold(settings.split, settings.search.folds, MEASURING_DEAL).alias("fold")
    known = training_set.rows.select("*", fold).orderBy("SK_ID_CURR").toPandas()
    values, labels = known[training_set.names].to_numpy(dtype=np.float32), known["TARGET"].to_numpy(dtype=np.float32)
    rounds = model.predictor.size
    parameters = {**Trees(settings.train).parameters, "objective": "binary:logistic", "nthread": 1}
    parameters |= {"base_score": float(labels.mean(dtype=np.float64))}
    expected = np.empty(len(known))
    for number in range(3):
        out = (known["fold"] == number).to_numpy()
        data = xgboost.QuantileDMatrix(values[~out], labels[~out], max_bin=settings.train.max_bin, nthread=1)
        expected[out] = xgboost.train(parameters, data, rounds).predict(
            xgboost.DMatrix(values[out], nthread=1), output_margin=True
        )
    assert store.connection.client.get_run(training.run_id).data.tags["calibration"].startswith("calibrated: ")
    expected = cross_fitted(expected, labels.astype(np.float64), known["fold"].to_numpy(), np.ones(len(known)))
    assert measured["SK_ID_CURR"].tolist() == known["SK_ID_CURR"].tolist()
    assert measured["TARGET"].tolist() == known["TARGET"].tolist()
    assert measured["probability"].to_numpy() == pytest.approx(1 / (1 + np.exp(-expected)), abs=1e-6)
    assert not np.allclose(measured["probability"], model.probabilities(known), atol=1e-3)


def test_gates_and_report_look_at_what_the_twins_said(few_job: Job, store: Store, training: Training) -> None:
    model = store.runs.trained_model(training)
    measured = measured_by(few_job.lake, training, model)
    answers = ask_candidate(few_job, training, model)
    assert answers.test["probability"].tolist() == measured["probability"].tolist()
    assert answers.drift is not None
    assert answers.drift.rows == NEW
    register(few_job)
    said = {verdict.gate: verdict.sentence for verdict in store.versions.verdicts(store.versions.need_champion())}
    assert f"of {LABELLED} labelled applicants out of fold had payment difficulties" in said["auc"]
    data = gather(few_job, store, store.versions.need_champion(), None)
    assert sorted(data.test.probabilities) == sorted(measured["probability"])
    assert data.measured_on is MeasuredOn.OUT_OF_FOLD
    logged = store.runs.measures(training.run_id)
    assert logged["rows"] == LABELLED
    assert logged["auc"] == training.auc.value


def test_a_champion_that_learned_from_everybody_answers_by_its_twins_or_for_others(
    few_job: Job, store: Store, training: Training
) -> None:
    """On its own delivery by its twins; on the next one for those alone who were not labelled in the first."""
    champion = store.versions.need_champion()
    test = measured_by(few_job.lake, training, store.runs.trained_model(training))
    same = compare(few_job, store, training, test, champion)
    assert isinstance(same, SameApplicants)
    assert same.gain.value == 0
    assert same.champion.probabilities.tolist() == test["probability"].tolist()
    later = RUN_DATE.replace(month=6)
    people = applicants()
    # Everybody comes again, and those who were new are labelled by now.
    people["TARGET"] = people["TARGET"].fillna(pd.Series(np.arange(len(people)) % 7 == 0).astype(int)).astype("Int64")
    next_job = replace(few_job, run_date=later)
    write(next_job, people)
    version = few_job.lake.version("features")
    rows = few_job.lake.read_run_date("features", later)
    unseen = unseen_by(few_job.lake, rows, later, training)
    assert unseen.count() == NEW
    assert unseen.agg(F.min("SK_ID_CURR")).collect()[0][0] > people["SK_ID_CURR"].iloc[LABELLED - 1]
    candidate = replace(training, run_date=later, features_version=version)
    both = compare(next_job, store, candidate, people[["SK_ID_CURR", "TARGET"]].assign(probability=0.1), champion)
    assert isinstance(both, SameApplicants)
    assert len(both.champion.labels) == NEW


def test_a_champion_whose_twins_are_gone_can_be_replaced(
    few_job: Job, store: Store, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = store.versions.need_champion()
    test = measured_by(few_job.lake, training, store.runs.trained_model(training))
    monkeypatch.setattr("jobs.scoring.twins.TWINS", "nowhere")
    apart = compare(few_job, store, training, test, champion)
    assert isinstance(apart, DifferentApplicants)
    assert "what it was measured by is gone, train 2018-05-17 again" in apart.why
    with pytest.raises(UserError, match="nowhere holds nothing of 2018-05-17 for the model"):
        measured_by(few_job.lake, training, store.runs.trained_model(training))


def test_the_same_training_again_leaves_the_same_twins(few_job: Job, store: Store, training: Training) -> None:
    before = few_job.lake.read(TWINS).orderBy("SK_ID_CURR").toPandas()
    again = store.runs.training(train(few_job, INPUTS, training.features_version))
    assert again.sha256 == training.sha256
    assert few_job.lake.read(TWINS).orderBy("SK_ID_CURR").toPandas().equals(before)


def fitted(job: Job, training_set: TrainingSet, **changed: object) -> Trained:
    train_settings = job.settings.train.model_copy(update=changed)
    return fit(training_set, training_set.names, job.settings.model_copy(update={"train": train_settings}), None)


def test_the_test_folds_are_learned_from_as_the_settings_say(few_job: Job, training_set: TrainingSet) -> None:
    few = fitted(few_job, training_set, test_folds_too="never")
    assert few.measured_on is MeasuredOn.OUT_OF_FOLD
    assert few.fitted_on.where("part = 'test'").isEmpty()
    many = replace(training_set, is_few=False)
    plain = fitted(few_job, many, test_folds_too="few")
    assert plain.measured_on is MeasuredOn.TEST_FOLDS
    everybody = fitted(few_job, many, test_folds_too="always")
    assert everybody.measured_on is MeasuredOn.TEST_FOLDS_BY_TWIN
    assert everybody.measured.equals(plain.measured)
    assert everybody.fitted_on.count() == LABELLED
    assert everybody.model.sha256 != plain.model.sha256
    assert everybody.model.predictor.size == plain.model.predictor.size


def test_whom_another_delivery_labels_is_learned_from_and_measures_nobody(
    few_job: Job, training_set: TrainingSet
) -> None:
    """As outcomes of earlier deliveries are, where the settings take them."""
    own = training_set.rows.where("SK_ID_CURR % 3 > 0")
    trained = fitted(few_job, replace(training_set, own=own))
    assert trained.fitted_on.count() == LABELLED
    assert trained.measured["SK_ID_CURR"].tolist() == sorted(row["SK_ID_CURR"] for row in own.collect())


def test_a_linear_part_is_in_the_model_and_in_its_twins(few_job: Job, training_set: TrainingSet) -> None:
    with_line = {"linear_share": 0.4, "linear_c": 0.01, "linear_features": 5}
    trained = fitted(few_job, training_set, **with_line)
    shuffled = replace(training_set, rows=training_set.rows.orderBy(F.xxhash64(F.lit(1), "SK_ID_CURR")).repartition(5))
    assert fitted(few_job, shuffled, **with_line).model.sha256 == trained.model.sha256
    assert trained.linear is not None
    assert len(trained.linear.steps) == 5
    assert trained.model.predictor.name.endswith(" with a linear part of 5 features")
    assert trained.ended.endswith("grown on all labelled applicants, with a linear part of 5 features")
    alone = fitted(few_job, training_set)
    assert trained.rounds == alone.rounds
    assert trained.model.predictor.size == alone.model.predictor.size + 5
    people = training_set.rows.limit(50).toPandas()
    mixed, trees = (each.model.predict(each.model.values(people), "margin") for each in (trained, alone))
    values = people[training_set.names].to_numpy(dtype=np.float32)
    expected = 0.6 * uncalibrated(alone, trees) + 0.4 * trained.linear.margins(values)
    assert uncalibrated(trained, mixed) == pytest.approx(expected, abs=1e-4)
    assert not np.allclose(trained.measured["probability"], alone.measured["probability"], atol=1e-3)


def uncalibrated(trained: Trained, margins: np.ndarray) -> np.ndarray:
    line = trained.calibration
    return (margins - line.intercept) / line.slope if line is not None and line.improves else margins
