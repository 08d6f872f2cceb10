"""What a message says to call is there for whoever reads it."""

import sys
from pathlib import Path

import pytest

from jobs.runtime.programs import called


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment's programs, in a project in which somebody works."""
    programs = tmp_path / "project" / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "mlflow"):
        (programs / name).touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.chdir(tmp_path / "project")
    return programs


def test_who_has_activated_the_environment_reads_names(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(environment), prepend=":")
    assert (called("python"), called("mlflow")) == ("python", "mlflow")


def test_who_has_not_reads_where_they_are(environment: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "python").symlink_to(environment / "python")  # another Python, or this one without its environment
    monkeypatch.setenv("PATH", str(other))
    assert (called("python"), called("mlflow")) == (".venv/bin/python", ".venv/bin/mlflow")
    monkeypatch.chdir(other)
    assert called("mlflow") == str(environment / "mlflow")
