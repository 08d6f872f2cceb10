"""The service as a caller meets it, in a process of its own: what it answers is what batch has written."""

import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import psutil
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import serve as verb
from jobs.lake.feature_sets import FeatureSet, find, keep
from jobs.lake.tables import EXPLANATIONS, FEATURES, SCORES, Lake
from jobs.model.booster import Model, load_model, seal, sha256_of
from jobs.registry.store import Store, connect
from jobs.runtime.errors import ModelRefused, UserError
from jobs.runtime.settings import Settings
from jobs.serving.champion_watch import Champions
from jobs.serving.uploads import COLUMNS
from tests.callers import as_csv
from tests.line import RUN_DATE
from tests.processes import free_port, run_jobs, running

DAY, NEXT = date.fromisoformat(RUN_DATE), date(2018, 6, 17)
SECRET = "open sesame"
CALLERS = 50
STRANGER = 999_999_999
"""No delivery holds this applicant."""
START_SECONDS, ANSWER_SECONDS = 120, 120

Cells = dict[str, str]


@dataclass(frozen=True)
class Service:
    """A running service: its process, its address and what it has logged."""

    process: subprocess.Popen[bytes]
    client: httpx.Client
    log: Path

    def upload(self, *rows: Cells, **query: str) -> httpx.Response:
        return self.client.post("/score", files={"file": ("rows.csv", as_csv(rows))}, params=query)

    def applicants(self, *rows: Cells) -> list[dict[str, Any]]:
        return answered(self.upload(*rows))

    def stored(self, *applicants: int) -> list[dict[str, Any]]:
        return answered(self.client.post("/score", json={"applicants": applicants}))


