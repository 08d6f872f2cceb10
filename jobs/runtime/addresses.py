"""Addresses: a folder of this machine, or a place in a file system that Spark knows; and the files there.

What an operator writes is read once, by Hadoop's rules. `hdfs:/x` and `s3a://bucket/x` name a file system; a bare path
is in Spark's default one, which is this machine's unless a cluster's configuration says otherwise.
"""

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession

from jobs.runtime.errors import UserError
from jobs.runtime.session import SAIL, engine_of_this_process

# Two letters at least. Without a slash after it, as in 10:30 or a:b, the colon is part of a folder's name.
FILE_SYSTEM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(?=/)(//[^/]+)?")
THIS_MACHINE = "file:"
OF_PATTERNS = "{}[]*?\\"
PLAIN_NAMES = re.compile(r"[A-Za-z0-9 /._+,;:&$'=@()!-]+")


@dataclass(frozen=True)
class Address:
    """A place that Spark and this process mean the same by.

    Args:
        text: As Spark takes it: a folder's absolute path, or the address in another file system than Spark's default.
    """

    text: str

    def __str__(self) -> str:
        """As Spark takes it."""
        return self.text

    @property
    def folder(self) -> Path | None:
        """Its folder on this machine; None where it is elsewhere."""
        path = self.text.removeprefix(THIS_MACHINE)
        return Path(path) if path.startswith("/") else None

    def below(self, name: str) -> str:
        """Where something below it is."""
        return f"{self.text.rstrip('/')}/{name}"


def resolve(spark: SparkSession, text: str, option: str) -> Address:
    """The address that an operator wrote.

    Args:
        spark: Whose default file system a bare path is in.
        text: A path, relative or not, or an address with its file system.
        option: Where it was written, for messages.

    Raises:
        UserError: Nothing can have this name, or Spark can't look there.
    """
    check_name(text, option)
    address = resolved(spark, text, option)
    check_pattern(address, option)
    return address


def resolved(spark: SparkSession, text: str, option: str) -> Address:
    """As `resolve`, of what can be a name."""
    named = FILE_SYSTEM.match(text)
    if named and named[0] != THIS_MACHINE:
        return Address(file_system(spark, text, option) + path_of(text).rstrip("/"))
    path = re.sub(r"^//(?=/)", "", text.removeprefix(THIS_MACHINE)) if named else text
    default = default_folder(spark, option)
    if default.startswith(THIS_MACHINE):
        return Address(check_engine(str(Path(path).resolve()), option))
    if named:
        return Address(f"{THIS_MACHINE}{Path(path).resolve()}")
    return Address((host_of(default) if path.startswith("/") else f"{default}/") + path.rstrip("/"))


def check_name(text: str, option: str) -> None:
    """Refuse what no file can be called, and what the shell was meant to replace."""
    if not text.strip("/ ") and not text.startswith("/"):
        raise UserError(f"{option} '{text}' is empty: name a folder or an address")
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in text):
        raise UserError(f"{option} {text!a} has characters that can't be printed: name it without them")
    home = os.path.expanduser(text)
    if home != text:
        raise UserError(f"{option} {text}: the shell has left the ~ as it is: write {home}, or ./{text} for that name")


def check_pattern(address: Address, option: str) -> None:
    """Refuse what Hadoop would misread: escaped it is a pattern, in which 10:30 is a file system."""
    path = path_of(address.text)
    strange = next((letter for letter in path if letter in OF_PATTERNS), None)
    if strange and ":" in path:
        raise UserError(
            f"{option} {address}: Hadoop takes no path that has both ':' and '{strange}': rename the folder"
        )


def check_engine(path: str, option: str) -> str:
    """The path, if the engine of this process finds what is there: Sail quotes most signs, and some twice."""
    strange = PLAIN_NAMES.sub("", path)
    if strange and engine_of_this_process() is SAIL:
        raise UserError(f"{option} {path}: Sail takes no folder whose path has '{strange[0]}': rename it, or use Spark")
    return path


def is_plain_folder(text: str) -> bool:
    """Whether a folder of this machine has this path, and any engine would find it by that."""
    return not is_elsewhere(text) and os.path.isdir(text) and not PLAIN_NAMES.sub("", str(Path(text).resolve()))


def is_elsewhere(text: str) -> bool:
    """Whether what was written for a path of this machine is an address, such as s3a://bucket/x."""
    return FILE_SYSTEM.match(text) is not None


def default_folder(spark: SparkSession, option: str) -> str:
    """The folder that Spark takes relative paths from, with its file system."""
    if engine_of_this_process() is SAIL:
        return THIS_MACHINE
    nowhere = f"nothing-{uuid4()}"
    return where_nothing_is(spark, nowhere, option).removesuffix(f"/{nowhere}")


def file_system(spark: SparkSession, text: str, option: str) -> str:
    """The file system that an address names, with the host that Spark looks for it at."""
    if engine_of_this_process() is SAIL:
        return host_of(text)
    return host_of(where_nothing_is(spark, f"{literally(text.rstrip('/'))}/nothing-{uuid4()}", option))


def host_of(address: str) -> str:
    """An address without its path: hdfs://namenode of hdfs://namenode/lake."""
    return re.sub(r"^([^:/]+:(?://[^/]*)?).*", r"\1", address, flags=re.DOTALL)


def where_nothing_is(spark: SparkSession, path: str, option: str) -> str:
    """The whole address of a path where nothing is.

    Several files may set the default file system, and no public setting says which has: Spark's error does.
    """
    try:
        spark.read.text(path).inputFiles()
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        return str((error.getMessageParameters() or {})["path"])
    except (PySparkException, Py4JJavaError) as error:
        said = str(error).splitlines()
        why = next((line.removeprefix(": ") for line in said if line.startswith(": ")), said[0])
        raise UserError(f"{option}: Spark can't look into {path.rpartition('/')[0] or path}: {why}") from None
    raise AssertionError(f"{path} is there")


def list_files(spark: SparkSession, address: str, pattern: str) -> list[str]:
    """The folder's visible files with such a name; none where there is no folder.

    Those of this machine are listed without Spark, which takes ten times as long to plan that it will.
    """
    folder = Address(address).folder
    if folder is None:
        return matching_files(spark, literally(address), pattern) or []
    return sorted(str(file) for file in folder.glob(pattern) if file.name[0] not in "._")


def matching_files(spark: SparkSession, addresses: str, pattern: str = "*") -> list[str] | None:
    """The visible files with such a name at the addresses, or in the folders there; None where nothing is there at all.

    Args:
        spark: The session.
        addresses: A pattern of Hadoop's; what is meant as it stands goes through `literally`.
        pattern: Another for the last part of a file's address.
    """
    return engine_of_this_process().files.matching(spark, addresses, pattern)


def literally(address: str) -> str:
    """The address with the characters escaped that Hadoop would take for a pattern."""
    path = path_of(address)
    escaped = "".join(f"\\{letter}" if letter in OF_PATTERNS else letter for letter in path)
    return address[: len(address) - len(path)] + escaped


def path_of(address: str) -> str:
    """An address without its file system."""
    named = FILE_SYSTEM.match(address)
    return address[named.end() :] if named else address
