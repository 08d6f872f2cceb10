"""A linear part for boosted trees: what single features say of the risk, fitted together, written into the same file.

    part = linear_part.fit(values, labels, signs, settings)
    booster = linear_part.mix(booster, part, settings.linear_share)

Shallow trees that see few columns each find what single features and pairs of them say; a ridge on ranks weighs a
thousand features at once. They err on different applicants, and where rows are few both together rank better than
either (docs/performance.md). Each feature is cut into bins, as a scorecard's is (Siddiqi 2006, Credit Risk Scorecards),
a bin is the normal score of its middle rank (Blom 1958, Statistical Estimates and Transformed Beta-Variables), what is
unknown is the mean, and a logistic regression with an L2 penalty weighs them. What a feature adds is then a step
function of it, that is, one small tree. So nothing else has to change: contributions are exact, one file holds all, and
batch, REST and `mlflow models serve` answer from it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.model.booster import LINEAR_FEATURES
from jobs.model.calibration import fold_in, shortest
from jobs.model.candidates import (
    Fitted,
    FoldRows,
    Labels,
    Parameters,
    Trees,
    Values,
    booster_parameters,
    on_one_core,
)
from jobs.model.measures import Vector
from jobs.runtime.settings import Train

if TYPE_CHECKING:
    import xgboost

BINS = 8
# A feature that fewer know says nothing that could be told from chance.
FEWEST_KNOWN = 10
MOST_ITERATIONS = 500
# Every known value is less: whatever is not goes the way of the unknown.
NOT_KNOWN = float(np.finfo(np.float32).max)
NO_NODE, NO_PARENT = -1, 2147483647


@dataclass(frozen=True)
class Steps:
    """What a feature adds to the margin.

    Args:
        place: Of the feature among the model's.
        edges: (bins - 1,), rising; a value is in the bin after the edges that it has reached.
        adds: (bins,), log-odds.
        unknown: What an unknown value adds.
        rows: (bins + 1,), of those who were fitted on, in each bin and unknown; the sums of their weights.
    """

    place: int
    edges: Vector
    adds: Vector
    unknown: float
    rows: Vector

    def of(self, column: Values) -> Vector:
        """What the feature's values add, (rows,)."""
        return by_bin(column, self.edges, self.adds, self.unknown)


@dataclass(frozen=True)
class LinearPart:
    """The steps of the features that say most, and the log-odds that they are added to."""

    steps: tuple[Steps, ...]
    intercept: float

    def margins(self, values: Values) -> Vector:
        """Log-odds of rows of all the model's features, (rows,)."""
        added = (steps.of(values[:, steps.place]) for steps in self.steps)
        return np.sum([np.full(len(values), self.intercept), *added], axis=0)

    def as_json(self) -> str:
        """All numbers, exactly."""
        return json.dumps(asdict(self), default=np.ndarray.tolist)

    @staticmethod
    def from_json(text: str) -> "LinearPart":
        """What `as_json` wrote."""
        read = json.loads(text)
        steps = (
            Steps(
                each["place"], np.array(each["edges"]), np.array(each["adds"]), each["unknown"], np.array(each["rows"])
            )
            for each in read["steps"]
        )
        return LinearPart(tuple(steps), read["intercept"])


@dataclass(frozen=True)
class Scale:
    """A feature cut into bins: their edges and normal scores, standardised over those who were fitted on, to whom an
    unknown value is the mean."""

    edges: Vector
    scores: Vector
    rows: Vector

    def of(self, column: Values) -> Vector:
        """The feature's values on the scale, (rows,)."""
        return by_bin(column, self.edges, self.scores, 0.0)


