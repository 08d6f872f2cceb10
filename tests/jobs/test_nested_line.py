"""The line with nested features: trained on, scored in batch and one by one, and never by other row models."""

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from features.plan.feature_table import catalogue
from features.plan.nested_table import NESTED_FEATURES
from features.spec import KEY
from jobs.assemble import assemble
from jobs.explain import explain
from jobs.lake.feature_sets import CannotBeMade, FeatureSet, find, stored_models
from jobs.lake.job import Job
from jobs.lake.model_rows import declared_inputs, read_inputs
from jobs.lake.tables import EXPLANATIONS, FEATURES, NESTED, NESTED_MODELS, SCORES, Lake
from jobs.model.booster import Model
from jobs.register import register
from jobs.registry.store import connect
from jobs.runtime.errors import ModelRefused, UserError
from jobs.runtime.settings import load_settings
from jobs.score import score
from jobs.train import train
from tests.line import RUN_DATE
from tests.processes import run_python

DAY = date.fromisoformat(RUN_DATE)
SMALL = (
    *("nested.enabled=true", "nested.rounds=8", "nested.learning_rate=0.3", "nested.min_child_weight=2"),
    *("train.rounds=60", "train.learning_rate=0.1", "train.min_child_weight=2", "train.reg_alpha=0"),
    *("search.trials=0", "search.logistic_c=[]", "gates.auc=0.3", "gates.calibration_error=0.5", "gates.drift=9"),
    *("gates.selection_rate_ratio=0", "explain.stability=false"),
)
NAMES = [named.name for named in NESTED_FEATURES]
INPUTS = (*catalogue()[60:80], *NESTED_FEATURES)
"""Few others and no external scores, so that the model has to read the nested features."""
ASKED = 20
# What the service does with an upload, without the service: Sail and Spark do not live in one process.
SCORED_ONE_BY_ONE = """
import json, sys
from pathlib import Path
from tempfile import TemporaryDirectory
from jobs.serving.csv_uploads import read_csv
from jobs.serving.champion_watch import Champions
from jobs.lake.tables import Lake
from jobs.runtime.session import open_session
from jobs.runtime.settings import load_settings

lake, rows = sys.argv[1:]
with TemporaryDirectory() as folder:
    lake = Lake(lake, open_session("serve", "sail"))
    champions = Champions(lake, None, load_settings("local"), Path(folder))
    scorer, answers = champions.newest(), []
    uploaded = read_csv(Path(rows).read_bytes(), 1000).rows
    for look in ("into the tables", "into the index"):
        answers.append({each.SK_ID_CURR: each.probability for each in scorer.score_rows(uploaded, None)})
        found = scorer.score_stored([each.applicant for each in uploaded])
        answers.append({applicant: each.probability for applicant, each in found.items()})
        champions.refresh_index()
    print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def line(spark: SparkSession, demo_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The demo's delivery in a lake of its own: assembled with row models, trained on, registered and scored."""
    folder = tmp_path_factory.mktemp("nested") / "lake"
    for kept in ("tables", "operations"):
        shutil.copytree(demo_lake / kept, folder / kept)
    job = Job(Lake(str(folder), spark), DAY, load_settings("local", SMALL))
    assemble(job)
    train(job, INPUTS)
    register(job)
    score(job)
    return job


def model_of(job: Job) -> Model:
    store = connect(job.lake.address, job.settings.mlflow)
    return store.versions.registered_model(store.versions.need_champion())


def test_the_model_reads_the_nested_features_of_every_applicant(line: Job) -> None:
    model = model_of(line)
    assert model.features[-len(NAMES) :] == tuple(NAMES)
    assert len(declared_inputs(line.settings.nested)) == len(catalogue()) + len(NAMES)
    assert len(set(NAMES) & set(model.predictor.booster.get_score())) > len(NAMES) / 2
    nested = line.lake.read_run_date(NESTED, DAY)
    assert nested.count() == line.lake.read_run_date(FEATURES, DAY).count()
    known = nested.select(*[F.count(name) for name in NAMES]).first()
    assert known is not None
    assert min(known) > 0
    found = find(line.lake, model.feature_set)
    assert isinstance(found, FeatureSet)
    assert found.version == model.feature_set


