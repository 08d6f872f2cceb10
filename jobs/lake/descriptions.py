"""What the delivery's own description file says of its columns: comments, which never break a delivery."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from features.rows_as_sent import shown
from jobs.lake.csv_files import told_when_unreadable
from jobs.lake.delivery_files import Folder, name_of
from jobs.lake.first_lines import UTF_16
from jobs.runtime.addresses import literally
from jobs.runtime.errors import ContractBroken
from jobs.runtime.session import engine_of_this_process

DESCRIPTIONS = "HomeCredit_columns_description.csv"
NEEDED = ("Table", "Row", "Description")
LONGEST = 2_000_000
"""Bytes: Kaggle's has 37 thousand."""


@dataclass(frozen=True)
class Descriptions:
    """What is said of columns, by (source table, column), and why the file was left out; nothing where it was read."""

    of_column: Mapping[tuple[str, str], str]
    left_out: str = ""


def read_descriptions(folder: Folder) -> Descriptions:
    """The delivery's description file, as far as it can be read."""
    named = [file for file in folder.files if name_of(file).casefold() == DESCRIPTIONS.casefold()]
    if not named:
        return Descriptions({})
    try:
        with told_when_unreadable():
            content = engine_of_this_process().files.content(folder.spark, literally(named[0]), LONGEST)
    except ContractBroken as problem:
        return Descriptions({}, str(problem))
    if content is None:
        return Descriptions({}, f"it has more than {LONGEST:,} bytes")
    return parse_descriptions(content)


def parse_descriptions(content: bytes) -> Descriptions:
    """The file's content read; lines that are too short or too long say what they can."""
    lines = csv.DictReader(io.StringIO(decoded(content), newline=""), restkey="")
    try:
        if not set(NEEDED) <= set(lines.fieldnames or ()):
            return Descriptions({}, f"its first line does not name {', '.join(NEEDED)}")
        said = {
            (described_table(line["Table"] or ""), (line["Row"] or "").strip()): line["Description"] for line in lines
        }
    except csv.Error as error:
        return Descriptions({}, shown(f"it is no CSV: {error}"))
    return Descriptions({column: printable(words) for column, words in said.items() if words})


def printable(words: str) -> str:
    """The words on one line, without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())


def decoded(content: bytes) -> str:
    """The text, in the encoding that its first bytes name, in UTF-8, or in cp1252, in which Kaggle ships it."""
    if content.startswith(UTF_16):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def described_table(file: str) -> str:
    """The source table that a description means: application_{train|test}.csv is the application."""
    return file.partition(".")[0].partition("_{")[0]
