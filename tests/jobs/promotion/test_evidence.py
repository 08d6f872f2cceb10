"""A champion on a delivery that was assembled with a candidate's newly fitted features only."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from features.plan.nested_table import of_applicants
from features.spec import KEY
from jobs.assemble import assemble
from jobs.lake import folds
from jobs.lake.job import Job
from jobs.lake.tables import FEATURES, Lake, source_table
from jobs.model.booster import Model
from jobs.model.bootstrap import bootstrap_auc_difference
from jobs.model.drift import population_stability
from jobs.model.measured_on import MeasuredOn
from jobs.promotion.evidence import ask_candidate, compare, feature_sets_now
from jobs.promotion.gates import Comparison, DifferentApplicants, NoChampion, SameApplicants, UnknownChampion
from jobs.registry.runs import Training
from jobs.registry.store import Store, connect
from jobs.registry.versions import Registered, Versions
from jobs.runtime.errors import ModelRefused
from jobs.runtime.settings import load_settings
from jobs.scoring import batch
from tests.jobs.model.test_drift import binned
from tests.line import RUN_DATE

DAY, NEXT = date.fromisoformat(RUN_DATE), date(2018, 6, 17)


@pytest.fixture(scope="module")
def next_job(spark: SparkSession, demo_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The demo's lake with a second delivery, in which a third of those that were trained on are missing."""
    folder = tmp_path_factory.mktemp("evidence") / "lake"
    shutil.copytree(demo_lake, folder)
    job = Job(Lake(str(folder), spark), NEXT, load_settings("local"))
    delivered = job.lake.delivered_tables(DAY)
    is_training = folds.part(job.settings.split) == folds.TRAIN
    kept = delivered["application"].where(~is_training | (F.col(KEY) % 3 > 0))
    rows = of_applicants(delivered, kept)
    versions = {name: job.lake.replace(source_table(name), each, NEXT) for name, each in rows.items()}
    job.lake.record_delivery(NEXT, "made up", versions)
    assemble(job)
    return job


@pytest.fixture(scope="module")
def store(next_job: Job) -> Store:
    """Its champion answers for itself, as one of many applicants does; `test_last_fit.py` has those of few."""
    store = connect(next_job.lake.address, next_job.settings.mlflow)
    run_id = store.versions.need_champion().run_id
    store.connection.client.set_tag(run_id, "measured_on", MeasuredOn.TEST_FOLDS)
    return store


@pytest.fixture(scope="module")
def champion(store: Store) -> Registered:
    return store.versions.need_champion()


@pytest.fixture(scope="module")
def candidate(next_job: Job, store: Store, champion: Registered) -> Training:
    """The run of a candidate that reads what the second delivery was assembled with."""
    (feature_set,) = feature_sets_now(next_job)
    assert feature_set != champion.feature_set
    version = next_job.lake.version(FEATURES)
    made = store.runs.training(champion.run_id)
    return replace(made, run_date=NEXT, feature_set=feature_set, features_version=version)


@pytest.fixture(scope="module")
def measured(next_job: Job, store: Store, candidate: Training, champion: Registered) -> pd.DataFrame:
    """What the candidate says of them: the champion's trees on the candidate's features, coarsened."""
    theirs = store.versions.registered_model(champion)
    model = replace(theirs, predictor=replace(theirs.predictor, feature_set=candidate.feature_set))
    test = ask_candidate(next_job, candidate, model).test
    return test.assign(probability=test["probability"].round(1))


@pytest.fixture
def compared(
    next_job: Job, store: Store, candidate: Training, champion: Registered, measured: pd.DataFrame
) -> Callable[[], Comparison]:
    """The candidate and the champion, as things are when it is called."""
    return lambda: compare(next_job, store, candidate, measured, champion)


def test_the_champion_reads_its_own_features_of_the_candidates_test_applicants_and_of_the_new_ones(
    next_job: Job,
    store: Store,
    candidate: Training,
    champion: Registered,
    measured: pd.DataFrame,
    compared: Callable[[], Comparison],
) -> None:
    comparison = compared()
    assemble(next_job, champion.feature_set)  # the long way: as if the delivery were to be scored with the champion
    rows = next_job.lake.read_run_date(FEATURES, NEXT)
    model = store.versions.registered_model(champion)
    test = folds.labelled(rows, candidate.split).where("part = 'test'")
    theirs = batch.measured(test, model)
    assert theirs[KEY].tolist() == measured[KEY].tolist()
    assert theirs["probability"].nunique() > len(theirs) / 2
    paired = bootstrap_auc_difference(
        theirs["TARGET"], measured["probability"], theirs["probability"], next_job.settings.gates.confidence
    )
    assert isinstance(comparison, SameApplicants)
    assert comparison.gain == paired
    assert comparison.champion.probabilities.tolist() == theirs["probability"].tolist()
    new = batch.measured(rows.where("TARGET is null"), model)["probability"]
    assert comparison.shift is not None
    assert comparison.shift.index == pytest.approx(population_stability(*binned(theirs["probability"], new)))


def test_without_a_champion_there_is_nothing_to_compare_with(
    next_job: Job, store: Store, candidate: Training, measured: pd.DataFrame
) -> None:
    assert compare(next_job, store, candidate, measured, None) == NoChampion()


def test_a_champion_whose_run_is_gone_can_be_replaced(
    next_job: Job, store: Store, candidate: Training, champion: Registered, measured: pd.DataFrame
) -> None:
    forgotten = replace(champion, run_id="0" * 32)
    comparison = compare(next_job, store, candidate, measured, forgotten)
    assert isinstance(comparison, UnknownChampion)
    assert comparison.why.startswith("version 1 can't be compared with: no run 0000")


def told_apart(comparison: Comparison) -> DifferentApplicants:
    assert isinstance(comparison, DifferentApplicants)
    return comparison


def test_a_champion_whose_features_are_declared_no_more_is_compared_on_others(
    compared: Callable[[], Comparison], store: Store, champion: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.lake.feature_sets.feature_set", lambda *_: "0123456789ab")
    apart = told_apart(compared())
    assert apart.gain.standard_error > store.runs.training(champion.run_id).auc.standard_error
    assert apart.why == "0 of the rarer TARGET can be read by both and were learned from by neither"


def test_a_champion_of_another_lake_is_compared_on_others(
    next_job: Job,
    store: Store,
    candidate: Training,
    champion: Registered,
    measured: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobs.lake.feature_sets.feature_set", lambda *_: "0123456789ab")
    here = replace(candidate, lake="elsewhere")
    apart = told_apart(compare(next_job, store, here, measured, champion))
    assert apart.why == f"feature set {champion.feature_set} was made in {store.runs.training(champion.run_id).lake}"


def test_a_champion_that_can_not_score_any_more_can_be_replaced(
    compared: Callable[[], Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Model:
        raise ModelRefused("the model gives reasons of the family thrift, which has no sentence: train it again")

    monkeypatch.setattr(Versions, "registered_model", refuse)
    assert "version 1 can't be used: the model gives reasons of the family thrift" in told_apart(compared()).why
