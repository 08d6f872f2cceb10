"""Files of this machine, found and read as Spark finds and reads them, without one."""

import gzip
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BufferedIOBase
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.errors import PythonException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from features.contract import BROKEN_LINE
from features.memory.csv_cells import split_cells
from jobs.runtime.found_files import BEGINS, DAMAGED, DENIED, LINE, NOT_GZIP, FoundFile, UnreadableFile
from jobs.runtime.text_lines import without_blank, without_headers

HERE = re.compile(r"(?:file:(?://)?)?(?=/)")
"""Before the path of an address that is of this machine."""
GZIP = b"\x1f\x8b"
MARK = b"\xef\xbb\xbf"
"""What some programs begin a file in UTF-8 with."""
# Java makes one U+FFFD of a half of a UTF-16 pair that is written in UTF-8, Python three.
HALF_PAIR = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
ESCAPED = re.compile(r"\\(.)")
TOKEN = re.compile(r"\\.|\[[^\]]+\]|.", re.DOTALL)
PATTERN = frozenset("*?[{")
"""Signs of Hadoop's patterns."""
PIECE = 32_000_000
"""Bytes of a plain file that are read in one go: several of them side by side."""
AT_ONCE = 4_000_000
LINES = pa.schema([(LINE, pa.string()), (BEGINS, pa.int64())])
# As an error of a Python function is told by the engine that called it.
UNREADABLE = re.compile(rf"{UnreadableFile.__name__}: (/.+?) ({'|'.join(map(re.escape, (NOT_GZIP, DENIED, DAMAGED)))})")


class LocalFiles:
    """What `SparkFiles` does, on this machine alone."""

    def reads(self, address: str) -> bool:
        """Whether the files of a delivery may be there."""
        return HERE.match(address) is not None

    def matching(self, session: SparkSession, addresses: str, name: str) -> list[str] | None:
        """The visible files at the addresses, or directly in the folders there; None where nothing is there at all.

        Args:
            session: What lists files that are elsewhere.
            addresses: A pattern of Hadoop's.
            name: Another for the last part of a file's address.
        """
        if not self.reads(addresses):
            return sorted(session.read.option("pathGlobFilter", name).text(addresses).inputFiles())
        places = matched(addresses)
        if not places:
            return None
        found = {file for place in places for file in (visible_files(place) if place.is_dir() else [place])}
        wanted = expression(name)
        return sorted(f"file://{file}" for file in found if is_visible(file.name) and wanted.fullmatch(file.name))

    def below(self, session: SparkSession, addresses: str) -> list[FoundFile]:  # noqa: ARG002  as SparkFiles
        """The visible files at the addresses, a pattern of Hadoop's, and in folders there, however deep."""
        return [listed(file) for place in matched(addresses) for file in walked(place)]

    def content(self, session: SparkSession, address: str, most: int) -> bytes | None:  # noqa: ARG002  as SparkFiles
        """What is in a file; None where it has more bytes than `most`."""
        (file,) = matched(address)
        with told(str(file)):
            return None if file.stat().st_size > most else file.read_bytes()

    def first_lines(
        self, session: SparkSession, address: str, lines: int, most: int  # noqa: ARG002  as SparkFiles
    ) -> list[bytes]:  # fmt: skip
        """So many lines of a file, unpacked, and of each at most so many bytes."""
        (file,) = matched(address)
        first = (line.as_py() for some in lines_of(Piece(0, str(file), 0, None)) for line in some)
        return [line[:most] for line in islice(first, lines)]

    def lines(self, session: SparkSession, addresses: Sequence[str]) -> DataFrame:
        """`LINE` and `BEGINS` of every line of some files, unpacked."""
        files = [file for address in addresses for file in matched(address)]
        pieces = [piece for number, file in enumerate(files) for piece in cut(number, file)]
        rows = [(piece.number, piece.path, piece.begins, piece.ends) for piece in pieces]
        frame = session.createDataFrame(rows, "number BIGINT, path STRING, begins BIGINT, ends BIGINT")
        return frame.repartition(len(pieces)).mapInArrow(reading, f"{LINE} STRING, {BEGINS} BIGINT")

    def cells(self, line: str, names: Sequence[str]) -> Column:
        """A line of CSV as a struct: its cells under their names, null where one is empty, and `BROKEN_LINE`."""
        types = ", ".join(f"{name}: STRING" for name in (*names, BROKEN_LINE))
        return F.udf(partial(as_cells, cells=len(names)), f"STRUCT<{types}>", useArrow=False)(line)

    def csv(self, session: SparkSession, names: Sequence[str], addresses: Sequence[str]) -> DataFrame:
        """The cells of CSV files that begin with a header, as `cells` names them."""
        rows = self.lines(session, addresses).mapInArrow(rows_alone, f"{LINE} STRING")
        return rows.select(self.cells(LINE, names).alias("cells")).select("cells.*")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What reads files within the block names the one that it can't read to its end.

        Raises:
            UnreadableFile: There is one.
        """
        try:
            yield
        except PythonException as error:
            unreadable = UNREADABLE.search(str(error))
            if unreadable is None:
                raise
            raise UnreadableFile(unreadable[1], unreadable[2]) from None


def as_cells(line: str, cells: int) -> tuple[str | None, ...]:
    """So many cells of a line, and the line itself where it has more or fewer."""
    found = split_cells(line)
    broken = None if len(found) == cells else line
    return (*found[:cells], *[None] * (cells - len(found)), broken)


def rows_alone(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Lines without headers and those that hold nothing."""
    for lines in without_headers(batches):
        yield pa.RecordBatch.from_arrays([without_blank(lines)], [LINE])


