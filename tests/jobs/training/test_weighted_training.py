"""What weights do to a training, its measures and the gates; a weight that all share does nothing."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from jobs.lake.job import Job, Step
from jobs.lake.tables import Lake
from jobs.model import measures
from jobs.pages.report_page import page_of
from jobs.register import register
from jobs.registry.runs import Training
from jobs.registry.store import Store, connect
from jobs.report import gather
from jobs.runtime.settings import load_settings
from jobs.scoring.twins import measured_by
from jobs.train import train
from jobs.training.few_rows import make_do
from jobs.training.last_fit import Trained, fit
from jobs.training.training_set import read_training_set
from tests.small_lake import INPUTS, OVERRIDES, RUN_DATE, applicants, write

WEIGHTED = "train.weight=SAMPLE_WEIGHT"
FEW = ("train.rounds=20", "train.few_rows=5000", "search.folds=3", "train.linear_share=0.4", "train.linear_c=0.01")


def sampled(people: pd.DataFrame) -> pd.DataFrame:
    """Of the good three in four were left out, so that each that is there stands for four; ten stand for nobody."""
    weight = np.where(people["TARGET"].fillna(1) == 0, 4.0, 1.0)
    weight[:10] = 0
    return people.assign(SAMPLE_WEIGHT=np.where(people["TARGET"].isna(), np.nan, weight))


@pytest.fixture(scope="module")
def lender(small_job: Job, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A lake whose applicants have the weights of a sample."""
    lake = Lake(str(tmp_path_factory.mktemp("weighted")), small_job.lake.spark)
    job = Job(lake, RUN_DATE, load_settings(overrides=(*OVERRIDES, WEIGHTED)))
    write(job, sampled(applicants()))
    return job


@pytest.fixture(scope="module")
def store(lender: Job) -> Store:
    return connect(lender.lake.address, lender.settings.mlflow)


@pytest.fixture(scope="module")
def training(lender: Job, store: Store) -> Training:
    return store.runs.training(train(lender, INPUTS))


def fitted(job: Job) -> Trained:
    made, settings = make_do(job, Step("train"), read_training_set(job, None, INPUTS))
    return fit(made, made.names, settings, None)


@pytest.mark.parametrize("overrides", [(), FEW], ids=["many rows", "few rows"])
def test_a_weight_that_all_share_makes_the_same_model_to_the_last_bit(
    lender: Job, tmp_path_factory: pytest.TempPathFactory, overrides: tuple[str, ...]
) -> None:
    lake = Lake(str(tmp_path_factory.mktemp("shared")), lender.lake.spark)
    plain = Job(lake, RUN_DATE, load_settings(overrides=(*OVERRIDES, *overrides)))
    people = applicants()
    write(plain, people.assign(SAMPLE_WEIGHT=2.0))
    weighted = replace(plain, settings=load_settings(overrides=(*OVERRIDES, *overrides, WEIGHTED)))
    first, second = fitted(plain), fitted(weighted)
    assert second.model.sha256 == first.model.sha256
    assert second.measured.equals(first.measured)
    assert second.calibration == first.calibration
    assert fitted(replace(weighted, lake=lender.lake)).model.sha256 != first.model.sha256


def test_the_model_expects_as_many_bad_as_the_sample_stands_for(store: Store, training: Training) -> None:
    people = sampled(applicants())
    counted = people[people["SAMPLE_WEIGHT"] > 0]
    weight = counted["SAMPLE_WEIGHT"]
    whole = float((counted["TARGET"] * weight).sum() / weight.sum())
    assert whole < 0.6 * counted["TARGET"].mean()
    said = store.runs.trained_model(training).probabilities(counted)
    assert np.average(said, weights=weight) == pytest.approx(whole, rel=0.1)


def test_measures_are_weighted_and_who_stands_for_nobody_is_not_measured(
    lender: Job, store: Store, training: Training
) -> None:
    assert training.weighted_by == "SAMPLE_WEIGHT"
    measured = measured_by(lender.lake, training, store.runs.trained_model(training))
    with_weight = measured.merge(sampled(applicants())[["SK_ID_CURR", "SAMPLE_WEIGHT"]], on="SK_ID_CURR")
    known = with_weight[with_weight["SAMPLE_WEIGHT"] > 0]
    columns = known["TARGET"], known["probability"]
    expected = measures.performance(*columns, lender.settings.decision, weights=known["SAMPLE_WEIGHT"])
    logged = store.runs.measures(training.run_id)
    assert logged["rows"] == len(known) < len(with_weight)
    for name in ("auc", "auc_low", "brier", "log_loss", "bad_rate", "approval_rate", "calibration_error", "ks"):
        assert logged[name] == pytest.approx(getattr(expected, name)), name
    assert logged["bad_rate"] < 0.6 * known["TARGET"].mean()


def test_card_gates_and_report_say_by_what_they_are_weighted(lender: Job, store: Store, training: Training) -> None:
    card = store.runs.text(training.run_id, "model_card.md")
    assert card is not None
    assert ", weighted by SAMPLE_WEIGHT)." in card
    assert "Every rate, curve and measure is weighted by SAMPLE_WEIGHT: " in card
    assert "would have paid is known as far as SAMPLE_WEIGHT stands for them." in card
    register(lender)
    said = {verdict.gate: verdict.sentence for verdict in store.versions.verdicts(store.versions.need_champion())}
    assert "had payment difficulties; weighted by SAMPLE_WEIGHT)" in said["auc"]
    assert f"{training.auc.value:.4f} ({training.auc.low:.4f} to {training.auc.high:.4f}; " in said["auc"]
    data = gather(lender, store, store.versions.need_champion(), None)
    logged = store.runs.measures(training.run_id)
    found = measures.performance(data.test.labels, data.test.probabilities, data.decision, weights=data.test.weights)
    assert (found.auc, found.calibration_error) == (logged["auc"], logged["calibration_error"])
    assert "Every rate, curve and measure is weighted by SAMPLE_WEIGHT: " in page_of(data, defaultdict(str))
