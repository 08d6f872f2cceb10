"""Declared SQL compiled to operations on columns in memory.

A node that no declaration needs is not known here: a declaration that uses it can't be compiled, which a test finds
before any caller does.
"""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import sqlglot
from sqlglot import exp

from features.memory import operations as op
from features.memory.values import ALL_KNOWN, NULL, Columns, Values

Expression = Callable[[Columns], Values]
Division = Callable[[Values, Values], Values]

OPERATIONS: Mapping[type[exp.Expression], op.Operation] = {
    exp.Add: op.numeric(np.add),
    exp.Sub: op.numeric(np.subtract),
    exp.Mul: op.numeric(np.multiply),
    exp.Neg: op.numeric(np.negative),
    exp.Pow: op.numeric(np.float_power),
    exp.Sqrt: op.numeric(np.sqrt),
    exp.EQ: op.numeric(np.equal),
    exp.NEQ: op.numeric(np.not_equal),
    exp.GT: op.numeric(np.greater),
    exp.GTE: op.numeric(np.greater_equal),
    exp.LT: op.numeric(np.less),
    exp.LTE: op.numeric(np.less_equal),
    exp.Nullif: op.null_if,
    exp.And: op.all_true,
    exp.Or: op.any_true,
    exp.Not: op.negated,
    exp.Ln: op.logarithm,
    exp.Round: op.nearest,
    exp.Ceil: op.ceiling,
    exp.Floor: op.floor,
    exp.Concat: op.concatenated,
    exp.Greatest: op.extreme(np.maximum),
    exp.Least: op.extreme(np.minimum),
}
"""What a node with operands alone becomes."""
CASTS: Mapping[str, op.Operation] = {"DOUBLE": op.double, "INT": op.whole, "BIGINT": op.whole, "TEXT": op.text}
"""What a cast to a type becomes."""


class NotCompiled(NotImplementedError):
    """An expression needs what is not known here; says what."""


@cache
def compiled(sql: str) -> Expression:
    """An SQL expression over a row, as a function of columns in memory.

    Raises:
        NotCompiled: It holds what no operation is known for.
    """
    return compile_node(parsed(sql), op.divide)


def parsed(sql: str) -> exp.Expression:
    """The tree of one expression."""
    (written,) = sqlglot.parse_one(f"select {sql}", dialect="spark").expressions
    tree: exp.Expression = written
    return tree


def compile_node(node: exp.Expression, division: Division) -> Expression:
    """A node and all below it; `division` is what a quotient becomes."""
    function = compile_whole(node, division)
    if node.find(exp.Column) is not None:
        return function
    constant = function({})
    return lambda _: constant


def compile_whole(node: exp.Expression, division: Division) -> Expression:
    """As `compile_node`, a constant too."""
    match node:
        case exp.Paren() | exp.Alias():
            return compile_node(node.this, division)
        case exp.Column():
            return named(node.name)
        case exp.Literal() | exp.Boolean() | exp.Null():
            value = constant_of(node)
            return lambda _: value
        case exp.Div():
            return apply(division, [node.this, node.expression], division)
        case exp.Cast():
            return apply(cast_to(node), [node.this], division)
        case exp.Case() | exp.If() | exp.Coalesce():
            return compile_branches(node)
        case exp.Is():
            return apply(op.is_null, [node.this], division)
        case exp.Between():
            low, high = node.args["low"], node.args["high"]
            bounds = [apply(OPERATIONS[exp.GTE], [node.this, low], division)]
            bounds += [apply(OPERATIONS[exp.LTE], [node.this, high], division)]
            return lambda columns: op.all_true(*[bound(columns) for bound in bounds])
        case exp.In():
            levels = frozenset(constant_of(level).data[0] for level in node.expressions)
            return apply(op.is_one_of(levels), [node.this], division)
        case exp.Like():
            return apply(op.is_like(str(node.expression.this)), [node.this], division)
    if type(node) not in OPERATIONS:
        raise NotCompiled(f"{type(node).__name__} in {node.sql(dialect='spark')!r}")
    return apply(OPERATIONS[type(node)], operands(node), division)


