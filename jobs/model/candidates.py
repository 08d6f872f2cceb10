"""What can be fitted to one fold's rows in one process: boosted trees, and logistic regression as the baseline.

Both answer with margins (log-odds), so that they are compared on one scale. xgboost and scikit-learn are imported where
they are needed because that takes seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.model.measures import Vector
from jobs.runtime.settings import Booster, Train

LOSS = "logloss"
Values = NDArray[np.float32]
Labels = NDArray[np.float32]
Parameters = Mapping[str, float | int | str]

# Standard deviations: one applicant with a hundred times the others' income must not bend the line.
FARTHEST = 5.0
MOST_ITERATIONS = 500


@dataclass(frozen=True, slots=True)
class FoldRows:
    """One fold's rows, nan where a feature is unknown.

    Args:
        values: To fit on, (rows, features).
        labels: TARGET of these rows.
        stop_values: To end the fit on, of other applicants.
        stop_labels: TARGET of these.
        left_out: To give margins for: applicants that are in neither.
    """

    values: Values
    labels: Labels
    stop_values: Values
    stop_labels: Labels
    left_out: Values


@dataclass(frozen=True, slots=True)
class Fitted:
    """Margins of the rows left out, and how large what gave them is: trees and leaves, or rounds 0 and coefficients."""

    margins: Vector
    rounds: int
    size: int


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """What a candidate says of applicants that it was not fitted on, in the order of their identifiers.

    Args:
        labels: TARGET.
        margins: Log-odds by the fit that left the applicant's fold out.
        rounds: Trees of a fit, on average over the folds.
        size: Leaves or coefficients of a fit, on average.
        seconds: That the fits took in all, each on one core.
    """

    labels: Vector
    margins: Vector
    rounds: float
    size: float
    seconds: float


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
    """Gradient-boosted trees, stopped early on the log loss of the stop rows (Chen and Guestrin 2016, KDD)."""

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
        import xgboost

        train = xgboost.QuantileDMatrix(rows.values, rows.labels, missing=np.nan, nthread=1)
        stop = xgboost.QuantileDMatrix(rows.stop_values, rows.stop_labels, ref=train, missing=np.nan, nthread=1)
        booster = xgboost.train(
            {**self.parameters, "objective": "binary:logistic", "eval_metric": LOSS, "nthread": 1},
            train,
            self.settings.rounds,
            evals=[(stop, "stop")],
            early_stopping_rounds=self.settings.early_stopping_rounds,
            verbose_eval=False,
        )
        best = booster[: booster.best_iteration + 1]
        left_out = xgboost.DMatrix(rows.left_out, missing=np.nan, nthread=1)
        margins = best.predict(left_out, output_margin=True)
        leaves = sum(tree.count("leaf=") for tree in best.get_dump())
        return Fitted(np.asarray(margins, dtype=np.float64), best.num_boosted_rounds(), leaves)


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic regression with an L2 penalty on standardised features, medians where one is unknown.

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
        line.fit(scale.apply(values), labels)
        margins = line.decision_function(scale.apply(rows.left_out))
        return Fitted(np.asarray(margins, dtype=np.float64), 0, int(np.count_nonzero(line.coef_)))


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


def booster_parameters(settings: Booster) -> dict[str, float | int | str]:
    """xgboost's own names of the settings that decide what a tree looks like, the same for Spark and one process."""
    return {
        "tree_method": "hist",
        "max_depth": settings.max_depth,
        "learning_rate": settings.learning_rate,
        "min_child_weight": settings.min_child_weight,
        "subsample": settings.subsample,
        "colsample_bytree": settings.colsample_bytree,
        "reg_alpha": settings.reg_alpha,
        "reg_lambda": settings.reg_lambda,
        "random_state": settings.seed,
    }
