"""A search as a reviewer sees it: children of the training's run, what they cost, and why one of them was chosen."""

from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pytest
import xgboost
from pyspark.sql import functions as F

from features.plan.nested_table import EVERY_FEATURE, NESTED_NAMES
from jobs.lake.job import Job, Step
from jobs.lake.tables import Lake
from jobs.model.candidates import Logistic, Trees
from jobs.model.choice import choose
from jobs.registry.runs import Tried
from jobs.registry.store import Store, connect
from jobs.runtime.settings import Train, load_settings
from jobs.train import train
from jobs.training import cross_validation
from jobs.training.few_rows import make_do
from jobs.training.search import (
    DRAWN,
    GOOD_BOOSTERS,
    Searched,
    dealt_again,
    open_study,
    search,
    spans,
    try_out,
)
from jobs.training.training_set import TrainingSet, read_training_set
from tests.small_lake import FAMILY_OF, INPUTS, OVERRIDES, RUN_DATE, applicants, write

TRIED = (
    *OVERRIDES,
    "train.rounds=20",
    "train.few_rows=5000",
    *(
        "search.trials=2",
        "search.folds=2",
        "search.repeats=2",
        "search.standard_error=0.0001",
        "search.learning_rate=[0.2, 0.5]",
        "search.logistic_c=[0.01, 1.0]",
        "search.min_child_weight=[1.0, 5.0]",
    ),
    *("selection.shuffles=1", "selection.rounds=5", "selection.fewest=3", "selection.most=6"),
)


