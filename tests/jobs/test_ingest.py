"""From CSV files to a published delivery, and every way in which the files can be broken."""

import random
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from signal import SIGKILL

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from features import TABLES
from features.spec import Table
from jobs.ingest import accepted_of, check, ingest
from jobs.lake.checks import Check, check_tables, keeping
from jobs.lake.contents import tables_of
from jobs.lake.delivery_files import open_folder
from jobs.lake.descriptions import DESCRIPTIONS
from jobs.lake.job import Job, Step
from jobs.lake.tables import CHECKS, REFUSED_CHECKS, Lake, quarantine_table, refused_quarantine_table, source_table
from jobs.runtime.errors import ContractBroken, UserError
from jobs.runtime.settings import Settings
from tests.deliveries import ANNA, BRUNO, CLARA, Delivery, delivery, row, write_delivery, write_rows
from tests.processes import run_python

RUN_DATE = date(2018, 5, 17)
PREVIOUS = {"SK_ID_CURR": ANNA, "SK_ID_PREV": "2000001"}


def lenient(settings: Settings) -> Settings:
    """Half of a file may be refused: these files are tiny."""
    return settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"refused_share": 0.5})})


def quirky_delivery() -> Delivery:
    """One row of each kind that does not end as it came."""
    rows = delivery()
    rows["bureau"].append(row("bureau", SK_ID_CURR=ANNA, SK_ID_BUREAU="5000002", CREDIT_TYPE='Boat, "small"'))
    rows["installments_payments"].append(
        row("installments_payments", **PREVIOUS, NUM_INSTALMENT_NUMBER="4.5", AMT_PAYMENT="1d")
    )
    rows["POS_CASH_balance"] *= 2
    rows["credit_card_balance"] += [
        row("credit_card_balance", SK_ID_CURR=CLARA, SK_ID_PREV="2999999", MONTHS_BALANCE="-2", AMT_BALANCE=amount)
        for amount in ("1.0", "2.0")
    ]
    rows["credit_card_balance"].append(
        row("credit_card_balance", SK_ID_CURR=CLARA, SK_ID_PREV="2999999", MONTHS_BALANCE="-3")
    )
    return rows


def snapshot(tables: dict[str, DataFrame]) -> dict[str, list[Row]]:
    """Every table's rows, whatever their order."""
    return {name: sorted(rows.collect(), key=repr) for name, rows in tables.items()}


@pytest.fixture(scope="module")
def published(
    spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Job, dict[str, list[Row]]]:
    """A lake with the quirky delivery in it, and its rows."""
    folder = tmp_path_factory.mktemp("published")
    source = write_delivery(folder / "delivery", quirky_delivery())
    described = (
        'n,Table,Row,Description,Special\n1,application_{train|test}.csv,TARGET ,"Client\x92s trouble, if any",\n'
        "checked by the data team\n"
    )
    (source / DESCRIPTIONS).write_bytes(described.encode("latin-1"))
    job = Job(Lake(str(folder / "lake"), spark), RUN_DATE, lenient(settings))
    ingest(job, str(source))
    return job, snapshot(job.lake.delivered_tables(RUN_DATE))


def test_a_delivery_becomes_typed_tables(published: tuple[Job, dict[str, list[Row]]]) -> None:
    _, rows = published
    assert {name: len(found) for name, found in rows.items()} == {
        "application": 3,
        "bureau": 2,
        "bureau_balance": 3,
        "previous_application": 1,
        "installments_payments": 3,
        "POS_CASH_balance": 1,
        "credit_card_balance": 2,
    }
    targets = {each["SK_ID_CURR"]: each["TARGET"] for each in rows["application"]}
    assert targets == {int(ANNA): 1, int(BRUNO): 0, int(CLARA): None}
    assert sorted(str(each["AMT_CREDIT_SUM"]) for each in rows["bureau"]) == ["0.000", "1000.125"]
    assert {each["CREDIT_TYPE"] for each in rows["bureau"]} >= {'Boat, "small"'}


def test_tables_are_partitioned_and_say_what_their_columns_mean(published: tuple[Job, dict[str, list[Row]]]) -> None:
    lake = published[0].lake
    application = lake.read(source_table("application"))
    comments = {field.name: field.metadata.get("comment") for field in application.schema}
    assert comments["TARGET"] == "Client\u2019s trouble, if any", "the delivery's own words, read as cp1252"
    assert comments["SK_ID_CURR"] == TABLES[0].column("SK_ID_CURR").about
    assert [each["run_date"] for each in application.select("run_date").distinct().collect()] == [RUN_DATE]
    assert (Path(lake.path(source_table("application"))) / f"run_date={RUN_DATE}").is_dir()


