"""Categories become numbers by what the labelled rows say, and by nothing else."""

import pytest
from pyspark.sql import DataFrame, SparkSession

from features.plan.encodings import ENCODING_SCHEMA, Encoding, Encodings, apply, fit
from features.spec import Code, Column, Derivation, Encoded, Expected, GroupDeviation, Table, Type
from tests.made_up import made_up

SCHOOL = Column("SCHOOL", Type.TEXT, "School.", levels=("low", "middle", "high"))
PEOPLE = Table(
    name="people",
    prefix="",
    files=("people",),
    about="A person.",
    key=("SK_ID_CURR",),
    columns=(*made_up("SK_ID_CURR", "TARGET", "INCOME"), Column("WORK", Type.TEXT, "Work."), SCHOOL),
    derivations=(Derivation("WORK", "nullif(WORK, 'XNA')", "XNA is unknown."),),
    features=(
        Encoded("WORK_FREQUENCY", "WORK", Code.FREQUENCY, "employment", "How common the work is."),
        Encoded("SCHOOL_ORDINAL", "SCHOOL", Code.ORDINAL, "employment", "School.", order=SCHOOL.levels),
        GroupDeviation("INCOME_TO_WORK", "INCOME", "WORK", "employment", "Income less its median among that work."),
        Expected(
            "TERM", "loans", "TERM", "GRANTED", "cast(PAYMENT as string)", "'5.0'", "loan size", "Usual term of loans."
        ),
    ),
)
LOANS = Table(
    name="loans",
    prefix="loan",
    files=(),
    about="A loan.",
    key=("DAYS",),
    columns=made_up("SK_ID_CURR", "DAYS", "PAYMENT", "TERM", "GRANTED"),
    age="-DAYS",
)
NEW = None
ROWS = [
    # id, label, work, school, income
    (1, 0, "baker", "low", 10.0),
    (2, 1, "baker", "high", 30.0),
    (3, 0, "baker", "middle", 20.0),
    (4, 0, "XNA", "low", 100.0),
    (5, NEW, "baker", "academic", 50.0),
    (6, NEW, "diver", None, 7.0),  # a work that no labelled row has
    (7, NEW, None, "high", None),
]


@pytest.fixture(scope="module")
def people(spark: SparkSession) -> DataFrame:
    schema = "SK_ID_CURR BIGINT, TARGET BIGINT, WORK STRING, SCHOOL STRING, INCOME DOUBLE"
    return spark.createDataFrame(ROWS, schema)


@pytest.fixture(scope="module")
def loans(spark: SparkSession) -> DataFrame:
    rows = [
        # applicant, days, payment, term, granted
        (1, -10, 5.0, 12, True),
        (1, -20, 5.0, 24, True),
        (2, -30, 5.0, 60, True),
        (2, -40, 5.0, 99, False),  # was not granted
        (3, 40, 5.0, 99, True),  # lies after the application
        (5, -50, 5.0, 99, True),  # of an applicant without label
        (3, -60, None, 99, True),  # of no known payment
    ]
    return spark.createDataFrame(rows, "SK_ID_CURR BIGINT, DAYS BIGINT, PAYMENT DOUBLE, TERM BIGINT, GRANTED BOOLEAN")


@pytest.fixture(scope="module")
def encodings(people: DataFrame, loans: DataFrame) -> Encodings:
    rows = fit({"people": people, "loans": loans}, PEOPLE, {"people": PEOPLE, "loans": LOANS})
    assert ", ".join(f"{f.name} {f.dataType.simpleString().upper()}" for f in rows.schema.fields) == ENCODING_SCHEMA
    return tuple(Encoding(row.name, row.level, row.value) for row in rows.collect())


def test_only_labelled_rows_are_fitted(encodings: Encodings) -> None:
    assert {(e.name, e.level): e.value for e in encodings} == {
        ("WORK_FREQUENCY", "baker"): 0.75,
        ("INCOME_TO_WORK", "baker"): 20.0,
        ("INCOME_TO_WORK", None): 25.0,
        ("TERM", "5.0"): 24.0,
    }


def test_what_was_fitted_is_applied_to_known_unknown_and_missing_levels(
    people: DataFrame, encodings: Encodings
) -> None:
    known = people.selectExpr("SK_ID_CURR", "nullif(WORK, 'XNA') as WORK", "SCHOOL", "INCOME")
    rows = known.select("SK_ID_CURR", *apply(PEOPLE, encodings)).collect()
    assert {row.TERM for row in rows} == {24.0}
    assert {row.SK_ID_CURR: (row.WORK_FREQUENCY, row.SCHOOL_ORDINAL, row.INCOME_TO_WORK) for row in rows} == {
        1: (0.75, 0.0, -10.0),
        2: (0.75, 2.0, 10.0),
        3: (0.75, 1.0, 0.0),
        4: (None, 0.0, 75.0),
        5: (0.75, None, 30.0),
        6: (0.0, None, -18.0),
        7: (None, 2.0, None),
    }
