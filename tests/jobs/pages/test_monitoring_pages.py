"""The pages of monitoring, of made-up nights: what they say, and that nothing of a lake breaks them."""

from dataclasses import replace
from datetime import date

import pytest

from jobs.model.approvals import ApprovalChange, FamilyShift
from jobs.model.measures import Interval
from jobs.monitoring.committee import CommitteeYear, Settled, VintageMonth
from jobs.monitoring.history import Night
from jobs.monitoring.watched import AttributeRates, GroupRate, Moved, ScoringModel, ToldApart, Watched
from jobs.pages import monitoring_page, year_page
from jobs.runtime.settings import Settings

MAY, JUNE = date(2018, 5, 17), date(2018, 6, 17)
SCORES = Moved("score", 0, 1.0, 0.31, 0.33, 0.02, 0.0, 0.0, "moved")
NIGHTS = (
    Night(MAY, 900, 890, 0.66, 0.09, 0.0, 0.02, "approvals stayed at 66.0% (+0.0 points)", (), 1),
    Night(JUNE, 1200, 1200, 0.58, 0.09, 0.31, 0.02, "approvals fell by 8.0 points", ("the scores have <moved>",), 1),
)
WATCHED = Watched(
    run_date=JUNE,
    model=ScoringModel(1, "ab" * 32, "run-1", MAY),
    threshold=0.09,
    applicants=1200,
    scored=1200,
    approved=696,
    held_against="new",
    reference_rows=890,
    scores=SCORES,
    features=(
        Moved("EXT_SOURCE_3", 1, 0.2, 2.9, 3.0, 0.04, 0.19, 1.0, "moved"),
        Moved("AGE", 2, 0.1, 0.01, 0.02, 0.04, 0.0, 0.0, "noise"),
    ),
    approvals=ApprovalChange(0.66, 0.58, (FamilyShift("external scores", -0.2, 0.1, -0.07),)),
    rates=(
        AttributeRates("gender", (GroupRate("gender", "F", 800, 500),), None),
        AttributeRates("age", (GroupRate("age", "under 25", 90, 20),), Interval(0.7, 0.05, 0.6, 0.8)),
    ),
    told_apart=ToldApart(Interval(0.8, 0.01, 0.78, 0.82), 2000, (("EXT_SOURCE_3", 0.9),)),
    findings=NIGHTS[1].findings,
)
YEAR = CommitteeYear(
    upto=JUNE,
    nights=NIGHTS,
    movers={JUNE: ("EXT_SOURCE_3 2.90",)},
    ratios={MAY: {"gender": 0.97, "age": 1.1}, JUNE: {"gender": 0.7}},
    settled=(
        Settled(MAY, "all", "auc", 0.79, 0.77, 0.81, 0.76, 890, 880, "outside"),
        Settled(MAY, "approved", "bad_rate", 0.04, 0.03, 0.05, 0.045, 587, 580, "inside"),
        Settled(JUNE, "all", "auc", 0.78, 0.76, 0.80, 0.9, 1200, 100, "not yet"),
    ),
    vintages={
        "2018-05": {
            **{("all", "bad_rate"): 0.08, ("all", "known"): 880, ("all", "rows"): 890},
            ("score 500 to 519", "bad_rate"): 0.1,
        }
    },
    months_on_book=(VintageMonth("2018-05", 2, 10, 10, 587), VintageMonth("2018-05", 5, 587, 25, 587)),
    refused={JUNE: ("bureau.csv: 300 rows without a parent",)},
    versions={"operations/monitored": 1, "operations/settled": 4},
)


def test_a_night_says_what_moved_by_how_much_and_escapes_it(settings: Settings) -> None:
    page = monitoring_page.html(WATCHED, NIGHTS, settings)
    assert "the scores have &lt;moved&gt;" in page
    assert "approvals fell by 8.0 points to 58.0%: -7.0 from external scores, -1.0 from all else" in page.replace(
        "Approvals", "approvals"
    )
    assert 'href="2018-05-17.html"' in page
    assert "<td>100.0%</td>" in page
    assert "of 2; 1 by no more than chance" in page
    assert "AUC of <b>0.800</b>" in page


def test_a_first_night_without_anything_beside_it(settings: Settings) -> None:
    alone = replace(WATCHED, run_date=MAY, findings=(), told_apart=None, features=())
    page = monitoring_page.html(alone, NIGHTS[:1], settings)
    assert "None." in page
    assert "nothing can have" in page


def test_a_year_says_hits_and_misses_and_where_each_figure_is_from(settings: Settings) -> None:
    page = " ".join(year_page.html(YEAR, settings).split())
    assert "1 figures came within what it expected, 1 did not, 1 can" in page
    assert "<td>0.790</td><td>0.770 to 0.810</td><td>0.760</td><td>880 of 890</td>" in page
    assert "operations/settled version 4" in page
    assert "bureau.csv: 300 rows without a parent" in page
    assert "No reject inference" in page


def test_a_year_says_of_a_night_the_first_limits_that_it_passed_and_where_the_others_are(settings: Settings) -> None:
    findings = tuple(f"limit {number} is passed" for number in range(1, 6))
    page = year_page.html(replace(YEAR, nights=(NIGHTS[0], replace(NIGHTS[1], findings=findings))), settings)
    assert [number for number in range(1, 6) if f"limit {number} is passed" in page] == [1, 2, 3]
    assert f'<a href="{JUNE}.html">and 2 more</a>' in page
    three = year_page.html(replace(YEAR, nights=(NIGHTS[0], replace(NIGHTS[1], findings=findings[:3]))), settings)
    assert "more</a>" not in three


def test_a_year_of_which_nothing_is_known_yet(settings: Settings) -> None:
    page = year_page.html(replace(YEAR, settled=(), vintages={}, months_on_book=(), refused={}), settings)
    assert "No outcome is known yet of a delivery of this year." in page


@pytest.mark.parametrize(("measure", "population", "number"), [("auc", "all", 1), ("bad_rate", "approved", 1)])
def test_only_settled_figures_are_drawn(measure: str, population: str, number: int) -> None:
    assert len(YEAR.figures(population, measure)) == number
    assert [each.realised for each in YEAR.misses] == [0.76]