def test_refused_rows_are_in_quarantine_as_delivered(published: tuple[Job, dict[str, list[Row]]]) -> None:
    lake = published[0].lake
    (payment,) = lake.read(quarantine_table("installments_payments")).collect()
    assert (payment["run_date"], payment["NUM_INSTALMENT_NUMBER"], payment["AMT_PAYMENT"]) == (RUN_DATE, "4.5", "1d")
    assert [(error["column"], error["value"]) for error in payment["_errors"]] == [
        ("NUM_INSTALMENT_NUMBER", "4.5"),
        ("AMT_PAYMENT", "1d"),
    ]
    cards = lake.read(quarantine_table("credit_card_balance")).collect()
    assert sorted(card["AMT_BALANCE"] for card in cards) == ["1.000", "2.000"], "rows that contradict each other: all"
    assert not lake.exists(quarantine_table("bureau"))


def test_every_check_leaves_its_count(published: tuple[Job, dict[str, list[Row]]]) -> None:
    counted = {
        (each["source"], each["file"], each["check"]): each["rows"] for each in published[0].lake.read(CHECKS).collect()
    }
    assert counted["application", "application_train", "accepted"] == 2
    assert counted["application", "application_test", "refused"] == 0
    assert counted["bureau", "bureau", 'new level of CREDIT_TYPE: Boat, "small"'] == 1
    assert counted["bureau_balance", "bureau_balance", "without parent"] == 1
    assert counted["credit_card_balance", "credit_card_balance", "without parent"] == 2
    assert counted["credit_card_balance", "credit_card_balance", "refused"] == 2
    assert counted["POS_CASH_balance", "POS_CASH_balance", "identical rows dropped"] == 1
    payments = "installments_payments"
    assert counted[payments, payments, "reason: NUM_INSTALMENT_NUMBER is not a whole number"] == 1


def as_a_spreadsheet_saves(path: Path) -> None:
    """With a byte order mark, an index, names in small letters, and rows of nothing at the end."""
    header, *lines = path.read_text().splitlines()
    nothing = "," * len(header.split(","))
    numbered = [f"{number},{line}" for number, line in enumerate(lines)]
    path.write_text("\r\n".join([f",{header.lower()}", *numbered, nothing, nothing, ""]), encoding="utf-8-sig")


