"""Texts that only Spark's own casts take for numbers, and those that they do not."""

from decimal import Decimal

import pytest

from features.memory.casts import to_amount, to_whole


@pytest.mark.parametrize(
    ("text", "whole", "amount"),
    [
        (None, None, None),
        ("", None, None),
        ("\x0b5\x7f", 5, None),
        (" +5\t", 5, "5.000"),
        ("-0", 0, "0.000"),
        ("12.", None, "12.000"),
        (".5", None, "0.500"),
        (".", None, None),
        ("1e5", None, "100000.000"),
        ("5e-324", None, "0.000"),
        ("1e400", None, None),
        ("0e400", None, None),
        ("0.0005", None, "0.001"),
        ("-1.0005", None, "-1.001"),
        ("999999999999999.9994", None, "999999999999999.999"),
        ("999999999999999.9995", None, None),
        ("9223372036854775807", 2**63 - 1, None),
        ("9223372036854775808", None, None),
        ("0" * 5_000 + "7", 7, "7.000"),
        ("0." + "3" * 5_000, None, "0.333"),
        ("\u0661\u0662", None, "12.000"),
        ("1_000", None, None),
        ("1d", None, None),
        ("NaN", None, None),
    ],
)
def test_a_text_is_read_as_sparks_cast_reads_it(text: str | None, whole: int | None, amount: str | None) -> None:
    assert to_whole(text) == whole
    assert to_amount(text) == (None if amount is None else Decimal(amount))
