"""What a candidate must reach to become champion, decided from what it did on the test folds and on new applicants.

Few rows say little. Below `gates.few_rows` applicants the bound of the interval that favours the candidate is compared
in place of the value, and the gate's sentence says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from jobs.model import fairness, measures
from jobs.model.measures import Interval
from jobs.runtime.settings import Gates


@dataclass(frozen=True, slots=True)
class Gate:
    """A limit, what was held against it, and whether it held; the sentence says all three."""

    name: str
    value: float
    held: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Shift:
    """The population stability index of a feature, or of the probabilities, from the test applicants to the new ones.

    noise is what chance alone stays below where nothing has shifted.
    """

    name: str
    index: float
    noise: float


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the new applicants are from the labelled ones.

    Args:
        rows: The fewer of both.
        scores: Of the candidate's probabilities.
        features: Of the features that the candidate gains most from.
    """

    rows: int
    scores: Shift
    features: tuple[Shift, ...]

    @property
    def of_features(self) -> Shift:
        """The largest of the features' shifts."""
        return max(self.features, key=lambda shift: shift.index, default=Shift("no feature", 0.0, 0.0))


@dataclass(frozen=True, slots=True)
class Gain:
    """The candidate's AUC minus the champion's, of the same applicants by both or, wider, of different ones."""

    auc: Interval
    same_applicants: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """A candidate on the test folds, one entry of each array an applicant.

    Args:
        labels: 1 for default, 0 for none.
        probabilities: Of default.
        groups: The level of each applicant in each protected attribute, read for the audit only.
        ages: The age band of each applicant.
        gain: On the champion; None where there is none.
        drift: From the test applicants to the delivery's new ones; None where it has none.
        feature_set: The candidate's.
        assembled: The feature sets that the delivery's rows are of now.
        can_be_assembled: Whether the lake has what the candidate's features were fitted to, as they are declared now.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    groups: Mapping[str, NDArray[np.str_]]
    ages: NDArray[np.str_]
    gain: Gain | None
    drift: Drift | None
    feature_set: str
    assembled: tuple[str, ...]
    can_be_assembled: bool


def judge(evidence: Evidence, gates: Gates, threshold: float) -> tuple[Gate, ...]:
    """Every gate, held or not.

    Args:
        evidence: What the candidate did.
        gates: The limits.
        threshold: The probability from which an applicant is declined.
    """
    rows = len(evidence.labels)
    few = rows < gates.few_rows
    auc = measures.auc_interval(evidence.labels, evidence.probabilities, gates.confidence)
    judged = [feature_set(evidence), at_least("auc", auc, gates.auc, rows, few)]
    if evidence.gain is not None:
        judged.append(gain_on_champion(evidence.gain, gates))
    judged.append(calibration(evidence, gates, few))
    judged += four_fifths(evidence, gates, threshold, few)
    if evidence.drift is not None:
        drift = evidence.drift
        judged.append(stable("drift_scores", drift.scores, drift.rows, gates))
        judged.append(stable("drift_features", drift.of_features, drift.rows, gates))
    return tuple(judged)


def feature_set(evidence: Evidence) -> Gate:
    """Whether the delivery is, or can be, assembled with what the candidate reads: else nobody is scored."""
    needed, found = evidence.feature_set, ", ".join(evidence.assembled) or "nothing"
    is_assembled = evidence.assembled == (needed,)
    if is_assembled:
        sentence = f"{needed} is what the delivery is assembled with"
    elif evidence.can_be_assembled:
        sentence = f"{needed} can be made, the delivery is assembled with {found} now: {before_score(needed)}"
    else:
        sentence = (
            f"{needed} should be what the delivery is assembled with, but that is {found}, and the lake cannot make "
            "it: train a new model"
        )
    held = is_assembled or evidence.can_be_assembled
    return Gate("feature_set", float(held), held, sentence)


def before_score(feature_set: str) -> str:
    """What an operator does with a delivery that is not assembled with the champion's features."""
    return f"`assemble --feature-set {feature_set}` before `score`"


