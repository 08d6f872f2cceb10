"""Which figures of a delivery are unusual, and that the ordinary is not: at few rows chance moves every figure."""

from dataclasses import replace

import numpy as np
import pytest

from jobs.lake.comparison import Compared, Verdict, compare
from jobs.lake.figures import Figure, Kind, rounded
from jobs.runtime.settings import load_settings

SETTINGS = load_settings("local").checks


def figure(kind: Kind, value: float, of: int = 10_000, spread: float = 0.0, **levels: int) -> Figure:
    return Figure("bureau", kind, value, of, "COLUMN", spread, levels)


def said(now: Figure, *before: float) -> Compared:
    past = [(replace(now, value=value),) for value in before]
    (compared,) = compare([now], past, SETTINGS, {})
    return compared


@pytest.mark.parametrize(
    ("now", "usual", "verdict"),
    [
        (figure(Kind.ROWS, 2_900), 1_000, Verdict.PASSED),
        (figure(Kind.ROWS, 3_400), 1_000, Verdict.ERROR),
        (figure(Kind.ROWS, 100), 1_000, Verdict.ERROR),
        (figure(Kind.ROWS, 9), 3, Verdict.PASSED),  # three applicants yesterday
        (figure(Kind.PER_APPLICANT, 9.0), 4.5, Verdict.PASSED),
        (figure(Kind.PER_APPLICANT, 9.9), 4.5, Verdict.ERROR),
        (figure(Kind.PER_APPLICANT, 0.0), 4.5, Verdict.ERROR),
        (figure(Kind.PER_APPLICANT, 9.5, 40), 4.5, Verdict.PASSED),
        (figure(Kind.KEY_REUSE, 0.02), 0.001, Verdict.ERROR),
        (figure(Kind.KEY_REUSE, 0.0), 0.3, Verdict.PASSED),  # fewer than usual is better
        (figure(Kind.ORPHANS, 0.25), 0.1, Verdict.ERROR),
        (figure(Kind.NULLS, 0.9), 0.5, Verdict.ERROR),
        (figure(Kind.NULLS, 0.1), 0.5, Verdict.ERROR),
        (figure(Kind.NULLS, 0.65), 0.5, Verdict.PASSED),
        (figure(Kind.NULLS, 0.75, 50), 0.5, Verdict.PASSED),  # of fifty
        (figure(Kind.MEAN, 2.2, spread=1.0), 1.0, Verdict.ERROR),
        (figure(Kind.MEAN, 1.9, spread=1.0), 1.0, Verdict.PASSED),
        (figure(Kind.MEAN, 1.0), 1.0, Verdict.PASSED),  # always the same
        (figure(Kind.FRESHNESS, 40), 1, Verdict.ERROR),
        (figure(Kind.FRESHNESS, 0), 40, Verdict.PASSED),  # fresher than usual
        (figure(Kind.NO_HISTORY, 0.5), 0.05, Verdict.ERROR),
        (figure(Kind.OVERLAP, 0.0), 0.9, Verdict.WARNING),
    ],
)
def test_a_figure_is_held_against_the_usual(now: Figure, usual: float, verdict: Verdict) -> None:
    assert said(now, usual, usual, usual).verdict == verdict


def test_nothing_is_usual_yet_where_there_were_few_deliveries() -> None:
    assert said(figure(Kind.ROWS, 1_000_000), 10, 10).verdict == Verdict.NOT_COMPARED
    assert said(figure(Kind.ROWS, 1_000_000), 10, 10, 10).verdict == Verdict.ERROR


def test_one_odd_delivery_does_not_make_itself_usual() -> None:
    assert said(figure(Kind.ROWS, 1_000), 1_000, 90_000, 1_010).usual == 1_010


def test_what_is_unusual_is_said_with_what_it_was_usually() -> None:
    compared = said(figure(Kind.NULLS, 0.9), 0.5, 0.5, 0.5)
    assert compared.sentence == "the share of empty cells in bureau.COLUMN is 90.0%, usually 50.0%"
    assert compared.figure.name == "nulls:bureau:COLUMN"


def test_levels_that_come_and_go_are_named() -> None:
    before = [(figure(Kind.LEVELS, 2, Cash=9_000, Revolving=990, Rare=10),)] * 3
    (compared,) = compare([figure(Kind.LEVELS, 2, Cash=9_000, Barter=1)], before, SETTINGS, {})
    assert compared.verdict == Verdict.WARNING
    assert compared.sentence == "bureau.COLUMN has the new level 'Barter' and has no 'Revolving' any more"
    (compared,) = compare([figure(Kind.LEVELS, 2, 100, Cash=100)], before, SETTINGS, {})
    assert compared.verdict == Verdict.PASSED  # of a hundred ten were to be expected


@pytest.mark.parametrize("whom", ["nulls", "nulls:bureau:COLUMN"])
def test_what_somebody_accepts_is_no_error_and_keeps_his_reason(whom: str) -> None:
    now = figure(Kind.NULLS, 0.9)
    (compared,) = compare([now], [(replace(now, value=0.5),)] * 3, SETTINGS, {whom: "the bureau has a new form"})
    assert (compared.verdict, compared.reason) == (Verdict.ACCEPTED, "the bureau has a new form")
    (compared,) = compare([now], [(replace(now, value=0.9),)] * 3, SETTINGS, {whom: "the bureau has a new form"})
    assert (compared.verdict, compared.reason) == (Verdict.PASSED, "")


def test_what_is_off_is_silent() -> None:
    settings = SETTINGS.model_copy(update={"nulls": "off"})
    now = figure(Kind.NULLS, 0.9)
    (compared,) = compare([now], [(replace(now, value=0.5),)] * 3, settings, {})
    assert compared.verdict == Verdict.NOT_COMPARED


@pytest.mark.parametrize("applicants", [3, 30, 600])
def test_of_deliveries_of_one_population_hardly_any_is_unusual(applicants: int) -> None:
    """A thousand small deliveries: shares of all sizes, means of what is skewed, numbers of rows that spread."""
    random = np.random.default_rng(3)

    def delivery(share: float) -> tuple[Figure, ...]:
        empty, amounts = random.random(applicants) < share, random.lognormal(12, 0.5, applicants)
        rows = random.geometric(0.2, applicants).sum() / applicants
        return (
            figure(Kind.NULLS, empty.mean(), applicants),
            figure(Kind.MEAN, amounts.mean(), applicants, amounts.std()),
            figure(Kind.PER_APPLICANT, rows, applicants),
            figure(Kind.ROWS, random.poisson(applicants)),
        )

    unusual = 0
    for share in np.linspace(0, 1, 500):
        before = [delivery(share) for _ in range(6)]
        unusual += sum(
            compared.verdict != Verdict.PASSED for compared in compare(delivery(share), before, SETTINGS, {})
        )
    assert unusual <= 2


def test_a_mean_half_a_step_from_two_figures_is_rounded_alike_whatever_the_order_of_its_rows() -> None:
    means = [-1_108_617 / 1_200, sum([-1_108_617 / 2_400] * 2) + 2e-13, -1_108_617 / 1_200 - 2e-13]
    assert len(set(means)) == 3
    assert {rounded(mean, 6) for mean in means} == {rounded(means[0], 6)}
    assert rounded(824.0451, 3) == 824.0
