"""The contract on small tables: what a cell means, and what is wrong with a row."""

import math
from dataclasses import replace
from decimal import Decimal

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from features import TABLES
from features.contract import (
    BROKEN_LINE,
    ERRORS,
    FILE,
    accepted_rows,
    contradicting_keys,
    contradictions,
    names,
    of_key,
    parse,
    refused_rows,
    refused_type,
    repeated_keys,
    schema,
    without_repeats,
)
from features.rows_as_sent import read_identifier
from features.spec import Column, Table, Type

LOANS = Table(
    name="loans",
    prefix="loan",
    files=("loans_open", "loans_closed"),
    about="A loan.",
    key=("ID", "END"),
    columns=(
        Column("ID", Type.ID, "Number.", required=True),
        Column("MONTH", Type.WHOLE, "Month; may be empty.", low=-96, high=0),
        Column("AMOUNT", Type.AMOUNT, "Amount.", low=0),
        Column("RATE", Type.REAL, "Rate.", high=1),
        Column("FLAG", Type.WHOLE, "0 or 1.", codes=("0", "1")),
        Column("STATUS", Type.TEXT, "A closed list.", codes=("C", "X")),
        Column("KIND", Type.TEXT, "An open list.", levels=("car", "flat")),
        Column("END", Type.WHOLE, "Last month.", required=True, absent_from=("loans_open",)),
    ),
)
GOOD = {
    FILE: "loans_closed",
    BROKEN_LINE: None,
    "ID": "1",
    "MONTH": "-3",
    "AMOUNT": "9.5",
    "RATE": "0.25",
    "FLAG": "1",
    "STATUS": "C",
    "KIND": "car",
    "END": "0",
}
CELL_SCHEMA = T.StructType([T.StructField(name, T.StringType()) for name in GOOD])


def cells(spark: SparkSession, *changes: dict[str, str | None]) -> DataFrame:
    rows = [{**GOOD, **change} for change in changes]
    return spark.createDataFrame([tuple(row.values()) for row in rows], CELL_SCHEMA)


# What a cell of each type may look like, and what it then is; None where it must not pass.
CELLS_OF = {
    "MONTH": {
        "-12": -12,
        "-12.0": -12,
        "-0.0": 0,
        "-12.5": None,
        "-12.0004": None,
        "-12.00000000000001": None,
        "-1d": None,
        "-1e1": None,
        "1,5": None,
        ".0": None,
        "NaN": None,
        "-9223372036854775809": None,
        "0x1": None,
        "-": None,
    },
    "AMOUNT": {
        "18083.7": Decimal("18083.700"),
        "0": Decimal(0),
        "999999999999999": Decimal(999999999999999),
        "1000000000000000": None,
        "1d": None,
        "NaN": None,
        "Infinity": None,
        "1e400": None,
        "12 000": None,
        "12,5": None,
        "twelve": None,
    },
    "RATE": {
        "0.08303696739132256": 0.08303696739132256,
        "1e-05": 1e-05,
        "-.5": -0.5,
        "-3.": -3.0,
        "1e-300": 0.0,
        "-0.0000000000000001": 0.0,
        "1d": None,
        "1f": None,
        "0x1p-3": None,
        "NaN": None,
        "-Infinity": None,
        "-1e400": None,
        "-" + "9" * 400: None,
        " 0.5": None,
        "0.5%": None,
    },
    "ID": {
        "100002": 100002,
        "100002.0": 100002,
        " 100002 ": 100002,
        "+0100002": 100002,
        "9223372036854775807": 2**63 - 1,
        "9223372036854775808": None,
        "100002.5": None,
        "1e5": None,
        "1_000": None,
        "0": None,
        "-100002": None,
        "no": None,
    },
    "FLAG": {"1": 1, "1.0": 1, "0": 0, "2": None, "yes": None},
    "STATUS": {"C": "C", "X": "X", "c": None, "C ": None},
}


def test_a_cell_means_what_it_says_or_is_refused(spark: SparkSession) -> None:
    tried = [(column, text) for column, texts in CELLS_OF.items() for text in texts]
    # KIND is an open list: it carries the number of the case through.
    frame = cells(spark, *({column: text, "KIND": str(case)} for case, (column, text) in enumerate(tried)))
    parsed = parse(frame, LOANS).cache()
    kept = {int(row["KIND"]): row for row in accepted_rows(parsed, LOANS).collect()}
    refused = {int(row["KIND"]): row for row in refused_rows(parsed, LOANS).collect()}
    assert kept.keys() | refused.keys() == set(range(len(tried)))
    for case, (column, text) in enumerate(tried):
        expected = CELLS_OF[column][text]
        if expected is None:
            assert case in refused, f"{column} took {text}"
            (error,) = refused[case][ERRORS]
            assert (error["column"], error["value"]) == (column, text)
        else:
            assert case in kept, f"{column} refused {text}"
            assert kept[case][column] == expected


def test_an_identifier_is_the_same_to_every_door() -> None:
    assert {text: read_identifier(text) for text in CELLS_OF["ID"]} == CELLS_OF["ID"]


