"""From typed rows and histories to features: computed in memory, or by a plan of the engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
import pyarrow as pa

from features.memory.compiler import compiled
from features.memory.feature_table import FeatureTable
from features.memory.frames import Frame, loaded
from features.plan.feature_table import BY_NAME
from features.plan.seen_later import counted_from
from features.spec import KEY
from jobs.lake.histories import Histories
from jobs.lake.tables import FEATURES
from jobs.model.contributions import Vector
from jobs.serving.row_plans import with_later
from jobs.serving.standing_plan import StandingPlan
from jobs.serving.uploads import CONTRACT


@dataclass(frozen=True)
class Features:
    """Features of some applicants.

    Args:
        applicants: SK_ID_CURR.
        values: Applicants x features, in the order that was asked for, NaN where unknown.
    """

    applicants: list[int]
    values: Vector


class RowFeatures(Protocol):
    """What makes features of some applicants."""

    def of(
        self, names: tuple[str, ...], applications: pa.Table, histories: Histories, applied_on: date | None
    ) -> Features:
        """The named features, a row for each application.

        Args:
            names: Which of them.
            applications: Typed as the contract says.
            histories: Of the same applicants.
            applied_on: The day of the applications; None takes them for applications of their histories' delivery.
        """
        ...


class ComputedFeatures:
    """In memory: a few milliseconds for a few applicants.

    Args:
        table: All features, compiled.
    """

    def __init__(self, table: FeatureTable) -> None:
        self.table = table
        self.column = {name: place for place, name in enumerate(table.names)}

    def of(
        self, names: tuple[str, ...], applications: pa.Table, histories: Histories, applied_on: date | None
    ) -> Features:
        """As `RowFeatures.of`.

        Raises:
            NotDivisible: A number was to be divided by 0.
        """
        sources = {name: seen_on(name, rows, applied_on) for name, rows in histories.tables.items()}
        applicants, features = self.table({**sources, CONTRACT.name: loaded(applications)})
        places = [self.column[name] for name in names]
        return Features(applicants.tolist(), np.ascontiguousarray(features[:, places]))


def seen_on(name: str, rows: pa.Table, applied_on: date | None) -> Frame:
    """A source table's rows as an application of that day sees them."""
    if applied_on is None:
        return loaded(rows)
    later = loaded(with_later(rows, applied_on))
    return later.with_columns(
        {moment.column: compiled(counted_from(moment))(later.columns) for moment in BY_NAME[name].moments}
    )


class PlannedFeatures:
    """By a standing plan of the engine: what row models score can't be computed in memory.

    Args:
        plan: As `row_plans.features_plan` makes it.
    """

    def __init__(self, plan: StandingPlan) -> None:
        self.plan = plan

    def of(
        self, names: tuple[str, ...], applications: pa.Table, histories: Histories, applied_on: date | None
    ) -> Features:
        """As `RowFeatures.of`."""
        tables = {name: with_later(rows, applied_on) for name, rows in histories.tables.items()}
        with self.plan.run({**tables, CONTRACT.name: applications}):
            return in_order(self.plan.compute(FEATURES), names)


def in_order(rows: pa.Table, names: Sequence[str]) -> Features:
    """The named features of rows of a feature table."""
    values = [rows.column(name).to_numpy() for name in names]
    return Features(rows.column(KEY).to_pylist(), np.column_stack(values).astype(np.float64, copy=False))
