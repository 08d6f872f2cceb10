"""What a candidate must reach to become champion, decided from its probabilities on the test folds.

Few rows say little. Below `gates.few_rows` test applicants the bound of the interval that favours the candidate is
compared in place of the value, and the gate's sentence says so.
"""

from dataclasses import dataclass
from math import hypot
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from jobs import fairness, measures
from jobs.measures import Interval
from jobs.settings import Gates


@dataclass(frozen=True, slots=True)
class Gate:
    """A limit, what was held against it, and whether it held; the sentence says all three."""

    name: str
    value: float
    held: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A candidate on the test folds, one entry of each array an applicant.

    Args:
        labels: 1 for default, 0 for none.
        probabilities: Of default.
        genders: Read for the audit only.
        gain: The candidate's AUC minus the champion's; None where there is no champion.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    genders: NDArray[np.str_]
    gain: Interval | None


def judge(evidence: Evidence, gates: Gates, threshold: float) -> tuple[Gate, ...]:
    """Every gate, held or not.

    Args:
        evidence: What the candidate did.
        gates: The limits.
        threshold: The probability from which an applicant is declined.
    """
    confidence, rows = gates.confidence, len(evidence.labels)
    few = rows < gates.few_rows
    auc = measures.auc_interval(evidence.labels, evidence.probabilities, confidence)
    held = [at_least("auc", auc, gates.auc, rows, few)]
    if evidence.gain is not None:
        held.append(at_least("auc_gain_on_champion", evidence.gain, -gates.auc_loss, rows, few))
    held.append(calibration(evidence, gates, few))
    audit = fairness.audit(
        "gender",
        evidence.genders,
        evidence.labels,
        evidence.probabilities,
        threshold=threshold,
        confidence=confidence,
    )
    if audit.selection_rate_ratio is not None:
        ratio = audit.selection_rate_ratio
        held.append(at_least("selection_rate_ratio", ratio, gates.selection_rate_ratio, rows, few))
    return tuple(held)


def at_least(name: str, interval: Interval, limit: float, rows: int, few: bool) -> Gate:
    """A gate that holds from the limit on; on few rows for the interval's upper bound."""
    compared = interval.high if few else interval.value
    bound = f", upper bound {compared:.4f} on only {rows:,} rows" if few else ""
    held = compared >= limit
    return Gate(name, interval.value, held, f"{interval.value:.4f}{bound}, {word(held)} at least {limit}")


def calibration(evidence: Evidence, gates: Gates, few: bool) -> Gate:
    """The gate of the expected calibration error.

    Its lower bound: in each bin |predicted - observed| is at most the distance of the true rates plus what chance adds,
    so the true error is at least the observed one minus what perfect probabilities would show by chance.
    """
    error = measures.calibration_error(evidence.labels, evidence.probabilities)
    chance = measures.calibration_noise(evidence.probabilities, gates.confidence).bound
    compared = max(0.0, error - chance) if few else error
    bound = f", lower bound {compared:.4f} on only {len(evidence.labels):,} rows" if few else ""
    held = compared <= gates.calibration_error
    sentence = f"{error:.4f}{bound}, {word(held)} at most {gates.calibration_error}"
    return Gate("calibration_error", error, held, sentence)


def word(held: bool) -> str:
    """How a sentence says it."""
    return "is" if held else "should be"


def unpaired_gain(candidate: Interval, champion: Interval, confidence: float) -> Interval:
    """The difference of two AUCs of different applicants: their errors are independent."""
    value, error = candidate.value - champion.value, hypot(candidate.standard_error, champion.standard_error)
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return Interval(value, error, value - reach, value + reach)
