"""Which engine runs a verb where nobody has said."""

import pytest

from jobs.runtime import session
from jobs.runtime.engine_choice import SET_UP
from jobs.runtime.session import chosen_engine


@pytest.fixture(autouse=True)
def with_sail_on_a_machine_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SET_UP:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(session, "find_spec", lambda _: object())
    monkeypatch.setattr(session, "has_spark", lambda: False)
    monkeypatch.setattr(session.SAIL, "server", None)


def test_what_is_wished_is_taken() -> None:
    assert chosen_engine("spark", "status", "local", is_lake_here=True) == "spark"
    assert chosen_engine("sail", "score", "cluster") == "sail"


def test_a_verb_that_only_looks_at_a_lake_of_this_machine_runs_on_sail() -> None:
    assert chosen_engine("auto", "status", "local", is_lake_here=True) == "sail"


@pytest.mark.parametrize(
    ("verb", "env", "is_lake_here"),
    [("score", "local", True), ("status", "cluster", True), ("status", "local", False)],
)
def test_all_else_runs_on_spark(verb: str, env: str, is_lake_here: bool) -> None:
    assert chosen_engine("auto", verb, env, is_lake_here) == "spark"


@pytest.mark.parametrize("name", SET_UP)
def test_where_spark_is_set_up_paths_may_be_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/etc/hadoop")
    assert chosen_engine("auto", "status", "local", is_lake_here=True) == "spark"


def test_without_sail_it_is_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "find_spec", lambda _: None)
    assert chosen_engine("auto", "status", "local", is_lake_here=True) == "spark"


def test_a_process_with_spark_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "has_spark", lambda: True)
    assert chosen_engine("auto", "status", "local", is_lake_here=True) == "spark"
