"""Small made-up deliveries: three applicants whose cells come from the contract itself."""

import csv
from pathlib import Path

from features import TABLES
from features.spec import Column, Type

Cells = dict[str, str]
Delivery = dict[str, list[Cells]]

ANNA, BRUNO, CLARA = "100001", "100002", "100003"
TABLE_OF = {file: table for table in TABLES for file in table.files}


def valid_cell(column: Column) -> str:
    """The first level or code, or 0, or the number nearest to it that the contract allows."""
    if column.codes or column.levels:
        return (column.codes or column.levels)[0]
    if column.type is Type.TEXT:
        return "text"
    assert column.low is not None
    assert column.high is not None
    number = min(max(column.low, 0), column.high)
    return f"{number:.1f}" if column.type in (Type.AMOUNT, Type.REAL) else f"{number:.0f}"


def row(file: str, **cells: str) -> Cells:
    """A row that keeps its contract; `cells` go before the made-up ones, which leave out what is optional."""
    columns = [column for column in TABLE_OF[file].columns if file not in column.absent_from]
    unknown = cells.keys() - {column.name for column in columns}
    assert not unknown, f"{file} has no {unknown}"
    made_up = {column.name: valid_cell(column) for column in columns if not column.optional}
    return {**made_up, **cells}


def delivery() -> Delivery:
    """Anna has every history, Bruno none, Clara is new; one bureau balance and one card are nobody's."""
    anna = {"SK_ID_CURR": ANNA, "SK_ID_PREV": "2000001"}
    return {
        "application_train": [
            row("application_train", SK_ID_CURR=ANNA, TARGET="1"),
            row("application_train", SK_ID_CURR=BRUNO, TARGET="0"),
        ],
        "application_test": [row("application_test", SK_ID_CURR=CLARA)],
        "bureau": [row("bureau", SK_ID_CURR=ANNA, SK_ID_BUREAU="5000001", AMT_CREDIT_SUM="1000.125")],
        "bureau_balance": [
            row("bureau_balance", SK_ID_BUREAU="5000001", MONTHS_BALANCE="0"),
            row("bureau_balance", SK_ID_BUREAU="5000001", MONTHS_BALANCE="-1"),
            row("bureau_balance", SK_ID_BUREAU="5999999", MONTHS_BALANCE="0"),
        ],
        "previous_application": [row("previous_application", **anna)],
        "installments_payments": [
            row("installments_payments", **anna, NUM_INSTALMENT_NUMBER=str(number), DAYS_ENTRY_PAYMENT="-3.0")
            for number in (1, 2, 3)
        ],
        "POS_CASH_balance": [row("POS_CASH_balance", **anna, MONTHS_BALANCE="-1")],
        "credit_card_balance": [
            row("credit_card_balance", SK_ID_CURR=CLARA, SK_ID_PREV="2999999", MONTHS_BALANCE="-1")
        ],
    }


def write_delivery(folder: Path, rows_of: Delivery) -> Path:
    """Plain CSV files."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, rows in rows_of.items():
        write_rows(folder / f"{file}.csv", rows)
    return folder


def write_rows(path: Path, rows: list[Cells]) -> None:
    """A header, in the order of the first row's cells, and the rows."""
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
