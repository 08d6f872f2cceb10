"""Versions, where somebody else writes to the same table."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

from jobs.lake.model_rows import inputs_of
from jobs.lake.tables import FEATURES, Lake
from jobs.runtime.errors import TryAgain, UserError
from jobs.runtime.session import engine_name, setting

DAY = date(2018, 5, 17)
TABLE = "some/table"


def assembled(lake: Lake, feature_set: str) -> DataFrame:
    return lake.spark.createDataFrame([(1, feature_set, 0.5)], "SK_ID_CURR BIGINT, feature_set STRING, f DOUBLE")


@pytest.mark.spark
def test_a_write_knows_its_own_version_where_another_follows_at_once(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, other = DataFrameWriter.save, lake.spark.newSession()

    def save_before_another(writer: DataFrameWriter, path: str) -> None:
        save(writer, path)
        save(other.range(1).selectExpr("id", "DATE'2018-06-17' AS run_date").write.format("delta").mode("append"), path)

    monkeypatch.setattr(DataFrameWriter, "save", save_before_another)
    numbers = [lake.replace(TABLE, lake.spark.range(rows), DAY) for rows in (3, 4)]
    assert numbers == [0, 2]
    assert lake.version(TABLE) == 3
    assert [lake.read_run_date(TABLE, DAY, number).count() for number in numbers] == [3, 4]


def test_whatever_is_written_is_in_the_ledger_of_the_step_with_its_version(lake: Lake) -> None:
    rows = lake.spark.range(2).selectExpr("id", "DATE'2018-05-17' AS run_date")
    versions = [lake.merge("merged", rows, ("id", "run_date")), lake.merge("merged", rows, ("id", "run_date"))]
    lake.replace(TABLE, rows.select("id"), DAY)
    for _ in range(3):
        lake.replace_all("settled", rows)
    assert versions == [0, 1]
    assert lake.ledger.writes == {"merged": 1, TABLE: 0, "settled": 2}


def test_every_version_stays_readable(lake: Lake) -> None:
    """Past two of Delta's checkpoints, of which it writes one every ten versions."""
    first = lake.read_run_date(TABLE, DAY, lake.replace(TABLE, lake.spark.range(1), DAY))
    versions = [lake.replace(TABLE, lake.spark.range(rows), DAY) for rows in range(2, 24)]
    assert versions == list(range(1, 23))
    assert first.count() == 1
    assert [lake.read(TABLE, version).count() for version in versions] == list(range(2, 24))


def test_what_keeps_sail_from_older_versions_is_told(lake: Lake) -> None:
    for rows in (1, 2):
        lake.replace(TABLE, lake.spark.range(rows), DAY)
    Path(lake.root, TABLE, "_delta_log", "_last_checkpoint").mkdir()  # can't be unlinked, as where nothing may be
    assert lake.version(TABLE) == 1
    if engine_name() == "sail":
        with pytest.raises(UserError, match=r"can't be deleted .*: let the lake be written to, or use Spark"):
            lake.read(TABLE, 0)
    else:
        assert lake.read(TABLE, 0).count() == 1


@pytest.mark.spark
def test_of_two_who_replace_the_same_rows_at_once_one_tries_again(lake: Lake, tmp_path: Path) -> None:
    lake.replace(TABLE, lake.spark.range(1), DAY)
    begun, replaced = tmp_path / "begun", tmp_path / "replaced"

    def slowly(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        begun.touch()
        wait_for(replaced)
        yield from batches

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(lake.replace, TABLE, lake.spark.range(2).coalesce(1).mapInArrow(slowly, "id BIGINT"), DAY)
        wait_for(begun)
        lake.replace(TABLE, lake.spark.range(3), DAY)
        replaced.touch()
        with pytest.raises(TryAgain, match="some/table was written by another process meanwhile"):
            slow.result()
    assert lake.read_run_date(TABLE, DAY).count() == 3


@pytest.mark.spark
def test_of_two_who_take_the_same_turn_one_tries_again(lake: Lake) -> None:
    """As the slower of two that have both read a table of so many rows."""
    rows = lake.spark.range(1).selectExpr("id", "DATE'2018-05-17' AS run_date")
    lake.append(TABLE, rows)
    lake.append_in_turn(TABLE, rows, 1)
    with pytest.raises(TryAgain, match="some/table was written by another process meanwhile"):
        lake.append_in_turn(TABLE, rows, 1)
    assert lake.read(TABLE).count() == 2
    lake.append_in_turn(TABLE, rows, 2)
    assert lake.read(TABLE).count() == 3


def wait_for(file: Path) -> None:
    for _ in range(600):
        if file.exists():
            return
        time.sleep(0.1)


def test_a_step_reads_the_version_that_it_has_checked(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.replace(FEATURES, assembled(lake, "old"), DAY)
    read = Lake.read_run_date

    def read_before_another_assembles(self: Lake, *asked: Any) -> DataFrame:
        rows = read(self, *asked)
        monkeypatch.setattr(Lake, "read_run_date", read)
        lake.replace(FEATURES, assembled(lake, "new"), DAY)
        return rows

    monkeypatch.setattr(Lake, "read_run_date", read_before_another_assembles)
    rows = inputs_of(SimpleNamespace(feature_set="old", features=("f",)), lake, DAY)  # type: ignore[arg-type]
    assert [row["feature_set"] for row in rows.collect()] == ["old"]


def test_a_version_that_is_not_there_is_told_with_the_newest(lake: Lake) -> None:
    with pytest.raises(UserError, match=r"no table .*/some/table: run the step that writes it first, or check --lake"):
        lake.version(TABLE)
    lake.replace(TABLE, lake.spark.range(1), DAY)
    with pytest.raises(UserError, match=r"some/table has no version 7, the newest is 0"):
        lake.read(TABLE, 7)


def test_only_s3_may_lose_commits_where_no_log_store_for_several_drivers_is_named(
    spark: SparkSession, lake: Lake
) -> None:
    assert not lake.may_lose_commits
    assert not Lake("abfss://lake@bank.dfs.core.windows.net/lake", spark).may_lose_commits
    on_s3 = Lake("s3a://bucket/lake", spark)
    assert on_s3.may_lose_commits
    with setting(spark, "spark.delta.logStore.s3a.impl", "io.delta.storage.S3DynamoDBLogStore"):
        assert not on_s3.may_lose_commits
