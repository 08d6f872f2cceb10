"""Which row of the feature table an applicant of the lake is scored on: the newest, or none."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.lake.job import Job
from jobs.lake.tables import FEATURES, Lake
from jobs.registry.store import connect
from jobs.serving.lake_rows import LakeRows
from jobs.serving.responses import ScoredApplicant
from jobs.serving.row_features import PlannedFeatures
from jobs.serving.row_plans import whole_months
from jobs.serving.scorer import Scorer
from jobs.serving.standing_plan import StandingPlan
from tests.callers import MODEL
from tests.small_lake import FEATURE_SET, applicants, feature_table_rows

APRIL, MAY, JUNE = date(2018, 4, 17), date(2018, 5, 17), date(2018, 6, 17)
OTHER_SET = "ba9876543210"
ANNA, BRUNO, CLARA, DORA = 100_001, 100_002, 100_003, 100_004

# Anna stays with the champion's features; Bruno moves to others, Clara comes back from them, Dora has no other.
ROWS = {
    APRIL: (FEATURE_SET, {ANNA, BRUNO}),
    MAY: (OTHER_SET, {BRUNO, CLARA, DORA}),
    JUNE: (FEATURE_SET, {ANNA, CLARA}),
}


@pytest.fixture(scope="module")
def scorer(small_job: Job, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    """The small lake's champion before a feature table of three deliveries."""
    folder = tmp_path_factory.mktemp("scorer")
    lake = Lake(str(folder / "lake"), spark)
    people = applicants()
    for day, (feature_set, there) in ROWS.items():
        rows = people[people["SK_ID_CURR"].isin(there)].assign(EXT_SOURCE_MEAN=float(day.month))
        lake.replace(FEATURES, feature_table_rows(lake, rows, feature_set), day)
    store = connect(small_job.lake.address, small_job.settings.mlflow)
    model = store.versions.registered_model(store.versions.need_champion())
    plan = StandingPlan(spark, Path(folder), "never run")
    return Scorer(LakeRows(lake, None), model, MODEL, small_job.settings, plan, PlannedFeatures(plan))


def scored(scorer: Scorer, *asked: int) -> dict[int, tuple[date | None, float | None]]:
    """Delivery and probability of those who were scored."""
    found = scorer.score_stored(asked)
    answers = {applicant: answer for applicant, answer in found.items() if isinstance(answer, ScoredApplicant)}
    return {applicant: (each.delivery, each.probability) for applicant, each in answers.items()}


def refusals(scorer: Scorer, *asked: int) -> dict[int, list[tuple[str | None, str | None, str]]]:
    """Column, value and problem of those who were not."""
    found = scorer.score_stored(asked)
    problems = {applicant: answer for applicant, answer in found.items() if isinstance(answer, list)}
    return {applicant: [(each.column, each.value, each.problem) for each in of] for applicant, of in problems.items()}


def refusal(applicant: int) -> list[tuple[str | None, str | None, str]]:
    said = (
        f"is in the delivery of {MAY} with feature set {OTHER_SET}, the model reads {FEATURE_SET}: "
        f"run `assemble --run-date {MAY} --feature-set {FEATURE_SET}`"
    )
    return [("SK_ID_CURR", str(applicant), said)]


def test_the_newest_row_of_each_applicant_is_scored(scorer: Scorer) -> None:
    found = scored(scorer, ANNA, CLARA)
    rows = scorer.found.lake.read_run_date(FEATURES, JUNE).orderBy("SK_ID_CURR").toPandas()
    expected = scorer.model.probabilities(rows)
    assert found == {ANNA: (JUNE, pytest.approx(expected[0])), CLARA: (JUNE, pytest.approx(expected[1]))}


def test_an_applicant_whose_newest_row_has_other_features_is_refused_not_scored_on_an_older_one(
    scorer: Scorer,
) -> None:
    assert refusals(scorer, ANNA, BRUNO, DORA) == {BRUNO: refusal(BRUNO), DORA: refusal(DORA)}
    assert list(scored(scorer, ANNA, BRUNO, DORA)) == [ANNA]
    assert refusals(scorer, DORA) == {DORA: refusal(DORA)}


def test_a_run_date_is_the_only_delivery_that_is_looked_into(scorer: Scorer) -> None:
    of_april, of_may = (replace(scorer, found=LakeRows(scorer.found.lake, day)) for day in (APRIL, MAY))
    assert {applicant: day for applicant, (day, _) in scored(of_april, ANNA, BRUNO, DORA).items()} == {
        ANNA: APRIL,
        BRUNO: APRIL,
    }
    assert refusals(of_may, ANNA, CLARA) == {CLARA: refusal(CLARA)}


def test_who_is_in_no_delivery_is_left_out(scorer: Scorer) -> None:
    assert scorer.score_stored([1]) == {}


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        ("2018-05-17", "2018-05-17", 0),
        ("2018-05-17", "2018-06-16", 0),
        ("2018-05-17", "2018-06-17", 1),
        ("2018-12-31", "2019-03-30", 2),
        ("2018-01-31", "2018-02-28", 0),
    ],
)
def test_a_month_has_passed_on_the_same_day_of_the_next(first: str, last: str, months: int) -> None:
    assert whole_months(date.fromisoformat(first), date.fromisoformat(last)) == months
