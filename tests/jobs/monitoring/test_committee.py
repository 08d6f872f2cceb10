"""What a committee is told of a delivery that was refused: what spoke against it, not all that was counted of it."""

from datetime import date

from pyspark.sql import Row

from jobs.monitoring.committee import refusals

MAY, JUNE, JULY = (date(2018, month, 17) for month in (5, 6, 7))


def row(run_date: date, check: str, rows: int, verdict: str | None = None, sentence: str | None = None) -> Row:
    return Row(run_date=run_date, file="bureau", check=check, rows=rows, verdict=verdict, sentence=sentence)


def test_a_refused_delivery_is_told_by_what_spoke_against_it() -> None:
    counted = [
        row(MAY, "accepted", 90),
        row(MAY, "refused", 10),
        row(MAY, "reason: DAYS_CREDIT is above 0", 10),
        row(JUNE, "accepted", 100),
        row(JUNE, "nulls", 100, "passed", ""),
        row(JUNE, "mean", 100, "error", "the mean of bureau.AMT_CREDIT_SUM is 5, usually 900"),
        row(JULY, "accepted", 100),
    ]
    assert refusals(counted) == {
        MAY: ("bureau: 10 rows, DAYS_CREDIT is above 0",),
        JUNE: ("the mean of bureau.AMT_CREDIT_SUM is 5, usually 900",),
        JULY: (),
    }


def test_counts_of_before_figures_were_kept_are_told_too() -> None:
    (old,) = [Row(run_date=MAY, file="bureau", check="reason: DAYS_CREDIT is above 0", rows=10)]
    assert refusals([old]) == {MAY: ("bureau: 10 rows, DAYS_CREDIT is above 0",)}
