"""Where the MLflow store is, and what happens when it is not there."""

from pathlib import Path

import mlflow
import pytest

from jobs.registry import store as tracking
from jobs.registry.store import Registered
from jobs.runtime.errors import ModelRefused, TryAgain, UserError
from jobs.runtime.settings import Mlflow, Settings


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.delenv(name, raising=False)


def at(settings: Settings, uri: str) -> Mlflow:
    return settings.mlflow.model_copy(update={"tracking_uri": uri})


def test_a_local_lake_has_its_own_store(settings: Settings) -> None:
    assert tracking.store_uri("/some/lake", settings.mlflow) == "sqlite:////some/lake/mlflow/mlflow.db"


def test_the_setting_goes_before_the_lake_and_the_environment_before_both(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = at(settings, "http://mlflow:5000")
    assert tracking.store_uri("/some/lake", server) == "http://mlflow:5000"
    assert tracking.store_uri("s3://bucket/lake", server) == "http://mlflow:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://other:5000")
    assert tracking.store_uri("/some/lake", server) == "http://other:5000"


def test_a_lake_elsewhere_needs_a_server(settings: Settings) -> None:
    with pytest.raises(UserError, match=r"s3://bucket/lake is not a local folder.*--set mlflow\.tracking_uri="):
        tracking.store_uri("s3://bucket/lake", settings.mlflow)


def test_each_lake_of_a_process_has_its_own_store(settings: Settings, tmp_path: Path) -> None:
    for name in ("first", "second"):
        store = tracking.connect(str(tmp_path / name), settings.mlflow)
        with store.run("a run", {}):
            pass
        assert [run.data.tags["lake"] for run in store.client.search_runs([store.experiment_id])] == [store.lake]


def test_a_server_that_does_not_answer_is_tried_again_later(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TryAgain, match=r"http://127\.0\.0\.1:9 does not answer") as late:
        tracking.connect(str(tmp_path), at(settings, "http://127.0.0.1:9"))
    assert late.value.exit_code == 6


def test_a_run_that_mlflow_started_is_adopted(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tracking.connect(str(tmp_path), settings.mlflow)
    made = store.client.create_run(store.client.create_experiment("of mlflow run", tmp_path.as_uri()))
    monkeypatch.setenv("MLFLOW_RUN_ID", made.info.run_id)
    with store.run("train 2018-05-17", {"verb": "train"}) as run:
        assert run.info.run_id == made.info.run_id
    with store.run("train 2018-05-18", {"verb": "train"}) as another:
        assert another.info.run_id != made.info.run_id
    adopted = store.client.get_run(made.info.run_id)
    assert (adopted.info.run_name, adopted.info.status) == ("train 2018-05-17", "FINISHED")
    assert adopted.data.tags["lake"] == str(tmp_path)
    assert another.info.experiment_id == store.experiment_id


def test_a_run_that_another_store_started_is_not_there(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tracking.connect(str(tmp_path), settings.mlflow)
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(UserError, match=r"no run 0000.* in sqlite"), store.run("train 2018-05-17", {}):
        pass


def test_a_version_that_something_else_registered_is_no_candidate(settings: Settings, tmp_path: Path) -> None:
    store = tracking.connect(str(tmp_path), settings.mlflow)
    store.client.create_registered_model(store.model_name)
    ours = {"sha256": "aa", "feature_set": "0123456789ab", "run_id": "0" * 32}
    for tags in (ours, None, {"run_id": "0" * 32}):
        store.client.create_model_version(store.model_name, tmp_path.as_uri(), tags=tags)
    assert [each.version for each in store.versions()] == [1]
    assert store.listed_version(1) == store.version(1) == Registered(1, **ours)
    for asked in (store.listed_version, store.version):
        with pytest.raises(
            ModelRefused, match=r"version 2 of home-credit-default has no tag sha256: `register` a trained"
        ):
            asked(2)
    with pytest.raises(UserError, match=r"no version 4 of home-credit-default in sqlite.*; there is 1$"):
        store.listed_version(4)


def test_a_run_that_breaks_is_marked_failed_and_never_a_candidate(settings: Settings, tmp_path: Path) -> None:
    store = tracking.connect(str(tmp_path), settings.mlflow)
    with pytest.raises(ZeroDivisionError), store.run("train 2018-05-17", {"verb": "train", "run_date": "2018-05-17"}):
        _ = 1 / 0
    run = mlflow.last_active_run()
    assert run is not None
    assert store.client.get_run(run.info.run_id).info.status == "FAILED"
    with pytest.raises(UserError, match=f"run {run.info.run_id} is not a training run that finished"):
        store.training(run.info.run_id)
