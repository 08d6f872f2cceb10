"""A linear part: what it adds to the trees' margin, to the contributions, and what it must not do."""

import numpy as np
import pytest
import shap
import xgboost
from sklearn.linear_model import LogisticRegression

from features.reason_families import FAMILIES
from jobs.model import linear_part
from jobs.model.booster import load_model, seal, sha256_of
from jobs.model.candidates import FoldRows, Trees
from jobs.model.linear_part import LinearPart, Mixed, Steps
from jobs.runtime.settings import Train, load_settings

ROWS, NAMES = 600, [f"x{place}" for place in range(12)]
SIGNLESS = (0,) * len(NAMES)


@pytest.fixture(scope="module")
def settings() -> Train:
    overrides = ("train.rounds=30", "train.colsample_bytree=0.3", "train.linear_c=0.01", "train.linear_features=8")
    return load_settings(overrides=overrides).train


ONCE = np.ones(ROWS)


def applicants(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of which one is constant, one mostly unknown, and one has three values; the risk rises with the
    first and falls with the second."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(ROWS, len(NAMES))).astype(np.float32)
    values[:, 3] = 1.5
    values[random.random(ROWS) < 0.7, 4] = np.nan
    values[:, 5] = random.integers(0, 3, ROWS)
    margin = 1.2 * values[:, 0] - 0.8 * values[:, 1] + 0.5 * values[:, 5] - 1.5
    return values, (random.random(ROWS) < 1 / (1 + np.exp(-margin))).astype(np.float32)


@pytest.fixture(scope="module")
def part(settings: Train) -> LinearPart:
    return linear_part.fit(*applicants(), ONCE, SIGNLESS, settings)


@pytest.fixture(scope="module")
def trees(settings: Train) -> xgboost.Booster:
    values, labels = applicants()
    data = xgboost.QuantileDMatrix(values, labels, max_bin=settings.max_bin, feature_names=NAMES)
    return xgboost.train({**Trees(settings).parameters, "objective": "binary:logistic"}, data, settings.rounds)


def margins(booster: xgboost.Booster, values: np.ndarray) -> np.ndarray:
    return booster.predict(xgboost.DMatrix(values, feature_names=NAMES), output_margin=True)


def people() -> np.ndarray:
    """Others, with what those who were fitted on don't have: unknown values everywhere, and the largest there are."""
    values, _ = applicants(seed=1)
    values[:12, :] = np.where(np.eye(12, dtype=bool), np.nan, values[:12, :])
    values[12, :] = np.nan
    values[13, :], values[14, :] = 3e38, -3e38
    return values


def test_a_coefficient_is_that_of_a_ridge_on_normal_scores_of_bins(settings: Train) -> None:
    """By the slow way: each bin and each applicant one at a time."""
    values, labels = applicants()
    columns = []
    for column in values.T:
        known = sorted(float(value) for value in column if not np.isnan(value))
        edges = sorted({known[len(known) * eighth // 8] for eighth in range(1, 8)} - {known[0]})
        bins = [sum(value >= edge for edge in edges) for value in known]
        middles = [np.mean([place + 0.5 for place, of in enumerate(bins) if of == each]) / len(known) for each in bins]
        by_value = dict(zip(known, [linear_part.NormalDist().inv_cdf(middle) for middle in middles], strict=True))
        scores = np.array([by_value.get(float(value), np.nan) for value in column])
        centred = np.nan_to_num(scores - np.nanmean(scores))
        columns.append(centred / centred.std() if centred.std() > 1e-9 else np.zeros(len(column)))
    scaled = np.column_stack(columns)
    line = LogisticRegression(C=settings.linear_c, max_iter=500).fit(scaled, labels)
    everything = linear_part.fit(values, labels, ONCE, SIGNLESS, settings.model_copy(update={"linear_features": 12}))
    assert everything.margins(values) == pytest.approx(line.decision_function(scaled), abs=1e-3)
    kept = linear_part.fit(values, labels, ONCE, SIGNLESS, settings)
    assert {steps.place for steps in kept.steps} == set(np.argsort(-np.abs(line.coef_[0]))[:8].tolist())
    assert {0, 1, 5} < {steps.place for steps in kept.steps}


def test_a_mixed_booster_says_what_trees_and_steps_say(part: LinearPart, trees: xgboost.Booster) -> None:
    others = people()
    mixed = linear_part.mix(trees, part, 0.4)
    expected = 0.6 * margins(trees, others) + 0.4 * part.margins(others)
    assert margins(mixed, others) == pytest.approx(expected, abs=1e-5)
    # xgboost has another way through a tree for a row alone.
    alone = [margins(mixed, others[place : place + 1])[0] for place in range(20)]
    assert alone == pytest.approx(expected[:20], abs=1e-5)
    assert mixed.num_boosted_rounds() == 30 + 8
    assert LinearPart.from_json(part.as_json()).margins(others).tolist() == part.margins(others).tolist()


def test_a_linear_contribution_is_the_steps_distance_from_their_mean(part: LinearPart, trees: xgboost.Booster) -> None:
    """By the booster, and by shap's own explainer, which knows nothing of it."""
    values, _ = applicants()
    alone = linear_part.mix(trees, part, 0.999999)
    others = people()
    found = alone.predict(xgboost.DMatrix(others, feature_names=NAMES), pred_contribs=True)
    for steps in part.steps:
        expected = steps.of(others[:, steps.place]) - steps.of(values[:, steps.place]).mean()
        assert found[:, steps.place] == pytest.approx(expected, abs=1e-4)
    mixed = linear_part.mix(trees, part, 0.4)
    mine = mixed.predict(xgboost.DMatrix(others, feature_names=NAMES), pred_contribs=True)
    assert shap.TreeExplainer(mixed).shap_values(others) == pytest.approx(mine[:, :-1], abs=1e-4)
    assert mine.sum(axis=1) == pytest.approx(margins(mixed, others), abs=1e-4)


def test_a_sealed_mixed_booster_is_one_file_that_says_what_it_is(part: LinearPart, trees: xgboost.Booster) -> None:
    family = next(iter(FAMILIES))
    file = seal(linear_part.mix(trees, part, 0.4), 37, [family] * len(NAMES), "1-0123456789ab")
    model = load_model(file, sha256_of(file))
    assert model.predictor.name == "gradient-boosted trees (30 rounds) with a linear part of 8 features"
    others = people()
    explained = model.explanations(others[:12].astype(np.float64), 4, 12, 0.001)
    assert explained.margin == pytest.approx(
        0.6 * margins(trees, others[:12]) + 0.4 * part.margins(others[:12]), abs=1e-5
    )
    gains = model.predictor.gains()
    assert max(gains, key=lambda name: gains[name]) in {"x0", "x1"}
    assert "x3" not in gains


def test_what_the_business_knows_is_not_gone_against(settings: Train) -> None:
    values, labels = applicants()
    against = tuple(-1 if place == 0 else 1 if place == 1 else 0 for place in range(12))
    kept = {steps.place for steps in linear_part.fit(values, labels, ONCE, against, settings).steps}
    assert not kept & {0, 1}
    assert len(kept) == 8
    minding_none = settings.model_copy(update={"monotone": False})
    assert {0, 1} < {steps.place for steps in linear_part.fit(values, labels, ONCE, against, minding_none).steps}


def test_features_that_say_nothing_leave_the_bad_rate() -> None:
    values = np.full((50, 2), np.nan, dtype=np.float32)
    values[:, 1] = 7
    labels = (np.arange(50) < 10).astype(np.float32)
    part = linear_part.fit(values, labels, np.ones(50), (0, 0), load_settings().train)
    assert part.steps == ()
    assert part.margins(values) == pytest.approx(np.full(50, np.log(10 / 40)))


def test_an_unknown_value_that_nobody_had_adds_nothing() -> None:
    steps = Steps(0, np.array([1.0, 2.0]), np.array([-0.5, 0.1, 0.7]), 0.0, np.array([5.0, 5.0, 5.0, 0.0]))
    assert steps.of(np.array([0.9, 1.0, 1.5, 2.0, 9.0, np.nan], dtype=np.float32)).tolist() == [
        *(-0.5, 0.1, 0.1, 0.7, 0.7),
        0.0,
    ]


def test_mixed_out_of_fold_is_the_mixture_of_both(settings: Train) -> None:
    values, labels = applicants()
    rows = FoldRows(values[:500], labels[:500], ONCE[:500], values[:0], labels[:0], ONCE[:0], values[500:], SIGNLESS)
    both, alone = Mixed(settings).fit(rows), Trees(settings).fit(rows)
    line = linear_part.fit(rows.values, rows.labels, rows.weights, SIGNLESS, settings).margins(rows.left_out)
    assert both.margins == pytest.approx(0.6 * alone.margins + 0.4 * line)
    assert both.rounds.tolist() == alone.rounds.tolist()
    assert Mixed(replace_share(settings, 0.1)).fit(rows).margins == pytest.approx(0.9 * alone.margins + 0.1 * line)


def replace_share(settings: Train, share: float) -> Train:
    return settings.model_copy(update={"linear_share": share})


def test_a_row_of_weight_two_is_fitted_as_two_rows(settings: Train) -> None:
    values, labels = applicants()
    twice = linear_part.fit(values, labels, np.full(ROWS, 2.0), SIGNLESS, settings)
    repeated = linear_part.fit(
        np.repeat(values, 2, axis=0), np.repeat(labels, 2), np.ones(2 * ROWS), SIGNLESS, settings
    )
    assert_alike(twice, repeated)
    times = np.random.default_rng(3).integers(1, 4, ROWS)
    weighted = linear_part.fit(values, labels, times.astype(np.float64), SIGNLESS, settings)
    often = np.repeat(values, times, axis=0), np.repeat(labels, times), np.ones(times.sum())
    assert_alike(weighted, linear_part.fit(*often, SIGNLESS, settings))
    once = linear_part.fit(values, labels, ONCE, SIGNLESS, settings)
    assert not np.allclose(weighted.margins(values), once.margins(values), atol=1e-3)


def assert_alike(part: LinearPart, other: LinearPart) -> None:
    """The same bins of the same features, and what they add but for the solver's tolerance."""
    assert part.intercept == pytest.approx(other.intercept, abs=1e-3)
    assert [steps.place for steps in part.steps] == [steps.place for steps in other.steps]
    for steps, others in zip(part.steps, other.steps, strict=True):
        assert steps.edges.tolist() == others.edges.tolist()
        assert steps.rows.tolist() == others.rows.tolist()
        assert steps.adds == pytest.approx(others.adds, abs=1e-3)
