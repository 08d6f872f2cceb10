"""Rows of quarantine that somebody mends: taken once, through the same contract, or not at all."""

import csv
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from features.contract import ERRORS, ERRORS_TYPE, FILE
from features.tables import credit_card_balance
from jobs.__main__ import main
from jobs.lake import requeue
from jobs.lake.checks import Check, Counted, Finding
from jobs.lake.checks_table import write_counts
from jobs.lake.comparison import Compared, Verdict
from jobs.lake.figures import Figure, Kind
from jobs.lake.recount import recounted
from jobs.lake.tables import CHECKS, REQUEUED, Lake, quarantine_table, source_table
from tests.deliveries import ANNA, Cells, delivery, row, write_delivery, write_rows

PAYMENTS, CARDS, NEW = "installments_payments", "credit_card_balance", "application_test"
DAY = "2018-05-17"
USUAL = (
    Figure("application", Kind.ROWS, 1000, 1000, "labelled"),
    Figure("bureau", Kind.LEVELS, 1, 3, "CREDIT_ACTIVE", levels={"Active": 1}),
)
"""Of the deliveries before: this one has fewer labelled applicants, and somebody accepts it."""
ACCEPTED = ("--accept", "rows:application:labelled", "--reason", "a branch alone")


@dataclass(frozen=True)
class Lender:
    """A lake with a delivery of which some rows are in quarantine."""

    lake: Lake
    folder: Path

    def ingest(self, *words: str) -> int:
        return main(
            ("ingest", "--lake", self.lake.root, "--run-date", DAY, "--set", "ingest.refused_share=0.9", *words)
        )

    def requeue(self, file: Path, *words: str) -> int:
        return self.ingest("--requeue", str(file), *words)

    def export(self, table: str) -> Path:
        words = ("quarantine", "--lake", self.lake.root, "--table", table, "--export", str(self.folder))
        assert main(words) == 0
        return self.folder / f"{table}.csv"

    def rows(self, table: str) -> list[dict[str, object]]:
        """Of the delivery, as its record has them."""
        version = self.lake.deliveries()[next(iter(self.lake.deliveries()))][table]
        return [row.asDict() for row in self.lake.read(source_table(table), version).collect()]

    def in_quarantine(self, table: str) -> int:
        return self.lake.read(quarantine_table(table)).count()

    def counts(self, table: str) -> dict[str, int]:
        """What operations/checks counted, without the figures."""
        rows = self.checks().where(f"source = '{table}' and value is null").collect()
        return {row["check"]: row["rows"] for row in rows}

    def figure(self, kind: Kind, table: str, column: str = "") -> Row:
        """As operations/checks keeps it."""
        (row,) = self.checks().where(f"check = '{kind}' and source = '{table}' and column = '{column}'").collect()
        return row

    def checks(self) -> DataFrame:
        return self.lake.read_run_date(CHECKS, date.fromisoformat(DAY))


class Killed(BaseException):
    """No error that anybody handles."""


def kill(*_: object) -> None:
    raise Killed


def read_rows(file: Path) -> list[Cells]:
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def mended(file: Path, **cells: str) -> Path:
    """The exported file with these cells in every row."""
    write_rows(file, [row | cells for row in read_rows(file)])
    return file