def fit(values: Values, labels: Labels, weights: Vector, signs: Sequence[int], settings: Train) -> LinearPart:
    """The linear part of rows with both classes; equal rows in equal order give equal numbers.

    Args:
        values: (rows, features), nan where one is unknown.
        labels: TARGET.
        weights: How many rows each stands for: a whole number of them gives what so many equal rows give.
        signs: Which way the risk goes as each feature rises, as `FoldRows.signs`; those that would go the other way
            are left out where `train.monotone` asks for it.
        settings: The penalty, and how many features are kept: those of the largest coefficients.
    """
    from sklearn.linear_model import LogisticRegression

    scales = {place: scale for place, column in enumerate(values.T) if (scale := scale_of(column, weights)) is not None}
    if not scales:
        bad = float(np.average(labels, weights=weights))
        return LinearPart((), float(np.log(bad / (1 - bad))))
    scaled = np.column_stack([scale.of(values[:, place]) for place, scale in scales.items()])
    line: Any = LogisticRegression(C=settings.linear_c, max_iter=MOST_ITERATIONS)
    with on_one_core():
        line.fit(scaled, labels, sample_weight=weights)
    coefficients = dict(zip(scales, line.coef_[0].tolist(), strict=True))
    allowed = {
        place: coefficient
        for place, coefficient in coefficients.items()
        if coefficient and not (settings.monotone and signs and coefficient * signs[place] < 0)
    }
    largest = sorted(allowed, key=lambda place: (-abs(allowed[place]), place))[: settings.linear_features]
    steps = (
        Steps(place, scales[place].edges, allowed[place] * scales[place].scores, 0.0, scales[place].rows)
        for place in sorted(largest)
    )
    return LinearPart(tuple(steps), float(line.intercept_[0]))


def by_bin(column: Values, edges: Vector, known: Vector, unknown: float) -> Vector:
    """The number of each value's bin, or that of the unknown, (rows,)."""
    return np.where(np.isnan(column), unknown, known[np.searchsorted(edges, column, side="right")])


def scale_of(column: Values, weights: Vector) -> Scale | None:
    """The bins of a feature, of equal weight as far as values are different; None where it has one only."""
    is_known = ~np.isnan(column)
    order = np.argsort(column[is_known], kind="stable")
    known = column[is_known][order].astype(np.float64)
    if known.size < FEWEST_KNOWN:
        return None
    below = np.append(0.0, np.cumsum(weights[is_known][order]))
    total, unknown = below[-1], float(weights[~is_known].sum())
    places = np.searchsorted(below, np.linspace(0, total, BINS + 1)[1:-1], side="right") - 1
    edges = np.setdiff1d(known[places], known[:1])
    ends = np.searchsorted(known, edges, side="left")
    rows = np.diff([0.0, *below[ends], total])
    if rows.size < 2:
        return None
    middles = (np.cumsum(rows) - rows / 2) / total
    scores = np.array([NormalDist().inv_cdf(middle) for middle in middles])
    mean = scores @ rows / total
    deviation = np.sqrt((scores - mean) ** 2 @ rows / (total + unknown))
    return Scale(edges, (scores - mean) / deviation, np.append(rows, unknown))


@dataclass(frozen=True, slots=True)
class Mixed:
    """Trees with a linear part, as a candidate that can be cross-validated; nobody ends its fit."""

    settings: Train

    @property
    def kind(self) -> str:
        """What it is."""
        return "trees and a linear part"

    @property
    def parameters(self) -> Parameters:
        """Of the booster and of the linear part."""
        own = self.settings.model_dump(include={"linear_share", "linear_c", "linear_features"})
        return {**booster_parameters(self.settings), **own}

    def fit(self, rows: FoldRows) -> Fitted:
        """As `Candidate.fit`, of rows of which none ends it."""
        trees = Trees(self.settings).fit(rows)
        part = fit(rows.values, rows.labels, rows.weights, rows.signs, self.settings)
        share = self.settings.linear_share
        margins = (1 - share) * trees.margins + share * part.margins(rows.left_out)
        return Fitted(margins, trees.rounds, trees.sizes + len(part.steps))


