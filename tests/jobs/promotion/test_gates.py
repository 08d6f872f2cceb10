"""Which candidate becomes champion. Nothing here needs Spark or MLflow."""

from dataclasses import replace

import numpy as np
import pytest

from jobs.model import measures
from jobs.model.drift import Drift, Shift
from jobs.model.fairness import ELDERLY_BAND
from jobs.model.measured_on import MeasuredOn
from jobs.model.measures import Interval
from jobs.promotion.gates import (
    DifferentApplicants,
    Evidence,
    Gate,
    NoChampion,
    OnTest,
    Outcome,
    SameApplicants,
    UnknownChampion,
    as_table,
    judge,
    ranking,
    unpaired_gain,
    verdict,
)
from jobs.runtime.settings import Gates, Settings

PASSED, WARNED, REFUSED, NOT_TRIED = Outcome.PASSED, Outcome.WARNED, Outcome.REFUSED, Outcome.NOT_TRIED
THRESHOLD = 0.25
SAME = Interval(0.0, 0.001, -0.002, 0.002)


def on_test(rows: int, strength: float = 1.5, seed: int = 3) -> OnTest:
    """Applicants whose labels are drawn with exactly the probabilities given: a calibrated model."""
    random = np.random.default_rng(seed)
    probabilities = 1 / (1 + np.exp(-(random.normal(size=rows) * strength - 1.5)))
    return OnTest(
        labels=(random.random(rows) < probabilities).astype(np.int64),
        probabilities=probabilities,
        weights=np.ones(rows),
        groups={
            "gender": np.where(random.random(rows) < 0.65, "F", "M"),
            "marital_status": random.choice(["married", "unmarried", "separated"], rows, p=[0.7, 0.24, 0.06]),
        },
        ages=random.choice(["25 to 34", "35 to 44", ELDERLY_BAND], rows, p=[0.5, 0.4, 0.1]),
    )


def alone(test: OnTest) -> Evidence:
    """A candidate without a champion or new applicants, whose features the delivery has."""
    return Evidence(
        test,
        MeasuredOn.TEST_FOLDS,
        NoChampion(),
        None,
        "0123456789ab",
        assembled=("0123456789ab",),
        can_be_assembled=True,
    )


def against(test: OnTest, champion: OnTest, gain: Interval = SAME, shift: Shift | None = None) -> Evidence:
    """The same with a champion on the same applicants."""
    return replace(alone(test), comparison=SameApplicants(gain, champion, shift))


def skewed(test: OnTest, who: np.ndarray, factor: float) -> OnTest:
    """The same applicants by a model that thinks some of them riskier, or less risky, by a factor."""
    probabilities = np.where(who, np.minimum(test.probabilities * factor, 0.99), test.probabilities)
    return replace(test, probabilities=probabilities)


def by_chance(test: OnTest, seed: int = 0) -> OnTest:
    """The same applicants in an order that says nothing of them."""
    return replace(test, probabilities=np.random.default_rng(seed).permutation(test.probabilities))


@pytest.fixture
def gates(settings: Settings) -> Gates:
    return settings.gates


def judged(evidence: Evidence, gates: Gates) -> dict[str, Gate]:
    return {gate.name: gate for gate in judge(evidence, gates, THRESHOLD)}


def outcomes(evidence: Evidence, gates: Gates) -> dict[str, Outcome]:
    return {name: gate.outcome for name, gate in judged(evidence, gates).items()}


def test_every_gate_leaves_its_row_and_a_good_candidate_passes_what_can_be_tried(gates: Gates) -> None:
    test = on_test(30_000)
    assert outcomes(alone(test), gates) == {
        "feature_set": PASSED,
        "auc": PASSED,
        "auc_gain_on_champion": NOT_TRIED,
        "calibration_error": PASSED,
        "selection_rate_ratio_gender": PASSED,
        "selection_rate_ratio_marital_status": PASSED,
        "selection_rate_ratio_elderly": PASSED,
        "drift_scores": NOT_TRIED,
        "drift_features": NOT_TRIED,
    }
    complete = replace(against(test, test, shift=Shift("probability", 0.02, 0.01)), drift=drift_of(30_000, 0.02))
    assert set(outcomes(complete, gates).values()) == {PASSED}


