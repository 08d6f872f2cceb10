"""Promotion and rollback by an operator: what is refused, what scores afterwards, and the trace of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from pyspark.sql import SparkSession

from features.plan.encodings import Encoding
from jobs.lake.feature_sets import FeatureSet, keep
from jobs.lake.job import Job
from jobs.lake.tables import PROMOTIONS, Lake
from jobs.promote import promote
from jobs.promotion.succession import change_champion, history
from jobs.register import register
from jobs.registry.store import Store, connect
from jobs.rollback import rollback
from jobs.runtime.errors import GateRefused, TryAgain, UserError
from jobs.runtime.settings import Settings, load_settings
from jobs.score import score
from jobs.train import train
from tests.small_lake import FEATURE_SET, INPUTS, OVERRIDES, RUN_DATE, applicants, write

# A second model of the same rows that is neither better nor worse: trees that see half of the features, not one.
ALIKE = (*OVERRIDES, "train.colsample_bytree=0.5")
OTHER_SEED = "train.seed=8"
WAITING = "gates.promote=false"


@pytest.fixture(scope="module")
def two_models(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A lake whose version 1 is champion, and whose version 2 passed every gate and waits."""
    lake = Lake(str(tmp_path_factory.mktemp("two")), spark)
    first = Job(lake, RUN_DATE, load_settings("local", ALIKE))
    write(first, applicants())
    assert register(first, train(first, INPUTS)) == 1
    second = replace(first, settings=load_settings("local", (*ALIKE, OTHER_SEED, WAITING)))
    assert register(second, train(second, INPUTS)) == 2
    return second


@pytest.fixture
def store(two_models: Job) -> Store:
    return connect(two_models.lake.address, two_models.settings.mlflow)


@pytest.fixture
def back_to_the_first(two_models: Job, store: Store) -> None:
    """Each test starts with version 1 as champion and 2 as challenger."""
    first, second = store.versions.listed_version(1), store.versions.listed_version(2)
    if store.versions.need_champion() != first:
        rollback(two_models.lake, two_models.settings, to=1)
    store.versions.make_challenger(second)


pytestmark = pytest.mark.usefixtures("back_to_the_first")


def champion(store: Store) -> int:
    return store.versions.need_champion().version


def strict(settings: Settings) -> Settings:
    return settings.model_copy(update={"gates": settings.gates.model_copy(update={"auc": 0.999})})


def test_a_candidate_that_passed_waits_where_the_policy_says_so(two_models: Job, store: Store) -> None:
    challenger = store.versions.challenger()
    assert (champion(store), challenger and challenger.version) == (1, 2)
    assert challenger is not None
    assert store.versions.validation(challenger) == "passed"
    assert register(two_models) == 2
    assert champion(store) == 1


def test_a_promotion_changes_who_scores_and_says_why(two_models: Job, store: Store) -> None:
    promote(two_models.lake, two_models.settings, 2, "the committee of 12 June agreed")
    score(two_models)
    assert champion(store) == 2
    assert store.versions.challenger() is None
    assert {row[0] for row in two_models.lake.read("scores").select("model_version").distinct().collect()} == {2}
    *_, change = history(two_models.lake)
    assert (change.verb, change.from_version, change.to_version) == ("promote", 1, 2)
    assert change.reason == "the committee of 12 June agreed"
    before, after = (store.connection.client.get_model_version(store.versions.name, version).tags for version in "12")
    assert (before["replaced_by"], before["replaced_why"]) == ("2", "the committee of 12 June agreed")
    assert (after["champion_after"], after["champion_by"], after["champion_why"]) == ("1", "promote", change.reason)


def test_the_champion_promoted_again_leaves_no_trace(two_models: Job) -> None:
    before = two_models.lake.version(PROMOTIONS)
    promote(two_models.lake, two_models.settings, 1)
    assert two_models.lake.version(PROMOTIONS) == before


def test_gates_are_tried_again_and_refuse_with_4(two_models: Job, store: Store) -> None:
    before = two_models.lake.version(PROMOTIONS)
    with pytest.raises(GateRefused, match=r"version 2 is not made champion, version 1 stays champion: auc .* 0\.999"):
        promote(two_models.lake, strict(two_models.settings), 2)
    assert champion(store) == 1
    assert two_models.lake.version(PROMOTIONS) == before
    assert store.versions.validation(store.versions.listed_version(2)) == "refused"
    promote(two_models.lake, two_models.settings, 2)
    assert store.versions.validation(store.versions.listed_version(2)) == "passed"


@pytest.fixture
def assembled_with_others(two_models: Job) -> Iterator[None]:
    """The delivery as it is where another champion scores it."""
    write(two_models, applicants(), feature_set="ba9876543210")
    yield
    write(two_models, applicants())


@pytest.mark.usefixtures("assembled_with_others")
def test_a_version_of_features_that_the_lake_cannot_make_is_refused(two_models: Job, store: Store) -> None:
    with pytest.raises(GateRefused, match=r"0123456789ab should be what .* ba9876543210, and the lake cannot make it"):
        promote(two_models.lake, two_models.settings, 2)
    assert champion(store) == 1


