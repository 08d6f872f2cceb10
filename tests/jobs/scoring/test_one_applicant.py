"""One applicant explained: on the terminal, as a picture, and as a page without anything from elsewhere."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from jobs.__main__ import main
from jobs.explain import show
from jobs.lake.job import Job
from jobs.lake.tables import EXPLANATIONS, SCORES, STEPS, Lake
from jobs.pages.applicant_page import html, lines_of
from jobs.registry.store import connect
from jobs.runtime.errors import UserError
from jobs.scoring.one_applicant import Applicant, explain_applicant
from jobs.scoring.scores_table import riskiest
from tests.small_lake import LABELLED

SOMEBODY = 100_001 + LABELLED


@pytest.fixture(scope="module")
def who(small_job: Job) -> Applicant:
    store = connect(small_job.lake.address, small_job.settings.mlflow)
    return explain_applicant(small_job, store, SOMEBODY)


def test_what_is_told_is_what_is_stored(small_job: Job, who: Applicant) -> None:
    score = small_job.lake.read_run_date(SCORES, who.run_date).where(F.col("SK_ID_CURR") == SOMEBODY).first()
    told = small_job.lake.read_run_date(EXPLANATIONS, who.run_date).where(F.col("SK_ID_CURR") == SOMEBODY).first()
    assert score is not None
    assert told is not None
    assert (who.probability, who.score, who.decision) == (score["probability"], score["score"], score["decision"])
    assert [reason.sentence for reason in who.reasons] == [reason["sentence"] for reason in told["reasons"]]
    lines = lines_of(who, small_job.settings.explain.contributions)
    assert [line.name for line in lines] == [each["feature"] for each in told["contributions"]]
    assert who.margin == pytest.approx(told["margin"], abs=1e-5)


def test_the_terminal_shows_it_and_a_page_and_a_picture_stay(
    small_job: Job, who: Applicant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = small_job.lake.version(STEPS)
    page = show(small_job, SOMEBODY, tmp_path)
    said = capsys.readouterr().out
    assert f"applicant {SOMEBODY}, delivery of 2018-05-17: probability {who.probability:.2%}" in said
    for place, reason in enumerate(who.reasons, start=1):
        assert f"{place}. {reason.sentence}" in said
    assert {file.name for file in tmp_path.iterdir()} == {f"2018-05-17-{SOMEBODY}.png", f"2018-05-17-{SOMEBODY}.html"}
    assert page.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert small_job.lake.version(STEPS) == before  # looking is no step


def test_without_a_folder_they_go_into_the_lake(small_job: Job) -> None:
    assert show(small_job, SOMEBODY).parent == small_job.lake.reports


def test_the_page_is_whole_and_the_same_each_time(who: Applicant) -> None:
    page = html(who, 5)
    assert html(who, 5) == page
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert addresses
    assert all(address.startswith("data:image/svg+xml;base64,") for address in addresses)
    assert "<script" not in page
    assert "CODE_GENDER" not in page


def test_an_applicant_without_reasons_is_told_so(who: Applicant) -> None:
    assert "no family of features raises" in html(replace(who, reasons=()), 5)


@pytest.mark.parametrize("stranger", [7, 100_001])
def test_who_was_not_scored_cannot_be_explained(small_job: Job, stranger: int) -> None:
    with pytest.raises(UserError, match=f"--applicant {stranger} is not among the scored applicants of 2018-05-17"):
        show(small_job, stranger)


def test_why_an_applicant_has_no_score_is_said(small_job: Job, lake: Lake) -> None:
    scores = small_job.lake.read_run_date(SCORES, small_job.run_date)
    without = scores.withColumns(
        {"probability": F.lit(None).cast("double"), "reason_not_scored": F.lit("NOISE is infinite")}
    )
    lake.replace(SCORES, without, small_job.run_date)
    with pytest.raises(UserError, match=f"--applicant {SOMEBODY} could not be scored: NOISE is infinite"):
        show(replace(small_job, lake=lake), SOMEBODY)


def test_the_riskiest_has_the_highest_probability(small_job: Job) -> None:
    scores = small_job.lake.read_run_date(SCORES, small_job.run_date).toPandas()
    assert riskiest(small_job) == scores.sort_values("probability")["SK_ID_CURR"].iloc[-1]


def test_a_folder_without_an_applicant_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("explain", "--run-date", "2018-05-17", "--output", "somewhere")) == 2
    assert "--output somewhere is for one applicant: say whom with --applicant ID" in capsys.readouterr().err
