"""What `status` finds stale, and what it prints of a lake."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from jobs.lake.contents import count_rows
from jobs.lake.step_log import Outcome, StepRun, latest_steps
from jobs.lake.tables import CHECKS, DELIVERIES, SCORES, STEPS, Lake
from jobs.model.measures import Interval
from jobs.promotion.succession import Promotion
from jobs.runtime.addresses import list_files
from jobs.runtime.settings import Settings
from jobs.status import Version, promotions_table, stale_scores, stale_steps, status

MAY, JUNE = date(2018, 5, 17), date(2018, 6, 17)
CHAMPION = Version("home-credit-default", 2, "new", "run-2", Interval(0.78, 0.01, 0.76, 0.80), "passed")


def ran(run_date: date, *verbs: str) -> list[StepRun]:
    """The steps of a run_date, one a minute."""
    return [StepRun(run_date, verb, datetime(2026, 1, 1, 12, minute), 1.0) for minute, verb in enumerate(verbs)]


def test_a_line_that_ran_in_order_is_fresh():
    assert list(stale_steps(ran(MAY, "ingest", "assemble", "train", "score", "explain", "report"), MAY)) == []


def test_a_step_is_stale_when_the_one_before_it_ran_again():
    steps = [*ran(MAY, "assemble", "score", "ingest", "explain"), *ran(JUNE, "ingest", "assemble")]
    assert list(stale_steps(steps, JUNE)) == []
    assert list(stale_steps(steps, MAY)) == ["2018-05-17: `ingest` ran after `assemble`: run `assemble` again"]


def test_scores_of_another_model_are_stale():
    assert list(stale_scores({MAY: frozenset({"old"}), JUNE: frozenset({"new"})}, CHAMPION)) == [
        "2018-05-17: scored by another model than the champion: run `score` and `explain` again"
    ]
    assert list(stale_scores({MAY: frozenset({"old"})}, None)) == []


def test_the_last_changes_of_champion_are_shown_newest_first(capsys: pytest.CaptureFixture[str]):
    changes = [
        Promotion(
            datetime(2026, 1, 1, 12, minute), "promote", "anna", minute or None, minute + 1, "hash", "[b] is better"
        )
        for minute in range(7)
    ]
    Console(width=120).print(promotions_table(changes))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("anna")[1].split() for line in lines if "anna" in line] == [
        [str(before), "to", str(before + 1), "[b]", "is", "better"] for before in (6, 5, 4, 3, 2)
    ]
    Console(width=120).print(promotions_table(changes[:1]))
    assert "none to 1" in capsys.readouterr().out


def test_an_empty_lake_says_what_to_do(lake: Lake, settings: Settings, capsys: pytest.CaptureFixture[str]):
    status(lake, settings.mlflow)
    assert "run `ingest` first" in capsys.readouterr().out
    assert not Path(lake.root).exists()


def test_the_latest_run_of_each_step_counts(lake: Lake):
    rows = [
        (MAY, verb, datetime(2026, 1, 1, hour), 1.0) for hour, verb in ((9, "ingest"), (8, "assemble"), (7, "ingest"))
    ]
    schema = "run_date DATE, verb STRING, finished TIMESTAMP, seconds DOUBLE"
    lake.append(STEPS, lake.spark.createDataFrame(rows, schema))
    assert [(step.verb, step.finished.hour) for step in latest_steps(lake)] == [("assemble", 8), ("ingest", 9)]


def add_nights(lake: Lake, first: int, nights: int) -> None:
    """A delivery a day, ingested and scored, the last one refused afterwards."""
    spark, days = lake.spark, [JUNE + timedelta(days=day) for day in range(first, first + nights)]

    def write(table: str, rows: list[tuple[object, ...]], schema: str) -> None:
        lake.append(table, spark.createDataFrame(rows, schema))

    write(
        DELIVERIES,
        [(day, f"/deliveries/{day}", '{"application": 0}') for day in days],
        "run_date DATE, source STRING, versions STRING",
    )
    counts = [(day, "application", check, rows) for day in days for check, rows in (("accepted", 90), ("refused", 2))]
    write(CHECKS, counts, "run_date DATE, source STRING, check STRING, rows BIGINT")
    write(SCORES, [(day, "new") for day in days], "run_date DATE, model_sha256 STRING")
    for number, day in enumerate(days):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=first + number)
        measures = {"applicants": 40.0, "scored": 39.0, "declined": 7.0}
        StepRun(day, "score", at, 1.0, writes={"scores": 3}, model_version=2, measures=measures).append_to(lake)
    late = at + timedelta(hours=1)
    why = "the delivery breaks its contract"
    refused = StepRun(days[-1], "ingest", late, 1.0, outcome=Outcome.REFUSED, exit_code=3, reason=why)
    refused.append_to(lake)


def test_nights_are_shown_newest_first_by_as_many_listings_however_many_there_are(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    listings: list[str] = []

    def counted(spark: SparkSession, address: str, pattern: str) -> list[str]:
        listings.append(address)
        return list_files(spark, address, pattern)

    monkeypatch.setattr("jobs.lake.delta_tables.list_files", counted)
    monkeypatch.setattr("jobs.status.find_versions", lambda *_: (CHAMPION, None))
    add_nights(lake, 0, 2)
    listings.clear()
    status(lake, settings.mlflow)
    few, _ = len(listings), capsys.readouterr()
    add_nights(lake, 2, 11)
    listings.clear()
    status(lake, settings.mlflow)
    assert len(listings) == few <= 12
    said = capsys.readouterr().out
    assert "Nights, the newest 10 of 13" in said
    lines = said.splitlines()
    newest = next(place for place, line in enumerate(lines) if line.split()[:1] == ["2018-06-29"])
    night = "2018-06-29 2026-01-13 01:00 ingest refused 90 2 40 39 7 2 the delivery breaks its contract"
    assert lines[newest].split() == night.split()
    assert lines[newest + 1].split()[0] == "2018-06-28"
    assert "2018-06-17" not in said
    status(lake, settings.mlflow, None)
    assert "2018-06-17" in capsys.readouterr().out


def test_rows_are_counted_in_one_query(spark: SparkSession):
    assert count_rows({"three": spark.range(3), "none": spark.range(0)}) == {"three": 3, "none": 0}
    assert count_rows({}) == {}


def test_a_filled_lake_is_described(
    spark: SparkSession, demo_lake: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
):
    status(Lake(str(demo_lake), spark), settings.mlflow)
    said = capsys.readouterr().out
    for expected in ("Delivery 2018-05-17", "installments_payments", "explanations", "report", "Nothing is stale."):
        assert expected in said
    assert "home-credit-default version 1, AUC 0." in said
    assert "none to 1" in said
    assert "no gate refused it" in said
    assert "Challenger" not in said
