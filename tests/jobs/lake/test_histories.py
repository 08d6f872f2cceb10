"""Whose rows a caller's applicant is joined with: all from one delivery, the newest that knows them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import types as T

from features import TABLES
from features.contract import names, schema
from features.spec import Column, Table, Type
from jobs.lake.contents import tables_of
from jobs.lake.histories import Histories, NoDeliveryYet, read_histories
from jobs.lake.tables import Lake, by_last_version, source_table

MARCH, APRIL, MAY, JUNE = date(2018, 3, 17), date(2018, 4, 17), date(2018, 5, 17), date(2018, 6, 17)
ANNA, BRUNO, CLARA, DORA, EMIL, FRIDA = 1, 2, 3, 4, 5, 6

Rows = list[dict[str, int]]

DELIVERIES: dict[date, dict[str, Rows]] = {
    MARCH: {
        "bureau": [{"SK_ID_CURR": ANNA, "SK_ID_BUREAU": 10}, {"SK_ID_CURR": EMIL, "SK_ID_BUREAU": 50}],
        "bureau_balance": [{"SK_ID_BUREAU": 10, "MONTHS_BALANCE": -3}, {"SK_ID_BUREAU": 50, "MONTHS_BALANCE": -3}],
    },
    APRIL: {
        "application": [{"SK_ID_CURR": ANNA}, {"SK_ID_CURR": BRUNO}],
        "bureau": [
            {"SK_ID_CURR": ANNA, "SK_ID_BUREAU": 10},
            {"SK_ID_CURR": BRUNO, "SK_ID_BUREAU": 20},
            {"SK_ID_CURR": EMIL, "SK_ID_BUREAU": 50},
        ],
        "bureau_balance": [{"SK_ID_BUREAU": loan, "MONTHS_BALANCE": -1} for loan in (10, 20, 50)],
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
CORRECTED = DELIVERIES[MARCH] | {"credit_card_balance": [{"SK_ID_CURR": FRIDA, "SK_ID_PREV": 600}]}
UNPUBLISHED: dict[str, Rows] = {
    "bureau": [{"SK_ID_CURR": each, "SK_ID_BUREAU": 99} for each in (ANNA, EMIL, FRIDA)],
    "bureau_balance": [{"SK_ID_BUREAU": 50, "MONTHS_BALANCE": -99}],
}


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three deliveries, of which the first was corrected last; and others, or the same again, that were written and
    never recorded."""
    made = Lake(str(tmp_path_factory.mktemp("lake")), spark)
    publish(made, MARCH, DELIVERIES[MARCH])
    publish(made, APRIL, DELIVERIES[APRIL])
    write(made, APRIL, UNPUBLISHED)
    publish(made, MAY, DELIVERIES[MAY])
    publish(made, MARCH, CORRECTED)
    write(made, MARCH, UNPUBLISHED)
    write(made, JUNE, UNPUBLISHED)
    return made


def publish(lake: Lake, day: date, tables: dict[str, Rows], declared: Sequence[Table] = TABLES) -> None:
    lake.record_delivery(day, "made up", write(lake, day, tables, declared))


def write(lake: Lake, day: date, tables: dict[str, Rows], declared: Sequence[Table] = TABLES) -> dict[str, int]:
    """Versions of every source table, after a delivery's rows were put into it."""
    versions = {}
    for table in declared:
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


def test_of_older_deliveries_the_newest_counts_as_it_was_recorded(lake: Lake) -> None:
    found = read_histories(lake, None, [ANNA, DORA, EMIL, FRIDA])
    assert found.deliveries == {ANNA: MAY, EMIL: APRIL, FRIDA: MARCH}
    assert ids(found, "bureau", "SK_ID_BUREAU") == [10, 50]
    assert ids(found, "bureau_balance", "MONTHS_BALANCE") == [-7, -1]
    assert ids(found, "credit_card_balance", "SK_ID_PREV") == [600]


