"""A delivery's figures held against those of the deliveries before it.

What is usual is the median of the last ones. How far a figure may be from it is a limit of the settings, and beside
that what chance alone makes of it on so few rows: four standard errors, which of ten thousand figures that have not
moved fewer than one exceeds. An applicant's rows are alike, so that a table counts as many as there are applicants.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from math import inf, sqrt
from statistics import median
from typing import Final

from jobs.lake.figures import Figure, Kind
from jobs.runtime.settings import Checks

STANDARD_ERRORS: Final = 4.0
EXPECTED_ROWS: Final = 30
"""That a level had to be expected on to be missed."""
LEVELS_SHOWN: Final = 5


class Verdict(StrEnum):
    """What is said of a figure."""

    PASSED = "passed"
    WARNING = "warning"
    ERROR = "error"
    ACCEPTED = "accepted by hand"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True)
class Compared:
    """A figure and what is said of it.

    Args:
        figure: Of the delivery.
        verdict: What is said.
        usual: The median of the last deliveries; None where there were too few.
        allowed: How far from it the figure may be, by the limit and by chance.
        sentence: What is unusual; empty where nothing is.
        reason: Why it was accepted by hand.
    """

    figure: Figure
    verdict: Verdict
    usual: float | None = None
    allowed: float | None = None
    sentence: str = ""
    reason: str = ""


def compare(
    figures: Sequence[Figure], before: Sequence[Sequence[Figure]], settings: Checks, accepted: Mapping[str, str]
) -> tuple[Compared, ...]:
    """Each figure with what is said of it.

    Args:
        figures: Of the delivery.
        before: Of the last deliveries before it.
        settings: Limits, and what becomes of what passes them.
        accepted: Figures, or kinds of them, that somebody accepts as they are, with the reason.
    """
    past: dict[str, list[Figure]] = {}
    for old in chain.from_iterable(before):
        past.setdefault(old.name, []).append(old)
    return tuple(judged(figure, past.get(figure.name, []), settings, accepted) for figure in figures)


def judged(figure: Figure, past: Sequence[Figure], settings: Checks, accepted: Mapping[str, str]) -> Compared:
    """A figure held against the same one of the deliveries before."""
    severity = settings.severity_of(figure.kind)
    if severity == "off" or len(past) < settings.fewest:
        return Compared(figure, Verdict.NOT_COMPARED)
    usual = median(old.value for old in past)
    allowed = limit_of(figure, past, usual, settings) + chance(figure, past, usual)
    sentence = levels_moved(figure, past) if figure.kind is Kind.LEVELS else moved(figure, usual, allowed)
    if not sentence:
        return Compared(figure, Verdict.PASSED, usual, allowed)
    reason = accepted.get(figure.name) or accepted.get(figure.kind)
    if reason:
        return Compared(figure, Verdict.ACCEPTED, usual, allowed, sentence, reason)
    return Compared(figure, Verdict(severity), usual, allowed, sentence)


def limit_of(figure: Figure, past: Sequence[Figure], usual: float, settings: Checks) -> float:
    """How far a figure may be from the usual by the settings, in its own unit."""
    match figure.kind:
        case Kind.ROWS:
            return times(usual, settings.rows_factor, figure.value > usual)
        case Kind.PER_APPLICANT:
            return times(usual, settings.rows_per_applicant_factor, figure.value > usual)
        case Kind.KEY_REUSE:
            return settings.key_reuse_share
        case Kind.ORPHANS:
            return settings.orphans_share
        case Kind.NULLS:
            return settings.nulls_share
        case Kind.MEAN:
            return settings.mean_spreads * median(old.spread for old in past)
        case Kind.FRESHNESS:
            values = [old.value for old in past]
            return settings.freshness_days + max(values) - min(values)
        case Kind.NO_HISTORY:
            return settings.without_history_share
        case Kind.OVERLAP:
            return settings.overlap_share
        case Kind.LEVELS:
            return inf


def times(usual: float, factor: float, is_more: bool) -> float:
    """The distance from the usual to so many times as much, or as little."""
    return usual * (factor - 1) if is_more else usual * (1 - 1 / factor)


def chance(figure: Figure, past: Sequence[Figure], usual: float) -> float:
    """What a figure that has not moved stays within, on its rows and on those of the deliveries before."""
    rows = [max(figure.of, 1), max(int(median(old.of for old in past)), 1)]
    match figure.kind:
        case Kind.ROWS:
            return STANDARD_ERRORS * sqrt(max(usual, figure.value))
        case Kind.PER_APPLICANT:
            # As if an applicant's number of rows spread as much as its mean: histories do.
            return STANDARD_ERRORS * max(usual, figure.value) * sqrt(sum(1 / of for of in rows))
        case Kind.MEAN:
            spread = max(figure.spread, *(old.spread for old in past))
            return STANDARD_ERRORS * spread * sqrt(sum(1 / of for of in rows))
        case Kind.KEY_REUSE | Kind.ORPHANS | Kind.NULLS | Kind.NO_HISTORY | Kind.OVERLAP:
            share = min(max(usual, figure.value, 1 / min(rows)), 1.0)
            return STANDARD_ERRORS * sqrt(max(share * (1 - share), 1 / min(rows) ** 2) * sum(1 / of for of in rows))
        case Kind.FRESHNESS | Kind.LEVELS:
            return 0.0


def moved(figure: Figure, usual: float, allowed: float) -> str:
    """What is unusual about a number; empty where nothing is."""
    distance = figure.value - usual
    only_up = figure.kind in (Kind.KEY_REUSE, Kind.ORPHANS, Kind.FRESHNESS)
    if (distance if only_up else abs(distance)) <= allowed:
        return ""
    subject = WORDS[figure.kind].format(what=what(figure))
    return f"{subject} is {shown(figure, figure.value)}, usually {shown(figure, usual)}"


def levels_moved(figure: Figure, past: Sequence[Figure]) -> str:
    """Which levels of a column are new, and which are not there though many rows of them were to be expected."""
    seen = {level for old in past for level in old.levels}
    new = sorted(figure.levels.keys() - seen)
    rows = sum(figure.levels.values())
    independent = min(rows, figure.of)
    expected = (level for level in seen if usual_share(level, past) * independent >= EXPECTED_ROWS)
    gone = sorted(level for level in expected if level not in figure.levels)
    parts = [f"has the new level {listed(new)}"] if new else []
    parts += [f"has no {listed(gone)} any more"] if gone else []
    return f"{what(figure)} {' and '.join(parts)}" if parts else ""


def usual_share(level: str, past: Sequence[Figure]) -> float:
    """The share of rows that hold a level."""
    return median(old.levels.get(level, 0) / max(sum(old.levels.values()), 1) for old in past)


def listed(levels: Sequence[str]) -> str:
    """Some levels by name."""
    more = f" and {len(levels) - LEVELS_SHOWN} more" if len(levels) > LEVELS_SHOWN else ""
    return ", ".join(f"'{level}'" for level in levels[:LEVELS_SHOWN]) + more


def what(figure: Figure) -> str:
    """What a figure is of."""
    return f"{figure.table}.{figure.column}" if figure.column else figure.table


def shown(figure: Figure, value: float) -> str:
    """A number as people read it."""
    match figure.kind:
        case Kind.ROWS:
            return f"{value:,.0f}"
        case Kind.PER_APPLICANT | Kind.MEAN | Kind.FRESHNESS:
            return f"{value:,.4g}"
        case _:
            return f"{value:.1%}"


WORDS: Final[Mapping[Kind, str]] = {
    Kind.ROWS: "the number of applicants ({what})",
    Kind.PER_APPLICANT: "the number of rows for an applicant in {what}",
    Kind.KEY_REUSE: "the share of rows of {what} whose key another row has",
    Kind.ORPHANS: "the share of rows of {what} without parent",
    Kind.NULLS: "the share of empty cells in {what}",
    Kind.MEAN: "the mean of {what}",
    Kind.FRESHNESS: "the age in days of the newest event by {what}",
    Kind.NO_HISTORY: "the share of applicants without any history",
    Kind.OVERLAP: "the share of applicants who were in the delivery before",
}