def test_a_champion_of_whom_nothing_is_known_refuses_nobody(gates: Gates) -> None:
    evidence = replace(alone(on_test(30_000)), comparison=UnknownChampion("version 1 can't be compared with: no run"))
    gate = judged(evidence, gates)["auc_gain_on_champion"]
    assert (gate.outcome, gate.sentence) == (NOT_TRIED, "version 1 can't be compared with: no run")
    assert REFUSED not in outcomes(evidence, gates).values()


# The AUC: its value on any rows, and chance.


@pytest.mark.parametrize("rows", [300, 30_000])
def test_the_value_of_the_auc_decides_and_the_sentence_says_how_wide_its_interval_is(gates: Gates, rows: int) -> None:
    test = on_test(rows)
    area = measures.auc_interval(test.labels, test.probabilities, gates.confidence)
    missing, meeting = (
        judged(alone(test), gates.model_copy(update={"auc": limit}))["auc"]
        for limit in (area.value + 0.001, area.value - 0.001)
    )
    assert (missing.outcome, meeting.outcome) == (REFUSED, PASSED)
    said = f"{area.value:.4f} ({area.low:.4f} to {area.high:.4f}; {test.labels.sum():,} of {rows:,} test applicants"
    assert missing.sentence.startswith(said)
    assert meeting.sentence.startswith(said)


def test_a_weak_candidate_is_warned_of_and_refused_where_the_settings_ask_for_more(gates: Gates) -> None:
    """An AUC of 0.6 is no 0.7, whatever its interval reaches."""
    weak = on_test(2_000, strength=0.4)
    gate = judged(alone(weak), gates)["auc"]
    assert gate.value is not None
    assert 0.55 < gate.value < 0.68
    assert gate.outcome is WARNED
    assert gate.sentence.endswith("is below 0.7")
    asking = gates.model_copy(update={"auc": 0.7})
    for evidence in (alone(weak), against(weak, weak)):
        assert outcomes(evidence, gates)["auc"] is WARNED
        assert outcomes(evidence, asking)["auc"] is REFUSED


@pytest.mark.parametrize("seed", range(5))
def test_a_candidate_without_any_skill_is_refused_with_what_to_do(gates: Gates, seed: int) -> None:
    refused = judged(alone(by_chance(on_test(300), seed)), gates)["auc"]
    assert refused.outcome is REFUSED
    assert "is no better than chance, which stays below 0." in refused.sentence
    assert "train on more labelled applicants" in refused.sentence


def test_one_probability_for_everybody_is_chance_on_any_rows(gates: Gates) -> None:
    test = on_test(40)
    gate = judged(alone(replace(test, probabilities=np.full(40, 0.0625))), gates)["auc"]
    assert gate.outcome is REFUSED
    assert "is chance: everybody has the probability 0.0625" in gate.sentence


def test_too_few_rows_to_tell_chance_refuse_nobody_and_say_so(gates: Gates) -> None:
    """Of 40 test applicants 3 are bad: a good model ranks them badly every other time."""
    test = on_test(40)
    few = replace(test, labels=(np.arange(40) < 3).astype(np.int64))
    unlucky = replace(few, probabilities=np.linspace(0.05, 0.3, 40))
    gate = judged(alone(unlucky), gates)["auc"]
    assert gate.value == 0
    assert gate.outcome is WARNED
    assert "3 of 40 test applicants had payment difficulties" in gate.sentence
    assert "so few cannot tell a good model from chance" in gate.sentence


@pytest.mark.parametrize("limit", [0.1, 0.5])
def test_a_limit_up_to_chance_asks_for_no_skill(gates: Gates, limit: float) -> None:
    test = by_chance(on_test(300), seed=2)
    no_skill = gates.model_copy(update={"auc": limit})
    for model in (test, replace(test, probabilities=np.full(300, 0.0625))):
        assert outcomes(alone(model), gates)["auc"] is REFUSED
        assert outcomes(alone(model), no_skill)["auc"] is WARNED
    upside_down = replace(test, probabilities=0.9 - 0.8 * test.labels + 0.05 * test.probabilities)
    assert outcomes(alone(upside_down), no_skill)["auc"] is REFUSED


def test_of_good_models_few_are_taken_for_chance_and_of_chance_few_pass(gates: Gates) -> None:
    """Two hundred samples of 310 test applicants, as the first run on 1,500 labelled ones has."""
    random = np.random.default_rng(1)
    refused = {0.0: 0, 0.75: 0}  # by how far the classes are apart: AUCs of 0.5 and 0.70
    for skill in refused:
        for _ in range(200):
            labels = (np.arange(310) < 22).astype(np.int64)
            margins = random.normal(size=310) + skill * labels
            test = replace(on_test(310), labels=labels, probabilities=1 / (1 + np.exp(3 - margins)))
            refused[skill] += ranking(alone(test), gates).outcome is REFUSED
    assert refused[0.0] >= 180
    assert refused[0.75] <= 20


