"""Which files a delivery has, in whatever form and spelling people bring them.

A file is plain, gzipped, or a folder of parts. One that is there in another form, or holds nothing, is never the same
as one that is not there: it is told, with what to do.
"""

import json
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import PurePosixPath

from pyspark.sql import SparkSession

from features.rows_as_sent import few, shown
from jobs.runtime.addresses import literally, matching_files, path_of
from jobs.runtime.errors import ContractBroken, UserError
from jobs.runtime.found_files import FoundFile
from jobs.runtime.session import engine_of_this_process

ENDINGS = (".csv", ".csv.gz")
DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
UNZIP = "python3 -m zipfile -e"


@dataclass(frozen=True)
class Folder:
    """A delivery's folder or address, and the addresses of the files directly in it."""

    spark: SparkSession
    source: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Parts:
    """A file of the delivery: its own address, or those of its parts; `spelt` is its name where that is another."""

    addresses: tuple[str, ...]
    spelt: str | None


def open_folder(spark: SparkSession, source: str) -> Folder:
    """What lies in the folder.

    Raises:
        UserError: It is not there, or is no folder.
    """
    if ":" in path_of(source):
        raise UserError(f"--input {source}: Hadoop finds no file by its name below a path with ':': rename the folder")
    check_readable(source)
    files = matching_files(spark, literally(source))
    if files is None:
        raise UserError(f"--input {source} is not there: name the folder that holds the delivery's files")
    if len(files) == 1 and name_of(files[0]) == PurePosixPath(source).name and same_place(files[0], source):
        unpack = f"unpack it with\n  {UNZIP} {shlex.quote(source)} FOLDER\n" if is_zip(files[0]) else ""
        raise UserError(f"--input {source} is a file: {unpack}name the folder that holds the delivery's files")
    return Folder(spark, source, tuple(files))


def fingerprint(folder: Folder) -> str:
    """What tells the folder's files from others: a hash of their names, sizes and times, of which none is read."""
    return files_hash(engine_of_this_process().files.below(folder.spark, literally(folder.source)))


def fingerprints(spark: SparkSession, address: str, run_date: date) -> dict[date, str]:
    """As `fingerprint`, of every delivery beside one, whose address differs by the run date.

    Args:
        spark: The session.
        address: Of the one, which need not be there.
        run_date: Of the one, as its address says.
    """
    check_readable(address)
    written, place = run_date.isoformat(), literally(address)
    before, *after = (re.escape(part) for part in path_of(address).rstrip("/").split(written))
    pattern = re.compile(f"{before}({DATE})" + r"\1".join(after) + "/")
    files: defaultdict[str, list[FoundFile]] = defaultdict(list)
    for file in engine_of_this_process().files.below(spark, place.replace(written, "*")):
        if dated := pattern.search(file.address):
            files[dated[1]].append(file)
    return {date.fromisoformat(text): files_hash(of) for text, of in files.items() if is_date(text)}