def test_no_zero_has_a_sign(spark: SparkSession) -> None:
    """Engines disagree on whether -0.0 is 0: `nullif(-0.0, 0)`."""
    frame = cells(spark, *({"RATE": text} for text in ("-0.0", "-0", "-1e-300")))
    zeros = accepted_rows(parse(frame, LOANS), LOANS).collect()
    assert [math.copysign(1, row["RATE"]) for row in zeros] == [1.0, 1.0, 1.0]


def test_a_refused_row_tells_all_its_reasons(spark: SparkSession) -> None:
    frame = cells(
        spark,
        {
            "KIND": "everything",
            "ID": None,
            "MONTH": "-97",
            "AMOUNT": "-0.001",
            "RATE": "1.5",
            "FLAG": "7",
            "STATUS": "Q",
        },
        {"KIND": "future", "MONTH": "1.0"},
        {"KIND": "no end", "END": None},
        {"KIND": "still open", "END": None, FILE: "loans_open"},
        {"KIND": "nothing but an id", "MONTH": None, "AMOUNT": None, "RATE": None, "FLAG": None, "STATUS": None},
        {"KIND": "cut", BROKEN_LINE: "7,-3", "ID": None, "END": None},
    )
    parsed = parse(frame, LOANS)
    refused = {row["KIND"]: row for row in refused_rows(parsed, LOANS).collect()}
    assert {kind: [tuple(error) for error in row[ERRORS]] for kind, row in refused.items()} == {
        "everything": [
            ("ID", "", "is empty"),
            ("MONTH", "-97", "is below -96"),
            ("AMOUNT", "-0.001", "is below 0"),
            ("RATE", "1.5", "is above 1"),
            ("FLAG", "7", "is not one of 0, 1"),
            ("STATUS", "Q", "is not one of C, X"),
        ],
        "future": [("MONTH", "1.0", "is above 0")],
        "no end": [("END", "", "is empty")],
        "cut": [("the line", "7,-3", "has more or fewer cells than its header")],
    }
    assert refused["future"]["MONTH"] == "1.0", "the cell stands in quarantine as it was delivered"
    kept = {row["KIND"] for row in accepted_rows(parsed, LOANS).collect()}
    assert kept == {"still open", "nothing but an id"}


def test_rows_that_share_a_key_are_one_row_or_none(spark: SparkSession) -> None:
    frame = cells(
        spark,
        {"ID": "1"},
        {"ID": "2"},
        {"ID": "2", "AMOUNT": "9.500", "MONTH": "-3.0"},  # written otherwise, but the same
        {"ID": "3"},
        {"ID": "3", "AMOUNT": "8"},
        {"ID": "4", "MONTH": None, "AMOUNT": None, "RATE": "1"},  # an empty cell elsewhere is a difference
        {"ID": "4", "MONTH": None, "AMOUNT": "1", "RATE": None},
        {"ID": "5", "MONTH": None},
        {"ID": "5", "MONTH": None},
        {"ID": "6"},
        {"ID": "6", "FLAG": "broken"},  # refused before keys are compared
        {"ID": "7"},
        {"ID": "7", FILE: "loans_open"},  # the file itself is no difference
    )
    accepted = accepted_rows(parse(frame, LOANS), LOANS).cache()
    repeated = repeated_keys(accepted, LOANS)
    contradicting = contradicting_keys(accepted, repeated, LOANS)
    kept = without_repeats(accepted, contradicting, LOANS)
    assert sorted(row["ID"] for row in kept.collect()) == [1, 2, 5, 6, 7]
    refused = contradictions(accepted, contradicting, LOANS).collect()
    assert sorted((row["ID"], row[ERRORS][0]["column"], row[ERRORS][0]["value"]) for row in refused) == [
        ("3", "ID, END", "3, 0"),
        ("3", "ID, END", "3, 0"),
        ("4", "ID, END", "4, 0"),
        ("4", "ID, END", "4, 0"),
    ]
    whole_row = replace(LOANS, key=names(LOANS))  # an empty cell in the key is a key
    assert sorted(row[of_key("ID")] for row in repeated_keys(accepted, whole_row).collect()) == [2, 5, 7]
    kept = without_repeats(accepted, contradicting_keys(accepted, repeated_keys(accepted, whole_row), whole_row), LOANS)
    assert sorted(row["ID"] for row in kept.collect()) == [1, 2, 3, 3, 4, 4, 5, 6, 7]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_source_table_without_rows_has_its_types(spark: SparkSession, table: Table) -> None:
    columns = [FILE, BROKEN_LINE, *names(table)]
    empty = spark.createDataFrame([], T.StructType([T.StructField(name, T.StringType()) for name in columns]))
    parsed = parse(empty, table)
    typed = accepted_rows(parsed, table).drop(FILE).schema
    assert [(field.name, field.dataType) for field in typed] == [
        (field.name, field.dataType) for field in schema(table)
    ]
    declared = spark.createDataFrame([], refused_type(table)).schema
    assert refused_rows(parsed, table).schema.simpleString() == declared.simpleString()
    assert all(
        field.dataType in (T.LongType(), T.DecimalType(18, 3), T.DoubleType(), T.StringType()) for field in typed
    )
