"""The nights before, as they were found: read from the lake."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import functions as F

from jobs.lake.tables import MONITORED, Lake


@dataclass(frozen=True)
class Night:
    """What was found of a delivery, in figures."""

    run_date: date
    applicants: int
    scored: int
    approval_rate: float
    threshold: float
    score_shift: float
    score_noise: float
    said: str
    findings: tuple[str, ...]
    model_version: int


def read_nights(lake: Lake, upto: date) -> tuple[Night, ...]:
    """The nights up to a run date, oldest first."""
    if not lake.exists(MONITORED):
        return ()
    rows = lake.read(MONITORED).where(F.col("run_date") <= F.lit(upto)).orderBy("run_date")
    found = rows.select(
        *("run_date", "applicants", "scored", "approval_rate", "threshold", "score_shift", "score_noise", "said"),
        *("findings", "model_version"),
    )
    return tuple(Night(**{**row.asDict(), "findings": tuple(row["findings"])}) for row in found.collect())
