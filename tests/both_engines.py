"""Deliveries with everything in them that an engine could read otherwise, and what this process's makes of them.

``python -m tests.both_engines FOLDER`` is Sail's part of `test_engines.py`.
"""

import io
import json
import random
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr
from dataclasses import replace
from datetime import date
from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.contract import CELLS, accepted_rows, names, parse, refused_rows
from features.spec import Type
from jobs.ingest import ingest
from jobs.lake.checks import keeping
from jobs.lake.csv_files import open_file, split_lines
from jobs.lake.delivery_files import fingerprint, fingerprints, open_folder
from jobs.lake.descriptions import DESCRIPTIONS
from jobs.lake.job import Job
from jobs.lake.packed_rows import unpack
from jobs.lake.tables import STEPS, Lake
from jobs.runtime.addresses import matching_files
from jobs.runtime.errors import UserError
from jobs.runtime.session import engine_of_this_process, open_session
from jobs.runtime.settings import load_settings
from tests.deliveries import delivery, write_delivery
from tests.jobs.lake.test_plain_lines import CELLS as NASTY_CELLS
from tests.jobs.lake.test_plain_lines import HEADER, LOANS, nasty_lines
from tests.jobs.test_ingest import lenient, quirky_delivery

RUN_DATE = date(2018, 5, 17)
ODD_LINES = 3_000
PATTERNS = ("*", "2018-05-1?", "{quirky,broken,nothing}/*", "[bq]*/[bB][uU]reau{,.csv,.csv.gz}", "quirky", "no*thing")

Said = dict[str, object]


def make_deliveries(folder: Path) -> None:
    """One that is taken, one that is refused, and a file of nasty lines, below dated names too."""
    quirky = write_delivery(folder / "quirky", quirky_delivery())
    (quirky / DESCRIPTIONS).write_bytes(
        b'n,Table,Row,Description\n1,application_{train|test}.csv,TARGET,"Client\x92s"\n'
    )
    broken = delivery()
    broken["application_train"][1]["NAME_TYPE_SUITE"] = "Family,\nfriends"
    broken["bureau"][0]["CREDIT_TYPE"] = "B\u00e4nk"
    broken["bureau_balance"][2]["STATUS"] += "\n"
    broken["installments_payments"][0]["AMT_PAYMENT"] = "much"
    bureau = write_delivery(folder / "broken", broken) / "bureau.csv"
    bureau.write_bytes(bureau.read_bytes().replace("\u00e4".encode(), b"\xe4"))
    (folder / "nasty").mkdir()
    (folder / "nasty" / "loans.csv").write_bytes(b"\n".join([HEADER.encode(), *nasty_lines()]))
    for name in ("2018-05-17", "2018-05-18", "2018-13-45"):
        (folder / name / "bureau").mkdir(parents=True)
        (folder / name / "bureau" / "part \u00e4 1.csv").write_text(name)


def odd_lines() -> list[str]:
    """Short lines of what decides where a cell ends."""
    drawn = random.Random(2)
    lines = ("".join(drawn.choices('"", \ta\\', k=drawn.randint(1, 9))) for _ in range(ODD_LINES))
    return [line for line in dict.fromkeys(lines) if line.strip()]


def what_it_makes(spark: SparkSession, folder: Path, lakes: Path) -> dict[str, Said]:
    """All that the engine says of the deliveries in a folder."""
    return {
        "quirky": ingested(spark, folder / "quirky", lakes / "quirky"),
        "broken": ingested(spark, folder / "broken", lakes / "broken"),
        "nasty": typed_lines(spark, folder / "nasty"),
        "odd": cut_lines(spark),
        "cast": cast_texts(spark),
        "found": found_files(spark, folder),
    }


