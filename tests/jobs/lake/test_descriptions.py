"""The description file is a comment: it is read as far as it can be, and never stands in the way."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.lake.delivery_files import open_folder
from jobs.lake.descriptions import DESCRIPTIONS, LONGEST, Descriptions, parse_descriptions, read_descriptions

TEXT = ",Table,Row,Description,Special\r\n1,application_{train|test}.csv,TARGET ,Client\u2019s trouble,\r\n"
READ = {("application", "TARGET"): "Client\u2019s trouble"}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_it_is_read_in_any_encoding(encoding: str) -> None:
    assert parse_descriptions(TEXT.encode(encoding)) == Descriptions(READ)


@pytest.mark.parametrize(
    "line", ["checked by the data team", "2,bureau.csv", ",,,,", "2,bureau.csv,SK_ID_CURR,,", "", "\x00", 'a,"b\nc']
)
def test_a_line_that_says_nothing_changes_nothing(line: str) -> None:
    assert parse_descriptions((TEXT + line + "\r\n").encode()).of_column == READ


def test_a_comment_is_one_line_without_control_characters() -> None:
    said = parse_descriptions(b'Table,Row,Description\nbureau.csv,A,"two\n\x1b[31m  lines"\n').of_column
    assert said == {("bureau", "A"): "two [31m lines"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "its first line does not name Table, Row, Description"),
        (TEXT.replace(",", ";").encode(), "its first line does not name Table, Row, Description"),
        (b"PK\x03\x04\x14\x00\x00\x00", "its first line does not name"),
        (b"Table,Row,Description\n" + b"x" * 200_000, "it is no CSV: field larger than field"),
    ],
    ids=["empty", "semicolons", "zip", "long cell"],
)
def test_what_can_not_be_read_is_left_out(content: bytes, why: str) -> None:
    descriptions = parse_descriptions(content)
    assert descriptions.of_column == {}
    assert descriptions.left_out.startswith(why)


def test_it_is_found_in_the_delivery_or_not_missed(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "bureau.csv").touch()
    assert read_descriptions(open_folder(spark, str(tmp_path))) == Descriptions({})
    file = tmp_path / DESCRIPTIONS.lower()
    file.write_bytes(TEXT.encode("cp1252"))
    assert read_descriptions(open_folder(spark, str(tmp_path))) == Descriptions(READ)
    file.write_bytes(b"," * (LONGEST + 1))
    assert "more than" in read_descriptions(open_folder(spark, str(tmp_path))).left_out
