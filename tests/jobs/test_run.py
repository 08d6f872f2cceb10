"""The order of the line, with every verb replaced by one that only says that it was called."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.lake.job import Job
from jobs.lake.tables import Lake
from jobs.run import run
from jobs.runtime.errors import GateRefused, UserError
from jobs.runtime.settings import Settings

VERBS = ["ingest", "assemble", "train", "register", "score", "explain", "report"]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The verbs called so far."""
    names: list[str] = []

    def saying(name: str) -> Callable[..., None]:
        return lambda *_, **__: names.append(name)

    for verb in VERBS:
        monkeypatch.setattr(f"jobs.run.{verb}", saying(verb))
    monkeypatch.setattr("jobs.run.contents.latest_steps", lambda _: ())
    return names


@pytest.fixture
def line(tmp_path: Path, settings: Settings) -> Job:
    return Job(Lake(str(tmp_path), None), date(2018, 5, 17), settings)  # type: ignore[arg-type]


def refusing(called: list[str]) -> Callable[..., None]:
    def register(*_: object) -> None:
        called.append("register")
        raise GateRefused("auc 0.61 is below 0.70")

    return register


def store_with(champion: object) -> Callable[..., SimpleNamespace]:
    """A store whose champion it is, and whose candidate was trained on feature set new."""
    candidate = SimpleNamespace(feature_set="new")
    versions, runs = SimpleNamespace(champion=lambda: champion), SimpleNamespace(training=lambda _: candidate)
    return lambda *_: SimpleNamespace(versions=versions, runs=runs)


def test_every_verb_is_run_once_in_order(
    called: list[str], line: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("jobs.run.connect", store_with(SimpleNamespace(version=1, feature_set="new")))
    run(line, "delivery")
    assert called == VERBS
    said = capsys.readouterr().out
    assert str(tmp_path / "reports" / "2018-05-17.html") in said
    assert f"tables  {tmp_path}" in said
    assert "mlflow ui --backend-store-uri sqlite:///" in said


def test_a_refused_candidate_leaves_the_champion_at_work_and_ends_with_4(
    called: list[str], line: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("jobs.run.register", refusing(called))
    monkeypatch.setattr("jobs.run.connect", store_with(SimpleNamespace(version=3, feature_set="new")))
    with pytest.raises(GateRefused, match="auc"):
        run(line, "delivery")
    assert called == VERBS
    assert "going on with the champion, version 3" in capsys.readouterr().err


def test_the_champion_gets_the_features_that_it_was_trained_on(
    called: list[str], line: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.run.register", refusing(called))
    monkeypatch.setattr("jobs.run.connect", store_with(SimpleNamespace(version=3, feature_set="old")))
    with pytest.raises(GateRefused, match="auc"):
        run(line, "delivery")
    assert called == [*VERBS[:4], "assemble", *VERBS[4:]]


def test_a_challenger_that_waits_leaves_the_champion_at_work_with_its_own_features(
    called: list[str], line: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("jobs.run.connect", store_with(SimpleNamespace(version=3, feature_set="old")))
    run(line, "delivery")
    assert called == [*VERBS[:4], "assemble", *VERBS[4:]]
    assert "going on" not in capsys.readouterr().err


def test_without_a_champion_nothing_is_scored(called: list[str], line: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.run.register", refusing(called))
    monkeypatch.setattr("jobs.run.connect", store_with(None))
    with pytest.raises(GateRefused, match="no champion"):
        run(line, "delivery")
    assert called == VERBS[:4]


def test_a_lake_without_a_place_for_the_report_is_refused_before_any_work(
    called: list[str], settings: Settings
) -> None:
    line = Job(Lake("s3a://bucket/lake", None), date(2018, 5, 17), settings)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="--report FILE"):
        run(line, "delivery")
    with pytest.raises(UserError, match=r"mlflow\.tracking_uri"):
        run(line, "delivery", Path("report.html"))
    assert called == []
