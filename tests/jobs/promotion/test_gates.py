"""Which candidate becomes champion. Nothing here needs Spark or MLflow."""

from dataclasses import replace

import numpy as np
import pytest

from jobs.model import measures
from jobs.model.fairness import ELDERLY_BAND
from jobs.model.measures import Interval
from jobs.promotion.gates import Drift, Evidence, Gain, Gate, Shift, as_table, judge, unpaired_gain
from jobs.runtime.settings import Gates, Settings

THRESHOLD = 0.25


def evidence_of(rows: int, strength: float = 1.5, seed: int = 3) -> Evidence:
    """Applicants whose labels are drawn with exactly the probabilities given: a calibrated candidate."""
    random = np.random.default_rng(seed)
    probabilities = 1 / (1 + np.exp(-(random.normal(size=rows) * strength - 1.5)))
    labels = (random.random(rows) < probabilities).astype(np.int64)
    groups = {
        "gender": np.where(random.random(rows) < 0.65, "F", "M"),
        "marital_status": random.choice(["married", "unmarried", "separated"], rows, p=[0.7, 0.24, 0.06]),
    }
    return Evidence(
        labels,
        probabilities,
        groups,
        ages=random.choice(["25 to 34", "35 to 44", ELDERLY_BAND], rows, p=[0.5, 0.4, 0.1]),
        gain=None,
        drift=None,
        feature_set="0123456789ab",
        assembled=("0123456789ab",),
        can_be_assembled=True,
    )


@pytest.fixture
def gates(settings: Settings) -> Gates:
    return settings.gates


def verdict(evidence: Evidence, gates: Gates) -> dict[str, Gate]:
    return {gate.name: gate for gate in judge(evidence, gates, THRESHOLD)}


def test_a_good_candidate_passes_every_gate_on_many_rows(gates: Gates) -> None:
    verdicts = verdict(evidence_of(30_000), gates)
    assert list(verdicts) == [
        "feature_set",
        "auc",
        "calibration_error",
        "selection_rate_ratio_gender",
        "selection_rate_ratio_marital_status",
        "selection_rate_ratio_elderly",
    ]
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


@pytest.mark.parametrize("rows", [300, 30_000])
@pytest.mark.parametrize(
    ("gain", "held"),
    [
        (Interval(0.004, 0.001, 0.002, 0.006), True),
        (Interval(-0.001, 0.001, -0.003, 0.001), True),
        (Interval(-0.004, 0.001, -0.006, -0.002), False),
        (Interval(-0.060, 0.020, -0.099, -0.021), False),
    ],
)
def test_a_candidate_may_not_lose_to_the_champion_beyond_the_noise(
    gates: Gates, rows: int, gain: Interval, held: bool
) -> None:
    assert (
        verdict(replace(evidence_of(rows), gain=Gain(gain, same_applicants=True)), gates)["auc_gain_on_champion"].held
        is held
    )


def test_a_loss_may_be_allowed_by_the_settings(gates: Gates) -> None:
    losing = replace(evidence_of(300), gain=Gain(Interval(-0.004, 0.001, -0.006, -0.002), same_applicants=True))
    assert not verdict(losing, gates.model_copy(update={"auc_loss": 0.001}))["auc_gain_on_champion"].held
    allowed = verdict(losing, gates.model_copy(update={"auc_loss": 0.003}))["auc_gain_on_champion"]
    assert allowed.sentence == "-0.0040, upper bound -0.0020, is at least -0.003"


def test_a_gain_on_different_applicants_is_told_to_be_one(gates: Gates) -> None:
    evidence = replace(evidence_of(300), gain=Gain(Interval(-0.004, 0.01, -0.024, 0.016), same_applicants=False))
    gate = verdict(evidence, gates)["auc_gain_on_champion"]
    assert gate.sentence == "-0.0040 on different applicants, upper bound +0.0160, is at least 0.0"


def test_genders_must_be_approved_at_like_rates(gates: Gates) -> None:
    evidence = evidence_of(30_000)
    men = evidence.groups["gender"] == "M"
    riskier = np.where(men, np.minimum(evidence.probabilities * 2, 0.99), evidence.probabilities)
    verdicts = verdict(replace(evidence, probabilities=riskier), gates)
    assert not verdicts["selection_rate_ratio_gender"].held
    assert "should be at least 0.8" in verdicts["selection_rate_ratio_gender"].sentence
    assert verdicts["selection_rate_ratio_marital_status"].held


def scaled(evidence: Evidence, ages: str, factor: float) -> Evidence:
    """The same candidate, which thinks those of one age band riskier, or less risky, by a factor."""
    probabilities = np.where(evidence.ages == ages, evidence.probabilities * factor, evidence.probabilities)
    return replace(evidence, probabilities=np.minimum(probabilities, 0.99))


