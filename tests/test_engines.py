"""What other engines give: the feature table by DuckDB as SQL, and a lake by Sail without a JVM."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess

import duckdb
import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from features.plan.feature_table import BY_NAME, catalogue
from features.spec import KEY
from jobs.decide import decide
from jobs.explain import explain
from jobs.export import export, letters_file
from jobs.lake.job import Job
from jobs.lake.tables import (
    DRIFT,
    ENCODINGS,
    EXPLANATIONS,
    FAMILY_SHIFTS,
    FEATURES,
    MONITORED,
    SCORES,
    SELECTION_RATES,
    Lake,
    source_table,
)
from jobs.monitor import monitor
from jobs.registry.store import connect
from jobs.runtime.engine_choice import SET_UP
from jobs.runtime.errors import LimitPassed
from jobs.runtime.settings import Settings
from jobs.score import score
from jobs.status import status
from tests.benchmarks import duckdb_table
from tests.both_engines import differences, make_deliveries, what_it_makes
from tests.line import RUN_DATE
from tests.processes import run_jobs, run_python, spark_submit

pytestmark = pytest.mark.spark  # the suite's session is the other engine
DAY = date.fromisoformat(RUN_DATE)


@pytest.fixture(scope="module")
def lake(spark: SparkSession, demo_lake: Path) -> Lake:
    return Lake(str(demo_lake), spark)


@pytest.fixture(scope="module")
def by_spark(lake: Lake) -> pd.DataFrame:
    return values(lake)


def values(lake: Lake) -> pd.DataFrame:
    """The feature table, an applicant a row."""
    columns = [named.name for named in catalogue()]
    rows = lake.read_run_date(FEATURES, DAY).select(KEY, *columns).toPandas().set_index(KEY).sort_index()
    return rows.astype(np.float64)


def assert_equal(ours: pd.DataFrame, theirs: pd.DataFrame, tolerance: float) -> None:
    """Nulls where there are nulls, and else no further apart, relative to what is larger than 1."""
    assert ours.index.equals(theirs.index)
    assert ours.notna().to_numpy().any()
    unknown = ours.isna() != theirs.isna()
    apart = (ours - theirs).abs() / ours.abs().clip(lower=1)
    assert ours.columns[(unknown | (apart > tolerance)).any()].tolist() == []


def test_duckdb_makes_the_same_table_of_the_same_declarations(
    lake: Lake, by_spark: pd.DataFrame, tmp_path: Path
) -> None:
    versions = lake.delivery(DAY)
    sources = {
        name: f"read_parquet({lake.read_run_date(source_table(name), DAY, versions[name]).inputFiles()})"
        for name in BY_NAME
    }
    written = duckdb_table.assemble(duckdb.connect(), sources, tmp_path)
    by_duckdb = pd.read_parquet(written).set_index(KEY).sort_index()
    assert_equal(by_spark, by_duckdb[by_spark.columns], tolerance=1e-9)


def test_sail_assembles_the_same_feature_set(lake: Lake, by_spark: pd.DataFrame, tmp_path: Path) -> None:
    shutil.copytree(lake.root, tmp_path / "lake", ignore=shutil.ignore_patterns(FEATURES, "mlflow"))
    ended = run_jobs(
        "assemble", "--lake", str(tmp_path / "lake"), "--run-date", RUN_DATE, "--set", "session.engine=sail"
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    by_sail = Lake(str(tmp_path / "lake"), lake.spark)
    assert_equal(by_spark, values(by_sail), tolerance=1e-9)
    sets = [each.read_run_date(ENCODINGS, DAY).select("feature_set").distinct().collect() for each in (lake, by_sail)]
    assert sets[0] == sets[1]


def test_status_says_on_sail_what_it_says_on_spark(
    lake: Lake, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    status(lake, settings.mlflow)
    by_spark = capsys.readouterr().out
    assert f"{DAY}" in by_spark
    by_sail = run_jobs("status", "--lake", lake.root, "--set", "session.engine=sail")
    assert by_sail.returncode == 0, by_sail.stderr[-3000:]
    assert by_sail.stdout == by_spark


@pytest.mark.parametrize("start", [run_jobs, spark_submit])
def test_status_of_a_lake_on_this_machine_starts_no_spark(
    start: Callable[..., CompletedProcess[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    for name in SET_UP:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "lake").mkdir()
    ended = start("status", "--lake", "lake", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, f"no delivery in {tmp_path}/lake yet: run `ingest` first\n")


ON_SAIL = """
import sys
from contextlib import suppress
from pathlib import Path

from jobs.decide import decide
from jobs.explain import explain
from jobs.export import export
from jobs.lake.tables import Lake
from jobs.monitor import monitor
from jobs.replay import replay
from jobs.report import report
from jobs.runtime.errors import LimitPassed
from jobs.runtime.session import open_session
from jobs.score import score
from tests.small_lake import make_small_lake

folder = Path(sys.argv[1])
job = make_small_lake(Lake(str(folder / "lake"), open_session("train", "sail")))
score(job)
decide(job, 0.3)
explain(job)
export(job, folder / "sail")
report(job)
with suppress(LimitPassed):
    monitor(job)
