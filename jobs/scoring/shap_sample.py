"""What drives a model: contributions of a sample of applicants, and whether they stay under another seed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from jobs.lake import folds
from jobs.model.booster import Model, unusable
from jobs.model.contributions import by_family, raising
from jobs.model.measures import Vector, midranks
from jobs.scoring import batch

# Applicants whose contributions are drawn: more make a page larger, not clearer.
SAMPLE = 2000
NO_REASON = -1
STABILITY = "stability/"


@dataclass(frozen=True)
class Drivers:
    """SHAP contributions (log-odds) and inputs of a sample, (rows, features), its outcomes, and what columns are."""

    contributions: Vector
    values: Vector
    labels: Vector
    base_value: float
    names: tuple[str, ...]
    families: tuple[str, ...]

    @property
    def importance(self) -> Vector:
        """Mean absolute contribution of each feature."""
        return np.abs(self.contributions).mean(axis=0)

    @property
    def top_reasons(self) -> NDArray[np.int64]:
        """The place of each applicant's first reason among the families that `by_family` gives, or `NO_REASON`."""
        _, sums = by_family(self.contributions, self.families)
        first = raising(sums, 1)
        raises = np.take_along_axis(sums, first, axis=1) > 0
        return np.where(raises, first, NO_REASON)[:, 0]

    @property
    def riskiest(self) -> tuple[Vector, Vector, tuple[str, ...], float]:
        """Contributions, inputs, names and base value of the applicant with the largest margin."""
        place = int(self.contributions.sum(axis=1).argmax())
        return self.contributions[place], self.values[place], self.names, self.base_value


@dataclass(frozen=True)
class Stability:
    """How far two boosters agree that differ by their seed alone.

    Args:
        same_top_reason: Share of applicants whose first reason is the same.
        importance_rank_correlation: Spearman's, of the features' mean absolute contributions.
    """

    same_top_reason: float
    importance_rank_correlation: float

    @property
    def logged(self) -> dict[str, float]:
        """As measures of a run."""
        return {f"{STABILITY}{name}": value for name, value in asdict(self).items()}


def logged_stability(logged: Mapping[str, float]) -> Stability | None:
    """What a run's measures say of it; None where a second model was not asked for."""
    same = logged.get(f"{STABILITY}same_top_reason")
    ranks = logged.get(f"{STABILITY}importance_rank_correlation")
    return None if same is None or ranks is None else Stability(same, ranks)


def sample_of(test: DataFrame, model: Model) -> pa.RecordBatch:
    """At most `SAMPLE` of the applicants, the same ones each time: those whose hash is smallest.

    Returns:
        SK_ID_CURR, TARGET and the model's features as `batch.values_of` reads them, in the order of the applicants.
    """
    return batch.collected(folds.some_of(test, SAMPLE), model, "TARGET")


def drivers_of(sample: pa.RecordBatch, model: Model) -> Drivers:
    """The contributions of the applicants that can be scored."""
    values = batch.values_of(sample)
    usable = ~unusable(values).any(axis=1)
    explained = model.predict(values[usable], "contributions")
    return Drivers(
        contributions=explained[:, :-1],
        values=values[usable],
        labels=sample["TARGET"].to_numpy().astype(np.float64)[usable],
        base_value=model.base_value(),
        names=model.features,
        families=model.families,
    )


def stability(first: Drivers, second: Drivers) -> Stability:
    """How far two models' explanations of the same applicants agree.

    Brunet, Anderson and Zemel (2022), Implications of model indeterminacy for explanations of automated decisions,
    NeurIPS: a reason that an equally good model would not give is a weak one.
    """
    mine, other = midranks(first.importance), midranks(second.importance)
    return Stability(
        same_top_reason=float((first.top_reasons == second.top_reasons).mean()),
        importance_rank_correlation=float(np.corrcoef(mine, other)[0, 1]),
    )
