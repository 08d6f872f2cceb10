"""An explanation for every score, by the model that gave it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from pyspark.errors import PythonException
from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.explain import explain, show
from jobs.lake.job import Job
from jobs.lake.model_rows import inputs_of
from jobs.lake.tables import EXPLANATIONS, FEATURES, SCORES
from jobs.model.booster import Model
from jobs.registry.store import connect
from jobs.runtime.errors import ModelRefused, UserError
from jobs.score import score
from jobs.scoring import batch
from jobs.scoring.scores_table import scoring_model
from tests.small_lake import LABELLED, RUN_DATE, applicants


@pytest.fixture(scope="module")
def model(small_job: Job) -> Model:
    store = connect(small_job.lake.address, small_job.settings.mlflow)
    return store.versions.registered_model(store.versions.need_champion())


def stored(job: Job, table: str) -> pd.DataFrame:
    return job.lake.read_run_date(table, job.run_date).orderBy("SK_ID_CURR").toPandas()


def test_every_score_is_explained_as_the_model_does(small_job: Job, model: Model) -> None:
    explanations = stored(small_job, EXPLANATIONS)
    assert explanations["SK_ID_CURR"].tolist() == stored(small_job, SCORES)["SK_ID_CURR"].tolist()
    limits = small_job.settings.explain
    expected = model.explain(applicants()[LABELLED:], limits.reasons, limits.contributions, limits.additivity)
    for row, one in zip(explanations.itertuples(), expected, strict=True):
        assert list(row.reasons) == [reason._asdict() for reason in one.reasons]
        assert list(row.contributions) == [each._asdict() for each in one.contributions]
        assert (row.base_value, row.margin) == (one.base_value, one.margin)
        assert row.other_contributions == one.other_contributions


def test_a_rerun_replaces(small_job: Job) -> None:
    before = stored(small_job, EXPLANATIONS)
    explain(small_job)
    pd.testing.assert_frame_equal(stored(small_job, EXPLANATIONS), before)


def test_the_last_bit_does_not_depend_on_the_partitions(small_job: Job, model: Model) -> None:
    features = inputs_of(model, small_job.lake, RUN_DATE).where("TARGET is null")
    scores = small_job.lake.read_run_date(SCORES, RUN_DATE).select("SK_ID_CURR", "probability")
    shuffled = features.join(scores, on="SK_ID_CURR", how="inner").repartition(7)
    again = batch.explained(shuffled, model, small_job.settings.explain).orderBy("SK_ID_CURR").toPandas()
    pd.testing.assert_frame_equal(again, stored(small_job, EXPLANATIONS)[list(again.columns)])


def test_scores_of_other_features_are_not_explained(small_job: Job, model: Model) -> None:
    features = inputs_of(model, small_job.lake, RUN_DATE).where("TARGET is null").limit(3)
    with pytest.raises(PythonException, match="3 of 3 probabilities are not those of the features"):
        batch.explained(
            features.withColumn("probability", F.lit(0.999)).coalesce(1), model, small_job.settings.explain
        ).collect()


def test_the_model_that_scored_explains_and_no_other(small_job: Job) -> None:
    store = connect(small_job.lake.address, small_job.settings.mlflow)
    scores = small_job.lake.read_run_date(SCORES, RUN_DATE)
    assert scoring_model(small_job, store, scores) == store.versions.need_champion()
    with pytest.raises(UserError, match="is not what scored 2018-05-17: score again"):
        scoring_model(small_job, store, scores.withColumn("model_sha256", F.lit("0" * 64)))
    with pytest.raises(UserError, match="version 77 of home-credit-default is not in"):
        scoring_model(small_job, store, scores.withColumn("model_version", F.lit(77)))


@contextmanager
def assembled_otherwise(job: Job, column: str, value: Column) -> Iterator[None]:
    """Another value in a column of the feature table for a while."""
    lake = job.lake
    own = lake.spark.createDataFrame(lake.read_run_date(FEATURES, RUN_DATE).drop("run_date").toArrow())
    lake.replace(FEATURES, own.withColumn(column, value), RUN_DATE)
    try:
        yield
    finally:
        lake.replace(FEATURES, own, RUN_DATE)


def show_somebody(job: Job) -> None:
    show(job, 100_001 + LABELLED)


def test_a_delivery_of_other_features_is_refused_and_keeps_its_explanations(small_job: Job) -> None:
    before = small_job.lake.version(EXPLANATIONS)
    with assembled_otherwise(small_job, "feature_set", F.lit("another")):
        for what in (explain, show_somebody, score):
            with pytest.raises(
                ModelRefused, match="2018-05-17 was assembled with another: assemble it with --feature-s"
            ):
                what(small_job)
    assert small_job.lake.version(EXPLANATIONS) == before


def test_scores_from_before_the_delivery_was_assembled_otherwise_are_not_explained(small_job: Job) -> None:
    explained = stored(small_job, EXPLANATIONS)
    with small_job.step("assemble"):
        pass
    explain(small_job)  # assembled again, to the same features
    pd.testing.assert_frame_equal(stored(small_job, EXPLANATIONS), explained)
    before = small_job.lake.version(EXPLANATIONS)
    with assembled_otherwise(small_job, "EXT_SOURCE_MEAN", F.lit(-9.0)):
        for what in (explain, show_somebody):
            with pytest.raises(
                UserError, match="2018-05-17 was assembled otherwise after it was scored: score it again"
            ):
                what(small_job)
    assert small_job.lake.version(EXPLANATIONS) == before
    score(small_job)
    explain(small_job)


def test_a_delivery_without_scores_is_named(small_job: Job) -> None:
    with pytest.raises(UserError, match="no score of 2017-01-01: score the delivery first"):
        explain(replace(small_job, run_date=date(2017, 1, 1)))
