"""The numbers of a small example, as the code of one version computes them: other numbers are another version."""

import pytest
from pyspark.sql import DataFrame, SparkSession

from features.declarations import Declarations
from features.plan.encodings import Encoding, fit
from features.plan.feature_table import feature_table
from features.plan.identity import COMPUTED_BY
from features.spec import (
    COUNT,
    DECAYED,
    EVER,
    KEY,
    MAX,
    MEAN,
    MIN,
    STD,
    SUM,
    TREND,
    Code,
    Column,
    Derivation,
    Derived,
    Encoded,
    Expected,
    Feature,
    GroupDeviation,
    Lookup,
    Ordered,
    Ratio,
    Rollup,
    Slice,
    Table,
    Type,
)
from tests.made_up import made_up

WORK = Column("WORK", Type.TEXT, "Work.", levels=("baker", "diver"))
PEOPLE = Table(
    name="people",
    prefix="people",
    files=(),
    about="A person.",
    key=("SK_ID_CURR",),
    columns=(*made_up("SK_ID_CURR", "TARGET", "INCOME"), WORK),
    derivations=(
        Derivation("as_told", "INCOME", "Income as it was delivered."),
        Derivation("INCOME", "nullif(INCOME, 0)", "Income; 0 is unknown."),
    ),
    features=(
        Derived("INCOME", "INCOME", "affordability", "Income."),
        Derived("TOLD", "as_told", "affordability", "Income as it was told."),
        Encoded("WORK_FREQUENCY", "WORK", Code.FREQUENCY, "employment", "How common the work is."),
        Encoded("WORK_ORDER", "WORK", Code.ORDINAL, "employment", "Work in its order.", order=WORK.levels),
        GroupDeviation("INCOME_VS_WORK", "INCOME", "WORK", "affordability", "Income less that of the same work."),
        Expected("USUAL_DEBT", "loans", "DEBT", "DEBT > 10", "KIND", "'car'", "bureau debt", "Usual debt of a car."),
        Derived("USUAL_TO_INCOME", "USUAL_DEBT / INCOME", "affordability", "Usual debt over income."),
    ),
)
LARGE = Slice("large", "DEBT > 15", "Large.")
EVERY = (COUNT, SUM, MEAN, MIN, MAX, STD, TREND, DECAYED)
LOANS = Table(
    name="loans",
    prefix="loans",
    files=(),
    about="A loan.",
    key=("SK_ID_LOAN",),
    columns=(*made_up("SK_ID_CURR", "SK_ID_LOAN", "DAYS", "DEBT", "PAID"), Column("KIND", Type.TEXT, "Kind.")),
    parent=("people", "SK_ID_CURR"),
    derivations=(Derivation("gap", "previous_age - age", "Days since the loan before."),),
    age="-DAYS",
    order=("SK_ID_LOAN DESC",),
    features=(
        Feature("debt", "DEBT", EVERY, "bureau debt", "Debt.", windows=(90, EVER)),
        Feature("debt", "DEBT", (MEAN,), "bureau debt", "Debt.", slices=(LARGE,)),
        Feature("gap", "gap", (MAX,), "bureau history", "Days since the loan before."),
        Feature("late", "loan_months_late_mean_ever", (MEAN,), "bureau delinquency", "Share of months late."),
        Ordered("debt", "DEBT", (SUM,), "bureau debt", "Debt.", last=(1, 2), first=(1,)),
        Ratio("debt_to_paid", "DEBT", "PAID", "bureau debt", "Debt over what was paid."),
        Derived("loans_last_to_all", "loans_debt_sum_last1 / nullif(loans_debt_sum_ever, 0)", "bureau debt", "Last."),
    ),
)
MONTHS = Table(
    name="months",
    prefix="months",
    files=(),
    about="A payment in a month of a loan.",
    key=("SK_ID_LOAN", "MONTH", "NUMBER"),
    columns=made_up("SK_ID_LOAN", "MONTH", "NUMBER", "PAID", "DUE"),
    parent=("loans", "SK_ID_LOAN"),
    before_rollup=(Derivation("PAID", "case when NUMBER < 9 then PAID end", "9 is a mistake."),),
    rollup=Rollup(
        ("SK_ID_LOAN", "MONTH"),
        (Derivation("PAID", "sum(PAID)", "Paid."), Derivation("DUE", "max(DUE)", "Due.")),
    ),
    lookups=(Lookup("loans", ("SK_ID_LOAN",), ("DEBT",)),),
    derivations=(Derivation("late", "PAID < DUE and DEBT > 10", "Paid short of a loan that counts."),),
    age="-MONTH",
    age_unit="m",
    parent_features=(Feature("late", "late", (MEAN,), "bureau delinquency", "Late."),),
)
DECLARED = Declarations(
    (PEOPLE, LOANS, MONTHS),
    (Derived("DEBT_TO_INCOME", "loans_debt_sum_ever / INCOME", "total burden", "Debt over income."),),
)

