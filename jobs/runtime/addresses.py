"""Files at an address: a folder, or a prefix of an object store that Spark knows."""

from urllib.parse import unquote

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession


def list_files(spark: SparkSession, address: str, pattern: str) -> list[str]:
    """The file, or the folder's visible files with such a name; nothing where the address is of neither."""
    try:
        found = spark.read.option("pathGlobFilter", pattern).text(literally(address)).inputFiles()
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        return []
    return sorted(unquote(file) for file in found)


def literally(address: str) -> str:
    """The address with the characters escaped that Hadoop would take for a pattern."""
    return "".join(f"\\{letter}" if letter in "{}[]*?\\" else letter for letter in address)
