"""What is fitted to one fold: trees and the baseline, against libraries used in the plainest way."""

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jobs.model.candidates import FoldRows, Logistic, Standardised, Trees
from jobs.model.measures import auc
from jobs.runtime.settings import Train, load_settings

ROWS, FEATURES = 900, 6


@pytest.fixture(scope="module")
def booster() -> Train:
    return load_settings(
        overrides=("train.rounds=30", "train.min_child_weight=2", "train.early_stopping_rounds=5")
    ).train


ONCE = np.ones(ROWS)


def made_up(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The first feature tells the label, some of the second are unknown, the others say nothing."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(ROWS, FEATURES)).astype(np.float32)
    labels = (random.random(ROWS) < 1 / (1 + np.exp(1 - 2 * values[:, 0]))).astype(np.float32)
    values[random.random(ROWS) < 0.3, 1] = np.nan
    return values, labels


def fold() -> FoldRows:
    values, labels = made_up()
    return FoldRows(
        values[:600], labels[:600], ONCE[:600], values[600:700], labels[600:700], ONCE[600:700], values[700:]
    )


@pytest.mark.parametrize("rows", [700, 900])
def test_margins_are_those_of_xgboost_used_plainly(booster: Train, rows: int) -> None:
    values, labels = made_up()
    fitted = Trees(booster).fit(
        FoldRows(
            values[:600], labels[:600], ONCE[:600], values[600:rows], labels[600:rows], ONCE[600:rows], values[700:]
        )
    )
    plain = xgboost.XGBClassifier(
        n_estimators=30,
        early_stopping_rounds=5,
        eval_metric="logloss",
        random_state=booster.seed,
        max_bin=booster.max_bin,
        max_depth=booster.max_depth,
        learning_rate=booster.learning_rate,
        min_child_weight=booster.min_child_weight,
        subsample=booster.subsample,
        colsample_bytree=booster.colsample_bytree,
        reg_alpha=booster.reg_alpha,
        reg_lambda=booster.reg_lambda,
        n_jobs=1,
    ).fit(values[:600], labels[:600], eval_set=[(values[600:rows], labels[600:rows])], verbose=False)
    expected = plain.predict(values[700:], output_margin=True)
    assert fitted.margins[0] == pytest.approx(expected, abs=1e-6)
    assert fitted.rounds == plain.best_iteration + 1
    trees = plain.get_booster()[: fitted.rounds[0]].trees_to_dataframe()
    assert fitted.sizes == (trees["Feature"] == "Leaf").sum()


def test_trees_never_go_against_the_sign_of_a_feature_where_they_are_asked_not_to(booster: Train) -> None:
    """The risk is high where the second feature is far from 0, either way."""
    values, _ = made_up()
    labels = (np.abs(np.nan_to_num(values[:, 1])) > 1).astype(np.float32)
    random = np.random.default_rng(1)
    asked = np.repeat(values[700:701], 41, axis=0)
    asked[:, 1] = np.linspace(-2, 2, 41)
    others = random.normal(size=(20, FEATURES)).astype(np.float32)
    asked = np.vstack([np.where(np.arange(FEATURES) == 1, asked, other) for other in others]).astype(np.float32)

    def by_the_second(settings: Train, signs: tuple[int, ...]) -> np.ndarray:
        rows = FoldRows(
            values[:600], labels[:600], ONCE[:600], values[600:700], labels[600:700], ONCE[600:700], asked, signs
        )
        return np.diff(Trees(settings).fit(rows).margins[0].reshape(20, 41), axis=1)

    asked_not_to = booster.model_copy(update={"colsample_bytree": 1.0, "learning_rate": 0.3})
    free = asked_not_to.model_copy(update={"monotone": False})
    rising = (0, 1, *[0] * (FEATURES - 2))
    steps = by_the_second(asked_not_to, rising)
    assert (steps >= 0).all()
    assert (steps > 0).any()
    assert (by_the_second(asked_not_to, tuple(-sign for sign in rising)) <= 0).all()
    assert (by_the_second(free, rising) < 0).any()
    assert np.array_equal(by_the_second(free, rising), by_the_second(asked_not_to, ()))


def test_without_rows_to_stop_on_trees_answer_after_every_few(booster: Train) -> None:
    values, labels = made_up()
    nobody = np.empty((0, FEATURES), np.float32), np.empty(0, np.float32), ONCE[:0]
    odd = booster.model_copy(update={"rounds": 25})
    fitted = Trees(odd).fit(FoldRows(values[:700], labels[:700], ONCE[:700], *nobody, values[700:]))
    assert fitted.rounds.tolist() == [10, 20, 25]
    fewer = Trees(booster.model_copy(update={"few_rounds": 10}))
    assert fewer.fit(FoldRows(values[:700], labels[:700], ONCE[:700], *nobody, values[700:])).rounds.tolist() == [10]
    for margins, rounds, leaves in zip(fitted.margins, fitted.rounds, fitted.sizes, strict=True):
        so_many = Trees(odd.model_copy(update={"rounds": int(rounds)}))
        plain = xgboost.train(
            {**so_many.parameters, "objective": "binary:logistic", "nthread": 1},
            xgboost.QuantileDMatrix(values[:700], labels[:700], max_bin=odd.max_bin),
            int(rounds),
        )
        assert np.array_equal(margins, plain.predict(xgboost.DMatrix(values[700:]), output_margin=True))
        assert leaves == (plain.trees_to_dataframe()["Feature"] == "Leaf").sum()


def test_the_baseline_is_that_of_scikit_learn() -> None:
    rows = fold()
    values, labels = np.vstack([rows.values, rows.stop_values]), np.append(rows.labels, rows.stop_labels)
    plain = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(C=0.1))
    expected = plain.fit(values, labels).decision_function(rows.left_out)
    fitted = Logistic(0.1).fit(rows)
    assert fitted.margins[0] == pytest.approx(expected, abs=2e-3)
    assert (fitted.rounds, fitted.sizes) == (0, FEATURES)


