"""What a model promises: one file, one hash, the same answer for a row whoever it comes with."""

import numpy as np
import pandas as pd
import pytest
import shap
import xgboost

from features.reason_families import FAMILIES
from jobs.model.booster import Model, decisions, load_model, points, seal, sha256_of
from jobs.runtime.errors import ModelRefused
from tests.small_lake import FAMILY_OF, applicants

PEOPLE = applicants(labelled=600, new=0)
ROWS = PEOPLE[list(FAMILY_OF)]


@pytest.fixture(scope="module")
def booster() -> xgboost.Booster:
    """Fitted well past its best iteration, so that a cut changes what it says."""
    train, stop = (
        xgboost.DMatrix(ROWS[part], PEOPLE["TARGET"][part].astype(int)) for part in (slice(0, 300), slice(300, 600))
    )
    parameters = {"objective": "binary:logistic", "eta": 0.3, "max_depth": 4, "nthread": 1}
    return xgboost.train(parameters, train, 60, evals=[(stop, "stop")], early_stopping_rounds=20, verbose_eval=False)


@pytest.fixture(scope="module")
def file(booster: xgboost.Booster) -> bytes:
    return seal(booster, booster.best_iteration, list(FAMILY_OF.values()), "feature set 1")


@pytest.fixture(scope="module")
def model(file: bytes) -> Model:
    return load_model(file, sha256_of(file))


def test_a_model_stops_at_the_best_iteration(booster: xgboost.Booster, model: Model) -> None:
    data = xgboost.DMatrix(ROWS)
    best = booster.predict(data, iteration_range=(0, booster.best_iteration + 1))
    assert np.array_equal(model.probabilities(ROWS), best)
    assert np.abs(booster.predict(data) - best).max() > 0.01


def test_the_file_holds_names_families_and_version(model: Model) -> None:
    assert model.features == tuple(FAMILY_OF)
    assert model.families == tuple(FAMILY_OF.values())
    assert model.feature_set == "feature set 1"


def test_what_was_loaded_is_saved_as_the_same_bytes(model: Model) -> None:
    assert bytes(model.predictor.booster.save_raw("ubj")) == model.file


def test_a_changed_file_is_refused_before_it_is_parsed(file: bytes) -> None:
    changed = file[:-1] + bytes([file[-1] ^ 1])
    with pytest.raises(ModelRefused, match="it was changed"):
        load_model(changed, sha256_of(file))


def test_a_booster_without_families_is_refused(booster: xgboost.Booster) -> None:
    bare = bytes(booster.save_raw("ubj"))
    with pytest.raises(ModelRefused, match="no families or feature set"):
        load_model(bare, sha256_of(bare))


def test_a_family_without_a_sentence_is_refused(booster: xgboost.Booster) -> None:
    file = seal(booster, booster.best_iteration, ["age and stability"] * len(FAMILY_OF), "feature set 1")
    with pytest.raises(ModelRefused, match="of the family age and stability, which has no sentence: train it again"):
        load_model(file, sha256_of(file))


def test_rows_that_lack_a_feature_are_refused(model: Model) -> None:
    with pytest.raises(ModelRefused, match="lack 1 of the model's 8 features, such as NOISE"):
        model.probabilities(ROWS.drop(columns="NOISE"))


def test_other_columns_and_their_order_change_nothing(model: Model) -> None:
    turned = ROWS[list(reversed(ROWS.columns))].assign(CODE_GENDER="F")
    assert np.array_equal(model.probabilities(turned), model.probabilities(ROWS))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_row_gets_the_same_bits_in_any_batch(model: Model, size: int) -> None:
    rows = ROWS[:200]
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    assert np.array_equal(np.concatenate([model.probabilities(part) for part in parts]), model.probabilities(rows))
    assert [each for part in parts for each in model.explain(part, 4, 3, 1e-3)] == model.explain(rows, 4, 3, 1e-3)


def test_no_rows_give_no_scores(model: Model) -> None:
    assert len(model.score(ROWS[:0], 0.1)) == 0
    assert model.explain(ROWS[:0], 4, 3, 1e-3) == []