ANNA_MANY, BRUNO_ONE, CLARA_NEW_WITHOUT = 1, 2, 3
ROWS = {
    "people": [(ANNA_MANY, 0, 100.0, "baker"), (BRUNO_ONE, 1, 0.0, "diver"), (CLARA_NEW_WITHOUT, None, 60.0, "baker")],
    "loans": [
        (ANNA_MANY, 11, -10, 10.0, 1.0, "car"),
        (ANNA_MANY, 12, -10, 20.0, None, "car"),
        (ANNA_MANY, 13, -89, 40.0, 2.5, "flat"),
        (ANNA_MANY, 14, -90, None, 3.0, "car"),
        (ANNA_MANY, 15, -400, 35.5, 4.0, "car"),
        (ANNA_MANY, 16, 5, 999.0, 9.0, "car"),  # after the application
        (BRUNO_ONE, 21, 0, 12.25, 0.0, "car"),
    ],
    "months": [
        (12, -1, 1, 5.0, 10.0),
        (12, -1, 2, 5.0, 10.0),
        (12, -2, 1, 5.0, 10.0),
        (12, -2, 9, 5.0, 10.0),
        (13, -1, 1, 1.0, 2.0),
        (11, -1, 1, 1.0, 2.0),
    ],
}
SCHEMAS = {
    "people": "SK_ID_CURR BIGINT, TARGET BIGINT, INCOME DOUBLE, WORK STRING",
    "loans": "SK_ID_CURR BIGINT, SK_ID_LOAN BIGINT, DAYS BIGINT, DEBT DOUBLE, PAID DOUBLE, KIND STRING",
    "months": "SK_ID_LOAN BIGINT, MONTH BIGINT, NUMBER BIGINT, PAID DOUBLE, DUE DOUBLE",
}

VERSION = 1
NUMBERS: dict[str, tuple[float | None, float | None, float | None]] = {
    "INCOME": (100.0, None, 60.0),
    "TOLD": (100.0, 0.0, 60.0),
    "WORK_FREQUENCY": (0.5, 0.5, 0.5),
    "WORK_ORDER": (0.0, 1.0, 0.0),
    "INCOME_VS_WORK": (0.0, None, -40.0),
    "USUAL_DEBT": (20.0, 20.0, 20.0),
    "USUAL_TO_INCOME": (0.2, None, 0.3333333333333333),
    "loans_debt_count_90d": (3.0, 1.0, 0.0),
    "loans_debt_sum_90d": (70.0, 12.25, 0.0),
    "loans_debt_mean_90d": (23.333333333333332, 12.25, None),
    "loans_debt_min_90d": (10.0, 12.25, None),
    "loans_debt_max_90d": (40.0, 12.25, None),
    "loans_debt_std_90d": (15.275252316519467, None, None),
    "loans_debt_trend_90d": (-0.3164556962025317, None, None),
    "loans_debt_decayed_90d": (22.177874447228312, 12.25, None),
    "loans_debt_count_ever": (5.0, 1.0, 0.0),
    "loans_debt_sum_ever": (105.5, 12.25, 0.0),
    "loans_debt_mean_ever": (26.375, 12.25, None),
    "loans_debt_min_ever": (10.0, 12.25, None),
    "loans_debt_max_ever": (40.0, 12.25, None),
    "loans_debt_std_ever": (13.876689086377917, None, None),
    "loans_debt_trend_ever": (-0.04484848924657054, None, None),
    "loans_debt_decayed_ever": (23.63212547610772, 12.25, None),
    "loans_debt_mean_large_ever": (31.833333333333332, None, None),
    "loans_gap_max_ever": (310.0, None, None),
    "loans_late_mean_ever": (0.5, None, None),
    "loans_debt_sum_last1": (20.0, 12.25, 0.0),
    "loans_debt_sum_last2": (30.0, 12.25, 0.0),
    "loans_debt_sum_first1": (35.5, 12.25, 0.0),
    "loans_debt_to_paid_ever": (11.4, None, None),
    "loans_last_to_all": (0.1895734597156398, 1.0, None),
    "DEBT_TO_INCOME": (1.055, None, 0.0),
}
"""By feature those of Anna, Bruno and Clara."""

SAY = (
    "the code of features/plan gives other numbers than version {before}: so that no model reads them as those it was "
    "trained on, raise COMPUTED_BY in features/plan/identity.py to {after}, and write here VERSION = {after} and\n"
    "{numbers}"
)


@pytest.fixture(scope="module")
def table(spark: SparkSession) -> DataFrame:
    sources = {name: spark.createDataFrame(rows, SCHEMAS[name]) for name, rows in ROWS.items()}
    fitted = fit(sources, PEOPLE, DECLARED.by_name).collect()
    encodings = tuple(Encoding(row["name"], row["level"], row["value"]) for row in fitted)
    return feature_table(sources, encodings, declared=DECLARED)


def test_the_computing_code_gives_the_numbers_of_its_version(table: DataFrame) -> None:
    rows = {row[KEY]: row for row in table.collect()}
    names = [named.name for named in DECLARED.features]
    assert table.columns == [KEY, "TARGET", *names]
    found = {name: tuple(rows[each][name] for each in (ANNA_MANY, BRUNO_ONE, CLARA_NEW_WITHOUT)) for name in names}
    same = found.keys() == NUMBERS.keys() and all(
        found[name] == pytest.approx(NUMBERS[name], rel=1e-12) for name in found
    )
    numbers = "\n".join(f'    "{name}": {values},' for name, values in found.items())
    assert same, SAY.format(before=VERSION, after=max(VERSION + 1, COMPUTED_BY), numbers=numbers)
    assert COMPUTED_BY == VERSION, f"these are the numbers of version {VERSION}: COMPUTED_BY need not be {COMPUTED_BY}"
