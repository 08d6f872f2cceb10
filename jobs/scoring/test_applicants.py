"""The applicants that a model was measured by: what came, what the model said, and their groups for the audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.spec import KEY
from jobs.lake.tables import Lake, source_table
from jobs.model import fairness
from jobs.model.fairness import UNKNOWN, Audit, age_bands
from jobs.model.measures import Vector

AUDITED = ("CODE_GENDER", "NAME_FAMILY_STATUS", "DAYS_BIRTH", "NAME_CONTRACT_TYPE")


@dataclass(frozen=True)
class HeldOutRows:
    """Labelled applicants that the model never saw; groups has their level of each audited attribute."""

    labels: Vector
    probabilities: Vector
    groups: Mapping[str, NDArray[np.str_]]

    def audits(self, threshold: float) -> tuple[Audit, ...]:
        """The audit of each attribute at a threshold of the decision."""
        return tuple(
            fairness.audit(name, groups, self.labels, self.probabilities, threshold=threshold)
            for name, groups in self.groups.items()
        )


def held_out(lake: Lake, run_date: date, measured: pd.DataFrame) -> HeldOutRows:
    """The measured applicants that could be scored, with the groups that their delivery puts them into.

    Args:
        lake: Where the delivery is.
        run_date: The delivery that they are labelled in.
        measured: SK_ID_CURR, TARGET and probability.
    """
    rows = measured.dropna().merge(read_audited(lake, run_date), on=KEY, how="left", validate="1:1")
    return HeldOutRows(
        labels=rows["TARGET"].to_numpy(dtype=np.float64),
        probabilities=rows["probability"].to_numpy(dtype=np.float64),
        groups=groups_of(rows),
    )


def read_audited(lake: Lake, run_date: date) -> pd.DataFrame:
    """SK_ID_CURR and `AUDITED` of a delivery's labelled applicants. Two are protected: for the audit only."""
    application = "application"
    rows = lake.read_run_date(source_table(application), run_date, lake.delivery(run_date)[application])
    return rows.where("TARGET is not null").select(KEY, *AUDITED).toPandas()


def groups_of(rows: pd.DataFrame) -> Mapping[str, NDArray[np.str_]]:
    """The level of each applicant in each audited attribute."""
    return {
        "Gender": rows["CODE_GENDER"].fillna(UNKNOWN).to_numpy(dtype=str),
        "Family status": rows["NAME_FAMILY_STATUS"].fillna(UNKNOWN).to_numpy(dtype=str),
        "Age": age_bands(rows["DAYS_BIRTH"]),
        "Contract type": rows["NAME_CONTRACT_TYPE"].fillna(UNKNOWN).to_numpy(dtype=str),
    }
