"""MLproject: every verb as an entry point, and the line against a tracking server, as `mlflow run` starts it."""

import argparse
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient

from jobs.__main__ import VERBS, build_parser, main
from tests.line import QUICK, RUN_DATE
from tests.processes import PROJECT, run_python

ENTRY_POINTS = yaml.safe_load((PROJECT / "MLproject").read_text(encoding="utf-8"))["entry_points"]
GIVEN = {
    **{"run_date": RUN_DATE, "as_of": RUN_DATE, "first": RUN_DATE, "last": RUN_DATE},
    **{"input": "delivery", "output": "delivery", "applicant": "100001"},
    **{"version": "2", "reason": "'it is better'"},
}


def parsed(entry_point: str) -> argparse.Namespace:
    """What the command line makes of an entry point's command, every parameter given or by its default."""
    declared = ENTRY_POINTS[entry_point].get("parameters", {})
    values = {name: GIVEN.get(name) or declared[name]["default"] for name in declared}
    words = shlex.split(ENTRY_POINTS[entry_point]["command"].format(**values))
    # What runs without Spark is called without spark-submit.
    start = ["python", "-m", "jobs"] if entry_point == "serve" else ["./spark-submit.sh"]
    assert words[: len(start)] == start
    return build_parser().parse_args(words[len(start) :])


def test_every_verb_is_an_entry_point_and_main_is_the_line() -> None:
    assert set(ENTRY_POINTS) == set(VERBS) | {"main"}
    assert ENTRY_POINTS["main"] == ENTRY_POINTS["run"]


@pytest.mark.parametrize("entry_point", sorted(set(ENTRY_POINTS) - {"main"}))
def test_an_entry_point_calls_its_verb(entry_point: str) -> None:
    assert parsed(entry_point).verb == entry_point


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a tracking server on a free port, with a SQLite store; whatever starts here is told of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, folder = f"http://127.0.0.1:{port}", tmp_path / "server"
    folder.mkdir()
    words = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log)
    try:
        wait_for(address, process, folder / "log")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers."""
    for _ in range(240):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    pytest.fail(f"no answer from {address}: {log.read_text()[-2000:]}")


@pytest.mark.timeout(600)
def test_a_model_trained_by_mlflow_run_is_registered_and_scores_by_way_of_a_server(
    demo_lake: Path, server: str, tmp_path: Path
) -> None:
    lake = shutil.copytree(demo_lake, tmp_path / "lake", ignore=shutil.ignore_patterns("mlflow"))
    quick = tmp_path / "quick.toml"
    quick.write_text("[train]\nrounds = 15\nlearning_rate = 0.3\n[search]\ntrials = 1\nfolds = 2\n")
    words = ["-m", "mlflow", "run", str(PROJECT), "--env-manager", "local", "-e", "train"]
    words += ["-P", f"lake={lake}", "-P", f"run_date={RUN_DATE}", "-P", f"env={quick}"]
    ended = run_python(*words, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr[-3000:]
    client = MlflowClient(server)
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    (run,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert (run.info.status, run.data.tags["verb"], run.data.params["run_date"]) == ("FINISHED", "train", RUN_DATE)
    assert run.data.tags["mlflow.project.entryPoint"] == "train"
    dated = ("--lake", str(lake), "--run-date", RUN_DATE)
    assert main(("register", *dated, *QUICK)) == 0
    assert main(("score", *dated)) == 0
    champion = client.get_model_version_by_alias("home-credit-default", "champion")
    assert champion.tags["run_id"] == run.info.run_id
    assert not (lake / "mlflow").exists()
    assert os.environ["MLFLOW_TRACKING_URI"] == server
