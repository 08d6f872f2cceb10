"""Features as of a date: which delivery's row an applicant gets, and what is said of wrong questions."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs import FeatureStore
from jobs.lake.tables import FEATURES, Lake
from jobs.runtime.errors import UserError
from jobs.runtime.session import engine_name
from tests.processes import run_python

MAY, JUNE, JULY = date(2018, 5, 17), date(2018, 6, 17), date(2018, 7, 17)
ANNA_IN_MAY, BRUNO_IN_MAY_AND_JULY, CLARA_NOWHERE = 1, 2, 3
SCHEMA = "SK_ID_CURR BIGINT, TARGET BIGINT, feature_set STRING, CREDIT_TERM DOUBLE, bureau_debt_sum_ever DOUBLE"


@pytest.fixture(scope="module")
def store(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    lake = Lake(str(tmp_path_factory.mktemp("store")), spark)
    in_may = [(ANNA_IN_MAY, 0, "old", 0.1, 100.0), (BRUNO_IN_MAY_AND_JULY, 1, "old", 0.2, None)]
    in_july = [(BRUNO_IN_MAY_AND_JULY, None, "new", 0.3, 300.0)]
    for run_date, rows in ((MAY, in_may), (JULY, in_july)):
        lake.replace(FEATURES, spark.createDataFrame(rows, SCHEMA), run_date)
    return FeatureStore(lake)


def asked(store: FeatureStore, *rows: tuple[int, date]) -> DataFrame:
    return store.lake.spark.createDataFrame(list(rows), "SK_ID_CURR BIGINT, run_date DATE")


def test_an_applicant_gets_the_newest_row_up_to_the_date(store: FeatureStore) -> None:
    people = asked(store, *((BRUNO_IN_MAY_AND_JULY, day) for day in (date(2018, 5, 16), MAY, JUNE, JULY)))
    rows = store.get(people, features=["bureau_debt_sum_ever", "CREDIT_TERM"]).orderBy("run_date")
    assert rows.columns == ["SK_ID_CURR", "run_date", "delivery", "bureau_debt_sum_ever", "CREDIT_TERM"]
    assert [row[2:] for row in rows.collect()] == [
        (None, None, None),
        (MAY, None, 0.2),
        (MAY, None, 0.2),  # nothing of July is known in June
        (JULY, 300.0, 0.3),
    ]


def test_every_row_asked_for_stays_with_its_columns(store: FeatureStore) -> None:
    people = asked(store, (ANNA_IN_MAY, JULY), (ANNA_IN_MAY, JULY), (CLARA_NOWHERE, JULY)).selectExpr("*", "'x' as tag")
    rows = store.get(people).orderBy("SK_ID_CURR").collect()
    assert [(row.SK_ID_CURR, row.tag, row.delivery, row.CREDIT_TERM) for row in rows] == [
        (ANNA_IN_MAY, "x", MAY, 0.1),
        (ANNA_IN_MAY, "x", MAY, 0.1),
        (CLARA_NOWHERE, "x", None, None),
    ]
    assert "TARGET" not in rows[0].asDict()


def test_a_version_leaves_out_the_deliveries_of_others(store: FeatureStore) -> None:
    (row,) = store.get(asked(store, (BRUNO_IN_MAY_AND_JULY, JULY)), ["CREDIT_TERM"], version="old").collect()
    assert (row.delivery, row.CREDIT_TERM) == (MAY, 0.2)


def test_wrong_questions_are_answered_with_the_right_ones(store: FeatureStore, lake: Lake) -> None:
    anna = asked(store, (ANNA_IN_MAY, MAY))
    with pytest.raises(UserError, match=r"no feature CREDIT_TREM in .*: did you mean CREDIT_TERM\?"):
        store.get(anna, ["CREDIT_TREM"])
    with pytest.raises(UserError, match="no feature TARGET"):
        store.get(anna, ["TARGET"])
    with pytest.raises(UserError, match=r"feature set newest, there are old \(2018-05-17\), new \(2018-07-17\)"):
        store.get(anna, version="newest")
    with pytest.raises(UserError, match="have no column run_date, only SK_ID_CURR"):
        store.get(anna.drop("run_date"))
    with pytest.raises(UserError, match=r"no table .*features: run the step"):
        FeatureStore(lake).get(anna)


def test_a_store_is_opened_by_its_address(store: FeatureStore) -> None:
    opened = FeatureStore.open(store.lake.root, engine_name())
    assert opened.get(asked(opened, (ANNA_IN_MAY, MAY))).count() == 1
    assert Path(opened.lake.root, "features", "_delta_log").is_dir()


def test_spark_is_loaded_with_the_store_and_not_before() -> None:
    asked = "import sys, jobs; print('pyspark' in sys.modules); from jobs import FeatureStore; print(FeatureStore)"
    loaded = run_python("-c", asked)
    assert loaded.stdout.split()[0] == "False", loaded.stderr
    assert loaded.stdout.endswith(".FeatureStore'>\n"), loaded.stderr
