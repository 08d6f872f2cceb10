"""What a file is by its first lines: the CSV that the contract reads, or what people send in its place.

Only a header that can be read without doubt is taken. Everything else is named for what it is, in a sentence that says
what to do, because a list of a hundred columns that it lacks says neither.
"""

import csv
import re
from collections.abc import Sequence

from features.rows_as_sent import read_header, shown
from jobs.runtime.errors import ContractBroken

LINES = 5
"""How many are looked at."""
BYTES = 65_536
"""How much of each."""

CSV_UTF8 = "export it as CSV in UTF-8, with commas"
SIGNATURES = {
    b"PAR1": f"is Parquet: {CSV_UTF8}",
    b"ORC": f"is ORC: {CSV_UTF8}",
    b"Obj\x01": f"is Avro: {CSV_UTF8}",
    b"\xd0\xcf\x11\xe0": f"is an old Excel workbook: {CSV_UTF8}",
    b"\x89HDF": f"is HDF5: {CSV_UTF8}",
    b"SQLite format 3": f"is an SQLite database: {CSV_UTF8}",
    b"%PDF": f"is a PDF: {CSV_UTF8}",
    b"BZh": "is packed by bzip2: unpack it, or pack it with gzip as .csv.gz",
    b"\xfd7zXZ": "is packed by xz: unpack it, or pack it with gzip as .csv.gz",
    b"(\xb5/\xfd": "is packed by zstd: unpack it, or pack it with gzip as .csv.gz",
    b"7z\xbc\xaf": "is a 7z archive: unpack it",
    b"Rar!": "is a RAR archive: unpack it",
    b"version https://git-lfs": "is a pointer of Git LFS, not the file: fetch it with `git lfs pull`",
}
"""How files begin that are no text, and what to say of them."""
GZIP, ZIP, EMPTY_ZIP, TAR = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06", b"\x00ustar"
IN_WORKBOOK = (b"[Content_Types].xml", b"_rels/.rels", b"docProps/app.xml", b"xl/workbook.xml")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars", "\x01": "the character 1"}
DECIMAL_COMMA = re.compile(r"(^|[;\t|])-?[0-9]+,[0-9]+([;\t|]|$)")
# What may stand in text: everything but the control characters that no text file holds.
BINARY = re.compile(rb"[\x00\x02-\x08\x0e-\x1a\x1c-\x1f]")


class Zipped(ContractBroken):
    """A zip archive under the name of a CSV file."""


def header_of(lines: Sequence[bytes], columns: Sequence[str], packed: bool) -> tuple[str, ...]:
    """The columns that the file names; none where it is empty.

    Args:
        lines: Its first `LINES` lines, unpacked.
        columns: What the contract reads.
        packed: Whether it was unpacked because it is named .gz.

    Raises:
        Zipped: It is a zip archive.
        ContractBroken: It is no CSV with commas and a header in its first line; the text says what it is, without
            the file's name.
    """
    refuse_other_formats(lines, packed)
    texts = [text for text in (as_text(line) for line in lines) if text.strip()]
    if not texts:
        return ()
    names = cells(texts[0], ",")
    if not read_header(names, columns).places:
        raise ContractBroken(what_instead(texts, columns))
    return names


def refuse_other_formats(lines: Sequence[bytes], packed: bool) -> None:
    """Refuse what is no text in UTF-8."""
    start = lines[0] if lines else b""
    if start.startswith(GZIP):
        raise ContractBroken(
            "was packed by gzip twice: unpack it once" if packed else "is packed by gzip: name it .csv.gz, or unpack it"
        )
    if start.startswith((ZIP, EMPTY_ZIP)):
        if any(name in b"".join(lines) for name in IN_WORKBOOK):
            raise ContractBroken(f"is an Excel workbook: {CSV_UTF8}")
        raise Zipped("is a zip archive: unpack it")
    for signature, says in SIGNATURES.items():
        if start.startswith(signature):
            raise ContractBroken(says)
    if TAR in start[:300]:
        raise ContractBroken("is a tar archive: unpack it")
    if start.startswith(UTF_16) or any(is_ascii_in(start[:40], encoding) for encoding in ("utf-16-le", "utf-16-be")):
        raise ContractBroken("is text in UTF-16: export it in UTF-8 (Excel: 'CSV UTF-8')")
    if any(BINARY.search(line) for line in lines):
        raise ContractBroken(f"is binary, no text: {CSV_UTF8}")


def is_ascii_in(start: bytes, encoding: str) -> bool:
    """Whether the bytes are words of ASCII in the encoding, as names of columns are."""
    words = start.decode(encoding, errors="replace").replace("\t", " ").strip()
    return words.isascii() and words.isprintable() and words != ""


def as_text(line: bytes) -> str:
    """The line as Spark will read it; what is no UTF-8 becomes U+FFFD there too."""
    return line.decode("utf-8", errors="replace").removeprefix("\ufeff")


def cells(line: str, separator: str) -> tuple[str, ...]:
    """The cells of a line, without the white space around them."""
    return tuple(cell.strip() for cell in next(csv.reader([line], delimiter=separator), []))


def what_instead(texts: Sequence[str], columns: Sequence[str]) -> str:
    """What lines are, the first of which names no column of the contract."""
    for number, text in enumerate(texts, start=1):
        for separator, name in SEPARATORS.items():
            if read_header(cells(text, separator), columns).places and len(cells(text, separator)) > 1:
                comma = " and has decimal commas" if any(map(DECIMAL_COMMA.search, texts[number:])) else ""
                return f"is separated by {name}{comma}: export it with commas between cells and points in numbers"
        if number > 1 and read_header(cells(text, ","), columns).places:
            if texts[0].lower().startswith("sep="):
                return f"begins with the line '{shown(texts[0])}', which is for Excel alone: delete that first line"
            return f"has its header in line {number}, after '{shown(texts[0])}': delete what stands above it"
    start = texts[0].lstrip()
    if start[:1] in ("<", "{", "["):
        kind = "HTML or XML (a page in place of the download?)" if start[0] == "<" else "JSON"
        return f"is {kind}, it begins with '{shown(start)}': {CSV_UTF8}"
    within = cells(texts[0], ",")
    if len(within) == 1 and read_header(cells(within[0], ","), columns).places:
        return "has each line in quotes as if it were one cell: export it with quotes around cells alone"
    return (
        f"has no header: its first line, '{shown(texts[0])}', names none of the columns {', '.join(columns[:3])} ...; "
        "export it with the names in the first line"
    )
