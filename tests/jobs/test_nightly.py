"""A night on a copy of the shared lake: fired twice, killed and started again, delivered again, two at once.

A process kills itself right after a table is written, so that each kill is in the middle of a verb, every time.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from jobs import nightly
from jobs.__main__ import main
from jobs.lake.job import Job
from jobs.lake.one_writer import Holder, LockFile, read_holder
from jobs.lake.overview import overview
from jobs.lake.step_log import Outcome, steps_of
from jobs.lake.tables import (
    CATALOGUE,
    CHECKS,
    DECISIONS,
    DELIVERIES,
    EXPECTATIONS,
    EXPLANATIONS,
    FEATURES,
    SCORES,
    STEPS,
    Lake,
    source_table,
)
from jobs.monitor import monitor
from jobs.registry.store import connect
from jobs.runtime.errors import LimitPassed
from jobs.runtime.settings import load_settings
from tests.line import RUN_DATE, fingerprint, read_csv, write_csv
from tests.processes import run_python

NEW, DAY = 12, date(2018, 6, 17)
KILLED = """
import os, signal, sys
from jobs.__main__ import main
from jobs.lake.delta_tables import DeltaTables
table, *words = sys.argv[1:]
save = DeltaTables.save
def save_and_die(self, writer, name):
    save(self, writer, name)
    if name == table:
        os.kill(os.getpid(), signal.SIGKILL)
DeltaTables.save = save_and_die
main(words)
"""


@dataclass(frozen=True)
class Night:
    """A lake with a champion, and a delivery of a few new applicants that it does not hold yet."""

    lake: Lake
    delivery: Path
    day: date = DAY

    @property
    def words(self) -> tuple[str, ...]:
        where = ("--input", str(self.delivery), "--lake", self.lake.root)
        return ("nightly", *where, "--run-date", self.day.isoformat())

    def fire(self, *more: str) -> int:
        return main((*self.words, *more))

    def killed_after(self, table: str) -> None:
        """In a process of its own, right after its first write of the table."""
        ended = run_python("-c", KILLED, table, *self.words)
        assert ended.returncode == -9, ended.stderr[-3000:]

    def probabilities(self) -> pd.Series:
        scores = self.lake.read_run_date(SCORES, self.day).select("SK_ID_CURR", "probability", "model_version")
        assert scores.select("model_version").distinct().count() == 1
        return scores.toPandas().set_index("SK_ID_CURR")["probability"].sort_index()


def few_new(source: Path, target: Path) -> None:
    """The first new applicants of a delivery, and their histories."""
    target.mkdir()
    header, rows = read_csv(source / "application_test.csv")
    key = header.index("SK_ID_CURR")
    few = {row[key] for row in rows[:NEW]}
    loans: set[str] = set()
    for file in sorted(source.glob("*.csv")):
        header, rows = read_csv(file)
        if file.stem == "application_train":
            continue
        if "SK_ID_CURR" in header:
            rows = [row for row in rows if row[header.index("SK_ID_CURR")] in few]
        else:
            rows = [row for row in rows if row[header.index("SK_ID_BUREAU")] in loans]
        if file.stem == "bureau":
            loans = {row[header.index("SK_ID_BUREAU")] for row in rows}
        write_csv(target / file.name, header, rows)


def a_night(spark: SparkSession, demo_lake: Path, folder: Path) -> Night:
    shutil.copytree(demo_lake, folder / "lake")
    few_new(demo_lake.parent / "delivery", folder / "delivery")
    return Night(Lake(str(folder / "lake"), spark), folder / "delivery")


@pytest.fixture(scope="module")
def night(spark: SparkSession, demo_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Night:
    return a_night(spark, demo_lake, tmp_path_factory.mktemp("night"))


@pytest.fixture(scope="module")
def taken_up(night: Night) -> Night:
    """Killed in the middle of `ingest` and of `score`, then started again."""
    night.killed_after(source_table("bureau"))
    night.killed_after(SCORES)
    assert night.fire() == 0
    return night


@pytest.fixture(scope="module", autouse=True)
def unwatched() -> Iterator[None]:
    """Nobody looks at the scores, but in the tests that say so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nightly, "WATCHES", {})
        yield


def as_told(night: Night) -> list[tuple[str, str]]:
    return [(step.verb, str(step.outcome)) for step in steps_of(night.lake, [night.day])]


