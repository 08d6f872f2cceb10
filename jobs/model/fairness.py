"""How a model's decisions fall on groups of applicants. Being approved is the favourable outcome.

Arrays are as in `measures`: labels 1 for default, probabilities of default, one entry for each applicant. What is law
in this, as of when, and what is the lender's own policy, stands in `citations`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jobs.model.measures import Interval, auc_interval, calibration_error, confusion, effective_rows, in_order

# Of the applicants: smaller groups are shown and not compared.
SMALLEST_SHARE = 0.02

UNKNOWN = "unknown"

ELDERLY = 62
ELDERLY_BAND = f"{ELDERLY} and over"
AGES = (25, 35, 45, 55, ELDERLY)
AGE_BANDS = (f"under {AGES[0]}", *(f"{low} to {high - 1}" for low, high in pairwise(AGES)), ELDERLY_BAND)

MARITAL_STATUS = {
    "Married": "married",
    "Civil marriage": "married",
    "Single / not married": "unmarried",
    "Widow": "unmarried",
    "Separated": "separated",
}
"""The three that Regulation B knows, by NAME_FAMILY_STATUS."""


class Rated(Protocol):
    """A group of applicants, some of whom were approved."""

    @property
    def name(self) -> str:
        """The level of the attribute."""

    @property
    def rows(self) -> int:
        """How many applicants."""

    @property
    def effective_rows(self) -> float:
        """How many of one weight would tell as much; as many where none is weighted."""

    @property
    def approval_rate(self) -> float:
        """The share of them that was approved."""


@dataclass(frozen=True, slots=True)
class Level:
    """One group. predicted and bad_rate are means of probabilities and labels: their distance is its bias.
    calibration_error is the expected one (see `measures`), of which few rows show much by chance alone. approved counts
    applicants; rates are weighted where applicants are, and tell as much as those of effective_rows that are not.

    auc is None below two rows of each class, good_approval_rate (approved share of those who paid back) is None
    without good rows.
    """

    name: str
    rows: int
    effective_rows: float
    bad_rate: float
    predicted: float
    calibration_error: float
    auc: Interval | None
    approved: int
    approval_rate: float
    good_approval_rate: float | None


@dataclass(frozen=True, slots=True)
class Audit:
    """One attribute: its levels, in the order of `place`, and how far those apart are that are large enough to compare.

    selection_rate_ratio and equal_opportunity_difference are None where fewer than two levels can be compared.
    """

    attribute: str
    levels: tuple[Level, ...]
    compared: tuple[Level, ...]
    selection_rate_ratio: Interval | None
    equal_opportunity_difference: float | None


def ratio_of_rates(
    chosen: float, rows: float, others_chosen: float, others: float, confidence: float = 0.95
) -> Interval:
    """Rate over the others' rate, with the log-normal interval of Katz et al. (1978), Biometrics 34.

    Half a row is added to each count where one is 0. Raises ValueError where a group has no rows.
    """
    if not rows or not others:
        raise ValueError(f"{rows} and {others} rows: a ratio of rates needs both groups")
    half = 0.0 if chosen and others_chosen else 0.5
    a, n, b, m = chosen + half, rows + half, others_chosen + half, others + half
    ratio = a / n / (b / m)
    log_error = float(np.sqrt(max(0.0, 1 / a - 1 / n + 1 / b - 1 / m)))
    reach = float(np.exp(NormalDist().inv_cdf((1 + confidence) / 2) * log_error))
    return Interval(ratio, ratio * log_error, ratio / reach, ratio * reach)


def age_bands(days_birth: ArrayLike) -> NDArray[np.str_]:
    """The age band of each applicant, from DAYS_BIRTH (negative days before the application)."""
    years = -np.asarray(days_birth, dtype=np.float64) / 365.25
    return np.where(np.isnan(years), UNKNOWN, np.array(AGE_BANDS)[np.searchsorted(AGES, years, side="right")])


def marital_status(family_status: ArrayLike) -> NDArray[np.str_]:
    """The marital status of each applicant, from NAME_FAMILY_STATUS; what is not known stays as it was delivered."""
    return np.array([MARITAL_STATUS.get(name, name) for name in np.asarray(family_status, dtype=str).tolist()])


def describe_level(
    name: str, labels: ArrayLike, probabilities: ArrayLike, threshold: float, weights: ArrayLike | None = None
) -> Level:
    """The measures of one group's rows."""
    label, probability, weight = in_order(labels, probabilities, weights=weights)
    decisions = confusion(label, probability, threshold, weight)
    good, bad = decisions.true_negative + decisions.false_positive, int(label.sum())
    return Level(
        name=name,
        rows=label.size,
        effective_rows=effective_rows(weight),
        bad_rate=float(np.average(label, weights=weight)),
        predicted=float(np.average(probability, weights=weight)),
        calibration_error=calibration_error(label, probability, weights=weight),
        auc=auc_interval(label, probability, weights=weight) if min(bad, label.size - bad) >= 2 else None,
        approved=int((probability < threshold).sum()),
        approval_rate=decisions.approval_rate,
        good_approval_rate=decisions.true_negative / good if good else None,
    )