def test_batch_mlflow_and_single_rows_agree(line: Job, demo_lake: Path, tmp_path: Path) -> None:
    import mlflow.pyfunc

    batch = line.lake.read_run_date(SCORES, DAY).toPandas().set_index(KEY)["probability"].sort_index()
    assert batch.nunique() > len(batch) / 2
    store, model = connect(line.lake.address, line.settings.mlflow), model_of(line)
    rows = read_inputs(line.lake, model.features, DAY).where("TARGET IS NULL").toPandas().set_index(KEY).sort_index()
    logged = mlflow.pyfunc.load_model(f"models:/{store.versions.name}/{store.versions.need_champion().version}")
    assert np.abs(logged.predict(rows[list(model.features)].astype(float)) - batch).max() <= 1e-6

    delivered = (demo_lake.parent / "delivery" / "application_test.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "rows.csv").write_text("\n".join(delivered[: ASKED + 1]) + "\n", encoding="utf-8")
    ended = run_python("-c", SCORED_ONE_BY_ONE, line.lake.root, str(tmp_path / "rows.csv"))
    assert ended.returncode == 0, ended.stderr[-3000:]
    said = json.loads(ended.stdout)
    assert len(said) == 4
    for answers in said:
        answered = pd.Series({int(applicant): probability for applicant, probability in answers.items()})
        assert len(answered) == ASKED
        assert np.abs(answered - batch[answered.index]).max() <= 1e-6


def test_scores_by_nested_features_are_explained(line: Job) -> None:
    explain(line)
    rows = line.lake.read_run_date(EXPLANATIONS, DAY).toPandas().set_index(KEY).sort_index()
    scores = line.lake.read_run_date(SCORES, DAY).toPandas().set_index(KEY)["probability"].sort_index()
    assert rows.index.tolist() == scores.index.tolist()
    assert np.abs(1 / (1 + np.exp(-rows["margin"])) - scores).max() <= 1e-6
    told = rows["contributions"].map(lambda largest: {each["feature"] for each in largest})
    assert set().union(*told) & set(NAMES)


def test_a_delivery_of_other_row_models_is_refused_until_it_is_assembled_with_the_models_own(line: Job) -> None:
    own = model_of(line).feature_set
    before = line.lake.read_run_date(NESTED, DAY).where(F.col("feature_set") == own).toPandas()
    nested = line.settings.nested.model_copy(update={"seed": 8})
    other = replace(line, settings=line.settings.model_copy(update={"nested": nested}))
    assemble(other)
    with pytest.raises(ModelRefused, match=f"assemble it with --feature-set {own}") as refused:
        score(line)
    assert refused.value.exit_code == 5
    assemble(line, own)
    score(line)
    after = line.lake.read_run_date(NESTED, DAY).where(F.col("feature_set") == own).toPandas()
    columns = [KEY, *NAMES]
    pd.testing.assert_frame_equal(
        after[columns].sort_values(KEY, ignore_index=True), before[columns].sort_values(KEY, ignore_index=True)
    )


def test_row_models_that_learned_from_test_applicants_are_refused(line: Job) -> None:
    split = line.settings.split.model_copy(update={"seed": 1})
    resplit = replace(line, settings=line.settings.model_copy(update={"split": split}))
    with pytest.raises(UserError, match=r"were fitted with split .*seed=20180517.*, not with seed=1 .*assemble"):
        train(resplit, INPUTS)


def test_row_models_that_were_changed_or_read_other_columns_are_refused(
    line: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = model_of(line).feature_set
    monkeypatch.setattr("jobs.lake.row_models.inputs_version", lambda: "0" * 12)
    assert find(line.lake, own) == CannotBeMade(
        f"the row models of feature set {own} read other columns than are declared now"
    )
    monkeypatch.undo()
    stored = line.lake.read_run_date(NESTED_MODELS, DAY).where(F.col("feature_set") == own)
    changed = stored.withColumn("file", F.concat("file", F.lit(b"\0"))).drop("run_date", "feature_set").toArrow()
    good = stored.drop("run_date", "feature_set").toArrow()
    line.lake.replace(NESTED_MODELS, line.lake.spark.createDataFrame(changed), DAY, of={"feature_set": own})
    try:
        for read in (stored_models, find):
            with pytest.raises(ModelRefused, match="was changed"):
                read(line.lake, own)
    finally:
        line.lake.replace(NESTED_MODELS, line.lake.spark.createDataFrame(good), DAY, of={"feature_set": own})
