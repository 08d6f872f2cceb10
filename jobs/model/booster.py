"""What a model is, without Spark: boosted trees that know their features, reason families and version, by their hash.

All of it is in the bytes of one file (of trees, UBJSON), so one hash covers what a score and its explanation depend on.
Batch and REST score through the same methods; xgboost is imported where it is needed because that takes seconds.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.reason_families import FAMILIES
from jobs.model.contributions import (
    Explanation,
    Explanations,
    Vector,
    by_family,
    check_additivity,
    largest,
    raising,
    row_sums,
)
from jobs.model.predictor import Output, Predictor
from jobs.runtime.errors import ModelRefused

if TYPE_CHECKING:
    import xgboost

SEPARATOR = "\n"
# The attribute of a booster that says how many of its last trees are a linear part (`jobs.model.linear_part`).
LINEAR_FEATURES = "linear_features"
UBJSON_OBJECT = b"{L"  # how xgboost begins a file: a name's length follows, as 64 bits
APPROVE, DECLINE = "approve", "decline"

# Points of the scorecard: Siddiqi (2006), Credit Risk Scorecards, "scaling".
POINTS_AT_ODDS, ODDS, POINTS_TO_DOUBLE = 600.0, 50.0, 20.0
# float32 cannot tell a probability nearer to 0 or 1.
SMALLEST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class BoostedTrees:
    """The kind of model that `train` makes, as `Predictor` says.

    Args:
        booster: Trees up to the best iteration.
        features: Names in the booster's order.
        families: The reason family of each feature.
        feature_set: The version of the features that it was trained on.
        file: The bytes that it was loaded from.
    """

    booster: "xgboost.Booster"
    features: tuple[str, ...]
    families: tuple[str, ...]
    feature_set: str
    file: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """As `Predictor.name`."""
        linear = int(self.booster.attr(LINEAR_FEATURES) or 0)
        trees = f"gradient-boosted trees ({self.size - linear} rounds)"
        return f"{trees} with a linear part of {linear} features" if linear else trees

    @property
    def size(self) -> int:
        """As `Predictor.size`: trees."""
        return self.booster.num_boosted_rounds()

    def predict(self, values: Vector, outputs: Sequence[Output]) -> tuple[Vector, ...]:
        """As `Predictor.predict`."""
        data = self.matrix(values)
        return tuple(self.predict_of(data, output) for output in outputs)

    def matrix(self, values: Vector) -> "xgboost.DMatrix":
        """The booster's own form of features in its order, without their names: to hand over a thousand takes longer
        than to score a row. One thread: Spark has given this task one core."""
        import xgboost

        return xgboost.DMatrix(values, missing=np.nan, nthread=1)

    def predict_of(self, data: "xgboost.DMatrix", output: Output) -> Vector:
        """One output, of features in the booster's own form."""
        if not data.num_row():
            return np.empty((0, len(self.features) + 1) if output == "contributions" else 0)
        predicted = self.booster.predict(
            data,
            output_margin=output == "margin",
            pred_contribs=output == "contributions",
            validate_features=False,
        )
        return np.asarray(predicted, dtype=np.float64)

    def gains(self) -> dict[str, float]:
        """As `Predictor.gains`: of all splits by the feature."""
        gains: dict[str, Any] = self.booster.get_score(importance_type="total_gain")
        return gains


