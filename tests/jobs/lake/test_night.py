"""What is left of a night, whatever was killed where."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

import pytest

from jobs.lake.night import Night, look_at
from jobs.lake.step_log import Outcome, StepRun
from jobs.lake.tables import FEATURES, SCORES, Lake

MAY = date(2018, 5, 17)
ALL = ("ingest", "assemble", "score", "explain")


def steps(*verbs: str, model: str = "abc") -> dict[str, StepRun]:
    return {
        verb: StepRun(MAY, verb, datetime(2026, 1, 1, 12, minute), 1.0, model_sha256=model)
        for minute, verb in enumerate(verbs)
    }


def night(ran: Mapping[str, StepRun], **others: object) -> Night:
    done = Night(ran, ran, (), True, frozenset({"1-x"}), frozenset({"abc"}), frozenset({"abc"}))
    return replace(done, **others)  # type: ignore[arg-type]


DONE = night(steps(*ALL))
NOTHING: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("there", "left"),
    [
        (DONE, ()),
        (night({}, same_files=False, feature_sets=NOTHING, scored_by=NOTHING, explained_by=NOTHING), ALL),
        (replace(DONE, same_files=False), ALL),
        (night(steps("ingest"), feature_sets=NOTHING, scored_by=NOTHING, explained_by=NOTHING), ALL[1:]),
        (replace(DONE, stale=("assemble",)), ALL[1:]),
        (night(steps("ingest", "assemble"), scored_by=NOTHING, explained_by=NOTHING), ALL[2:]),
        (replace(DONE, stale=("score",)), ALL[2:]),
        # Killed between its table and its row, after another model had become champion.
        (replace(DONE, scored_by=frozenset({"new"})), ALL[2:]),
        (night(steps(*ALL, model="new"), scored_by=frozenset({"new"})), ALL[3:]),
        (night(steps(*ALL[:3]), explained_by=NOTHING), ALL[3:]),
        # Nobody to score, or nobody who could be.
        (replace(DONE, scored_by=NOTHING, explained_by=NOTHING), ()),
        (replace(DONE, explained_by=NOTHING), ()),
    ],
)
def test_what_is_left_is_the_first_verb_that_is_not_done_and_all_after_it(there: Night, left: tuple[str, ...]) -> None:
    assert there.left() == left
    assert there.left(["monitor"]) == (*left, "monitor")


def test_who_watched_watches_again_only_what_was_done_again() -> None:
    watched = night(steps(*ALL, "monitor"))
    assert watched.left(["monitor"]) == ()
    assert replace(watched, stale=("explain",)).left(["monitor"]) == ("explain", "monitor")
    assert replace(watched, stale=("monitor",)).left(["monitor"]) == ("monitor",)


def test_who_is_to_score_gets_the_features_that_it_reads() -> None:
    assert night(steps("ingest", "assemble"), scored_by=NOTHING).left_for("1-x") == ("score", "explain")
    assert night(steps("ingest", "assemble"), scored_by=NOTHING).left_for("1-y") == ("assemble", "score", "explain")
    assert DONE.left_for("1-y") == ()  # who scored stays who scored


def test_a_candidate_is_trained_once_on_a_delivery() -> None:
    learned = night(steps("ingest", "assemble", "train", "register", "assemble", "score", "explain"))
    assert learned.has_learned()
    assert not DONE.has_learned()
    assert not replace(learned, stale=("assemble",)).has_learned()
    again = {**learned.ran, "ingest": replace(learned.ran["ingest"], finished=datetime(2026, 1, 2))}
    assert not replace(learned, ran=again).has_learned()
    refused = replace(learned.ran["register"], outcome=Outcome.REFUSED, exit_code=4)
    failed = replace(refused, outcome=Outcome.FAILED, exit_code=1)
    assert replace(learned, tried={**learned.ran, "register": refused}).has_learned()
    assert not replace(learned, tried={**learned.ran, "register": failed}).has_learned()
    assert DONE.left_to_learn() == ("assemble", "score", "explain")
    assert replace(DONE, same_files=False).left_to_learn(["monitor"]) == (*ALL, "monitor")


def test_a_lake_is_looked_at_by_its_tables(lake: Lake) -> None:
    assert look_at(lake, [MAY]).of(MAY, "files") == Night({}, {}, (), False, NOTHING, NOTHING, NOTHING)
    lake.record_delivery(MAY, "made up", {"application": 0}, "files")
    for table, column, value in ((FEATURES, "feature_set", "1-x"), (SCORES, "model_sha256", "abc")):
        lake.replace(table, lake.spark.range(2).selectExpr("id", f"'{value}' AS {column}"), MAY)
    there = look_at(lake, [MAY]).of(MAY, "files")
    assert (there.same_files, there.feature_sets, there.scored_by) == (True, {"1-x"}, {"abc"})
    assert there.explained_by == NOTHING
    assert not look_at(lake, [MAY]).of(MAY, "others").same_files
