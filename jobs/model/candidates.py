"""What can be fitted to one fold's rows in one process: boosted trees, and logistic regression as the baseline.

Both answer with margins (log-odds), so that they are compared on one scale. xgboost and scikit-learn are imported where
they are needed because that takes seconds.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from features.spec import Named
from jobs.model.measures import Vector, log_losses
from jobs.runtime.settings import Booster, Train

if TYPE_CHECKING:
    import xgboost

LOSS = "logloss"
Values = NDArray[np.float32]
Labels = NDArray[np.float32]
Counts = NDArray[np.int64]
Parameters = Mapping[str, float | int | str]

# Standard deviations: one applicant with a hundred times the others' income must not bend the line.
FARTHEST = 5.0
MOST_ITERATIONS = 500
# Trees between two steps at which a fit is looked at: the loss of so few more hardly differs.
STEP = 10


@dataclass(frozen=True, slots=True)
class FoldRows:
    """One fold's rows, nan where a feature is unknown.

    Args:
        values: To fit on, (rows, features).
        labels: TARGET of these rows.
        weights: How many applicants each stands for, in units of their mean.
        stop_values: To end the fit on, of other applicants; none where a fit says what it comes to by round.
        stop_labels: TARGET of these.
        stop_weights: How many each of these stands for.
        left_out: To give margins for: applicants that are in neither.
        signs: Which way the risk goes as each feature rises: 1, -1, or 0 where nobody says; none says nothing of any.
        bad_rate: That trees start from, the same for all folds: by its own rate a fold of many bad applicants would be
            told the lowest margins, which alone can turn a ranking of few around (Parker, Guenter and Bedo 2007, BMC
            Bioinformatics 8). None starts from that of the rows.
    """

    values: Values
    labels: Labels
    weights: Vector
    stop_values: Values
    stop_labels: Labels
    stop_weights: Vector
    left_out: Values
    signs: tuple[int, ...] = ()
    bad_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fit says of the rows left out, at each step of it: more and more trees, or one step where it has ended.

    Args:
        margins: (steps, rows), log-odds.
        rounds: (steps,), trees; 0 for what has none.
        sizes: (steps,), leaves or coefficients.
    """

    margins: Vector
    rounds: Counts
    sizes: Counts


@dataclass(frozen=True, slots=True)
class Grown:
    """Trees, with the log loss by round.

    Args:
        booster: All that were grown.
        losses: Of the rows that they were grown on.
        validation_losses: Of those that ended the fit; none where nobody did.
    """

    booster: "xgboost.Booster"
    losses: Sequence[float]
    validation_losses: Sequence[float]


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """What a candidate says of applicants that it was not fitted on, in the order of their identifiers.

    Args:
        applicants: SK_ID_CURR.
        labels: TARGET.
        weights: How many applicants each stands for.
        folds: The fold of each.
        margins: (steps, rows), log-odds by the fit that left the applicant's fold out.
        rounds: (steps,), trees of a fit, on average over the folds.
        sizes: (steps,), leaves or coefficients of a fit, on average.
        seconds: That the fits took in all, each on one core.
    """

    applicants: Counts
    labels: Vector
    weights: Vector
    folds: Counts
    margins: Vector
    rounds: Vector
    sizes: Vector
    seconds: float

    @property
    def losses(self) -> Vector:
        """(steps,), the log loss over all applicants together: a fold alone is too small to tell when to stop."""
        return np.array(
            [np.average(log_losses(self.labels, margins), weights=self.weights) for margins in self.margins]
        )


class Candidate(Protocol):
    """A way to fit that cross-validation can try."""

    @property
    def kind(self) -> str:
        """What it is."""

    @property
    def parameters(self) -> Parameters:
        """What tells it from others of its kind, as a run logs it."""

    def fit(self, rows: FoldRows) -> Fitted:
        """Fit on a fold's rows, on one core; equal rows in equal order give equal margins."""


@dataclass(frozen=True, slots=True)
class Trees:
    """Gradient-boosted trees (Chen and Guestrin 2016, KDD), stopped early on the log loss of the stop rows.

    Without such rows they are grown to the end, and looked at every `STEP` trees.
    """

    settings: Train

    @property
    def kind(self) -> str:
        """What it is."""
        return "trees"

    @property
    def parameters(self) -> Parameters:
        """Of the booster."""
        return booster_parameters(self.settings)

    def fit(self, rows: FoldRows) -> Fitted:
        """As `Candidate.fit`."""
        booster = grow(rows, self.settings, 1).booster
        if rows.stop_labels.size:
            return by_step(booster, np.array([booster.best_iteration + 1]), rows.left_out)
        most = booster.num_boosted_rounds()
        return by_step(booster, np.array([*range(STEP, most, STEP), most]), rows.left_out)


def grow(rows: FoldRows, settings: Train, threads: int) -> Grown:
    """Trees in one process: as many as the settings say, or until the stop rows have not gained for a while."""
    import xgboost

    train = matrix(rows.values, rows.labels, rows.weights, settings, threads)
    parameters: dict[str, Any] = {**booster_parameters(settings), **monotone(settings, rows.signs)}
    parameters |= {"objective": "binary:logistic", "eval_metric": LOSS, "nthread": threads}
    if rows.bad_rate is not None:
        parameters |= {"base_score": rows.bad_rate}
    history: dict[str, dict[str, list[float]]] = {}
    if not rows.stop_labels.size:
        most = min(settings.rounds, settings.few_rounds)
        watched = [(train, "train")]
        booster = xgboost.train(parameters, train, most, evals=watched, evals_result=history, verbose_eval=False)
        return Grown(booster, history["train"][LOSS], ())
    stop = matrix(rows.stop_values, rows.stop_labels, rows.stop_weights, settings, threads, train)
    booster = xgboost.train(
        parameters,
        train,
        settings.rounds,
        evals=[(train, "train"), (stop, "stop")],
        early_stopping_rounds=settings.early_stopping_rounds,
        evals_result=history,
        verbose_eval=False,
    )
    return Grown(booster, history["train"][LOSS], history["stop"][LOSS])


