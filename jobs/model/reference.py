"""Applicants in counts, which is all that is kept of them: whom a model was trained on, and whom a delivery brought.

A reference is binned once, at training, and stays with the model; later deliveries are counted into the same bins.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from jobs.model.contributions import Vector
from jobs.model.drift import BINS

STEP = 0.001
"""Log-odds: margins are counted in steps of it."""
PARTS_OF_LOG_ODDS = 10**9
"""Contributions are added up as whole numbers of this part, so that no sum depends on the order of its rows."""


class Counts(BaseModel):
    """Applicants in counts.

    Args:
        rows: How many there are.
        features: Of each watched feature, the rows in each bin; the last bin holds the unknown.
        margins: The rows by `step_of` their margin; those without a score are in none.
        families: The mean contribution of each reason family, log-odds; of the scored rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    features: dict[str, list[int]]
    margins: dict[int, int]
    families: dict[str, float]

    @property
    def scored(self) -> int:
        """How many have a margin."""
        return sum(self.margins.values())

    def missing(self, feature: str) -> float:
        """The share whose value of a feature is unknown."""
        return self.features[feature][-1] / max(1, self.rows)

    def below(self, margin: float) -> float:
        """The share of the scored rows whose margin is lower, those of one step being spread evenly over it."""
        lower = sum(rows * min(1.0, max(0.0, margin / STEP - step)) for step, rows in self.margins.items())
        return lower / max(1, self.scored)


class Reference(BaseModel):
    """Whom a model was trained on, as it is kept with the model.

    Args:
        model_sha256: Of the model's file.
        gains: The share of all gain that the model has from each feature it gains from, largest first.
        edges: Between the bins of each of these features.
        labelled: The labelled applicants: features of all of them, margins of those that the model was measured by (as
            its twins said, where it was fitted on them too), because those of fitted rows are further apart.
        new: The new applicants of the same delivery, whom the model was made for; None where it had none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_sha256: str
    gains: dict[str, float]
    edges: dict[str, list[float]]
    labelled: Counts
    new: Counts | None


def shares_of_gain(gains: Mapping[str, float]) -> dict[str, float]:
    """Each feature's share of all gain, largest first, equal ones by name."""
    total = sum(gains.values())
    return {name: gains[name] / total for name in sorted(gains, key=lambda name: (-gains[name], name)) if gains[name]}


def edges_of(values: Vector) -> list[float]:
    """The edges between bins of equal numbers of the known values; each level its own bin where there are few.

    Args:
        values: (rows,), nan where unknown; none known gives no edge.
    """
    known = values[~np.isnan(values)]
    levels = np.unique(known)
    if levels.size <= BINS:
        return [float(level) for level in levels[1:]]
    return [float(edge) for edge in np.unique(np.quantile(known, np.arange(1, BINS) / BINS))]


def bins_of(values: Vector, edges: Sequence[float]) -> NDArray[np.int64]:
    """The number of edges that each value has reached; one more than there are where it is unknown."""
    reached = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="right")
    return np.where(np.isnan(values), len(edges) + 1, reached)


def step_of(margins: Vector) -> NDArray[np.int64]:
    """The step of `STEP` log-odds that each margin is in."""
    return np.floor(margins / STEP).astype(np.int64)


def tenths(reference: Mapping[int, int]) -> list[int]:
    """The steps at which a tenth more of the rows has come, each once: edges between bins of margins."""
    steps = sorted(reference)
    upto = np.cumsum([reference[step] for step in steps])
    places = [bisect_left(upto, upto[-1] * tenth / BINS) for tenth in range(1, BINS)] if steps else []
    return sorted({steps[place] + 1 for place in places})


def binned_margins(margins: Mapping[int, int], edges: Sequence[int]) -> list[int]:
    """The rows in each bin of margins, and a last bin for the unknown, who have no margin."""
    counts = [0] * (len(edges) + 2)
    for step, rows in margins.items():
        counts[int(np.searchsorted(edges, step, side="right"))] += rows
    return counts
