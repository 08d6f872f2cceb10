"""The report: one page without anything from elsewhere, about made-up rows and about a lake that `run` filled."""

import re
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path

import mlflow
import numpy as np
import pytest
from pyspark.sql import SparkSession

from jobs.lake.contents import TableState, tables_of
from jobs.lake.job import Job
from jobs.lake.step_log import StepRun
from jobs.lake.tables import Lake
from jobs.model.contributions import Reason
from jobs.model.drift import Drift, Shift
from jobs.model.fairness import age_bands
from jobs.model.measured_on import MeasuredOn
from jobs.model.measures import Interval
from jobs.pages.report_page import FeatureCount, ModelIdentity, ReportData, drawn, page_of, render, without_applicant
from jobs.registry.runs import Tried
from jobs.registry.store import connect
from jobs.registry.versions import Verdict
from jobs.report import report
from jobs.runtime.addresses import Address
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Decision, Settings, load_settings
from jobs.scoring.not_scored import NotScored
from jobs.scoring.one_applicant import Applicant
from jobs.scoring.shap_sample import Drivers, Stability
from jobs.scoring.test_applicants import HeldOutRows

RUN_DATE = date(2018, 5, 17)
RANDOM = np.random.default_rng(3)
PROBABILITIES = RANDOM.beta(1, 9, 300)
NONE = "\N{EN DASH}"  # where rows are never refused
NAMES = ("EXT_SOURCE_MEAN", "installments_days_late_mean_90d")

MADE_UP = ReportData(
    run_date=RUN_DATE,
    source="<b>delivery</b>",
    steps=(
        StepRun(RUN_DATE, "ingest", datetime(2026, 1, 1), 12.34),
        StepRun(RUN_DATE, "train", datetime(2026, 1, 1), 7),
    ),
    tables=(TableState("bureau", 3, 12345, 67), TableState("features", 4, 890)),
    features=(FeatureCount("bureau", "bureau debt", 11), FeatureCount("application", "external scores", 9)),
    model=ModelIdentity("home-credit-default", 5, "f" * 64, "run-1", "0123456789ab", RUN_DATE, 4),
    decision=Decision(cost_of_default=10, cost_of_decline=1),
    gates=load_settings("local").gates,
    verdicts=(
        Verdict("auc", "warned", "0.6400 (0.5800 to 0.7000), should be at least 0.7", None),
        Verdict("selection_rate_ratio_gender", "not tried", "all 300 applicants are of one group, F", None),
    ),
    measured_on=MeasuredOn.OUT_OF_FOLD,
    not_scored=(NotScored("the row in application is in quarantine: AMT_CREDIT is not an amount", 2),),
    drift=Drift(120, Shift("probability", 0.06, 0.05), (Shift("CREDIT_TERM", 1.15, 0.05), Shift("DEBT", 0.04, 0.05))),
    test=HeldOutRows(
        labels=(RANDOM.random(300) < PROBABILITIES).astype(float),
        probabilities=PROBABILITIES,
        weights=np.ones(300),
        groups={"Gender": np.where(RANDOM.random(300) < 0.6, "F", "M"), "Age": age_bands(np.full(300, -15000.0))},
        weighted_by="",
    ),
    drivers=Drivers(
        contributions=RANDOM.normal(size=(30, 2)),
        values=RANDOM.normal(size=(30, 2)),
        labels=np.arange(30.0) % 2,
        base_value=-2.5,
        names=NAMES,
        families=("external scores", "card use"),
    ),
    stability=Stability(0.875, 0.95),
    trials=(
        Tried("logistic regression, C 0.01", Interval(0.71, 0.01, 0.69, 0.73), 0.251, 0, 1068, 4, None),
        Tried("trees 2", Interval(0.75, 0.01, 0.73, 0.77), 0.243, 96, 1234, 17, "trees 2 has the best AUC"),
    ),
    applicant=Applicant(
        id=100042,
        run_date=RUN_DATE,
        probability=0.25,
        score=519,
        decision="decline",
        threshold=1 / 11,
        reasons=(Reason("payment history", "Instalments were paid late", 1.5),),
        base_value=-2.5,
        contributions=np.array([1.5, -0.1]),
        values=np.array([0.1, np.nan]),
        names=NAMES,
        families=("external scores", "card use"),
        model_version=5,
        model_sha256="f" * 64,
    ),
)


class Addresses(HTMLParser):
    """Everything that a page would fetch or link to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in {"src", "href"}]
        assert tag not in {"script", "link", "iframe"}


def words(page: str) -> str:
    """The page's text, without tags and with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))


@pytest.fixture(scope="module")
def page() -> str:
    return render(MADE_UP)


