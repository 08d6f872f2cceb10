"""An application of June with the histories of April: what had happened is longer ago, the rest is still unknown."""

from collections.abc import Mapping

import pytest
from pyspark.sql import SparkSession

from features import TABLES
from features.plan.feature_table import BY_NAME
from features.plan.seen_later import DAYS_LATER, MONTHS_LATER, schema_with_later, seen_later
from features.spec import NO_DAY, Table

LEAST = -(2**63)
HISTORIES = [table for table in TABLES if table.age]

Cells = Mapping[str, float | None]


def later(spark: SparkSession, name: str, *rows: Cells, days: int = 40, months: int = 1) -> list[Cells]:
    """The rows as they are seen so much later: of the columns that were given."""
    table, columns = BY_NAME[name], schema_with_later(BY_NAME[name])
    elapsed = {DAYS_LATER: days, MONTHS_LATER: months}
    cells = [tuple({**row, **elapsed}.get(field.name) for field in columns) for row in rows]
    seen = seen_later(spark.createDataFrame(cells, columns), table)
    assert seen.dtypes == [(field.name, field.dataType.simpleString()) for field in columns][: len(table.columns)]
    return [{column: row[column] for column in rows[0]} for row in seen.collect()]


def test_what_happened_before_the_delivery_is_longer_ago_and_the_rest_is_as_it_was(spark: SparkSession) -> None:
    payments = [
        {"DAYS_INSTALMENT": -10, "DAYS_ENTRY_PAYMENT": -12, "NUM_INSTALMENT_NUMBER": 3},
        {"DAYS_INSTALMENT": 0, "DAYS_ENTRY_PAYMENT": None, "NUM_INSTALMENT_NUMBER": 4},
        {"DAYS_INSTALMENT": 20, "DAYS_ENTRY_PAYMENT": 25, "NUM_INSTALMENT_NUMBER": 5},
        {"DAYS_INSTALMENT": LEAST, "DAYS_ENTRY_PAYMENT": -100_000, "NUM_INSTALMENT_NUMBER": 6},
    ]
    assert later(spark, "installments_payments", *payments) == [
        {"DAYS_INSTALMENT": -50, "DAYS_ENTRY_PAYMENT": -52, "NUM_INSTALMENT_NUMBER": 3},
        {"DAYS_INSTALMENT": -40, "DAYS_ENTRY_PAYMENT": None, "NUM_INSTALMENT_NUMBER": 4},
        {"DAYS_INSTALMENT": 20, "DAYS_ENTRY_PAYMENT": 25, "NUM_INSTALMENT_NUMBER": 5},
        {"DAYS_INSTALMENT": LEAST, "DAYS_ENTRY_PAYMENT": -100_040, "NUM_INSTALMENT_NUMBER": 6},
    ]


def test_plans_come_nearer_and_no_day_stays_none(spark: SparkSession) -> None:
    loans = [
        {"DAYS_CREDIT": -100, "DAYS_CREDIT_ENDDATE": 30.0, "DAYS_ENDDATE_FACT": None, "DAYS_CREDIT_UPDATE": 3},
        {"DAYS_CREDIT": -100, "DAYS_CREDIT_ENDDATE": 700.0, "DAYS_ENDDATE_FACT": -5.0, "DAYS_CREDIT_UPDATE": -3},
    ]
    assert later(spark, "bureau", *loans) == [
        {"DAYS_CREDIT": -140, "DAYS_CREDIT_ENDDATE": -10.0, "DAYS_ENDDATE_FACT": None, "DAYS_CREDIT_UPDATE": 3},
        {"DAYS_CREDIT": -140, "DAYS_CREDIT_ENDDATE": 660.0, "DAYS_ENDDATE_FACT": -45.0, "DAYS_CREDIT_UPDATE": -43},
    ]
    running = {"DAYS_DECISION": -60, "DAYS_FIRST_DUE": -30, "DAYS_LAST_DUE_1ST_VERSION": 300, "DAYS_LAST_DUE": NO_DAY}
    card = {"DAYS_DECISION": -60, "DAYS_FIRST_DUE": NO_DAY, "DAYS_LAST_DUE_1ST_VERSION": NO_DAY, "DAYS_LAST_DUE": -1}
    assert later(spark, "previous_application", running, card) == [
        {"DAYS_DECISION": -100, "DAYS_FIRST_DUE": -70, "DAYS_LAST_DUE_1ST_VERSION": 260, "DAYS_LAST_DUE": NO_DAY},
        {"DAYS_DECISION": -100, "DAYS_FIRST_DUE": NO_DAY, "DAYS_LAST_DUE_1ST_VERSION": NO_DAY, "DAYS_LAST_DUE": -41},
    ]


@pytest.mark.parametrize("name", ["bureau_balance", "POS_CASH_balance", "credit_card_balance"])
def test_months_move_by_whole_months(spark: SparkSession, name: str) -> None:
    months: list[Cells] = [{"MONTHS_BALANCE": month} for month in (-5, -1, 0, 1)]
    assert later(spark, name, *months) == [{"MONTHS_BALANCE": month} for month in (-6, -2, -1, 1)]


def test_on_the_day_of_the_delivery_nothing_moves(spark: SparkSession) -> None:
    loan: Cells = {"DAYS_CREDIT": -100, "DAYS_CREDIT_ENDDATE": 30.0, "DAYS_ENDDATE_FACT": None}
    assert later(spark, "bureau", loan, days=0, months=0) == [loan]


@pytest.mark.parametrize("table", HISTORIES, ids=lambda table: table.name)
def test_every_column_of_days_or_months_in_a_history_says_how_it_moves(table: Table) -> None:
    counted = {column.name: column.name[0].lower() for column in table.columns if column.name[:5] in ("DAYS_", "MONTH")}
    assert {moment.column: moment.unit for moment in table.moments} == counted


def test_a_history_is_every_table_but_the_application() -> None:
    assert [table.name for table in TABLES if table not in HISTORIES] == ["application"]
