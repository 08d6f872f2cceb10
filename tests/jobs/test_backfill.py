"""Nights that were missed: what is planned, and what becomes of the others where one is broken."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import backfill
from jobs.__main__ import main
from jobs.backfill import Plan, plan_of, spans
from jobs.lake.delivery_files import fingerprint, fingerprints, open_folder
from jobs.lake.job import Job
from jobs.nightly import Asked
from jobs.runtime.errors import ContractBroken, LimitPassed

FIRST, SECOND, THIRD = (date(2018, 5, day) for day in (17, 18, 19))


def deliveries(root: Path, *days: str) -> str:
    for day in days:
        (root / day / "of day" / "bureau.csv").mkdir(parents=True)
        (root / day / "of day" / "bureau.csv" / "part-0.csv").write_text("a,b\n")
    return f"{root}/{{run_date}}/of day"


def test_days_that_follow_each_other_are_one_span() -> None:
    days = [date(2018, 12, 30), date(2018, 12, 31), date(2019, 1, 1), date(2019, 1, 5)]
    assert list(spans(days)) == [(days[0], days[2]), (days[3], days[3])]
    assert list(spans([])) == []


def test_a_plan_says_what_is_left_and_what_is_missing() -> None:
    plan = Plan({FIRST: (), SECOND: ("score", "explain")}, (THIRD, date(2018, 5, 20), date(2018, 5, 25)))
    assert list(plan.lines()) == [
        "2018-05-17  done",
        "2018-05-18  score, explain",
        "2018-05-19 to 2018-05-20  no delivery",
        "2018-05-25  no delivery",
        "1 nights to do, 1 done, 3 dates without a delivery",
    ]


def test_every_delivery_beside_one_is_told_from_others_by_its_files(spark: SparkSession, tmp_path: Path) -> None:
    root = tmp_path / "deliveries [of] 2018"
    source = deliveries(root, "2018-05-17", "2018-05-19", "2018-02-31", "late")
    addresses = {day: str(root / day.isoformat() / "of day") for day in (FIRST, SECOND, THIRD)}
    there = fingerprints(spark, addresses[SECOND], SECOND)
    assert there.keys() == {FIRST, THIRD}
    assert there[FIRST] == fingerprint(open_folder(spark, addresses[FIRST]))
    (root / "2018-05-17" / "of day" / "bureau.csv" / "part-0.csv").write_text("a,b\n1,2\n")
    again = fingerprints(spark, addresses[FIRST], FIRST)
    assert again[FIRST] != there[FIRST]
    assert again[THIRD] == there[THIRD]
    assert fingerprints(spark, str(tmp_path / "nowhere" / "2018-05-17"), FIRST) == {}
    assert source.endswith("{run_date}/of day")


def test_a_span_is_planned_from_the_lake_and_from_what_is_delivered(job: Job, tmp_path: Path) -> None:
    source = deliveries(tmp_path / "root", "2018-05-17", "2018-05-19")
    plan = plan_of(job, source, THIRD)
    assert plan.left.keys() == {FIRST, THIRD}
    assert plan.left[THIRD][:4] == ("ingest", "assemble", "score", "explain")
    assert plan.missing == (SECOND,)


@pytest.fixture
def fired(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """The nights that were fired: the first one's delivery is broken, a limit is passed in the second."""
    days: list[date] = []
    ends: Mapping[date, Exception] = {FIRST: ContractBroken("bureau is empty"), SECOND: LimitPassed("PSI 0.3")}

    def fire(job: Job, source: str, asked: Asked) -> None:
        assert source.endswith(f"/{job.run_date}/of day")
        assert asked == Asked()
        days.append(job.run_date)
        if job.run_date in ends:
            raise ends[job.run_date]

    monkeypatch.setattr(backfill, "nightly", fire)
    return days


def test_a_broken_delivery_is_told_when_the_others_are_done(
    job: Job, tmp_path: Path, fired: list[date], capsys: pytest.CaptureFixture[str]
) -> None:
    source = deliveries(tmp_path / "root", "2018-05-17", "2018-05-18", "2018-05-19")
    words = ("backfill", "--lake", job.lake.root, "--input", source, "--to", "2018-05-19")
    assert main((*words, "--from", "2018-05-17", "--dry-run")) == 0
    assert "3 nights to do, 0 done, 0 dates without a delivery" in capsys.readouterr().out
    assert fired == []
    assert main((*words, "--from", "2018-05-17")) == 3
    assert fired == [FIRST, SECOND, THIRD]
    told = capsys.readouterr().err
    assert "backfill: 2018-05-17: bureau is empty\n2018-05-18: PSI 0.3" in told
    assert main((*words, "--from", "2018-05-18")) == 7


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "2018-05-18", "--to", "2018-05-17", "--input", "x/{run_date}"), "write the earlier date first"),
        (("--from", "May", "--to", "2018-05-17", "--input", "x/{run_date}"), "--from May is not a date"),
        (("--from", "2018-05-17", "--to", "2018-05-17", "--input", "x"), "write {run_date} where the date stands"),
    ],
)
def test_a_span_that_can_not_be_meant_is_refused_before_any_work(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(("backfill", *words)) == 2
    assert told in capsys.readouterr().err
