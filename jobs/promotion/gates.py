"""What a candidate must reach to become champion, decided from what it did on others than it learned from.

A gate refuses what is the candidate's own fault: ranking by chance, and other limits where somebody does better, since
without a champion nothing else would score, and a limit that the champion misses too says little about its successor.
What the delivery brought is told. `docs/decisions.md` has the table of which gate refuses when.

Few rows say little. Below `gates.few_rows` applicants the bound of the interval that favours the candidate is compared
against a champion, and the gate's sentence says so.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import hypot
from operator import ge, le
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from jobs.model import fairness, measures
from jobs.model.drift import Drift, Shift
from jobs.model.measured_on import MeasuredOn
from jobs.model.measures import Interval
from jobs.runtime.settings import Gates

# The AUC without any skill.
CHANCE = 0.5
# What an operator can do whose model ranks no better.
WHAT_HELPS = "train on more labelled applicants, or see in `catalogue` whether the features hold what they should"
ELDERLY = "elderly"
NOBODY_NEW = "the delivery has no new applicants"


class Outcome(StrEnum):
    """What became of a gate."""

    PASSED = "passed"
    WARNED = "warned"
    """Its limit is missed, and that refuses nobody."""
    REFUSED = "refused"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Gate:
    """A limit, what was held against it, and what became of it; the sentence says all three.

    value is None where there was nothing to hold against it.
    """

    name: str
    value: float | None
    outcome: Outcome
    sentence: str


@dataclass(frozen=True, slots=True)
class OnTest:
    """A model on those that it was measured by, one entry of each array an applicant.

    Args:
        labels: 1 for default, 0 for none.
        probabilities: Of default.
        weights: How many applicants each stands for, in units of the mean.
        groups: The level of each applicant in each protected attribute, read for the audit only.
        ages: The age band of each applicant.
        weighted_by: The column of the weights; empty where each counts once.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    weights: NDArray[np.float64]
    groups: Mapping[str, NDArray[np.str_]]
    ages: NDArray[np.str_]
    weighted_by: str = ""

    def effective(self, label: int) -> float:
        """How many applicants of a label and of one weight would tell as much."""
        return measures.effective_rows(self.weights[self.labels == label])


@dataclass(frozen=True, slots=True)
class NoChampion:
    """Nobody to compare with: if the candidate is refused, nothing scores."""


@dataclass(frozen=True, slots=True)
class UnknownChampion:
    """A champion of whom nobody knows what it learned from, nor how good it was: it must be replaceable.

    Args:
        why: What is not there.
    """

    why: str


@dataclass(frozen=True, slots=True)
class SameApplicants:
    """The champion on applicants that the candidate is tested on too, and that neither was fitted on.

    Args:
        gain: The candidate's AUC minus the champion's.
        champion: What the champion did.
        shift: Of the champion's probabilities, from these applicants to the new ones; None where there are none.
    """

    gain: Interval
    champion: OnTest
    shift: Shift | None


@dataclass(frozen=True, slots=True)
class DifferentApplicants:
    """Candidate and champion, each on those that it was measured by, which tells less.

    Args:
        gain: The candidate's AUC minus the champion's.
        why: What kept the champion from being asked.
    """

    gain: Interval
    why: str


Comparison = NoChampion | UnknownChampion | SameApplicants | DifferentApplicants


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a candidate is judged by.

    Args:
        test: The candidate on those that it was measured by.
        measured_on: Who they are.
        comparison: With the champion there is.
        drift: From these to the delivery's new ones; None where it has none.
        feature_set: The candidate's.
        assembled: The feature sets that the delivery's rows are of now.
        can_be_assembled: Whether the lake has what the candidate's features were fitted to, as they are declared now.
    """

    test: OnTest
    measured_on: MeasuredOn
    comparison: Comparison
    drift: Drift | None
    feature_set: str
    assembled: tuple[str, ...]
    can_be_assembled: bool


def judge(evidence: Evidence, gates: Gates, threshold: float) -> tuple[Gate, ...]:
    """Every gate, whatever became of it.

    Args:
        evidence: What the candidate did.
        gates: The limits.
        threshold: The probability from which an applicant is declined.
    """
    return (
        feature_set(evidence),
        ranking(evidence, gates),
        gain_on_champion(evidence.comparison, gates),
        calibration(evidence, gates),
        *selection_rates(evidence, gates, threshold),
        score_drift(evidence, gates),
        feature_drift(evidence.drift, gates),
    )


def feature_set(evidence: Evidence) -> Gate:
    """Whether the delivery is, or can be, assembled with what the candidate reads: else nobody is scored."""
    needed, assembled = evidence.feature_set, ", ".join(evidence.assembled) or "nothing"
    is_assembled = evidence.assembled == (needed,)
    if is_assembled:
        sentence = f"{needed} is what the delivery is assembled with"
    elif evidence.can_be_assembled:
        sentence = f"{needed} can be made, the delivery is assembled with {assembled} now: {before_score(needed)}"
    else:
        sentence = (
            f"{needed} should be what the delivery is assembled with, but that is {assembled}, and the lake cannot "
            "make it: train a new model"
        )
    held = is_assembled or evidence.can_be_assembled
    return Gate("feature_set", float(held), Outcome.PASSED if held else Outcome.REFUSED, sentence)


def before_score(feature_set: str) -> str:
    """What an operator does with a delivery that is not assembled with the champion's features."""
    return f"`assemble --feature-set {feature_set}` before `score`"