def large_enough[Group: Rated](levels: Sequence[Group], rows: int) -> tuple[Group, ...]:
    """The groups that hold `SMALLEST_SHARE` of so many applicants."""
    return tuple(level for level in levels if level.rows >= SMALLEST_SHARE * rows)


def selection_rate_ratio(levels: Sequence[Rated], confidence: float = 0.95) -> Interval | None:
    """Lowest approval rate over the highest; how low it may be is the lender's policy."""
    if len(levels) < 2:
        return None
    by_rate = sorted(levels, key=lambda level: (level.approval_rate, level.name))
    lowest, highest = by_rate[0], by_rate[-1]
    return ratio_of_groups(lowest, highest, confidence)


def elderly_ratio(compared: Sequence[Rated], confidence: float = 0.95) -> Interval | None:
    """Approval rate of the elderly over that of the younger band that is approved most; None without either.

    Age may be a factor of an empirically derived score, the elderly may be favoured, and they must not be given less
    than the class of the others that is favoured most.

    Args:
        compared: The age bands that are large enough.
        confidence: Of the interval.
    """
    elderly = [level for level in compared if level.name == ELDERLY_BAND]
    younger = [level for level in compared if level.name != ELDERLY_BAND]
    if not elderly or not younger:
        return None
    most = max(younger, key=lambda level: (level.approval_rate, level.rows))
    return ratio_of_groups(elderly[0], most, confidence)


def ratio_of_groups(group: Rated, other: Rated, confidence: float) -> Interval:
    """One's approval rate over the other's. Weighted rates are as exact as those of their effective rows."""
    approved, others = (each.approval_rate * each.effective_rows for each in (group, other))
    return ratio_of_rates(approved, group.effective_rows, others, other.effective_rows, confidence)


def equal_opportunity_difference(levels: tuple[Level, ...]) -> float | None:
    """Largest minus smallest approved share of those who paid back. Hardt, Price and Srebro (2016), NeurIPS."""
    rates = [level.good_approval_rate for level in levels if level.good_approval_rate is not None]
    return max(rates) - min(rates) if len(rates) >= 2 else None


def place(level: Rated) -> tuple[bool, int, str]:
    """What levels are put in order by: ages from young to old, others the largest first, the unknown last."""
    return level.name == UNKNOWN, AGE_BANDS.index(level.name) if level.name in AGE_BANDS else -level.rows, level.name


def audit(
    attribute: str,
    groups: ArrayLike,
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    threshold: float,
    confidence: float = 0.95,
    weights: ArrayLike | None = None,
) -> Audit:
    """The audit of one attribute; groups are the levels' names, one for each applicant."""
    names, label, probability = np.asarray(groups, dtype=str), np.asarray(labels), np.asarray(probabilities)
    in_order(label, probability, weights=weights)
    weight = np.ones(label.size) if weights is None else np.asarray(weights)

    def described(name: str) -> Level:
        inside = names == name
        return describe_level(name, label[inside], probability[inside], threshold, weight[inside])

    levels = tuple(sorted((described(str(name)) for name in np.unique(names)), key=place))
    compared = large_enough(levels, names.size)
    return Audit(
        attribute,
        levels,
        compared,
        selection_rate_ratio(compared, confidence),
        equal_opportunity_difference(compared),
    )
