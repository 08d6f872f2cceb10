"""Why a share of approvals has changed: how much of it each reason family brought."""

from dataclasses import dataclass

from jobs.model.reference import Counts

NARROW = 0.2
"""Log-odds: over less than this the density of applicants at the threshold is that of a stretch so long around it."""


@dataclass(frozen=True, slots=True)
class FamilyShift:
    """A reason family's mean contribution before and after (log-odds), and what that did to the share approved."""

    family: str
    before: float
    after: float
    approvals: float

    @property
    def change(self) -> float:
        """Log-odds of default."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class ApprovalChange:
    """The share approved by one threshold, before and after; other is what no family's mean explains."""

    before: float
    after: float
    families: tuple[FamilyShift, ...]

    @property
    def change(self) -> float:
        """Of the share."""
        return self.after - self.before

    @property
    def other(self) -> float:
        """What is left: values that have spread or drawn together around their means."""
        return self.change - sum(family.approvals for family in self.families)


def approval_change(before: Counts, now: Counts, threshold: float) -> ApprovalChange:
    """How the share approved has changed, and which families' mean contributions changed it, the largest first.

    A change of a family's mean moves every margin by as much. What it does to the share approved is its part of the
    path from the margins as they would be without any such change to the margins as they are: the change times the mean
    density of applicants along it. Along a straight path all families' parts add up, whatever their order: Aumann and
    Shapley (1974), Values of Non-Atomic Games.

    Args:
        before: The reference.
        now: The delivery.
        threshold: The margin from which applicants are declined.
    """
    changes = {family: mean - before.families.get(family, 0.0) for family, mean in now.families.items()}
    density = mean_density(now, threshold, sum(changes.values()))
    shifts = (
        FamilyShift(family, now.families[family] - change, now.families[family], -change * density)
        for family, change in changes.items()
    )
    largest_first = sorted(shifts, key=lambda shift: (-abs(shift.approvals), shift.family))
    return ApprovalChange(before.below(threshold), now.below(threshold), tuple(largest_first))


def mean_density(now: Counts, threshold: float, moved: float) -> float:
    """Applicants per unit of log-odds, between the threshold and where it stands to margins before they were moved."""
    if abs(moved) < NARROW:
        middle = threshold + moved / 2
        low, high = middle - NARROW / 2, middle + NARROW / 2
    else:
        low, high = sorted((threshold, threshold + moved))
    return (now.below(high) - now.below(low)) / (high - low)


def said_of(change: ApprovalChange, most: int = 3, least: float = 0.005) -> str:
    """The change as a reviewer reads it, in points of the share approved.

    Args:
        change: What it is.
        most: Families that are named.
        least: What a family's part has to be, to be named.
    """
    points = 100 * change.change
    if abs(change.change) < least:
        return f"approvals stayed at {change.after:.1%} ({points:+.1f} points)"
    verb = "fell" if points < 0 else "rose"
    named = [family for family in change.families if abs(family.approvals) >= least][:most]
    parts = [f"{100 * family.approvals:+.1f} from {family.family}" for family in named]
    parts.append(f"{points - 100 * sum(family.approvals for family in named):+.1f} from all else")
    return f"approvals {verb} by {abs(points):.1f} points to {change.after:.1%}: {', '.join(parts)}"
