"""The line on what people bring, and what its lake holds afterwards.

One lake lives through it all: a first candidate at chance, labelled applicants alone, new applicants alone, and a
candidate that is refused. Each test reads what its run left.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from features.plan.feature_table import catalogue
from jobs.__main__ import main
from jobs.lake.job import Job
from jobs.lake.tables import EXPLANATIONS, FEATURES, SCORES, STEPS, Lake
from jobs.registry.store import Store, connect
from jobs.registry.versions import Registered
from jobs.run import run
from jobs.runtime.errors import GateRefused, UserError
from jobs.runtime.settings import Settings, load_settings
from jobs.scoring.scores_table import read_scores

APPLICANTS = 300
TRAIN, TEST = "application_train.csv", "application_test.csv"
AT_CHANCE, LABELLED, NEW, REFUSED = (date(2018, month, 17) for month in (4, 5, 6, 7))
QUICK = (
    *("train.rounds=30", "train.learning_rate=0.3", "train.min_child_weight=1", "train.reg_alpha=0"),
    *("search.trials=0", "search.logistic_c=[]", "explain.stability=false"),
    # Trees alone, so that those which may not split are at chance; enough columns for each of a few features.
    *("train.linear_share=0", "train.colsample_bytree=0.3"),
    # So few applicants and features say next to nothing: who may not split is to be refused, and nobody else.
    "gates.auc=0.5",
)
AT_CHANCE_REFUSED = ("train.reg_alpha=1000000", "gates.auc=0.55")
INPUTS = tuple(named for place, named in enumerate(catalogue()) if named.family == "external scores" or place % 30 == 0)
"""What the models read: these tests ask who scores whom, and a thousand columns are planned for each question."""


@dataclass(frozen=True)
class Deliveries:
    """The same applicants, with everybody's histories: all of them, the labelled ones alone, the new ones alone, and
    the new ones with fewer labelled ones, so that other encodings are fitted."""

    whole: Path
    labelled: Path
    new: Path
    fewer: Path


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Deliveries:
    folder = tmp_path_factory.mktemp("deliveries")
    of = Deliveries(*(folder / name for name in ("whole", "labelled", "new", "fewer")))
    assert main(("generate", "--applicants", str(APPLICANTS), "--seed", "7", "--output", str(of.whole))) == 0
    for part, left_out in ((of.labelled, TEST), (of.new, TRAIN), (of.fewer, TRAIN)):
        shutil.copytree(of.whole, part, ignore=shutil.ignore_patterns(left_out))
    header, *applicants = (of.whole / TRAIN).read_text(encoding="utf-8").splitlines()
    (of.fewer / TRAIN).write_text("\n".join([header, *applicants[:-40]]) + "\n", encoding="utf-8")
    return of


@pytest.fixture(scope="module")
def line(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """The lake, before anything is in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.run.declared_inputs", lambda _: INPUTS)
        yield Job(Lake(str(tmp_path_factory.mktemp("run")), spark), LABELLED, load_settings("local", QUICK))


@pytest.fixture(scope="module")
def store(line: Job) -> Store:
    return connect(line.lake.address, line.settings.mlflow)


def settings_with(*overrides: str) -> Settings:
    return load_settings("local", (*QUICK, *overrides))


def rows(job: Job, table: str, day: date) -> int:
    return job.lake.read_run_date(table, day).count() if job.lake.exists(table) else 0


@pytest.fixture(scope="module")
def refused_at_first(line: Job, deliveries: Deliveries) -> str:
    """What is said of trees that may not split, where there is no champion."""
    stiff = replace(line, run_date=AT_CHANCE, settings=settings_with(*AT_CHANCE_REFUSED))
    with pytest.raises(GateRefused) as refused:
        run(stiff, str(deliveries.whole))
    return str(refused.value)


@pytest.fixture(scope="module")
def champion(line: Job, deliveries: Deliveries, store: Store, refused_at_first: str) -> Registered:
    """Who comes out of a run on labelled applicants alone."""
    assert refused_at_first
    run(line, str(deliveries.labelled))
    return store.versions.need_champion()


@pytest.fixture(scope="module")
def scored(line: Job, deliveries: Deliveries, champion: Registered) -> Job:
    """A delivery of new applicants alone."""
    assert champion  # who scores
    job = replace(line, run_date=NEW)
    run(job, str(deliveries.new))
    return job


@pytest.fixture(scope="module")
def refused(deliveries: Deliveries, scored: Job) -> Job:
    """A later delivery whose candidate, of trees that may not split, a gate refuses."""
    job = replace(scored, run_date=REFUSED, settings=settings_with(*AT_CHANCE_REFUSED))
    with pytest.raises(GateRefused, match=r"stays champion: auc 0\.5000"):
        run(job, str(deliveries.fewer))
    return job


