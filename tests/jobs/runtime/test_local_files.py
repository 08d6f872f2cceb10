"""Files of this machine as Hadoop finds them and cuts them into lines."""

import gzip
from pathlib import Path

import pytest

from jobs.runtime import local_files
from jobs.runtime.found_files import DAMAGED, NOT_GZIP, UnreadableFile
from jobs.runtime.local_files import LocalFiles, Piece, cut, lines_of, matched, walked

FOLDERS = ("bureau", "Bureau.csv", "2018-05-17", "2018-05-18", "2018-05", "[x]", "a{b,c}", "it's", "a b")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Folders with a file each, some of them hidden."""
    for name in FOLDERS:
        (tmp_path / name / "deeper").mkdir(parents=True)
        for file in ("part-0.csv", "part-1.CSV", "_SUCCESS", ".part-0.csv.crc", "deeper/part-2.csv"):
            (tmp_path / name / file).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", sorted(FOLDERS)),
        ("2018-05-??", ["2018-05-17", "2018-05-18"]),
        ("2018-05-1[0-7]", ["2018-05-17"]),
        ("2018-05-1[!0-7]", ["2018-05-18"]),
        ("[bB]ureau{,.csv}", ["Bureau.csv", "bureau"]),
        ("{bureau,2018-*}", ["2018-05", "2018-05-17", "2018-05-18", "bureau"]),
        (r"\[x\]", ["[x]"]),
        (r"a\{b,c\}", ["a{b,c}"]),
        ("it's", ["it's"]),
        ("bureau.csv", []),
        ("nothing/*", []),
    ],
)
def test_a_pattern_means_what_it_means_to_hadoop(place: Path, pattern: str, found: list[str]) -> None:
    assert [path.name for path in matched(f"{place}/{pattern}")] == found
    assert matched(f"file://{place}/{pattern}") == matched(f"{place}/{pattern}")


def test_what_is_hidden_is_not_walked(place: Path) -> None:
    assert [file.name for file in walked(place / "bureau")] == ["part-2.csv", "part-0.csv", "part-1.CSV"]


def test_only_this_machine_is_read(tmp_path: Path) -> None:
    files = LocalFiles()
    assert files.reads(str(tmp_path))
    assert files.reads(f"file:{tmp_path}")
    assert not files.reads("s3a://bucket/delivery")


def lines(path: Path) -> list[list[bytes]]:
    """The lines of each piece of a file."""
    return [[line for some in lines_of(piece) for line in some.to_pylist()] for piece in cut(0, path)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\r\nb\r\n\r\nc", [b"a", b"b", b"", b"c"]),
        (b"a\rb\r", [b"a", b"b"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [b"a", b"\xef\xbb\xbfb"]),
        (b"\n\na", [b"", b"", b"a"]),
        (b"", []),
    ],
)
@pytest.mark.parametrize("at_once", [1, 2, 3, 1000])
def test_lines_end_as_hadoop_ends_them_however_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, expected: list[bytes], at_once: int
) -> None:
    monkeypatch.setattr(local_files, "AT_ONCE", at_once)
    (tmp_path / "plain.csv").write_bytes(content)
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(content))
    assert lines(tmp_path / "plain.csv") == lines(tmp_path / "packed.csv.gz") == [expected]


def test_a_long_file_is_cut_at_the_ends_of_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_files, "PIECE", 100)
    written = [b"%d" % number for number in range(1_000)]
    (tmp_path / "long.csv").write_bytes(b"\n".join(written))
    pieces = lines(tmp_path / "long.csv")
    assert len(pieces) > 30
    assert [line for piece in pieces for line in piece] == written


@pytest.mark.parametrize(("content", "why"), [(b"a,b\n", NOT_GZIP), (gzip.compress(b"a,b\n")[:-3], DAMAGED)])
def test_a_file_that_can_not_be_unpacked_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.csv.gz").write_bytes(content)
    with pytest.raises(UnreadableFile) as refused:
        list(lines_of(Piece(0, str(tmp_path / "a.csv.gz"), 0, None)))
    assert (refused.value.address, refused.value.why) == (str(tmp_path / "a.csv.gz"), why)
