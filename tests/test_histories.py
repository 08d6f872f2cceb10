"""Whose rows a caller's applicant is joined with: all from one delivery, the newest that knows them."""

from datetime import date

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import types as T

from features import TABLES
from features.contract import schema
from jobs.histories import Histories, read_histories
from jobs.lake import Lake, source_table

APRIL, MAY, JUNE = date(2018, 4, 17), date(2018, 5, 17), date(2018, 6, 17)
ANNA, BRUNO, CLARA, DORA = 1, 2, 3, 4

Rows = list[dict[str, int]]

DELIVERIES: dict[date, dict[str, Rows]] = {
    APRIL: {
        "application": [{"SK_ID_CURR": ANNA}, {"SK_ID_CURR": BRUNO}],
        "bureau": [{"SK_ID_CURR": ANNA, "SK_ID_BUREAU": 10}, {"SK_ID_CURR": BRUNO, "SK_ID_BUREAU": 20}],
        "bureau_balance": [{"SK_ID_BUREAU": 10, "MONTHS_BALANCE": -1}, {"SK_ID_BUREAU": 20, "MONTHS_BALANCE": -1}],
        "previous_application": [{"SK_ID_CURR": BRUNO, "SK_ID_PREV": 200}],
    },
    MAY: {
        # Anna's loan has other months now; of Bruno only the application came, of Clara only a card.
        "application": [{"SK_ID_CURR": ANNA}, {"SK_ID_CURR": BRUNO}],
        "bureau": [{"SK_ID_CURR": ANNA, "SK_ID_BUREAU": 10}],
        "bureau_balance": [{"SK_ID_BUREAU": 10, "MONTHS_BALANCE": -7}],
        "credit_card_balance": [{"SK_ID_CURR": CLARA, "SK_ID_PREV": 300, "MONTHS_BALANCE": -1}],
    },
}
UNPUBLISHED = {"bureau": [{"SK_ID_CURR": ANNA, "SK_ID_BUREAU": 99}]}


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two deliveries, and a third one whose tables are written and whose record is not."""
    made = Lake(str(tmp_path_factory.mktemp("lake")), spark)
    for day, tables in DELIVERIES.items():
        made.record_delivery(day, "made up", write(made, day, tables))
    write(made, JUNE, UNPUBLISHED)
    return made


def write(lake: Lake, day: date, tables: dict[str, Rows]) -> dict[str, int]:
    """Versions of every source table, after a delivery's rows were put into it."""
    versions = {}
    for table in TABLES:
        cells = [tuple(row.get(column.name) for column in table.columns) for row in tables.get(table.name, [])]
        nullable = T.StructType([T.StructField(each.name, each.dataType) for each in schema(table)])
        versions[table.name] = lake.replace(source_table(table.name), lake.spark.createDataFrame(cells, nullable), day)
    return versions


def ids(found: Histories, table: str, column: str) -> list[int]:
    return sorted(found.tables[table].column(column).to_pylist())


def test_each_applicant_comes_from_the_newest_delivery_that_knows_them(lake: Lake) -> None:
    found = read_histories(lake, None, [ANNA, BRUNO, CLARA, DORA])
    assert found.deliveries == {ANNA: MAY, BRUNO: MAY, CLARA: MAY}
    assert ids(found, "bureau", "SK_ID_BUREAU") == [10]
    assert ids(found, "bureau_balance", "MONTHS_BALANCE") == [-7]
    assert ids(found, "credit_card_balance", "SK_ID_PREV") == [300]
    assert ids(found, "previous_application", "SK_ID_PREV") == [], "Bruno's of April are not mixed with May"


def test_a_run_date_is_the_only_delivery_that_is_looked_into(lake: Lake) -> None:
    found = read_histories(lake, APRIL, [ANNA, CLARA])
    assert found.deliveries == {ANNA: APRIL}
    assert ids(found, "bureau_balance", "MONTHS_BALANCE") == [-1]


def test_a_stranger_has_every_table_and_no_row(lake: Lake) -> None:
    found = read_histories(lake, None, [DORA])
    assert found.deliveries == {}
    assert {name: len(rows) for name, rows in found.tables.items()} == dict.fromkeys(
        [table.name for table in TABLES], 0
    )