def at_least(name: str, interval: Interval, limit: float, rows: int, few: bool) -> Gate:
    """A gate that holds from the limit on; on few rows for the interval's upper bound."""
    compared = interval.high if few else interval.value
    bound = f", upper bound {compared:.4f} on only {rows:,} rows" if few else ""
    held = compared >= limit
    return Gate(name, interval.value, held, f"{interval.value:.4f}{bound}, {word(held)} at least {limit}")


def gain_on_champion(gain: Gain, gates: Gates) -> Gate:
    """The gate of what a candidate loses to the champion: its noise is in the candidate's favour on any rows."""
    auc, measured = gain.auc, "" if gain.same_applicants else " on different applicants"
    held = auc.high >= -gates.auc_loss
    sentence = (
        f"{auc.value:+.4f}{measured}, upper bound {auc.high:+.4f}, {word(held)} at least {-gates.auc_loss or 0.0}"
    )
    return Gate("auc_gain_on_champion", auc.value, held, sentence)


def calibration(evidence: Evidence, gates: Gates, few: bool) -> Gate:
    """The gate of the expected calibration error.

    Its lower bound: in each bin |predicted - observed| is at most the distance of the true rates plus what chance adds,
    so the true error is at least the observed one minus what perfect probabilities would show by chance.
    """
    error = measures.calibration_error(evidence.labels, evidence.probabilities)
    chance = measures.calibration_noise(evidence.probabilities, gates.confidence).bound
    return at_most("calibration_error", error, chance, gates.calibration_error, len(evidence.labels), few)


def at_most(name: str, value: float, noise: float, limit: float, rows: int, few: bool) -> Gate:
    """A gate that holds up to the limit; on few rows for the value without its noise."""
    compared = max(0.0, value - noise) if few else value
    bound = f", lower bound {compared:.4f} on only {rows:,} rows" if few else ""
    held = compared <= limit
    return Gate(name, value, held, f"{value:.4f}{bound}, {word(held)} at most {limit}")


def four_fifths(evidence: Evidence, gates: Gates, threshold: float, few: bool) -> list[Gate]:
    """The gates of approval rates over others', each where there are two groups to compare.

    Of a protected attribute it is the lowest over the highest; of age only the elderly have one, for others it may be a
    factor.
    """

    def audit(attribute: str, levels: NDArray[np.str_]) -> fairness.Audit:
        labels, probabilities = evidence.labels, evidence.probabilities
        return fairness.audit(
            attribute, levels, labels, probabilities, threshold=threshold, confidence=gates.confidence
        )

    ratios = {name: audit(name, levels).selection_rate_ratio for name, levels in evidence.groups.items()}
    ratios["elderly"] = fairness.elderly_ratio(audit("age", evidence.ages), gates.confidence)
    return [
        at_least(f"selection_rate_ratio_{name}", ratio, gates.selection_rate_ratio, len(evidence.labels), few)
        for name, ratio in ratios.items()
        if ratio is not None
    ]


def stable(name: str, shift: Shift, rows: int, gates: Gates) -> Gate:
    """The gate of a shift; one below the limit that is to be watched is said to be."""
    gate = at_most(name, shift.index, shift.noise, gates.drift, rows, rows < gates.few_rows)
    watched = (
        f", to be watched from {gates.drift_watched} on" if gate.held and shift.index > gates.drift_watched else ""
    )
    return replace(gate, sentence=f"{shift.name} {gate.sentence}{watched}")


def as_table(gates: Sequence[Gate]) -> str:
    """The verdicts as a Markdown table, those that did not hold first."""
    in_order = sorted(gates, key=lambda gate: gate.held)
    rows = [f"| {gate.name} | {'passed' if gate.held else '**refused**'} | {gate.sentence} |" for gate in in_order]
    return "\n".join(["| gate | verdict | why |", "|---|---|---|", *rows])


def word(held: bool) -> str:
    """How a sentence says it."""
    return "is" if held else "should be"


def unpaired_gain(candidate: Interval, champion: Interval, confidence: float) -> Interval:
    """The difference of two AUCs of different applicants: their errors are independent."""
    value, error = candidate.value - champion.value, hypot(candidate.standard_error, champion.standard_error)
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return Interval(value, error, value - reach, value + reach)