@dataclass(frozen=True)
class Piece:
    """A part of a file that holds whole lines.

    Args:
        number: Of the file.
        path: Of the file.
        begins: The place of its first byte.
        ends: The place of the first byte behind it; None where that is the file's end.
    """

    number: int
    path: str
    begins: int
    ends: int | None

    @property
    def bytes_left(self) -> int:
        """How many bytes it has, or more."""
        return sys.maxsize if self.ends is None else self.ends - self.begins


def cut(number: int, file: Path) -> Iterator[Piece]:
    """The pieces of a file; what is packed is one."""
    begins, size = 0, file.stat().st_size
    if not is_packed(str(file)):
        with told(str(file)), file.open("rb") as opened:
            while begins + PIECE < size:
                opened.seek(begins + PIECE)
                opened.readline()
                yield Piece(number, str(file), begins, opened.tell())
                begins = opened.tell()
    yield Piece(number, str(file), begins, None)


def reading(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What `LocalFiles.lines` does in the engine."""
    for batch in batches:
        for row in batch.to_pylist():
            piece = Piece(**row)
            for lines in lines_of(piece):
                begins = pa.scalar(None if piece.begins else piece.number, pa.int64())
                yield pa.RecordBatch.from_arrays([as_text(lines), pa.repeat(begins, len(lines))], schema=LINES)


def lines_of(piece: Piece) -> Iterator[pa.Array]:
    """The lines of a piece, some megabytes of them at once.

    Raises:
        UnreadableFile: It can't be read to its end.
    """
    with told(piece.path), opened(piece) as file:
        left = piece.bytes_left
        rest = b"" if piece.begins else behind_mark(file)
        left -= len(rest) if piece.begins else len(MARK)
        while chunk := file.read(min(AT_ONCE, left)):
            left -= len(chunk)
            whole, rest = whole_lines(rest + chunk)
            if whole:
                yield split(whole)
        if rest:
            yield split(rest)


@contextmanager
def opened(piece: Piece) -> Iterator[BufferedIOBase]:
    """The file, unpacked, at the place where the piece begins."""
    with open(piece.path, "rb") as file:
        if is_packed(piece.path):
            start = file.read(len(GZIP))
            if start not in (GZIP, b""):
                raise UnreadableFile(piece.path, NOT_GZIP)
            file.seek(0)
            with gzip.open(file) as unpacked:
                yield unpacked
        else:
            file.seek(piece.begins)
            yield file


def behind_mark(file: BufferedIOBase) -> bytes:
    """The first bytes of a file, without the mark that no line has."""
    return file.read(len(MARK)).removeprefix(MARK)


@contextmanager
def told(path: str) -> Iterator[None]:
    """Name the file that can't be read within the block.

    Raises:
        UnreadableFile: It can't.
    """
    try:
        yield
    except PermissionError:
        raise UnreadableFile(path, DENIED) from None
    except (EOFError, zlib.error, gzip.BadGzipFile, FileNotFoundError):
        raise UnreadableFile(path, DAMAGED) from None


def is_packed(path: str) -> bool:
    """Whether a file is unpacked while it is read: Hadoop goes by its name, capitals and all."""
    return path.endswith(".gz")


def whole_lines(text: bytes) -> tuple[bytes, bytes]:
    """The lines that have ended, without the last line end, and what is left; a carriage return may go on."""
    end = text.rfind(b"\n")
    if end < 0:
        end = text.rfind(b"\r", 0, -1)
    return (text[: end + 1], text[end + 1 :]) if end >= 0 else (b"", text)


def split(text: bytes) -> pa.Array:
    """The lines, which may end in any way that Hadoop knows; behind the last line end there is none."""
    text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text
    return pc.split_pattern(pa.array([text.removesuffix(b"\n")], pa.binary()), b"\n").values


def as_text(lines: pa.Array) -> pa.Array:
    """Lines of bytes as text, with U+FFFD for what is no UTF-8."""
    try:
        return lines.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array(map(decoded, lines.to_pylist()), pa.string())


def decoded(line: bytes) -> str:
    """A line of bytes as text."""
    return HALF_PAIR.sub("\ufffd".encode(), line).decode(errors="replace")


def listed(file: Path) -> FoundFile:
    """A file as Spark lists it, to the millisecond."""
    about = file.stat()
    return FoundFile(f"file:{file}", about.st_size, about.st_mtime_ns // 1_000_000 * 1_000)


def walked(place: Path) -> Iterator[Path]:
    """A visible file itself, or the visible ones below a folder."""
    if not place.is_dir():
        if is_visible(place.name):
            yield place
        return
    for child in sorted(place.iterdir()):
        if is_visible(child.name):
            yield from walked(child)


def visible_files(folder: Path) -> Iterator[Path]:
    """The files directly in a folder that are not hidden."""
    return (child for child in folder.iterdir() if is_visible(child.name) and child.is_file())


def is_visible(name: str) -> bool:
    """Whether a file of that name is read: others are of whoever wrote the folder."""
    return not (name.startswith(".") or name.endswith("._COPYING_") or (name.startswith("_") and "=" not in name))


def matched(addresses: str) -> list[Path]:
    """What is there at the addresses, a pattern of Hadoop's."""
    found = [Path("/")]
    for part in Path(HERE.sub("", addresses, count=1)).absolute().parts[1:]:
        found = [child for place in found for child in children(place, part)]
    return found


def children(place: Path, part: str) -> Iterator[Path]:
    """What of a folder is called as a part of a pattern says."""
    name = ESCAPED.sub(r"\1", part)
    if PATTERN.isdisjoint(ESCAPED.sub("", part)):
        if (place / name).exists():
            yield place / name
    elif place.is_dir():
        wanted = expression(part)
        yield from sorted(child for child in place.iterdir() if wanted.fullmatch(child.name))


def expression(part: str) -> re.Pattern[str]:
    """A pattern of Hadoop's for one name as a regular expression."""
    return re.compile("".join(translated(part)), re.DOTALL)


def translated(part: str) -> Iterator[str]:
    """A pattern of Hadoop's, sign by sign: * ? [...] {...,...}, and a backslash before what is meant as it stands."""
    braces = 0
    for sign in TOKEN.findall(part):
        braces += (sign == "{") - (sign == "}")
        match sign:
            case "*":
                yield ".*"
            case "?":
                yield "."
            case "{":
                yield "(?:"
            case "}":
                yield ")"
            case ",":
                yield "|" if braces else ","
            case _ if sign.startswith("[") and len(sign) > 1:
                yield f"[{sign[1:-1].replace('!', '^', 1) if sign[1] == '!' else sign[1:-1]}]"
            case _:
                yield re.escape(ESCAPED.sub(r"\1", sign))
