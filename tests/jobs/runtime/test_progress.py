"""What a step shows on a terminal, in a log, and where it fails."""

import io
import json
import re

import pytest
from rich.console import Console

from jobs.lake.job import Step
from jobs.runtime import progress
from jobs.runtime.progress import Bar, display_of
from jobs.runtime.session import Stage
from jobs.runtime.settings import Log


def stages() -> list[Stage]:
    return [Stage(7, 3, 12), Stage(8, 0, 4)]


def bar_on(width: int = 100) -> tuple[Bar, io.StringIO]:
    """A bar on a terminal, and what is written there."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=width, highlight=False, _environ={})
    return Bar("ingest", console), written


def remaining(written: io.StringIO) -> list[str]:
    """The lines that a terminal shows in the end: those that nothing went over again."""
    screen: list[str] = []
    for line in re.sub(r"\x1b\[\?25[lh]", "", written.getvalue()).split("\n"):
        up = line.count("\x1b[1A")
        if up:
            screen = screen[:-up]
        screen.append(re.sub(r"\r|\x1b\[[0-9;]*[A-Za-z]", "", line.rpartition("\x1b[2K")[2]))
    return [line for line in screen if line.strip()]


def test_a_log_keeps_every_line_and_says_how_far_the_stages_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PULSE_SECONDS", 0.01)
    step = Step("ingest")
    seen = ""
    with step.display.watching(stages, step.say):
        step.say("bureau: 7 rows")
        step.warn("a new level")
        while "stage 7, 8" not in seen:
            seen += capsys.readouterr().err
    seen += capsys.readouterr().err
    said = [line.split("s  ")[1] for line in seen.splitlines()]
    assert list(dict.fromkeys(said)) == [
        "bureau: 7 rows",
        "warning: a new level",
        "Spark's stage 7, 8: 3 of 16 tasks",
        "done",
    ]


def test_a_terminal_keeps_warnings_and_what_was_said_last() -> None:
    bar, written = bar_on()
    step = Step("ingest", display=bar)
    with bar.watching(stages, step.say):
        step.say("bureau: 7 rows")
        step.warn("a new level [of bureau]")
        step.say("12 rows in 7 tables")
    warning, result = remaining(written)
    assert re.fullmatch(r"   ingest +\d\.\d s  warning: a new level \[of bureau\]", warning)
    assert re.fullmatch(r"   ingest +\d\.\d s  12 rows in 7 tables", result)


def test_a_terminal_shows_all_that_was_said_where_the_step_fails() -> None:
    bar, written = bar_on()
    step = Step("ingest", display=bar)

    def fail() -> None:
        with bar.watching(stages, step.say):
            step.say("bureau: 7 rows")
            step.say("POS_CASH_balance: 9 rows")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [line.split("s  ")[1] for line in remaining(written)] == ["bureau: 7 rows", "POS_CASH_balance: 9 rows"]


def test_a_bar_is_one_line_however_long_what_is_said() -> None:
    bar, written = bar_on(width=60)
    step = Step("train", display=bar)
    with bar.watching(stages, step.say):
        step.say("trained " * 40)
        bar.progress.refresh()
        shown = written.getvalue()
        step.say("ready")
    assert "trained" in shown
    assert [line.split("s  ")[1] for line in remaining(written)] == ["ready"]


@pytest.mark.parametrize(
    ("environment", "there"),
    [({"TTY_COMPATIBLE": "1", "TERM": "xterm"}, True), ({"TTY_COMPATIBLE": "1", "TERM": "dumb"}, False), ({}, False)],
)
def test_a_terminal_behind_spark_submit_s_pipe_is_known_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], there: bool
) -> None:
    for name in ("TTY_COMPATIBLE", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert progress.on_terminal() is there


def test_a_log_collector_gets_an_object_a_line_without_what_rows_hold(capsys: pytest.CaptureFixture[str]) -> None:
    step = Step("ingest", display=display_of("ingest", Log(format="json")))
    step.say("bureau: 7 rows")
    step.warn("bureau: new level of CREDIT_TYPE: Boat", "bureau: new level of CREDIT_TYPE")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["level"], first["verb"], first["message"]) == ("info", "ingest", "bureau: 7 rows")
    assert (second["level"], second["message"]) == ("warning", "bureau: new level of CREDIT_TYPE")
    assert first.keys() == {"time", "level", "verb", "seconds", "message"}
