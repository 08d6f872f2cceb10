"""What every engine says of files in the same words, however it finds and reads them."""

from dataclasses import dataclass

LINE, BEGINS = "_line", "_begins"
"""A line's text, and which file it is of, where that begins in the piece that the line was read in."""


@dataclass(frozen=True)
class FoundFile:
    """A file as a listing shows it, of which nothing is read.

    Args:
        address: Where it is.
        size: Its bytes.
        changed: When it was last written, in microseconds since 1970.
    """

    address: str
    size: int
    changed: int


class UnreadableFile(OSError):
    """A file that can't be read to its end; `why` is the rest of a sentence that begins with its name."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"{address} {why}")
        self.address, self.why = address, why


NOT_GZIP = "is named .gz and is not packed by gzip: name it .csv, or pack it"
DENIED = "may not be read: permission denied"
DAMAGED = "can't be read to its end, it is cut off or damaged: send it again"
