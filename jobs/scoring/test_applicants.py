"""The applicants that a model was measured by: what came, what the model said, and their groups for the audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.spec import KEY, WEIGHT
from jobs.lake.tables import Lake, source_table
from jobs.lake.weights import with_weights
from jobs.model import fairness
from jobs.model.fairness import UNKNOWN, Audit, age_bands
from jobs.model.measures import Vector, effective_rows

AUDITED = ("CODE_GENDER", "NAME_FAMILY_STATUS", "DAYS_BIRTH", "NAME_CONTRACT_TYPE")


@dataclass(frozen=True)
class HeldOutRows:
    """Labelled applicants that the model never saw.

    Args:
        labels: TARGET.
        probabilities: What the model said.
        weights: How many each stands for, in units of the mean.
        groups: Their level of each audited attribute.
        weighted_by: The column of the weights; empty where each counts once.
    """

    labels: Vector
    probabilities: Vector
    weights: Vector
    groups: Mapping[str, NDArray[np.str_]]
    weighted_by: str

    def audits(self, threshold: float) -> tuple[Audit, ...]:
        """The audit of each attribute at a threshold of the decision."""
        return tuple(
            fairness.audit(name, groups, self.labels, self.probabilities, threshold=threshold, weights=self.weights)
            for name, groups in self.groups.items()
        )

    @property
    def weighting(self) -> str:
        """How they count, for a reader of a page; empty where each counts once."""
        if not self.weighted_by:
            return ""
        return (
            f"Every rate, curve and measure is weighted by {self.weighted_by}: {self.labels.size:,} applicants tell a "
            f"mean as well as {effective_rows(self.weights):,.0f} of one weight would. Intervals take each row as one "
            "observation, whatever it stands for. Numbers of applicants and drift count rows."
        )


def held_out(lake: Lake, run_date: date, measured: pd.DataFrame, weighted_by: str) -> HeldOutRows:
    """The measured applicants that could be scored, with the groups that their delivery puts them into.

    Args:
        lake: Where the delivery is.
        run_date: The delivery that they are labelled in.
        measured: SK_ID_CURR, TARGET and probability.
        weighted_by: The column by which they are weighted; empty: each counts once.
    """
    rows = with_audited(lake, run_date, measured[[KEY, "TARGET", "probability"]].dropna(), weighted_by)
    return HeldOutRows(
        labels=rows["TARGET"].to_numpy(dtype=np.float64),
        probabilities=rows["probability"].to_numpy(dtype=np.float64),
        weights=rows[WEIGHT].to_numpy(dtype=np.float64),
        groups=groups_of(rows),
        weighted_by=weighted_by,
    )


def with_audited(lake: Lake, run_date: date, measured: pd.DataFrame, weighted_by: str) -> pd.DataFrame:
    """The measured applicants with `AUDITED` and their weight; of weighted ones, those who stand for somebody."""
    audited = read_audited(lake, run_date, weighted_by)
    found = measured.merge(audited, on=KEY, how="inner" if weighted_by else "left", validate="1:1")
    return found.fillna({WEIGHT: 1.0})


def read_audited(lake: Lake, run_date: date, weighted_by: str) -> pd.DataFrame:
    """SK_ID_CURR, `AUDITED` and SAMPLE_WEIGHT of a delivery's labelled applicants. Two are protected: for the audit."""
    application = "application"
    rows = lake.read_run_date(source_table(application), run_date, lake.delivery(run_date)[application])
    labelled = rows.where("TARGET is not null").select(KEY, *AUDITED)
    return with_weights(labelled, lake, run_date, weighted_by).toPandas()


def groups_of(rows: pd.DataFrame) -> Mapping[str, NDArray[np.str_]]:
    """The level of each applicant in each audited attribute."""
    return {
        "Gender": rows["CODE_GENDER"].fillna(UNKNOWN).to_numpy(dtype=str),
        "Family status": rows["NAME_FAMILY_STATUS"].fillna(UNKNOWN).to_numpy(dtype=str),
        "Age": age_bands(rows["DAYS_BIRTH"]),
        "Contract type": rows["NAME_CONTRACT_TYPE"].fillna(UNKNOWN).to_numpy(dtype=str),
    }
