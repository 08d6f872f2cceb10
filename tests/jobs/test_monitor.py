"""A delivery held against its model's training: nothing moved, a column moved, and the limits that are told."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from jobs.lake.job import Job
from jobs.lake.tables import DRIFT, EXPECTATIONS, FAMILY_SHIFTS, MONITORED, SCORES, SELECTION_RATES, Lake
from jobs.model.booster import Model
from jobs.model.drift import population_stability
from jobs.model.fairness import age_bands, marital_status
from jobs.model.reference import Reference, bins_of, edges_of
from jobs.monitor import monitor
from jobs.monitoring.references import ARTIFACT, MEASURED, count_reference, reference_of, training_rows
from jobs.monitoring.selection_rates import selection_rates
from jobs.monitoring.telling_apart import tell_apart
from jobs.registry.store import Store, connect
from jobs.registry.versions import Registered
from jobs.runtime.errors import LimitPassed, NotKept, UserError
from jobs.score import score
from tests.small_lake import LABELLED, NEW, applicants, write

BROKEN, LATER = date(2018, 8, 17), date(2018, 9, 17)
MOVED = "EXT_SOURCE_MEAN"


@pytest.fixture(scope="module")
def store(small_job: Job) -> Store:
    return connect(small_job.lake.address, small_job.settings.mlflow)


@pytest.fixture(scope="module")
def scorer(small_job: Job, store: Store) -> Registered:
    identity = small_job.lake.read_run_date(SCORES, small_job.run_date).select("model_version").first()
    assert identity is not None
    return store.versions.version(identity[0])


@pytest.fixture(scope="module")
def model(store: Store, scorer: Registered) -> Model:
    return store.versions.registered_model(scorer)


@pytest.fixture(scope="module")
def broken(small_job: Job) -> tuple[Job, str]:
    """A later delivery whose external score came empty for half, and low for the others; with the message."""
    people = applicants(0, 300)
    people.loc[::2, MOVED] = np.nan
    people.loc[1::2, MOVED] -= 1.5
    job = replace(small_job, run_date=BROKEN)
    write(job, people)
    score(job)
    with pytest.raises(LimitPassed) as passed:
        monitor(job)
    return job, str(passed.value)


def rows_of(job: Job, table: str) -> pd.DataFrame:
    return job.lake.read_run_date(table, job.run_date).toPandas()


def test_the_delivery_of_the_training_has_not_moved(small_job: Job) -> None:
    page = monitor(small_job)
    assert page is not None
    assert "nothing can have" in page.read_text(encoding="utf-8")
    drift = rows_of(small_job, DRIFT)
    assert drift["population_stability"].eq(0).all()
    assert drift["outcome"].eq("noise").all()
    assert drift["held_against"].eq("new").all()
    headline = rows_of(small_job, MONITORED).iloc[0]
    assert headline["scored"] == NEW
    assert headline["approval_rate"] == pytest.approx(headline["approval_rate_before"], abs=0.001)
    assert list(headline["findings"]) == []


def test_what_moved_is_named_with_its_limit_and_everything_is_written(broken: tuple[Job, str]) -> None:
    job, message = broken
    assert f"{MOVED} has moved: population stability index" in message
    assert "monitor.feature_shift = 0.25" in message
    assert f"{MOVED} is unknown of 50% of the applicants, was of 0%" in message
    drift = rows_of(job, DRIFT).set_index("name")
    assert drift.loc[MOVED, "outcome"] == "moved"
    assert drift.loc["NOISE", "outcome"] == "noise"
    assert set(rows_of(job, MONITORED)["findings"].iloc[0]) == {line.strip() for line in message.splitlines()[1:]}
    assert job.lake.monitoring_page(BROKEN).is_file()
    assert rows_of(job, SCORES)["probability"].notna().all()


def test_the_family_of_what_moved_is_what_changed_the_approvals(broken: tuple[Job, str]) -> None:
    families = rows_of(broken[0], FAMILY_SHIFTS).set_index("family")
    assert families["approvals"].abs().idxmax() == "external scores"
    moved = (families["after"] - families["before"]).abs()
    assert moved.idxmax() == "external scores"


def test_the_index_is_that_of_collected_values(broken: tuple[Job, str]) -> None:
    """The naive way: all applicants in memory, bins by the labelled, shares of the new."""
    trained, delivered = applicants(), applicants(0, 300)
    delivered.loc[::2, MOVED] = np.nan
    delivered.loc[1::2, MOVED] -= 1.5
    drift = rows_of(broken[0], DRIFT).set_index("name")
    for name in (MOVED, "CREDIT_INCOME_PERCENT", "cards_utilisation_mean_6m"):
        edges = edges_of(trained[name][:LABELLED].to_numpy(dtype=float))
        before, now = (
            np.bincount(bins_of(values.to_numpy(dtype=float), edges), minlength=len(edges) + 2)
            for values in (trained[name][LABELLED:], delivered[name])
        )
        assert drift.loc[name, "population_stability"] == pytest.approx(population_stability(before, now), rel=1e-9)
        assert drift.loc[name, "missing"] == pytest.approx(delivered[name].isna().mean())


def test_a_reference_is_kept_at_training_and_is_what_would_be_counted_now(
    small_job: Job, store: Store, scorer: Registered, model: Model
) -> None:
    kept = store.runs.text(scorer.run_id, ARTIFACT)
    assert kept is not None
    training = store.runs.training(scorer.run_id)
    counted = count_reference(training_rows(small_job, training, model).repartition(5), model, None)
    assert Reference.model_validate_json(kept) == counted
    assert counted.labelled.rows == LABELLED
    assert counted.new is not None
    assert counted.new.rows == NEW
    assert counted.labelled.scored == training_rows(small_job, training, model).where(F.col("part") == MEASURED).count()


def test_a_champion_of_before_gets_its_reference_from_the_lake_or_is_told_how(
    small_job: Job, store: Store, scorer: Registered, model: Model
) -> None:
    class Forgetful:
        """Runs that kept no reference."""

        def __init__(self, lake: str) -> None:
            self.training_run = replace(store.runs.training(scorer.run_id), lake=lake)
            self.logged: dict[str, str] = {}

        def text(self, _run: str, _name: str) -> None:
            return None

        def training(self, _run: str) -> object:
            return self.training_run

        def log_text(self, _run: str, name: str, text: str) -> None:
            self.logged[name] = text

    class Before:
        def __init__(self, lake: str) -> None:
            self.runs = Forgetful(lake)

    here = Before(str(small_job.lake.address))
    found = reference_of(small_job, here, scorer, model)  # type: ignore[arg-type]
    assert Reference.model_validate_json(here.runs.logged[ARTIFACT]) == found
    with pytest.raises(
        NotKept, match=r"version 1 .* version 0 of /elsewhere/features, .*`train` and `register` a model"
    ):
        reference_of(small_job, Before("/elsewhere"), scorer, model)  # type: ignore[arg-type]


def test_a_champion_that_another_store_trained_has_no_reference(
    small_job: Job, store: Store, scorer: Registered, model: Model
) -> None:
    with pytest.raises(NotKept, match=r"nothing that it could be held against: no run 0000.*which keeps its own"):
        reference_of(small_job, store, replace(scorer, run_id="0" * 32), model)


def test_a_copy_of_a_lake_counts_a_lost_reference_from_its_own_rows(
    small_job: Job, store: Store, scorer: Registered, model: Model, tmp_path: Path
) -> None:
    kept = store.runs.text(scorer.run_id, ARTIFACT)
    assert kept is not None
    shutil.copytree(small_job.lake.root, tmp_path / "lake")
    job = replace(small_job, lake=Lake(str(tmp_path / "lake"), small_job.lake.spark))
    for lost in (tmp_path / "lake").rglob("reference.json"):
        lost.unlink()
    copied = connect(job.lake.address, job.settings.mlflow)
    assert copied.runs.text(scorer.run_id, ARTIFACT) is None
    assert reference_of(job, copied, scorer, model) == Reference.model_validate_json(kept)


def test_groups_are_those_of_the_audit(small_job: Job) -> None:
    scores = small_job.lake.read_run_date(SCORES, small_job.run_date)
    people = applicants()[LABELLED:].merge(scores.toPandas()[["SK_ID_CURR", "decision"]], on="SK_ID_CURR")
    approved = (people["decision"] == "approve").to_numpy()
    plain = {
        "gender": people["CODE_GENDER"].to_numpy(dtype=str),
        "marital status": marital_status(people["NAME_FAMILY_STATUS"]),
        "age": age_bands(people["DAYS_BIRTH"]),
    }
    for rates in selection_rates(small_job, scores):
        levels = plain[rates.attribute]
        assert {group.name: (group.rows, group.approved) for group in rates.groups} == {
            level: (int((levels == level).sum()), int(approved[levels == level].sum())) for level in np.unique(levels)
        }
    assert set(rows_of(small_job, SELECTION_RATES)["attribute"]) == set(plain)


def test_a_classifier_names_what_has_moved(
    small_job: Job, broken: tuple[Job, str], store: Store, scorer: Registered, model: Model
) -> None:
    monitored = small_job.settings.monitor.model_copy(update={"classifier": True, "classifier_rows": 200})
    job = replace(broken[0], settings=small_job.settings.model_copy(update={"monitor": monitored}))
    people = job.lake.read_run_date("features", BROKEN)
    told = tell_apart(job, store.runs.training(scorer.run_id), model, people, list(model.features), "new")
    assert told is not None
    assert told.auc.low > 0.7
    assert told.by[0][0] == MOVED
    assert told.rows == NEW + 200


def test_what_is_expected_is_stored_with_the_scores(small_job: Job) -> None:
    expected = rows_of(small_job, EXPECTATIONS).set_index(["population", "measure"])
    scores = rows_of(small_job, SCORES)
    everybody = expected.loc[("all", "bad_rate")]
    assert everybody["expected"] == pytest.approx(scores["probability"].astype(float).mean(), abs=1e-9)
    assert everybody["low"] < everybody["expected"] < everybody["high"]
    approved = scores[scores["decision"] == "approve"]
    assert expected.loc[("approved", "bad_rate"), "rows"] == len(approved)
    assert expected.loc[("all", "approval_rate"), "expected"] == pytest.approx(len(approved) / len(scores))
    assert expected.loc[("approved", "auc"), "expected"] < expected.loc[("all", "auc"), "expected"]
    bands = expected[expected.index.get_level_values("population").str.startswith("score ")]
    assert bands["rows"].sum() == len(scores)


def test_a_page_is_linked_to_the_nights_before(broken: tuple[Job, str], small_job: Job) -> None:
    page = Path(str(broken[0].lake.monitoring_page(BROKEN))).read_text(encoding="utf-8")
    assert f'href="{small_job.run_date}.html"' in page


def test_a_delivery_that_is_not_scored_is_told(small_job: Job) -> None:
    job = replace(small_job, run_date=LATER)
    write(job, applicants(0, 20))
    with pytest.raises(UserError, match="score the delivery first"):
        monitor(job)
