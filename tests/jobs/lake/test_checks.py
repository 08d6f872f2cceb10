"""What is refused of a delivery in the words of whoever must mend it, and what is taken with a warning."""

import gzip
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from features.tables import application, credit_card_balance
from jobs.lake.checks import Check, Checked, check_table, check_tables, keeping, problems, summary, warnings
from jobs.lake.csv_files import SourceFile, open_file
from jobs.lake.delivery_files import Folder, open_folder
from jobs.lake.job import Step
from jobs.runtime.errors import ContractBroken
from jobs.runtime.settings import Settings
from tests.deliveries import BRUNO, delivery, row, write_delivery

MISWRITTEN = {
    "FLAG_MOBIL": ("TRUE", "is not a whole number: write 1 or 0"),
    "AMT_CREDIT": ("406597,5", "is not an amount: write a decimal point"),
    "AMT_ANNUITY": ("NaN", "is not an amount: leave the cell empty"),
    "SK_ID_CURR": ("-100001", "is not above 0"),
    "CNT_CHILDREN": ("few", "is not a whole number"),
    "FLAG_OWN_CAR": ("\x1b[2Jyes", "is not one of Y, N"),
}


def applications(folder: Folder) -> list[SourceFile]:
    files = (open_file(folder, name, application.TABLE) for name in application.TABLE.files)
    return [file for file in files if file is not None]


def header_alone(path: Path) -> None:
    path.write_text(path.read_text().splitlines()[0] + "\n")


@pytest.fixture(scope="module")
def miswritten(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Checked:
    """Applications each of which has one cell as another program writes it, beside a file without rows."""
    rows = delivery()
    rows["application_train"] = [
        row("application_train", **{"SK_ID_CURR": str(100001 + number), column: cell})
        for number, (column, (cell, _)) in enumerate(MISWRITTEN.items())
    ] + [row("application_train", SK_ID_CURR=BRUNO, ORGANIZATION_TYPE="B\u00e4ckerei")]
    source = write_delivery(tmp_path_factory.mktemp("miswritten"), rows)
    header_alone(source / "application_test.csv")
    train = source / "application_train.csv"
    train.write_bytes(train.read_bytes().replace("\u00e4".encode(), b"\xe4"))
    with keeping() as kept:
        return check_table(spark, kept, application.TABLE, applications(open_folder(spark, str(source))))


def test_a_cell_as_another_program_writes_it_is_told_with_what_to_write(
    miswritten: Checked, settings: Settings
) -> None:
    reasons = {reason.about: reason.rows for reason in miswritten.of(Check.REASON)}
    assert reasons == {f"{column} {problem}": 1 for column, (_, problem) in MISWRITTEN.items()}
    (problem,) = problems([miswritten], settings.ingest)
    assert problem.startswith("application_train: 6 of 7 rows refused, more than 1.0%: ")
    assert problem.endswith(" and 1 more: mend them, or raise ingest.refused_share")
    assert problem.isprintable()


def test_a_file_that_is_not_in_utf_8_is_told_so(miswritten: Checked) -> None:
    assert (
        "application_train: new level of ORGANIZATION_TYPE: B\ufffdckerei, in 1 rows (not in UTF-8: export"
        in " ".join(text for text, _ in warnings(miswritten))
    )


def test_what_a_log_collector_is_told_of_a_new_level_has_no_level(miswritten: Checked) -> None:
    recorded = [record for _, record in warnings(miswritten) if record is not None]
    assert recorded == ["application_train: new level of ORGANIZATION_TYPE, in 1 rows"]


def test_a_file_without_rows_is_taken_with_a_warning_where_another_has_some(miswritten: Checked) -> None:
    assert miswritten.rows(Check.ACCEPTED, "application_test") == 0
    assert miswritten.broken == ()
    assert "application_test: a header and no row, taken as it is: send it again if there should be some" in {
        text for text, _ in warnings(miswritten)
    }


def test_nobody_at_all_is_refused(spark: SparkSession, tmp_path: Path, settings: Settings) -> None:
    source = write_delivery(tmp_path, delivery())
    header_alone(source / "application_test.csv")
    header_alone(source / "application_train.csv")
    with keeping() as kept:
        checked = check_table(spark, kept, application.TABLE, applications(open_folder(spark, str(source))))
        assert problems([checked], settings.ingest) == [
            "application_train and application_test have a header and no row: there is no applicant, export again"
        ]


def test_a_history_without_rows_is_taken_with_a_warning(spark: SparkSession, tmp_path: Path) -> None:
    source = write_delivery(tmp_path, delivery())
    path = source / "credit_card_balance.csv"
    header = path.read_text().splitlines()[0]
    path.write_text(f"{header}\r\n{',' * header.count(',')}\r\n,,\r\n")
    file = open_file(open_folder(spark, str(source)), "credit_card_balance", credit_card_balance.TABLE)
    assert file is not None
    with keeping() as kept:
        checked = check_table(spark, kept, credit_card_balance.TABLE, [file])
        assert checked.accepted.collect() == checked.refused().collect() == []
    assert summary(checked) == "0 rows, 0 refused, 2 blank rows dropped"
    assert [text for text, _ in warnings(checked)] == [
        "credit_card_balance: a header and no row, taken as it is: send it again if there should be some"
    ]
    assert checked.broken == ()


def test_every_file_that_can_not_be_read_to_its_end_is_told(spark: SparkSession, tmp_path: Path) -> None:
    source = write_delivery(tmp_path, delivery())
    for name in ("bureau_balance", "credit_card_balance"):
        content = (source / f"{name}.csv").read_bytes()
        (source / f"{name}.csv").unlink()
        # So long that its header can be read.
        (source / f"{name}.csv.gz").write_bytes(gzip.compress(content * 5000)[:-4])
    with pytest.raises(ContractBroken) as refusal, keeping() as kept:
        check_tables(open_folder(spark, str(source)), Step("check"), kept)
    told = [line.partition(",")[0] for line in str(refusal.value).splitlines()]
    assert told == [f"{name}.csv.gz can't be read to its end" for name in ("bureau_balance", "credit_card_balance")]
