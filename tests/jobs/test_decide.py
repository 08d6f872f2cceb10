"""Decisions made anew from stored scores."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.__main__ import main
from jobs.decide import decide
from jobs.explain import explain
from jobs.lake.job import Job
from jobs.lake.tables import EXPLANATIONS, SCORES
from jobs.model.booster import decisions
from jobs.runtime.errors import UserError
from jobs.score import score
from jobs.scoring.scores_table import decision


@pytest.fixture
def scored(small_job: Job) -> Iterator[Job]:
    """A scored delivery, which is scored again for the tests that come after."""
    yield small_job
    score(small_job)


def stored(job: Job) -> pd.DataFrame:
    return job.lake.read_run_date(SCORES, job.run_date).orderBy("SK_ID_CURR").toPandas()


def explanations(job: Job) -> pd.DataFrame:
    rows = job.lake.read_run_date(EXPLANATIONS, job.run_date).orderBy("SK_ID_CURR")
    return rows.select("SK_ID_CURR", "margin", F.to_json("reasons"), F.to_json("contributions")).toPandas()


def test_a_score_names_the_threshold_of_its_decision(small_job: Job) -> None:
    assert set(stored(small_job)["threshold"]) == {small_job.settings.decision.threshold}


def test_another_threshold_changes_decisions_and_nothing_else(scored: Job) -> None:
    before = stored(scored)
    threshold = float(before["probability"].median())
    changed = decide(scored, threshold)
    after = stored(scored)
    assert after["decision"].tolist() == decisions(before["probability"].to_numpy(), threshold)
    assert changed == (after["decision"] != before["decision"]).sum() > 0
    assert set(after["threshold"]) == {threshold}
    same = [name for name in before.columns if name not in {"decision", "threshold"}]
    pd.testing.assert_frame_equal(after[same], before[same])
    assert decide(scored, threshold) == 0


def test_explanations_stay_those_of_the_scores(scored: Job) -> None:
    before = explanations(scored)
    decide(scored, 0.5)
    explain(scored)
    pd.testing.assert_frame_equal(explanations(scored), before)


def test_sql_decides_as_the_model_does(spark: SparkSession) -> None:
    probabilities = [0.0999, 0.1, float(np.nextafter(0.1, 0)), 0.2, None]
    rows = spark.createDataFrame([(p,) for p in probabilities], "p DOUBLE").select(decision(F.col("p"), 0.1))
    expected = decisions(np.array([np.nan if p is None else p for p in probabilities]), 0.1)
    assert [row[0] for row in rows.collect()] == expected


def test_a_delivery_without_scores_is_named(small_job: Job) -> None:
    with pytest.raises(UserError, match="no score of 2017-01-01: score the delivery first"):
        decide(replace(small_job, run_date=date(2017, 1, 1)), 0.1)


@pytest.mark.parametrize("threshold", ["0", "1", "9", "nan"])
def test_a_threshold_is_a_probability(threshold: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("decide", "--run-date", "2018-05-17", "--threshold", threshold)) == 2
    assert f"--threshold {threshold} is not between 0 and 1" in capsys.readouterr().err