# Calibration and approval rates.


def test_chance_alone_is_not_held_against_calibration_where_a_champion_is_compared(gates: Gates) -> None:
    """Labels drawn from the probabilities themselves exceed the limit on 300 rows, and still pass 19 times of 20."""
    errors, passed = [], 0
    for seed in range(40):
        test = on_test(300, seed=seed)
        gate = judged(against(test, test), gates)["calibration_error"]
        errors.append(gate.value)
        passed += gate.outcome is PASSED
    assert np.mean(errors) > gates.calibration_error
    assert passed >= 38


@pytest.mark.parametrize("rows", [300, 30_000])
def test_probabilities_twice_too_high_are_refused_beside_a_better_champion_only(gates: Gates, rows: int) -> None:
    test = on_test(rows)
    too_high = skewed(test, np.full(rows, True), 2)
    assert outcomes(alone(too_high), gates)["calibration_error"] is WARNED
    assert outcomes(against(too_high, test), gates)["calibration_error"] is REFUSED
    assert outcomes(against(too_high, too_high), gates)["calibration_error"] is WARNED
    assert outcomes(against(test, too_high), gates)["calibration_error"] is PASSED


def test_genders_must_be_approved_at_like_rates_unless_the_champion_does_no_better(gates: Gates) -> None:
    test = on_test(30_000)
    riskier = skewed(test, test.groups["gender"] == "M", 2)
    refused = judged(against(riskier, test), gates)
    name = "selection_rate_ratio_gender"
    assert refused[name].outcome is REFUSED
    assert "should be at least 0.8, the champion's is" in refused[name].sentence
    assert refused["selection_rate_ratio_marital_status"].outcome is PASSED
    assert outcomes(alone(riskier), gates)[name] is WARNED
    assert outcomes(against(riskier, riskier), gates)[name] is WARNED
    worse = skewed(test, test.groups["gender"] == "M", 3)
    assert outcomes(against(worse, riskier), gates)[name] is REFUSED


def test_a_limit_that_the_champion_meets_excuses_nobody(gates: Gates) -> None:
    """Not even one who misses it by less than the noise."""
    test = on_test(30_000)
    riskier = skewed(test, test.groups["gender"] == "M", 2)
    ratio = judged(alone(riskier), gates)["selection_rate_ratio_gender"].value
    assert ratio is not None
    strict = gates.model_copy(update={"selection_rate_ratio": ratio + 0.0001})
    fairer = skewed(test, test.groups["gender"] == "M", 1.99)
    assert outcomes(against(riskier, fairer), strict)["selection_rate_ratio_gender"] is REFUSED


def test_the_elderly_may_not_be_approved_less_than_the_band_that_is_approved_most(gates: Gates) -> None:
    test = on_test(30_000)
    harsh = skewed(test, test.ages == ELDERLY_BAND, 2.5)
    assert outcomes(against(harsh, test), gates)["selection_rate_ratio_elderly"] is REFUSED


@pytest.mark.parametrize(("ages", "factor"), [("25 to 34", 2.5), (ELDERLY_BAND, 0.3)])
def test_the_elderly_may_be_favoured_and_the_young_be_declined_more(gates: Gates, ages: str, factor: float) -> None:
    test = on_test(30_000)
    assert outcomes(alone(skewed(test, test.ages == ages, factor)), gates)["selection_rate_ratio_elderly"] is PASSED


def test_on_few_rows_the_elderly_are_compared_with_a_champion_by_the_bound(gates: Gates) -> None:
    test = on_test(300)
    harsh = skewed(test, test.ages == ELDERLY_BAND, 1.6)
    gate = judged(against(harsh, test), gates)["selection_rate_ratio_elderly"]
    assert gate.value is not None
    assert gate.value < gates.selection_rate_ratio
    assert gate.outcome is PASSED
    assert "on only 300 rows" in gate.sentence
    assert outcomes(alone(harsh), gates)["selection_rate_ratio_elderly"] is WARNED


