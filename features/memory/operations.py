"""What the functions and operators of declared SQL do to columns in memory, as Spark does with ANSI SQL on.

An element of one row broadcasts over all rows, as numpy has it. What can't be in a row that keeps its contract is not
looked for: an overflow of whole numbers, a NaN.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.memory.values import ALL_KNOWN, NULL, Values

Operation = Callable[..., Values]


class NotDivisible(ArithmeticError):
    """A number was to be divided by 0, which ANSI SQL refuses."""


def numeric(ufunc: Callable[..., NDArray[Any]]) -> Operation:
    """An operation on numbers that is null where one of them is."""

    def operation(*operands: Values) -> Values:
        known = operands[0].known
        for operand in operands[1:]:
            known = known & operand.known
        return Values(ufunc(*(operand.data for operand in operands)), known)

    return operation


def divide(above: Values, below: Values) -> Values:
    """The quotient as a double.

    Raises:
        NotDivisible: A divisor is 0.
    """
    known = above.known & below.known
    if (known & (below.data == 0)).any():
        raise NotDivisible("a number was to be divided by 0")
    return Values(np.true_divide(above.data, below.data), known)


def divide_in_a_branch(above: Values, below: Values) -> Values:
    """The quotient, null where it can't be: rows that the branch is not for are computed with the others."""
    return Values(np.true_divide(above.data, below.data), above.known & below.known & (below.data != 0))


def logarithm(value: Values) -> Values:
    """The natural one, null where there is none."""
    return Values(np.log(value.data), value.known & (value.data > 0))


def nearest(value: Values) -> Values:
    """The nearest whole number, halves away from zero."""
    size = np.abs(value.data)
    whole = np.floor(size)
    return Values(np.copysign(whole + (size - whole >= 0.5), value.data), value.known)


def floor(value: Values) -> Values:
    """The whole number that is not above."""
    return whole(Values(np.floor(value.data), value.known))


def ceiling(value: Values) -> Values:
    """The whole number that is not below."""
    return whole(Values(np.ceil(value.data), value.known))


def whole(value: Values) -> Values:
    """As a whole number, cut where there is a fraction; a text that is none becomes null."""
    if value.data.dtype == object:
        numbers = [int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else None for text in value.data]
        read = np.fromiter((number is not None for number in numbers), np.bool_, len(numbers))
        return Values(np.array([number or 0 for number in numbers], np.int64), value.known & read)
    return Values(np.where(value.known, value.data, 0).astype(np.int64), value.known)


def double(value: Values) -> Values:
    """As a double."""
    return Values(value.data.astype(np.float64), value.known)


def text(value: Values) -> Values:
    """As a text."""
    if value.data.dtype == object:
        return value
    if value.data.dtype == np.float64:
        raise TypeError("no declared expression writes a double as a text")
    return Values(np.array([str(number) for number in value.data.tolist()], dtype=object), value.known)


def concatenated(*parts: Values) -> Values:
    """The texts one behind the other."""
    known, data = parts[0].known, parts[0].data
    for part in parts[1:]:
        known, data = known & part.known, data + part.data
    return Values(data, known)


def is_null(value: Values) -> Values:
    """Whether there is none."""
    return Values(~value.known, ALL_KNOWN)


def negated(value: Values) -> Values:
    """Not so."""
    return Values(~value.data.astype(np.bool_), value.known)


def all_true(left: Values, right: Values) -> Values:
    """Both; false where one is false, whatever the other."""
    a, b = left.data.astype(np.bool_), right.data.astype(np.bool_)
    return Values(a & b, (left.known & right.known) | (left.known & ~a) | (right.known & ~b))


def any_true(left: Values, right: Values) -> Values:
    """One of both; true where one is true, whatever the other."""
    a, b = left.data.astype(np.bool_), right.data.astype(np.bool_)
    return Values(a | b, (left.known & right.known) | (left.known & a) | (right.known & b))


def null_if(value: Values, unwanted: Values) -> Values:
    """The value, null where it is the unwanted one."""
    same = (value.data == unwanted.data) & value.known & unwanted.known
    return Values(value.data, value.known & ~same)


def first_known(*values: Values) -> Values:
    """Of each row the first that is not null."""
    data, known = values[-1].data, values[-1].known
    for value in reversed(values[:-1]):
        data, known = np.where(value.known, value.data, data), value.known | known
    return Values(data, known)


def case(conditions: Sequence[Values], branches: Sequence[Values], otherwise: Values = NULL) -> Values:
    """Of each row the branch of the first condition that is true."""
    data, known = otherwise.data, otherwise.known
    for condition, branch in zip(reversed(conditions), reversed(branches), strict=True):
        true = condition.known & condition.data.astype(np.bool_)
        data, known = np.where(true, branch.data, data), np.where(true, branch.known, known)
    return Values(data, known)


def extreme(ufunc: Callable[[Any, Any], NDArray[Any]]) -> Operation:
    """The least or greatest of a row's values that are not null."""

    def operation(*values: Values) -> Values:
        data, known = values[0].data, values[0].known
        for value in values[1:]:
            both = known & value.known
            data = np.where(both, ufunc(data, value.data), np.where(known, data, value.data))
            known = known | value.known
        return Values(data, known)

    return operation


def is_one_of(levels: frozenset[object]) -> Operation:
    """Whether the value is in a list."""

    def operation(value: Values) -> Values:
        found = np.fromiter((each in levels for each in value.data.tolist()), np.bool_, len(value.data))
        return Values(found, value.known)

    return operation


def is_like(pattern: str) -> Operation:
    """Whether a text is of a form in which % stands for any characters."""
    form = re.compile(".*".join(re.escape(part) for part in pattern.split("%")), re.DOTALL)

    def operation(value: Values) -> Values:
        found = np.fromiter((form.fullmatch(each) is not None for each in value.data), np.bool_, len(value.data))
        return Values(found, value.known)

    return operation


def looked_up(numbers: Mapping[str, float], otherwise: Values) -> Operation:
    """The number that belongs to a text, as a simple CASE gives it."""

    def operation(value: Values) -> Values:
        found = [numbers.get(each) for each in value.data]
        listed = np.fromiter((number is not None for number in found), np.bool_, len(found)) & value.known
        data = np.array([0.0 if number is None else number for number in found])
        return Values(np.where(listed, data, otherwise.data), listed | otherwise.known)

    return operation
