"""What must not change a feature, and how often the rows of a table are moved to make them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import date
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features import TABLES
from features.plan.feature_table import BY_NAME, catalogue, feature_table
from features.plan.fold import fold_rows
from features.plan.history_rows import feature_rows, read_columns
from features.spec import KEY, Table, of_parent
from jobs.lake.feature_sets import as_encodings
from jobs.lake.tables import ENCODINGS, FEATURES, Lake
from tests.line import RUN_DATE

DAY = date.fromisoformat(RUN_DATE)
APPLICANTS = 150
AWAY = 500_000_000
"""What a twin's identifiers are larger by, so that nothing of his is another's."""
IDENTIFIERS = ("SK_ID_CURR", "SK_ID_PREV", "SK_ID_BUREAU")
FUTURE = {
    "bureau": {"DAYS_CREDIT": 5, "SK_ID_BUREAU": "SK_ID_BUREAU + 1000000000"},
    "bureau_balance": {"MONTHS_BALANCE": "1 - MONTHS_BALANCE", "STATUS": "'5'"},
    "previous_application": {"DAYS_DECISION": 3, "SK_ID_PREV": "SK_ID_PREV + 1000000000"},
    "installments_payments": {"DAYS_ENTRY_PAYMENT": 20, "AMT_PAYMENT": 1_000_000},
    "POS_CASH_balance": {"MONTHS_BALANCE": "1 - MONTHS_BALANCE", "SK_DPD": 99, "SK_DPD_DEF": 99},
    "credit_card_balance": {"MONTHS_BALANCE": "1 - MONTHS_BALANCE", "SK_DPD": 99, "SK_DPD_DEF": 99},
}
"""What makes of a history's row one of after the application; a payment of then may be for an instalment of before."""

FOLDED = [table for table in TABLES if table.age and table.features]
FOLDED += [of_parent(table) for table in TABLES if table.parent_features]


def changed(rows: DataFrame, changes: dict[str, int | str]) -> DataFrame:
    """The rows with SQL in place of some columns, in their types."""
    types = dict(rows.dtypes)
    return rows.withColumns({name: F.expr(f"cast({sql} as {types[name]})") for name, sql in changes.items()})


def twins(rows: DataFrame) -> DataFrame:
    """The same rows of other people."""
    return changed(rows, {name: f"{name} + {AWAY}" for name in IDENTIFIERS if name in rows.columns})


@pytest.fixture(scope="module")
def lake(spark: SparkSession, demo_lake: Path) -> Lake:
    return Lake(str(demo_lake), spark)


def test_neither_other_applicants_nor_what_came_after_the_application_change_a_feature(lake: Lake) -> None:
    delivered = lake.delivered_tables(DAY)
    some = [row[0] for row in delivered["application"].select(KEY).orderBy(KEY).limit(APPLICANTS).collect()]
    loans = delivered["bureau"].where(F.col(KEY).isin(some)).select("SK_ID_BUREAU")
    sources = {}
    for name, rows in delivered.items():
        own = (
            rows.where(F.col(KEY).isin(some)) if KEY in rows.columns else rows.join(loans, "SK_ID_BUREAU", "left_semi")
        )
        seen_later = twins(own).unionByName(changed(twins(own), FUTURE[name])) if name in FUTURE else twins(own)
        sources[name] = own.unionByName(seen_later)
    stored = lake.read_run_date(ENCODINGS, DAY).select("name", "level", "value").collect()
    made = feature_table(sources, as_encodings(stored)).toPandas().set_index(KEY).sort_index()
    names = [named.name for named in catalogue()]
    before = lake.read_run_date(FEATURES, DAY).where(F.col(KEY).isin(some)).toPandas().set_index(KEY).sort_index()
    expected = before[names].to_numpy(dtype=np.float64)
    assert len(expected) == APPLICANTS
    same = partial(differing, expected=expected, names=names)
    assert same(made.loc[some]) == [], "other applicants"
    assert same(made.loc[[each + AWAY for each in some]]) == [], "rows of after the application"


def differing(rows: pd.DataFrame, expected: np.ndarray, names: list[str]) -> list[str]:
    """The features that are not the same to the last bit."""
    found = rows[names].to_numpy(dtype=np.float64)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    return [name for name, column in zip(names, same.T, strict=True) if not column.all()]


@contextmanager
def without_broadcasts(spark: SparkSession) -> Iterator[None]:
    """Plans as they are at full size, where no history is small enough to be sent to everybody."""
    before = spark.conf.get("spark.sql.autoBroadcastJoinThreshold")
    spark.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")
    try:
        yield
    finally:
        spark.conf.set("spark.sql.autoBroadcastJoinThreshold", str(before))


def exchanges(frame: DataFrame) -> int:
    """How many shuffles the plan has."""
    printed = StringIO()
    with redirect_stdout(printed):
        frame.explain()
    return len(re.findall(r"\bExchange hashpartitioning", printed.getvalue()))


@pytest.mark.spark
@pytest.mark.parametrize("table", FOLDED, ids=[f"{table.name} to {table.entity}" for table in FOLDED])
def test_a_table_is_shuffled_once_and_so_is_each_that_it_looks_up(lake: Lake, table: Table) -> None:
    rows = {name: table.select("*") for name, table in lake.delivered_tables(DAY).items()}
    children = [of_parent(each) for each in TABLES if each.parent_features and each.parent[0] == table.name]
    read_of_children = sorted(name for name in read_columns(table) if name.startswith("loan_"))
    assert bool(read_of_children) == bool(children and table.entity == KEY)
    rows[table.name] = rows[table.name].selectExpr(
        "*", *[f"cast(null as double) as {name}" for name in read_of_children]
    )
    looked_up = [lookup for lookup in table.lookups if read_columns(table) & set(lookup.columns)]
    with without_broadcasts(lake.spark):
        assert exchanges(fold_rows(feature_rows(table, rows, BY_NAME), table)) == 1 + len(looked_up)
