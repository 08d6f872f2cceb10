"""When a booster's probabilities are corrected, and that the corrected booster says exactly that everywhere."""

import numpy as np
import pytest
import xgboost
from sklearn.linear_model import LogisticRegression

from jobs.model import calibration, measures
from jobs.model.booster import load_model, seal, sha256_of
from jobs.model.measures import Vector
from tests.small_lake import FAMILY_OF, applicants

PEOPLE = applicants(labelled=4000, new=0)
ROWS = PEOPLE[list(FAMILY_OF)]
LABELS = PEOPLE["TARGET"].to_numpy(dtype=float)
FOLDS = PEOPLE["SK_ID_CURR"].to_numpy() % 5
FITTED = slice(0, 2000)
HELD_OUT = slice(2000, 4000)


def boosted(weight_of_bad: float = 1.0, objective: str = "binary:logistic", kind: str = "gbtree") -> xgboost.Booster:
    data = xgboost.DMatrix(ROWS[FITTED], LABELS[FITTED])
    parameters = {"objective": objective, "booster": kind, "eta": 0.1, "max_depth": 3, "nthread": 1}
    return xgboost.train(parameters | {"scale_pos_weight": weight_of_bad}, data, 60)


@pytest.fixture(scope="module")
def booster() -> xgboost.Booster:
    return boosted()


def margins(booster: xgboost.Booster, rows: slice = HELD_OUT) -> Vector:
    return booster.predict(xgboost.DMatrix(ROWS[rows]), output_margin=True).astype(float)


def drawn(slope: float, intercept: float, rows: int = 20_000, seed: int = 1) -> tuple[Vector, Vector, Vector]:
    """Margins, labels drawn with the margin that the line makes of them, and folds."""
    random = np.random.default_rng(seed)
    margin = random.normal(-2, 1, rows)
    label = (random.random(rows) < 1 / (1 + np.exp(-(intercept + slope * margin)))).astype(float)
    return margin, label, np.arange(rows) % 5


def test_the_line_that_drew_the_labels_is_found() -> None:
    found = calibration.fit(*drawn(slope=0.6, intercept=-1.0))
    assert (found.slope, found.intercept) == pytest.approx((0.6, -1.0), abs=0.06)
    assert found.improves


def test_the_line_is_that_of_logistic_regression_on_platts_targets() -> None:
    margin, label, folds = drawn(slope=0.6, intercept=-1.0, rows=300)
    bad, good = label.sum(), (1 - label).sum()
    share_of_bad = np.where(label == 1, (bad + 1) / (bad + 2), 1 / (good + 2))
    as_both_classes = LogisticRegression(C=np.inf, tol=1e-10).fit(
        np.concatenate([margin, margin])[:, None],
        np.repeat([1, 0], label.size),
        sample_weight=np.concatenate([share_of_bad, 1 - share_of_bad]),
    )
    found = calibration.fit(margin, label, folds)
    expected = as_both_classes.coef_[0, 0], as_both_classes.intercept_[0]
    assert (found.slope, found.intercept) == pytest.approx(expected, abs=1e-4)


def test_the_gain_is_of_lines_that_did_not_see_the_row() -> None:
    """Two folds of two rows, told apart within each; the line of one fold is wrong for the other."""
    margin, label, folds = np.array([-1.0, 1, -1, 1]), np.array([0.0, 1, 1, 0]), np.array([0, 0, 1, 1])
    found = calibration.fit(margin, label, folds)
    # Platt's targets of one bad and one good row are 2/3 and 1/3, so that the line has slope log 2.
    before = np.log1p(np.exp([-1, -1, 1, 1])).mean()
    after = np.log1p(np.exp([np.log(2)] * 4)).mean()
    assert found.gain.value == pytest.approx(before - after)
    assert found.slope == pytest.approx(0, abs=1e-9)
    assert not found.improves


@pytest.mark.parametrize("seed", range(5))
def test_calibrated_margins_are_hardly_ever_worth_a_change(seed: int) -> None:
    found = calibration.fit(*drawn(slope=1.0, intercept=0.0, seed=seed))
    assert not found.improves
    assert (found.slope, found.intercept) == pytest.approx((1, 0), abs=0.15)


def test_margins_that_rank_the_wrong_way_round_are_not_turned() -> None:
    found = calibration.fit(*drawn(slope=-1.0, intercept=-3.0))
    assert found.gain.value > found.gain.standard_error
    assert not found.improves


def test_a_constant_margin_has_no_line() -> None:
    _, label, folds = drawn(slope=1.0, intercept=0.0, rows=100)
    found = calibration.fit(np.full(100, -2.0), label, folds)
    assert np.isnan(found.slope)
    assert not found.improves


def test_the_order_of_the_rows_changes_nothing() -> None:
    margin, label, folds = drawn(slope=0.6, intercept=-1.0, rows=1000)
    shuffled = np.random.default_rng(0).permutation(1000)
    assert calibration.fit(margin[shuffled], label[shuffled], folds[shuffled]) == calibration.fit(margin, label, folds)


