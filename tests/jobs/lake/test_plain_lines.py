"""Lines that Python reads and lines that Spark's CSV reader reads are the same rows, refused for the same reasons."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.contract import BROKEN_LINE, FILE, accepted_rows, names, parse, refused_rows
from features.spec import Column, Table, Type
from jobs.lake.csv_files import SourceFile, open_file, read_text, split_lines
from jobs.lake.delivery_files import open_folder
from jobs.lake.packed_rows import COUNT, unpack

LOANS = Table(
    name="loans",
    prefix="loan",
    files=("loans", "loans_open"),
    about="A loan.",
    key=("ID",),
    columns=(
        Column("ID", Type.ID, "Number.", required=True),
        Column("MONTH", Type.WHOLE, "Month; may be empty.", low=-96, high=0),
        Column("DAYS", Type.WHOLE, "Days.", required=True, absent_from=("loans_open",)),
        Column("AMOUNT", Type.AMOUNT, "Amount.", low=0, high=10_000_000),
        Column("PAID", Type.AMOUNT, "Amount paid.", required=True),
        Column("RATE", Type.REAL, "Rate.", low=-1, high=1),
        Column("SCORE", Type.REAL, "Score, without bounds."),
        Column("FLAG", Type.WHOLE, "0 or 1.", codes=("0", "1")),
        Column("STATUS", Type.TEXT, "A closed list.", codes=("C", "X+", "a, b", "no")),
        Column("KIND", Type.TEXT, "An open list.", levels=("car", "flat")),
    ),
)
GOOD = ["7", "-3", "12", "9.5", "0", "0.25", "3", "1", "C", "car"]
CELLS = """
||0|1|-1|+5|12|12.0|12.00|-12.0|12.5|12.|.5|-.5|.|-|+|--1|1-2|1.2.3|007|-0|-0.0|0.0|1e5|1E5|1e+5|1e-5|-1e-16|1e-300
|1e99|1e308|1e400|1e|e5|1d|1f|0x1|NaN|nan|Infinity|-inf|null|N/A|true|12,5|1_000|1 000|5%|$5| 5|5 | |  |\t5|5\t|\x0b5
|0.1234|0.1235|1.0005|-0.0001|999999999999999|1000000000000000|9999999.9999|10000000.001|10000000.000|-96.0|-97|-96
|123456789012345|1234567890123456|123456789012345678|1234567890123456789|9223372036854775807|9223372036854775808
|-9223372036854775808|9007199254740993|9007199254740993.0|0.1|0.30000000000000004|2.2250738585072014e-308
|0.12345678901234567890|0.123456789012345678901|1.7976931348623157e308|8.173616518884397e-08|9.17184E-4|5e-324
|0000000000000000000000000001|100000000000000000000000|C|X+|X|"C"|"X+"|"a, b"|a, b|no|"no"|c|C |" C"|"C "|car|"car"|Car
|"flat, or house"|boat|"12"|"12.0"|"-0.0"|""|" "|"|"car|car"|c"ar|"c"ar|"c""ar"|c""ar|'car'|ca\\r|"ca\\r"|\\"|"\\"|\\
|ca\x00r|\x00|\x7f|\x1b[2J|ä|"ä"|日本|\xa0|\u2003|\ufeff|\ufeffcar|\u0661\u0662|#car|#|;|a;b|a=b|=1+1|@|{|~|`
""".replace("\n", "").split("|")
CELLS += ["9" * 30, "9" * 400, "0" * 120 + "1", "0." + "3" * 25, "0." + "3" * 120, "x" * 5_000, "-" + "1" * 19]
LINES = [
    "",
    " ",
    "\t \x0c",
    "\x00\x01",
    "ID",
    ",",
    ",,,,,,,,,",
    ",,,,,,,,,,",
    '"",,,,,,,,,',
    ' , ,"\t",,,,,,,',
    ",".join(GOOD[:-1]),
    ",".join([*GOOD, ""]),
    ",".join([*GOOD, "more"]),
    ",".join(f'"{cell}"' for cell in GOOD),
    '"' + ",".join(GOOD) + '"',
    ",".join(GOOD) + " ",
    " " + ",".join(GOOD),
    ",".join(GOOD) + '"',
    '"' + ",".join(GOOD),
    ",".join([*GOOD[:-1], '"car']),
    'tail of a row"',
    ";".join(GOOD),
    "#" + ",".join(GOOD),
    ",".join(names(LOANS)),
    ",".join(names(LOANS)).lower(),
]
HEADER = ",".join(names(LOANS))


def nasty_lines() -> list[bytes]:
    """Every nasty cell in every column, each with a number of its own where the column is another, and nasty lines."""
    lines = [
        ",".join([*GOOD[:place], cell, *GOOD[place + 1 :]])
        for place in range(len(GOOD))
        for cell in dict.fromkeys(CELLS)
    ]
    bytes_ = [line.encode() for line in (*lines, *LINES)]
    return [*bytes_, b",".join([*map(str.encode, GOOD[:-1]), b"b\xe4r"]), b"\xff\xfe", b",".join([b"\xc3\x28"] * 10)]


def rows_of(frame: DataFrame) -> list[str]:
    """The rows in words, in which a zero has its sign."""
    return sorted(map(repr, frame.collect()))


def read_by_spark(spark: SparkSession, file: SourceFile) -> DataFrame:
    """The cells as Spark's CSV reader reads them, to be parsed."""
    parts = []
    for header, addresses in file.parts:
        columns = [
            F.col(name) if name in header.places else F.lit(None).cast("string").alias(name) for name in names(LOANS)
        ]
        parts.append(read_text(spark, header, addresses).select(F.lit(file.name).alias(FILE), BROKEN_LINE, *columns))
    return reduce(DataFrame.unionByName, parts)


def check_same(spark: SparkSession, source: Path, name: str = "loans") -> tuple[int, list[str]]:
    """Compare the two readings of a file; how many lines were plain, and the rows that were refused."""
    file = open_file(open_folder(spark, str(source)), name, LOANS)
    assert file is not None
    expected = parse(read_by_spark(spark, file), LOANS).cache()
    parts = [replace(part, lines=part.lines.cache()) for part in split_lines(spark, file)]
    others = parse(reduce(DataFrame.unionByName, (part.others() for part in parts)), LOANS).cache()
    packs = reduce(DataFrame.unionByName, (part.plain() for part in parts))
    accepted = unpack(packs, LOANS, names(LOANS)).unionByName(accepted_rows(others, LOANS))
    assert rows_of(accepted) == rows_of(accepted_rows(expected, LOANS))
    refused = rows_of(refused_rows(others, LOANS))
    assert refused == rows_of(refused_rows(expected, LOANS))
    assert others.where("_cells._blank").count() == expected.where("_cells._blank").count()
    (plain,) = packs.agg(F.sum(COUNT)).collect()
    return plain[0] or 0, refused


@pytest.mark.spark
def test_every_nasty_cell_and_line_is_read_as_spark_reads_it(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "loans.csv").write_bytes(b"\n".join([HEADER.encode(), *nasty_lines()]))
    plain, refused = check_same(spark, tmp_path)
    assert plain > 200, "else nothing is compared"
    assert len(refused) > 200


@pytest.mark.spark
def test_a_file_without_a_column_may_be_without_it(spark: SparkSession, tmp_path: Path) -> None:
    without = [*GOOD[:2], *GOOD[3:]]
    header = ",".join(name for name in names(LOANS) if name != "DAYS")
    (tmp_path / "loans_open.csv").write_text(f"{header}\n{','.join(without)}\n,{','.join(without[1:])}\n")
    plain, (refused,) = check_same(spark, tmp_path, "loans_open")
    assert plain == 1
    assert "column='ID', value='', problem='is empty'" in refused


ROWS = [",".join([str(number), *GOOD[1:]]) for number in range(1, 30)]
FORMS: dict[str, Callable[[str], bytes]] = {
    "windows": lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
    "old mac": lambda text: text.replace("\n", "\r").encode(),
    "no last line end": lambda text: text.rstrip("\n").encode(),
    "blank lines first": lambda text: f"\n \n\t\n{text}\n\n".encode(),
    "header twice": lambda text: f"{text}{text}".encode(),
    "header in other words": lambda text: text.replace("ID,MONTH", '"ID", month', 1).encode(),
}


@pytest.mark.spark
@pytest.mark.parametrize("form", FORMS)
def test_line_ends_and_headers_are_spark_s(spark: SparkSession, tmp_path: Path, form: str) -> None:
    (tmp_path / "loans.csv").write_bytes(FORMS[form]("\n".join([HEADER, *ROWS, ""])))
    plain, _ = check_same(spark, tmp_path)
    assert plain % len(ROWS) == 0


@pytest.mark.spark
def test_parts_in_every_form_are_read_as_spark_reads_them(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "loans.csv").mkdir()
    for number, (form, write) in enumerate(FORMS.items()):
        content = write("\n".join([HEADER, *ROWS, ""]))
        zipped = form == "windows"
        place = tmp_path / "loans.csv" / f"part-{number}.csv{'.gz' if zipped else ''}"
        place.write_bytes(gzip.compress(content) if zipped else content)
    (tmp_path / "loans.csv" / "part-8.csv").write_text(HEADER)
    (tmp_path / "loans.csv" / "part-9.csv").write_bytes(b"")
    other_order = ",".join(reversed(names(LOANS)))
    (tmp_path / "loans.csv" / "part-a.csv").write_text(f"more,{other_order}\nx,{','.join(reversed(GOOD))}\n")
    plain, refused = check_same(spark, tmp_path)
    assert plain == 7 * len(ROWS) + 1
    assert len(refused) == 1, refused


@pytest.mark.spark
def test_a_file_that_is_cut_into_many_pieces_has_one_header(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "loans.csv").write_text("\n".join([HEADER, *(ROWS * 40), HEADER]))
    before = spark.conf.get("spark.sql.files.maxPartitionBytes")
    spark.conf.set("spark.sql.files.maxPartitionBytes", "1000b")
    try:
        plain, refused = check_same(spark, tmp_path)
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", str(before))
    assert (plain, len(refused)) == (40 * len(ROWS), 1)
