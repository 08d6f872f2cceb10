"""Why rows have their scores, without Spark: contributions that were held against the margin, and reasons from them.

Contributions are SHAP values in log-odds of default, (rows, features), as the booster gives them: float32 whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.reason_families import FAMILIES, NEVER_A_REASON

Vector = NDArray[np.float64]
Places = NDArray[np.int64]


class Reason(NamedTuple):
    """A family of features that raises the applicant's risk, by how much (log-odds), and the sentence for it."""

    family: str
    sentence: str
    contribution: float


class Contribution(NamedTuple):
    """One feature's part of the margin in log-odds; value is None where it is unknown."""

    feature: str
    value: float | None
    contribution: float


@dataclass(frozen=True)
class Explanation:
    """base_value + contributions + other_contributions = margin, all in log-odds of default.

    The base value is the trees' mean margin weighted by Hessian cover, which is not the mean of the applicants.
    """

    base_value: float
    margin: float
    probability: float
    reasons: tuple[Reason, ...]
    contributions: tuple[Contribution, ...]
    other_contributions: float


@dataclass(frozen=True)
class Explanations:
    """Explanations of many rows as arrays, one entry or one line a row.

    Args:
        features: The model's, in its order.
        families: The model's that can be reasons, each once, in alphabetical order.
        base_value: (rows,).
        margin: (rows,).
        probability: (rows,).
        reasons: (rows, most reasons): places in `families`, the one that raises the risk most first.
        reason_sums: (rows, most reasons): by how much; what is not above 0 is no reason.
        named: (rows, most contributions): places in `features`, the largest absolute contribution first.
        values: (rows, most contributions): of the named features, nan where unknown.
        contributions: (rows, most contributions): of the named features.
        other_contributions: (rows,): the sum of all others.
    """

    features: tuple[str, ...]
    families: tuple[str, ...]
    base_value: Vector
    margin: Vector
    probability: Vector
    reasons: Places
    reason_sums: Vector
    named: Places
    values: Vector
    contributions: Vector
    other_contributions: Vector

    def row(self, i: int) -> Explanation:
        """One row's explanation."""
        reasons = zip(self.reasons[i].tolist(), self.reason_sums[i].tolist(), strict=True)
        named = zip(self.named[i].tolist(), self.values[i].tolist(), self.contributions[i].tolist(), strict=True)
        return Explanation(
            base_value=float(self.base_value[i]),
            margin=float(self.margin[i]),
            probability=float(self.probability[i]),
            reasons=tuple(
                Reason(self.families[j], FAMILIES[self.families[j]], total) for j, total in reasons if total > 0
            ),
            contributions=tuple(
                Contribution(self.features[j], None if np.isnan(value) else value, part) for j, value, part in named
            ),
            other_contributions=float(self.other_contributions[i]),
        )


def by_family(contributions: Vector, families: Sequence[str]) -> tuple[tuple[str, ...], Vector]:
    """The families that can be reasons, each once, in alphabetical order, and their contributions, (rows, families)."""
    names = np.array(sorted(set(families)))
    family_of = np.searchsorted(names, families)
    together = np.argsort(family_of, kind="stable")
    starts = np.searchsorted(family_of[together], np.arange(len(names)))
    sums = np.add.reduceat(contributions.take(together, axis=1), starts, axis=1)
    can_be_told = ~np.isin(names, list(NEVER_A_REASON))
    return tuple(names[can_be_told].tolist()), sums[:, can_be_told]


def raising(sums: Vector, most: int) -> Places:
    """The places of the families that raise each row's risk most, largest sum first, equal ones by place."""
    return np.argsort(-sums, axis=1, kind="stable")[:, :most]


def largest(contributions: Vector, most: int) -> Places:
    """The places of each row's largest absolute contributions, largest first, equal ones by place.

    Sorting a thousand columns takes a large part of the time that their contributions take; finding the few largest of
    whole numbers that are all different does not.
    """
    width = contributions.shape[1]
    kept = min(most, width)
    keys = sizes_with_places(contributions)
    keys.partition(width - kept, axis=1)
    largest_first = np.sort(keys[:, width - kept :], axis=1)[:, ::-1]
    return places_in(largest_first, width)


def sizes_with_places(contributions: Vector) -> NDArray[np.uint64]:
    """One whole number for each: larger for a larger size, and among equal sizes for an earlier place.

    The bits of a float32 that is not negative, read as a whole number, are in the order of its size: they are the upper
    half. The lower half counts places from the last one.
    """
    keys = np.abs(contributions, dtype=np.float32, casting="same_kind").view(np.uint32).astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= np.arange(contributions.shape[1] - 1, -1, -1, dtype=np.uint64)
    return np.asarray(keys)


def places_in(keys: NDArray[np.uint64], width: int) -> Places:
    """The places that `sizes_with_places` of so many columns put into these numbers."""
    return np.asarray(width - 1 - (keys & np.uint64(0xFFFFFFFF)).astype(np.int64))


def row_sums(values: Vector) -> Vector:
    """Sum of each row. Contiguous rows are added in the same order however many there are, so that the last bit of a
    sum does not depend on the batch that its row came in."""
    sums: Vector = np.ascontiguousarray(values).sum(axis=1)
    return sums


def check_additivity(contributions: Vector, base: Vector, margin: Vector, tolerance: float) -> None:
    """Raise where base value + contributions is not the margin of every row."""
    off = np.abs(row_sums(contributions) + base - margin)
    if off.size and not off.max() <= tolerance:
        raise ArithmeticError(
            f"contributions miss the margin by {off.max():.2g} log-odds, more than explain.additivity = {tolerance}, "
            f"in {int((~(off <= tolerance)).sum())} of {off.size} rows"
        )
