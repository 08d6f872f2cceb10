"""Where Java's and Spark's words go."""

import os
import subprocess
from pathlib import Path

import pytest

from jobs.runtime import log_files


@pytest.fixture(autouse=True)
def no_log_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "started", [])
    monkeypatch.setenv(log_files.FOLDER_VARIABLE, str(tmp_path / "logs"))
    monkeypatch.delenv(log_files.FILE_VARIABLE, raising=False)


def test_what_is_started_within_the_block_writes_its_errors_into_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    with log_files.java_output_kept("train") as log:
        subprocess.run(["sh", "-c", "echo noise >&2"], check=True)
    subprocess.run(["sh", "-c", "echo words >&2"], check=True)
    log_files.keep("a step's line")
    assert log.read_text() == "noise\na step's line\n"
    assert capfd.readouterr().err == "words\n"


def test_a_process_has_one_log() -> None:
    with log_files.java_output_kept("train") as first:
        pass
    with log_files.java_output_kept("score") as second:
        pass
    assert first == second == log_files.current_log()


def test_a_bug_says_where_the_log_is() -> None:
    with pytest.raises(ZeroDivisionError) as raised, log_files.log_named_where_it_fails():
        raise ZeroDivisionError
    assert not hasattr(raised.value, "__notes__")
    with log_files.java_output_kept("train") as log:
        pass
    with pytest.raises(ZeroDivisionError) as raised, log_files.log_named_where_it_fails():
        raise ZeroDivisionError
    assert str(log) in raised.value.__notes__[0]


def test_old_logs_go(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for number in range(log_files.KEPT):
        (folder / f"run-{number}.log").touch()
        os.utime(folder / f"run-{number}.log", (number, number))
    (folder / "notes.txt").touch()
    new = log_files.new_log("run of mine")
    assert new.name.startswith("run-of-mine-")
    assert not (folder / "run-0.log").exists()
    assert len(list(folder.glob("*.log"))) == log_files.KEPT
    assert (folder / "notes.txt").exists()


def test_where_the_folder_can_not_be_written_to_the_log_is_a_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(log_files.FOLDER_VARIABLE, str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert log_files.new_log("run").parent == tmp_path / "home-credit-logs"
