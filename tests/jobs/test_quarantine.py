"""Refused rows as somebody mends them: counted, looked at, and written as a file."""

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.__main__ import main
from jobs.lake.tables import Lake
from tests.deliveries import ANNA, delivery, row, write_delivery

DAY = "2018-05-17"
PAYMENTS, CARDS = "installments_payments", "credit_card_balance"


@dataclass(frozen=True)
class Lender:
    """A delivery that was taken in, of which three rows are in quarantine: a payment, and two cards that differ."""

    lake: Lake
    source: Path

    def ingest(self, *words: str) -> int:
        taken = ("--run-date", DAY, "--input", str(self.source), "--set", "ingest.refused_share=0.9")
        return main(("ingest", "--lake", self.lake.root, *taken, *words))

    def exported(self, table: str, folder: Path) -> list[dict[str, str]]:
        words = ("quarantine", "--lake", self.lake.root, "--table", table, "--export", str(folder))
        assert main(words) == 0
        with (folder / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def lender(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lender:
    tmp_path = tmp_path_factory.mktemp("quarantine")
    sent = delivery()
    payment = sent[PAYMENTS][0]
    sent[PAYMENTS].append(payment | {"NUM_INSTALMENT_NUMBER": "4.5", "AMT_PAYMENT": "1d"})
    card = row(CARDS, SK_ID_CURR=ANNA, SK_ID_PREV="2000001", MONTHS_BALANCE="-2")
    sent[CARDS] += [card | {"AMT_BALANCE": "1.0"}, card | {"AMT_BALANCE": "2.0"}]
    lender = Lender(Lake(str(tmp_path / "lake"), spark), write_delivery(tmp_path / "delivery", sent))
    assert lender.ingest() == 0
    return lender


def test_what_is_in_quarantine_is_counted_without_a_cell_and_shown_where_it_is_asked_for(
    lender: Lender, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(("quarantine", "--lake", lender.lake.root)) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{DAY} │ installments_payments │ AMT_PAYMENT │ is not an amount │ 1" in said
    assert "NUM_INSTALMENT_NUMBER │ is not a whole number │ 1" in said
    assert "SK_ID_PREV, MONTHS_BALANCE │ names several rows that differ │ 2" in said
    assert "4.5" not in said
    assert main(("quarantine", "--lake", lender.lake.root, "--table", PAYMENTS, "--sample", "5")) == 0
    said = capsys.readouterr().out
    assert "NUM_INSTALMENT_NUMBER 4.5 is not a whole number; AMT_PAYMENT 1d is not an amount" in said
    assert "credit_card_balance" not in said
    assert main(("quarantine", "--lake", lender.lake.root, "--run-date", "2017-01-01")) == 0
    assert "no row of 2017-01-01 is in quarantine" in capsys.readouterr().out


def test_the_rows_are_written_with_their_reasons_for_whoever_mends_them(lender: Lender, tmp_path: Path) -> None:
    (payment,) = lender.exported(PAYMENTS, tmp_path)
    assert (payment["run_date"], payment["file"], payment["AMT_PAYMENT"]) == (DAY, PAYMENTS, "1d")
    assert payment["why"] == "NUM_INSTALMENT_NUMBER 4.5 is not a whole number; AMT_PAYMENT 1d is not an amount"
    cards = lender.exported(CARDS, tmp_path)
    assert sorted(float(card["AMT_BALANCE"]) for card in cards) == [1.0, 2.0]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{CARDS}.csv", f"{PAYMENTS}.csv"]