def files_hash(files: Iterable[FoundFile]) -> str:
    """What tells these files from others, in whatever order they were listed."""
    # Named as the query named them that made the hashes which lakes of before keep.
    about = [
        {"path": file.address, "length": file.size, "col3": file.changed}
        for file in sorted(files, key=lambda file: (file.address.encode(), file.size, file.changed))
    ]
    return sha256(json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def check_readable(source: str) -> None:
    """Refuse a place that the engine of this process reads no delivery from."""
    if not engine_of_this_process().files.reads(source):
        raise UserError(f"--input {source}: Sail only reads deliveries of this machine: use Spark")


def is_date(text: str) -> bool:
    """Whether there is such a day."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def same_place(file: str, source: str) -> bool:
    """Whether the listed address is the source itself, which then is no folder."""
    return file.endswith(source.rstrip("/").rpartition("://")[2].lstrip("./"))


def find_parts(folder: Folder, name: str) -> Parts | None:
    """The file of that name, in whatever capitals; None where there is nothing like it.

    Raises:
        UserError: It is there in several forms.
        ContractBroken: It is there in a form that can't be read, or is an empty folder.
    """
    plain = [file for file in folder.files if name_of(file).casefold() in forms(name)]
    within = matching_files(folder.spark, f"{literally(folder.source)}/{in_any_capitals(name)}{{,.csv,.csv.gz}}")
    parts = defaultdict(list)
    for file in sorted(set(within or ()) - set(folder.files)):
        parts[str(PurePosixPath(file).parent)].append(file)
    places = [*plain, *parts]
    if len(places) > 1:
        names = [name_of(place) for place in places]
        raise UserError(f"{name} is there {len(names)} times, as {' and '.join(names)}: leave one of them")
    if plain:
        return Parts(tuple(plain), spelt(plain[0], name))
    if parts:
        ((place, files),) = parts.items()
        return Parts(tuple(readable_parts(place, files)), spelt(place, name))
    refuse_other_forms(folder, name)
    if within is not None:
        raise ContractBroken(f"{name} is an empty folder: put its parts there, or take it away where there are none")
    return None


def readable_parts(place: str, files: Sequence[str]) -> list[str]:
    """The parts in a folder; the archive that a part was unpacked from is none.

    Raises:
        ContractBroken: It holds something else, which might be rows.
    """
    parts = [file for file in files if file.casefold().endswith(ENDINGS)]
    others = [file for file in files if file not in parts and not (is_zip(file) and file[: -len(".zip")] in parts)]
    if others:
        names = few([shown(name_of(file)) for file in others])
        raise ContractBroken(f"{name_of(place)}/ holds {names}: leave .csv and .csv.gz in it, nothing else")
    return parts


def refuse_other_forms(folder: Folder, name: str) -> None:
    """Refuse a file of that name in a form that is not read: its rows are not simply missing."""
    others = [file for file in folder.files if re.match(rf"{name}([. (-]|$)", name_of(file), re.IGNORECASE)]
    zips = [file for file in others if is_zip(file)]
    if zips:
        raise Packed(zips[0])
    if others:
        names = few([shown(name_of(file)) for file in others])
        raise ContractBroken(f"{name} is there as {names}: bring it as {name}.csv or {name}.csv.gz")


class Packed(ContractBroken):
    """A file of the delivery is in a zip archive; its address is kept, because one command unpacks them all."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{shown(name_of(address))} is a zip archive: unpack it")
        self.address = address


def unpacking(archives: Iterable[str]) -> list[str]:
    """For each folder that holds zip archives: which ones they are, and the one command that unpacks them."""
    by_folder = defaultdict(list)
    for archive in archives:
        by_folder[str(PurePosixPath(archive).parent)].append(archive)
    return [f"{are_zips(files)}: {how_to_unpack(place, files)}" for place, files in by_folder.items()]


def are_zips(files: Sequence[str]) -> str:
    """The sentence that names them."""
    names = few([shown(name_of(file)) for file in files])
    return f"{names} is a zip archive" if len(files) == 1 else f"{names} are zip archives"


def how_to_unpack(place: str, files: Sequence[str]) -> str:
    """What to do with the archives of a folder; those that are named like what they hold are renamed first."""
    local = re.fullmatch(r"file:(?://)?(/.*)", place)
    if local is None:
        return "unpack before uploading"
    names = " ".join(shlex.quote(name_of(file)) for file in files)
    if all(is_zip(file) for file in files):
        unpack = f'for zip in {names}; do {UNZIP} "$zip" .; done'
    else:
        unpack = f'for zip in {names}; do mv "$zip" "$zip.zip" && {UNZIP} "$zip.zip" .; done'
    return f"unpack with\n  (cd {shlex.quote(local[1])} && {unpack})"


def where_instead(folder: Folder, names: Sequence[str]) -> str:
    """Where files that are not in the folder may be: in a zip archive or a folder there; nothing where in neither."""
    zips = [file for file in folder.files if is_zip(file)]
    if zips:
        return "; ".join(unpacking(zips))
    pattern = f"{literally(folder.source)}/*/{{{','.join(in_any_capitals(name) for name in names)}}}.csv*"
    for file in matching_files(folder.spark, pattern) or ():
        return f"{shown(name_of(file))} is in {PurePosixPath(file).parent.name}/: name that folder"
    return ""


def forms(name: str) -> set[str]:
    """What a file of that name may be called, without its capitals."""
    return {f"{name}{ending}".casefold() for ending in ENDINGS}


def spelt(address: str, name: str) -> str | None:
    """The file's own name where it is written in other capitals."""
    own = name_of(address)
    return None if own.startswith(name) else own


def name_of(address: str) -> str:
    """The last part of an address."""
    return PurePosixPath(address).name


def is_zip(address: str) -> bool:
    """Whether a file is named like a zip archive."""
    return address.casefold().endswith(".zip")


def in_any_capitals(name: str) -> str:
    """A pattern of Hadoop's for the name, whatever its capitals."""
    return "".join(f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else letter for letter in name)