def answered(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["applicants"]
    return found


def probabilities(answers: list[dict[str, Any]]) -> "pd.Series[float]":
    return pd.Series({each["SK_ID_CURR"]: each["probability"] for each in answers}).sort_index()


def assert_same(ours: "pd.Series[float]", theirs: "pd.Series[float]") -> None:
    """The same applicants, and probabilities to 1e-6."""
    assert ours.index.tolist() == theirs.index.tolist()
    assert np.abs(ours.to_numpy() - theirs.to_numpy(dtype=float)).max() <= 1e-6


@contextmanager
def serving(lake: Path, log: Path, *options: str) -> Iterator[Service]:
    """`serve` on a lake, until the end of the block; then it has answered everyone and left nothing behind."""
    words = [sys.executable, "-m", "jobs", "serve", "--lake", str(lake), "--port", "0", *options]
    temporary = log.parent / "temporary"
    temporary.mkdir()
    with running(words, log, {"HOME_CREDIT_TOKEN": SECRET, "TMPDIR": str(temporary)}) as process:
        url = wait_for_address(process, log)
        headers = {"Authorization": f"Bearer {SECRET}"}
        with httpx.Client(base_url=url, headers=headers, timeout=ANSWER_SECONDS) as client:
            yield Service(process, client, log)
    assert process.returncode == 0, log.read_text()[-3000:]
    assert "Application shutdown complete" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert not list(temporary.glob("home-credit-*"))


@pytest.fixture(scope="module")
def service(demo_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(demo_lake, tmp_path_factory.mktemp("serve") / "log") as running_service:
        yield running_service


def wait_for_address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the service says that it listens."""
    said = re.compile(r" at (http://\S+),")
    wait_until(lambda: bool(said.search(log.read_text())), process, log)
    return said.findall(log.read_text())[0]


def wait_until(held: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Patience with a process that is on its way."""
    patience = time.monotonic() + START_SECONDS
    while not held():
        assert time.monotonic() < patience, log.read_text()[-3000:]
        assert process.poll() is None, log.read_text()[-3000:]
        time.sleep(0.1)


@pytest.fixture(scope="module")
def lake(spark: SparkSession, demo_lake: Path) -> Lake:
    return Lake(str(demo_lake), spark)


@pytest.fixture(scope="module")
def batch(lake: Lake) -> "pd.Series[float]":
    """Probability by new applicant, as `score` has written them."""
    rows = lake.read_run_date(SCORES, DAY).toPandas().set_index("SK_ID_CURR").sort_index()
    assert rows["probability"].nunique() > len(rows) / 2, "a champion that tells nobody apart would agree with anything"
    return rows["probability"]


@pytest.fixture(scope="module")
def delivered(demo_lake: Path) -> list[Cells]:
    """The new applicants' rows, as delivered."""
    return read_rows(demo_lake.parent / "delivery" / "application_test.csv")


def read_rows(file: Path) -> list[Cells]:
    with file.open(newline="", encoding="utf-8-sig") as opened:
        return list(csv.DictReader(opened))


def test_uploaded_rows_are_scored_as_batch_does(
    service: Service, delivered: list[Cells], batch: "pd.Series[float]"
) -> None:
    answers = service.applicants(*delivered)
    assert [each["SK_ID_CURR"] for each in answers] == [int(row["SK_ID_CURR"]) for row in delivered]
    assert_same(probabilities(answers), batch)
    assert {each["delivery"] for each in answers} == {RUN_DATE}


def test_applicants_of_the_lake_are_scored_as_batch_does(
    service: Service, lake: Lake, batch: "pd.Series[float]"
) -> None:
    answers = service.stored(*batch.index.tolist())
    assert_same(probabilities(answers), batch)
    of = {each["SK_ID_CURR"]: each for each in answers}
    for row in lake.read_run_date(SCORES, DAY).collect():
        answer = of[row["SK_ID_CURR"]]
        assert (answer["score"], answer["decision"]) == (row["score"], row["decision"])
    for row in lake.read_run_date(EXPLANATIONS, DAY).collect():
        answer = of[row["SK_ID_CURR"]]
        told = [(each["family"], each["sentence"]) for each in answer["reasons"]]
        assert told == [(reason["family"], reason["sentence"]) for reason in row["reasons"]]
        assert answer["base_value"] == pytest.approx(row["base_value"], abs=1e-6)


@dataclass(frozen=True)
class Mlflow:
    """A running `mlflow models serve` of the champion, which takes rows of features; the model is what it should be."""

    client: httpx.Client
    model: Model

    def ask(self, values: Sequence[Sequence[float | None]]) -> httpx.Response:
        content = json.dumps({"dataframe_split": {"columns": self.model.features, "data": values}})
        return self.client.post("/invocations", content=content, headers={"Content-Type": "application/json"})

    def probabilities(self, features: pd.DataFrame) -> "pd.Series[float]":
        """Of rows with SK_ID_CURR and the features; what is unknown is sent as null."""
        values = self.model.values(features)
        answer = self.ask(np.where(np.isnan(values), None, values).tolist())
        assert answer.status_code == 200, answer.text
        return pd.Series(answer.json()["predictions"], index=features["SK_ID_CURR"]).sort_index()


@pytest.fixture(scope="module")
def mlflow_service(lake: Lake, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    store = connect(lake.address, settings.mlflow)
    champion = store.versions.need_champion()
    port = free_port()
    uri = f"models:/{store.versions.name}/{champion.version}"
    words = [sys.executable, "-m", "mlflow", "models", "serve", "-m", uri, "--env-manager", "local", "-p", str(port)]
    # It looks for uvicorn in the path, as in an activated environment.
    environment = {
        "MLFLOW_TRACKING_URI": store.connection.uri,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    log = tmp_path_factory.mktemp("mlflow") / "log"
    with (
        running(words, log, environment) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_SECONDS) as client,
    ):
        wait_until(lambda: pings(client), process, log)
        yield Mlflow(client, store.versions.registered_model(champion))


def pings(client: httpx.Client) -> bool:
    try:
        return client.get("/ping").status_code == 200
    except httpx.TransportError:
        return False


def test_batch_the_service_and_mlflow_models_serve_give_the_same_probabilities(
    service: Service, mlflow_service: Mlflow, lake: Lake, batch: "pd.Series[float]"
) -> None:
    rows = lake.read_run_date(FEATURES, DAY).where("TARGET IS NULL").toPandas()
    assert rows.isna().any(axis=None)
    by_mlflow = mlflow_service.probabilities(rows)
    assert_same(by_mlflow, batch)
    assert_same(by_mlflow, probabilities(service.stored(*rows["SK_ID_CURR"].tolist())))


def test_mlflow_models_serve_takes_nulls_and_refuses_what_the_model_can_not_score(mlflow_service: Mlflow) -> None:
    model, width = mlflow_service.model, len(mlflow_service.model.features)
    nothing = pd.DataFrame([[np.nan] * width], columns=list(model.features))
    unknown = mlflow_service.probabilities(nothing.assign(SK_ID_CURR=STRANGER))
    assert unknown.tolist() == pytest.approx(model.probabilities(nothing), abs=1e-6)
    assert mlflow_service.ask([[float("inf")] + [None] * (width - 1)]).status_code >= 400
    assert mlflow_service.ask([[None] * (width - 1)]).status_code >= 400


def test_the_model_is_the_champion(service: Service, lake: Lake, settings: Settings) -> None:
    champion = connect(lake.address, settings.mlflow).versions.need_champion()
    told = service.client.get("/model").json()
    assert (told["version"], told["sha256"], told["run_id"]) == (champion.version, champion.sha256, champion.run_id)
    assert told["feature_set"] == champion.feature_set
    assert told["threshold"] == settings.decision.threshold


@pytest.fixture
def copied(demo_lake: Path, spark: SparkSession, tmp_path: Path) -> Lake:
    """The lake with a registry of its own, for whoever promotes."""
    shutil.copytree(demo_lake, tmp_path / "lake")
    return Lake(str(tmp_path / "lake"), spark)


def promote_as_next(store: Store, model: Model, run_id: str, source: str) -> int:
    """Register the model and make it champion, without any gate; gives its version."""
    tags = {"sha256": model.sha256, "feature_set": model.feature_set, "run_id": run_id}
    made = store.connection.client.create_model_version(store.versions.name, source, tags=tags)
    store.versions.make_champion(store.versions.listed_version(int(made.version)))
    return int(made.version)


MOVED = "EXT_MEAN_VS_OCCUPATION"
"""A feature that is a score less a fitted median."""


def made_of(lake: Lake, model: Model) -> FeatureSet:
    """The model's feature set."""
    found = find(lake, model.feature_set)
    assert isinstance(found, FeatureSet)
    return found


def refitted(lake: Lake, model: Model) -> FeatureSet:
    """The encodings of the model's features, but medians of `MOVED` that are higher by 0.1."""
    encodings = (
        replace(each, value=round(each.value + 0.1, 9)) if each.name == MOVED else each
        for each in made_of(lake, model).encodings
    )
    return FeatureSet(tuple(encodings), row_models=None)


def model_of_moved(values: "pd.Series[float]", version: str) -> Model:
    """A booster that looks at `MOVED` alone."""
    import xgboost

    label = (values > values.median()).astype(int)
    data = xgboost.DMatrix(values.to_frame(), label=label)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, data, num_boost_round=3)
    file = seal(booster, 2, ["external scores"], version)
    return load_model(file, sha256_of(file))


def test_promotions_need_no_restart_be_they_of_the_same_features_or_of_others(
    copied: Lake, settings: Settings, delivered: list[Cells], batch: "pd.Series[float]", tmp_path: Path
) -> None:
    store = connect(copied.address, settings.mlflow)
    first = store.versions.need_champion()
    model = store.versions.registered_model(first)
    source = store.connection.client.get_model_version(store.versions.name, str(first.version)).source
    with serving(Path(copied.root), tmp_path / "log", "--set", "serve.refresh_seconds=0.2") as service:

        def answer_of(version: int) -> dict[str, Any]:
            said = f"version {version} answers from now on"
            wait_until(lambda: said in service.log.read_text(), service.process, service.log)
            assert service.client.get("/health").json()["model_version"] == version
            answer: dict[str, Any] = service.upload(*delivered).json()
            assert answer["model"]["version"] == version
            return answer

        second = promote_as_next(store, model, first.run_id, source)
        assert_same(probabilities(answer_of(second)["applicants"]), batch)

        fitted = refitted(copied, model)
        keep(copied, NEXT, fitted)
        rows = (
            copied.read_run_date(FEATURES, DAY).where("TARGET IS NULL").toPandas().set_index("SK_ID_CURR").sort_index()
        )
        values = rows[[MOVED]] - 0.1
        other = model_of_moved(rows[MOVED], fitted.version)
        with store.runs.start("other features", {}) as run:
            third = promote_as_next(store, other, run.id, f"models:/{run.log_model(other)}")
        expected = pd.Series(other.probabilities(values), index=values.index)
        assert np.abs(expected - other.probabilities(rows)).max() > 0.1
        answer = answer_of(third)
        assert answer["model"]["feature_set"] == other.feature_set
        assert_same(probabilities(answer["applicants"]), expected)

        store.versions.make_champion(first)
        assert_same(probabilities(answer_of(first.version)["applicants"]), batch)


def test_callers_who_come_at_once_get_what_they_would_have_got_alone(
    service: Service, delivered: list[Cells], batch: "pd.Series[float]"
) -> None:
    with ThreadPoolExecutor(CALLERS) as pool:
        together = list(pool.map(service.applicants, delivered[:CALLERS]))
    for row, answers in zip(delivered, together, strict=False):
        assert [each["SK_ID_CURR"] for each in answers] == [int(row["SK_ID_CURR"])]
        assert answers[0]["probability"] == pytest.approx(batch[int(row["SK_ID_CURR"])], abs=1e-6)
    assert service.applicants(delivered[0]) == together[0]


def test_the_row_that_is_sent_counts_not_the_one_that_the_lake_holds(service: Service, delivered: list[Cells]) -> None:
    asked = delivered[0] | {
        "AMT_CREDIT": "2025000",
        "AMT_ANNUITY": "120000",
        "EXT_SOURCE_2": "0.01",
        "EXT_SOURCE_3": "",
    }
    with ThreadPoolExecutor(2) as pool:
        changed, unchanged = pool.map(service.applicants, [asked, delivered[0]])
    assert changed[0]["probability"] > unchanged[0]["probability"]
    assert [changed, unchanged] == [service.applicants(asked), service.applicants(delivered[0])]


def test_an_applicant_without_history_is_scored_as_having_none(
    service: Service, lake: Lake, delivered: list[Cells], settings: Settings
) -> None:
    row = delivered[0]
    store = connect(lake.address, settings.mlflow)
    model = store.versions.registered_model(store.versions.need_champion())
    sources = {name: rows.where("false") for name, rows in lake.delivered_tables(DAY).items()}
    sources["application"] = lake.delivered_tables(DAY)["application"].where(F.col("SK_ID_CURR") == row["SK_ID_CURR"])
    features = made_of(lake, model).applicants(sources)
    expected = model.probabilities(features.toPandas())
    (stranger,) = service.applicants(row | {"SK_ID_CURR": str(STRANGER)})
    assert stranger["probability"] == pytest.approx(expected[0], abs=1e-6)
    assert stranger["delivery"] is None


PLANS = {"DAYS_CREDIT_ENDDATE", "DAYS_FIRST_DUE", "DAYS_LAST_DUE_1ST_VERSION"}


def moved_by_hand(rows: DataFrame, days: int, months: int) -> DataFrame:
    """The histories' rows so much later: a second, naive way."""
    for name in rows.columns:
        back = days if name.startswith("DAYS_") else months if name.startswith("MONTHS_") else 0
        last = 365_242 if name in PLANS else 0
        if back:
            rows = rows.withColumn(name, F.expr(f"if({name} <= {last}, {name} - {back}, {name})"))
    return rows


def test_histories_of_an_older_delivery_are_counted_from_the_day_of_the_application(
    service: Service, lake: Lake, delivered: list[Cells], settings: Settings
) -> None:
    asked, applied_on = delivered[:20], DAY + timedelta(days=40)
    ids = [int(row["SK_ID_CURR"]) for row in asked]
    sources = {name: moved_by_hand(rows, 40, 1) for name, rows in lake.delivered_tables(DAY).items()}
    sources["application"] = lake.delivered_tables(DAY)["application"].where(F.col("SK_ID_CURR").isin(ids))
    store = connect(lake.address, settings.mlflow)
    model = store.versions.registered_model(store.versions.need_champion())
    fitted = find(lake, model.feature_set)
    assert isinstance(fitted, FeatureSet)
    features = fitted.applicants(sources).toPandas().set_index("SK_ID_CURR")
    expected = pd.Series(model.probabilities(features), features.index).sort_index()

    answers = answered(service.upload(*asked, applied_on=str(applied_on)))
    assert {(each["delivery"], each["history_days"]) for each in answers} == {(RUN_DATE, 40)}
    assert_same(probabilities(answers), expected)
    at_once = service.applicants(*asked)
    assert {each["history_days"] for each in at_once} == {None}
    assert np.abs(probabilities(at_once) - expected).max() > 0.001, "the time between counts"
    same_day = answered(service.upload(*asked, applied_on=RUN_DATE))
    assert_same(probabilities(same_day), probabilities(at_once))
    assert {each["history_days"] for each in same_day} == {0}


def test_histories_that_are_too_old_or_not_there_yet_are_refused(
    service: Service, delivered: list[Cells], settings: Settings
) -> None:
    stranger = delivered[0] | {"SK_ID_CURR": str(STRANGER)}
    last = DAY + timedelta(days=settings.serve.oldest_history)
    assert service.upload(delivered[0], applied_on=str(last)).status_code == 200
    refused = service.upload(stranger, delivered[0], applied_on=str(last + timedelta(days=1)))
    assert refused.status_code == 422
    (problem,) = refused.json()["detail"]
    assert (problem["row"], problem["column"], problem["value"]) == (2, "SK_ID_CURR", delivered[0]["SK_ID_CURR"])
    assert f"has histories of {RUN_DATE}" in problem["problem"]
    assert service.upload(stranger, applied_on="9999-12-31").status_code == 200
    early = service.upload(delivered[0], applied_on=str(DAY - timedelta(days=1)))
    assert early.status_code == 422
    assert f"the first is of {RUN_DATE}" in early.json()["detail"][0]["problem"]


def test_what_breaks_the_contract_is_named_by_row_and_column(service: Service, delivered: list[Cells]) -> None:
    good, bad, worse = delivered[:3]
    bad = bad | {"AMT_CREDIT": "much", "FLAG_OWN_CAR": "perhaps"}
    worse = worse | {"DAYS_BIRTH": "12", "NAME_CONTRACT_TYPE": ""}
    refused = service.upload(good, bad, worse)
    assert refused.status_code == 422
    found = {(each["row"], each["column"]): (each["value"], each["problem"]) for each in refused.json()["detail"]}
    assert found == {
        (2, "AMT_CREDIT"): ("much", "is not an amount"),
        (2, "FLAG_OWN_CAR"): ("perhaps", "is not one of Y, N"),
        (3, "DAYS_BIRTH"): ("12", "is above 0"),
        (3, "NAME_CONTRACT_TYPE"): ("", "is empty"),
    }


def test_an_unknown_applicant_is_named(service: Service, batch: "pd.Series[float]") -> None:
    refused = service.client.post("/score", json={"applicants": [int(batch.index[0]), STRANGER]})
    assert refused.status_code == 404
    assert [(each["row"], each["value"]) for each in refused.json()["detail"]] == [(2, str(STRANGER))]


def test_without_the_token_nothing_is_scored(service: Service, delivered: list[Cells]) -> None:
    refused = httpx.post(f"{service.client.base_url}/score", content=as_csv(delivered[:1]))
    assert refused.status_code == 401


def test_no_jvm_is_started(service: Service) -> None:
    process = psutil.Process(service.process.pid)
    family = [process, *process.children(recursive=True)]
    assert not [each.name() for each in family if "java" in each.name()]


def test_the_log_holds_no_values_and_no_token(service: Service, delivered: list[Cells]) -> None:
    sent = delivered[0] | {"AMT_INCOME_TOTAL": "123456.789", "ORGANIZATION_TYPE": "Lighthouse"}
    service.applicants(sent)
    assert service.upload(sent | {"AMT_CREDIT": "a fortune"}).status_code == 422
    service.stored(int(sent["SK_ID_CURR"]))
    logged = service.log.read_text()
    assert "POST /score" in logged
    for value in ("123456.789", "Lighthouse", "a fortune", sent["SK_ID_CURR"], SECRET):
        assert value not in logged


def test_real_rows_are_scored(service: Service, sample: Path) -> None:
    rows = read_rows(sample / "application_test.csv")[:100]
    assert set(rows[0]) == set(COLUMNS)
    answers = service.applicants(*rows)
    assert len(answers) == len(rows)
    assert all(0 < each["probability"] < 1 for each in answers)


def test_ctrl_c_ends_the_service_like_uvicorn_with_0_and_without_a_traceback(demo_lake: Path, tmp_path: Path) -> None:
    with serving(demo_lake, tmp_path / "log") as service:
        assert service.client.get("/health").status_code == 200
        service.process.send_signal(signal.SIGINT)
        service.process.wait(START_SECONDS)


def test_a_lake_without_a_champion_is_the_users_error(tmp_path: Path) -> None:
    ended = run_jobs("serve", "--lake", str(tmp_path / "lake"), "--port", "0")
    assert ended.returncode == 2
    assert "no table" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_delivery_that_is_not_there_is_named(lake: Lake, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no delivery of 2017-01-01 in .*: ingest it first"):
        Champions(lake, date(2017, 1, 1), settings, tmp_path)


def test_declarations_that_changed_since_training_are_refused(
    lake: Lake, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.lake.feature_sets.feature_set", lambda *_: "ffffffffffff")
    with pytest.raises(ModelRefused, match=r"the declarations now make ffffffffffff.*: train and register") as refused:
        Champions(lake, None, settings, tmp_path).newest()
    assert refused.value.exit_code == 5


def test_a_port_that_is_taken_is_named() -> None:
    with verb.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UserError, match=rf"--port {port}: .*: give another one"):
            verb.listen("127.0.0.1", port)


def test_an_ipv6_address_can_be_listened_at() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with verb.listen("::1", 0) as listener:
        assert listener.getsockname()[0] == "::1"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(UserError, match=r"serve needs fastapi: pip install 'home-credit-spark\[serve\]'"):
        verb.check_installed()