replay(job, 101_001)
"""
"""A line of verbs, some of them twice: what they write is in place of what is there."""
WATCHED = (DRIFT, FAMILY_SHIFTS, SELECTION_RATES, MONITORED)


@pytest.fixture(scope="module")
def filled_by_sail(small_job: Job, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The applicants of the small lake, by every verb from `train` to `replay` on Sail, as Spark finds them."""
    folder = tmp_path_factory.mktemp("sail")
    ended = run_python("-c", ON_SAIL, str(folder))
    assert ended.returncode == 0, ended.stderr[-3000:]
    return Job(Lake(str(folder / "lake"), small_job.lake.spark), small_job.run_date, small_job.settings)


def rows_of(job: Job, table: str) -> pd.DataFrame:
    """The delivery's rows of a table, in an order that nothing else decides."""
    rows = job.lake.read_run_date(table, job.run_date).toPandas()
    order = [name for name in rows.columns if isinstance(rows[name].iloc[0], str | int | np.int64)]
    return rows.sort_values(order, ignore_index=True)


def test_sail_trains_as_good_a_model_of_the_same_applicants(small_job: Job, filled_by_sail: Job) -> None:
    trained = [
        connect(job.lake.address, job.settings.mlflow).runs.latest_training(job.run_date)
        for job in (small_job, filled_by_sail)
    ]
    by_spark, by_sail = trained
    assert by_sail.auc.value == pytest.approx(by_spark.auc.value, abs=by_spark.auc.standard_error)


def test_spark_and_sail_score_explain_export_and_watch_alike(filled_by_sail: Job, tmp_path: Path) -> None:
    """One model, the applicants of one lake: all but what is watched to the last bit."""
    job, exported = filled_by_sail, Path(filled_by_sail.lake.root).parent / "sail"
    by_sail = {table: rows_of(job, table) for table in (SCORES, EXPLANATIONS, *WATCHED)}
    score(job)
    decide(job, 0.3)
    explain(job)
    for table in (SCORES, EXPLANATIONS):
        pd.testing.assert_frame_equal(rows_of(job, table), by_sail[table], check_exact=True)
    assert export(job, tmp_path).read_bytes() == (exported / letters_file(tmp_path, job.run_date).name).read_bytes()
    with suppress(LimitPassed):
        monitor(job)
    for table in WATCHED:
        pd.testing.assert_frame_equal(rows_of(job, table), by_sail[table], rtol=1e-9)


def test_sail_reads_every_delivery_as_spark_reads_it(spark: SparkSession, tmp_path: Path) -> None:
    """Tables, quarantine, counts, messages, exit codes and fingerprints."""
    make_deliveries(tmp_path / "deliveries")
    by_spark = json.loads(json.dumps(what_it_makes(spark, tmp_path / "deliveries", tmp_path / "spark")))
    ended = run_python("-m", "tests.both_engines", str(tmp_path))
    assert ended.returncode == 0, ended.stderr[-3000:]
    by_sail = json.loads((tmp_path / "sail.json").read_text(encoding="utf-8"))
    assert list(differences(by_spark, by_sail)) == []


def test_sail_takes_deliveries_of_this_machine_alone(tmp_path: Path) -> None:
    words = ("ingest", "--lake", str(tmp_path), "--run-date", RUN_DATE, "--set", "session.engine=sail")
    ended = run_jobs(*words, "--input", "s3a://bucket/delivery")
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (
        2,
        "ingest: --input s3a://bucket/delivery: Sail only reads deliveries of this machine: use Spark",
    )


def test_sail_needs_no_spark_submit(tmp_path: Path) -> None:
    words = ("assemble", "--lake", str(tmp_path), "--run-date", RUN_DATE, "--set", "session.engine=sail")
    ended = spark_submit(*words, folder=tmp_path)
    assert ended.returncode == 2
    assert "needs no spark-submit: call python -m jobs assemble" in ended.stdout  # where Spark sends both


def test_a_part_without_rows_keeps_its_columns_on_sail() -> None:
    lines = [
        "from jobs.runtime.session import open_session, settling",
        "nobody = open_session('assemble', 'sail').range(3).where('id > 5')",
        "with settling() as settle:",
        "    print([(part.columns, part.count()) for part in settle([nobody, nobody])])",
    ]
    ended = run_python("-c", "\n".join(lines))
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert ended.stdout.strip() == "[(['id'], 0), (['id'], 0)]"


def test_sail_refuses_the_folders_that_it_would_misread(tmp_path: Path) -> None:
    lines = [
        "from datetime import date",
        "from jobs.lake.locks import locked",
        "from jobs.lake.one_writer import Holder",
        "from jobs.lake.tables import Lake",
        "from jobs.runtime.errors import UserError",
        "from jobs.runtime.session import open_session",
        "spark = open_session('assemble', 'sail')",
        "for folder in ('50% off', 'two words', '10:30'):",
        "    try:",
        "        with locked(Lake.open(folder, spark), Holder.here('assemble', date(2018, 5, 17)), 0, print):",
        "            print('taken')",
        "    except UserError as refused:",
        "        print(refused)",
    ]
    ended = run_python("-c", "\n".join(lines), folder=tmp_path)
    assert ended.stdout.splitlines() == [
        f"--lake {tmp_path}/50% off: Sail takes no folder whose path has '%': rename it, or use Spark",
        f"--lake {tmp_path}/two words: Sail can only read a folder whose path has a blank: rename it, or use Spark",
        "taken",
    ], ended.stderr[-3000:]
    assert [path.name for path in tmp_path.iterdir()] == ["10:30"]
