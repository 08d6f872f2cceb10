"""What `status` finds stale, and what it prints of a lake."""

from datetime import date, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from jobs.lake.contents import StepRun, count_rows, latest_steps
from jobs.lake.tables import STEPS, Lake
from jobs.model.measures import Interval
from jobs.promotion.succession import Promotion
from jobs.runtime.settings import Settings
from jobs.status import Version, promotions_table, stale_scores, stale_steps, status

MAY, JUNE = date(2018, 5, 17), date(2018, 6, 17)
CHAMPION = Version("home-credit-default", 2, "new", "run-2", Interval(0.78, 0.01, 0.76, 0.80), "passed")


def ran(run_date: date, *verbs: str) -> list[StepRun]:
    """The steps of a run_date, one a minute."""
    return [StepRun(run_date, verb, datetime(2026, 1, 1, 12, minute), 1.0) for minute, verb in enumerate(verbs)]


def test_a_line_that_ran_in_order_is_fresh():
    assert list(stale_steps(ran(MAY, "ingest", "assemble", "train", "score", "explain", "report"))) == []


def test_a_step_is_stale_when_the_one_before_it_ran_again():
    steps = [*ran(MAY, "assemble", "score", "ingest", "explain"), *ran(JUNE, "ingest", "assemble")]
    assert list(stale_steps(steps)) == ["2018-05-17: `ingest` ran after `assemble`: run `assemble` again"]


def test_scores_of_another_model_are_stale():
    assert list(stale_scores({MAY: {"old"}, JUNE: {"new"}}, CHAMPION)) == [
        "2018-05-17: scored by another model than the champion: run `score` and `explain` again"
    ]
    assert list(stale_scores({MAY: {"old"}}, None)) == []


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