def test_a_first_candidate_at_chance_scores_nobody_and_says_what_to_do(
    line: Job, store: Store, refused_at_first: str
) -> None:
    assert "auc 0.5000" in refused_at_first
    assert "is chance: everybody has the probability" in refused_at_first
    assert "train on more labelled applicants" in refused_at_first
    assert refused_at_first.endswith("there is no champion to go on with: nothing was scored")
    assert rows(line, FEATURES, AT_CHANCE) == APPLICANTS
    assert rows(line, SCORES, AT_CHANCE) == 0
    assert store.runs.latest_training(AT_CHANCE).auc.value == 0.5


def test_labelled_applicants_alone_make_a_champion_and_a_report_and_nobody_is_scored(
    line: Job, store: Store, champion: Registered
) -> None:
    assert champion.version == 2  # the first was refused
    assert store.versions.validation(champion) == "passed"
    said = {verdict.gate: verdict for verdict in store.versions.verdicts(champion)}
    for gate in ("drift_scores", "drift_features"):
        assert said[gate].word == "not tried"
        assert said[gate].sentence == "the delivery has no new applicants"
    assert rows(line, FEATURES, LABELLED) > 0
    assert rows(line, SCORES, LABELLED) == rows(line, EXPLANATIONS, LABELLED) == 0
    page = line.lake.report(LABELLED)
    assert page is not None
    assert "no new applicants" in page.read_text(encoding="utf-8")
    with pytest.raises(UserError, match="2018-05-17 has nobody to score: every applicant of it has a TARGET"):
        read_scores(line)


def test_new_applicants_alone_are_scored_by_the_champion_that_there_is(
    store: Store, champion: Registered, scored: Job
) -> None:
    features = scored.lake.read_run_date(FEATURES, NEW)
    assert {row[0] for row in features.select("feature_set").distinct().collect()} == {champion.feature_set}
    scores = scored.lake.read_run_date(SCORES, NEW).toPandas()
    assert len(scores) == features.count() == rows(scored, EXPLANATIONS, NEW) > 0
    assert set(scores["model_version"]) == {champion.version}
    assert scores["probability"].between(0, 1).all()
    assert store.versions.need_champion() == champion
    steps = scored.lake.read(STEPS).where(f"run_date = '{NEW}'").orderBy("finished").select("verb").collect()
    assert [row[0] for row in steps] == ["ingest", "assemble", "score", "explain", "report", "run"]


def test_new_applicants_alone_need_a_champion(
    spark: SparkSession, deliveries: Deliveries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.run.ingest", lambda *_: None)
    monkeypatch.setattr("jobs.run.contents.has_labelled", lambda *_: False)
    job = Job(Lake(str(tmp_path), spark), NEW, settings_with())
    with pytest.raises(UserError, match="no applicant with a TARGET to learn from, and there is no champion yet"):
        run(job, str(deliveries.new))


def test_a_refused_candidate_leaves_the_champion_at_work_with_the_features_that_it_was_trained_on(
    store: Store, champion: Registered, refused: Job
) -> None:
    challenger = store.versions.challenger()
    assert challenger is not None
    assert store.versions.need_champion() == champion != challenger
    assert challenger.feature_set != champion.feature_set
    features = refused.lake.read_run_date(FEATURES, REFUSED)
    assert {row[0] for row in features.select("feature_set").distinct().collect()} == {champion.feature_set}
    scores = refused.lake.read_run_date(SCORES, REFUSED)
    assert {row[0] for row in scores.select("model_version").distinct().collect()} == {champion.version}
    assert scores.count() == rows(refused, EXPLANATIONS, REFUSED) == rows(refused, SCORES, NEW)
    page = refused.lake.report(REFUSED)
    assert page is not None
    assert page.is_file()


def test_the_same_applicants_have_the_same_scores_whoever_comes_with_them(refused: Job) -> None:
    """New ones alone, or beside the labelled ones: what was fitted for the champion makes the same features."""
    alone, beside = (
        refused.lake.read_run_date(SCORES, day).select("SK_ID_CURR", "probability").toPandas().set_index("SK_ID_CURR")
        for day in (NEW, REFUSED)
    )
    assert alone.sort_index().equals(beside.sort_index())


def test_a_lake_without_a_place_for_the_report_is_refused_before_any_work(settings: Settings) -> None:
    line = Job(Lake("s3a://bucket/lake", None), date(2018, 5, 17), settings)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="--report FILE"):
        run(line, "delivery")
    with pytest.raises(UserError, match=r"mlflow\.tracking_uri"):
        run(line, "delivery", Path("report.html"))