@pytest.mark.usefixtures("assembled_with_others")
def test_a_version_that_waits_is_promoted_whatever_features_the_delivery_has_now(
    two_models: Job, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "jobs.lake.feature_sets.feature_set", lambda *_: FEATURE_SET
    )  # as if these were what it was fitted to
    keep(two_models.lake, RUN_DATE, FeatureSet((Encoding("REGION", None, 1.0),), None))
    promote(two_models.lake, two_models.settings, 2)
    assert champion(store) == 2
    assert store.versions.validation(store.versions.listed_version(2)) == "passed"
    assert f"with ba9876543210 now: `assemble --feature-set {FEATURE_SET}` before `score`" in capsys.readouterr().err


def test_a_version_that_is_not_there_is_named(two_models: Job) -> None:
    for verb in (promote, rollback):
        with pytest.raises(UserError, match="3"):
            verb(two_models.lake, two_models.settings, 3)
    with pytest.raises(UserError, match=r"no version 3 of home-credit-default in sqlite.*; there is 1, 2"):
        promote(two_models.lake, two_models.settings, 3)


def test_a_version_of_another_lake_is_promoted_there(two_models: Job, store: Store) -> None:
    elsewhere = Lake(f"{two_models.lake.root}-elsewhere", two_models.lake.spark)
    here = two_models.settings.mlflow.model_copy(update={"tracking_uri": store.connection.uri})
    with pytest.raises(UserError, match=f"trained on {two_models.lake.address}: promote it with --lake"):
        promote(elsewhere, two_models.settings.model_copy(update={"mlflow": here}), 2)


def test_a_rollback_brings_the_champion_before_back_and_says_why(two_models: Job, store: Store) -> None:
    promote(two_models.lake, two_models.settings, 2)
    rollback(two_models.lake, strict(two_models.settings), reason="complaints since")
    assert champion(store) == 1
    *_, change = history(two_models.lake)
    assert (change.verb, change.from_version, change.to_version) == ("rollback", 2, 1)
    assert change.reason == "complaints since"
    tags = store.connection.client.get_model_version(store.versions.name, "2").tags
    assert (tags["replaced_by"], tags["replaced_with"], tags["replaced_why"]) == ("1", "rollback", "complaints since")
    with pytest.raises(UserError, match="version 1 is the first champion"):
        rollback(two_models.lake, two_models.settings)


def test_what_was_rolled_back_is_not_made_champion_by_a_rerun(two_models: Job, store: Store) -> None:
    promote(two_models.lake, two_models.settings, 2)
    rollback(two_models.lake, two_models.settings)
    willing = two_models.settings.gates.model_copy(update={"promote": True})
    eager = replace(two_models, settings=two_models.settings.model_copy(update={"gates": willing}))
    assert register(eager) == 2
    assert champion(store) == 1
    promote(two_models.lake, two_models.settings, 2)
    assert champion(store) == 2


@pytest.fixture
def overtaken(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Another process makes a version champion just before this one gets the lake's lock."""
    holding = Job.holding

    def let_in(version: int) -> None:
        @contextmanager
        def after_another(job: Job, verb: str) -> Iterator[None]:
            with holding(job, verb):
                before, after = store.versions.need_champion(), store.versions.listed_version(version)
                change_champion(job.lake, store, "promote", before, after, "meanwhile")
                yield

        monkeypatch.setattr(Job, "holding", after_another)

    return let_in


def test_who_is_replaced_by_a_promotion_is_read_under_the_lock(
    two_models: Job, overtaken: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    overtaken(2)
    promote(two_models.lake, two_models.settings, 2, "too late")
    assert "version 2 is champion already" in capsys.readouterr().err
    assert history(two_models.lake)[-1].reason == "meanwhile"


def test_of_two_changes_that_read_the_same_champion_one_is_made(two_models: Job, store: Store) -> None:
    """Without any lock: the second has read who scores before the first changed it. `test_tables.py` has two that have
    both seen the same number of changes."""
    first, second = store.versions.listed_version(1), store.versions.listed_version(2)
    change_champion(two_models.lake, store, "promote", first, second, "quick")
    changes = history(two_models.lake)
    with pytest.raises(TryAgain, match="just been changed by another process"):
        change_champion(two_models.lake, store, "promote", first, second, "too late")
    assert history(two_models.lake) == changes
    assert champion(store) == 2


def test_a_rollback_that_was_overtaken_changes_nothing_and_says_so(
    two_models: Job, store: Store, overtaken: Callable[[int], None]
) -> None:
    """Else it would go back from a champion that nobody doubts, to the one that is in doubt."""
    promote(two_models.lake, two_models.settings, 2)
    overtaken(1)
    with pytest.raises(TryAgain, match="just been changed by another process"):
        rollback(two_models.lake, two_models.settings, reason="complaints")
    assert champion(store) == 1
    assert history(two_models.lake)[-1].reason == "meanwhile"
