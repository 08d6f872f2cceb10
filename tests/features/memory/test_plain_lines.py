"""What is taken of lines without an engine is what the engine's stand-in for single rows takes too."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import TABLES
from features.memory.cells import Cells
from features.memory.plain_lines import PlainLines
from features.spec import Table

NUMBER = st.text("0123456789.-+eE ", max_size=8)
TEXT = st.text(st.sampled_from('abCX 01".,-\\\t\u00e4'), max_size=5)
CELL = st.one_of(st.just(""), st.sampled_from(["1", "0", "-1", "12.0", "9.5", "C", "X", "Y", "1e-05"]), NUMBER, TEXT)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_plain_line_keeps_the_contract(table: Table, data: st.DataObject) -> None:
    """Whatever is said to be plain: nothing that is in doubt of a single row is taken of a line."""
    columns = [column.name for column in table.columns]
    lines = [",".join(data.draw(st.lists(CELL, min_size=len(columns), max_size=len(columns)))) for _ in range(3)]
    assert_same(table, columns, lines)


def assert_same(table: Table, columns: list[str], lines: list[str]) -> int:
    found = PlainLines(table, table.files[0], columns).sort(pa.array(lines))
    in_doubt = found.in_doubt.to_pylist()
    assert sorted([*in_doubt, *(line for line in lines if line not in in_doubt)]) == sorted(lines)
    plain = [[cell.strip('"') or None for cell in line.split(",")] for line in lines if line not in in_doubt]
    if all(len(cells) == len(columns) for cells in plain):  # no comma within quotes
        assert Cells(table).sort(plain).kept.to_pylist() == found.rows.to_pylist()
    return found.rows.num_rows


def usual_line(table: Table) -> str:
    """A line as almost all are."""
    within = ("0" if column.high is not None and column.high < 3 else "3" for column in table.columns)
    return ",".join(
        column.codes[0] if column.codes else cell for column, cell in zip(table.columns, within, strict=True)
    )


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_usual_lines_are_plain(table: Table) -> None:
    columns = [column.name for column in table.columns]
    line = usual_line(table)
    assert assert_same(table, columns, [line, line]) == 2
    assert PlainLines(table, table.files[0], columns).sort(pa.array([], pa.string())).rows.num_rows == 0