def test_a_night_that_was_killed_is_taken_up_and_leaves_what_an_undisturbed_one_leaves(
    taken_up: Night, spark: SparkSession, demo_lake: Path
) -> None:
    undisturbed = Night(Lake(str(demo_lake), spark), taken_up.delivery, date.fromisoformat(RUN_DATE)).probabilities()
    probabilities = taken_up.probabilities()
    assert len(probabilities) == NEW
    assert probabilities.equals(undisturbed[probabilities.index])
    assert taken_up.lake.read_run_date(EXPLANATIONS, DAY).count() == NEW
    assert as_told(taken_up) == [
        ("nightly", "killed"),
        ("ingest", "done"),
        ("assemble", "done"),
        ("nightly", "killed"),
        ("score", "done"),
        ("explain", "done"),
        ("nightly", "done"),
    ]


def test_a_night_that_is_fired_again_says_so_in_a_line_and_writes_nothing(
    taken_up: Night, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    before = fingerprint(spark, Path(taken_up.lake.root))
    assert taken_up.fire() == 0
    told = capsys.readouterr()
    assert (told.out, len(told.err.splitlines())) == ("", 1)
    assert told.err.endswith("2018-06-17 is done and its files are the same: nothing to do\n")
    assert fingerprint(spark, Path(taken_up.lake.root)) == before


def test_after_a_run_nothing_is_left_not_even_to_learn(
    night: Night, demo_lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Night(night.lake, demo_lake.parent / "delivery", date.fromisoformat(RUN_DATE))
    assert ran.fire("--retrain") == 0
    assert "nothing to do" in capsys.readouterr().err


def test_who_finds_another_night_at_work_ends_with_6_and_its_name(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    other = LockFile.take(Path(night.lake.root), Holder.here("nightly", DAY))
    try:
        assert night.fire() == 6
    finally:
        other.let_go()
    assert f"is being written by nightly of 2018-06-17 (process {other_process()} on " in capsys.readouterr().err


def other_process() -> int:
    return Holder.here("nightly", DAY).process


@pytest.fixture
def limit_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at the scores finds that they moved."""

    def look(job: Job) -> None:
        with job.step("watch"):
            job.lake.read_run_date(SCORES, job.run_date)
            raise LimitPassed("the scores moved: PSI 0.31, more than 0.25")

    monkeypatch.setattr(nightly, "WATCHES", {"watch": look})


def test_a_night_whose_champion_has_no_reference_ends_with_7_and_says_who_is_not_watched(
    taken_up: Night, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The champion's run is in no store that this lake knows, as where its model was registered elsewhere."""
    versions = connect(taken_up.lake.address, load_settings("local").mlflow).versions
    champion = versions.need_champion()
    monkeypatch.setattr(nightly, "WATCHES", {"monitor": monitor})
    versions.tag_version(champion, {"run_id": "0" * 32})
    try:
        for _ in range(2):  # a night that nobody watched is left to be watched
            assert taken_up.fire() == 7
            (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("nightly: ")]
            assert told.startswith("nightly: the scores of 2018-06-17 stand, and `monitor` can't watch them: version 1")
            assert "`train` and `register` a model" in told
        assert as_told(taken_up)[-2:] == [("monitor", "refused"), ("nightly", "limit passed")]
        where = ("--lake", taken_up.lake.root, "--run-date", taken_up.day.isoformat())
        assert main(("monitor", *where)) == 2
        assert capsys.readouterr().err.splitlines()[-1].startswith("monitor: version 1 has nothing that it could be")
        assert main(("status", "--lake", taken_up.lake.root)) == 0
        assert "AUC unknown" in capsys.readouterr().out
    finally:
        versions.tag_version(champion, {"run_id": champion.run_id})


def test_a_night_that_nobody_has_watched_is_watched_alone(
    taken_up: Night, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nightly, "WATCHES", {"monitor": monitor})
    before = taken_up.lake.version(SCORES)
    assert taken_up.fire() in (0, LimitPassed.exit_code)  # twelve applicants may be anybody
    assert "2018-06-17: monitor left to do" in capsys.readouterr().err
    assert taken_up.lake.version(SCORES) == before
    assert [verb for verb, _ in as_told(taken_up)[-2:]] == ["monitor", "nightly"]


@pytest.mark.usefixtures("limit_passed")
def test_a_limit_that_is_passed_ends_with_7_when_all_is_written_and_is_told_once(
    taken_up: Night, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = taken_up.lake.version(SCORES)
    assert taken_up.fire("--export", str(tmp_path)) == 7
    assert "nightly: the scores moved: PSI 0.31, more than 0.25" in capsys.readouterr().err
    assert taken_up.lake.version(SCORES) == before
    assert len((tmp_path / "scores-2018-06-17.csv").read_text().splitlines()) == NEW + 1
    assert as_told(taken_up)[-3:] == [("watch", "limit passed"), ("export", "done"), ("nightly", "limit passed")]
    assert taken_up.fire("--export", str(tmp_path)) == 0
    assert "nothing to do" in capsys.readouterr().err


def test_a_delivery_that_comes_again_with_another_row_is_done_again(taken_up: Night) -> None:
    before = taken_up.probabilities()
    header, rows = read_csv(taken_up.delivery / "application_test.csv")
    whose, what = int(rows[0][header.index("SK_ID_CURR")]), header.index("EXT_SOURCE_2")
    rows[0][what] = "0.01"
    write_csv(taken_up.delivery / "application_test.csv", header, rows)
    assert taken_up.fire() == 0
    after = taken_up.probabilities()
    assert [applicant for applicant in before.index if before[applicant] != after[applicant]] == [whose]
    assert after[whose] > before[whose]
    assert [verb for verb, _ in as_told(taken_up)[-5:]] == ["ingest", "assemble", "score", "explain", "nightly"]


def test_a_night_needs_a_champion_and_takes_nothing_without(
    night: Night, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = Night(Lake(str(tmp_path / "lake"), night.lake.spark), night.delivery)
    assert empty.fire() == 2
    assert "there is no champion yet to score with" in capsys.readouterr().err
    assert not empty.lake.exists(DELIVERIES)


INGESTED = (source_table("application"), source_table("credit_card_balance"), CHECKS, DELIVERIES)
KILLED_AFTER = (*INGESTED, STEPS, CATALOGUE, FEATURES, SCORES, EXPECTATIONS, DECISIONS, EXPLANATIONS)
"""Of the tables that a night writes, in order: of what `ingest` writes the first, the last and what comes then."""


def holder_of(lake: Lake) -> str:
    """Whom the lock names, and whether he still holds it."""
    with Path(lake.root, ".lock").open() as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return "held"
        return f"free, names {who.verb}" if (who := read_holder(file)) else "free"


def word_of_status(night: Night) -> str:
    """How `status` calls the night."""
    delivery = next((found for found in overview(night.lake) if found.run_date == night.day), None)
    if delivery is None:
        return "not listed"
    return f"{delivery.last.verb} {delivery.last.outcome}" if delivery.last else "listed, no step"


def tables_with(night: Night) -> list[str]:
    """Which of the tables of `KILLED_AFTER` have rows of the night."""
    there = (name for name in KILLED_AFTER if night.lake.exists(name))
    return [name for name in there if not night.lake.read_run_date(name, night.day).isEmpty()]


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("place", "table"), enumerate(KILLED_AFTER, start=1))
def test_a_night_that_is_killed_after_a_table_is_taken_up_whichever_that_is(
    night: Night, spark: SparkSession, demo_lake: Path, place: int, table: str
) -> None:
    """The same delivery under a date of its own each time: nothing of it is in the lake."""
    there = replace(night, day=DAY + timedelta(days=place))
    undisturbed = Night(Lake(str(demo_lake), spark), there.delivery, date.fromisoformat(RUN_DATE)).probabilities()
    there.killed_after(table)
    left = ", ".join(tables_with(there)), holder_of(there.lake), word_of_status(there)
    ended = there.fire()
    probabilities = there.probabilities()
    is_same = probabilities.equals(undisturbed[probabilities.index])
    explained = there.lake.read_run_date(EXPLANATIONS, there.day).count()
    print(
        "\n|", " | ".join([f"killed after {table}", *left, str(ended), str(is_same), str(explained)]), "|", flush=True
    )
    assert (ended, is_same, len(probabilities), explained) == (0, True, NEW, NEW)
    told = as_told(there)
    assert told[-1] == ("nightly", "done")
    assert [outcome for _, outcome in told].count(Outcome.KILLED) == 1
