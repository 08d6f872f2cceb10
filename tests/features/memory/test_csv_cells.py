"""Lines of CSV as Spark's reader cuts them, wherever their quotes stand."""

import pytest

from features.memory.csv_cells import odd_cells, split_cells


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("a,b", ["a", "b"]),
        ("a,", ["a", None]),
        (",,", [None, None, None]),
        (" a , b ", [" a ", " b "]),
        ('"a, b",c', ["a, b", "c"]),
        ('"a ""b""",c', ['a "b"', "c"]),
        ('"",c', [None, "c"]),
        ('a"b,c""', ['a"b', 'c""']),
        ('"a" ,c', ["a", "c"]),
        ('"a"b,c', ['"a"b', "c"]),
        ('"a" b,c', ['"a" b', "c"]),
        ('"a,c', ["a,c"]),
        ('x,"', ["x", '"']),
        (r'"a\"b",c', [r'"a\"b"', "c"]),
    ],
)
def test_a_line_is_cut_as_spark_cuts_it(line: str, cells: list[str | None]) -> None:
    assert split_cells(line) == cells
    assert list(odd_cells(line)) == cells, "however it is read"