def test_groups_that_cannot_be_compared_leave_a_row_that_says_why(gates: Gates) -> None:
    test = on_test(300)
    rare = np.where(np.arange(300) < 2, "separated", "married")
    few_old = np.where(np.arange(300) < 2, ELDERLY_BAND, "25 to 34")
    one = replace(test, groups={"gender": np.full(300, "F"), "marital_status": rare}, ages=few_old)
    gates_of_one = judged(alone(one), gates)
    for attribute, why in (
        ("gender", "all 300 applicants are of one group, F"),
        ("marital_status", "of married, separated not two hold 2% of the 300 applicants each"),
        ("elderly", "of 25 to 34, 62 and over not 62 and over and one that is younger hold 2% of the 300"),
    ):
        gate = gates_of_one[f"selection_rate_ratio_{attribute}"]
        assert (gate.value, gate.outcome) == (None, NOT_TRIED)
        assert why in gate.sentence


# The champion.


@pytest.mark.parametrize("rows", [300, 30_000])
@pytest.mark.parametrize(
    ("gain", "outcome"),
    [
        (Interval(0.004, 0.001, 0.002, 0.006), PASSED),
        (Interval(-0.001, 0.001, -0.003, 0.001), PASSED),
        (Interval(-0.004, 0.001, -0.006, -0.002), REFUSED),
        (Interval(-0.060, 0.020, -0.099, -0.021), REFUSED),
    ],
)
def test_a_candidate_may_not_lose_to_the_champion_beyond_the_noise(
    gates: Gates, rows: int, gain: Interval, outcome: Outcome
) -> None:
    test = on_test(rows)
    assert outcomes(against(test, test, gain), gates)["auc_gain_on_champion"] is outcome


def test_a_loss_may_be_allowed_by_the_settings(gates: Gates) -> None:
    test = on_test(300)
    losing = against(test, test, Interval(-0.004, 0.001, -0.006, -0.002))
    assert outcomes(losing, gates.model_copy(update={"auc_loss": 0.001}))["auc_gain_on_champion"] is REFUSED
    allowed = judged(losing, gates.model_copy(update={"auc_loss": 0.003}))["auc_gain_on_champion"]
    assert allowed.sentence == "-0.0040, upper bound -0.0020, is at least -0.003"


def test_a_gain_on_different_applicants_is_told_to_be_one_and_why(gates: Gates) -> None:
    apart = DifferentApplicants(Interval(-0.004, 0.01, -0.024, 0.016), "version 3 can't be used")
    gate = judged(replace(alone(on_test(300)), comparison=apart), gates)["auc_gain_on_champion"]
    assert gate.sentence == (
        "-0.0040 on different applicants (version 3 can't be used), upper bound +0.0160, is at least 0.0"
    )


def test_a_champion_that_cannot_be_asked_excuses_nobody(gates: Gates) -> None:
    apart = DifferentApplicants(SAME, "version 3 can't be used")
    test = on_test(30_000)
    riskier = skewed(test, test.groups["gender"] == "M", 2)
    evidence = replace(alone(riskier), comparison=apart)
    assert outcomes(evidence, gates)["selection_rate_ratio_gender"] is REFUSED


# What the delivery brought.


def drift_of(rows: int, scores: float, noise: float = 0.02) -> Drift:
    """Scores that shifted so far, and two features that did so less."""
    return Drift(rows, Shift("probability", scores, noise), (Shift("DEBT", 0.04, noise), Shift("AGE", 0.03, noise)))


@pytest.mark.parametrize(
    ("scores", "champions", "outcome", "said"),
    [
        (0.09, None, PASSED, "0.0900 (by chance below 0.0200), is at most 0.25"),
        (0.11, None, PASSED, "is at most 0.25, to be watched from 0.1 on"),
        (0.60, None, WARNED, "0.6000 (by chance below 0.0200), should be at most 0.25"),
        (0.60, 0.03, REFUSED, "should be at most 0.25, the champion's is 0.0300"),
        (0.60, 0.24, REFUSED, "should be at most 0.25, the champion's is 0.2400"),
        (0.60, 0.59, WARNED, "should be at most 0.25, the champion's is 0.5900"),
        (0.60, 0.80, WARNED, "should be at most 0.25, the champion's is 0.8000"),
    ],
)
def test_scores_that_move_refuse_a_candidate_only_where_the_champions_of_the_same_applicants_stay(
    gates: Gates, scores: float, champions: float | None, outcome: Outcome, said: str
) -> None:
    test = on_test(300)
    evidence = alone(test) if champions is None else against(test, test, shift=Shift("probability", champions, 0.02))
    gate = judged(replace(evidence, drift=drift_of(30_000, scores)), gates)["drift_scores"]
    assert (gate.outcome, gate.value) == (outcome, scores)
    assert said in gate.sentence


