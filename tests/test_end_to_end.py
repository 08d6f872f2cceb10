"""The line as a whole: complete, repeatable to the last bit, and on real rows where they are at hand."""

import re
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from features.plan.feature_table import catalogue
from jobs.registry.store import connect
from jobs.runtime.settings import Settings
from tests.line import APPLICANTS, RUN_DATE, fingerprint, run_line, shuffle_delivery
from tests.processes import spark_submit


def read(spark: SparkSession, lake: Path, table: str) -> DataFrame:
    return spark.read.format("delta").load(str(lake / table))


def test_every_applicant_has_features_and_every_new_one_a_score_and_an_explanation(
    spark: SparkSession, demo_lake: Path, settings: Settings
) -> None:
    features = read(spark, demo_lake, "features").select("SK_ID_CURR", "TARGET").collect()
    new = {row.SK_ID_CURR for row in features if row.TARGET is None}
    scores = read(spark, demo_lake, "scores").select("SK_ID_CURR", "probability").collect()
    explanations = read(spark, demo_lake, "explanations").select("SK_ID_CURR").collect()
    assert len(features) == len({row.SK_ID_CURR for row in features}) == APPLICANTS
    assert 0 < len(new) < APPLICANTS
    assert sorted(row.SK_ID_CURR for row in scores) == sorted(new)
    assert sorted(row.SK_ID_CURR for row in explanations) == sorted(new)
    assert all(0 < row.probability < 1 for row in scores)
    assert len(catalogue()) >= 200
    assert connect(str(demo_lake), settings.mlflow).versions.champion() is not None
    assert (demo_lake / "reports" / f"{RUN_DATE}.html").stat().st_size > 0


def test_the_same_command_twice_leaves_the_same_rows(spark: SparkSession, demo_lake: Path) -> None:
    before = fingerprint(spark, demo_lake)
    assert run_line(demo_lake.parent / "delivery", demo_lake) == 0
    after = fingerprint(spark, demo_lake)
    # The log of steps has a row for each execution.
    assert after.pop("operations/steps")[0] == 2 * before.pop("operations/steps")[0]
    assert after == before


def test_shuffled_rows_in_other_partitions_give_the_same_scores(
    spark: SparkSession, demo_lake: Path, tmp_path: Path
) -> None:
    shuffle_delivery(demo_lake.parent / "delivery", tmp_path / "delivery", parts=3)
    partitions = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "7")
    try:
        assert run_line(tmp_path / "delivery", tmp_path / "lake") == 0
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    here, there = fingerprint(spark, tmp_path / "lake"), fingerprint(spark, demo_lake)
    for table in ("features", "encodings", "scores", "explanations"):
        assert here[table] == there[table], table


@pytest.mark.timeout(600)
def test_real_applicants_are_scored_and_explained_under_spark_submit(
    spark: SparkSession, sample: Path, tmp_path: Path, settings: Settings
) -> None:
    lake = tmp_path / "lake"
    ended = spark_submit("run", "--input", str(sample), "--lake", str(lake), "--run-date", RUN_DATE, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr[-3000:]
    noise = re.compile(r"WARN|INFO|NOTE|^::|incubator|Successfully|Created version|logloss:")
    assert not [line for line in ended.stdout.splitlines() if noise.search(line)]
    assert ended.stderr == ""
    assert read(spark, lake, "features").count() == 2000
    assert read(spark, lake, "scores").count() == 500
    assert read(spark, lake, "explanations").count() == 500
    assert connect(str(lake), settings.mlflow).versions.champion() is not None
