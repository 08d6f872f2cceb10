"""Who is scored, by which file, and that a rerun replaces."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from features.contract import CONTRADICTS, ERRORS, ERRORS_TYPE, FILE, LINE
from jobs.lake.job import Job
from jobs.lake.model_rows import inputs_of
from jobs.lake.tables import FEATURES, SCORES, quarantine_table
from jobs.model.booster import Model, sha256_of
from jobs.registry.store import Store, connect
from jobs.registry.versions import Registered
from jobs.runtime.errors import ModelRefused, UserError
from jobs.score import score
from jobs.scoring import batch
from jobs.scoring.not_scored import NOT_ASSEMBLED, without_features
from tests.small_lake import LABELLED, NEW, RUN_DATE, applicants


@pytest.fixture(scope="module")
def store(small_job: Job) -> Store:
    return connect(small_job.lake.address, small_job.settings.mlflow)


@pytest.fixture(scope="module")
def champion(store: Store) -> Registered:
    return store.versions.need_champion()


@pytest.fixture(scope="module")
def model(store: Store, champion: Registered) -> Model:
    return store.versions.registered_model(champion)


def stored_scores(job: Job) -> pd.DataFrame:
    return job.lake.read_run_date(SCORES, job.run_date).orderBy("SK_ID_CURR").toPandas()


def test_every_new_applicant_is_scored_as_the_model_does(small_job: Job, model: Model, champion: Registered) -> None:
    people, scores = applicants()[LABELLED:], stored_scores(small_job)
    expected = model.score(people, small_job.settings.decision.threshold)
    assert scores["SK_ID_CURR"].tolist() == people["SK_ID_CURR"].tolist()
    assert scores["probability"].tolist() == expected["probability"].tolist()
    assert scores["score"].tolist() == expected["score"].tolist()
    assert scores["decision"].tolist() == expected["decision"].tolist()
    assert scores["reason_not_scored"].isna().all()
    assert set(scores["model_sha256"]) == {champion.sha256}
    assert set(scores["model_version"]) == {champion.version}
    assert set(scores["run_id"]) == {champion.run_id}


def test_a_rerun_replaces(small_job: Job) -> None:
    before = stored_scores(small_job)
    score(small_job)
    pd.testing.assert_frame_equal(stored_scores(small_job), before)
    assert len(before) == NEW


def test_new_applicants_in_quarantine_stand_in_scores_with_the_reason(
    small_job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    lake, before, quarantine = small_job.lake, stored_scores(small_job), quarantine_table("application")
    schema = f"{FILE} STRING, SK_ID_CURR STRING, TARGET STRING, {ERRORS} {ERRORS_TYPE}"
    credit, annuity = ("AMT_CREDIT", "a lot", "is not an amount"), ("AMT_ANNUITY", "-1", "is below 0")
    contradicting = ("SK_ID_CURR", "900006", CONTRADICTS)
    rows = [
        ("application_test", "900001.0", None, [credit, annuity]),
        ("application_test", "900002", None, [credit]),
        ("application_test", "900002", None, [credit]),
        ("application_test", "nobody", None, [("SK_ID_CURR", "nobody", "is not a whole number")]),
        ("application_test", "12", None, [(LINE, "12,M,,", "has more or fewer cells than its header")]),
        ("application_test", str(before["SK_ID_CURR"][0]), None, [credit]),  # another row of whom was taken
        ("application_train", "900003", "0.0", [credit]),  # not new
        ("application_train", "900004", None, [credit]),
        ("application_train", "900005", "n/a", [("TARGET", "n/a", "is not a whole number")]),
        *[("application_train", "900006", target, [contradicting]) for target in ("1", None)],
    ]
    lake.replace(quarantine, lake.spark.createDataFrame(rows, schema), RUN_DATE)
    try:
        score(small_job)
        said = capsys.readouterr().err
        scores = stored_scores(small_job)
    finally:
        lake.replace(quarantine, lake.spark.createDataFrame([], schema), RUN_DATE)
        score(small_job)
    pd.testing.assert_frame_equal(scores[: len(before)], before, check_dtype=False)
    lost = scores[len(before) :]
    assert lost["SK_ID_CURR"].tolist() == [900001, 900002, 900004, 900005, 900006]
    assert lost["probability"].isna().all()
    assert lost["decision"].isna().all()
    why = "the row in application is in quarantine: "
    credit_alone, target = f"{why}AMT_CREDIT is not an amount", f"{why}TARGET is not a whole number"
    both = f"{credit_alone}; AMT_ANNUITY is below 0"
    several = f"{why}SK_ID_CURR names several rows that differ"
    assert lost["reason_not_scored"].tolist() == [both, credit_alone, credit_alone, target, several]
    assert f"{NEW} of {NEW + 5} new applicants scored" in said
    assert f"not scored: 2: {credit_alone}" in said
    assert f"not scored: 1: {both}" in said
    assert "not scored: 2: the row in application is in quarantine and does not say whose it is" in said
    assert "a lot" not in said
    assert len(stored_scores(small_job)) == NEW


def test_who_was_taken_in_after_the_features_were_made_is_told(small_job: Job) -> None:
    assembled = small_job.lake.read_run_date(FEATURES, RUN_DATE)
    first = assembled.where("TARGET is null").agg(F.min("SK_ID_CURR")).collect()[0][0]
    (late,) = without_features(small_job.lake, RUN_DATE, assembled.where(F.col("SK_ID_CURR") != first)).collect()
    assert (late["SK_ID_CURR"], late["reason_not_scored"]) == (first, NOT_ASSEMBLED)


def test_the_last_bit_does_not_depend_on_the_partitions(small_job: Job, model: Model) -> None:
    rows = inputs_of(model, small_job.lake, RUN_DATE).where("TARGET is null")
    shuffled = rows.orderBy(F.xxhash64(F.lit(1), "SK_ID_CURR")).repartition(7)
    scored = batch.scored(shuffled, model, small_job.settings.decision.threshold)
    again = scored.orderBy("SK_ID_CURR").toPandas()["probability"]
    assert np.array_equal(again, stored_scores(small_job)["probability"])


def test_a_tampered_model_is_refused_and_the_scores_stay(small_job: Job, champion: Registered) -> None:
    before = small_job.lake.version(SCORES)
    # Trainings that gave the same bytes have a file each.
    files = [
        file
        for file in Path(small_job.lake.root, "mlflow", "artifacts").rglob("model.ubj")
        if sha256_of(file.read_bytes()) == champion.sha256
    ]
    good = files[0].read_bytes()
    for file in files:
        file.write_bytes(good.replace(b"external scores", b"internal scores"))
    try:
        with pytest.raises(ModelRefused, match="it was changed") as refused:
            score(small_job)
    finally:
        for file in files:
            file.write_bytes(good)
    assert refused.value.exit_code == 5
    assert small_job.lake.version(SCORES) == before


def test_without_a_champion_the_message_says_what_to_do(small_job: Job) -> None:
    elsewhere = small_job.settings.mlflow.model_copy(update={"model_name": "nobody"})
    job = replace(small_job, settings=small_job.settings.model_copy(update={"mlflow": elsewhere}))
    with pytest.raises(UserError, match=r"no champion of nobody in .*: train and register a model first"):
        score(job)


def test_a_delivery_that_was_not_assembled_is_named(small_job: Job) -> None:
    with pytest.raises(UserError, match="no applicant of 2017-01-01: assemble the delivery first"):
        score(replace(small_job, run_date=date(2017, 1, 1)))
