"""Files of one folder that an engine has written side by side."""

import re
from pathlib import Path

PART = re.compile(r"(?:part-|.*_)(\d+)(?:-[^.]*)?((?:\.\w+)+)")
"""What Spark and Sail call a part, whose number is its place; the rest is another word each time."""


def number_parts(folder: Path) -> Path:
    """Name each part by its place alone, so that the same rows have the same names.

    Where there is no row Sail writes nothing, not even the folder.
    """
    for part in sorted(path for path in folder.glob("*") if path.name[0] not in "._"):
        named = PART.fullmatch(part.name)
        assert named is not None, part
        part.rename(folder / f"part-{int(named[1]):05}{named[2]}")
    for checksum in folder.glob(".*.crc"):  # Hadoop's, of names that are no more
        checksum.unlink()
    return folder
