"""Parts of a file are named by their place."""

from pathlib import Path

import pytest

from jobs.runtime.parts import number_parts


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("part-00003-0b9e6a8e-1f6c-4d0e-8f5b-5f0c3f1f7a55-c000.csv", "part-00003.csv"),
        ("part-00003-0b9e6a8e-1f6c-4d0e-8f5b-5f0c3f1f7a55-c000.snappy.parquet", "part-00003.snappy.parquet"),
        ("pThde1YaHgiN1gnZ_11.csv", "part-00011.csv"),
        ("a_7_11.zst.parquet", "part-00011.zst.parquet"),
        ("part-00003.csv", "part-00003.csv"),
    ],
)
def test_both_engines_parts_have_the_same_names(tmp_path: Path, written: str, named: str) -> None:
    (tmp_path / written).write_text("rows")
    (tmp_path / f".{written}.crc").touch()
    (tmp_path / "_SUCCESS").touch()
    assert number_parts(tmp_path) == tmp_path
    assert sorted(path.name for path in tmp_path.iterdir()) == ["_SUCCESS", named]


def test_nothing_may_have_been_written(tmp_path: Path) -> None:
    assert number_parts(tmp_path / "nothing") == tmp_path / "nothing"
    assert not (tmp_path / "nothing").exists()
