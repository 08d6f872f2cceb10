"""Headers and cells of a delivered file, in parts of every form, and files that can't be read to their end."""

import gzip
import os
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from features.contract import ERRORS
from features.tables import bureau_balance
from jobs.lake.checks import check_table, keeping
from jobs.lake.csv_files import SourceFile, open_file
from jobs.lake.delivery_files import open_folder
from jobs.runtime.errors import ContractBroken

HEADER = "SK_ID_BUREAU,MONTHS_BALANCE,STATUS\n"
ROWS = HEADER + "".join(f"{loan},-{loan % 97},{'C' if loan * loan % 7 else 'X'}\n" for loan in range(1, 60_000))


def opened(spark: SparkSession, source: Path) -> SourceFile:
    file = open_file(open_folder(spark, str(source)), "bureau_balance", bureau_balance.TABLE)
    assert file is not None
    return file


def test_a_file_may_come_in_parts_of_every_form(spark: SparkSession, tmp_path: Path) -> None:
    source = tmp_path / "a delivery [1], {2}"
    parts = source / "bureau_balance.csv"
    parts.mkdir(parents=True)
    (parts / "part-0.csv").write_bytes(
        b"\xef\xbb\xbfSK_ID_BUREAU,MONTHS_BALANCE,STATUS\r\n1,-1,C\r\n\r\n2,-1\r\n3,-1,C,\r\n"
    )
    (parts / "part-1.csv.gz").write_bytes(
        gzip.compress(b'status,STATUS,SK_ID_BUREAU,MONTHS_BALANCE\nx,"C ""so"", yes","4",-1\nx,C,5\nx,"",6,-1')
    )
    (parts / "part-2.csv").write_bytes(b"")
    (parts / "part-3.csv").write_bytes(HEADER.encode())
    (parts / "part-4.csv").write_bytes(b"\xef\xbb\xbf,sk_id_bureau,Months_Balance,status\r0,7,-2,X\r1,8,-2,0")
    (parts / "_SUCCESS").write_bytes(b"")
    (parts / ".part-0.csv.crc").write_bytes(b"crc")
    file = opened(spark, source)
    assert file.remarks == (
        "ignored, not in the contract: status",
        "ignored, not in the contract: column 1 (no name)",
        "taken without regard to capitals: sk_id_bureau, Months_Balance, status",
    )
    with keeping() as kept:
        checked = check_table(spark, kept, bureau_balance.TABLE, [file])
        accepted = checked.accepted.collect()
        refused = {each["SK_ID_BUREAU"]: each[ERRORS] for each in checked.refused().collect()}
    assert sorted(map(tuple, accepted)) == [(1, -1, "C"), (7, -2, "X"), (8, -2, "0")]
    assert [(error["column"], error["value"]) for error in refused["4"]] == [("STATUS", 'C "so", yes')]
    assert [(error["column"], error["value"]) for error in refused["6"]] == [("STATUS", "")]
    lines = [errors[0]["value"] for errors in refused.values() if errors[0]["column"] == "the line"]
    assert sorted(lines) == ["2,-1", "3,-1,C,", "x,C,5"]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("SK_ID_BUREAU,MONTHS_BALANCE,MONTHS_BALANCE", "bureau_balance lacks the column STATUS: export it with all 3"),
        (
            ",MONTHS_BALANCE,more",
            "lacks the columns SK_ID_BUREAU, STATUS: export it with all 3 columns; its header is ",
        ),
        (",MONTHS_BALANCE,more", "its header is column 1 (no name), MONTHS_BALANCE, more"),
        ("SK_ID_BUREAU,MONTHS_BALANCE,STATUS,STATUS", "has several columns named STATUS: leave one of each"),
        ("SK_ID_BUREAU,MONTHS_BALANCE,Status,status", "has several columns named STATUS"),
        ("SK_ID_BUREAU;MONTHS_BALANCE;STATUS", "bureau_balance.csv is separated by semicolons"),
        ("", "bureau_balance is empty, it has not even a header"),
    ],
)
def test_a_header_that_breaks_the_contract_is_told(spark: SparkSession, tmp_path: Path, header: str, said: str) -> None:
    (tmp_path / "bureau_balance.csv").write_text(f"{header}\n1,0,C\n" if header else "")
    with pytest.raises(ContractBroken) as refusal:
        opened(spark, tmp_path)
    assert said in str(refusal.value)


def test_another_dialect_in_one_part_is_told_of_that_part(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "bureau_balance.csv").mkdir()
    (tmp_path / "bureau_balance.csv" / "part-0.csv").write_text(ROWS)
    (tmp_path / "bureau_balance.csv" / "part-1.csv.gz").write_bytes(gzip.compress(ROWS.encode("utf-16")))
    with pytest.raises(ContractBroken, match=r"^bureau_balance.csv/part-1.csv.gz is text in UTF-16: export"):
        opened(spark, tmp_path)


def damaged(content: bytes) -> bytes:
    """A bit in the middle turned."""
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]


WHOLE = gzip.compress(ROWS.encode())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (WHOLE[: len(WHOLE) // 2], "bureau_balance.csv.gz can't be read to its end, it is cut off or damaged: send"),
        (WHOLE[:30], "bureau_balance.csv.gz can't be read to its end"),
        (WHOLE[:-3], "bureau_balance.csv.gz can't be read to its end"),
        (damaged(WHOLE), "bureau_balance.csv.gz can't be read to its end"),
        (ROWS.encode(), "bureau_balance.csv.gz is named .gz and is not packed by gzip: name it .csv"),
        (gzip.compress(WHOLE), "bureau_balance.csv.gz was packed by gzip twice"),
        (b"", "bureau_balance is empty"),
    ],
    ids=["half", "first bytes", "without its end", "damaged", "plain", "twice", "empty"],
)
def test_a_file_that_cannot_be_read_to_its_end_is_named(
    spark: SparkSession, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "bureau_balance.csv.gz").write_bytes(content)
    with pytest.raises(ContractBroken) as refusal, keeping() as kept:
        check_table(spark, kept, bureau_balance.TABLE, [opened(spark, tmp_path)])
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "bureau_balance.csv").write_text(ROWS)
    (tmp_path / "bureau_balance.csv").chmod(0)
    with pytest.raises(ContractBroken, match=r"bureau_balance.csv may not be read: permission denied"):
        opened(spark, tmp_path)