@dataclass(frozen=True)
class Model:
    """A model as it was registered.

    Args:
        predictor: Of whichever kind.
        sha256: Of its file, in hexadecimal digits.
    """

    predictor: Predictor
    sha256: str

    @property
    def features(self) -> tuple[str, ...]:
        """Names, in the order of its values."""
        return self.predictor.features

    @property
    def families(self) -> tuple[str, ...]:
        """The reason family of each feature."""
        return self.predictor.families

    @property
    def feature_set(self) -> str:
        """The version of the features that it was trained on."""
        return self.predictor.feature_set

    @property
    def file(self) -> bytes:
        """The bytes that it was loaded from."""
        return self.predictor.file

    def values(self, rows: pd.DataFrame) -> Vector:
        """The features of the rows as doubles, one row an applicant, nan where unknown, in the model's order."""
        missing = [name for name in self.features if name not in rows.columns]
        if missing:
            raise ModelRefused(
                f"the rows lack {len(missing)} of the model's {len(self.features)} features, such as {missing[0]}: "
                f"give it rows of feature set {self.feature_set}"
            )
        return np.ascontiguousarray(rows[list(self.features)].to_numpy(dtype=np.float64))

    def predict(self, values: Vector, output: Output = "probability") -> Vector:
        """One output over features in the model's order.

        Args:
            values: Applicants x features.
            output: "probability", "margin" (log-odds) or "contributions" (applicants x (features + 1), the base last).
        """
        (predicted,) = self.predictor.predict(values, [output])
        return predicted

    def probabilities(self, rows: pd.DataFrame) -> Vector:
        """P(default) of each row; nan for a row that `not_scored` gives a reason for."""
        return self.probabilities_of(self.values(rows))

    def probabilities_of(self, values: Vector) -> Vector:
        """As `probabilities`, of features in the booster's order."""
        usable = ~unusable(values).any(axis=1)
        probabilities = np.full(len(values), np.nan)
        probabilities[usable] = self.predict(values[usable])
        return probabilities

    def not_scored(self, values: Vector) -> list[str | None]:
        """Why a row cannot be scored, None where it can."""
        wrong = unusable(values)
        return [f"{self.features[row.argmax()]} is infinite" if row.any() else None for row in wrong]

    def score(self, rows: pd.DataFrame, threshold: float) -> pd.DataFrame:
        """As `score_of`, of rows that may be in another order of columns."""
        return self.score_of(self.values(rows), threshold)

    def score_of(self, values: Vector, threshold: float) -> pd.DataFrame:
        """One row for each row: probability, score in points, decision at the threshold, or why it has none.

        Args:
            values: Applicants x features, in the model's order.
            threshold: The probability from which an applicant is declined.
        """
        probability = self.probabilities_of(values)
        scored = ~np.isnan(probability)
        return pd.DataFrame(
            {
                "probability": pd.Series(probability).astype("Float64").mask(~scored),
                "score": pd.Series(points(probability)).astype("Float64").mask(~scored).astype("Int64"),
                "decision": decisions(probability, threshold),
                "reason_not_scored": self.not_scored(values),
            }
        )

    def explain(
        self, rows: pd.DataFrame, most_reasons: int, most_contributions: int, tolerance: float
    ) -> list[Explanation]:
        """As `explanations`, one object for each row."""
        explained = self.explanations(self.values(rows), most_reasons, most_contributions, tolerance)
        return [explained.row(i) for i in range(len(rows))]

    def explanations(
        self, values: Vector, most_reasons: int, most_contributions: int, tolerance: float
    ) -> Explanations:
        """Exact SHAP contributions of each row (Lundberg et al. 2020, Nature Machine Intelligence 2), and reasons.

        A reason is a family whose contributions raise the risk when summed; the largest come first, equal ones by name.
        `NEVER_A_REASON` is left out.

        Args:
            values: Features of rows that can be scored, in the booster's order.
            most_reasons: At most so many reasons.
            most_contributions: So many contributions by name, largest absolute value first; the rest is one sum.
            tolerance: Largest distance of base value + contributions from the margin, in log-odds.

        Raises:
            ArithmeticError: Contributions that do not add up to the margin.
        """
        explained, margin, probability = self.predictor.predict(values, ["contributions", "margin", "probability"])
        contributions, base = explained[:, :-1].copy(), explained[:, -1]
        check_additivity(contributions, base, margin, tolerance)
        families, sums = by_family(contributions, self.families)
        reasons = raising(sums, most_reasons)
        named = largest(contributions, most_contributions)
        parts = np.take_along_axis(contributions, named, axis=1)
        np.put_along_axis(contributions, named, 0, axis=1)
        return Explanations(
            features=self.features,
            families=families,
            base_value=base,
            margin=margin,
            probability=probability,
            reasons=reasons,
            reason_sums=np.take_along_axis(sums, reasons, axis=1),
            named=named,
            values=np.take_along_axis(values, named, axis=1),
            contributions=parts,
            other_contributions=row_sums(contributions),
        )

    def base_value(self) -> float:
        """What contributions are added to, in log-odds: the same for every row."""
        return float(self.predict(np.full((1, len(self.features)), np.nan), "contributions")[0, -1])


