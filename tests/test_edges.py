"""What the contract accepts can be computed: whatever lies at its edges is assembled, scored and explained, on both
engines with the same numbers, and answered over REST as in batch."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from pyspark.sql import SparkSession

from features import TABLES
from features.plan.feature_table import catalogue
from features.spec import KEY
from jobs.assemble import assemble
from jobs.ingest import ingest
from jobs.lake.job import Job
from jobs.lake.tables import FEATURES, Lake, quarantine_table
from jobs.model.booster import Model, load_model, seal, sha256_of
from jobs.runtime.settings import Settings
from jobs.scoring.batch import explained, scored
from jobs.serving.uploads import COLUMNS
from tests.deliveries import Delivery, write_delivery
from tests.edges import RUN_DATE, edge_delivery
from tests.features.memory.test_feature_table import in_memory
from tests.processes import run_python

pytestmark = pytest.mark.spark  # the suite's session is the other engine
NAMES = [named.name for named in catalogue()]
FAMILIES = [named.family for named in catalogue()]


@dataclass(frozen=True)
class Edges:
    """The delivery, the lakes of the two engines, and what they say of the new applicants."""

    sent: Delivery
    spark: Lake
    sail: Lake
    batch: Mapping[int, dict[str, Any]]
    rest: Mapping[int, dict[str, Any]]


@pytest.fixture(scope="module")
def edges(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Edges:
    folder = tmp_path_factory.mktemp("edges")
    sent = edge_delivery()
    job = Job(Lake(str(folder / "spark"), spark), RUN_DATE, settings)
    ingest(job, str(write_delivery(folder / "delivery", sent)))
    shutil.copytree(folder / "spark", folder / "sail")
    assemble(job)
    model = made_up_model(job.lake)
    (folder / "model").write_bytes(model.file)
    cells = [[row[name] or None for name in COLUMNS] for row in sent["application_test"]]
    (folder / "uploads").write_text(json.dumps(cells))
    ended = run_python("-m", "tests.edges", *(str(folder / name) for name in ("sail", "model", "uploads", "answers")))
    assert ended.returncode == 0, ended.stderr[-3000:]
    return Edges(
        sent,
        job.lake,
        Lake(str(folder / "sail"), spark),
        in_batch(job, model),
        {answer[KEY]: answer for answer in json.loads((folder / "answers").read_text())},
    )


def feature_values(lake: Lake) -> pd.DataFrame:
    """The feature table, an applicant a row."""
    rows = lake.read_run_date(FEATURES, RUN_DATE).select(KEY, *NAMES).toPandas().set_index(KEY).sort_index()
    return rows.astype(np.float64)


def made_up_model(lake: Lake) -> Model:
    """A booster that reads many features: what it says is not meant to be true."""
    values = feature_values(lake)
    labels = np.random.default_rng(3).random(len(values)) < 0.3
    data = xgboost.DMatrix(values.to_numpy(), labels.astype(float), feature_names=NAMES, nthread=1)
    few_columns = {"max_depth": 4, "colsample_bytree": 0.05, "objective": "binary:logistic", "nthread": 1}
    booster = xgboost.train(few_columns, data, num_boost_round=60)
    (feature_set,) = lake.read_run_date(FEATURES, RUN_DATE).select("feature_set").distinct().toPandas()["feature_set"]
    file = seal(booster, 59, FAMILIES, feature_set)
    return load_model(file, sha256_of(file))


def in_batch(job: Job, model: Model) -> dict[int, dict[str, Any]]:
    """What `score` and `explain` say of the new applicants, by applicant."""
    rows = job.lake.read_run_date(FEATURES, RUN_DATE)
    scores = scored(rows, model, job.settings.decision.threshold)
    reasons = explained(rows.join(scores.select(KEY, "probability"), on=KEY, how="inner"), model, job.settings.explain)
    both = scores.join(reasons.select(KEY, "base_value", "reasons"), on=KEY, how="left")
    return {row[KEY]: row.asDict(recursive=True) for row in both.collect()}


def test_no_row_is_refused(edges: Edges) -> None:
    quarantines = [quarantine_table(table.name) for table in TABLES]
    assert [name for name in quarantines if edges.spark.exists(name) and not edges.spark.read(name).isEmpty()] == []


def test_both_engines_assemble_the_same_numbers(edges: Edges) -> None:
    by_spark, by_sail = feature_values(edges.spark), feature_values(edges.sail)
    assert by_spark.index.equals(by_sail.index)
    assert len(by_spark) == len(edges.sent["application_train"]) + len(edges.sent["application_test"])
    unknown = by_spark.isna() != by_sail.isna()
    apart = (by_spark - by_sail).abs() / by_spark.abs().clip(lower=1)
    differ = unknown | (apart > 1e-9)
    assert {name: by_spark.index[differ[name]].tolist()[:3] for name in NAMES if differ[name].any()} == {}


def test_in_memory_they_are_the_same_numbers(edges: Edges) -> None:
    by_spark = feature_values(edges.spark)
    found = in_memory(edges.spark, RUN_DATE)[NAMES]
    assert found.index.equals(by_spark.index)
    unknown = by_spark.isna() != found.isna()
    apart = (by_spark - found).abs() / by_spark.abs().clip(lower=1)
    differ = unknown | (apart > 1e-9)
    assert {name: by_spark.index[differ[name]].tolist()[:3] for name in NAMES if differ[name].any()} == {}


def test_no_feature_is_infinite(edges: Edges) -> None:
    """In single precision, which is what boosters read."""
    values = feature_values(edges.spark)
    with np.errstate(over="ignore"):
        infinite = np.isinf(values.astype(np.float32))
    assert values.columns[infinite.any()].tolist() == []


def test_everybody_is_scored_and_rest_says_what_batch_says(edges: Edges) -> None:
    assert all(answer["probability"] is not None for answer in edges.batch.values())
    assert len({round(answer["probability"], 6) for answer in edges.batch.values()}) > 100
    assert sorted(edges.rest) == sorted(int(row[KEY]) for row in edges.sent["application_test"])
    for applicant, answer in edges.rest.items():
        batch = edges.batch[applicant]
        assert answer["probability"] == pytest.approx(batch["probability"], abs=1e-6), applicant
        assert answer["base_value"] == pytest.approx(batch["base_value"], abs=1e-6), applicant
        assert (answer["score"], answer["decision"]) == (batch["score"], batch["decision"]), applicant
        told = [reason["family"] for reason in batch["reasons"]]
        assert [reason["family"] for reason in answer["reasons"]] == told, applicant
