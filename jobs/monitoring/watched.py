"""What a delivery is found to be, held against the reference of the model that scored it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from jobs.model import approvals
from jobs.model.approvals import ApprovalChange
from jobs.model.drift import population_stability, stability_noise
from jobs.model.measures import Interval
from jobs.model.reference import Counts, Reference, binned_margins, tenths
from jobs.runtime.settings import Gates, Monitor

Word = Literal["steady", "noise", "watch", "moved"]
LABELLED, NEW = "labelled", "new"


@dataclass(frozen=True)
class Moved:
    """How far the scores, or a feature, have moved.

    Args:
        name: The feature's, or "score".
        place: By gain, from 1; 0 for the score.
        gain: The feature's share of all that the model gains; 1 for the score.
        index: The population stability index from the reference.
        from_labelled: The same from the labelled applicants of the training.
        noise: What chance alone stays below.
        missing_before, missing: The share unknown: of the score, those who could not be scored.
        word: "noise" is no more than chance at so many rows; "steady" is more, and less than is watched.
    """

    name: str
    place: int
    gain: float
    index: float
    from_labelled: float
    noise: float
    missing_before: float
    missing: float
    word: Word


@dataclass(frozen=True)
class GroupRate:
    """How many of a group were scored and approved: a level of an attribute."""

    attribute: str
    name: str
    rows: int
    approved: int

    @property
    def effective_rows(self) -> float:
        """As many: nobody is weighted."""
        return self.rows

    @property
    def approval_rate(self) -> float:
        """The share approved."""
        return self.approved / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class AttributeRates:
    """An attribute: its groups, and the ratio of approval rates that the gates hold to a limit; None without two."""

    attribute: str
    groups: tuple[GroupRate, ...]
    ratio: Interval | None


@dataclass(frozen=True)
class ToldApart:
    """How well trees tell the delivery from the reference, and by what: the share of their gain by feature."""

    auc: Interval
    rows: int
    by: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class ScoringModel:
    """Which model scored, and what it was trained on."""

    version: int
    sha256: str
    run_id: str
    trained_on: date


@dataclass(frozen=True)
class Watched:
    """A delivery as it was found.

    Args:
        run_date: Which.
        model: What scored it.
        threshold: The probability from which applicants are declined.
        applicants, scored, approved: How many.
        held_against: "new" or "labelled", whom the reference is.
        reference_rows: How many they were.
        scores: How the scores have moved.
        features: Every feature that the model gains from, the largest gain first.
        approvals: The share approved, and what changed it.
        rates: Approval rates by group.
        told_apart: By the classifier; None where it is off or has nothing to tell.
        findings: Which limits are passed, each a sentence.
    """

    run_date: date
    model: ScoringModel
    threshold: float
    applicants: int
    scored: int
    approved: int
    held_against: str
    reference_rows: int
    scores: Moved
    features: tuple[Moved, ...]
    approvals: ApprovalChange
    rates: tuple[AttributeRates, ...]
    told_apart: ToldApart | None
    findings: tuple[str, ...]

    @property
    def approval_rate(self) -> float:
        """Of those that were scored."""
        return self.approved / max(1, self.scored)

    @property
    def movers(self) -> tuple[Moved, ...]:
        """The features that have moved most and by more than chance, the largest index first."""
        more = (moved for moved in self.features if moved.word != "noise")
        return tuple(sorted(more, key=lambda moved: (-moved.index, moved.name)))

    @property
    def noise(self) -> int:
        """How many features have moved by no more than chance."""
        return sum(moved.word == "noise" for moved in self.features)

    @property
    def said(self) -> str:
        """What happened to approvals, in a sentence."""
        return approvals.said_of(self.approvals)


def choose_reference(reference: Reference, settings: Monitor) -> tuple[str, Counts]:
    """Whom the settings hold deliveries against, where the training's delivery had any."""
    if settings.reference == NEW and reference.new is not None and reference.new.scored:
        return NEW, reference.new
    return LABELLED, reference.labelled