def unusable(values: Vector) -> NDArray[np.bool_]:
    """Where a value is infinite as the float32 that the booster reads."""
    with np.errstate(over="ignore"):
        return np.isinf(values.astype(np.float32))


def points(probabilities: Vector) -> Vector:
    """Scorecard points, whole: 600 at odds of 50 good to 1 bad, 20 more where the odds double; nan stays nan."""
    bad = np.clip(probabilities, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.rint(POINTS_AT_ODDS + POINTS_TO_DOUBLE * np.log2((1 - bad) / bad / ODDS))


def decisions(probabilities: Vector, threshold: float) -> list[str | None]:
    """Decline from the threshold on; None for nan."""
    return [None if np.isnan(p) else DECLINE if p >= threshold else APPROVE for p in probabilities]


def seal(booster: "xgboost.Booster", best_iteration: int, families: Sequence[str], feature_set: str) -> bytes:
    """The booster as a file: cut after its best iteration, with what else a model is made of.

    A booster holds the rounds after its best one too, and `Booster.predict` (so `mlflow models serve`) uses them all,
    where Spark and SHAP stop at the best.
    """
    cut = booster[: best_iteration + 1]
    cut.set_attr(feature_set=feature_set, families=SEPARATOR.join(families))
    return bytes(cut.save_raw("ubj"))


def sha256_of(file: bytes) -> str:
    """The hash that names a model's file."""
    return hashlib.sha256(file).hexdigest()


def load_model(file: bytes, sha256: str) -> Model:
    """The model in a file that `seal` made, after its hash was found to be the one it was registered with.

    Raises:
        ModelRefused: Another hash: what a broken file does to xgboost is undefined, so it is never given one. Or
            families that are not ours, or a kind of model that nothing here reads.
    """
    actual = sha256_of(file)
    if actual != sha256:
        raise ModelRefused(
            f"the model's file has sha256 {actual[:12]}..., registered was {sha256[:12]}...: it was changed"
        )
    kinds = (read(file) for read in KINDS)
    predictor = next((kind for kind in kinds if kind is not None), None)
    if predictor is None:
        raise ModelRefused(f"the file with sha256 {actual[:12]}... is of no kind of model that is known here")
    unknown = sorted(set(predictor.families) - FAMILIES.keys())
    if unknown:
        raise ModelRefused(f"the model gives reasons of the family {unknown[0]}, which has no sentence: train it again")
    return Model(predictor, actual)


def read_boosted_trees(file: bytes) -> BoostedTrees | None:
    """What `seal` made, None of what starts otherwise.

    Raises:
        ModelRefused: Trees without families or feature set.
    """
    if not file.startswith(UBJSON_OBJECT):
        return None
    import xgboost

    booster: Any = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(file))
    families, feature_set = booster.attr("families"), booster.attr("feature_set")
    if families is None or feature_set is None:
        raise ModelRefused(
            f"the file with sha256 {sha256_of(file)[:12]}... has no families or feature set: train made it otherwise"
        )
    return BoostedTrees(booster, tuple(booster.feature_names), tuple(families.split(SEPARATOR)), feature_set, file)


# Another kind of model adds what reads its file, None of a file that isn't its own.
KINDS: tuple[Callable[[bytes], Predictor | None], ...] = (read_boosted_trees,)
