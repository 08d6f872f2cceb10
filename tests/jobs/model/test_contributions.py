"""Contributions are Shapley values, and what is kept of them does not depend on luck."""

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st

from jobs.model.booster import Model, load_model, seal, sha256_of
from jobs.model.contributions import by_family, check_additivity, largest, raising

NAMES = ("EXT_SOURCE_MEAN", "CREDIT_INCOME_PERCENT", "cards_utilisation_mean_6m", "NOISE")
RANDOM = np.random.default_rng(11)
VALUES = RANDOM.normal(size=(200, len(NAMES))).round(1)
VALUES[RANDOM.random(200) < 0.3, 2] = np.nan


@pytest.fixture(scope="module")
def model() -> Model:
    """A few trees that mix the features, so that their contributions are not plain sums."""
    labels = (VALUES[:, 0] * VALUES[:, 1] + np.nan_to_num(VALUES[:, 2]) > 0).astype(int)
    data = xgboost.DMatrix(VALUES, labels, feature_names=list(NAMES))
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "eta": 0.5, "nthread": 1}, data, 6)
    file = seal(booster, 5, ["external scores", "affordability", "card use", "card use"], "feature set 1")
    return load_model(file, sha256_of(file))


def expected_leaf(tree: pd.DataFrame, node: str, row: dict[str, float], known: frozenset[str]) -> float:
    """The tree's value where only some features are known: a split on another one takes both ways, by their cover."""
    each = tree.loc[node]
    if each["Feature"] == "Leaf":
        return float(each["Gain"])
    if each["Feature"] in known:
        value = row[each["Feature"]]
        side = "Missing" if np.isnan(value) else "Yes" if np.float32(value) < np.float32(each["Split"]) else "No"
        return expected_leaf(tree, each[side], row, known)
    yes, no = (expected_leaf(tree, each[side], row, known) for side in ("Yes", "No"))
    share = tree.loc[each["Yes"], "Cover"] / each["Cover"]
    return share * yes + (1 - share) * no


def shapley_values(model: Model, row: dict[str, float]) -> list[float]:
    """By the definition (Shapley 1953): what a feature adds to those known before it, over all orders."""
    nodes = model.predictor.booster.trees_to_dataframe().set_index("ID")
    trees = [tree for _, tree in nodes.groupby("Tree")]

    def worth(known: tuple[str, ...]) -> float:
        return sum(expected_leaf(tree, tree.index[0], row, frozenset(known)) for tree in trees)

    values = []
    for name in NAMES:
        others = [other for other in NAMES if other != name]
        values.append(
            sum(
                factorial(size)
                * factorial(len(others) - size)
                / factorial(len(NAMES))
                * (worth((*before, name)) - worth(before))
                for size in range(len(NAMES))
                for before in combinations(others, size)
            )
        )
    return values


@pytest.mark.parametrize("place", range(6))
def test_contributions_are_shapley_values_by_their_definition(model: Model, place: int) -> None:
    found = model.predict(VALUES[place : place + 1], "contributions")[0, :-1]
    row = dict(zip(NAMES, VALUES[place].tolist(), strict=True))
    assert found == pytest.approx(shapley_values(model, row), abs=1e-5)


@given(st.lists(st.lists(st.sampled_from([-2.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0]), min_size=6, max_size=6), max_size=5))
def test_the_largest_are_those_of_a_stable_sort(rows: list[list[float]]) -> None:
    contributions = np.array(rows).reshape(-1, 6)
    for most in (1, 3, 6, 9):
        expected = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :most]
        assert largest(contributions, most).tolist() == expected.tolist()


def test_contributions_of_a_family_are_added() -> None:
    families, sums = by_family(np.array([[1.0, 0.25, -2.0], [0.0, 0.5, 0.5]]), ("card use", "bureau debt", "card use"))
    assert families == ("bureau debt", "card use")
    assert sums.tolist() == [[0.25, -1.0], [0.5, 0.5]]


def test_age_is_never_a_reason_however_much_it_counts() -> None:
    families, sums = by_family(np.array([[0.5, 3.0, 0.25]]), ("stability", "age", "card use"))
    assert families == ("card use", "stability")
    assert sums.tolist() == [[0.25, 0.5]]
    families, sums = by_family(np.array([[3.0]]), ("age",))
    assert (families, raising(sums, 4).tolist()) == ((), [[]])


def test_equal_families_come_in_alphabetical_order() -> None:
    assert raising(np.array([[0.2, 0.5, 0.2, -0.1]]), 4).tolist() == [[1, 0, 2, 3]]
    assert raising(np.array([[0.2, 0.5, 0.2, -0.1]]), 2).tolist() == [[1, 0]]


def test_contributions_that_miss_the_margin_are_loud() -> None:
    contributions, base = np.array([[0.5, -0.2], [0.1, 0.1]]), np.array([-2.0, -2.0])
    check_additivity(contributions, base, np.array([-1.7, -1.8]), 1e-3)
    with pytest.raises(ArithmeticError, match="in 1 of 2 rows"):
        check_additivity(contributions, base, np.array([-1.7, -1.79]), 1e-3)
    with pytest.raises(ArithmeticError, match="in 1 of 2 rows"):
        check_additivity(contributions, base, np.array([-1.7, np.nan]), 1e-3)
