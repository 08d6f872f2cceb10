"""Features in memory are the batch's, applicant by applicant: to the last bit, but for what is raised to a power."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from features.expressions import columns_read
from features.memory.cells import ARROW
from features.memory.feature_table import FeatureTable
from features.memory.frames import loaded
from features.plan.feature_table import BY_NAME, catalogue
from features.plan.history_rows import needed
from features.spec import KEY, Feature, Named, Ordered, Ratio
from jobs.lake.feature_sets import as_encodings
from jobs.lake.tables import ENCODINGS, FEATURES, Lake
from tests.line import RUN_DATE

DAY = date.fromisoformat(RUN_DATE)


@pytest.fixture(scope="module")
def lake(spark: SparkSession, demo_lake: Path) -> Lake:
    return Lake(str(demo_lake), spark)


def in_memory(lake: Lake, run_date: date) -> pd.DataFrame:
    """All features of a delivery, an applicant a row."""
    stored = lake.read_run_date(ENCODINGS, run_date).select("name", "level", "value").collect()
    table = FeatureTable(as_encodings(stored))
    sources = {name: loaded(rows.toArrow()) for name, rows in lake.delivered_tables(run_date).items()}
    applicants, features = table(sources)
    return pd.DataFrame(features, columns=list(table.names), index=applicants).sort_index()


def by_batch(lake: Lake, run_date: date) -> pd.DataFrame:
    """The same as `assemble` has stored it."""
    names = [named.name for named in catalogue()]
    rows = lake.read_run_date(FEATURES, run_date).select(KEY, *names).toPandas().set_index(KEY).sort_index()
    return rows.astype(np.float64)


def reads_a_power(named: Named) -> bool:
    """Whether a feature is made of a power or a logarithm, whose last bit is the library's choice."""
    expressions = made_of(named)
    return any("power(" in sql or "ln(" in sql for sql in expressions)


def made_of(named: Named) -> set[str]:
    """All SQL that a feature of rows, or of the application, is made of, through its table's derivations."""
    declared = named.declared
    if not isinstance(declared, Feature | Ordered | Ratio) and named.table not in BY_NAME:
        return set(declared.expressions)
    texts = set(declared.values if isinstance(declared, Feature | Ordered | Ratio) else declared.expressions)
    read = {name for sql in texts for name in columns_read(sql)}
    return texts | {derivation.sql for derivation in needed(BY_NAME[named.table].derivations, read)}


ANNA = 100_001


def rows_of(name: str, *rows: dict[str, object]) -> pa.Table:
    """Rows of a source table; what is not said is null."""
    fields = [(column.name, ARROW[column.type]) for column in BY_NAME[name].columns]
    return pa.table([pa.array([row.get(field) for row in rows], kind) for field, kind in fields], pa.schema(fields))


def test_who_has_no_history_has_the_features_of_none_and_who_has_a_loan_without_months_those_of_it() -> None:
    """No row, and rows that none belong to, are the smallest there is to fold."""
    table = FeatureTable(())
    application = {"application": rows_of("application", {KEY: ANNA, "AMT_CREDIT": Decimal("1000.000")})}
    nothing = {name: rows_of(name) for name in BY_NAME if name != "application"}
    applicants, features = table({name: loaded(rows) for name, rows in {**nothing, **application}.items()})
    found = dict(zip(table.names, features[0], strict=True))
    assert applicants.tolist() == [ANNA]
    assert (found["AMT_CREDIT"], found["bureau_loans_count_ever"], found["bureau_debt_sum_ever"]) == (1000.0, 0.0, 0.0)
    assert np.isnan([found["bureau_age_mean_ever"], found["previous_refused_mean_first2"]]).all()

    a_loan = {"bureau": rows_of("bureau", {KEY: ANNA, "SK_ID_BUREAU": 5, "DAYS_CREDIT": -40})}
    _, features = table({name: loaded(rows) for name, rows in {**nothing, **application, **a_loan}.items()})
    found = dict(zip(table.names, features[0], strict=True))
    assert (found["bureau_loans_count_ever"], found["bureau_age_mean_ever"]) == (1.0, 40.0)
    assert np.isnan(found["bureau_months_late_ever_mean_ever"])


def test_every_feature_is_the_batchs(lake: Lake) -> None:
    found, expected = in_memory(lake, DAY), by_batch(lake, DAY)
    assert found.index.equals(expected.index)
    assert list(found.columns) == list(expected.columns)
    same = (found == expected) | (found.isna() & expected.isna())
    differ = [named for named in catalogue() if not same[named.name].all()]
    assert [named.name for named in differ if not reads_a_power(named)] == []
    # A standard deviation or a trend of numbers that are nearly equal loses the digits that they share.
    near = {named.name: 1e-4 if "_std_" in named.name or "_trend_" in named.name else 1e-9 for named in differ}
    for name, tolerance in near.items():
        assert found[name].to_numpy() == pytest.approx(expected[name].to_numpy(), rel=tolerance, nan_ok=True), name
    assert len(differ) < 20


def test_an_applicant_alone_has_the_features_that_he_has_among_others(lake: Lake) -> None:
    """The order of adding is an applicant's own, so that not even a bit depends on who else asks."""
    stored = lake.read_run_date(ENCODINGS, DAY).select("name", "level", "value").collect()
    table = FeatureTable(as_encodings(stored))
    rows = {name: found.toArrow() for name, found in lake.delivered_tables(DAY).items()}
    applicants, features = table({name: loaded(found) for name, found in rows.items()})
    for place in (0, len(applicants) // 2, len(applicants) - 1):
        own = {
            name: found.filter([key == applicants[place] for key in found.column(KEY).to_pylist()])
            for name, found in rows.items()
            if KEY in found.column_names
        }
        loans = set(own["bureau"].column("SK_ID_BUREAU").to_pylist())
        months = rows["bureau_balance"]
        own |= {"bureau_balance": months.filter([loan in loans for loan in months.column("SK_ID_BUREAU").to_pylist()])}
        alone, his = table({name: loaded(found) for name, found in own.items()})
        assert alone.tolist() == [applicants[place]]
        assert np.array_equal(his[0], features[place], equal_nan=True)