def test_the_same_rows_in_other_files_give_the_same_tables(
    published: tuple[Job, dict[str, list[Row]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job, rows = published
    order = random.Random(3)
    source = tmp_path / "shuffled"
    source.mkdir()
    for file, cells in quirky_delivery().items():
        order.shuffle(cells)
        header = list(cells[0])
        order.shuffle(header)
        shuffled = [{column: each[column] for column in header} for each in cells]
        folder = source / file.upper() if file == "bureau" else source / f"{file}.csv"
        folder.mkdir()
        for part in range(min(2, len(shuffled))):
            write_rows(folder / f"part-{part}.csv", shuffled[part::2])
    as_a_spreadsheet_saves(source / "POS_CASH_balance.csv" / "part-0.csv")
    ingest(job, str(source))
    assert snapshot(job.lake.delivered_tables(RUN_DATE)) == rows
    assert len(job.lake.read(quarantine_table("credit_card_balance")).collect()) == 2
    said = capsys.readouterr().err
    for expected in (
        "warning: BUREAU: taken for bureau",
        "POS_CASH_balance: 1 rows, 0 refused, 1 identical rows dropped, 2 blank rows dropped",
        "warning: POS_CASH_balance: ignored, not in the contract: column 1 (no name)",
        "warning: POS_CASH_balance: taken without regard to capitals: ",
    ):
        assert expected in said


def test_broken_files_are_told_at_once_and_change_no_table(
    published: tuple[Job, dict[str, list[Row]]], settings: Settings, tmp_path: Path
) -> None:
    job, rows = published
    broken = delivery()
    broken["application_train"][1]["NAME_TYPE_SUITE"] = "Family,\nfriends"
    broken["application_test"] = [row("application_test", SK_ID_CURR=BRUNO), row("application_test", SK_ID_CURR=CLARA)]
    broken["bureau_balance"][2]["STATUS"] += "\n"  # the first half of the row looks like a whole one
    broken["installments_payments"][0]["AMT_PAYMENT"] = "much"
    source = write_delivery(tmp_path / "broken", broken)
    versions = {table.name: job.lake.version(source_table(table.name)) for table in TABLES}
    checks, states = job.lake.read(CHECKS).collect(), tables_of(job.lake, RUN_DATE)
    with pytest.raises(ContractBroken) as refusal:
        ingest(replace(job, settings=settings), str(source))
    said = str(refusal.value)
    with pytest.raises(ContractBroken) as by_check:
        check(replace(job, settings=settings), str(source))
    assert said.splitlines()[:-1] == str(by_check.value).splitlines(), "only where the refused rows are kept"
    for expected in (
        "application_train has a newline inside quotes",
        "bureau_balance has a newline inside quotes",
        "installments_payments: 1 of 3 rows refused, more than 1.0%: AMT_PAYMENT is not an amount (1, such as 'much')",
        f"the refused rows and why: {job.lake.root}/quarantine/refused",
    ):
        assert expected in said
    assert "quarantine" not in str(by_check.value), "a check writes none"
    assert {table.name: job.lake.version(source_table(table.name)) for table in TABLES} == versions
    assert snapshot(job.lake.delivered_tables(RUN_DATE)) == rows
    assert tables_of(job.lake, RUN_DATE) == states, "refused rows of the published delivery among them"
    assert job.lake.read(CHECKS).collect() == checks
    refused = job.lake.read(refused_quarantine_table("installments_payments")).collect()
    assert [payment["AMT_PAYMENT"] for payment in refused] == ["much"]
    counted = job.lake.read(REFUSED_CHECKS).where("check like 'reason: AMT_PAYMENT%'").collect()
    assert [(row["file"], row["rows"]) for row in counted] == [("installments_payments", 1)]


def test_an_applicant_cannot_be_both_labelled_and_new(lake: Lake, settings: Settings, tmp_path: Path) -> None:
    rows = delivery()
    rows["application_test"].append(row("application_test", SK_ID_CURR=BRUNO))
    source = write_delivery(tmp_path / "delivery", rows)
    with pytest.raises(ContractBroken, match=r"application_train: 1 of 2 rows.*SK_ID_CURR names several rows"):
        check(Job(lake, RUN_DATE, settings), str(source))
    assert list(Path(lake.root).rglob("_delta_log")) == [], "a check writes nothing"


KILLED = """
import os, signal, sys
from jobs.__main__ import main
from jobs.lake.tables import Lake

whole_replace, written = Lake.replace, []

def replace(lake, table, rows, *others):
    if table.startswith("tables/"):
        written.append(table)
    if len(written) == 4:  # what a writer leaves that dies before its commit
        rows.write.mode("append").parquet(lake.path(table) + "/run_date=2018-05-17")
        os.kill(os.getpid(), signal.SIGKILL)
    return whole_replace(lake, table, rows, *others)

Lake.replace = replace
main(sys.argv[1:])
"""


def test_a_delivery_may_come_without_what_is_optional(
    spark: SparkSession, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a table nor a column; every other file must still be there."""
    rows = delivery()
    rows["bureau"] = [
        {"AMT_OTHER" if name == "AMT_ANNUITY" else name: cell for name, cell in rows["bureau"][0].items()}
    ]
    source = write_delivery(tmp_path / "delivery", rows)
    (source / "previous_application.csv").unlink()
    job = Job(Lake(str(tmp_path / "lake"), spark), RUN_DATE, settings)
    with pytest.raises(ContractBroken, match=r"bureau lacks the column AMT_ANNUITY: export it with all 17 columns"):
        check(job, str(source))
    declared = [
        replace(table, optional=True) if table.name == "previous_application" else with_optional(table, "AMT_ANNUITY")
        for table in TABLES
    ]
    monkeypatch.setattr("jobs.lake.checks.TABLES", declared)
    with keeping() as kept:
        tables = check_tables(open_folder(spark, str(source)), Step("check"), kept)
        checked = {table.table.name: table for table in tables}
        assert "previous_application" not in checked
        assert checked["installments_payments"].rows(Check.ORPHAN) == 3
        loans = checked["bureau"].accepted.select("AMT_CREDIT_SUM", "AMT_ANNUITY").collect()
        assert [(str(loan[0]), loan[1]) for loan in loans] == [("1000.125", None)]


def with_optional(table: Table, name: str) -> Table:
    """The table with a column that files may come without, where it is a history with one of that name."""
    if table.parent is None:
        return table
    return replace(
        table, columns=tuple(replace(each, optional=True) if each.name == name else each for each in table.columns)
    )


def test_a_killed_writer_harms_no_reader_and_a_rerun_finishes(
    published: tuple[Job, dict[str, list[Row]]], spark: SparkSession, tmp_path: Path
) -> None:
    job, rows = published
    lake = Lake(shutil.copytree(job.lake.root, tmp_path / "lake").as_posix(), spark)
    changed = delivery()
    changed["bureau"][0]["AMT_CREDIT_SUM"] = "2000.25"
    changed["POS_CASH_balance"][0]["SK_DPD"] = "7"
    source = write_delivery(tmp_path / "changed", changed)
    killed = run_python(
        "-c", KILLED, "ingest", "--input", str(source), "--lake", lake.root, "--run-date", str(RUN_DATE)
    )
    assert killed.returncode == -SIGKILL, killed.stderr[-2000:]
    newest = lake.read_run_date(source_table("bureau"), RUN_DATE).collect()
    assert [str(each["AMT_CREDIT_SUM"]) for each in newest] == ["2000.250"], "some tables were already written"
    assert snapshot(lake.delivered_tables(RUN_DATE)) == rows, "readers go by the delivery's record"

    ingest(replace(job, lake=lake), str(source))
    finished = lake.delivered_tables(RUN_DATE)
    assert [str(each["AMT_CREDIT_SUM"]) for each in finished["bureau"].collect()] == ["2000.250"]
    assert [each["SK_DPD"] for each in finished["POS_CASH_balance"].collect()] == [7]
    assert finished["previous_application"].count() == 1


def test_every_real_row_keeps_the_contract(job: Job, sample: Path) -> None:
    with keeping() as kept:
        checked = check_tables(open_folder(job.lake.spark, str(sample)), Step("check"), kept)
        counts = {each.table.name: (each.rows(Check.ACCEPTED), each.rows(Check.REFUSED)) for each in checked}
    assert counts == {
        "application": (2_000, 0),
        "bureau": (9_414, 0),
        "bureau_balance": (163_285, 0),
        "previous_application": (9_922, 0),
        "installments_payments": (7_504, 0),
        "POS_CASH_balance": (58_090, 0),
        "credit_card_balance": (22_842, 0),
    }


def test_a_delivery_that_is_not_like_those_before_it_is_refused_until_somebody_accepts_it(
    published: tuple[Job, dict[str, list[Row]]], settings: Settings, tmp_path: Path
) -> None:
    """Usually a thousand new applicants come; now it is Clara alone."""
    lake, before = Lake(str(tmp_path / "lake"), published[0].lake.spark), [date(2018, month, 17) for month in (2, 3, 4)]
    usual = published[0].lake.read(CHECKS).where("value is not null").drop("run_date")
    thousand = F.when(F.expr("check = 'rows' and column = 'new'"), 1000.0).otherwise(F.col("value"))
    for day in before:
        lake.replace(CHECKS, usual.withColumn("value", thousand), day)
    source = str(write_delivery(tmp_path / "delivery", quirky_delivery()))
    job = Job(lake, RUN_DATE, lenient(settings))
    with pytest.raises(ContractBroken) as refused:
        ingest(job, source)
    said = str(refused.value)
    assert "the number of applicants (application.new) is 1, usually 1,000 (--accept rows:application:new)" in said
    assert len(said.splitlines()) == 3  # nothing else is unusual
    assert refused.value.recorded == "not like the deliveries before: rows:application:new"
    assert not lake.exists(source_table("application"))
    verdicts = lake.read(REFUSED_CHECKS).where("verdict = 'error'").collect()
    assert [(row["check"], row["value"], row["usual"]) for row in verdicts] == [("rows", 1.0, 1000.0)]
    ingest(job, source, accepted_of(["rows:application:new"], "a holiday"))
    assert lake.deliveries().keys() == {RUN_DATE}
    (accepted,) = lake.read_run_date(CHECKS, RUN_DATE).where("verdict = 'accepted by hand'").collect()
    assert (accepted["check"], accepted["column"], accepted["reason"]) == ("rows", "new", "a holiday")


@pytest.mark.parametrize(
    ("names", "reason", "told"),
    [
        (["rows"], " ", "--accept comes without --reason"),
        ([], "a holiday", "--reason comes without --accept"),
        (["columns"], "a holiday", "--accept columns: no figure is called so, there are rows, "),
    ],
)
def test_what_is_accepted_must_be_named_and_have_a_reason(names: list[str], reason: str, told: str) -> None:
    with pytest.raises(UserError) as refused:
        accepted_of(names, reason)
    assert told in str(refused.value)
