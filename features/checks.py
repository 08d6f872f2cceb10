"""What every declaration has to keep, and the one sentence that is said where one doesn't."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from features.expressions import NotOneExpression, columns_read, engines_disagree
from features.reason_families import FAMILIES

IDENTIFIER = re.compile(r"[A-Za-z]\w*")
NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*|[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""Kaggle's capitals where a feature is one expression that carries its own name; small letters where it is computed."""
LONGEST_NAME = 64
SENTENCE = re.compile(r"[A-Z0-9\"'(].*\.", re.DOTALL)


class Misdeclared(ValueError):
    """A declaration that can't mean anything: which one, its value, and what to write instead."""


def check_identifier(declaration: str, name: str) -> None:
    """A name that SQL can call a column by."""
    if not IDENTIFIER.fullmatch(name):
        raise Misdeclared(f"{declaration} {name!r}: write a letter, then letters, digits and underscores")


def check_name(declaration: str, name: str) -> None:
    """A name of a feature, or a part of one."""
    if not NAME.fullmatch(name):
        raise Misdeclared(f"{declaration} {name!r}: write words of one case with an underscore between two")
    if len(name) > LONGEST_NAME:
        raise Misdeclared(f"{declaration} {name!r} has {len(name)} characters: write at most {LONGEST_NAME}")


def check_sentence(declaration: str, about: str) -> None:
    """A description that can stand in a page."""
    if not SENTENCE.fullmatch(about):
        raise Misdeclared(f"{declaration}: about is {about!r}: write a sentence, from a capital to a full stop")


def check_family(declaration: str, family: str) -> None:
    """A reason family that has a sentence."""
    if family not in FAMILIES:
        raise Misdeclared(f"{declaration}: there is no family {family!r}: {suggestion(family, FAMILIES)}")


def check_sql(declaration: str, *expressions: str) -> None:
    """Expressions in Spark's SQL, of which all engines make the same."""
    for sql in expressions:
        try:
            columns_read(sql)
        except NotOneExpression as error:
            raise Misdeclared(f"{declaration}: {sql!r} is no SQL expression, {error}: write one value") from None
        if disagreement := engines_disagree(sql):
            raise Misdeclared(f"{declaration}: in {sql!r} {disagreement}")


def check_once(declaration: str, what: str, names: Iterable[str]) -> None:
    """Names of which no two are the same to SQL, which does not look at case."""
    (name, times), *_ = [*Counter(name.lower() for name in names).most_common(1), ("", 0)]
    if times > 1:
        raise Misdeclared(f"{declaration}: {times} {what} are named {name!r}: give each a name of its own")


def check_some(declaration: str, what: str, values: Collection[object]) -> None:
    """At least one of what can't be left out, none of them twice."""
    if not values:
        raise Misdeclared(f"{declaration} has no {what}: name one")
    for value, times in Counter(values).items():
        if times > 1:
            raise Misdeclared(f"{declaration}: its {what} have {value} {times} times: name each once")


def suggestion(name: str, known: Collection[str]) -> str:
    """What may have been meant."""
    by_case = {one.lower(): one for one in known}
    like = [by_case[one] for one in get_close_matches(name.lower(), by_case, 3)]
    return f"did you mean {' or '.join(like)}?" if like else f"write one of {', '.join(sorted(known)[:20])}"