def moved_scores(reference: Reference, before: Counts, now: Counts, settings: Monitor) -> Moved:
    """How far the scores have moved: bins hold a tenth of the reference's each."""

    def index_from(counts: Counts) -> tuple[float, float]:
        edges = tenths(counts.margins)
        bins = (binned_margins(counts.margins, edges), binned_margins(now.margins, edges))
        return population_stability(*bins), stability_noise(counts.scored, now.scored, settings.confidence, len(edges))

    index, noise = index_from(before)
    return Moved(
        name="score",
        place=0,
        gain=1.0,
        index=index,
        from_labelled=index_from(reference.labelled)[0],
        noise=noise,
        missing_before=1 - before.scored / max(1, before.rows),
        missing=1 - now.scored / max(1, now.rows),
        word=word_of(index, noise, settings.score_shift, settings.watched_shift),
    )


def moved_features(reference: Reference, before: Counts, now: Counts, settings: Monitor) -> tuple[Moved, ...]:
    """How far each feature has moved that the model gains from. Many are looked at: chance is by Bonferroni."""
    sure = 1 - (1 - settings.confidence) / max(1, len(reference.gains))

    def moved(place: int, name: str) -> Moved:
        bins = (before.features[name], now.features[name])
        filled = sum(bool(was or came) for was, came in zip(*bins, strict=True))
        index, noise = population_stability(*bins), stability_noise(before.rows, now.rows, sure, max(1, filled - 1))
        return Moved(
            name=name,
            place=place,
            gain=reference.gains[name],
            index=index,
            from_labelled=population_stability(reference.labelled.features[name], now.features[name]),
            noise=noise,
            missing_before=before.missing(name),
            missing=now.missing(name),
            word=word_of(index, noise, settings.feature_shift, settings.watched_shift),
        )

    return tuple(moved(place, name) for place, name in enumerate(reference.gains, start=1))


def word_of(index: float, noise: float, limit: float, watched: float) -> Word:
    """What an index amounts to."""
    if index <= noise:
        return "noise"
    if index > limit:
        return "moved"
    return "watch" if index > watched else "steady"


def findings(
    scores: Moved,
    features: Sequence[Moved],
    change: ApprovalChange,
    rates: Sequence[AttributeRates],
    settings: Monitor,
    gates: Gates,
) -> tuple[str, ...]:
    """The limits that are passed, each a sentence: what, how far, which setting. What it did to applicants is first."""
    watched = features[: settings.features]
    return (
        *approved_otherwise(change, settings.approval_change),
        *(approved_apart(rates, gates.selection_rate_ratio) if settings.selection_rates else ()),
        *moved_too_far([scores], {"score": "the scores have"}, "score_shift", settings.score_shift),
        *came_empty(watched, settings.missing_rise),
        *moved_too_far(watched, {}, "feature_shift", settings.feature_shift),
    )


def moved_too_far(moved: Sequence[Moved], said: Mapping[str, str], setting: str, limit: float) -> Iterator[str]:
    """A sentence for each that has moved beyond the limit and beyond chance."""
    for each in moved:
        if each.word == "moved":
            yield (
                f"{said.get(each.name, f'{each.name} has')} moved: population stability index {each.index:.2f} (by "
                f"chance below {each.noise:.2f}), above monitor.{setting} = {limit:g}"
            )


def came_empty(moved: Sequence[Moved], limit: float) -> Iterator[str]:
    """A sentence for each that is unknown of many more applicants than before."""
    for each in moved:
        if each.word != "noise" and each.missing - each.missing_before > limit:
            yield (
                f"{each.name} is unknown of {each.missing:.0%} of the applicants, was of {each.missing_before:.0%}: up "
                f"by more than monitor.missing_rise = {limit:g}"
            )


def approved_otherwise(change: ApprovalChange, limit: float) -> Iterator[str]:
    """A sentence where the share approved has changed beyond the limit."""
    if abs(change.change) > limit:
        yield f"{approvals.said_of(change)}; more than monitor.approval_change = {limit:g}"


def approved_apart(rates: Sequence[AttributeRates], limit: float) -> Iterator[str]:
    """A sentence for each attribute whose ratio is surely below the limit: its interval's upper end is."""
    for each in rates:
        if each.ratio is not None and each.ratio.high < limit:
            yield (
                f"approval rates by {each.attribute} have the ratio {each.ratio.value:.2f} ({each.ratio.low:.2f} to "
                f"{each.ratio.high:.2f}), surely below gates.selection_rate_ratio = {limit:g}"
            )
