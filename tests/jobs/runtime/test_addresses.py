"""What an operator may write for a lake or a delivery: where it is, and what he is told where that can't be."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.lake.delivery_files import find_parts, open_folder
from jobs.lake.locks import locked
from jobs.lake.one_writer import Holder
from jobs.lake.options import file_here, folder_here
from jobs.lake.tables import Lake
from jobs.runtime.addresses import Address, literally, resolve
from jobs.runtime.errors import UserError
from jobs.runtime.session import setting

DAY = date(2018, 5, 17)
HOLDER = Holder.here("ingest", DAY)
ODD = "50% off %41 #1 a?b=c [x] {y,z} st*r back\\slash ümlaut 'one' \"two\" ; ~ &+"
"""A folder may be called so."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for the module: Hadoop keeps what it was first told of a file system."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture
def on_another_file_system(spark: SparkSession, shared: Path) -> Iterator[Path]:
    """Spark's default file system is a cluster's; what is in its /data lies in the folder."""
    with ExitStack() as settings:
        for key, value in (
            ("fs.viewfs.mounttable.cluster.link./data", shared.as_uri()),
            ("fs.viewfs.mounttable.cluster.homedir", "/data/home"),
            ("fs.defaultFS", "viewfs://cluster/"),
        ):
            settings.enter_context(setting(spark, key, value))
        yield shared


@pytest.mark.parametrize(
    ("written", "folder"),
    [
        ("lake", "lake"),
        ("lake/", "lake"),
        ("./a/../lake", "lake"),
        ("10:30", "10:30"),
        ("a:b/c d", "a:b/c d"),
        ("c:/lake", "c:/lake"),
        ("...", "..."),
        ("file:/some/lake", "/some/lake"),
        ("file:///some/lake/", "/some/lake"),
        ("/", "/"),
    ],
)
def test_a_path_is_a_folder_of_this_machine(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, folder: str
) -> None:
    monkeypatch.chdir(tmp_path)
    address = resolve(spark, written, "--lake")
    assert address.folder == tmp_path / folder
    assert address.text == str(tmp_path / folder)
    assert resolve(spark, address.text, "--lake") == address


@pytest.mark.spark
def test_a_bare_path_is_where_the_clusters_default_file_system_says(
    spark: SparkSession, on_another_file_system: Path
) -> None:
    def text(written: str) -> str:
        return resolve(spark, written, "--lake").text

    assert text("/data/lake/") == "viewfs://cluster/data/lake"
    assert text("viewfs:/data/lake") == "viewfs://cluster/data/lake"
    assert text("viewfs://cluster/data/lake") == "viewfs://cluster/data/lake"
    assert text("10:30").startswith("viewfs://cluster/data/home/")
    assert text("10:30").endswith("/10:30")
    assert Address(text("/data/lake")).folder is None
    here = resolve(spark, f"file:{on_another_file_system}", "--lake")
    assert here.text == f"file:{on_another_file_system}"
    assert here.folder == on_another_file_system


@pytest.mark.spark
def test_nothing_of_a_lake_elsewhere_is_on_this_machine(spark: SparkSession, on_another_file_system: Path) -> None:
    lake = Lake.open("/data/lake", spark)
    with locked(lake, HOLDER, 0, print):
        lake.replace("some/table", spark.range(3), DAY)
    assert lake.read_run_date("some/table", DAY).count() == 3
    assert sorted(path.name for path in (on_another_file_system / "lake").iterdir()) == ["operations", "some"]
    assert lake.report(DAY) is None
    assert not Path("/data").exists()


@pytest.mark.spark
@pytest.mark.parametrize("name", [ODD, "50% off at 10:30, #1 ü"])
def test_any_name_that_a_folder_may_have_is_a_lakes(spark: SparkSession, tmp_path: Path, name: str) -> None:
    lake = Lake.open(str(tmp_path / name / "lake"), spark)
    with locked(lake, HOLDER, 0, print):
        assert [lake.replace("some/table", spark.range(rows), DAY) for rows in (1, 2)] == [0, 1]
    assert lake.read_run_date("some/table", DAY).count() == 2
    assert lake.read("some/table", 0).count() == 1
    assert sorted(path.name for path in (tmp_path / name / "lake").iterdir()) == [".lock", "some"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.spark
def test_any_name_that_a_folder_may_have_is_a_deliverys(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(ODD).mkdir()
    Path(ODD, "bureau.csv").write_text("a,b\n1,2\n")
    parts = find_parts(open_folder(spark, resolve(spark, ODD, "--input").text), "bureau")
    assert parts is not None
    assert [spark.read.option("header", True).csv(literally(part)).columns for part in parts.addresses] == [["a", "b"]]


@pytest.mark.spark
def test_a_name_that_hadoop_misreads_is_refused_in_words(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"--lake .*/10:30 \[x\]: Hadoop takes no path that has both ':' and '\['"):
        resolve(spark, "10:30 [x]", "--lake")
    Path("10:30").mkdir()
    with pytest.raises(UserError, match=r"--input .*/10:30: Hadoop finds no file .* with ':': rename the folder"):
        open_folder(spark, resolve(spark, "10:30", "--input").text)


@pytest.mark.spark
@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "--lake '' is empty"),
        (" ", "--lake ' ' is empty"),
        ("~/lake", "--lake ~/lake: the shell has left the ~ as it is: write /home/anna/lake, or ./~/lake"),
        ("a\nb", r"--lake 'a\nb' has characters that can't be printed"),
        ("a\udc00b", r"--lake 'a\udc00b' has characters that can't be printed"),
        ("hdfs:/lake", "hdfs:/lake: java.io.IOException: Incomplete HDFS URI, no host"),
        ("nosuch://bucket/lake", 'nosuch://bucket/lake: .*No FileSystem for scheme "nosuch"'),
        ("dbfs:/lake", 'dbfs:/lake: .*No FileSystem for scheme "dbfs"'),
    ],
)
def test_what_can_be_no_lake_is_refused_in_words(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, written: str, told: str
) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    with pytest.raises(UserError) as refused:
        resolve(spark, written, "--lake")
    said = str(refused.value)
    assert all(part in said for part in told.split(".*"))
    assert said.isprintable()


def test_a_lake_that_is_a_file_is_refused_in_words(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("dear")
    for place in ("file", "file/lake", "x" * 300):
        lake = Lake.open(str(tmp_path / place), spark)
        with pytest.raises(UserError) as refused, locked(lake, HOLDER, 0, print):
            pass
        assert str(refused.value).startswith(f"--lake {tmp_path / place} can't be written to, ")


@pytest.mark.parametrize("written", ["s3a://bucket/page.html", "dbfs:/page.html", "hdfs://host/page.html"])
def test_a_page_is_not_written_into_a_folder_called_like_a_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for place_here in (file_here, folder_here):
        with pytest.raises(UserError) as refused:
            place_here(written)
        assert str(refused.value).startswith(f"--output {written} is not on this machine: name a place here")
    assert list(tmp_path.iterdir()) == []
