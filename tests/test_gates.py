"""Which candidate becomes champion. Nothing here needs Spark or MLflow."""

from dataclasses import replace

import numpy as np
import pytest

from jobs import measures
from jobs.gates import Evidence, Gate, judge, unpaired_gain
from jobs.measures import Interval
from jobs.settings import Gates, Settings

THRESHOLD = 0.25


def evidence_of(rows: int, strength: float = 1.5, seed: int = 3) -> Evidence:
    """Applicants whose labels are drawn with exactly the probabilities given: a calibrated candidate."""
    random = np.random.default_rng(seed)
    probabilities = 1 / (1 + np.exp(-(random.normal(size=rows) * strength - 1.5)))
    labels = (random.random(rows) < probabilities).astype(np.int64)
    genders = np.where(random.random(rows) < 0.65, "F", "M")
    return Evidence(labels, probabilities, genders, gain=None)


@pytest.fixture
def gates(settings: Settings) -> Gates:
    return settings.gates


def verdict(evidence: Evidence, gates: Gates) -> dict[str, Gate]:
    return {gate.name: gate for gate in judge(evidence, gates, THRESHOLD)}


def test_a_good_candidate_passes_every_gate_on_many_rows(gates: Gates) -> None:
    verdicts = verdict(evidence_of(30_000), gates)
    assert list(verdicts) == ["auc", "calibration_error", "selection_rate_ratio"]
    assert all(gate.held for gate in verdicts.values())
    assert "only" not in verdicts["auc"].sentence


def test_on_many_rows_the_value_decides(gates: Gates) -> None:
    evidence = evidence_of(30_000)
    area = measures.auc_interval(evidence.labels, evidence.probabilities, gates.confidence)
    between = gates.model_copy(update={"auc": (area.value + area.high) / 2})
    assert not verdict(evidence, between)["auc"].held


def test_on_few_rows_the_upper_bound_decides_and_the_sentence_says_so(gates: Gates) -> None:
    evidence = evidence_of(300)
    area = measures.auc_interval(evidence.labels, evidence.probabilities, gates.confidence)
    between = verdict(evidence, gates.model_copy(update={"auc": (area.value + area.high) / 2}))["auc"]
    assert between.held
    assert f"upper bound {area.high:.4f} on only 300 rows" in between.sentence
    assert not verdict(evidence, gates.model_copy(update={"auc": area.high + 0.001}))["auc"].held


def test_a_candidate_without_any_skill_fails_even_on_few_rows(gates: Gates) -> None:
    evidence = evidence_of(300)
    shuffled = replace(evidence, probabilities=np.random.default_rng(0).permutation(evidence.probabilities))
    refused = verdict(shuffled, gates)["auc"]
    assert not refused.held
    assert "should be at least 0.7" in refused.sentence


def test_chance_alone_is_not_held_against_calibration_on_few_rows(gates: Gates) -> None:
    """Labels drawn from the probabilities themselves exceed the limit on 300 rows, and still pass 19 times of 20."""
    errors, held = [], 0
    for seed in range(40):
        gate = verdict(evidence_of(300, seed=seed), gates)["calibration_error"]
        errors.append(gate.value)
        held += gate.held
    assert np.mean(errors) > gates.calibration_error
    assert held >= 38


@pytest.mark.parametrize("rows", [300, 30_000])
def test_probabilities_twice_too_high_fail_calibration(gates: Gates, rows: int) -> None:
    evidence = evidence_of(rows)
    too_high = replace(evidence, probabilities=np.minimum(evidence.probabilities * 2, 0.99))
    assert not verdict(too_high, gates)["calibration_error"].held


@pytest.mark.parametrize(
    ("rows", "gain", "held"),
    [
        (30_000, Interval(-0.004, 0.001, -0.006, -0.002), True),
        (30_000, Interval(-0.006, 0.001, -0.008, -0.004), False),
        (300, Interval(-0.030, 0.020, -0.069, 0.009), True),
        (300, Interval(-0.060, 0.020, -0.099, -0.021), False),
    ],
)
def test_a_candidate_may_not_lose_to_the_champion(gates: Gates, rows: int, gain: Interval, held: bool) -> None:
    assert verdict(replace(evidence_of(rows), gain=gain), gates)["auc_gain_on_champion"].held is held


def test_genders_must_be_approved_at_like_rates(gates: Gates) -> None:
    evidence = evidence_of(30_000)
    riskier = np.where(evidence.genders == "M", np.minimum(evidence.probabilities * 2, 0.99), evidence.probabilities)
    refused = verdict(replace(evidence, probabilities=riskier), gates)["selection_rate_ratio"]
    assert not refused.held
    assert "should be at least 0.8" in refused.sentence


def test_one_gender_alone_cannot_be_compared(gates: Gates) -> None:
    evidence = evidence_of(300)
    assert "selection_rate_ratio" not in verdict(replace(evidence, genders=np.full(300, "F")), gates)


def test_errors_of_different_applicants_add_up() -> None:
    gain = unpaired_gain(Interval(0.75, 0.03, 0.69, 0.81), Interval(0.76, 0.04, 0.68, 0.84), 0.95)
    assert gain.value == pytest.approx(-0.01)
    assert gain.standard_error == pytest.approx(0.05)
    assert gain.high == pytest.approx(-0.01 + 1.96 * 0.05, abs=1e-4)
