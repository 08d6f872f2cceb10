"""Who learns from whom: no applicant's label reaches the scores of his own rows, and no label of a test fold any."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.plan.history_rows import Sources
from features.plan.nested_table import (
    NESTED,
    NESTED_FEATURES,
    SCORE,
    declared_levels,
    input_names,
    input_rows,
    key_columns,
    nested_table,
    of_applicants,
)
from features.spec import KEY, TARGET
from jobs.lake import folds, row_models
from jobs.lake.row_models import COHORT, RowModels, fit, fit_booster, load, score_rows
from jobs.lake.tables import Lake
from jobs.model.measures import auc_interval
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Nested, Settings, load_settings
from tests.line import RUN_DATE

DAY = date.fromisoformat(RUN_DATE)
TAUGHT = 3  # the first fold to learn from: two are for testing, one is for stopping
QUICK = ("nested.rounds=8", "nested.min_child_weight=2", "nested.learning_rate=0.3")
COHORTS = 4
NAMES = [named.name for named in NESTED_FEATURES]


@pytest.fixture(scope="module")
def quick() -> Settings:
    return load_settings("local", QUICK)


@pytest.fixture(scope="module")
def sources(spark: SparkSession, demo_lake: Path) -> Sources:
    return Lake(str(demo_lake), spark).delivered_tables(DAY)


@pytest.fixture(scope="module")
def models(sources: Sources, quick: Settings) -> RowModels:
    return fit(sources, quick.split, quick.nested)


@pytest.fixture(scope="module")
def people(sources: Sources, quick: Settings) -> pd.DataFrame:
    """Every applicant's TARGET and fold; `rows` is the least number of rows in a scored table."""
    applicants = sources["application"].select(KEY, TARGET, folds.fold(quick.split).alias("fold"))
    found = applicants.toPandas().set_index(KEY).sort_index()
    counts = [sources[name].groupBy(KEY).count().toPandas().set_index(KEY)["count"] for name in NESTED]
    found["rows"] = pd.concat(counts, axis=1).reindex(found.index).fillna(0).min(axis=1)
    return found


def cohort_of(fold: int, test_folds: int) -> int:
    """A second implementation of `row_models.cohort_of`."""
    return [0, 1, 2, 3][(fold - test_folds) % COHORTS]


def shuffled(rows: DataFrame) -> DataFrame:
    """The same rows elsewhere and in another order."""
    return rows.repartition(7).sortWithinPartitions(F.xxhash64(*rows.columns))


def with_label_turned(sources: Sources, applicants: list[int]) -> Sources:
    turned = F.when(F.col(KEY).isin(applicants), 1 - F.col(TARGET)).otherwise(F.col(TARGET))
    return {**sources, "application": sources["application"].withColumn(TARGET, turned)}


def features_of(sources: Sources, applicant: int, models: RowModels) -> list[float]:
    """His nested features, as doubles."""
    asked = sources["application"].where(F.col(KEY) == applicant)
    row = nested_table(of_applicants(sources, asked), models).first()
    assert row is not None
    return [np.nan if row[name] is None else row[name] for name in NAMES]


def test_nobodys_own_label_reaches_his_features(
    sources: Sources, people: pd.DataFrame, quick: Settings, models: RowModels
) -> None:
    known = people[people[TARGET].notna() & (people["rows"] > 0)]
    dora = int(known[known["fold"] >= TAUGHT].index[0])  # learned from
    tom = int(known[known["fold"] < quick.split.test_folds].index[0])  # of a test fold
    vera = int(known[known["fold"] == quick.split.test_folds].index[0])  # of the validation fold
    tell_tale = {name: shuffled(rows) for name, rows in with_label_turned(sources, [dora, tom, vera]).items()}
    refitted = fit(tell_tale, quick.split, quick.nested)
    own = cohort_of(people.loc[dora, "fold"], quick.split.test_folds)
    same = {place for place, file in models.files.items() if refitted.files[place] == file}
    assert same == {(table, own) for table in NESTED}, "the models that keep away from her, and no others"
    before, after = features_of(sources, dora, models), features_of(sources, dora, refitted)
    assert np.isfinite(before).sum() > len(NAMES) / 2
    assert np.array_equal(before, after, equal_nan=True)


def test_neither_order_nor_partitions_change_a_byte(sources: Sources, quick: Settings, models: RowModels) -> None:
    """And a label of a test or validation fold does not either."""
    application = sources["application"]
    hidden = F.when(folds.fold(quick.split) >= TAUGHT, F.col(TARGET))
    moved = {name: shuffled(rows) for name, rows in sources.items()}
    moved["application"] = shuffled(application.withColumn(TARGET, hidden))
    taught = application.where(f"{TARGET} is not null").select(
        KEY, F.col(TARGET).cast("float").alias(TARGET), row_models.cohort_of(quick.split, COHORTS).alias(COHORT)
    )
    taught = taught.where(folds.fold(quick.split) >= TAUGHT)
    table = "installments_payments"
    again = row_models.fit_table(table, moved, taught.repartition(5), quick.nested, declared_levels()).collect()
    assert {row["row_model"]: bytes(row["file"]) for row in again} == {
        cohort: models.files[table, cohort] for cohort in range(COHORTS)
    }


