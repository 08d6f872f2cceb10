"""What is said of a file whose first lines are no CSV header of the contract, and which headers are taken."""

import gzip
import io
import re
import tarfile
import zipfile

import pytest

from jobs.lake.first_lines import LINES, Zipped, header_of
from jobs.runtime.errors import ContractBroken

COLUMNS = ("SK_ID_CURR", "TARGET", "AMT_CREDIT")
PLAIN = "SK_ID_CURR,TARGET,AMT_CREDIT\r\n100001,1,5.5\r\n"


def lines_of(content: bytes) -> list[bytes]:
    """The first lines as Spark's text reader gives them."""
    return re.split(rb"\r\n|\r|\n", content)[:LINES]


def zipped(name: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, PLAIN)
    return archive.getvalue()


def tarred(name: str) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as packed:
        about = tarfile.TarInfo(name)
        about.size = len(PLAIN)
        packed.addfile(about, io.BytesIO(PLAIN.encode()))
    return archive.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        b"\r\n  \r\n" + PLAIN.encode(),
        b'"SK_ID_CURR", TARGET ,"AMT_CREDIT"\n',
        PLAIN.replace("\r\n", "\r").encode(),
    ],
)
def test_a_header_with_commas_is_taken(content: bytes) -> None:
    assert header_of(lines_of(content), COLUMNS, packed=False) == COLUMNS


def test_other_capitals_and_other_columns_are_left_to_the_contract() -> None:
    assert header_of([b"sk_id_curr,Gr\xf6\xdfe"], COLUMNS, packed=False) == ("sk_id_curr", "Gr\ufffd\ufffde")


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n \n"])
def test_a_file_without_a_word_names_nothing(content: bytes) -> None:
    assert header_of(lines_of(content), COLUMNS, packed=False) == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PLAIN.replace(",", ";").encode(), "is separated by semicolons: export"),
        (PLAIN.replace(",", ";").replace("5.5", "5,5").encode("utf-8-sig"), "semicolons and has decimal commas: exp"),
        (PLAIN.replace(",", "\t").encode(), "separated by tabs"),
        (PLAIN.replace(",", "|").lower().encode(), "separated by vertical bars"),
        (PLAIN.replace(",", "\x01").encode(), "separated by the character 1"),
        (b"sep=,\r\n" + PLAIN.encode(), "begins with the line 'sep=,', which is for Excel alone: delete"),
        (b"sep=;\r\n" + PLAIN.replace(",", ";").encode(), "separated by semicolons"),
        (b"Applications of May\n\n" + PLAIN.encode(), "header in line 2, after 'Applications of May': delete"),
        (PLAIN.encode("utf-16"), "UTF-16: export it in UTF-8"),
        (PLAIN.encode("utf-16-be"), "UTF-16"),
        (PLAIN.encode("utf-16-le"), "UTF-16"),
        (PLAIN.replace(",", "\t").encode("utf-16"), "UTF-16"),
        (PLAIN.encode("utf-32"), "UTF-16"),
        (b"100001,1,5.5\n100002,0,7.5\n", "has no header: its first line, '100001,1,5.5', names none of the columns"),
        (b'"SK_ID_CURR,TARGET,AMT_CREDIT"\n"100001,1,5.5"\n', "each line in quotes"),
        (b"<!DOCTYPE html>\n<html>", "HTML or XML"),
        (b'[{"SK_ID_CURR": 100001}]', "is JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (gzip.compress(PLAIN.encode()), "is packed by gzip: name it .csv.gz"),
        (b"PAR1\x15\x04", "is Parquet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel workbook"),
        (zipped("[Content_Types].xml"), "is an Excel workbook"),
        (b"BZh91AY", "bzip2"),
        (tarred("application_train.csv"), "is a tar archive: unpack it"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "is binary"),
        (b"SK_ID_CURR,TARGET\x00,AMT_CREDIT\n", "is binary"),
    ],
)
def test_what_is_sent_in_its_place_is_named(content: bytes, said: str) -> None:
    with pytest.raises(ContractBroken) as refusal:
        header_of(lines_of(content), COLUMNS, packed=False)
    assert said in str(refusal.value)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 250


@pytest.mark.parametrize("name", ["application_train.csv", "data/xl.csv"])
def test_a_zip_is_told_apart_because_one_command_unpacks_them_all(name: str) -> None:
    with pytest.raises(Zipped):
        header_of(lines_of(zipped(name)), COLUMNS, packed=False)


def test_what_was_packed_twice_is_not_told_to_be_renamed() -> None:
    with pytest.raises(ContractBroken, match="gzip twice: unpack it once"):
        header_of(lines_of(gzip.compress(PLAIN.encode())), COLUMNS, packed=True)
