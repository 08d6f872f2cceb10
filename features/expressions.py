"""Which columns an SQL expression reads, found by a parser of Spark's dialect: no session is needed."""

from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError


class NotOneExpression(ValueError):
    """Text that is not one SQL expression; says why, as a part of a sentence."""


@cache  # the same text is asked for by many features and derivations
def columns_read(sql: str) -> frozenset[str]:
    """The names of the columns that an expression reads.

    Raises:
        NotOneExpression: The text is not one expression; says why.
    """
    try:
        statements = sqlglot.parse(f"select {sql}", dialect="spark")
    except SqlglotError as error:
        raise NotOneExpression(described(error)) from None
    select, *others = statements
    if not sql.strip():
        raise NotOneExpression("it is empty")
    if others or not isinstance(select, exp.Select) or len(select.expressions) != 1:
        raise NotOneExpression("it holds more than one expression")
    (written,) = select.expressions
    if isinstance(written, exp.Star):
        raise NotOneExpression("it is every column")
    if isinstance(written, exp.Alias):
        raise NotOneExpression(f"it ends in the name {written.alias}, or lacks an operator before it")
    if any(value for clause, value in select.args.items() if clause != "expressions") or written.find(exp.Select):
        raise NotOneExpression("it is a query")
    return frozenset(column.parts[0].name for column in select.find_all(exp.Column))


@cache
def engines_disagree(sql: str) -> str | None:
    """Why engines would compute other numbers from an expression, and what to write instead; None where they don't.

    Sail turns a double into a decimal to compare it with one, which fails from 1e15 on; and its nullif does not take
    -0.0 for 0, so that what follows divides by it.
    """
    select = sqlglot.parse_one(f"select {sql}", dialect="spark")
    for number in select.find_all(exp.Literal):
        if not number.is_string and "." in number.this and "e" not in number.this.lower():
            return f"{number.this} is a decimal: write {number.this}e0"
    for divisor in (found.this.unnest() for found in select.find_all(exp.Nullif)):
        if isinstance(divisor, exp.Neg | exp.Mul | exp.Div):
            return f"{divisor.sql()} may be -0.0 in nullif: write it around nullif, as in -nullif(x, 0)"
    return None


def described(error: SqlglotError) -> str:
    """The parser's first complaint, in a line."""
    first = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    near = first.get("highlight")
    what = str(first.get("description") or "a quote or bracket is not closed")
    # The parser names the class of the operator that lacks something.
    what = "something is missing" if what.startswith("Required keyword") else what.rstrip(".")
    return f"{what}, near {near!r}" if near else what


def text_literal(text: str) -> str:
    """SQL of a text."""
    return exp.Literal.string(text).sql(dialect="spark")


def number_literal(number: float) -> str:
    """SQL of a double, to the last bit."""
    written = repr(float(number))
    return written if "e" in written else f"{written}e0"