@pytest.fixture(scope="module")
def lender(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """Each test mends another table."""
    tmp_path = tmp_path_factory.mktemp("requeue")
    sent = delivery()
    sent[PAYMENTS].append(sent[PAYMENTS][0] | {"NUM_INSTALMENT_NUMBER": "4.5", "AMT_PAYMENT": "1d"})
    card = row(CARDS, SK_ID_CURR=ANNA, SK_ID_PREV="2000001", MONTHS_BALANCE="-2")
    sent[CARDS] += [card | {"AMT_BALANCE": "1.0"}, card | {"AMT_BALANCE": "2.0"}]
    sent["bureau"].append(sent["bureau"][0] | {"SK_ID_BUREAU": "5000002", "DAYS_CREDIT": "yesterday"})
    sent["bureau_balance"].append(sent["bureau_balance"][0] | {"SK_ID_BUREAU": "5000002"})
    sent[NEW].append(row(NEW, SK_ID_CURR="100009", AMT_CREDIT="a lot"))
    lender = Lender(Lake(str(tmp_path / "lake"), spark), tmp_path / "exported")
    for month in (2, 3, 4):
        compared = [Compared(figure, Verdict.PASSED) for figure in USUAL]
        write_counts(lender.lake, date(2018, month, 17), CHECKS, [], compared)
    assert lender.ingest("--input", str(write_delivery(tmp_path / "delivery", sent)), *ACCEPTED) == 0
    return lender


def test_mended_rows_are_taken_once_and_both_their_versions_are_kept(
    lender: Lender, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lender.export(PAYMENTS)
    assert lender.requeue(file) == 0
    assert "0 mended rows of installments_payments taken; 1 as they were stay in quarantine" in capsys.readouterr().err
    assert lender.in_quarantine(PAYMENTS) == 1
    mended(file, NUM_INSTALMENT_NUMBER="4", AMT_PAYMENT="17.5")
    assert lender.requeue(file, "--reason", "a typing error") == 0
    assert "1 mended rows of installments_payments taken" in capsys.readouterr().err
    found = {row["NUM_INSTALMENT_NUMBER"]: row["AMT_PAYMENT"] for row in lender.rows(PAYMENTS)}
    assert found[4] == 17.5
    assert len(found) == 4
    assert lender.in_quarantine(PAYMENTS) == 0
    assert lender.counts(PAYMENTS) == {"accepted": 4, "refused": 0, "without parent": 0}
    assert lender.figure(Kind.MEAN, PAYMENTS, "AMT_PAYMENT")["value"] == 17.5 / 4
    assert lender.figure(Kind.ROWS, "application", "labelled")["reason"] == "a branch alone"
    (kept,) = lender.lake.read(REQUEUED).collect()
    assert (kept["source"], kept["file"], kept["reason"]) == (PAYMENTS, PAYMENTS, "a typing error")
    assert kept["why"] == "NUM_INSTALMENT_NUMBER 4.5 is not a whole number; AMT_PAYMENT 1d is not an amount"
    assert json.loads(kept["before"])["AMT_PAYMENT"] == "1d"
    assert json.loads(kept["after"])["AMT_PAYMENT"] == "17.5"
    before = lender.lake.deliveries()
    assert lender.requeue(file) == 0
    assert "was taken before: nothing to do" in capsys.readouterr().err
    assert lender.lake.deliveries() == before


def test_what_was_mended_in_vain_leaves_everything_as_it_was(
    lender: Lender, capsys: pytest.CaptureFixture[str]
) -> None:
    file = mended(lender.export("application"), AMT_CREDIT="100000.0", AMT_ANNUITY="-1")
    before = lender.lake.deliveries()
    assert lender.requeue(file) == 3
    assert "AMT_ANNUITY -1, which is below 0" in capsys.readouterr().err
    assert (lender.lake.deliveries(), lender.in_quarantine("application")) == (before, 1)
    mended(file, quarantined_row="0123456789abcdef-1")
    assert lender.requeue(file) == 2
    assert "0123456789abcdef-1 is not in the quarantine of 2018-05-17" in capsys.readouterr().err
    assert lender.requeue(file.with_name("other.csv")) == 2
    write_rows(file, [{"SK_ID_CURR": "1"}])
    assert lender.requeue(file) == 3
    assert "has not the columns quarantined_row and all of a source table" in capsys.readouterr().err


def test_a_new_applicant_whose_row_is_mended_is_in_the_delivery_then(lender: Lender) -> None:
    assert lender.requeue(mended(lender.export("application"), AMT_CREDIT="100000.0")) == 0
    assert len(lender.rows("application")) == 4
    assert lender.figure(Kind.ROWS, "application", "new")["value"] == 2
    assert lender.figure(Kind.PER_APPLICANT, "POS_CASH_balance")["value"] == 1 / 4


def test_a_delivery_that_mended_rows_make_unlike_those_before_it_stays_as_it_was(
    lender: Lender, capsys: pytest.CaptureFixture[str]
) -> None:
    file = mended(lender.export("bureau"), DAYS_CREDIT="-1", CREDIT_ACTIVE="Dormant")
    before = lender.lake.deliveries()
    assert lender.requeue(file, "--set", "checks.levels=error") == 3
    said = capsys.readouterr().err
    assert "bureau.CREDIT_ACTIVE has the new level 'Dormant' (--accept levels:bureau:CREDIT_ACTIVE)" in said
    assert "mend the rows otherwise, or take it as it is with --accept and --reason" in said
    assert (lender.lake.deliveries(), lender.in_quarantine("bureau")) == (before, 1)
    assert lender.requeue(file, "--accept", "levels") == 2
    assert "--accept comes without --reason" in capsys.readouterr().err


def test_a_run_that_is_killed_before_quarantine_is_written_is_taken_up(
    lender: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = mended(lender.export("bureau"), DAYS_CREDIT="-1")
    assert lender.figure(Kind.ORPHANS, "bureau_balance")["value"] == 2 / 4
    with monkeypatch.context() as killed:
        killed.setattr(requeue, "write_counts", kill)
        with pytest.raises(Killed):
            lender.requeue(file)
    assert (len(lender.rows("bureau")), lender.in_quarantine("bureau")) == (2, 1)
    assert lender.requeue(file) == 0
    assert (len(lender.rows("bureau")), lender.in_quarantine("bureau")) == (2, 0)
    assert lender.counts("bureau") == {"accepted": 2, "refused": 0, "without parent": 0}
    assert lender.counts("bureau_balance") == {"accepted": 4, "refused": 0, "without parent": 1}
    assert lender.figure(Kind.ORPHANS, "bureau_balance")["value"] == 1 / 4
    assert lender.lake.read(REQUEUED).where("source = 'bureau'").count() == 1


def test_of_rows_that_contradict_each_other_one_is_taken_where_the_other_is_left_out(
    lender: Lender, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lender.export(CARDS)
    assert lender.requeue(file) == 0
    assert "2 as they were stay" in capsys.readouterr().err
    both = read_rows(file)
    write_rows(file, [both[0] | {"AMT_BALANCE": "3.0"}, both[1]])
    assert lender.requeue(file) == 3
    assert "says otherwise than another row of the same SK_ID_PREV, MONTHS_BALANCE" in capsys.readouterr().err
    write_rows(file, both[:1])
    assert lender.requeue(file) == 0
    balances = [row["AMT_BALANCE"] for row in lender.rows(CARDS) if row["MONTHS_BALANCE"] == -2]
    assert balances == [float(both[0]["AMT_BALANCE"])]
    assert lender.in_quarantine(CARDS) == 1
    assert lender.figure(Kind.KEY_REUSE, CARDS)["value"] == 1 / 2


def test_of_rows_that_are_mended_to_the_same_one_counts(lender: Lender) -> None:
    """Two of three in quarantine, beside a row that was taken at once; one is left."""
    left = lender.lake.spark.createDataFrame(
        [("one", [("AMT", "-1", "is below 0")])], f"{FILE} STRING, {ERRORS} {ERRORS_TYPE}"
    )
    before = (
        *(Finding("one", Check.ACCEPTED, 1), Finding("one", Check.REFUSED, 3)),
        *(Finding("other", Check.ACCEPTED, 5), Finding("other", Check.REFUSED, 0), Finding("one", Check.BLANK, 2)),
    )
    found = recounted(Counted(credit_card_balance.TABLE, left, left, before), rows=7, left=left)
    assert {(finding.file, finding.words): finding.rows for finding in found} == {
        **{("one", "accepted"): 2, ("one", "refused"): 1, ("other", "accepted"): 5, ("other", "refused"): 0},
        **{(CARDS, "identical rows dropped"): 1, ("one", "blank rows dropped"): 2},
        ("one", "reason: AMT is below 0"): 1,
    }