def matrix(
    values: Values,
    labels: Labels,
    weights: Vector,
    settings: Booster,
    threads: int,
    bins_of: "xgboost.QuantileDMatrix | None" = None,
) -> "xgboost.QuantileDMatrix":
    """The rows as xgboost takes them; in the bins of others, where these are given."""
    import xgboost

    return xgboost.QuantileDMatrix(
        values, labels, weight=weights, ref=bins_of, missing=np.nan, max_bin=settings.max_bin, nthread=threads
    )


def by_step(booster: "xgboost.Booster", steps: Counts, values: Values) -> Fitted:
    """What the booster says of the rows after so many of its trees."""
    import xgboost

    rows = xgboost.DMatrix(values, missing=np.nan, nthread=1)
    margins = np.empty((steps.size, len(values)))
    for step, (before, rounds) in enumerate(pairwise([0, *steps.tolist()])):
        if before:
            rows.set_base_margin(margins[step - 1])  # in place of the base score: the trees before are in it
        margins[step] = booster.predict(rows, output_margin=True, iteration_range=(before, rounds))
    leaves = np.cumsum([tree.count("leaf=") for tree in booster.get_dump()])
    return Fitted(margins, steps, leaves[steps - 1])


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic regression with an L2 penalty on standardised features, medians where one is unknown. Rows are weighted
    as it is fitted, not as the scale is made, which says nothing of them.

    Args:
        c: The inverse of the penalty's strength.
    """

    c: float

    @property
    def kind(self) -> str:
        """What it is."""
        return "logistic regression"

    @property
    def parameters(self) -> Parameters:
        """Of the penalty."""
        return {"C": self.c}

    def fit(self, rows: FoldRows) -> Fitted:
        """As `Candidate.fit`; it needs no rows to stop on, and learns from them too."""
        from sklearn.linear_model import LogisticRegression

        values, labels = np.vstack([rows.values, rows.stop_values]), np.append(rows.labels, rows.stop_labels)
        scale = Standardised.of(values)
        line: Any = LogisticRegression(C=self.c, max_iter=MOST_ITERATIONS)
        with on_one_core():
            line.fit(scale.apply(values), labels, sample_weight=np.append(rows.weights, rows.stop_weights))
            margins = line.decision_function(scale.apply(rows.left_out))
        return Fitted(np.array([margins], dtype=np.float64), np.array([0]), np.array([np.count_nonzero(line.coef_)]))


def on_one_core() -> AbstractContextManager[object]:
    """Algebra by one thread, as Spark has it in its workers: where fits share a process they would be in each other's
    way."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


@dataclass(frozen=True, slots=True)
class Standardised:
    """Median, mean and standard deviation of each feature on the rows that are fitted on."""

    medians: Values
    means: Values
    deviations: Values

    @staticmethod
    def of(values: Values) -> "Standardised":
        """Those of the rows; a feature that nobody has is 0 for all."""
        known = ~np.isnan(values)
        filled = np.where(known.any(axis=0), values, np.float32(0))
        medians = np.nanmedian(filled, axis=0)
        filled = np.where(known, values, medians)
        # Squares of large amounts overflow single precision.
        means, deviations = filled.mean(axis=0, dtype=np.float64), filled.std(axis=0, dtype=np.float64)
        return Standardised(
            medians.astype(np.float32),
            means.astype(np.float32),
            np.where(deviations > 0, deviations, 1).astype(np.float32),
        )

    def apply(self, values: Values) -> Values:
        """Rows without unknown values, on a common scale."""
        filled = np.where(np.isnan(values), self.medians, values)
        scaled: Values = np.clip((filled - self.means) / self.deviations, -FARTHEST, FARTHEST)
        return scaled


def signs_of(inputs: Sequence[Named]) -> tuple[int, ...]:
    """Which way the risk goes as each feature rises, as `FoldRows.signs`."""
    return tuple(0 if named.risk is None else named.risk.value for named in inputs)


def monotone(settings: Train, signs: Sequence[int]) -> Parameters:
    """What keeps the margin from going against a feature's sign, where the settings ask for it."""
    if not settings.monotone or not any(signs):
        return {}
    return {"monotone_constraints": f"({','.join(map(str, signs))})"}


def booster_parameters(settings: Booster) -> dict[str, float | int | str]:
    """xgboost's own names of the settings that decide what a tree looks like, the same for Spark and one process."""
    return {
        "tree_method": "hist",
        "max_bin": settings.max_bin,
        "max_depth": settings.max_depth,
        "learning_rate": settings.learning_rate,
        "min_child_weight": settings.min_child_weight,
        "subsample": settings.subsample,
        "colsample_bytree": settings.colsample_bytree,
        "reg_alpha": settings.reg_alpha,
        "reg_lambda": settings.reg_lambda,
        "random_state": settings.seed,
    }
