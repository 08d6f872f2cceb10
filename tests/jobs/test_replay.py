"""A decision is made again from what it was made from, whatever happened to the lake since."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.decide import decide
from jobs.explain import explain
from jobs.lake.job import Job
from jobs.lake.tables import SCORES, Lake
from jobs.monitoring.replaying import Replayed
from jobs.promotion.succession import change_champion
from jobs.registry.store import connect
from jobs.replay import replay
from jobs.runtime.errors import LimitPassed, UserError
from jobs.runtime.settings import load_settings
from jobs.score import score
from jobs.train import train
from tests.small_lake import INPUTS, OVERRIDES, applicants, write

OCTOBER, BEFORE = date(2018, 10, 17), date(2018, 10, 18)
SOMEBODY = 100_003


@pytest.fixture(scope="module")
def october(small_job: Job) -> Job:
    """A delivery of the small lake, scored and explained."""
    job = replace(small_job, run_date=OCTOBER)
    write(job, applicants(0, 60))
    score(job)
    explain(job)
    return job


@pytest.fixture
def another_champion(october: Job, small_job: Job) -> Iterator[None]:
    """A model of another seed is champion for a while."""
    store = connect(october.lake.address, october.settings.mlflow)
    was = store.versions.need_champion()
    other = replace(small_job, settings=load_settings("local", (*OVERRIDES, "train.seed=21")))
    made = store.versions.register(store.runs.training(train(other, INPUTS)))
    change_champion(october.lake, store, "promote", was, made, "a test")
    yield
    change_champion(october.lake, store, "rollback", made, was, "the end of a test")


def words(replayed: Replayed) -> dict[str, str]:
    return {part.name: part.word for part in replayed.parts}


AS_STORED = {
    "stored score": "agrees",
    "delivery": "agrees",
    "model": "agrees",
    "features": "gone",  # the small lake was made without encodings: its features are read, and can't be computed
    "score": "agrees",
    "reasons": "agrees",
    "letter": "agrees",
}


@pytest.mark.usefixtures("another_champion")
def test_a_decision_is_the_same_after_all_that_happened_since(october: Job, capsys: pytest.CaptureFixture[str]) -> None:
    replayed = replay(october, SOMEBODY)
    assert words(replayed) == AS_STORED
    assert replayed.sentences
    printed = capsys.readouterr().out
    assert all(sentence in printed for sentence in replayed.sentences)

    moved = applicants(0, 60)
    moved["EXT_SOURCE_MEAN"] -= 2
    write(october, moved)  # ingested and assembled again, with other rows
    again = replay(october, SOMEBODY)
    assert words(again) == AS_STORED
    assert again.score == replayed.score
    assert "ingested again since" in {part.name: part.said for part in again.parts}["delivery"]

    probability = replayed.score["probability"]
    decide(october, probability)  # whoever is at the threshold is declined
    declined = replay(october, SOMEBODY)
    assert words(declined) == AS_STORED
    assert (declined.score["decision"], declined.score["threshold"]) == ("decline", probability)

    score(october)  # the other champion, on the other rows
    anew = replay(october, SOMEBODY)
    assert words(anew)["score"] == "agrees"
    assert words(anew)["reasons"] == "gone"
    assert anew.score["model_sha256"] != replayed.score["model_sha256"]


def test_what_somebody_changed_by_hand_is_told(october: Job) -> None:
    rows = october.lake.read_run_date(SCORES, OCTOBER, october.lake.version(SCORES))
    somebody = rows.where("decision = 'decline'").first()
    assert somebody is not None
    october.lake.replace(SCORES, rows.withColumns({"decision": F.lit("approve")}), OCTOBER)
    with pytest.raises(LimitPassed, match="not as it was stored: stored score"):
        replay(october, somebody["SK_ID_CURR"])


def test_whom_nobody_decided_on_is_told(october: Job) -> None:
    with pytest.raises(UserError, match="--applicant 5 is not among the scored applicants"):
        replay(october, 5)
    with pytest.raises(UserError, match="scored before versions were remembered, or never"):
        replay(replace(october, run_date=BEFORE), SOMEBODY)


def test_features_are_computed_again_from_the_rows_of_the_delivery(spark: SparkSession, demo_lake: Path) -> None:
    lake = Lake(str(demo_lake), spark)
    job = Job(lake, date(2018, 5, 17), load_settings("local"))
    somebody = lake.read_run_date(SCORES, job.run_date).orderBy("SK_ID_CURR").first()
    assert somebody is not None
    replayed = replay(job, somebody["SK_ID_CURR"])
    assert set(words(replayed).values()) == {"agrees"}