def test_a_plain_loop_over_the_cohorts_gives_the_same_models_and_scores(
    sources: Sources, people: pd.DataFrame, quick: Settings, models: RowModels
) -> None:
    table = "bureau"
    rows = input_rows(table, sources, declared_levels())
    scored = models.score(rows, table).toPandas()
    order = key_columns(table)
    by_hand = rows.toPandas().sort_values(order, ignore_index=True).join(people, on=KEY)
    inputs = by_hand[input_names(table)].to_numpy(dtype=np.float32)
    expected = np.full(len(by_hand), np.nan)
    cohorts = by_hand["fold"].map(lambda fold: cohort_of(fold, quick.split.test_folds))
    for cohort in range(COHORTS):
        lessons = by_hand[TARGET].notna() & (by_hand["fold"] >= TAUGHT) & (cohorts != cohort)
        file = fit_booster(inputs[lessons], by_hand[TARGET][lessons].to_numpy(dtype=np.float32), quick.nested)
        assert file == models.files[table, cohort]
        own = (cohorts == cohort).to_numpy()
        expected[own] = load(file).inplace_predict(inputs[own], predict_type="margin")
    assert np.array_equal(scored.sort_values(order)[SCORE].to_numpy(), expected)


def cross_fitted(noise: np.ndarray, labels: np.ndarray, cohorts: np.ndarray, settings: Nested) -> np.ndarray:
    """Each row's score by the model of its cohort."""
    boosters = {
        cohort: load(fit_booster(noise[cohorts != cohort], labels[cohorts != cohort], settings))
        for cohort in range(COHORTS)
    }
    return score_rows(noise, cohorts, boosters)


def test_noise_says_nothing_of_those_whom_a_model_has_not_seen(settings: Settings) -> None:
    random = np.random.default_rng(3)
    applicants, rows_each = 2000, 5
    bad = (random.random(applicants) < 0.1).astype(np.float32)
    owner = np.repeat(np.arange(applicants), rows_each)
    # What all rows of an applicant share would tell who he is to a model that has seen him.
    noise = random.normal(size=(applicants, 10)).astype(np.float32)[owner]
    nested = settings.nested.model_copy(update={"rounds": 30, "min_child_weight": 2.0})
    cohorts = (np.arange(applicants) % COHORTS)[owner].astype(np.int32)
    unseen = cross_fitted(noise, bad[owner], cohorts, nested)
    seen = load(fit_booster(noise, bad[owner], nested)).inplace_predict(noise, predict_type="margin")
    by_applicant: Mapping[str, np.ndarray] = {
        name: np.bincount(owner, weights=scores) / rows_each for name, scores in (("unseen", unseen), ("seen", seen))
    }
    honest = auc_interval(bad, by_applicant["unseen"])
    assert honest.low < 0.5 < honest.high
    assert auc_interval(bad, by_applicant["seen"]).low > 0.75


def test_other_features_of_the_scores_are_another_version(quick: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    models = RowModels(quick.split, COHORTS, declared_levels(), {("bureau", 0): b"trees"})
    before = models.version
    assert RowModels(quick.split, COHORTS, declared_levels(), {("bureau", 0): b"trees"}).version == before
    fewer = replace(NESTED["bureau"], features=NESTED["bureau"].features[:1])
    monkeypatch.setattr(row_models, "NESTED", {**NESTED, "bureau": fewer})
    assert models.version != before


def test_a_cohort_without_a_model_has_no_score() -> None:
    assert np.isnan(score_rows(np.zeros((2, 3), np.float32), np.array([0, 1], np.int32), {})).all()


def test_rows_of_one_class_can_be_learned_from(settings: Settings) -> None:
    file = fit_booster(np.zeros((5, 2), np.float32), np.zeros(5, np.float32), settings.nested)
    assert load(file).inplace_predict(np.zeros((1, 2), np.float32), predict_type="margin") < 0


def test_more_cohorts_than_training_folds_are_refused(sources: Sources, quick: Settings) -> None:
    nine = quick.nested.model_copy(update={"cohorts": 9})
    with pytest.raises(UserError, match=r"only 7 folds are to train on: --set nested\.cohorts=7"):
        fit(sources, quick.split, nine)


def test_inputs_are_unknown_where_a_cell_is_null() -> None:
    rows = pa.table({"a": pa.array([1.0, None], pa.float32()), "b": pa.array([None, 2.0], pa.float32())})
    found = row_models.input_values(rows, ["a", "b"])
    assert found.dtype == np.float32
    assert np.array_equal(found, np.array([[1, np.nan], [np.nan, 2]], np.float32), equal_nan=True)
