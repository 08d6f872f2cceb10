"""The line as a whole: complete, repeatable to the last bit, and on real rows where they are at hand."""

import csv
import re
import shutil
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from features.plan.feature_table import catalogue
from jobs.__main__ import main
from jobs.registry.store import connect
from jobs.runtime.addresses import Address
from jobs.runtime.session import setting
from jobs.runtime.settings import Settings
from tests.line import APPLICANTS, RUN_DATE, fingerprint, read_csv, run_line, shuffle_delivery
from tests.processes import spark_submit


def read(spark: SparkSession, lake: Path, table: str) -> DataFrame:
    return spark.read.format("delta").load(str(lake / table))


@pytest.mark.both
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
    assert connect(Address(str(demo_lake)), settings.mlflow).versions.champion() is not None
    assert (demo_lake / "reports" / f"{RUN_DATE}.html").stat().st_size > 0


@pytest.mark.both
def test_a_second_run_on_the_same_rows_shuffled_and_in_other_partitions_leaves_the_same(
    spark: SparkSession, demo_lake: Path, tmp_path: Path
) -> None:
    """What the same command twice leaves is seen on real rows below."""
    shuffle_delivery(demo_lake.parent / "delivery", tmp_path / "delivery", parts=3)
    before = fingerprint(spark, demo_lake)
    with setting(spark, "spark.sql.shuffle.partitions", "7"):
        assert run_line(tmp_path / "delivery", demo_lake) == 0
    after = fingerprint(spark, demo_lake)
    # These two only grow: by a row for each step and one for the line, and by one for the scores and the reasons each.
    assert after.pop("operations/steps")[0] - before.pop("operations/steps")[0] == 8
    assert after.pop("operations/decisions")[0] - before.pop("operations/decisions")[0] == 2
    assert {table for table in before if after[table] != before[table]} == set()


@pytest.mark.spark
@pytest.mark.timeout(1200)
def test_a_first_run_on_real_applicants_says_what_it_does_and_nothing_else(
    spark: SparkSession, sample: Path, tmp_path: Path, settings: Settings
) -> None:
    words = ("run", "--input", str(sample), "--lake", str(tmp_path / "lake"), "--run-date", RUN_DATE)
    ended = spark_submit(*words, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr[-3000:]
    noise = re.compile(r"WARN|INFO|NOTE|^::|incubator|Successfully|Created version|logloss:")
    assert not [line for line in ended.stdout.splitlines() if noise.search(line)]
    assert ended.stderr == ""
    check_real_applicants(spark, tmp_path / "lake", settings)


@pytest.mark.timeout(1200)
def test_a_first_run_on_real_applicants_ends_with_a_champion_and_scores_and_a_second_one_with_the_same(
    spark: SparkSession, sample: Path, tmp_path: Path, settings: Settings
) -> None:
    """Without a search, which `test_search.py` repeats; the test above has one."""
    lake = tmp_path / "lake"
    words = ("run", "--input", str(sample), "--lake", str(lake), "--run-date", RUN_DATE)
    words += ("--set", "search.trials=0", "--set", "search.logistic_c=[]")
    assert main(words) == 0
    check_real_applicants(spark, lake, settings)
    versions = connect(Address(str(lake)), settings.mlflow).versions
    champion, before = versions.need_champion(), fingerprint(spark, lake)
    assert main(words) == 0
    after = fingerprint(spark, lake)
    for grows in ("operations/steps", "operations/decisions"):
        assert after.pop(grows)[0] == 2 * before.pop(grows)[0]
    assert after == before
    assert versions.need_champion() == champion


def check_real_applicants(spark: SparkSession, lake: Path, settings: Settings) -> None:
    """Everybody has features, every new one a score and an explanation, and the champion has passed the gates."""
    assert read(spark, lake, "features").count() == 2000
    assert read(spark, lake, "scores").where("probability > 0 and probability < 1").count() == 500
    assert read(spark, lake, "explanations").count() == 500
    versions = connect(Address(str(lake)), settings.mlflow).versions
    said = {verdict.gate: verdict.word for verdict in versions.verdicts(versions.need_champion())}
    assert said["auc"] == "passed"
    assert said["auc_gain_on_champion"] == "not tried"
    assert "refused" not in said.values()
    assert len(said) == 9


@pytest.mark.timeout(600)
def test_a_few_real_applicants_are_enough_to_begin_with(
    spark: SparkSession, sample: Path, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two hundred labelled ones, of whom a dozen had payment difficulties, by the settings as they come."""
    labelled, new = 200, 60
    cut_delivery(sample, tmp_path / "delivery", labelled, new)
    lake = tmp_path / "lake"
    words = ("run", "--input", str(tmp_path / "delivery"), "--lake", str(lake), "--run-date", RUN_DATE)
    assert main(words) == 0
    said = capsys.readouterr().err
    assert "few rows: too few to fill 3 leaves" in said
    assert "so few cannot tell a good model from chance" in said or "gate auc passed" in said
    scores = read(spark, lake, "scores").toPandas()["probability"]
    assert len(scores) == new
    assert scores.nunique() > 1
    store = connect(Address(str(lake)), settings.mlflow)
    assert store.versions.validation(store.versions.need_champion()) == "passed"


def cut_delivery(source: Path, target: Path, labelled: int, new: int) -> None:
    """The first applicants of a delivery, with everybody's histories."""
    shutil.copytree(source, target)
    for name, rows in (("application_train.csv", labelled), ("application_test.csv", new)):
        header, lines = read_csv(source / name)
        with (target / name).open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([header, *lines[:rows]])
