"""An index finds what the engine finds in the tables, for as long as nothing else is published."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from features import TABLES
from features.spec import KEY
from jobs.lake import applicant_index
from jobs.lake.applicant_index import ApplicantIndex, SortedRows, make_index, write_sorted
from jobs.lake.histories import Histories, read_histories
from jobs.lake.tables import DELIVERIES, FEATURES, Lake
from tests.line import RUN_DATE

DAY = date.fromisoformat(RUN_DATE)
STRANGER = 999_999_999


@pytest.fixture(scope="module")
def lake(spark: SparkSession, demo_lake: Path) -> Lake:
    return Lake(str(demo_lake), spark)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("index")


@pytest.fixture(scope="module")
def index(lake: Lake, folder: Path) -> ApplicantIndex:
    made = make_index(lake, None, folder)
    assert made is not None
    return made


def in_some_order(histories: Histories) -> dict[str, list[str]]:
    """The rows of each table as texts, sorted."""
    return {
        name: sorted(str(sorted(row.items())) for row in rows.to_pylist()) for name, rows in histories.tables.items()
    }


def test_it_finds_the_rows_that_the_engine_finds(lake: Lake, index: ApplicantIndex) -> None:
    with_loans = lake.delivered_tables(DAY)["bureau"].select(KEY).distinct().orderBy(KEY).limit(5).collect()
    asked = [*[row[KEY] for row in with_loans], STRANGER]
    found, expected = index.histories(asked), read_histories(lake, None, asked)
    assert found is not None
    assert found.deliveries == expected.deliveries == {row[KEY]: DAY for row in with_loans}
    assert in_some_order(found) == in_some_order(expected)
    assert found.tables["bureau"].num_rows > 0
    assert found.tables["bureau_balance"].num_rows > 0


def test_it_finds_the_row_of_the_feature_table(lake: Lake, index: ApplicantIndex) -> None:
    assert index.features is not None
    first, last = lake.read_run_date(FEATURES, DAY).agg(F.min(KEY), F.max(KEY)).first() or (0, 0)
    found = index.features.of([last, first, STRANGER])
    expected = lake.read_run_date(FEATURES, DAY).where(F.col(KEY).isin([first, last])).orderBy(KEY).drop("run_date")
    assert found.to_pylist() == expected.toArrow().to_pylist()


def test_what_is_published_later_ends_it(spark: SparkSession, tmp_path: Path, lake: Lake) -> None:
    """Of a small lake: two deliveries, the newest without the applicant that the other one has."""
    other = Lake(str(tmp_path / "lake"), spark)
    april, may = date(2018, 4, 17), DAY
    applications = lake.delivered_tables(DAY)["application"].orderBy(KEY).limit(2)
    anna, bruno = (row[KEY] for row in applications.select(KEY).orderBy(KEY).collect())
    for day, applicant in ((april, anna), (may, bruno)):
        version = other.replace("tables/application", applications.where(F.col(KEY) == applicant), day)
        other.record_delivery(day, "made up", {"application": version})
    index = make_index(other, None, tmp_path / "index")
    assert index is not None
    assert (index.delivery, index.features, index.elsewhere.tolist()) == (may, None, [anna])
    assert index.is_current(other)
    assert index.histories([anna, bruno]) is None, "the engine has to look into the other delivery"
    found = index.histories([bruno, STRANGER])
    assert found is not None
    assert found.deliveries == {bruno: may}
    files = {file.name for file in (tmp_path / "index" / str(may)).iterdir()}
    assert files == {"application-1.arrow", *(f"{t.name}-none.arrow" for t in TABLES if t.name != "application")}

    other.record_delivery(april, "made up", {"application": 0})
    assert not index.is_current(other)
    version = other.replace("tables/application", applications, may)
    other.record_delivery(may, "made up", {"application": version})
    again = make_index(other, None, tmp_path / "index")
    assert again is not None
    both = again.histories([anna, bruno])
    assert both is not None
    assert both.deliveries == {anna: may, bruno: may}
    assert not (tmp_path / "index" / str(may) / "application-1.arrow").exists()
    only = make_index(other, april, tmp_path / "index")
    assert only is not None
    assert (only.delivery, only.elsewhere.tolist()) == (april, [])


def test_a_lake_without_delivery_has_none(spark: SparkSession, tmp_path: Path) -> None:
    assert make_index(Lake(str(tmp_path / "lake"), spark), None, tmp_path / "index") is None


def test_files_that_are_there_are_not_written_again(lake: Lake, index: ApplicantIndex, folder: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*.arrow")}
    again = make_index(lake, None, folder)
    assert again is not None
    assert again.published == index.published == lake.version(DELIVERIES)
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.arrow")} == before


def test_rows_are_sorted_part_by_part(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applicant_index, "CELLS_AT_ONCE", 50)
    monkeypatch.setattr(applicant_index, "ROWS_OF_A_BATCH", 7)
    # three rows a key, so that the rows of some are in two batches
    rows = spark.range(100).selectExpr("(id * 37) % 33 as key", "id as value")
    write_sorted(rows, "key", tmp_path / "rows.arrow")
    found = SortedRows(tmp_path / "rows.arrow", "key")
    assert [key for keys in found.keys for key in keys.tolist()] == sorted(each * 37 % 33 for each in range(100))
    for wanted in ([0], [32, 4, 4], [33, -1], list(range(33))):
        expected = sorted((each * 37 % 33, each) for each in range(100) if each * 37 % 33 in wanted)
        assert sorted(zip(*found.of(wanted).to_pydict().values(), strict=True)) == expected
    assert [file.name for file in tmp_path.iterdir()] == ["rows.arrow"]
