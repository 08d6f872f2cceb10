"""Drift, counted in bins by the engine: the same as by numpy on collected values."""

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.model.drift import population_stability, stability_noise
from jobs.scoring.shifts import drift_of
from tests.jobs.model.test_drift import binned

FEATURES = ("AMOUNT", "COUNT", "RARE", "NOBODY", "CONSTANT")
LABELLED, NEW = 700, 300


def applicants() -> pd.DataFrame:
    """Labelled and new applicants: continuous, whole, mostly unknown, always unknown and constant values."""
    random = np.random.default_rng(8)
    rows = LABELLED + NEW
    is_new = np.arange(rows) >= LABELLED
    values = pd.DataFrame(
        {
            "TARGET": np.where(is_new, np.nan, random.integers(0, 2, rows)),
            "probability": random.beta(1, 9, rows),
            "AMOUNT": random.lognormal(size=rows) * np.where(is_new, 2, 1),
            "COUNT": random.poisson(1.2, rows).astype(float),
            "RARE": np.where(random.random(rows) < np.where(is_new, 0.3, 0.8), np.nan, random.normal(size=rows)),
            "NOBODY": np.nan,
            "CONSTANT": 3.0,
        }
    )
    return values.sample(frac=1, random_state=1, ignore_index=True)


def as_frame(spark: SparkSession, values: pd.DataFrame, nan_is_null: bool) -> DataFrame:
    """The applicants in several partitions; what is unknown is null, or nan as some writers leave it."""
    columns = ["probability", *FEATURES]
    rows = [
        (
            None if np.isnan(row.TARGET) else int(row.TARGET),
            *[None if nan_is_null and np.isnan(getattr(row, name)) else float(getattr(row, name)) for name in columns],
        )
        for row in values.itertuples()
    ]
    schema = ", ".join(["TARGET BIGINT", *[f"{name} DOUBLE" for name in columns]])
    return spark.createDataFrame(rows, schema).repartition(3)


@pytest.mark.parametrize("nan_is_null", [True, False])
def test_the_engine_counts_as_numpy_does(spark: SparkSession, nan_is_null: bool) -> None:
    values = applicants()
    drift = drift_of(as_frame(spark, values, nan_is_null), FEATURES, confidence=0.95)
    assert drift is not None
    is_new = values["TARGET"].isna()
    expected = {
        name: population_stability(*binned(values[name][~is_new], values[name][is_new]))
        for name in ("probability", *FEATURES)
    }
    assert drift.rows == NEW
    assert drift.scores.index == pytest.approx(expected.pop("probability"), rel=1e-12)
    assert drift.scores.noise == stability_noise(LABELLED, NEW)
    assert {shift.name: shift.index for shift in drift.features} == pytest.approx(expected, rel=1e-12)
    assert [shift.name for shift in drift.features][:2] == ["RARE", "AMOUNT"]
    assert {shift.noise for shift in drift.features} == {stability_noise(LABELLED, NEW, 1 - 0.05 / len(FEATURES))}


@pytest.mark.parametrize("kept", ["TARGET is null", "TARGET is not null", "false"])
def test_without_rows_of_both_kinds_nothing_is_told(spark: SparkSession, kept: str) -> None:
    assert drift_of(as_frame(spark, applicants().head(50), True).where(kept), FEATURES, 0.95) is None
