"""Earlier deliveries' outcomes as labels: only what was known by the run date, with features as they were."""

from datetime import date

import pytest
from pyspark.sql import SparkSession

from jobs.lake import folds
from jobs.lake.job import Job
from jobs.lake.tables import FEATURES, OUTCOMES, Lake
from jobs.runtime.settings import Settings
from jobs.training.matured_outcomes import with_matured

FIRST, SECOND, NOW = date(2018, 5, 17), date(2018, 6, 17), date(2018, 12, 17)
EARLY, LATE, AFTER, HERE, TWICE, OTHER_SET = 1, 2, 3, 4, 5, 6


@pytest.fixture
def lender(spark: SparkSession, lake: Lake, settings: Settings) -> Job:
    """Two deliveries of before and one of now; all in training folds, but those of `tests` below."""
    split = settings.split.model_copy(update={"test_folds": 1, "folds": 1000})
    job = Job(lake, NOW, settings.model_copy(update={"split": split}))

    def features(run_date: date, rows: list[tuple[int, int | None, float, str]]) -> None:
        lake.replace(
            FEATURES,
            spark.createDataFrame(rows, "SK_ID_CURR BIGINT, TARGET BIGINT, INCOME DOUBLE, feature_set STRING"),
            run_date,
        )

    features(FIRST, [(EARLY, None, 10.0, "set"), (TWICE, None, 10.0, "set"), (OTHER_SET, None, 10.0, "old")])
    features(SECOND, [(LATE, None, 20.0, "set"), (AFTER, None, 20.0, "set"), (TWICE, None, 20.0, "set")])
    features(NOW, [(HERE, 1, 30.0, "set"), (EARLY, None, 99.0, "set")])
    told = [
        (EARLY, FIRST, 1, date(2018, 9, 1)),
        (LATE, SECOND, 0, NOW),
        (AFTER, SECOND, 1, date(2018, 12, 18)),
        (TWICE, FIRST, 1, date(2018, 9, 1)),
        (TWICE, SECOND, 0, date(2018, 12, 1)),
        (OTHER_SET, FIRST, 1, date(2018, 9, 1)),
    ]
    schema = "SK_ID_CURR BIGINT, run_date DATE, TARGET INT, observed_on DATE"
    lake.merge(OUTCOMES, spark.createDataFrame(told, schema), ("SK_ID_CURR", "run_date"))
    return job


def test_a_label_is_known_by_the_run_date_and_its_features_are_of_then(lender: Job) -> None:
    rows = lender.lake.read_run_date(FEATURES, NOW)
    labelled = folds.labelled(rows, lender.settings.split).select("SK_ID_CURR", "TARGET", "part", "INCOME")
    number = lender.lake.version(FEATURES)
    learned = with_matured(lender, labelled, ["INCOME"], "set", number).collect()
    assert {(row["SK_ID_CURR"], row["TARGET"], row["INCOME"]) for row in learned} == {
        (HERE, 1, 30.0),
        (EARLY, 1, 10.0),  # not 99, which is what is known of him now
        (LATE, 0, 20.0),
        (TWICE, 0, 20.0),  # the newer of his applications
    }  # nobody whose outcome was observed a day later, nobody of another feature set
    all_in_test = lender.settings.split.model_copy(update={"test_folds": 998, "validation_folds": 1})
    job = Job(lender.lake, NOW, lender.settings.model_copy(update={"split": all_in_test}))
    assert with_matured(job, labelled, ["INCOME"], "set", number).count() == 1


def test_without_outcomes_only_the_delivery_is_learned_from(job: Job, spark: SparkSession) -> None:
    labelled = spark.createDataFrame(
        [(HERE, 1, "train", 3.0)], "SK_ID_CURR BIGINT, TARGET BIGINT, part STRING, INCOME DOUBLE"
    )
    assert with_matured(job, labelled, ["INCOME"], "set", 0) is labelled