def ranking(evidence: Evidence, gates: Gates) -> Gate:
    """The gate of the AUC. Its value is compared on any rows: the interval of few rows reaches every limit.

    A limit above chance also refuses what is no better than chance on so many rows, and refuses nobody where they are
    too few to tell a good model from chance. One up to chance asks for no skill.
    """
    test, limit = evidence.test, gates.auc
    area = measures.auc_interval(test.labels, test.probabilities, gates.confidence, test.weights)
    bad = int(test.labels.sum())
    good = len(test.labels) - bad
    who = f"{bad:,} of {bad + good:,} {evidence.measured_on.applicants} had payment difficulties"
    who += f"; weighted by {test.weighted_by}" if test.weighted_by else ""
    effective = test.effective(1), test.effective(0)
    said = f"{area.value:.4f} ({between(area)}; {who})"

    def gate(outcome: Outcome, words: str) -> Gate:
        return Gate("auc", area.value, outcome, f"{said}, {words}")

    by_chance = measures.auc_by_chance(*effective, gates.confidence)
    can_be_told = measures.auc_told_from_chance(*effective, gates.confidence) <= max(limit, gates.auc_watched)
    asks_for_skill = limit > CHANCE
    if asks_for_skill and np.ptp(test.probabilities) == 0:
        alike = f"everybody has the probability {test.probabilities[0]:.4f}"
        return gate(Outcome.REFUSED, f"is chance: {alike}: {WHAT_HELPS}")
    if asks_for_skill and can_be_told and area.value <= by_chance:
        return gate(Outcome.REFUSED, f"is no better than chance, which stays below {by_chance:.4f}: {WHAT_HELPS}")
    if can_be_told and (area.value if asks_for_skill else area.high) < limit:
        return gate(Outcome.REFUSED, f"should be at least {limit}: {WHAT_HELPS}")
    if area.value < gates.auc_watched:
        unsure = "" if can_be_told else ": so few cannot tell a good model from chance"
        return gate(Outcome.WARNED, f"is below {gates.auc_watched}{unsure}")
    return gate(Outcome.PASSED, f"is at least {gates.auc_watched}")


def gain_on_champion(comparison: Comparison, gates: Gates) -> Gate:
    """The gate of what a candidate loses to the champion: its noise is in the candidate's favour on any rows."""
    name = "auc_gain_on_champion"
    if isinstance(comparison, NoChampion):
        return not_tried(name, "there is no champion yet")
    if isinstance(comparison, UnknownChampion):
        return not_tried(name, comparison.why)
    gain, limit = comparison.gain, -gates.auc_loss or 0.0
    where = f" on different applicants ({comparison.why})" if isinstance(comparison, DifferentApplicants) else ""
    held = gain.high >= limit
    said = "is" if held else "should be"
    sentence = f"{gain.value:+.4f}{where}, upper bound {gain.high:+.4f}, {said} at least {limit}"
    return Gate(name, gain.value, Outcome.PASSED if held else Outcome.REFUSED, sentence)


