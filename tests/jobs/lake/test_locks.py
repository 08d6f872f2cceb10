"""Who may write into a lake: one process at a time, by a file on this machine and by a lease elsewhere."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.lake import one_writer
from jobs.lake.delta_tables import DeltaTables
from jobs.lake.job import Job
from jobs.lake.lease import LEASE, LOCK, Lease, LeaseLock
from jobs.lake.one_writer import Holder, LockFile, held_once, waiting
from jobs.lake.step_log import Outcome, steps_of
from jobs.lake.tables import Lake
from jobs.runtime.errors import TryAgain
from jobs.runtime.session import SPARK

DAY = date(2018, 5, 17)
HOLDER = Holder.here("nightly", DAY)
HOLDING = """
import sys, time
from datetime import date
from pathlib import Path
from jobs.lake.one_writer import Holder, LockFile
lock = LockFile.take(Path(sys.argv[1]), Holder.here("train", date(2018, 5, 17)))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def another(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the folder's lock and does not let go."""
    words = [sys.executable, "-c", HOLDING, str(tmp_path / "lake")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_whoever_finds_a_lake_locked_is_told_by_whom(tmp_path: Path, another: subprocess.Popen[str]) -> None:
    with pytest.raises(TryAgain) as locked:
        LockFile.take(tmp_path / "lake", Holder.here("score", DAY))
    assert f"written by train of 2018-05-17 (process {another.pid} on " in str(locked.value)
    assert "--wait MINUTES" in str(locked.value)


def test_a_holder_that_was_killed_holds_nothing_and_is_named(tmp_path: Path, another: subprocess.Popen[str]) -> None:
    another.kill()
    another.wait()
    lock = LockFile.take(tmp_path / "lake", Holder.here("score", DAY))
    assert lock.gone is not None
    assert (lock.gone.verb, lock.gone.run_date, lock.gone.process) == ("train", DAY, another.pid)
    lock.let_go()
    again = LockFile.take(tmp_path / "lake", Holder.here("score", DAY))
    assert again.gone is None
    again.let_go()


def test_who_waits_has_it_when_the_other_is_gone(
    tmp_path: Path, another: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_writer, "LOOK_SECONDS", 0.01)
    lines: list[str] = []

    def told(line: str) -> None:
        lines.append(line)
        another.kill()

    lock = waiting(lambda: LockFile.take(tmp_path / "lake", Holder.here("score", DAY)), 1, told)
    lock.let_go()
    assert len(lines) == 1
    assert lines[0].startswith("waiting: ")


def test_who_waits_gives_up_when_the_minutes_are_over(tmp_path: Path, another: subprocess.Popen[str]) -> None:
    assert another.poll() is None
    began = time.monotonic()
    with pytest.raises(TryAgain, match="train of 2018-05-17"):
        waiting(lambda: LockFile.take(tmp_path / "lake", Holder.here("score", DAY)), 0.2 / 60, lambda _: None)
    assert 0.2 <= time.monotonic() - began < 5


def test_a_line_of_verbs_holds_its_lock_once() -> None:
    with held_once("lake") as outer, held_once("lake") as inner:
        assert (outer, inner) == (True, False)
    with held_once("lake") as again:
        assert again


def lease(lake: Lake, verb: str) -> LeaseLock:
    return LeaseLock(lake, Holder.here(verb, DAY))


def test_a_lease_is_held_by_one_and_named_to_the_other(lake: Lake) -> None:
    first, second = lease(lake, "nightly"), lease(lake, "promote")
    first.take()
    with pytest.raises(TryAgain, match=r"written by nightly of 2018-05-17 \(process \d+ on "):
        second.take()
    first.let_go()
    assert second.take().gone is None
    second.renew()
    assert second.lost is None
    second.let_go()


def test_a_lease_that_was_not_renewed_runs_out_and_its_holder_finds_out(lake: Lake) -> None:
    slept, second = lease(lake, "nightly"), lease(lake, "promote")
    slept.take()
    there = slept.current()
    assert there is not None
    slept.write(replace(there, renewed=there.renewed - LEASE - timedelta(seconds=1)))
    assert second.take().gone == slept.holder
    slept.renew()
    assert "promote of 2018-05-17" in str(slept.lost)
    slept.let_go()  # what it does not hold it leaves
    second.check()


@pytest.mark.spark
@pytest.mark.parametrize("there_is_a_table", [False, True])
def test_of_two_that_have_seen_a_free_lake_one_has_the_lease(lake: Lake, there_is_a_table: bool) -> None:
    first, second = lease(lake, "nightly"), lease(lake, "promote")
    if there_is_a_table:
        second.take()
        second.let_go()
    assert first.current() is second.current() is None
    first.write(Lease(first.token, first.holder, first.holder.since))
    with pytest.raises(TryAgain):
        second.write(Lease(second.token, second.holder, second.holder.since))
    first.check()


@pytest.mark.spark
def test_who_commits_too_late_is_told_who_was_first(lake: Lake) -> None:
    first = lease(lake, "nightly")

    class Late(LeaseLock):
        def write(self, lease: Lease | None) -> None:
            first.take()
            super().write(lease)

    with pytest.raises(TryAgain, match="written by nightly of 2018-05-17"):
        Late(lake, Holder.here("promote", DAY)).take()


def test_where_commits_are_written_over_who_has_the_lease_is_whose_commit_stays(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lake, "may_lose_commits", True)
    monkeypatch.setattr("jobs.lake.lease.SETTLE_SECONDS", 0.0)
    second = lease(Lake(str(tmp_path / "beside"), lake.spark), "promote")

    class WrittenOver(LeaseLock):
        def write(self, lease: Lease | None) -> None:
            super().write(lease)
            shutil.copytree(second.tables.path(LOCK), self.tables.path(LOCK), dirs_exist_ok=True)

    second.take()
    first = WrittenOver(lake, HOLDER)
    with pytest.raises(TryAgain, match="written by promote of 2018-05-17"):
        first.take()
    assert first.current() == second.current()


@pytest.mark.spark
def test_of_two_that_commit_at_once_one_has_the_lease(lake: Lake) -> None:
    locks = [LeaseLock(DeltaTables(lake.root, SPARK.own_session(lake.spark)), HOLDER) for _ in range(3)]
    locks[0].take()
    locks[0].let_go()

    def taken(lock: LeaseLock) -> bool:
        try:
            lock.take()
        except TryAgain:
            return False
        return True

    with ThreadPoolExecutor(len(locks)) as pool:
        assert sum(pool.map(taken, locks)) == 1


def test_one_that_was_killed_gets_its_row_by_the_one_that_comes_after(
    job: Job, another: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert Path(job.lake.root) == tmp_path / "lake"
    another.kill()
    another.wait()
    with job.step("score"):
        pass
    assert [(step.verb, step.outcome) for step in steps_of(job.lake, [DAY])] == [
        ("train", Outcome.KILLED),
        ("score", Outcome.DONE),
    ]