@pytest.mark.parametrize(
    ("labels", "folds", "message"),
    [
        ([0, 1, 0, 1], [3, 3, 3, 3], "in one fold"),
        ([0, 0, 1, 1], [0, 0, 1, 1], "outside of a fold are 1"),
        ([0, 0, 0, 0], [0, 0, 1, 1], "needs both classes"),
    ],
)
def test_what_cannot_be_fitted_is_refused(labels: list[int], folds: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibration.fit([0.1, 0.2, 0.3, 0.4], labels, folds)


def test_a_booster_of_weighted_classes_is_corrected() -> None:
    weighted = boosted(weight_of_bad=10)
    half = slice(2000, 3000)
    found = calibration.fit(margins(weighted, half), LABELS[half], FOLDS[half])
    assert found.improves
    folded = calibration.fold_in(weighted, found.slope, found.intercept)
    rest = slice(3000, 4000)
    before, after = (1 / (1 + np.exp(-margins(each, rest))) for each in (weighted, folded))
    assert before.mean() > 1.5 * LABELS[rest].mean()
    assert after.mean() == pytest.approx(LABELS[rest].mean(), abs=0.03)
    assert measures.log_loss(LABELS[rest], after) < measures.log_loss(LABELS[rest], before)
    assert measures.auc(LABELS[rest], after) == pytest.approx(measures.auc(LABELS[rest], before), abs=1e-4)


@pytest.mark.parametrize(("slope", "intercept"), [(0.8, -0.3), (1.7, 2.0), (0.05, -4.0), (1.0, 0.0)])
def test_a_folded_booster_says_the_line_of_its_margin(booster: xgboost.Booster, slope: float, intercept: float) -> None:
    folded = calibration.fold_in(booster, slope, intercept)
    expected = intercept + slope * margins(booster)
    np.testing.assert_allclose(margins(folded), expected, atol=1e-5)
    rows = xgboost.DMatrix(ROWS[HELD_OUT])
    np.testing.assert_allclose(folded.predict(rows), 1 / (1 + np.exp(-expected)), atol=1e-6)


def test_contributions_are_those_before_times_the_slope(booster: xgboost.Booster) -> None:
    folded = calibration.fold_in(booster, 0.7, -0.4)
    rows = xgboost.DMatrix(ROWS[HELD_OUT])
    before, after = booster.predict(rows, pred_contribs=True), folded.predict(rows, pred_contribs=True)
    np.testing.assert_allclose(after[:, :-1], 0.7 * before[:, :-1], atol=1e-5)
    np.testing.assert_allclose(after[:, -1], 0.7 * before[:, -1] - 0.4, atol=1e-5)
    np.testing.assert_allclose(after.sum(axis=1), margins(folded), atol=1e-5)


def test_a_folded_booster_is_cut_sealed_and_loaded_as_any_other(booster: xgboost.Booster) -> None:
    families = list(FAMILY_OF.values())
    file = seal(calibration.fold_in(booster, 0.7, -0.4), 29, families, "feature set 1")
    model = load_model(file, sha256_of(file))
    assert model.features == tuple(FAMILY_OF)
    found = model.predict(model.values(ROWS[HELD_OUT]), "margin")
    np.testing.assert_allclose(found, -0.4 + 0.7 * margins(booster[:30]), atol=1e-5)
    assert seal(calibration.fold_in(booster, 0.7, -0.4), 29, families, "feature set 1") == file
    # Cut before or after: the same model.
    assert seal(calibration.fold_in(booster[:30], 0.7, -0.4), 29, families, "feature set 1") == file


def test_attributes_and_missing_values_stay(booster: xgboost.Booster) -> None:
    booster.set_attr(note="kept")
    folded = calibration.fold_in(booster, 0.7, -0.4)
    assert folded.attributes() == booster.attributes()
    unknown = xgboost.DMatrix(ROWS[HELD_OUT] * np.nan)
    expected = -0.4 + 0.7 * booster.predict(unknown, output_margin=True)
    np.testing.assert_allclose(folded.predict(unknown, output_margin=True), expected, atol=1e-5)


@pytest.mark.parametrize(("slope", "intercept"), [(0.0, 0.0), (-1.0, 0.0), (float("nan"), 0.0), (1.0, float("inf"))])
def test_a_line_that_no_booster_can_follow_is_refused(booster: xgboost.Booster, slope: float, intercept: float) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        calibration.fold_in(booster, slope, intercept)


@pytest.mark.filterwarnings("ignore::UserWarning")  # xgboost means to give up linear boosters
@pytest.mark.parametrize(
    ("objective", "kind"),
    [("reg:squarederror", "gbtree"), ("binary:logistic", "gblinear"), ("binary:logitraw", "gbtree")],
)
def test_a_booster_of_another_kind_is_refused(objective: str, kind: str) -> None:
    with pytest.raises(ValueError, match=rf"a {kind} of {objective}: only a gbtree"):
        calibration.fold_in(boosted(objective=objective, kind=kind), 1.0, 0.0)
