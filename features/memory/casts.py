"""Text to numbers as Spark's `try_cast` reads it, for engines whose own cast takes other texts."""

import re
from decimal import ROUND_HALF_UP, Context, Decimal

# What Spark takes away at both ends of a whole number, and Java at those of an amount.
AROUND_WHOLE = "".join(map(chr, (*range(0x21), 0x7F)))
AROUND_AMOUNT = "".join(map(chr, range(0x21)))
WHOLE = re.compile(r"([+-]?)0*([0-9]{1,19})")
# Java takes the digits of every script, as \d does.
AMOUNT = re.compile(r"[+-]?(?:\d+[.]?\d*|[.]\d+)(?:[eE][+-]?\d{1,9})?")
LEAST, MOST = -(2**63), 2**63 - 1
THOUSANDTH = Decimal("0.001")
LARGEST_AMOUNT = Decimal(10) ** 15
DIGITS_BEFORE_POINT = 38
EXACT = Context(prec=1_000, rounding=ROUND_HALF_UP)


def to_whole(text: str | None) -> int | None:
    """The BIGINT that a text names; None where it names none."""
    written = WHOLE.fullmatch((text or "").strip(AROUND_WHOLE))
    if written is None:
        return None
    number = int("".join(written.groups()))
    return number if LEAST <= number <= MOST else None


def to_amount(text: str | None) -> Decimal | None:
    """The DECIMAL(18,3) that a text names, the last digit rounded half up; None where it names none."""
    written = (text or "").strip(AROUND_AMOUNT)
    if AMOUNT.fullmatch(written) is None:
        return None
    number = Decimal(written)
    _, digits, exponent = number.as_tuple()
    if len(digits) + int(exponent) > DIGITS_BEFORE_POINT:
        return None
    amount = number.quantize(THOUSANDTH, context=EXACT)
    return amount if abs(amount) < LARGEST_AMOUNT else None
