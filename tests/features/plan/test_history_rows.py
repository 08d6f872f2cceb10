"""From source rows to the rows that features see, and from there to one row an entity."""

from contextlib import redirect_stdout
from io import StringIO

import pytest
from pyspark.sql import DataFrame, SparkSession

from features.plan.fold import VALUES, fold_rows
from features.plan.history_rows import feature_rows, layers
from features.spec import (
    COUNT,
    MEAN,
    SUM,
    Derivation,
    Feature,
    Lookup,
    Ordered,
    Rollup,
    Slice,
    Table,
    feature_names,
)

LATE = Slice("late", "gap > 30", "more than a month after the one before")
PAYMENTS = Table(
    name="payments",
    prefix="pay",
    files=("payments",),
    about="a payment",
    key=("SK_ID_CURR", "SK_ID_PREV", "NUMBER", "PAID_DAY"),
    columns=(),
    before_rollup=(Derivation("PAID", "if(PAID_DAY > 0, null, PAID)", "what is paid later is not known yet"),),
    rollup=Rollup(
        ("SK_ID_CURR", "SK_ID_PREV", "NUMBER"),
        (Derivation("PAID", "sum(PAID)", "paid in all"), Derivation("DUE_DAY", "max(DUE_DAY)", "due")),
    ),
    lookups=(Lookup("loans", ("SK_ID_CURR", "SK_ID_PREV"), ("KIND",)),),
    derivations=(
        Derivation("DUE_DAY", "nullif(DUE_DAY, 365243)", "365243 is unknown"),
        Derivation("is_cash", "KIND = 'Cash loans'", "of a cash loan"),
        Derivation("gap", "previous_age - age", "days since the instalment before"),
        Derivation("long_gap", "gap > 30", "more than a month"),
    ),
    age="-DUE_DAY",
    order=("SK_ID_PREV DESC", "NUMBER DESC"),
    features=(
        Feature("paid", "PAID", (COUNT, SUM), "payment history", "paid", windows=(60,)),
        Feature("gap", "gap", (MEAN,), "payment history", "gap", slices=(LATE,)),
        Feature("cash", "is_cash", (MEAN,), "payment history", "share of cash loans"),
        Ordered("paid", "PAID", (SUM,), "payment history", "paid", last=(1,)),
    ),
)
LOANS = Table(
    name="loans",
    prefix="loan",
    files=("loans",),
    about="a loan",
    key=("SK_ID_PREV",),
    columns=(),
    derivations=(Derivation("KIND", "nullif(KIND, 'XNA')", "XNA is unknown"),),
)
ANNA, BRUNO_FUTURE_ONLY, CLARA_NO_LOAN, DMITRI_UNKNOWN_DAY = 1, 2, 3, 4


@pytest.fixture(scope="module")
def sources(spark: SparkSession) -> dict[str, DataFrame]:
    payments = [
        (ANNA, 10, 1, -100, -99, 50.0),
        (ANNA, 10, 2, -40, -41, 30.0),
        (ANNA, 10, 2, -40, -20, 20.0),  # the rest of the second instalment
        (ANNA, 10, 3, -10, 5, 50.0),  # paid after the application
        (BRUNO_FUTURE_ONLY, 20, 1, 15, 10, 99.0),
        (CLARA_NO_LOAN, 30, 1, -60, -60, 5.0),
        (DMITRI_UNKNOWN_DAY, 40, 1, 365243, -3, 7.0),
    ]
    loans = [(ANNA, 10, "Cash loans"), (DMITRI_UNKNOWN_DAY, 40, "XNA")]
    return {
        "payments": spark.createDataFrame(
            payments,
            "SK_ID_CURR BIGINT, SK_ID_PREV BIGINT, NUMBER BIGINT, DUE_DAY BIGINT, PAID_DAY BIGINT, PAID DOUBLE",
        ),
        "loans": spark.createDataFrame(loans, "SK_ID_CURR BIGINT, SK_ID_PREV BIGINT, KIND STRING"),
    }


TABLES = {"payments": PAYMENTS, "loans": LOANS}


def test_features_see_folded_looked_up_and_derived_rows_of_the_past(sources: dict[str, DataFrame]) -> None:
    rows = feature_rows(PAYMENTS, sources, TABLES).orderBy("SK_ID_CURR", "age").collect()
    found = [(r.SK_ID_CURR, r.NUMBER, r.age, r.PAID, r.gap, r.long_gap, r.is_cash) for r in rows]
    assert found == [
        (ANNA, 3, 10.0, None, 30.0, False, True),
        (ANNA, 2, 40.0, 50.0, 60.0, True, True),
        (ANNA, 1, 100.0, 50.0, None, None, True),
        (CLARA_NO_LOAN, 1, 60.0, 5.0, None, None, None),
    ]


def test_rows_fold_to_one_row_an_entity(sources: dict[str, DataFrame]) -> None:
    names = [named.name for named in feature_names(PAYMENTS)]
    assert names == [
        "pay_paid_count_60d",
        "pay_paid_sum_60d",
        "pay_gap_mean_late_ever",
        "pay_cash_mean_ever",
        "pay_paid_sum_last1",
    ]
    rows = fold_rows(feature_rows(PAYMENTS, sources, TABLES), PAYMENTS).collect()
    assert {row.SK_ID_CURR: row[VALUES] for row in rows} == {
        ANNA: [2.0, 50.0, 60.0, 1.0, 0.0],
        CLARA_NO_LOAN: [0.0, 0.0, None, None, 5.0],
    }


def test_one_shuffle_brings_the_rows_of_a_table_together(sources: dict[str, DataFrame]) -> None:
    folded = fold_rows(base_rows_of_loans(sources), LOAN_FEATURES)
    printed = StringIO()
    with redirect_stdout(printed):
        folded.explain()
    assert printed.getvalue().count("Exchange") == 1, printed.getvalue()


LOAN_FEATURES = Table(
    name="payments",
    prefix="pay",
    files=("payments",),
    about="a payment",
    key=("SK_ID_PREV",),
    columns=(),
    age="-DUE_DAY",
    order=("SK_ID_PREV DESC", "NUMBER DESC"),
    rollup=PAYMENTS.rollup,
    derivations=(Derivation("gap", "previous_age - age", "days"),),
    features=(Feature("gap", "gap", (MEAN,), "payment history", "gap"),),
)


def base_rows_of_loans(sources: dict[str, DataFrame]) -> DataFrame:
    return feature_rows(LOAN_FEATURES, sources, TABLES)


def test_a_lookup_that_could_double_rows_is_refused(sources: dict[str, DataFrame]) -> None:
    wrong = Table("x", "x", ("x",), "x", ("a",), (), lookups=(Lookup("loans", ("SK_ID_CURR",), ("KIND",)),))
    with pytest.raises(ValueError, match="not its key"):
        feature_rows(wrong, {**sources, "x": sources["payments"]}, TABLES)


def test_derivations_that_need_each_other_come_one_after_the_other() -> None:
    a, b, c, a2 = (Derivation(*each, "x") for each in [("a", "x + 1"), ("b", "x + 2"), ("c", "a + b"), ("a2", "a * 2")])
    assert layers([a, b, c, a2]) == [[a, b], [c, a2]]