def test_an_infinite_value_is_not_scored_and_says_why(model: Model) -> None:
    rows = ROWS[:3].copy()
    rows.iloc[1, rows.columns.get_loc("NOISE")] = 1e39  # infinite as the float32 of the booster
    scored = model.score(rows, threshold=0.2)
    assert scored["reason_not_scored"].tolist() == [None, "NOISE is infinite", None]
    assert scored["probability"].isna().tolist() == [False, True, False]
    assert scored["score"].isna().tolist() == [False, True, False]
    assert scored["decision"][1] is None
    assert scored["probability"][2] == model.probabilities(ROWS[2:3])[0]


def test_points_are_600_at_50_to_1_and_20_more_where_the_odds_double() -> None:
    probabilities = np.array([1 / 51, 1 / 101, 1 / 26, np.nan, 0.0, 1.0])
    scores = points(probabilities)
    assert scores[:3].tolist() == [600, 620, 580]
    assert np.isnan(scores[3])
    assert np.isfinite(scores[4:]).all()


def test_decline_begins_at_the_threshold() -> None:
    assert decisions(np.array([0.0999, 0.1, 0.2, np.nan]), 0.1) == ["approve", "decline", "decline", None]


def test_contributions_are_those_of_the_tree_explainer(model: Model) -> None:
    rows = ROWS[:20]
    expected = shap.TreeExplainer(model.predictor.booster).shap_values(xgboost.DMatrix(rows))
    for explanation, row in zip(model.explain(rows, 4, len(FAMILY_OF), 1e-3), expected, strict=True):
        mine = {each.feature: each.contribution for each in explanation.contributions}
        assert [mine[name] for name in FAMILY_OF] == pytest.approx(row, abs=1e-6)


def test_base_value_and_contributions_make_the_margin(model: Model) -> None:
    for explanation in model.explain(ROWS[:50], 4, 3, 1e-3):
        named = sum(each.contribution for each in explanation.contributions)
        assert explanation.base_value == model.base_value()
        assert explanation.base_value + named + explanation.other_contributions == pytest.approx(
            explanation.margin, abs=1e-5
        )
        assert 1 / (1 + np.exp(-explanation.margin)) == pytest.approx(explanation.probability, abs=1e-6)


def test_named_contributions_are_the_largest_and_carry_their_value(model: Model) -> None:
    rows = ROWS[:50]
    all_of_them = model.explain(rows, 4, len(FAMILY_OF), 1e-3)
    for place, (some, every) in enumerate(zip(model.explain(rows, 4, 3, 1e-3), all_of_them, strict=True)):
        assert some.contributions == every.contributions[:3]
        sizes = [abs(each.contribution) for each in every.contributions]
        assert sizes == sorted(sizes, reverse=True)
        for each in every.contributions:
            value = rows[each.feature].iloc[place]
            assert each.value == (None if np.isnan(value) else value)


def test_reasons_are_the_families_that_raise_the_risk(model: Model) -> None:
    fewer = 0
    for explanation in model.explain(ROWS[:100], 4, len(FAMILY_OF), 1e-3):
        sums = dict.fromkeys(FAMILY_OF.values(), 0.0)
        for each in explanation.contributions:
            sums[FAMILY_OF[each.feature]] += each.contribution
        raising = sorted((name for name in sums if sums[name] > 0), key=lambda name: -sums[name])
        assert [reason.family for reason in explanation.reasons] == raising[:4]
        assert [reason.sentence for reason in explanation.reasons] == [FAMILIES[name] for name in raising[:4]]
        assert [reason.contribution for reason in explanation.reasons] == pytest.approx([sums[n] for n in raising[:4]])
        fewer += len(raising) < 4
    assert fewer > 0  # some applicant has fewer than four


def test_scores_survive_a_frame_with_another_index(model: Model) -> None:
    moved = ROWS[100:105]
    assert pd.Series(model.score(moved, 0.2)["probability"]).tolist() == model.probabilities(moved).tolist()
