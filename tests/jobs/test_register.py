"""Which version scores after `register`, and what stays of its verdict."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import mlflow.artifacts
import numpy as np
import pytest

from jobs.lake.job import Job, Step
from jobs.lake.tables import SCORES, Lake
from jobs.model.bootstrap import bootstrap_auc_difference
from jobs.model.fairness import age_bands
from jobs.promotion.evidence import ask_candidate, compare, gather_evidence, on_test
from jobs.promotion.gates import DifferentApplicants, SameApplicants
from jobs.promotion.succession import history, try_gates
from jobs.register import register
from jobs.registry.runs import Training
from jobs.registry.store import Store, connect
from jobs.registry.versions import Registered
from jobs.runtime.errors import GateRefused, ModelRefused, UserError
from jobs.score import score
from jobs.scoring.shifts import most_gaining
from jobs.train import train
from tests.small_lake import INPUTS, LABELLED, NEW, RUN_DATE, applicants, write

NEXT = date(2018, 6, 17)


@pytest.fixture(scope="module")
def store(small_job: Job) -> Store:
    return connect(small_job.lake.address, small_job.settings.mlflow)


@pytest.fixture(scope="module")
def training(store: Store) -> Training:
    return store.runs.latest_training(RUN_DATE)


@pytest.fixture(scope="module")
def champion(store: Store) -> Registered:
    return store.versions.need_champion()


@pytest.fixture(scope="module")
def next_job(small_job: Job) -> Iterator[Job]:
    """A later delivery of which another feature set was made."""
    job = replace(small_job, run_date=NEXT)
    write(job, applicants(), feature_set="ba9876543210")
    return job


def test_the_first_candidate_that_passes_is_champion(store: Store, training: Training, champion: Registered) -> None:
    assert champion == Registered(1, training.sha256, training.feature_set, training.run_id)
    version = store.connection.client.get_model_version(store.versions.name, "1")
    assert version.tags["validation_status"] == "passed"
    assert version.tags["features_version"] == str(training.features_version)
    assert store.versions.registered_model(champion).sha256 == training.sha256


def test_every_gate_stands_on_the_run(store: Store, training: Training) -> None:
    run = store.connection.client.get_run(training.run_id)
    version = store.connection.client.get_model_version(store.versions.name, "1")
    ratios = [f"selection_rate_ratio_{group}" for group in ("gender", "marital_status", "elderly")]
    tried = ("feature_set", "auc", "calibration_error", *ratios, "drift_scores", "drift_features")
    for gate in (*tried, "auc_gain_on_champion"):
        assert run.data.tags[f"gate.{gate}"] == version.tags[f"gate.{gate}"]
        word = run.data.tags[f"gate.{gate}"].partition(":")[0]
        assert word in ({"passed", "warned"} if gate in tried else {"not tried"})
        assert (f"gate.{gate}" in run.data.metrics) is (gate in tried)
    assert run.data.tags["gate.auc"].startswith("passed: ")
    assert run.data.tags["gate.auc_gain_on_champion"] == "not tried: there is no champion yet"
    logged = store.connection.client.get_logged_model(training.model_id)
    assert {"gate.auc", "gate.drift_scores"} <= {metric.key for metric in logged.metrics or ()}


def test_the_pages_of_mlflow_tell_people_what_the_gates_said(
    small_job: Job, store: Store, training: Training, champion: Registered
) -> None:
    try_gates(small_job, Step("register"), store, training, champion, None)  # told once, not twice
    note = store.connection.client.get_run(training.run_id).data.tags["mlflow.note.content"]
    version = store.connection.client.get_model_version(store.versions.name, "1")
    assert version.description == note
    assert note.startswith("Gradient-boosted trees")
    assert note.count("| gate |") == 1
    interval = f"{training.auc.low:.4f} to {training.auc.high:.4f}"
    assert f"| auc | passed | {training.auc.value:.4f} ({interval}; " in note
    assert (
        "`champion` is the version that scores"
        in store.connection.client.get_registered_model(store.versions.name).description
    )


def test_the_first_champion_leaves_its_trace(small_job: Job, store: Store, champion: Registered) -> None:
    (change,) = history(small_job.lake)
    assert (change.verb, change.from_version, change.to_version) == ("register", None, 1)
    assert change.model_sha256 == champion.sha256
    tags = store.connection.client.get_model_version(store.versions.name, "1").tags
    assert (tags["champion_after"], tags["champion_by"]) == ("none", "register")
    assert store.versions.challenger() is None


def test_the_champion_registered_again_makes_no_version(small_job: Job, store: Store) -> None:
    assert register(small_job) == 1
    assert [each.version for each in store.versions.all()] == [1]


def test_groups_are_read_of_the_test_applicants_for_the_audit(small_job: Job, training: Training) -> None:
    people = applicants()[:LABELLED][::-3]
    found = on_test(small_job, training, people[["SK_ID_CURR", "TARGET"]].assign(probability=0.1))
    assert found.labels.tolist() == people["TARGET"].tolist()
    assert found.ages.tolist() == age_bands(people["DAYS_BIRTH"]).tolist()
    assert found.groups["gender"].tolist() == people["CODE_GENDER"].tolist()
    married = people["NAME_FAMILY_STATUS"] == "Married"
    assert found.groups["marital_status"].tolist() == np.where(married, "married", "unmarried").tolist()


def test_a_candidate_is_watched_where_it_gains_most(store: Store, training: Training) -> None:
    model = store.runs.trained_model(training)
    first, *_ = most_gaining(model, 3)
    assert first == "EXT_SOURCE_MEAN"
    assert len(most_gaining(model, 3)) == 3
    assert set(most_gaining(model, 1000)) <= set(model.features)


def test_new_applicants_like_the_others_have_not_drifted(
    small_job: Job, store: Store, training: Training, champion: Registered
) -> None:
    evidence = gather_evidence(small_job, store, training, store.runs.trained_model(training), champion)
    assert evidence.drift is not None
    assert evidence.drift.rows == NEW
    assert len(evidence.drift.features) == len(most_gaining(store.runs.trained_model(training), 20))
    assert evidence.drift.scores.index < evidence.drift.scores.noise
    assert evidence.assembled == (training.feature_set,)
    logged = mlflow.artifacts.download_artifacts(
        f"runs:/{training.run_id}/drift.json", tracking_uri=store.connection.uri
    )
    first, *others = json.loads(Path(logged).read_text())
    assert first == asdict(evidence.drift.scores)
    assert others == [asdict(shift) for shift in evidence.drift.features]
    assert [row["index"] for row in others] == sorted((row["index"] for row in others), reverse=True)


def test_a_candidate_is_compared_with_the_champion_on_the_same_applicants(
    small_job: Job, store: Store, training: Training, champion: Registered
) -> None:
    test = ask_candidate(small_job, training, store.runs.trained_model(training)).test
    worse = test.assign(probability=test["probability"].round(1))
    expected = bootstrap_auc_difference(test["TARGET"], worse["probability"], test["probability"])
    comparison = compare(small_job, store, training, worse, champion)
    assert isinstance(comparison, SameApplicants)
    assert comparison.gain == expected
    assert comparison.champion.probabilities.tolist() == test["probability"].tolist()
    assert comparison.shift is not None


def test_nobody_whom_the_champion_was_fitted_on_is_compared(
    small_job: Job, store: Store, training: Training, champion: Registered
) -> None:
    other = training.split.model_copy(update={"seed": 1, "test_folds": 7})
    model = store.runs.trained_model(training)
    resplit, own = (ask_candidate(small_job, replace(training, split=s), model).test for s in (other, training.split))
    worse = resplit.assign(probability=resplit["probability"].round(1))
    of_both = worse["SK_ID_CURR"].isin(own["SK_ID_CURR"])
    assert 0 < of_both.sum() < len(own) < len(worse)
    both = worse[of_both]
    theirs = resplit["probability"][of_both]
    expected = bootstrap_auc_difference(both["TARGET"], both["probability"], theirs)
    candidate = replace(training, split=other)
    comparison = compare(small_job, store, candidate, worse, champion)
    assert isinstance(comparison, SameApplicants)
    assert comparison.gain == expected
    assert comparison.champion.probabilities.tolist() == theirs.tolist()
    few = compare(small_job, store, candidate, worse[~of_both | (worse["TARGET"] == 0)], champion)
    assert isinstance(few, DifferentApplicants)
    assert few.why.startswith("0 of the rarer TARGET")
    assert few.gain.standard_error > training.auc.standard_error


def test_a_champion_of_other_features_reads_them_as_they_were_made_for_it(
    small_job: Job, store: Store, training: Training, champion: Registered
) -> None:
    later = replace(training, feature_set="ba9876543210", features_version=999)  # no such version: it must not be read
    test = ask_candidate(small_job, training, store.runs.trained_model(training)).test
    comparison = compare(small_job, store, later, test, champion)
    assert isinstance(comparison, SameApplicants)
    assert comparison.gain.value == comparison.gain.standard_error == 0


def test_a_refused_candidate_is_registered_and_the_champion_goes_on(
    next_job: Job, store: Store, champion: Registered
) -> None:
    run_id = train(next_job, INPUTS)
    strict = next_job.settings.gates.model_copy(update={"auc": 0.999})
    job = replace(next_job, settings=next_job.settings.model_copy(update={"gates": strict}))
    with pytest.raises(GateRefused, match=r"version 2 is not made champion, version 1 stays champion: auc .* 0\.999"):
        register(job, run_id)
    assert store.versions.need_champion() == champion
    refused = store.connection.client.get_model_version(store.versions.name, "2")
    assert refused.tags["validation_status"] == "refused"
    assert refused.tags["gate.auc"].startswith("refused: ")
    assert "should be at least 0.999" in refused.tags["gate.auc"]
    challenger = store.versions.challenger()
    assert challenger is not None
    assert challenger.version == 2
    assert len(history(job.lake)) == 1
    # The lake has nothing that the champion's features of the later delivery could be made with.
    assert "on different applicants" in refused.tags["gate.auc_gain_on_champion"]
    candidate = store.runs.training(run_id)
    evidence = gather_evidence(job, store, candidate, store.runs.trained_model(candidate), champion)
    assert isinstance(evidence.comparison, DifferentApplicants)
    assert evidence.comparison.gain.standard_error > candidate.auc.standard_error


def test_a_delivery_of_another_feature_set_is_not_scored(next_job: Job) -> None:
    with pytest.raises(ModelRefused, match=r"trained on feature set 1-0123456789ab, 2018-06-17 was .* ba9876543210"):
        score(next_job)
    assert next_job.lake.read_run_date(SCORES, NEXT).isEmpty()


def test_a_run_of_another_delivery_or_lake_is_not_registered_here(
    small_job: Job, store: Store, training: Training
) -> None:
    known = store.versions.all()
    lake = small_job.lake.address
    with pytest.raises(UserError, match=f"trained on 2018-05-17 of {lake}, not on 2018-06-17 of {lake}: .* --run-date"):
        register(replace(small_job, run_date=NEXT), training.run_id)
    here = small_job.settings.mlflow.model_copy(update={"tracking_uri": store.connection.uri})
    elsewhere = Job(
        Lake(f"{small_job.lake.root}-elsewhere", small_job.lake.spark),
        RUN_DATE,
        small_job.settings.model_copy(update={"mlflow": here}),
    )
    with pytest.raises(UserError, match=f"of {lake}, not on 2018-05-17 of {lake}-elsewhere: .* --lake {lake}"):
        register(elsewhere, training.run_id)
    assert store.versions.all() == known


def test_a_run_that_did_not_train_cannot_be_registered(small_job: Job) -> None:
    with pytest.raises(UserError, match="no run 0000"):
        register(small_job, "0000")
    with pytest.raises(UserError, match="no finished training run of 2017-01-01"):
        register(replace(small_job, run_date=date(2017, 1, 1)))
