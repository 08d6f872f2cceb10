"""Where the MLflow store is, and what happens when it is not there."""

import shutil
import sqlite3
from contextlib import closing
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import mlflow
import pytest

from jobs.model.booster import load_model, seal, sha256_of
from jobs.model.measured_on import MeasuredOn
from jobs.model.measures import Interval
from jobs.registry import connection
from jobs.registry.connection import connect_to, store_uri
from jobs.registry.runs import Training
from jobs.registry.store import Store, connect
from jobs.registry.versions import Registered
from jobs.runtime.addresses import Address
from jobs.runtime.errors import ModelRefused, TryAgain, UserError
from jobs.runtime.settings import Mlflow, Settings, load_settings


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store as MLflow makes it, which takes seconds."""
    lake = tmp_path_factory.mktemp("lake")
    connect_to(Address(str(lake)), load_settings("local").mlflow)
    return lake / "mlflow" / "mlflow.db"


def copy_to(lake: Path, database: Path) -> Path:
    (lake / "mlflow").mkdir(parents=True)
    return Path(shutil.copy(database, lake / "mlflow" / "mlflow.db"))


@pytest.fixture
def store(tmp_path: Path, database: Path, settings: Settings) -> Store:
    copy_to(tmp_path, database)
    return connect(Address(str(tmp_path)), settings.mlflow)


def at(settings: Settings, uri: str) -> Mlflow:
    return settings.mlflow.model_copy(update={"tracking_uri": uri})


def test_a_local_lake_has_its_own_store(settings: Settings) -> None:
    assert store_uri(Address("/some/lake"), settings.mlflow) == "sqlite:////some/lake/mlflow/mlflow.db"


def test_the_setting_goes_before_the_lake_and_the_environment_before_both(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = at(settings, "http://mlflow:5000")
    assert store_uri(Address("/some/lake"), server) == "http://mlflow:5000"
    assert store_uri(Address("s3://bucket/lake"), server) == "http://mlflow:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://other:5000")
    assert store_uri(Address("/some/lake"), server) == "http://other:5000"


def test_a_lake_elsewhere_needs_a_server(settings: Settings) -> None:
    with pytest.raises(UserError, match=r"s3://bucket/lake is not on this machine.*--set mlflow\.tracking_uri="):
        store_uri(Address("s3://bucket/lake"), settings.mlflow)


def test_each_lake_of_a_process_has_its_own_store(settings: Settings, tmp_path: Path, database: Path) -> None:
    for name in ("first", "second"):
        copy_to(tmp_path / name, database)
        store = connect(Address(str(tmp_path / name)), settings.mlflow)
        with store.runs.start("a run", {}):
            pass
        assert [
            run.data.tags["lake"] for run in store.connection.client.search_runs([store.connection.experiment_id])
        ] == [store.connection.lake]


def test_a_server_that_does_not_answer_is_tried_again_later(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TryAgain, match=r"http://127\.0\.0\.1:9 does not answer") as late:
        connect(Address(str(tmp_path)), at(settings, "http://127.0.0.1:9"))
    assert late.value.exit_code == 6


def test_a_run_that_mlflow_started_is_adopted(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = store.connection.client.create_run(
        store.connection.client.create_experiment("of mlflow run", tmp_path.as_uri())
    )
    monkeypatch.setenv("MLFLOW_RUN_ID", made.info.run_id)
    with store.runs.start("train 2018-05-17", {"verb": "train"}) as run:
        assert run.id == made.info.run_id
    with store.runs.start("train 2018-05-18", {"verb": "train"}) as another:
        assert another.id != made.info.run_id
    adopted = store.connection.client.get_run(made.info.run_id)
    assert (adopted.info.run_name, adopted.info.status) == ("train 2018-05-17", "FINISHED")
    assert adopted.data.tags["lake"] == str(tmp_path)
    assert another.experiment_id == store.connection.experiment_id


def test_a_run_that_another_store_started_is_not_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(UserError, match=r"no run 0000.* in sqlite"), store.runs.start("train 2018-05-17", {}):
        pass


def test_a_version_that_something_else_registered_is_no_candidate(store: Store, tmp_path: Path) -> None:
    store.connection.client.create_registered_model(store.versions.name)
    ours = {"sha256": "aa", "feature_set": "0123456789ab", "run_id": "0" * 32}
    for tags in (ours, None, {"run_id": "0" * 32}):
        store.connection.client.create_model_version(store.versions.name, tmp_path.as_uri(), tags=tags)
    assert [each.version for each in store.versions.all()] == [1]
    assert store.versions.listed_version(1) == store.versions.version(1) == Registered(1, **ours)
    for asked in (store.versions.listed_version, store.versions.version):
        with pytest.raises(
            ModelRefused, match=r"version 2 of home-credit-default has no tag sha256: `register` a trained"
        ):
            asked(2)
    with pytest.raises(UserError, match=r"no version 4 of home-credit-default in sqlite.*; there is 1$"):
        store.versions.listed_version(4)


def test_a_run_that_breaks_is_marked_failed_and_never_a_candidate(
    store: Store,
) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        store.runs.start("train 2018-05-17", {"verb": "train", "run_date": "2018-05-17"}),
    ):
        _ = 1 / 0
    run = mlflow.last_active_run()
    assert run is not None
    assert store.connection.client.get_run(run.info.run_id).info.status == "FAILED"
    with pytest.raises(UserError, match=f"run {run.info.run_id} is not a training run that finished"):
        store.runs.training(run.info.run_id)


def test_a_model_becomes_a_version_without_a_word_and_once(
    store: Store, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    import numpy as np
    import xgboost

    data = xgboost.DMatrix(np.eye(2), label=[0, 1], feature_names=["a", "b"])
    booster = xgboost.train({"objective": "binary:logistic"}, data, 1)
    file = seal(booster, 0, ["external scores", "card use"], "0123456789ab")
    model = load_model(file, sha256_of(file))
    with store.runs.start("train", {"verb": "train"}) as run:
        model_id = run.log_model(model)
    auc = Interval(0.7, 0.01, 0.68, 0.72)
    training = Training(
        run_id=run.id,
        lake="lake",
        run_date=date(2018, 5, 17),
        feature_set="0123456789ab",
        features_version=3,
        split=settings.split,
        model_id=model_id,
        sha256=model.sha256,
        measured_on=MeasuredOn.TEST_FOLDS,
        auc=auc,
        ended="",
        weighted_by="",
    )
    capfd.readouterr()
    first = store.versions.register(training)
    said = capfd.readouterr()
    assert said.out + said.err == ""
    assert first == store.versions.register(training) == Registered(1, model.sha256, "0123456789ab", run.id)
    assert store.versions.registered_model(first).sha256 == model.sha256
    about = store.connection.client.get_registered_model(store.versions.name).description
    assert "champion" in about


def test_a_run_that_is_not_open_takes_no_model(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    client = store.connection.client
    ended, deleted, full = (client.create_run(store.connection.experiment_id).info.run_id for _ in range(3))
    client.set_terminated(ended)
    client.delete_run(deleted)
    client.set_tag(full, "model_sha256", "aa")
    for run_id, why in ((ended, "is FINISHED"), (deleted, "was deleted"), (full, "has a model already")):
        monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
        with pytest.raises(UserError, match=f"MLFLOW_RUN_ID is {run_id}.* {why}: unset MLFLOW_RUN_ID") as refused:
            store.runs.check_adoptable(run_id)
        assert refused.value.exit_code == 2
    assert client.get_run(ended).data.params == {}


def test_a_deleted_experiment_is_restored_by_the_command_that_is_shown(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    client, deleted = store.connection.client, store.connection.experiment_id
    client.delete_experiment(deleted)
    with pytest.raises(UserError, match=rf"mlflow experiments restore --experiment-id {deleted}`.*--set mlflow\.exper"):
        connect(Address(str(tmp_path)), settings.mlflow)
    client.restore_experiment(deleted)
    assert connect(Address(str(tmp_path)), settings.mlflow).connection.experiment_id == deleted


def test_a_deleted_run_is_named_with_what_restores_it(store: Store) -> None:
    run_id = store.connection.client.create_run(store.connection.experiment_id).info.run_id
    store.connection.client.delete_run(run_id)
    with (
        pytest.raises(
            UserError, match=rf"the run {run_id} of .* was deleted: .*mlflow runs restore --run-id {run_id}`"
        ),
        store.connection.translated(),
    ):
        store.connection.client.set_tag(run_id, "verb", "train")


@pytest.mark.parametrize("schema", ["cc1f77228345", "ffffffffffff"])
def test_a_database_of_another_mlflow_says_how_it_is_upgraded(
    schema: str, settings: Settings, tmp_path: Path, database: Path
) -> None:
    with sqlite3.connect(copy_to(tmp_path, database)) as opened:
        opened.execute(f"UPDATE alembic_version SET version_num = '{schema}'")
    with pytest.raises(UserError, match=rf"schema {schema}.*`mlflow db upgrade 'sqlite:///.*mlflow\.db'`") as refused:
        connect(Address(str(tmp_path)), settings.mlflow)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("kept", [0, 20_000])
def test_a_database_that_is_none_is_said_to_be_none(
    kept: int, settings: Settings, tmp_path: Path, database: Path
) -> None:
    copied = copy_to(tmp_path, database)
    copied.write_bytes(copied.read_bytes()[:kept] + b"no database" * (not kept))
    with pytest.raises(UserError, match="no database that can be read") as refused:
        connect(Address(str(tmp_path)), settings.mlflow)
    assert refused.value.exit_code == 2


def test_a_locked_database_is_tried_again_later(
    settings: Settings, tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOCKED_SECONDS", 1)
    with closing(sqlite3.connect(copy_to(tmp_path, database), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TryAgain, match="is locked by another process") as late:
            connect(Address(str(tmp_path)), settings.mlflow)
    assert late.value.exit_code == 6


class Answering(BaseHTTPRequestHandler):
    """A server that gives the same answer to everybody."""

    status: ClassVar[int]
    body: ClassVar[str]

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (401, "who are you?", UserError, "does not let us in: set MLFLOW_TRACKING_USERNAME"),
        (401, '{"detail": "Unauthorized"}', UserError, "does not let us in"),
        (403, '{"error_code": "PERMISSION_DENIED", "message": ""}', UserError, "does not let us in"),
        (200, "<html>Please log in</html>", UserError, "answers, but not as an MLflow server does"),
        (200, '{"status": "ok"}', UserError, "answers, but not as an MLflow server does"),
        (404, '{"detail": "Not Found"}', UserError, "answers, but not as an MLflow server does"),
        (404, "nothing here", UserError, "answers, but not as an MLflow server does"),
        (503, "", TryAgain, "does not answer"),
    ],
)
def test_what_answers_in_place_of_an_mlflow_server_is_told_apart(
    status: int,
    body: str,
    error: type[UserError],
    said: str,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    answering = type("Answering", (Answering,), {"status": status, "body": body})
    with ThreadingHTTPServer(("127.0.0.1", 0), answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(error, match=said) as refused:
            connect(Address(str(tmp_path)), at(settings, f"http://someone:secret@127.0.0.1:{server.server_port}"))
        server.shutdown()
    assert type(refused.value) is error
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("foo://x", "is no address of an MLflow store"),
        ("file:///nowhere/mlruns", "is a folder of files"),
        ("postgresql://me:secret@db/mlflow", r"postgresql://\.\.\.@db/mlflow needs the driver psycopg"),
    ],
)
def test_an_address_that_mlflow_can_not_use_is_refused(uri: str, said: str, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said) as refused:
        connect(Address(str(tmp_path)), at(settings, uri))
    assert refused.value.exit_code == 2
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["50% off #1 ü", "a?b=c %41", "10:30 [a&b;c]"])
def test_the_database_lies_in_the_lake_whatever_its_name(name: str, settings: Settings, tmp_path: Path) -> None:
    lake = tmp_path / name
    store = connect(Address(str(lake)), settings.mlflow)
    with store.runs.start("train 2018-05-17", {}) as run:
        run.tag({"verb": "train"})
        run.log_files({"note.txt": b"a note"})
    assert (lake / "mlflow" / "mlflow.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert list((lake / "mlflow" / "artifacts").rglob("note.txt"))


def with_a_note(lake: Path, settings: Settings) -> str:
    """A lake's store with a run that has an artifact; gives the run's id."""
    with connect(Address(str(lake)), settings.mlflow).runs.start("train 2018-05-17", {}) as run:
        run.log_files({"note.txt": b"a note"})
    return run.id


@pytest.mark.parametrize("name", ["another", "50% off #1 ü"])
def test_a_lake_that_was_moved_has_its_runs_where_it_is(name: str, settings: Settings, tmp_path: Path) -> None:
    run_id = with_a_note(tmp_path / "lake", settings)
    moved = shutil.move(tmp_path / "lake", tmp_path / name)
    store = connect(Address(str(moved)), settings.mlflow)
    assert store.runs.text(run_id, "note.txt") == "a note"
    assert store.runs.logged_run(run_id).data.tags["lake"] == store.connection.lake
    later = with_a_note(moved, settings)
    assert store.runs.text(later, "note.txt") == "a note"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_copy_of_a_lake_leaves_the_other_alone(settings: Settings, tmp_path: Path) -> None:
    run_id = with_a_note(tmp_path / "lake", settings)
    shutil.copytree(tmp_path / "lake", tmp_path / "copy")
    for lake in (tmp_path / "copy", tmp_path / "lake"):
        run = connect(Address(str(lake)), settings.mlflow).runs.logged_run(run_id)
        assert run.info.artifact_uri.startswith(f"{(lake / 'mlflow' / 'artifacts').as_uri()}/")
        assert run.data.tags["lake"] == str(lake)


def test_a_lake_with_two_names_is_one(settings: Settings, tmp_path: Path) -> None:
    run_id = with_a_note(tmp_path / "lake", settings)
    (tmp_path / "link").symlink_to(tmp_path / "lake")
    by_link = connect(Address(str(tmp_path / "link")), settings.mlflow)
    assert by_link.runs.text(run_id, "note.txt") == "a note"
    assert by_link.runs.logged_run(run_id).data.tags["lake"] == str(tmp_path / "lake")


def test_artifacts_that_an_operator_keeps_elsewhere_stay_there(settings: Settings, tmp_path: Path) -> None:
    lake, elsewhere = tmp_path / "lake", tmp_path / "elsewhere"
    (lake / "mlflow").mkdir(parents=True)
    client = mlflow.MlflowClient(connection.lake_store_uri(lake))
    client.create_experiment(settings.mlflow.experiment, elsewhere.as_uri())
    with_a_note(lake, settings)
    assert list(elsewhere.rglob("note.txt"))
