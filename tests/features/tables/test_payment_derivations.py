"""What is derived from single rows of earlier applications, instalments, balances and cards, case by case."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from features import TABLES
from features.plan.history_rows import feature_rows
from features.spec import Table, Type

BY_NAME = {table.name: table for table in TABLES}
PREVIOUS = BY_NAME["previous_application"]
INSTALMENTS = BY_NAME["installments_payments"]
POS = BY_NAME["POS_CASH_balance"]
CARDS = BY_NAME["credit_card_balance"]

Cells = Mapping[str, Any]

TYPICAL: Mapping[str, Cells] = {
    PREVIOUS.name: {
        "NAME_CONTRACT_TYPE": "Cash loans",
        "NAME_CONTRACT_STATUS": "Approved",
        "FLAG_LAST_APPL_PER_CONTRACT": "Y",
        "DAYS_DECISION": -100,
    },
    INSTALMENTS.name: {"NUM_INSTALMENT_VERSION": 1, "NUM_INSTALMENT_NUMBER": 1},
    POS.name: {"MONTHS_BALANCE": -1, "NAME_CONTRACT_STATUS": "Active", "SK_DPD": 0, "SK_DPD_DEF": 0},
    CARDS.name: {"MONTHS_BALANCE": -1, "NAME_CONTRACT_STATUS": "Active", "SK_DPD": 0, "SK_DPD_DEF": 0},
}
"""Cells that a case need not name."""


def seen(
    spark: SparkSession, table: Table, cases: Iterable[tuple[int, Cells]], loans: Cells | None = None
) -> list[Row]:
    """What features see of the rows: (loan, cells) each, all of one applicant; `loans` are terms of loan 1."""
    sources = {table.name: frame(spark, table, [{"SK_ID_PREV": loan, **cells} for loan, cells in cases])}
    if table is not PREVIOUS:
        sources[PREVIOUS.name] = frame(spark, PREVIOUS, [{"SK_ID_PREV": 1, **(loans or {})}])
    return feature_rows(table, sources, BY_NAME).collect()


def frame(spark: SparkSession, table: Table, rows: Iterable[Cells]) -> Any:
    """Typed rows of a source table; cells that are neither given nor typical are null."""
    filled = [{"SK_ID_CURR": 7, **TYPICAL[table.name], **cells} for cells in rows]
    cells = [
        tuple(
            Decimal(str(row[c.name])) if c.type is Type.AMOUNT and row.get(c.name) is not None else row.get(c.name)
            for c in table.columns
        )
        for row in filled
    ]
    return spark.createDataFrame(cells, ", ".join(f"{c.name} {c.type.ddl}" for c in table.columns))


PAYMENTS = ("DAYS_INSTALMENT", "DAYS_ENTRY_PAYMENT", "AMT_INSTALMENT", "AMT_PAYMENT")
# name                 due paid  amount   paid    delay late early short paid_share payments first_late mean_late
PAYMENT_CASES = """
on_the_due_day         -30  -30  100.000  100.000     0    0     0     0        1.0        1          0       0.0
a_week_early           -30  -37  100.000  100.000    -7    0     7     0        1.0        1          0       0.0
ten_days_late          -30  -20  100.000  100.000    10   10     0     0        1.0        1         10      10.0
a_quarter_short        -30  -30  100.000   75.000     0    0     0    25       0.75        1          0       0.0
twice_and_more         -30  -30  100.000  350.000     0    0     0     0        2.0        1          0       0.0
part_early             -30  -40  100.000   60.000     .    .     .     .          .        .          .         .
part_early             -30  -10  100.000   40.000    20   20     0     0        1.0        2          0       2.0
never_paid             -30    .  100.000        .    30   30     0   100        0.0        0         30      30.0
paid_after_application  -5    3  100.000  100.000     5    5     0   100        0.0        0          5       5.0
part_after_application  -5   -6  100.000   40.000     .    .     .     .          .        .          .         .
part_after_application  -5    2  100.000   60.000    -1    0     1    60        0.4        1          0       0.0
paid_nothing           -30  -30  100.000    0.000     0    0     0   100        0.0        1          0      30.0
nothing_was_due        -30  -30    0.000   50.000     0    0     0     0          .        1          0       0.0
"""
PAYMENT_RESULTS = (
    "delay",
    "days_late",
    "days_early",
    "short",
    "paid_share",
    "payments",
    "first_days_late",
    "mean_days_late",
)


def number(cell: str) -> float | None:
    return None if cell == "." else float(cell)


def test_payments_of_an_instalment(spark: SparkSession) -> None:
    lines = [line.split() for line in PAYMENT_CASES.split("\n") if line]
    loan = {name: place for place, name in enumerate(dict.fromkeys(line[0] for line in lines), start=1)}
    given, expected = [], {}
    for name, due, paid_day, amount, paid, *results in lines:
        day = None if paid_day == "." else int(paid_day)
        money = None if paid == "." else paid
        given.append((loan[name], dict(zip(PAYMENTS, (int(due), day, amount, money), strict=True))))
        expected[name] = [number(cell) for cell in results]
    due_tomorrow = (99, dict(zip(PAYMENTS, (1, -3, "100", "100"), strict=True)))

    rows = {row.SK_ID_PREV: row for row in seen(spark, INSTALMENTS, [*given, due_tomorrow])}

    found = {name: [rows[place][result] for result in PAYMENT_RESULTS] for name, place in loan.items()}
    assert found == expected
    assert due_tomorrow[0] not in rows


def annuity(credit: float, rate: float, months: int) -> str:
    """The monthly payment of a loan, to a tenth of a penny."""
    return f"{credit * rate / (1 - (1 + rate) ** -months):.3f}"


def test_monthly_rate_is_that_of_the_annuity(spark: SparkSession) -> None:
    terms = [(rate, months) for rate in (0.0005, 0.005, 0.02, 0.05, 0.1, 0.4) for months in (1, 3, 6, 12, 24, 60, 84)]
    loans = [
        (place, {"AMT_CREDIT": 1_000_000, "AMT_ANNUITY": annuity(1_000_000, rate, months), "CNT_PAYMENT": months})
        for place, (rate, months) in enumerate(terms)
    ]
    free_of_interest, discounted, card = 100, 101, 102
    odd = [
        (free_of_interest, {"AMT_CREDIT": 1200, "AMT_ANNUITY": 100, "CNT_PAYMENT": 12}),
        (discounted, {"AMT_CREDIT": 1200, "AMT_ANNUITY": 90, "CNT_PAYMENT": 12}),
        (card, {"AMT_CREDIT": 1200, "AMT_ANNUITY": 60, "CNT_PAYMENT": 0}),
    ]

    rows = {row.SK_ID_PREV: row for row in seen(spark, PREVIOUS, [*loans, *odd])}

    assert [rows[place].monthly_rate for place, _ in loans] == pytest.approx([rate for rate, _ in terms], rel=1e-5)
    assert [rows[place].monthly_rate for place, _ in odd] == [0, 0, None]
    # 12 payments of 90 are 120 less than was lent, which is -1/10 of it.
    assert rows[discounted].interest_share == pytest.approx(-0.1)
    assert rows[discounted].flat_rate == pytest.approx(24 * -0.1 / 13)


def test_earlier_applications(spark: SparkSession) -> None:
    running, ended, refused, mistaken, future, bare = range(1, 7)
    cases = [
        (running, {"DAYS_LAST_DUE": 365243, "DAYS_TERMINATION": 365243, "DAYS_FIRST_DUE": -70, "CNT_PAYMENT": 12}),
        (ended, {"DAYS_LAST_DUE": -400, "DAYS_LAST_DUE_1ST_VERSION": -340, "DAYS_FIRST_DUE": -900, "CNT_PAYMENT": 18}),
        (refused, {"NAME_CONTRACT_STATUS": "Refused", "DAYS_LAST_DUE": 365243, "NAME_YIELD_GROUP": "XNA"}),
        (mistaken, {"FLAG_LAST_APPL_PER_CONTRACT": "N"}),
        (future, {"DAYS_DECISION": 1}),
        (bare, {"AMT_CREDIT": 0, "AMT_ANNUITY": 0, "AMT_DOWN_PAYMENT": "-0.450", "DAYS_FIRST_DUE": 365243}),
    ]
    cases[0][1]["AMT_ANNUITY"] = 100

    rows = {row.SK_ID_PREV: row for row in seen(spark, PREVIOUS, cases)}

    assert set(rows) == {running, ended, refused, bare}
    assert [rows[case].active for case in (running, ended, refused, bare)] == [True, False, False, False]
    assert (rows[running].DAYS_LAST_DUE, rows[running].DAYS_TERMINATION) == (None, None)
    # Due 70, 40 and 10 days before the application, so that 9 of 12 are left.
    assert (rows[running].instalments_left, rows[running].debt_left) == (9, 900)
    assert rows[ended].instalments_left is None
    assert rows[ended].days_saved == 60
    assert rows[refused].NAME_YIELD_GROUP is None
    assert (rows[bare].AMT_CREDIT, rows[bare].AMT_ANNUITY, rows[bare].AMT_DOWN_PAYMENT) == (None, None, 0)
    assert rows[bare].DAYS_FIRST_DUE is None
    assert rows[ended].AMT_DOWN_PAYMENT is None


def test_balances_of_a_loan(spark: SparkSession) -> None:
    # month, status, instalments left -> status
    cases = [
        (-1, "Active", 6, "Active"),
        (-2, "Completed", 6, "Active"),
        (-3, "Active", 0, "Completed"),
        (-4, "Completed", 0, "Completed"),
        (-5, "Active", None, "Active"),
        (-6, "XNA", 6, None),
        (1, "Active", 5, "after the application"),
    ]
    given = [
        (
            1,
            {
                "MONTHS_BALANCE": month,
                "NAME_CONTRACT_STATUS": status,
                "CNT_INSTALMENT": 10,
                "CNT_INSTALMENT_FUTURE": left,
            },
        )
        for month, status, left, _ in cases
    ]

    rows = seen(spark, POS, [*given, (2, {})], loans={"AMT_ANNUITY": 50, "CNT_PAYMENT": 12})

    found = {row.MONTHS_BALANCE: row for row in rows if row.SK_ID_PREV == 1}
    assert {m: row.NAME_CONTRACT_STATUS for m, row in found.items()} == {m: then for m, _, _, then in cases if m <= 0}
    assert (found[-1].debt, found[-1].left_share, found[-1].term_cut) == (300, 0.6, 2)
    [orphan] = [row for row in rows if row.SK_ID_PREV == 2]
    assert (orphan.NAME_CONTRACT_TYPE, orphan.debt) == (None, None)


def test_balances_of_a_card(spark: SparkSession) -> None:
    due, balance, limit, paid = (
        "AMT_INST_MIN_REGULARITY",
        "AMT_BALANCE",
        "AMT_CREDIT_LIMIT_ACTUAL",
        "AMT_PAYMENT_CURRENT",
    )
    half_used, no_limit, nothing_due, missed, paid_off, reversed_drawing = range(1, 7)
    cases = [
        (half_used, {balance: 500, limit: 1000, due: 50, paid: 100}),
        (no_limit, {balance: 500, limit: 0}),
        (nothing_due, {balance: 0, limit: 1000, due: 0, paid: 100}),
        (missed, {balance: 500, limit: 1000, due: 50}),
        (paid_off, {balance: -20, limit: 1000, due: 50, paid: 5000}),
        (reversed_drawing, {balance: 500, limit: 1000, "AMT_DRAWINGS_CURRENT": -300}),
    ]

    rows = {row.SK_ID_PREV: row for row in seen(spark, CARDS, cases)}

    found = {case: (row.use, row.paid_to_minimum, row.below_minimum) for case, row in rows.items()}
    assert found == {
        half_used: (0.5, 2, False),
        no_limit: (None, None, None),
        nothing_due: (0, None, None),
        missed: (0.5, 0, True),
        paid_off: (-0.02, 10, False),
        reversed_drawing: (0.5, None, None),
    }
    assert rows[reversed_drawing].AMT_DRAWINGS_CURRENT is None
