"""Files as Spark finds and reads them: on this machine or elsewhere, each pattern as Hadoop understands it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from features.contract import BROKEN_LINE
from jobs.runtime.found_files import BEGINS, DAMAGED, DENIED, LINE, NOT_GZIP, FoundFile, UnreadableFile

CSV_OPTIONS = {
    "escape": '"',
    "columnNameOfCorruptRecord": BROKEN_LINE,
    "columnPruning": "false",  # pruned rows are not checked for the number of their cells
}
# As Spark's error of the condition FAILED_READ_FILE says it.
UNREADABLE = re.compile(r"Encountered error while reading file (.+?)\.\s+(?:SQLSTATE|File does not exist)")


class SparkFiles:
    """What `LocalFiles` does without a JVM."""

    def reads(self, address: str) -> bool:  # noqa: ARG002  as LocalFiles
        """Whether the files of a delivery may be there."""
        return True

    def matching(self, session: SparkSession, addresses: str, name: str) -> list[str] | None:
        """The visible files at the addresses, or directly in the folders there; None where nothing is there at all.

        Args:
            session: The session.
            addresses: A pattern of Hadoop's.
            name: Another for the last part of a file's address.
        """
        try:
            found = session.read.option("pathGlobFilter", name).text(addresses).inputFiles()
        except AnalysisException as error:
            if error.getCondition() != "PATH_NOT_FOUND":
                raise
            return None
        return sorted(unquote(file) for file in found)

    def below(self, session: SparkSession, addresses: str) -> list[FoundFile]:
        """The visible files at the addresses, a pattern of Hadoop's, and in folders there, however deep."""
        reader = session.read.format("binaryFile").option("recursiveFileLookup", True)
        try:
            listed = reader.load(addresses)
            rows = listed.select("path", "length", F.unix_micros("modificationTime")).collect()
        except AnalysisException as error:
            if error.getCondition() != "PATH_NOT_FOUND":
                raise
            return []
        return [FoundFile(*row) for row in rows]

    def content(self, session: SparkSession, address: str, most: int) -> bytes | None:
        """What is in a file; None where it has more bytes than `most`."""
        files = session.read.format("binaryFile").load(address).where(f"length <= {most}")
        row = files.select("content").first()
        return None if row is None else bytes(row["content"])

    def first_lines(self, session: SparkSession, address: str, lines: int, most: int) -> list[bytes]:
        """So many lines of a file, unpacked, and of each at most so many bytes."""
        # As bytes: what is no text must not be taken for it.
        start = F.substring(F.col("value").cast("binary"), 1, most).alias("start")
        return [bytes(row["start"]) for row in session.read.text(address).select(start).limit(lines).collect()]

    def lines(self, session: SparkSession, addresses: Sequence[str]) -> DataFrame:
        """`LINE` and `BEGINS` of every line of some files, unpacked."""
        # Which lines may be a header: a part begins with one, and Spark cuts parts at any line.
        begins = F.when(F.input_file_block_start() == 0, F.xxhash64(F.input_file_name())).alias(BEGINS)
        return session.read.text(list(addresses)).select(F.col("value").alias(LINE), begins)

    def cells(self, line: str, names: Sequence[str]) -> Column:
        """A line of CSV as a struct: its cells under their names, null where one is empty, and `BROKEN_LINE`."""
        return F.from_csv(line, texts(names), CSV_OPTIONS)

    def csv(self, session: SparkSession, names: Sequence[str], addresses: Sequence[str]) -> DataFrame:
        """The cells of CSV files that begin with a header, as `cells` names them."""
        return session.read.schema(texts(names)).options(header=True, **CSV_OPTIONS).csv(list(addresses))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What reads files within the block names the one that it can't read to its end.

        Raises:
            UnreadableFile: There is one.
        """
        try:
            yield
        except Py4JJavaError as error:  # Spark's Python side has no name for it
            unreadable = UNREADABLE.search(str(error))
            if unreadable is None:
                raise
            raise UnreadableFile(unquote(unreadable[1]), why_unreadable(str(error))) from None


def texts(names: Sequence[str]) -> str:
    """Columns of text and `BROKEN_LINE`, in Spark's DDL."""
    return ", ".join(f"{name} STRING" for name in (*names, BROKEN_LINE))


def why_unreadable(trace: str) -> str:
    """What is wrong with the file that Spark's trace tells of, and what to do."""
    if "incorrect header check" in trace or "not a gzip file" in trace:
        return NOT_GZIP
    return DENIED if "Permission denied" in trace else DAMAGED
