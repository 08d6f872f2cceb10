"""Files at an address: a folder, or a prefix of an object store that Spark knows."""

from urllib.parse import unquote

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession


def list_files(spark: SparkSession, address: str, pattern: str) -> list[str]:
    """The file, or the folder's visible files with such a name; nothing where the address is of neither."""
    return matching_files(spark, literally(address), pattern) or []


def matching_files(spark: SparkSession, addresses: str, pattern: str = "*") -> list[str] | None:
    """The visible files with such a name at the addresses, or in the folders there; None where nothing is there at all.

    Args:
        spark: The session.
        addresses: A pattern of Hadoop's; what is meant as it stands goes through `literally`.
        pattern: Another for the last part of a file's address.
    """
    try:
        matching = spark.read.option("pathGlobFilter", pattern).text(addresses).inputFiles()
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        return None
    return sorted(unquote(file) for file in matching)


def literally(address: str) -> str:
    """The address with the characters escaped that Hadoop would take for a pattern."""
    return "".join(f"\\{letter}" if letter in "{}[]*?\\" else letter for letter in address)