def operands(node: exp.Expression) -> list[exp.Expression]:
    """The expressions that an operation is of, in their order."""
    found = [node.this, node.args.get("expression"), *node.expressions]
    return [each for each in found if isinstance(each, exp.Expression)]


def named(column: str) -> Expression:
    """A column's values."""
    return lambda columns: columns[column]


def constant_of(node: exp.Expression) -> Values:
    """What a literal stands for, for all rows."""
    match node:
        case exp.Null():
            return NULL
        case exp.Boolean():
            return Values(np.array([bool(node.this)]), ALL_KNOWN)
        case exp.Neg():
            return op.numeric(np.negative)(constant_of(node.this))
        case exp.Literal() if node.is_string:
            return Values(np.array([node.this], dtype=object), ALL_KNOWN)
        case exp.Literal() if node.this.isdecimal():
            return Values(np.array([int(node.this)], dtype=np.int64), ALL_KNOWN)
        case exp.Literal():
            return Values(np.array([float(node.this)]), ALL_KNOWN)
    raise NotCompiled(f"{node.sql(dialect='spark')!r} is no constant")


def cast_to(node: exp.Cast) -> op.Operation:
    """The operation of a cast."""
    kind = node.to.this.value
    if kind not in CASTS:
        raise NotCompiled(f"a cast to {kind}")
    return CASTS[kind]


def compile_branches(node: exp.Expression) -> Expression:
    """What computes one branch or another; a row's other branches may divide by 0."""
    if isinstance(node, exp.Coalesce):
        return apply(op.first_known, [node.this, *node.expressions], op.divide_in_a_branch)
    cases = [node] if isinstance(node, exp.If) else node.args["ifs"]
    default = node.args.get("false" if isinstance(node, exp.If) else "default")
    otherwise = compile_node(default, op.divide_in_a_branch) if default is not None else lambda _: NULL
    numbers = listed_numbers(node)
    if numbers is not None:
        return lookup(compile_node(node.this, op.divide_in_a_branch), numbers, otherwise)
    subject = node.this if isinstance(node, exp.Case) else None
    tests = [each.this if subject is None else exp.EQ(this=subject.copy(), expression=each.this) for each in cases]
    conditions = [compile_node(test, op.divide_in_a_branch) for test in tests]
    branches = [compile_node(each.args["true"], op.divide_in_a_branch) for each in cases]

    def function(columns: Columns) -> Values:
        return op.case(
            [condition(columns) for condition in conditions],
            [branch(columns) for branch in branches],
            otherwise(columns),
        )

    return function


def listed_numbers(node: exp.Expression) -> dict[str, float] | None:
    """The number for each text of a simple CASE that only lists them; None for any other."""
    if not isinstance(node, exp.Case) or node.this is None:
        return None
    numbers: dict[str, float] = {}
    for each in node.args["ifs"]:
        number = each.args["true"]
        if not each.this.is_string or not isinstance(number.unnest(), exp.Literal | exp.Neg):
            return None
        numbers.setdefault(each.this.this, float(constant_of(number).data[0]))
    return numbers


def lookup(subject: Expression, numbers: Mapping[str, float], otherwise: Expression) -> Expression:
    """The number that belongs to the subject."""
    return lambda columns: op.looked_up(numbers, otherwise(columns))(subject(columns))


def apply(operation: op.Operation, nodes: list[exp.Expression], division: Division) -> Expression:
    """An operation on what the nodes give."""
    functions = [compile_node(node, division) for node in nodes]
    if len(functions) == 1:
        return apply_to(operation, functions[0])
    if len(functions) == 2:
        left, right = functions
        return lambda columns: operation(left(columns), right(columns))
    return lambda columns: operation(*[function(columns) for function in functions])


def apply_to(operation: op.Operation, function: Expression) -> Expression:
    """An operation on what one function gives."""
    return lambda columns: operation(function(columns))