def ingested(spark: SparkSession, source: Path, root: Path) -> Said:
    """What `ingest` says, how it ends, and every row that it leaves but those of its steps."""
    lake, said, ended = Lake(str(root), spark), io.StringIO(), None
    try:
        with redirect_stderr(said):
            ingest(Job(lake, RUN_DATE, lenient(load_settings("local"))), str(source))
    except UserError as refusal:
        ended = [refusal.exit_code, str(refusal).replace(str(root), "LAKE")]
    tables = sorted(str(log.parent.relative_to(root)) for log in root.rglob("_delta_log"))
    told = [re.sub(r"^ *ingest +[0-9.]+ s +", "", line) for line in said.getvalue().splitlines()]
    return {
        "said": [line for line in told if not line.startswith("Spark's stage")],
        "ended": ended,
        "rows": {name: rows_of(lake.read(name)) for name in tables if name != STEPS},
    }


def rows_of(rows: DataFrame) -> list[str]:
    """The rows as JSON, whatever their order and that of the columns."""
    return sorted(json.dumps(row.asDict(recursive=True), sort_keys=True, default=repr) for row in rows.collect())


def typed_lines(spark: SparkSession, source: Path) -> Said:
    """The rows of a file of nasty lines that are taken, and those that are refused with every reason."""
    file, cast = open_file(open_folder(spark, str(source)), "loans", LOANS), engine_of_this_process().cast
    assert file is not None
    with keeping() as kept:
        parts = [replace(part, lines=kept.keep(part.lines)) for part in split_lines(spark, file)]
        others = reduce(DataFrame.unionByName, (part.others() for part in parts))
        parsed = kept.keep(parse(others, LOANS, cast=cast))
        packs = reduce(DataFrame.unionByName, (part.plain() for part in parts))
        return {
            "accepted": rows_of(unpack(packs, LOANS, names(LOANS)).unionByName(accepted_rows(parsed, LOANS))),
            "refused": rows_of(refused_rows(parsed, LOANS, cast=cast)),
            "blank": parsed.where(f"{CELLS}._blank").count(),
        }


def cut_lines(spark: SparkSession) -> Said:
    """The cells of odd lines."""
    lines = spark.createDataFrame([(line,) for line in odd_lines()], "line STRING")
    cells = engine_of_this_process().files.cells("line", ["a", "b", "c"]).alias("cells")
    return {row["line"]: [*row["cells"]] for row in lines.select("line", cells).collect()}


def cast_texts(spark: SparkSession) -> Said:
    """Nasty cells as numbers of every type."""
    cast, types = engine_of_this_process().cast, (Type.WHOLE.ddl, Type.AMOUNT.ddl)
    texts = spark.createDataFrame([(cell,) for cell in dict.fromkeys(NASTY_CELLS)], "text STRING")
    rows = texts.select("text", *(cast(F.col("text"), ddl).cast("string") for ddl in types)).collect()
    return {row["text"]: [*row[1:]] for row in rows}


def found_files(spark: SparkSession, folder: Path) -> Said:
    """What Hadoop's patterns match, and what tells deliveries from each other."""
    there = {pattern: matching_files(spark, f"{folder}/{pattern}") for pattern in PATTERNS}
    dated = fingerprints(spark, f"{folder}/{RUN_DATE}", RUN_DATE)
    return {
        **there,
        "one": fingerprint(open_folder(spark, str(folder / "quirky"))),
        "dated": {str(day): files for day, files in sorted(dated.items())},
    }


def differences(ours: object, theirs: object, where: str = "") -> Iterator[str]:
    """Where two of what engines say are not alike."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted(ours.keys() | theirs.keys()):
            yield from differences(ours.get(name), theirs.get(name), f"{where}/{name}")
    elif ours != theirs:
        yield f"{where}: {ours!r:.2000} is not {theirs!r:.2000}"


def main(folder: str) -> None:
    """On Sail, into FOLDER/sail.json."""
    place = Path(folder)
    made = what_it_makes(open_session("ingest", "sail"), place / "deliveries", place / "sail")
    (place / "sail.json").write_text(json.dumps(made), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
