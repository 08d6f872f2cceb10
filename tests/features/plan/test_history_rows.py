"""From source rows to the rows that features see, and from there to one row an entity."""

from contextlib import redirect_stdout
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from features.plan.fold import VALUES, fold_rows
from features.plan.history_rows import feature_rows, layers
from features.spec import (
    COUNT,
    MEAN,
    SUM,
    Column,
    Derivation,
    Feature,
    Lookup,
    Ordered,
    Rollup,
    Slice,
    Table,
    Type,
    feature_names,
)
from tests.made_up import made_up

LATE = Slice("late", "gap > 30", "More than a month after the one before.")
PAYMENTS = Table(
    name="payments",
    prefix="pay",
    files=("payments",),
    about="A payment.",
    key=("SK_ID_CURR", "SK_ID_PREV", "NUMBER", "PAID_DAY"),
    columns=made_up("SK_ID_CURR", "SK_ID_PREV", "NUMBER", "DUE_DAY", "PAID_DAY", "PAID"),
    before_rollup=(Derivation("PAID", "if(PAID_DAY > 0, null, PAID)", "What is paid later is not known yet."),),
    rollup=Rollup(
        ("SK_ID_CURR", "SK_ID_PREV", "NUMBER"),
        (Derivation("PAID", "sum(PAID)", "Paid in all."), Derivation("DUE_DAY", "max(DUE_DAY)", "Due.")),
    ),
    lookups=(Lookup("loans", ("SK_ID_CURR", "SK_ID_PREV"), ("KIND",)),),
    derivations=(
        Derivation("DUE_DAY", "nullif(DUE_DAY, 365243)", "365243 is unknown."),
        Derivation("is_cash", "KIND = 'Cash loans'", "Of a cash loan."),
        Derivation("gap", "previous_age - age", "Days since the instalment before."),
        Derivation("long_gap", "gap > 30", "More than a month."),
    ),
    age="-DUE_DAY",
    order=("SK_ID_PREV DESC", "NUMBER DESC"),
    features=(
        Feature("paid", "PAID", (COUNT, SUM), "payment history", "Paid.", windows=(60,)),
        Feature("gap", "gap", (MEAN,), "payment history", "Gap.", slices=(LATE,)),
        Feature("cash", "is_cash", (MEAN,), "payment history", "Share of cash loans."),
        Ordered("paid", "PAID", (SUM,), "payment history", "Paid.", last=(1,)),
    ),
)
LOANS = Table(
    name="loans",
    prefix="loan",
    files=("loans",),
    about="A loan.",
    key=("SK_ID_PREV",),
    columns=(*made_up("SK_ID_CURR", "SK_ID_PREV"), Column("KIND", Type.TEXT, "Kind.")),
    derivations=(Derivation("KIND", "nullif(KIND, 'XNA')", "XNA is unknown."),),
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


@pytest.mark.spark
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
    about="A payment.",
    key=("SK_ID_PREV",),
    columns=PAYMENTS.columns,
    age="-DUE_DAY",
    order=("SK_ID_PREV DESC", "NUMBER DESC"),
    rollup=PAYMENTS.rollup,
    derivations=(Derivation("gap", "previous_age - age", "Days."),),
    features=(Feature("gap", "gap", (MEAN,), "payment history", "Gap."),),
)


def base_rows_of_loans(sources: dict[str, DataFrame]) -> DataFrame:
    return feature_rows(LOAN_FEATURES, sources, TABLES)


derivations = st.lists(
    st.tuples(st.sampled_from("abcxyz"), st.sets(st.sampled_from("abcxyz"), max_size=3)), min_size=1, max_size=9
)


def computed_in(groups: list[list[Derivation]]) -> dict[str, str]:
    """What each column is made of in the end; a group's derivations see the row as it was before the group."""
    row = {name: name for name in "abcxyz"}
    for group in groups:
        assert len({derivation.name for derivation in group}) == len(group)
        row |= {each.name: f"({'+'.join(row[name] for name in each.sql.split(' + '))})" for each in group}
    return row


@given(drawn=derivations)
def test_layers_give_what_the_derivations_give_one_by_one(drawn: list[tuple[str, set[str]]]) -> None:
    declared = [Derivation(name, " + ".join(sorted(read or {"x"})), "Made up.") for name, read in drawn]
    assert computed_in(layers(declared)) == computed_in([[each] for each in declared])


def test_derivations_that_need_each_other_come_one_after_the_other() -> None:
    a, b, c, a2 = (
        Derivation(*each, "Made up.") for each in [("a", "x + 1"), ("b", "x + 2"), ("c", "a + b"), ("a2", "a * 2")]
    )
    assert layers([a, b, c, a2]) == [[a, b], [c, a2]]


def test_what_is_declared_before_a_column_is_replaced_reads_it_as_it_was() -> None:
    declared = [("a", "x + 1"), ("b", "a + raw"), ("raw", "nullif(raw, 0)"), ("c", "raw")]
    a, b, raw, c = (Derivation(*each, "Made up.") for each in declared)
    assert layers([a, b, raw, c]) == [[a], [b, raw], [c]]