def test_who_was_not_scored_stands_with_the_reason(page: str) -> None:
    said = words(page)
    assert "the row in application is in quarantine: AMT_CREDIT is not an amount 2" in said
    assert "Who was not scored" not in words(render(replace(MADE_UP, not_scored=())))


def test_the_page_needs_nothing_from_elsewhere(page: str):
    addresses = Addresses(page).found
    assert all(address.startswith(("#", "data:image/svg+xml;base64,")) for address in addresses)
    anchors = {address[1:] for address in addresses if address.startswith("#")}
    assert anchors == set(re.findall(r'<h2 id="(\w+)"', page))


def test_the_page_says_what_ran_on_what(page: str):
    said = words(page)
    for expected in (
        "ingest 12.3",
        "all 19.3",
        "bureau 3 12,345 67",
        f"features 4 890 {NONE}",
        "&lt;b&gt;delivery&lt;/b&gt;",
    ):
        assert expected in said
    assert "bureau debt 11 · 11" in said
    assert "all 11 9 20" in said


def test_the_page_explains_one_applicant(page: str):
    said = words(page)
    assert "Applicant 100042 of this delivery: probability of default 25.0% , score 519 , decision decline" in said
    assert "Instalments were paid late" in said


def test_the_page_says_whether_reasons_stay_under_another_seed(page: str):
    assert "first reason is the same for 87.5% of these applicants" in words(page)
    assert "another seed" not in words(render(replace(MADE_UP, stability=None)))


def test_the_page_says_what_the_model_was_chosen_from(page: str):
    said = words(page)
    assert "trees 2, chosen 0.7500 0.7300 to 0.7700 0.2430 96 1,234 17" in said
    assert f"logistic regression, C 0.01 0.7100 0.6900 to 0.7300 0.2510 {NONE} 1,068 4" in said
    assert "trees 2 has the best AUC." in said
    assert "chosen from" not in words(render(replace(MADE_UP, trials=())))


def test_the_page_says_what_the_gates_said_and_what_has_moved(page: str):
    said = words(page)
    assert "auc warned 0.6400 (0.5800 to 0.7000), should be at least 0.7" in said
    assert "selection_rate_ratio_gender not tried all 300 applicants are of one group, F" in said
    assert "CREDIT_TERM, moved 1.1500 0.0500 DEBT 0.0400 0.0500" in said
    without = words(render(replace(MADE_UP, drift=None, verdicts=())))
    assert "no new applicants with the features that this model reads" in without
    assert "No gate was tried of this version" in without


def test_without_scores_nobody_is_explained():
    said = words(render(replace(MADE_UP, applicant=None)))
    assert "One applicant" not in said


def test_the_page_for_everybody_is_the_same_without_the_applicant():
    said = words(page_of(without_applicant(MADE_UP), drawn(MADE_UP)))
    assert "100042" not in said
    assert "One applicant" not in said
    assert "chosen from" in said


def test_the_same_data_gives_the_same_page(page: str):
    assert render(MADE_UP) == page


def test_a_run_leaves_a_report_of_its_lake(spark: SparkSession, demo_lake: Path):
    said = words((demo_lake / "reports" / f"{RUN_DATE}.html").read_text(encoding="utf-8"))
    for state in tables_of(Lake(str(demo_lake), spark), RUN_DATE):
        refused = NONE if state.refused is None else f"{state.refused:,}"
        assert f"{state.name} {state.version} {state.rows:,} {refused}" in said
    for expected in ("Gender · selection rate ratio", "Reasons that raise the risk", "explain", "drift_scores passed"):
        assert expected in said


def test_the_page_that_is_logged_tells_of_no_applicant(demo_lake: Path, settings: Settings):
    store = connect(Address(str(demo_lake)), settings.mlflow)
    run_id, uri = store.versions.need_champion().run_id, store.connection.uri
    name = f"reports/{RUN_DATE}.html"
    logged = Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=name, tracking_uri=uri))
    assert "Applicant" in (demo_lake / name).read_text(encoding="utf-8")
    assert 'id="applicant"' in (demo_lake / name).read_text(encoding="utf-8")
    assert 'id="applicant"' not in logged.read_text(encoding="utf-8")


def test_an_applicant_of_another_delivery_cannot_be_explained(spark: SparkSession, demo_lake: Path, settings: Settings):
    job = Job(Lake(str(demo_lake), spark), RUN_DATE, settings)
    with pytest.raises(UserError, match="--applicant 7 is not among the scored applicants of 2018-05-17"):
        report(job, applicant=7)


def test_an_object_store_needs_a_place_for_the_page(
    spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Of which there is none here to lock."""
    monkeypatch.setattr("jobs.lake.job.locked", lambda *_: nullcontext())
    with pytest.raises(UserError, match="--output FILE"):
        report(Job(Lake("s3a://bucket/lake", spark), RUN_DATE, settings))