def test_the_elderly_may_not_be_approved_less_than_the_band_that_is_approved_most(gates: Gates) -> None:
    refused = verdict(scaled(evidence_of(30_000), ELDERLY_BAND, 2.5), gates)["selection_rate_ratio_elderly"]
    assert not refused.held
    assert "should be at least 0.8" in refused.sentence


@pytest.mark.parametrize(("ages", "factor"), [("25 to 34", 2.5), (ELDERLY_BAND, 0.3)])
def test_the_elderly_may_be_favoured_and_the_young_be_declined_more(gates: Gates, ages: str, factor: float) -> None:
    assert verdict(scaled(evidence_of(30_000), ages, factor), gates)["selection_rate_ratio_elderly"].held


def test_on_few_rows_the_elderly_are_compared_by_the_upper_bound(gates: Gates) -> None:
    evidence = scaled(evidence_of(300), ELDERLY_BAND, 1.6)
    gate = verdict(evidence, gates)["selection_rate_ratio_elderly"]
    assert gate.value < gates.selection_rate_ratio
    assert gate.held
    assert "upper bound" in gate.sentence
    assert "on only 300 rows" in gate.sentence


def test_one_gender_alone_cannot_be_compared(gates: Gates) -> None:
    evidence = evidence_of(300)
    alone = replace(evidence, groups={"gender": np.full(300, "F")}, ages=np.full(300, "25 to 34"))
    assert not any(name.startswith("selection_rate_ratio") for name in verdict(alone, gates))


def drift_of(rows: int, scores: float, noise: float = 0.02) -> Drift:
    """Scores that shifted so far, and two features that did so less."""
    return Drift(rows, Shift("probability", scores, noise), (Shift("AGE", 0.03, noise), Shift("DEBT", 0.04, noise)))


@pytest.mark.parametrize(
    ("rows", "scores", "held", "said"),
    [
        (30_000, 0.09, True, "probability 0.0900, is at most 0.25"),
        (30_000, 0.11, True, "probability 0.1100, is at most 0.25, to be watched from 0.1 on"),
        (30_000, 0.26, False, "probability 0.2600, should be at most 0.25"),
        (300, 0.26, True, "lower bound 0.2400 on only 300 rows, is at most 0.25, to be watched"),
        (300, 0.28, False, "lower bound 0.2600 on only 300 rows, should be at most 0.25"),
    ],
)
def test_new_applicants_may_not_be_others_than_those_it_was_tested_on(
    gates: Gates, rows: int, scores: float, held: bool, said: str
) -> None:
    verdicts = verdict(replace(evidence_of(300), drift=drift_of(rows, scores)), gates)
    assert verdicts["drift_scores"].held is held
    assert said in verdicts["drift_scores"].sentence


def test_of_many_features_the_one_that_shifts_most_is_held_against_the_limit(gates: Gates) -> None:
    drift = drift_of(30_000, 0.01)
    gate = verdict(replace(evidence_of(300), drift=drift), gates)["drift_features"]
    assert gate == Gate("drift_features", 0.04, held=True, sentence="DEBT 0.0400, is at most 0.25")
    shifted = replace(drift, features=(*drift.features, Shift("INCOME", 0.3, 0.02)))
    assert not verdict(replace(evidence_of(300), drift=shifted), gates)["drift_features"].held


def test_a_booster_without_a_split_has_no_feature_that_could_shift() -> None:
    assert replace(drift_of(300, 0.01), features=()).of_features.index == 0


@pytest.mark.parametrize("assembled", [("ba9876543210",), (), ("0123456789ab", "ba9876543210")])
@pytest.mark.parametrize(
    ("known", "said"),
    [(True, "`assemble --feature-set 0123456789ab` before `score`"), (False, "cannot make it: train a new model")],
)
def test_a_delivery_of_other_features_cannot_be_scored_by_the_candidate_until_it_is_assembled_for_it(
    gates: Gates, assembled: tuple[str, ...], known: bool, said: str
) -> None:
    gate = verdict(replace(evidence_of(300), assembled=assembled, can_be_assembled=known), gates)["feature_set"]
    assert gate.held is known
    assert said in gate.sentence


def test_a_table_of_the_gates_begins_with_those_that_refused() -> None:
    table = as_table([Gate("auc", 0.8, True, "0.8000, is at least 0.7"), Gate("drift", 0.3, False, "0.3, should be")])
    assert table.splitlines()[2:] == [
        "| drift | **refused** | 0.3, should be |",
        "| auc | passed | 0.8000, is at least 0.7 |",
    ]


def test_errors_of_different_applicants_add_up() -> None:
    gain = unpaired_gain(Interval(0.75, 0.03, 0.69, 0.81), Interval(0.76, 0.04, 0.68, 0.84), 0.95)
    assert gain.value == pytest.approx(-0.01)
    assert gain.standard_error == pytest.approx(0.05)
    assert gain.high == pytest.approx(-0.01 + 1.96 * 0.05, abs=1e-4)