def mix(booster: "xgboost.Booster", part: LinearPart, share: float) -> "xgboost.Booster":
    """A booster whose margin is (1 - share) of the trees' and share of the linear part's, to the precision of float32.

    Args:
        booster: Trees of the objective binary:logistic, over the features that the part has its places among.
        part: The linear part.
        share: From 0 to 1, both excluded.
    """
    import xgboost

    content = json.loads(bytes(fold_in(booster, 1 - share, share * part.intercept).save_raw("json")))
    model = content["learner"]["gradient_booster"]["model"]
    features = content["learner"]["learner_model_param"]["num_feature"]
    first = len(model["trees"])
    added = [as_tree(steps, share, number, features) for number, steps in enumerate(part.steps, start=first)]
    model["trees"] += added
    model["tree_info"] += [0] * len(added)
    model["iteration_indptr"] += [first + number for number in range(1, len(added) + 1)]
    model["gbtree_model_param"]["num_trees"] = str(len(model["trees"]))
    mixed: Any = xgboost.Booster()
    mixed.load_model(bytearray(json.dumps(content).encode()))
    mixed.set_attr(**{LINEAR_FEATURES: str(len(added))})
    same: xgboost.Booster = mixed
    return same


@dataclass(frozen=True)
class Node:
    """A node of a tree of one feature: the bins from start to end come to it, of whom the last may be the unknown."""

    parent: int
    start: int
    end: int

    @property
    def middle(self) -> int:
        """The bin from which on they go right."""
        return (self.start + self.end) // 2

    @property
    def is_leaf(self) -> bool:
        """Whether it is one bin."""
        return self.end - self.start == 1


def nodes_of(bins: int) -> list[Node]:
    """A balanced tree over so many bins, level by level. xgboost finds a right child behind its left one."""
    nodes = [Node(NO_PARENT, 0, bins)]
    for number in range(2 * bins - 1):
        node = nodes[number]
        if not node.is_leaf:
            nodes += [Node(number, node.start, node.middle), Node(number, node.middle, node.end)]
    return nodes


def as_tree(steps: Steps, share: float, number: int, features: str) -> dict[str, Any]:
    """The steps as a tree in xgboost's JSON.

    Unknown values go right at every split, so that they end beside the last bin, from which one more split parts them.
    A node's weight is the number of rows that came there: contributions are measured from the mean over these rows.
    """
    adds, rows = share * np.append(steps.adds, steps.unknown), steps.rows
    thresholds = np.append(steps.edges, NOT_KNOWN)
    nodes = nodes_of(adds.size)
    counts = np.array([rows[node.start : node.end].sum() for node in nodes])
    sums = np.array([(adds * rows)[node.start : node.end].sum() for node in nodes])
    means = np.array(
        [total / count if count else adds[node.start] for node, count, total in zip(nodes, counts, sums, strict=True)]
    )
    left = np.full(len(nodes), NO_NODE)
    gains = np.zeros(len(nodes))
    for child, node in enumerate(nodes[1:], start=1):
        gains[node.parent] += counts[child] * (means[child] - means[node.parent]) ** 2
        if node.start == nodes[node.parent].start:
            left[node.parent] = child
    conditions = [adds[node.start] if node.is_leaf else thresholds[node.middle - 1] for node in nodes]
    return {
        "base_weights": shortest(means),
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": [0] * len(nodes),
        "id": number,
        "left_children": left.tolist(),
        "loss_changes": shortest(gains),
        "parents": [node.parent for node in nodes],
        "right_children": np.where(left == NO_NODE, NO_NODE, left + 1).tolist(),
        "split_conditions": shortest(np.array(conditions)),
        "split_indices": [0 if node.is_leaf else steps.place for node in nodes],
        "split_type": [0] * len(nodes),
        "sum_hessian": shortest(counts),
        "tree_param": {
            "num_deleted": "0",
            "num_feature": features,
            "num_nodes": str(len(nodes)),
            "size_leaf_vector": "1",
        },
    }