def test_a_stronger_penalty_gives_smaller_odds_and_both_rank_well() -> None:
    rows, labels = fold(), made_up()[1][700:]
    weak, strong = (Logistic(c).fit(rows).margins[0] for c in (1.0, 0.001))
    assert np.ptp(strong) < np.ptp(weak) / 2
    assert min(auc(labels, weak), auc(labels, strong)) > 0.8


def test_values_are_on_one_scale_and_none_is_unknown() -> None:
    nan = np.nan
    values = np.array([[1, nan, 7, 1e30], [3, nan, 7, 0], [nan, nan, 7, 0], [8, nan, 7, 0]], dtype=np.float32)
    scaled = Standardised.of(values).apply(values)
    filled = pd.Series([1.0, 3.0, 3.0, 8.0])  # the median of three
    assert scaled[:, 0] == pytest.approx((filled - filled.mean()) / filled.std(ddof=0))
    assert (scaled[:, 1] == 0).all()
    assert (scaled[:, 2] == 0).all()
    assert np.isfinite(scaled).all()
    far = Standardised.of(values).apply(np.array([[1e9, 0, 7, 0]], dtype=np.float32))
    assert far[0, 0] == 5.0


def test_the_same_rows_give_the_same_margins(booster: Train) -> None:
    for candidate in (Trees(booster), Logistic(0.01)):
        assert np.array_equal(candidate.fit(fold()).margins, candidate.fit(fold()).margins)


def test_weights_reach_what_is_fitted_and_what_ends_it(booster: Train) -> None:
    values, labels = made_up()
    weight = np.random.default_rng(4).integers(1, 4, ROWS).astype(np.float64)

    def rows(learned: np.ndarray, ends: np.ndarray) -> FoldRows:
        return FoldRows(
            values[:600], labels[:600], learned[:600], values[600:700], labels[600:700], ends[600:700], values[700:]
        )

    fitted = Trees(booster).fit(rows(weight, weight))
    plain = xgboost.train(
        {**Trees(booster).parameters, "objective": "binary:logistic", "eval_metric": "logloss", "nthread": 1},
        xgboost.QuantileDMatrix(values[:600], labels[:600], weight=weight[:600], max_bin=booster.max_bin),
        booster.rounds,
        evals=[(xgboost.DMatrix(values[600:700], labels[600:700], weight=weight[600:700]), "stop")],
        early_stopping_rounds=booster.early_stopping_rounds,
        verbose_eval=False,
    )
    ended = (0, plain.best_iteration + 1)
    asked = xgboost.DMatrix(values[700:])
    expected = plain.predict(asked, output_margin=True, iteration_range=ended)
    assert fitted.margins[0] == pytest.approx(expected, abs=1e-6)
    assert not np.allclose(fitted.margins, Trees(booster).fit(rows(ONCE, ONCE)).margins)
    # A line through rows of weight two is that through two of each; what ends trees it learns from too.
    line = Logistic(0.1)
    twice = [np.repeat(of, 2, axis=0) for of in (values[:600], labels[:600], ONCE[:600])]
    stops = [np.repeat(of, 2, axis=0) for of in (values[600:700], labels[600:700], ONCE[600:700])]
    repeated = line.fit(FoldRows(*twice, *stops, values[700:]))
    assert line.fit(rows(2 * ONCE, 2 * ONCE)).margins == pytest.approx(repeated.margins, abs=1e-3)