@pytest.mark.parametrize(
    ("recorded", "read"),
    [
        ({}, {}),
        ({MARCH: 0}, {0: [MARCH]}),
        ({MARCH: 0, APRIL: 1, MAY: 2}, {2: [MARCH, APRIL, MAY]}),
        ({MARCH: 3, APRIL: 1, MAY: 2}, {3: [APRIL, MAY, MARCH]}),
        ({MARCH: 0, APRIL: 1, MAY: 1}, {1: [MARCH, APRIL, MAY]}),  # of two that were written at once
        ({MARCH: 0, APRIL: 1, MAY: 3}, {1: [MARCH, APRIL], 3: [MAY]}),
        ({MARCH: 7, APRIL: 1, MAY: 3}, {1: [APRIL], 3: [MAY], 7: [MARCH]}),
    ],
)
def test_deliveries_are_read_at_one_version_where_nothing_was_written_between(
    recorded: dict[date, int], read: dict[int, list[date]]
) -> None:
    assert by_last_version(recorded) == read


def test_a_delivery_of_before_a_table_and_a_column_were_declared_has_no_row_and_no_value_there(lake: Lake) -> None:
    made = Lake(f"{lake.root}-older", lake.spark)
    bureau = replace(
        TABLES[1], columns=tuple(column for column in TABLES[1].columns if column.name != "CREDIT_CURRENCY")
    )
    assert bureau.name == "bureau"
    cards = "credit_card_balance"
    publish(made, MARCH, DELIVERIES[MARCH], [bureau if t.name == "bureau" else t for t in TABLES if t.name != cards])
    publish(made, MAY, DELIVERIES[MAY])
    older = made.delivered_tables(MARCH)
    assert {table.name: older[table.name].columns for table in TABLES} == {t.name: list(names(t)) for t in TABLES}
    assert older[cards].count() == 0
    assert [row["CREDIT_CURRENCY"] for row in older["bureau"].collect()] == [None, None]
    assert cards not in {state.name for state in tables_of(made, MARCH)}
    found = read_histories(made, None, [CLARA, EMIL])
    assert found.deliveries == {CLARA: MAY, EMIL: MARCH}
    assert ids(found, "bureau_balance", "SK_ID_BUREAU") == [50]
    assert ids(found, cards, "SK_ID_PREV") == [300]


def test_a_table_without_the_applicants_key_is_found_by_its_parents_rows(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever the parent is: of an earlier application, and of a row that was itself found by its parent."""
    letters = Table(
        name="letters",
        prefix="letters",
        files=("letters",),
        about="A letter about an earlier application.",
        key=("SK_ID_LETTER",),
        columns=tuple(Column(name, Type.ID, "Made up.", required=True) for name in ("SK_ID_LETTER", "SK_ID_PREV")),
        parent=("previous_application", "SK_ID_PREV"),
    )
    answers = replace(
        letters, name="answers", columns=letters.columns[:1], parent=("letters", "SK_ID_LETTER"), files=("answers",)
    )
    declared = (*TABLES, letters, answers)
    made = Lake(f"{lake.root}-letters", lake.spark)
    rows = {
        "letters": [{"SK_ID_LETTER": 1, "SK_ID_PREV": 200}, {"SK_ID_LETTER": 2, "SK_ID_PREV": 201}],
        "answers": [{"SK_ID_LETTER": 1}, {"SK_ID_LETTER": 2}],
    }
    publish(made, APRIL, DELIVERIES[APRIL] | rows, declared)
    for module in ("histories", "tables"):
        monkeypatch.setattr(f"jobs.lake.{module}.TABLES", declared)
    found = read_histories(made, None, [BRUNO])
    assert ids(found, "letters", "SK_ID_LETTER") == ids(found, "answers", "SK_ID_LETTER") == [1]


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


def test_deliveries_after_the_day_that_is_asked_for_are_not_looked_into(lake: Lake) -> None:
    as_of_april = read_histories(lake, None, [ANNA, CLARA], until=date(2018, 5, 16))
    assert as_of_april.deliveries == {ANNA: APRIL}
    assert as_of_april.tables["bureau"].column("run_date").to_pylist() == [APRIL]
    assert as_of_april.tables["bureau_balance"].column("run_date").to_pylist() == [APRIL]
    assert read_histories(lake, None, [ANNA], until=MAY).deliveries == {ANNA: MAY}
    assert read_histories(lake, APRIL, [ANNA], until=JUNE).deliveries == {ANNA: APRIL}


@pytest.mark.parametrize(("run_date", "first"), [(None, MARCH), (MAY, MAY)])
def test_a_day_before_every_delivery_has_none(lake: Lake, run_date: date | None, first: date) -> None:
    with pytest.raises(NoDeliveryYet, match=f"no delivery up to 2018-03-16, the first is of {first}"):
        read_histories(lake, run_date, [ANNA], until=date(2018, 3, 16))