def calibration(evidence: Evidence, gates: Gates) -> Gate:
    """The gate of the expected calibration error.

    Its lower bound: in each bin |predicted - observed| is at most the distance of the true rates plus what chance adds,
    so the true error is at least the observed one minus what perfect probabilities would show by chance.
    """
    test, comparison = evidence.test, evidence.comparison
    value = calibration_error_of(test)
    noise = measures.calibration_noise(test.probabilities, gates.confidence, weights=test.weights).bound
    return within(
        "calibration_error",
        Measured(value, max(0.0, value - noise), f"perfect probabilities stay below {noise:.4f}", len(test.labels)),
        Limit(le, "at most", gates.calibration_error),
        gates,
        comparison,
        calibration_error_of(comparison.champion) if isinstance(comparison, SameApplicants) else None,
    )


def selection_rates(evidence: Evidence, gates: Gates, threshold: float) -> Iterator[Gate]:
    """The gates of approval rates over others', by the lender's own policy.

    Of a protected attribute it is the lowest over the highest; of age only the elderly have one, for others it may be a
    factor.
    """
    test, comparison = evidence.test, evidence.comparison
    champions: Mapping[str, Interval | None] = {}
    if isinstance(comparison, SameApplicants):
        champions = selection_rate_ratios(comparison.champion, threshold, gates.confidence)
    for attribute, ratio in selection_rate_ratios(test, threshold, gates.confidence).items():
        name, champions_own = f"selection_rate_ratio_{attribute}", champions.get(attribute)
        if ratio is None:
            yield not_tried(name, why_not_compared(attribute, test))
            continue
        yield within(
            name,
            Measured(ratio.value, ratio.high, between(ratio), len(test.labels)),
            Limit(ge, "at least", gates.selection_rate_ratio),
            gates,
            comparison,
            champions_own.value if champions_own else None,
        )


def score_drift(evidence: Evidence, gates: Gates) -> Gate:
    """The gate of how far the probabilities of new applicants are from those of whom the candidate was measured by.

    Where the champion's of the same applicants have moved as far, it is the delivery that moved. Where the champion
    can't be asked nothing tells the two apart, and nobody is refused.
    """
    drift, comparison = evidence.drift, evidence.comparison
    if drift is None:
        return not_tried("drift_scores", NOBODY_NEW)
    champions = comparison.shift if isinstance(comparison, SameApplicants) else None
    bound = max(0.0, drift.scores.index - drift.scores.noise)
    gate = within(
        "drift_scores",
        Measured(drift.scores.index, bound, stays_below(drift.scores), drift.rows),
        Limit(le, "at most", gates.drift),
        gates,
        comparison if champions else NoChampion(),
        champions.index if champions else None,
    )
    return watched(gate, gates)


def feature_drift(drift: Drift | None, gates: Gates) -> Gate:
    """What is told of the inputs. An older champion would read the same delivery, so that nobody is refused for it."""
    if drift is None:
        return not_tried("drift_features", NOBODY_NEW)
    if not drift.features:
        return not_tried("drift_features", "the model gains from no feature")
    most, *_ = drift.features
    moved = [shift.name for shift in drift.features if shift.index > gates.drift]
    said = f"{most.name} {most.index:.4f} ({stays_below(most)})"
    if not moved:
        gate = Gate("drift_features", most.index, Outcome.PASSED, f"{said}, is at most {gates.drift}")
        return watched(gate, gates)
    others = f", {len(moved)} of {len(drift.features)} watched are" if len(moved) > 1 else ""
    told = f"{said}, is above {gates.drift}{others}: the new applicants are unlike the labelled ones"
    return Gate("drift_features", most.index, Outcome.WARNED, told)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit and the side from which it holds, as an operator and in words."""

    holds: Callable[[float, float], bool]
    words: str
    value: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What is held against a limit.

    Args:
        value: As measured.
        bound: As far in the candidate's favour as chance may have hidden.
        spread: What chance does, in words.
        rows: Applicants that it was measured on.
    """

    value: float
    bound: float
    spread: str
    rows: int


def within(
    name: str, measured: Measured, limit: Limit, gates: Gates, comparison: Comparison, champions: float | None
) -> Gate:
    """The gate of a limit.

    Args:
        name: The gate's.
        measured: Of the candidate.
        limit: What it is held against.
        gates: Which rows are few.
        comparison: Who else would score.
        champions: The same of the champion, where it is known.
    """
    by_bound = measured.rows < gates.few_rows and not isinstance(comparison, NoChampion)
    compared = measured.bound if by_bound else measured.value
    bound = f", bound {compared:.4f} on only {measured.rows:,} rows" if by_bound else ""
    said = f"{measured.value:.4f} ({measured.spread}){bound}"
    if limit.holds(compared, limit.value):
        return Gate(name, measured.value, Outcome.PASSED, f"{said}, is {limit.words} {limit.value}")
    champion_misses = champions is not None and not limit.holds(champions, limit.value)
    is_excused = champion_misses and champions is not None and limit.holds(measured.bound, champions)
    outcome, why = missed(comparison, champions, is_excused)
    return Gate(name, measured.value, outcome, f"{said}, should be {limit.words} {limit.value}{why}")