@pytest.mark.parametrize(("scores", "outcome"), [(0.26, PASSED), (0.28, REFUSED)])
def test_on_few_rows_the_scores_are_compared_with_a_champions_by_the_bound(
    gates: Gates, scores: float, outcome: Outcome
) -> None:
    test = on_test(300)
    evidence = against(test, test, shift=Shift("probability", 0.01, 0.02))
    gate = judged(replace(evidence, drift=drift_of(300, scores)), gates)["drift_scores"]
    assert gate.outcome is outcome
    assert f"bound {scores - 0.02:.4f} on only 300 rows" in gate.sentence


def test_a_champion_that_cannot_be_asked_leaves_moved_scores_a_warning(gates: Gates) -> None:
    evidence = replace(alone(on_test(300)), comparison=DifferentApplicants(SAME, "gone"), drift=drift_of(30_000, 0.6))
    assert outcomes(evidence, gates)["drift_scores"] is WARNED


@pytest.mark.parametrize("champion", [None, 0.01])
def test_features_that_move_are_told_and_refuse_nobody(gates: Gates, champion: float | None) -> None:
    test = on_test(300)
    evidence = alone(test) if champion is None else against(test, test, shift=Shift("probability", champion, 0.02))
    drift = drift_of(30_000, 0.01)
    steady = judged(replace(evidence, drift=drift), gates)["drift_features"]
    said = "DEBT 0.0400 (by chance below 0.0200), is at most 0.25"
    assert steady == Gate("drift_features", 0.04, PASSED, said)
    moved = replace(drift, features=(Shift("CREDIT_TERM", 1.15, 0.02), Shift("RATE", 0.3, 0.02), *drift.features))
    told = judged(replace(evidence, drift=moved), gates)
    assert told["drift_features"].outcome is WARNED
    assert told["drift_features"].sentence == (
        "CREDIT_TERM 1.1500 (by chance below 0.0200), is above 0.25, 2 of 4 watched are: "
        "the new applicants are unlike the labelled ones"
    )
    assert verdict(list(told.values())) is PASSED


def test_a_model_without_a_split_has_no_feature_that_could_move(gates: Gates) -> None:
    drift = replace(drift_of(300, 0.01), features=())
    gate = judged(replace(alone(on_test(300)), drift=drift), gates)["drift_features"]
    assert gate == Gate("drift_features", None, NOT_TRIED, "the model gains from no feature")


@pytest.mark.parametrize("assembled", [("ba9876543210",), (), ("0123456789ab", "ba9876543210")])
@pytest.mark.parametrize(
    ("known", "said"),
    [(True, "`assemble --feature-set 0123456789ab` before `score`"), (False, "cannot make it: train a new model")],
)
def test_a_delivery_of_other_features_cannot_be_scored_by_the_candidate_until_it_is_assembled_for_it(
    gates: Gates, assembled: tuple[str, ...], known: bool, said: str
) -> None:
    evidence = replace(alone(on_test(300)), assembled=assembled, can_be_assembled=known)
    gate = judged(evidence, gates)["feature_set"]
    assert gate.outcome is (PASSED if known else REFUSED)
    assert said in gate.sentence


def test_a_table_of_the_gates_begins_with_what_an_operator_must_know() -> None:
    rows = [
        Gate("auc", 0.8, PASSED, "0.8000, is at least 0.7"),
        Gate("gender", None, NOT_TRIED, "all are of one group"),
        Gate("drift", 0.3, WARNED, "0.3, should be"),
        Gate("gain", -0.3, REFUSED, "-0.3, should be"),
    ]
    assert as_table(rows).splitlines()[2:] == [
        "| gain | **refused** | -0.3, should be |",
        "| drift | warned | 0.3, should be |",
        "| gender | not tried | all are of one group |",
        "| auc | passed | 0.8000, is at least 0.7 |",
    ]
    assert verdict(rows) is REFUSED
    assert verdict(rows[:3]) is PASSED


def test_errors_of_different_applicants_add_up() -> None:
    gain = unpaired_gain(Interval(0.75, 0.03, 0.69, 0.81), Interval(0.76, 0.04, 0.68, 0.84), 0.95)
    assert gain.value == pytest.approx(-0.01)
    assert gain.standard_error == pytest.approx(0.05)
    assert gain.high == pytest.approx(-0.01 + 1.96 * 0.05, abs=1e-4)
