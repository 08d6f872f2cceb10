"""docs/extending.md, done: its diffs are applied to a copy of the project, which then does what each chapter says."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deliveries import ANNA, delivery, write_delivery, write_rows
from tests.line import RUN_DATE
from tests.processes import PROJECT, run_python

CHAPTERS = dict(
    re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", (PROJECT / "docs" / "extending.md").read_text(), re.M | re.S)
)
FEATURE, CSV, COLUMN, VERB, GATE, _MODEL = CHAPTERS
NEXT = "2018-06-17"


def apply(project: Path, chapter: str) -> None:
    """Make the changes that a chapter shows."""
    for diff in re.findall(r"^```diff\n(.*?)^```", CHAPTERS[chapter], re.M | re.S):
        for name, hunks in re.findall(r"^--- .*\n\+\+\+ (.*)\n((?:(?!--- ).*\n)*)", diff, re.M):
            file = project / name
            text = file.read_text() if file.exists() else ""
            for hunk in hunks.split("@@\n")[1:]:
                before = "".join(line[1:] for line in hunk.splitlines(keepends=True) if not line.startswith("+"))
                after = "".join(line[1:] for line in hunk.splitlines(keepends=True) if not line.startswith("-"))
                assert text.count(before) == 1 or not text, f"{chapter}: {name} has other lines than {before!r}"
                text = text.replace(before, after) if text else after
            file.write_text(text)


@pytest.fixture
def extend(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the project with the changes of some chapters."""

    def extend(*chapters: str) -> Path:
        project = tmp_path / "project"
        for folder in ("features", "jobs", "conf", "tests"):
            shutil.copytree(PROJECT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("MLproject", "pyproject.toml", "spark-submit.sh", "README.md"):
            shutil.copy(PROJECT / file, project / file)
        for chapter in chapters:
            apply(project, chapter)
        return project

    return extend


def output(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
    return ended.stdout


FEATURE_SET = "from features.plan.identity import feature_set; print(feature_set(()))"


def test_a_feature_is_in_the_catalogue_and_in_the_name_of_the_feature_set(extend: Callable[..., Path]) -> None:
    project = extend(FEATURE)
    output(run_python("-m", "jobs", "catalogue", "--markdown", "features.md", folder=project))
    listed = (project / "features.md").read_text()
    for name in ("bureau_long_ahead_mean_active_ever", "bureau_long_ahead_max_active_ever"):
        assert f"| `{name}` | bureau debt | Runs for ten more years or longer." in listed
    assert output(run_python("-c", FEATURE_SET, folder=project)) != output(run_python("-c", FEATURE_SET))


# A champion of before, a delivery of before, and one with the new file and the new column.
LINE = """
import sys
from jobs.__main__ import main
lake, before, after, source = sys.argv[1:]
def run(verb, *words):
    assert main((verb, "--lake", lake, "--set", "session.engine=spark", *words)) == 0, verb
run("status")
run("score", "--run-date", before)
run("ingest", "--run-date", after, "--input", source)
run("assemble", "--run-date", before)
run("assemble", "--run-date", after)
run("status")
"""
# What the service looks up, and the features that it makes of it: Sail and Spark do not live in one process.
LOOKED_UP = """
import json, sys
from features import TABLES
from features.contract import schema
from jobs.lake.feature_sets import find
from jobs.lake.histories import read_histories
from jobs.lake.tables import FEATURES, Lake
from jobs.runtime.session import open_session
lake, *applicants = sys.argv[1:]
lake = Lake(lake, open_session("serve", "sail"))
version = lake.read(FEATURES).where("run_date = DATE'2018-06-17'").select("feature_set").first()[0]
names = ["letters_letters_count_reminder_ever", "bureau_guarantors_max_ever", "bureau_loans_count_ever"]
found = read_histories(lake, None, [int(each) for each in applicants])
rows = {name: rows.drop_columns(["run_date"]) for name, rows in found.tables.items()}
sources = {table.name: lake.spark.createDataFrame(rows[table.name], schema(table)) for table in TABLES}
rows = find(lake, version).applicants(sources).select("SK_ID_CURR", *names).toArrow().to_pylist()
print(json.dumps([rows, {each: str(day) for each, day in found.deliveries.items()}]))
"""


@pytest.mark.timeout(1200)
def test_a_delivery_of_before_a_file_and_a_column_is_listed_scored_assembled_and_looked_up(
    demo_lake: Path, extend: Callable[..., Path], tmp_path: Path
) -> None:
    project, lake = extend(CSV, COLUMN), shutil.copytree(demo_lake, tmp_path / "lake")
    rows = delivery()
    rows["bureau"][0]["CNT_GUARANTORS"] = "2"
    for file in ("application_train", "application_test"):
        for person in rows[file]:
            person |= {"DAYS_BIRTH": "-12000", "DAYS_EMPLOYED": "-900"}
    source = write_delivery(tmp_path / "delivery", rows)
    days = {"1": -10, "2": -400, "3": 5}  # the last one came after the application
    write_rows(
        source / "letters.csv",
        [
            {"SK_ID_LETTER": each, "SK_ID_CURR": ANNA, "DAYS_LETTER": str(day), "KIND": "reminder"}
            for each, day in days.items()
        ],
    )
    said = output(run_python("-c", LINE, str(lake), RUN_DATE, NEXT, str(source), folder=project))
    listed = said.rpartition(f"Delivery {RUN_DATE}")[2]
    assert f"Delivery {NEXT}" in listed
    assert "letters" not in listed.partition(f"Delivery {NEXT}")[0], "the delivery of before has no such table"
    assert "letters" in listed.partition(f"Delivery {NEXT}")[2]

    with (demo_lake.parent / "delivery" / "bureau.csv").open() as file:
        someone = file.readlines()[-1].split(",")[0]  # not one of the three of the next delivery
    told, deliveries = json.loads(output(run_python("-c", LOOKED_UP, str(lake), ANNA, someone, folder=project)))
    assert deliveries == {ANNA: NEXT, someone: RUN_DATE}
    found = {str(row.pop("SK_ID_CURR")): tuple(row.values()) for row in told}
    assert found[ANNA] == (2.0, 2.0, 1.0)
    assert found[someone][:2] == (0.0, None), "no letter, and nobody knows of guarantors"
    assert found[someone][2] > 0


def test_a_verb_is_on_the_command_line_and_keeps_the_rules(extend: Callable[..., Path]) -> None:
    project = extend(VERB)
    assert "what ingest counted" in output(run_python("-m", "jobs", "checks", "--help", folder=project))
    words = ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-m", "not spark"]
    os.environ["UPDATE_SNAPSHOTS"] = "1"
    try:
        output(run_python(*words, "tests/test_command_line.py", "-k", "snapshot", folder=project))
    finally:
        del os.environ["UPDATE_SNAPSHOTS"]
    assert "--run-date" in (project / "tests" / "snapshots" / "checks.txt").read_text()
    rules = ["tests/test_architecture.py", "tests/test_command_line.py", "tests/test_project.py"]
    output(run_python(*words, *rules, "-k", "keeps or verbs_are or snapshot or entry", folder=project))


JUDGED = """
import json
from dataclasses import asdict
from jobs.model.measures import capture, performance
from jobs.promotion.gates import judge
from jobs.runtime.settings import load_settings
from tests.jobs.promotion.test_gates import against, by_chance, on_test
settings = load_settings("local", ("gates.capture=0.2",))
test = on_test(30_000)
measured = asdict(performance(test.labels, test.probabilities, settings.decision))
candidates = [against(who, test) for who in (test, by_chance(test))]
verdicts = [{gate.name: gate for gate in judge(candidate, settings.gates, 0.25)}["capture"] for candidate in candidates]
print(json.dumps([measured["capture"], *[[gate.value, gate.outcome, gate.sentence] for gate in verdicts]]))
"""


def test_a_measure_is_logged_with_the_others_and_a_gate_holds_or_refuses(extend: Callable[..., Path]) -> None:
    measured, good, blind = json.loads(output(run_python("-c", JUDGED, folder=extend(GATE))))
    assert good[:2] == [measured, "passed"]
    assert good[2].startswith(f"{measured:.4f} (")
    assert good[2].endswith("is at least 0.2")
    assert blind[1] == "refused"
    assert blind[2].startswith(f"{blind[0]:.4f} (")
    assert "should be at least 0.2" in blind[2]