@pytest.fixture(scope="module")
def searching(small_job: Job, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A lake of its own, of few applicants, whose settings compare five candidates and select features."""
    lake = Lake(str(tmp_path_factory.mktemp("searched")), small_job.lake.spark)
    job = Job(lake, RUN_DATE, load_settings(overrides=TRIED))
    write(job, applicants())
    return job


@pytest.fixture(scope="module")
def run_id(searching: Job) -> str:
    return train(searching, INPUTS)


@pytest.fixture(scope="module")
def store(searching: Job) -> Store:
    return connect(searching.lake.address, searching.settings.mlflow)


@pytest.fixture(scope="module")
def trials(store: Store, run_id: str) -> tuple[Tried, ...]:
    return store.runs.trials(run_id)


def few_of(job: Job) -> TrainingSet:
    """Its applicants, who are few by its settings."""
    made, _ = make_do(job, Step("train"), read_training_set(job, None, INPUTS))
    assert made.is_few
    return made


def test_the_trials_are_children_in_the_order_they_were_tried(store: Store, run_id: str, trials: tuple) -> None:
    assert [trial.name for trial in trials] == [
        *("logistic regression, C 0.01", "logistic regression, C 1"),
        *("trees as set", "trees 1", "trees 2"),
    ]
    assert all(0.5 < trial.auc.low < trial.auc.value < trial.auc.high for trial in trials)
    assert all(trial.seconds > 0 and trial.log_loss < 0.7 and trial.size >= 3 for trial in trials)
    children = store.connection.client.search_runs(
        [store.connection.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'"
    )
    assert {run.data.tags["verb"] for run in children} == {"trial"}
    assert {run.data.params.get("C") for run in children} == {"0.01", "1.0", None}
    assert store.runs.latest_training(RUN_DATE).run_id == run_id


def test_one_of_the_trees_is_chosen_and_its_run_says_why(store: Store, run_id: str, trials: tuple) -> None:
    (chosen,) = (trial for trial in trials if trial.chosen)
    assert chosen.name.startswith("trees")
    assert chosen.chosen.startswith(chosen.name)
    assert " the baseline, logistic regression, C " in chosen.chosen
    run = store.connection.client.get_run(run_id)
    (child,) = store.connection.client.search_runs(
        [store.connection.experiment_id], f"attributes.run_name = '{chosen.name}'"
    )
    for name in ("max_depth", "reg_lambda", "colsample_bytree"):
        assert float(run.data.params[name]) == float(child.data.params[name])


def test_the_model_reads_the_features_that_were_selected(store: Store, run_id: str) -> None:
    model = store.runs.trained_model(store.runs.training(run_id))
    assert 3 <= len(model.features) <= 6 < len(FAMILY_OF)
    assert "EXT_SOURCE_MEAN" in model.features
    assert list(model.features) == [name for name in FAMILY_OF if name in model.features]


def test_its_settings_make_the_same_model_without_a_search(
    searching: Job, store: Store, run_id: str, tmp_path: Path
) -> None:
    file = mlflow.artifacts.download_artifacts(
        run_id=run_id, artifact_path="settings.toml", dst_path=str(tmp_path), tracking_uri=store.connection.uri
    )
    again = replace(searching, settings=load_settings(file))
    assert again.settings.search.trials == 0
    assert again.settings.train.rounds == 20  # the most; how many are best is found again
    other = train(again, INPUTS)
    assert store.runs.training(other).sha256 == store.runs.training(run_id).sha256
    assert store.runs.trials(other) == ()


def test_a_search_says_what_each_trial_came_to(
    searching: Job, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = few_of(searching)
    with store.runs.start("a search alone", {}) as run:
        found = search(Step("train"), run, rows, searching.settings)
    said = capsys.readouterr().err
    first = [replace(trial, answers=trial.answers[:1]) for trial in found.trials]
    assert [trial.summary in said for trial in first] == [True] * 5
    assert "of 8 features gain more than by chance" in said
    assert found.choice is not None
    assert found.choice.chosen == choose(found.trials).chosen
    assert found.choice.reason in said
    drawn = [trial.candidate.settings for trial in found.trials if isinstance(trial.candidate, Trees)]
    assert drawn[0] == searching.settings.train
    for name, span in spans(searching.settings.search).items():
        assert all(span.low <= getattr(each, name) <= span.high for each in drawn[1:])
    assert drawn[1] != drawn[2]


def test_folds_are_dealt_again_where_noise_would_choose(
    searching: Job, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here between a booster and the same one with another seed."""
    rows = few_of(searching)
    settings = searching.settings.model_copy(
        update={"selection": searching.settings.selection.model_copy(update={"shuffles": 0})}
    )
    outside = rows.rows.where("part != 'test'")
    dealt = cross_validation.deal(outside, rows.inputs, settings.split, settings.search, None)
    one = Trees(settings.train.model_copy(update={"colsample_bytree": 0.5}))
    other = Trees(one.settings.model_copy(update={"seed": one.settings.seed + 1}))
    with store.runs.start("two of a kind", {}) as run:
        once = tuple(
            try_out(Step("train"), run, dealt, name, candidate)
            for name, candidate in (("line", Logistic(0.01)), ("one", one), ("other", other))
        )
        wanted = dealt_again(Step("train"), run, dealt, once, settings)
        settled = settings.model_copy(update={"search": settings.search.model_copy(update={"standard_error": 1.0})})
        assert dealt_again(Step("train"), run, dealt, once, settled) == once
    assert [len(trial.answers) for trial in wanted] == [1, 2, 2]
    assert "2 boosters are too close to choose between: folds are dealt anew" in capsys.readouterr().err
    logged = store.connection.client.get_run(wanted[1].run_id).data.metrics
    assert (logged["deals"], logged["auc"]) == (2.0, wanted[1].auc.value)
    assert not np.array_equal(wanted[1].answers[0].folds, wanted[1].answers[1].folds)


def test_few_applicants_are_all_fitted_on_with_the_rounds_that_are_best_outside_of_the_test_folds(
    searching: Job, store: Store, run_id: str
) -> None:
    rows = few_of(searching)
    with store.runs.start("a search alone", {}) as run:
        found = search(Step("train"), run, rows, searching.settings)
    assert found.by_round is found.choice.chosen
    assert found.by_round.labels.size == rows.rows.where("part != 'test'").count()
    assert found.by_round.first.losses.argmin() == found.by_round.step
    model = store.runs.trained_model(store.runs.training(run_id))
    assert model.predictor.booster.num_boosted_rounds() == found.by_round.rounds
    chosen = rows.only(found.names)
    plain = xgboost_on(chosen, found.train, round(found.by_round.rounds))
    people = rows.rows.where("part = 'test'").orderBy("SK_ID_CURR").toPandas()
    values = people[chosen.names].to_numpy(dtype=np.float32)
    expected = plain.predict(xgboost.DMatrix(values, feature_names=chosen.names), output_margin=True)
    assert np.corrcoef(model.predict(model.values(people), "margin"), expected)[0, 1] > 0.98
    logged = store.connection.client.get_run(run_id).data
    assert logged.tags["rounds"].startswith(f"{found.by_round.rounds:.0f} rounds, the best of 20 for ")
    assert logged.tags["rounds"].endswith("; grown on all labelled applicants")
    assert store.runs.training(run_id).ended == logged.tags["rounds"]
    curve = store.connection.client.get_metric_history(run_id, "curves/out_of_fold_log_loss")
    assert [point.step for point in curve] == [10, 20]


def xgboost_on(rows: TrainingSet, settings: Train, rounds: int) -> xgboost.Booster:
    """The same trees of one process, on everybody."""
    known = rows.rows.orderBy("SK_ID_CURR").toPandas()
    values, labels = known[rows.names].to_numpy(dtype=np.float32), known["TARGET"].to_numpy(dtype=np.float32)
    data = xgboost.QuantileDMatrix(values, labels, max_bin=settings.max_bin, feature_names=rows.names)
    return xgboost.train({**Trees(settings).parameters, "objective": "binary:logistic"}, data, rounds)


def test_without_a_search_few_applicants_still_say_how_many_rounds(searching: Job, store: Store) -> None:
    alone = load_settings(overrides=(*OVERRIDES, "train.rounds=30", "train.few_rows=5000"))
    rows = few_of(searching)
    with store.runs.start("no search", {}) as run:
        found = search(Step("train"), run, rows, alone)
    assert found.trials == ()
    assert found.by_round is not None
    assert found.by_round.rounds in {10, 20, 30}
    many = load_settings(overrides=(*OVERRIDES, "train.few_rows=100"))
    with store.runs.start("no search of many", {}) as run:
        assert search(Step("train"), run, replace(rows, is_few=False), many).by_round is None


def test_the_good_boosters_are_tried_before_any_is_drawn() -> None:
    settings = load_settings()
    drawn = []
    study = open_study(settings, 0.75)
    for _ in range(5):
        asked = study.ask({**spans(settings.search)})
        study.tell(asked, 0.7)
        drawn.append(tuple(asked.params[name] for name in DRAWN))
    as_set = tuple(getattr(settings.train, name) for name in DRAWN)
    good = [booster for booster in GOOD_BOOSTERS if booster != as_set]
    assert drawn[: len(good)] == good
    assert drawn[-1] not in GOOD_BOOSTERS
    narrow = load_settings(overrides=("search.max_depth=[1, 1]",))
    asked = open_study(narrow, 0.75).ask({**spans(narrow.search)})
    assert tuple(asked.params[name] for name in DRAWN) == GOOD_BOOSTERS[-1]


def test_the_first_draw_is_blind_and_the_next_knows_what_came_before() -> None:
    settings = load_settings(overrides=("train.colsample_bytree=0.2", "search.colsample_bytree=[0.15, 0.3]"))
    first, again, otherwise = (open_study(settings, 0.75) for _ in range(3))
    (told,) = first.trials
    assert (told.value, told.params["max_depth"]) == (0.75, settings.train.max_depth)
    drawn = []
    for study, auc in ((first, 0.9), (again, 0.9), (otherwise, 0.6)):
        asked = study.ask({**spans(settings.search)})
        study.tell(asked, auc)
        drawn.append((asked.params, study.ask({**spans(settings.search)}).params))
    assert drawn[0] == drawn[1]
    assert drawn[0][0] == drawn[2][0]
    assert drawn[0][1] != drawn[2][1]
    outside = load_settings(overrides=("train.max_depth=9", "search.colsample_bytree=[0.15, 0.3]"))
    assert open_study(outside, 0.75).trials == []


def test_nested_features_are_kept_but_decide_nothing(searching: Job, store: Store) -> None:
    """Here one is TARGET itself: row models know the labels of other folds."""
    rows = few_of(searching)
    nested = next(named for named in EVERY_FEATURE if named.name in NESTED_NAMES)
    known = rows.rows.withColumn(nested.name, F.col("TARGET").cast("double"))
    telling = replace(rows, rows=known, inputs=(nested, *rows.inputs), is_few=False)
    with store.runs.start("a search with a nested feature", {}) as run:
        found = search(Step("train"), run, telling, searching.settings)
    assert found.names[0] == nested.name
    assert set(found.names[1:]) < set(rows.names)
    assert all(trial.auc.high < 0.99 for trial in found.trials)


def test_with_too_few_defaults_the_booster_is_trained_as_it_is_set(
    searching: Job, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = few_of(searching)
    bad = rows.rows.where("TARGET = 1").select("SK_ID_CURR").orderBy("SK_ID_CURR").limit(3)
    few = rows.rows.where("TARGET = 0").unionByName(rows.rows.join(bad, on="SK_ID_CURR", how="left_semi"))
    with store.runs.start("a search on few", {}) as run:
        found = search(Step("train"), run, replace(rows, rows=few), searching.settings)
    assert found == Searched(searching.settings.train, tuple(rows.names), (), None, None)
    said = capsys.readouterr().err
    assert "nothing is compared: without a fold of 2, " in said
    assert "fewer than search.fewest_of_a_class = 20. The booster stays as it is set" in said
