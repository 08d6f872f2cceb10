"""One CSV file for whoever writes the letters."""

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from features.reason_families import FAMILIES
from jobs.__main__ import main
from jobs.export import COLUMNS, export
from jobs.lake.csv_output import write_csv
from jobs.lake.job import Job
from jobs.lake.tables import EXPLANATIONS, SCORES
from jobs.runtime.errors import UserError
from tests.small_lake import NEW


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_new_applicant_has_a_row_with_score_and_reasons(small_job: Job, tmp_path: Path) -> None:
    path = export(small_job, tmp_path / "letters")
    assert [file.name for file in path.parent.iterdir()] == ["scores-2018-05-17.csv"]
    rows = rows_of(path)
    assert list(rows[0]) == list(COLUMNS)
    assert [row["SK_ID_CURR"] for row in rows] == sorted(row["SK_ID_CURR"] for row in rows)
    assert len(rows) == NEW
    scores = small_job.lake.read_run_date(SCORES, small_job.run_date)
    explained = small_job.lake.read_run_date(EXPLANATIONS, small_job.run_date).select("SK_ID_CURR", "reasons")
    for row, stored in zip(rows, scores.join(explained, "SK_ID_CURR").orderBy("SK_ID_CURR").collect(), strict=True):
        assert float(row["probability"]) == stored["probability"]
        assert (row["decision"], int(row["score"])) == (stored["decision"], stored["score"])
        sentences = [row[f"reason_{place}"] for place in (1, 2, 3, 4) if row[f"reason_{place}"]]
        assert sentences == [reason["sentence"] for reason in stored["reasons"]]
        assert set(sentences) <= set(FAMILIES.values())


def test_the_same_scores_give_the_same_bytes(small_job: Job, tmp_path: Path) -> None:
    first = export(small_job, tmp_path).read_bytes()
    assert export(small_job, tmp_path).read_bytes() == first


def test_scores_that_were_not_explained_are_not_exported(small_job: Job, tmp_path: Path) -> None:
    kept = small_job.lake.version(EXPLANATIONS)
    other = small_job.lake.read_run_date(EXPLANATIONS, small_job.run_date, kept)
    try:
        changed = other.withColumn("model_sha256", F.lit("0" * 64))
        small_job.lake.replace(EXPLANATIONS, changed, small_job.run_date)
        with pytest.raises(UserError, match="does not explain the scores of 2018-05-17: explain first"):
            export(small_job, tmp_path)
    finally:
        small_job.lake.replace(EXPLANATIONS, other, small_job.run_date)
    assert list(tmp_path.iterdir()) == []


def test_a_delivery_without_scores_is_named(small_job: Job, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no score of 2017-01-01: score the delivery first"):
        export(replace(small_job, run_date=date(2017, 1, 1)), tmp_path)


def test_a_run_that_breaks_leaves_the_file_that_was_there(small_job: Job, tmp_path: Path, monkeypatch) -> None:
    path = export(small_job, tmp_path)
    before = path.read_bytes()

    def breaks(unfinished: Path, *_: object) -> int:
        unfinished.write_text("half a row")
        raise OSError("no space left on device")

    monkeypatch.setattr("jobs.lake.csv_output.write_csv", breaks)
    with pytest.raises(OSError, match="no space left"):
        export(small_job, tmp_path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_unknown_is_an_empty_cell(tmp_path: Path) -> None:
    row = (100001, "2018-05-17", None, None, None, None, None, None, None, 'NOISE is "infinite", or so', 1)
    assert write_csv(tmp_path / "rows.csv", COLUMNS, iter([row])) == 1
    (found,) = rows_of(tmp_path / "rows.csv")
    assert (found["probability"], found["decision"], found["reason_1"]) == ("", "", "")
    assert found["reason_not_scored"] == 'NOISE is "infinite", or so'


def test_an_object_store_is_no_place_for_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("export", "--run-date", "2018-05-17", "--output", "s3a://bucket/letters")) == 2
    assert "s3a://bucket/letters is not on this machine" in capsys.readouterr().err
