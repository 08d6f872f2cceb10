"""Finding a delivery's files: every form and spelling that is taken, and what is said of the others."""

import gzip
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from features.tables import bureau
from jobs.lake.checks import find_files
from jobs.lake.csv_files import open_file
from jobs.lake.delivery_files import files_hash, open_folder
from jobs.runtime.errors import ContractBroken, UserError
from jobs.runtime.found_files import FoundFile
from tests.deliveries import delivery, write_delivery

FILES = tuple(delivery())


def told(spark: SparkSession, source: Path) -> UserError:
    """What is said of the files of a delivery that can't be taken."""
    with pytest.raises(UserError) as refusal:
        find_files(open_folder(spark, str(source)))
    lines = str(refusal.value).splitlines()
    assert all(line.isprintable() for line in lines)
    return refusal.value


def pack(path: Path, archive: Path) -> None:
    """The file in a zip archive, in place of it."""
    content = path.read_bytes()
    path.unlink()
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(path.name, content)


def unpack_as_told(refusal: UserError) -> None:
    """Run the one command of the message."""
    (command,) = (line for line in str(refusal).splitlines() if line.startswith("  (cd "))
    subprocess.run(["sh", "-ec", command], check=True)


def test_files_are_found_in_every_form_and_spelling(spark: SparkSession, tmp_path: Path) -> None:
    source = write_delivery(tmp_path / "Mai [1] {2}, 50 %", delivery())
    (source / "bureau.csv").rename(source / "BUREAU.CSV")
    (source / "POS_CASH_balance.csv").rename(source / "pos_cash_balance.csv")
    for form in ("bureau_balance", "Previous_Application.csv"):
        folder = source / form
        plain = source / f"{form.removesuffix('.csv').lower()}.csv"
        content = plain.read_bytes()
        plain.unlink()
        folder.mkdir()
        (folder / "_SUCCESS").touch()
        (folder / "part-0.csv.gz").write_bytes(gzip.compress(content))
    shutil.copy(source / "installments_payments.csv", source / "installments_payments.csv.zip")  # what it came from
    (source / "application_test.csv").unlink()
    files = {file.name: file for of_table in find_files(open_folder(spark, str(source))).values() for file in of_table}
    assert set(files) == set(FILES) - {"application_test"}
    assert {name: file.remarks for name, file in files.items() if file.remarks} == {
        "bureau": ("taken for bureau",),
        "POS_CASH_balance": ("taken for POS_CASH_balance",),
        "previous_application": ("taken for previous_application",),
    }
    assert files["bureau"].spelt == "BUREAU.CSV"


def zip_each(source: Path) -> None:
    for name in FILES:
        pack(source / f"{name}.csv", source / f"{name}.csv.zip")


def zip_under_the_name(source: Path) -> None:
    for name in ("application_train", "bureau"):
        pack(source / f"{name}.csv", source / "archive.zip")
        (source / "archive.zip").rename(source / f"{name}.csv")


def zip_a_part(source: Path) -> None:
    (source / "bureau").mkdir()
    (source / "bureau.csv").rename(source / "bureau" / "part-0.csv")
    pack(source / "bureau" / "part-0.csv", source / "archive.zip")
    (source / "archive.zip").rename(source / "bureau" / "part-0.csv")


def zip_all(source: Path) -> None:
    for name in FILES:
        pack(source / f"{name}.csv", source / "home-credit-default-risk.zip")


@pytest.mark.parametrize(
    ("harm", "exit_code", "said"),
    [
        (zip_each, 3, "application_train.csv.zip, application_test.csv.zip, bureau.csv.zip, bureau_balance.csv.zip"),
        (zip_under_the_name, 3, "application_train.csv, bureau.csv are zip archives: unpack with"),
        (zip_a_part, 3, "part-0.csv is a zip archive: unpack with"),
        (zip_all, 2, "home-credit-default-risk.zip is a zip archive: unpack with"),
    ],
)
def test_zip_archives_are_told_with_the_command_that_unpacks_them_all(
    spark: SparkSession, tmp_path: Path, harm: Callable[[Path], None], exit_code: int, said: str
) -> None:
    source = write_delivery(tmp_path / "it's zipped", delivery())
    harm(source)
    refusal = told(spark, source)
    assert refusal.exit_code == exit_code
    assert said in str(refusal)
    unpack_as_told(refusal)
    found = find_files(open_folder(spark, str(source)))
    assert {file.name for of_table in found.values() for file in of_table} == set(FILES)


