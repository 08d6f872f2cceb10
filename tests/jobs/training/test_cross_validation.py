"""Cross-validation on the executors: nobody is judged by a fit that has seen him, and a plain loop says the same."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark import TaskContext
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lake import folds
from jobs.lake.job import Job
from jobs.model.candidates import Candidate, FoldRows, Logistic, Trees
from jobs.model.measures import auc, log_loss
from jobs.runtime.settings import Search, load_settings
from jobs.training.cross_validation import (
    NO_FOLD,
    Dealt,
    a_tenth,
    deal,
    deal_again,
    fewest_to_fit_on,
    in_tasks,
    out_of_fold,
    select,
)
from jobs.training.training_set import TrainingSet, read_training_set
from tests.small_lake import FAMILY_OF, INPUTS

FOLDS = 3
SELECTION = load_settings(
    overrides=(
        *("selection.shuffles=2", "selection.quantile=0.5", "selection.fewest=2", "selection.most=4"),
        *("selection.rounds=5", "selection.learning_rate=0.3", "selection.min_child_weight=2"),
    )
).selection


@pytest.fixture(scope="module")
def rows(small_job: Job) -> TrainingSet:
    return read_training_set(small_job, None, INPUTS)


@pytest.fixture(scope="module")
def search(small_job: Job) -> Search:
    return small_job.settings.search.model_copy(update={"folds": FOLDS})


@pytest.fixture(scope="module")
def dealt(small_job: Job, rows: TrainingSet, search: Search) -> Dealt:
    return deal(training_applicants(rows), rows.inputs, small_job.settings.split, search, a_tenth(search))


def training_applicants(rows: TrainingSet) -> DataFrame:
    return rows.rows.where(F.col("part") == folds.TRAIN)


@pytest.fixture(scope="module")
def trees(small_job: Job) -> Trees:
    return Trees(small_job.settings.train.model_copy(update={"rounds": 20}))


def by_a_plain_loop(dealt: Dealt, candidate: Candidate) -> pd.Series:
    """The margins by applicant, of pandas and no Spark."""
    known = dealt.rows.toPandas().sort_values("SK_ID_CURR")
    values = np.array(known["values"].tolist(), dtype=np.float32)
    labels, once = known["TARGET"].to_numpy(dtype=np.float32), np.ones(len(known))
    margins = {}
    for fold in range(FOLDS):
        out, stops = known["fold"] == fold, known["stops"]
        fits, ends = (~out & ~stops).to_numpy(), (~out & stops).to_numpy()
        learned, stopped = (values[fits], labels[fits], once[fits]), (values[ends], labels[ends], once[ends])
        fitted = candidate.fit(FoldRows(*learned, *stopped, values[out]))
        margins |= dict(zip(known["SK_ID_CURR"][out], fitted.margins[-1], strict=True))
    return pd.Series(margins).sort_index()


@pytest.mark.parametrize("kind", ["trees", "baseline"])
def test_margins_are_those_of_a_plain_loop(dealt: Dealt, trees: Trees, kind: str) -> None:
    candidate = trees if kind == "trees" else Logistic(0.1)
    expected = by_a_plain_loop(dealt, candidate)
    found = out_of_fold(dealt, candidate)
    # The baseline's linear algebra rounds by the number of threads, of which a task has one.
    assert len(found.margins) == 1
    assert found.margins[0] == pytest.approx(expected, abs=0 if kind == "trees" else 1e-4)
    assert found.seconds > 0
    labels = dealt.rows.select("SK_ID_CURR", "TARGET").toPandas().set_index("SK_ID_CURR")["TARGET"]
    assert np.array_equal(found.labels, labels.sort_index())


def test_where_nobody_ends_a_fit_margins_are_told_by_round(
    small_job: Job, rows: TrainingSet, search: Search, trees: Trees
) -> None:
    outside = rows.rows.where(F.col("part") != folds.TEST)
    by_round = deal(outside, rows.inputs, small_job.settings.split, search, None)
    assert by_round.by_round
    found = out_of_fold(by_round, trees)
    assert found.rounds.tolist() == [10, 20]
    assert found.labels.size == outside.count()
    assert found.margins[1] == pytest.approx(by_a_plain_loop(by_round, trees), abs=0)
    assert found.losses == pytest.approx([log_loss(found.labels, 1 / (1 + np.exp(-each))) for each in found.margins])
    known = by_round.rows.select("SK_ID_CURR", "fold").orderBy("SK_ID_CURR").toPandas()
    assert np.array_equal(found.folds, known["fold"])


def test_another_deal_puts_the_same_applicants_into_other_folds(small_job: Job, dealt: Dealt) -> None:
    split = small_job.settings.split
    before, after, again = (
        each.rows.select("SK_ID_CURR", "fold", "stops").orderBy("SK_ID_CURR").toPandas()
        for each in (dealt, deal_again(dealt, split, 1), deal_again(dealt, split, 0))
    )
    assert before.equals(again)
    assert before.drop(columns="fold").equals(after.drop(columns="fold"))
    assert 0.5 < (before["fold"] != after["fold"]).mean() < 0.8


def test_a_fit_needs_applicants_of_both_classes(dealt: Dealt) -> None:
    known = dealt.rows.select("fold", "TARGET").toPandas()
    bad = known.groupby("fold")["TARGET"].sum()
    assert fewest_to_fit_on(dealt) == bad.sum() - bad.max()
    none = replace(dealt, rows=dealt.rows.where("TARGET = 0 OR fold = 1"))
    assert fewest_to_fit_on(none) == 0
    assert fewest_to_fit_on(replace(dealt, rows=dealt.rows.limit(0))) == 0


def test_only_training_applicants_are_dealt_each_to_one_fold_of_like_size(
    small_job: Job, rows: TrainingSet, dealt: Dealt
) -> None:
    known = dealt.rows.select("SK_ID_CURR", "fold", "stops").toPandas()
    training = rows.rows.where(F.col("part") == folds.TRAIN).select("SK_ID_CURR").toPandas()
    assert sorted(known["SK_ID_CURR"]) == sorted(training["SK_ID_CURR"])
    assert known["fold"].value_counts().between(len(known) / FOLDS * 0.8, len(known) / FOLDS * 1.2).all()
    assert 0.05 < known["stops"].mean() < 0.16
    fewer = small_job.settings.search.model_copy(update={"rows": 99})
    few = deal(training_applicants(rows), rows.inputs, small_job.settings.split, fewer, a_tenth(fewer))
    some = few.rows.select("SK_ID_CURR").toPandas()["SK_ID_CURR"]
    assert len(some) == 99
    assert set(some) < set(known["SK_ID_CURR"])


def test_the_partitions_change_nothing(small_job: Job, rows: TrainingSet, search: Search, trees: Trees) -> None:
    split = small_job.settings.split
    known = training_applicants(rows)
    shuffled = known.orderBy(F.xxhash64(F.lit(1), "SK_ID_CURR")).repartition(7)
    first, again = (
        out_of_fold(deal(each, rows.inputs, split, search, a_tenth(search)), trees) for each in (known, shuffled)
    )
    assert np.array_equal(first.margins, again.margins)


@pytest.mark.spark
def test_every_fit_has_a_task_of_its_own(dealt: Dealt) -> None:
    def say_where(key: tuple[Any, ...], _: pa.Table) -> pa.Table:
        context = TaskContext.get()
        assert context is not None
        return pa.table({"fit": [key[0].as_py()], "task": [context.partitionId()]})

    fits = [NO_FOLD, *range(9)]
    found = in_tasks(dealt, fits, say_where, "fit BIGINT, task BIGINT")
    assert sorted(found["fit"]) == fits
    assert found["task"].nunique() == len(fits)


def flipped(dealt: Dealt, fold: int) -> Dealt:
    """Every applicant of the fold with the other TARGET."""
    other = F.when(F.col("fold") == fold, 1 - F.col("TARGET")).otherwise(F.col("TARGET"))
    return replace(dealt, rows=dealt.rows.withColumn("TARGET", other))


def test_no_label_of_a_fold_reaches_its_own_margins_nor_its_own_features(dealt: Dealt, trees: Trees) -> None:
    fold = dealt.rows.select("SK_ID_CURR", "fold").orderBy("SK_ID_CURR").toPandas()["fold"].to_numpy()
    before, after = out_of_fold(dealt, trees), out_of_fold(flipped(dealt, 1), trees)
    assert np.array_equal(before.margins[:, fold == 1], after.margins[:, fold == 1])
    assert not np.array_equal(before.margins[:, fold == 0], after.margins[:, fold == 0])
    chosen, then = (select(each, SELECTION).kept for each in (dealt, flipped(dealt, 1)))
    assert chosen[1] == then[1]
    assert chosen[0] != then[0]


def test_each_fold_reads_the_features_that_its_own_rows_chose(dealt: Dealt, trees: Trees) -> None:
    selected = select(dealt, SELECTION)
    assert set(selected.kept) == {NO_FOLD, *range(FOLDS)}
    for names in selected.kept.values():
        assert 2 <= len(names) <= 4
        assert "EXT_SOURCE_MEAN" in names
        assert list(names) == [name for name in FAMILY_OF if name in names]
    one = replace(dealt, kept=dict.fromkeys(range(FOLDS), ("NOISE",)))
    found = out_of_fold(one, trees)
    assert abs(auc(found.labels, found.margins[0]) - 0.5) < 0.1
