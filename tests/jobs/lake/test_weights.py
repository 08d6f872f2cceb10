"""How many applicants a labelled one stands for: read from the delivery, refused where nobody could tell."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.ingest import ingest
from jobs.lake.job import Job
from jobs.lake.tables import Lake, quarantine_table, source_table
from jobs.lake.weights import with_weights
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Settings, load_settings
from jobs.scoring.test_applicants import read_audited
from tests.deliveries import ANNA, BRUNO, CLARA, delivery, row, write_delivery

RUN_DATE = date(2018, 5, 17)
APPLICANT = "SK_ID_CURR BIGINT, TARGET BIGINT"


def labelled(lake: Lake, weights: Mapping[int, float | None]) -> DataFrame:
    """Labelled applicants, whose delivery says so."""
    rows = [(key, 0, weight) for key, weight in weights.items()] + [(99, None, None)]
    frame = lake.spark.createDataFrame(rows, f"{APPLICANT}, SAMPLE_WEIGHT DOUBLE")
    version = lake.replace(source_table("application"), frame, RUN_DATE)
    lake.record_delivery(RUN_DATE, "made up", {"application": version})
    return frame.where("TARGET is not null").select("SK_ID_CURR", "TARGET")


def weighed(lake: Lake, weights: Mapping[int, float | None]) -> dict[int, float]:
    """The weights in units of their mean."""
    rows = with_weights(labelled(lake, weights), lake, RUN_DATE, "SAMPLE_WEIGHT").collect()
    return {each["SK_ID_CURR"]: each["SAMPLE_WEIGHT"] for each in rows}


def test_weights_are_in_units_of_their_mean_and_who_stands_for_nobody_is_left_out(lake: Lake) -> None:
    assert weighed(lake, {1: 30.0, 2: 10.0, 3: 0.0, 4: 20.0}) == {1: 1.5, 2: 0.5, 4: 1.0}
    assert weighed(lake, {1: 3.0, 2: 3.0}) == {1: 1.0, 2: 1.0}


def test_without_a_column_each_stands_for_one(lake: Lake, spark: SparkSession) -> None:
    rows = spark.createDataFrame([(1, 0), (2, 1)], APPLICANT)
    assert [each["SAMPLE_WEIGHT"] for each in with_weights(rows, lake, RUN_DATE, "").collect()] == [1.0, 1.0]


REFUSED: dict[str, tuple[dict[int, float | None], str]] = {
    "one is empty": (
        {1: 2.0, 2: None, 3: None},
        "SAMPLE_WEIGHT is empty for 2 of 3 labelled applicants of 2018-05-17, such as 2: write 1 for who stands for "
        "one, 0 for who is to be left out, or train without weights by --set train.weight=",
    ),
    "all are empty": (
        {1: None, 2: None},
        "train.weight names SAMPLE_WEIGHT, which application_train.csv of 2018-05-17 came without: ingest it with the "
        "column, or train without weights by --set train.weight=",
    ),
    "all are 0": (
        {1: 0.0, 2: 0.0},
        "SAMPLE_WEIGHT is 0 for all 2 labelled applicants of 2018-05-17, so that nobody is left to learn from: write "
        "above 0 how many each stands for, or train without weights by --set train.weight=",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_weights_that_cannot_be_meant_are_refused(lake: Lake, what: str) -> None:
    weights, expected = REFUSED[what]
    with pytest.raises(UserError) as refused:
        weighed(lake, weights)
    assert str(refused.value) == expected


def test_a_lake_of_before_the_column_has_no_weights(lake: Lake, spark: SparkSession) -> None:
    rows = spark.createDataFrame([(1, 0)], APPLICANT)
    version = lake.replace(source_table("application"), rows, RUN_DATE)
    lake.record_delivery(RUN_DATE, "made up", {"application": version})
    with pytest.raises(UserError, match=r"which application_train.csv of 2018-05-17 came without"):
        with_weights(rows, lake, RUN_DATE, "SAMPLE_WEIGHT")


def test_outcomes_of_earlier_deliveries_have_no_weight_to_learn_with() -> None:
    with pytest.raises(UserError, match="learns from applicants who came without SAMPLE_WEIGHT: leave one of both out"):
        load_settings(overrides=("train.weight=SAMPLE_WEIGHT", "train.matured_outcomes=true"))
    with pytest.raises(UserError, match=r"setting train.weight: Input should be '' or 'SAMPLE_WEIGHT', not 'EXT'"):
        load_settings(overrides=("train.weight=EXT",))
    assert load_settings(overrides=("train.weight=",)).train.weight == ""


def test_a_lender_adds_the_column_to_a_later_delivery(job: Job, settings: Settings, tmp_path: Path) -> None:
    """The lake has deliveries without it. application_test.csv has none; a negative weight is no weight."""
    job = Job(
        job.lake,
        RUN_DATE,
        settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"refused_share": 0.5})}),
    )
    ingest(job, str(write_delivery(tmp_path / "without", delivery())))
    weighted = delivery()
    weighted["application_train"] = [
        row("application_train", SK_ID_CURR=ANNA, TARGET="1", SAMPLE_WEIGHT="2.5"),
        row("application_train", SK_ID_CURR=BRUNO, TARGET="0", SAMPLE_WEIGHT="0.5"),
        row("application_train", SK_ID_CURR="100004", TARGET="0", SAMPLE_WEIGHT="-1"),
    ]
    later = Job(job.lake, date(2018, 6, 17), job.settings)
    ingest(later, str(write_delivery(tmp_path / "with", weighted)))
    kept = later.lake.read_run_date(source_table("application"), later.run_date)
    assert {each["SK_ID_CURR"]: each["SAMPLE_WEIGHT"] for each in kept.collect()} == {
        int(ANNA): 2.5,
        int(BRUNO): 0.5,
        int(CLARA): None,
    }
    (refused,) = later.lake.read_run_date(quarantine_table("application"), later.run_date).collect()
    assert [tuple(error) for error in refused["_errors"]] == [("SAMPLE_WEIGHT", "-1", "is below 0")]
    audited = read_audited(later.lake, later.run_date, "SAMPLE_WEIGHT").set_index("SK_ID_CURR")
    assert audited["SAMPLE_WEIGHT"].to_dict() == {int(ANNA): 2.5 / 1.5, int(BRUNO): 0.5 / 1.5}
    with pytest.raises(UserError, match="of 2018-05-17 came without"):
        read_audited(job.lake, RUN_DATE, "SAMPLE_WEIGHT")
    assert set(read_audited(job.lake, RUN_DATE, "")["SAMPLE_WEIGHT"]) == {1.0}
