"""What is read of a cell without an engine is what the contract reads; what is not plain is left to it."""

from decimal import Decimal

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import types as T

from features import contract
from features.contract import BROKEN_LINE, FILE
from features.memory.cells import Cells
from features.spec import KEY, Type
from jobs.serving.uploads import COLUMNS, CONTRACT
from tests.deliveries import row
from tests.edges import edge_delivery

ODD = {
    Type.ID: ["0", "-5", " 100001", "+100001", "9223372036854775808", "1e5", "100001.5"],
    Type.WHOLE: ["12.0", "+3", "-0", "0012", "3.5", " 3", "1e2", "", "TRUE"],
    Type.AMOUNT: ["1000.5", "+1000", "1000.12345", "1e5", "1,000", " 1000", "99999999999999999", "nan"],
    Type.REAL: ["0.5", ".5", "5.", "1e-300", "-0.0", "0x1p3", "NaN", "1e400", " 0.5", "0.5d", "Infinity"],
    Type.TEXT: ["a level never seen", " ", "Ü", "\u200b"],
}
ODD_COLUMN = {
    Type.ID: "SK_ID_CURR",
    Type.WHOLE: "CNT_CHILDREN",
    Type.AMOUNT: "AMT_CREDIT",
    Type.REAL: "EXT_SOURCE_1",
    Type.TEXT: "ORGANIZATION_TYPE",
}


def cells_of(cells: dict[str, str]) -> tuple[str | None, ...]:
    return tuple(cells[name] or None for name in COLUMNS)


@pytest.fixture(scope="module")
def sent() -> list[tuple[str | None, ...]]:
    """Plain rows with an odd cell each, and all that lies at the edges of the contract."""
    odd = [
        row("application_test", **{"SK_ID_CURR": str(100_001 + place), ODD_COLUMN[kind]: text})
        for kind, texts in ODD.items()
        for place, text in enumerate(texts)
    ]
    return [cells_of(each) for each in [*odd, *edge_delivery()["application_test"]]]


def test_a_row_that_is_read_is_what_the_contract_reads(spark: SparkSession, sent: list[tuple[str | None, ...]]) -> None:
    text = T.StructType([T.StructField(name, T.StringType()) for name in (FILE, BROKEN_LINE, *COLUMNS)])
    rows = spark.createDataFrame([(str(place), None, *cells) for place, cells in enumerate(sent)], text)
    accepted = contract.accepted_rows(contract.parse(rows, CONTRACT), CONTRACT).toArrow()
    by_place = {int(each.pop(FILE)): each for each in accepted.to_pylist()}
    read = Cells(CONTRACT).sort(sent)
    kept = [place for place in range(len(sent)) if place not in set(read.in_doubt)]
    assert read.kept.to_pylist() == [by_place[place] for place in kept]
    assert read.kept.schema.types == accepted.drop_columns([FILE]).schema.types
    odd = sum(len(texts) for texts in ODD.values())
    key = COLUMNS.index(KEY)
    assert [sent[place][key] for place in read.in_doubt if place >= odd] == [str(2**63 - 1)], (
        "at the edges all is plain"
    )


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("CNT_CHILDREN", "2.0", 2),
        ("AMT_CREDIT", "406597.5", Decimal("406597.500")),
        ("EXT_SOURCE_1", "1e-300", 0.0),
        ("EXT_SOURCE_1", "", None),
        ("ORGANIZATION_TYPE", "Barber", "Barber"),
    ],
)
def test_a_plain_cell(column: str, cell: str, value: object) -> None:
    read = Cells(CONTRACT).sort([cells_of(row("application_test", **{column: cell}))])
    assert read.in_doubt == []
    assert read.kept.column(column).to_pylist() == [value]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("CNT_CHILDREN", "two"),
        ("CNT_CHILDREN", "-1"),
        ("FLAG_OWN_CAR", "maybe"),
        ("SK_ID_CURR", ""),
        ("AMT_CREDIT", "1e5"),
    ],
)
def test_what_may_be_wrong_is_left_to_the_engine(column: str, cell: str) -> None:
    plain = cells_of(row("application_test"))
    read = Cells(CONTRACT).sort([plain, cells_of(row("application_test", **{column: cell})), plain])
    assert read.in_doubt == [1]
    assert read.kept.num_rows == 2