def lose_files(source: Path) -> None:
    for name in ("bureau", "application_train", "application_test"):
        (source / f"{name}.csv").unlink()


def nest(source: Path) -> None:
    shutil.move(shutil.copytree(source, source.with_name("copy")), source / "unpacked here")
    for name in FILES:
        (source / f"{name}.csv").unlink()


def leave_an_older_form(source: Path) -> None:
    (source / "Bureau.csv.gz").write_bytes(gzip.compress((source / "bureau.csv").read_bytes()))


def leave_an_older_folder(source: Path) -> None:
    (source / "bureau").mkdir()
    shutil.copy(source / "bureau.csv", source / "bureau")


def empty_a_folder(source: Path) -> None:
    for name in ("application_train", "bureau"):
        (source / f"{name}.csv").unlink()
        (source / f"{name}.csv").mkdir()
    (source / "bureau.csv" / "_SUCCESS").touch()


def add_a_stray_part(source: Path) -> None:
    (source / "bureau").mkdir()
    (source / "bureau.csv").rename(source / "bureau" / "part-0.csv")
    (source / "bureau" / "part-1.parquet").touch()


def download_twice(source: Path) -> None:
    (source / "bureau.csv").rename(source / "bureau (1).csv")
    (source / "application_test.csv").rename(source / "application_test.xlsx")


@pytest.mark.parametrize(
    ("harm", "exit_code", "said"),
    [
        (lose_files, 2, ("has no application_train.csv or application_test.csv, bureau.csv, plain, as .csv.gz",)),
        (nest, 2, ("installments_payments.csv and 2 more", "in unpacked here/: name that folder")),
        (shutil.rmtree, 2, ("is not there: name the folder",)),
        (leave_an_older_form, 2, ("bureau is there 2 times, as Bureau.csv.gz and bureau.csv: leave one",)),
        (leave_an_older_folder, 2, ("bureau is there 2 times, as bureau.csv and bureau: leave one",)),
        (empty_a_folder, 3, ("application_train is an empty folder", "bureau is an empty folder")),
        (add_a_stray_part, 3, ("bureau/ holds part-1.parquet: leave .csv",)),
        (download_twice, 3, ("bureau is there as bureau (1).csv: bring", "there as application_test.xlsx: bring")),
    ],
)
def test_files_that_are_not_there_as_they_should_be_are_named(
    spark: SparkSession, tmp_path: Path, harm: Callable[[Path], None], exit_code: int, said: tuple[str, ...]
) -> None:
    source = write_delivery(tmp_path / "delivery", delivery())
    harm(source)
    refusal = told(spark, source)
    assert refusal.exit_code == exit_code
    assert [words for words in said if words not in str(refusal)] == []


@pytest.mark.parametrize(("name", "said"), [("all.zip", "unpack it with\n  python3 -m"), ("a.csv", "name the fol")])
def test_an_input_that_is_a_file_is_told_so(spark: SparkSession, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    refusal = told(spark, tmp_path / name)
    assert refusal.exit_code == 2
    assert f"{name} is a file: " in str(refusal)
    assert said in str(refusal)


@pytest.mark.parametrize("absent", ["application_train", "application_test"])
def test_either_application_file_may_be_absent(spark: SparkSession, tmp_path: Path, absent: str) -> None:
    source = write_delivery(tmp_path / "delivery", delivery())
    (source / f"{absent}.csv").unlink()
    found = find_files(open_folder(spark, str(source)))
    assert {file.name for of_table in found.values() for file in of_table} == set(FILES) - {absent}


def test_a_file_that_is_not_there_is_no_file(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "bureau_balance.csv").touch()
    assert open_file(open_folder(spark, str(tmp_path)), "bureau", bureau.TABLE) is None
    with pytest.raises(ContractBroken, match="bureau_balance is empty"):
        open_file(open_folder(spark, str(tmp_path)), "bureau_balance", bureau.TABLE)


def test_files_keep_the_hash_that_lakes_of_before_have_for_them() -> None:
    listed = [FoundFile("file:/in/ä b.csv", 20, 1795841833543000), FoundFile("file:/in/a.csv", 3, 1795841851771000)]
    before = (
        '[{"path":"file:/in/a.csv","length":3,"col3":1795841851771000},'
        '{"path":"file:/in/ä b.csv","length":20,"col3":1795841833543000}]'
    )
    assert files_hash(listed) == files_hash(listed[::-1]) == sha256(before.encode()).hexdigest()
