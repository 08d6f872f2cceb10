"""What an operator meets before any work is done: help, refusals and exit codes.

The help of every verb is kept in tests/snapshots/; `make snapshots` writes it anew after a change that was meant.
"""

import argparse
import os
import re
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.__main__ import VERBS, build_parser, main
from jobs.runtime import errors
from tests.processes import PROJECT, run_jobs, spark_submit

SNAPSHOTS = PROJECT / "tests" / "snapshots"
DATED = ("--run-date", "2018-05-17")


def help_of(verb: str) -> str:
    if verb == "home-credit":
        return build_parser().format_help()
    (verbs,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    return str(verbs.choices[verb].format_help())


@pytest.mark.parametrize("verb", ["home-credit", *VERBS])
def test_help_is_as_in_the_snapshot(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    snapshot = SNAPSHOTS / f"{verb}.txt"
    if "UPDATE_SNAPSHOTS" in os.environ:
        snapshot.parent.mkdir(exist_ok=True)
        snapshot.write_text(help_of(verb), encoding="utf-8")
    assert help_of(verb) == snapshot.read_text(encoding="utf-8"), "changed on purpose? run 'make snapshots'"


def test_no_snapshot_is_left_of_a_verb_that_is_gone() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == {"home-credit", *VERBS}


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ((), "VERB"),
        (("scroe", *DATED), "'scroe'"),
        (("score",), "--run-date"),
        (("score", *DATED, "--lak", "lake"), "--lak"),
        (("generate", "--applicants", "many", "--output", "out"), "'many'"),
    ],
)
def test_usage_that_is_wrong_ends_with_2(
    words: tuple[str, ...], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert shown in capsys.readouterr().err


def refusal_of(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and message; a message is a line or two and starts with the verb."""
    code, message = main(words), capsys.readouterr().err
    said = [line for line in message.splitlines() if line.startswith(f"{words[0]}: ")]
    assert said, message
    assert "Traceback" not in message
    return code, message


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("score", "--run-date", "17.05.2018"), "17.05.2018"),
        (("score", "--run-date", "2018-02-30"), "2018-02-30"),
        (("score", *DATED, "--set", "train.num_wrokers=3"), "train.num_wrokers"),
        (("score", *DATED, "--set", "train.num_workers=two"), "'two'"),
        (("score", *DATED, "--set", "train.num_workers"), "section.key=value"),
        (("score", *DATED, "--env", "moon"), "moon.toml"),
    ],
)
def test_what_is_wrong_before_any_work_ends_with_2(
    words: tuple[str, ...], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, message = refusal_of(words, capsys)
    assert code == 2
    assert shown in message


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("ingest", *DATED, "--input", "nowhere"), "nowhere"),
        (("run", *DATED, "--input", "nowhere"), "nowhere"),
        (("assemble", *DATED), "2018-05-17"),
        (("train", *DATED), "features"),
        (("register", *DATED), "2018-05-17"),
        (("promote", "--version", "3"), "no version 3 of home-credit-default"),
        (("rollback",), "champion"),
        (("score", *DATED), "champion"),
        (("explain", *DATED), "scores"),
        (("report", *DATED), "champion"),
    ],
)
def test_what_is_not_there_ends_with_2(
    words: tuple[str, ...], shown: str, spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spark is not None
    code, message = refusal_of((*words, "--lake", str(tmp_path / "lake")), capsys)
    assert code == 2
    assert shown in message


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("export", "--output", "FILE"), "FILE is a file: name a folder"),
        (("export", "--output", "FILE/letters"), "FILE is a file: name a folder"),
        (("explain", "--applicant", "100001", "--output", "FILE"), "FILE is a file: name a folder"),
        (("report", "--output", "FILE/page.html"), "FILE is a file: name a folder"),
        (("report", "--output", "FOLDER"), "FOLDER is a folder: name a file in it"),
        (("run", "--input", "FOLDER", "--report", "FOLDER"), "--report FOLDER is a folder: name a file in it"),
    ],
)
def test_what_can_not_be_written_to_is_refused_before_the_work(
    words: tuple[str, ...], shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    places = {"FILE": str(tmp_path / "file"), "FOLDER": str(tmp_path)}
    verb, *others = (re.sub("FILE|FOLDER", lambda found: places[found[0]], word) for word in words)
    code, message = refusal_of((verb, *DATED, *others), capsys)
    assert code == 2
    assert re.sub("FILE|FOLDER", lambda found: places[found[0]], shown) in message
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UserError, 2),
        (errors.ContractBroken, 3),
        (errors.GateRefused, 4),
        (errors.ModelRefused, 5),
        (errors.TryAgain, 6),
    ],
)
def test_each_kind_of_refusal_has_its_exit_code(
    error: type[errors.UserError], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise error("no entry")

    monkeypatch.setattr("jobs.score.main", refuse)
    assert main(("score", *DATED)) == code
    assert capsys.readouterr().err == "score: no entry\n"


def test_a_bug_is_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("jobs.score.main", fail)
    with pytest.raises(ZeroDivisionError):
        main(("score", *DATED))


def test_a_process_ends_with_the_code() -> None:
    ended = run_jobs("score", "--run-date", "today")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == "score: --run-date today is not a date: write it as 2018-05-17\n"


@pytest.mark.session
def test_spark_submit_hands_the_code_through() -> None:
    ended = spark_submit("--conf", "spark.ui.enabled=false", "score", "--run-date", "today")
    assert ended.returncode == 2
    # spark-submit joins its Python's two streams.
    assert "score: --run-date today is not a date" in ended.stdout
    assert "Traceback" not in ended.stdout


def test_spark_submit_without_a_verb_says_what_there_is() -> None:
    ended = spark_submit("--help")
    assert ended.returncode == 0
    assert "register" in ended.stdout