def missed(comparison: Comparison, champions: float | None, is_excused: bool) -> tuple[Outcome, str]:
    """What becomes of a gate whose limit is missed, and what the sentence adds.

    Args:
        comparison: Who else would score.
        champions: The same of the champion, where it is known.
        is_excused: Whether the champion misses the limit as well, by no less.
    """
    if isinstance(comparison, NoChampion):
        return Outcome.WARNED, ""
    told = "" if champions is None else f", the champion's is {champions:.4f}"
    return (Outcome.WARNED if is_excused else Outcome.REFUSED), told


def not_tried(name: str, why: str) -> Gate:
    """A gate that had nothing to look at."""
    return Gate(name, None, Outcome.NOT_TRIED, why)


def watched(gate: Gate, gates: Gates) -> Gate:
    """The gate of a shift; the sentence says so where it is below the limit and to be watched."""
    if gate.outcome is not Outcome.PASSED or gate.value is None or gate.value <= gates.drift_watched:
        return gate
    return replace(gate, sentence=f"{gate.sentence}, to be watched from {gates.drift_watched} on")


def stays_below(shift: Shift) -> str:
    """What chance does to a shift, in words."""
    return f"by chance below {shift.noise:.4f}"


def between(interval: Interval) -> str:
    """An interval in words."""
    return f"{interval.low:.4f} to {interval.high:.4f}"


def calibration_error_of(model: OnTest) -> float:
    """The expected calibration error of a model."""
    return measures.calibration_error(model.labels, model.probabilities, weights=model.weights)


def selection_rate_ratios(model: OnTest, threshold: float, confidence: float) -> dict[str, Interval | None]:
    """The ratios of approval rates by attribute; None where there are no two groups to compare."""

    def audit(attribute: str, levels: NDArray[np.str_]) -> fairness.Audit:
        labels, probabilities = model.labels, model.probabilities
        return fairness.audit(
            attribute,
            levels,
            labels,
            probabilities,
            threshold=threshold,
            confidence=confidence,
            weights=model.weights,
        )

    ratios = {name: audit(name, levels).selection_rate_ratio for name, levels in model.groups.items()}
    return {**ratios, ELDERLY: fairness.elderly_ratio(audit("age", model.ages).compared, confidence)}


def why_not_compared(attribute: str, model: OnTest) -> str:
    """What keeps groups of applicants from being compared."""
    levels = np.unique(model.ages if attribute == ELDERLY else model.groups[attribute])
    if len(levels) == 1:
        return f"all {len(model.labels):,} applicants are of one group, {levels[0]}"
    wanted = f"{fairness.ELDERLY_BAND} and one that is younger" if attribute == ELDERLY else "two"
    share = f"{fairness.SMALLEST_SHARE:.0%}"
    return f"of {', '.join(levels)} not {wanted} hold {share} of the {len(model.labels):,} applicants each"


def verdict(gates: Sequence[Gate]) -> Outcome:
    """The outcome of all: one that refuses is enough."""
    return Outcome.REFUSED if any(gate.outcome is Outcome.REFUSED for gate in gates) else Outcome.PASSED


def as_table(gates: Sequence[Gate]) -> str:
    """The gates as a Markdown table, those first that an operator must know."""
    order = (Outcome.REFUSED, Outcome.WARNED, Outcome.NOT_TRIED, Outcome.PASSED)
    shown = {outcome: f"**{outcome}**" if outcome is Outcome.REFUSED else str(outcome) for outcome in order}
    rows = [
        f"| {gate.name} | {shown[gate.outcome]} | {gate.sentence} |"
        for gate in sorted(gates, key=lambda gate: order.index(gate.outcome))
    ]
    return "\n".join(["| gate | verdict | why |", "|---|---|---|", *rows])


def unpaired_gain(candidate: Interval, champion: Interval, confidence: float) -> Interval:
    """The difference of two AUCs of different applicants: their errors are independent."""
    value, error = candidate.value - champion.value, hypot(candidate.standard_error, champion.standard_error)
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return Interval(value, error, value - reach, value + reach)
