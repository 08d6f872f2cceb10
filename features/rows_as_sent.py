"""Rows as somebody sends them, before an engine reads them: which column is which, whose row it is, how to show a text.

Both doors, `ingest` and the REST service, ask here, so that they take the same rows and refuse the others in the same
words. Nothing here needs Spark.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from features.bounds import LARGEST_IDENTIFIER

NAMES_SHOWN = 5
VALUE_SHOWN = 40
# As `contract.typed` reads an identifier: Kaggle writes 12.0 in columns that have empty cells.
IDENTIFIER = re.compile(r"[\x00-\x20]*[+]?([0-9]+)([.]0)?[\x00-\x20]*")
# What pandas calls a column without a name when it reads it; its own index is one when it is written.
UNNAMED = re.compile(r"Unnamed: ?[0-9]{1,9}", re.IGNORECASE)

MISWRITTEN = {
    re.compile(r"true|false", re.IGNORECASE): "write 1 or 0",
    re.compile(r"[+-]?[0-9]+,[0-9]+"): "write a decimal point",
    re.compile(r"nan|na|n/a|null|none|nil|-|[+-]?inf(inity)?", re.IGNORECASE): "leave the cell empty",
}
"""How other programs write numbers, and what to write instead."""


@dataclass(frozen=True)
class Header:
    """The columns that somebody sends, held against those that a contract reads.

    Args:
        sent: The names as sent, in their order.
        places: Each column of the contract that is there, and its place in `sent`, counted from 0.
        lacking: The columns of the contract that are not there.
        repeated: The columns of the contract that several sent names mean.
    """

    sent: tuple[str, ...]
    places: Mapping[str, int]
    lacking: tuple[str, ...]
    repeated: tuple[str, ...]

    @property
    def ignored(self) -> tuple[str, ...]:
        """The sent columns that the contract does not read, a nameless one by its place."""
        read = set(self.places.values())
        return tuple(name for place, name in enumerate(self.shown) if place not in read)

    @property
    def shown(self) -> tuple[str, ...]:
        """Every sent column as a message names it."""
        return tuple(name_column(name, place) for place, name in enumerate(self.sent))

    @property
    def respelt(self) -> tuple[str, ...]:
        """The sent names that mean a column of the contract but are written in other capitals."""
        return tuple(self.sent[place] for column, place in self.places.items() if self.sent[place] != column)

    @property
    def remarks(self) -> tuple[str, ...]:
        """A sentence for each thing that was taken though it is not as the contract says."""
        remarks = []
        if self.ignored:
            remarks.append(f"ignored, not in the contract: {few(self.ignored)}")
        if self.respelt:
            remarks.append(f"taken without regard to capitals: {few(self.respelt)}")
        return tuple(remarks)


def read_header(sent: Sequence[str], columns: Sequence[str], optional: Collection[str] = ()) -> Header:
    """Find the contract's columns among the sent names.

    A name as the contract has it goes before the same name in other capitals; white space around a name is nothing.

    Args:
        sent: The names as sent, in their order.
        columns: The names that the contract reads.
        optional: Those of them that need not be sent.
    """
    names = [name.strip() for name in sent]
    exact = Counter(names)
    loose = Counter(name.casefold() for name in names)
    places: dict[str, int] = {}
    lacking: list[str] = []
    repeated: list[str] = []
    for column in columns:
        times = exact[column] or loose[column.casefold()]
        if times == 1:
            places[column] = names.index(column) if exact[column] else folded(names).index(column.casefold())
        elif times:
            repeated.append(column)
        elif column not in optional:
            lacking.append(column)
    return Header(tuple(names), places, tuple(lacking), tuple(repeated))


def folded(names: Iterable[str]) -> list[str]:
    """The names without their capitals."""
    return [name.casefold() for name in names]


def name_column(name: str, place: int) -> str:
    """A sent column as a message names it: one without a name by its place, counted from 1 there."""
    if not name:
        return f"column {place + 1} (no name)"
    return f"column {place + 1} ({name})" if UNNAMED.fullmatch(name) else shown(name)


def read_identifier(text: str) -> int | None:
    """The identifier that a cell holds: a whole number above 0 that fits BIGINT; None where it holds none."""
    whole = IDENTIFIER.fullmatch(text)
    if whole is None or len(whole[1].lstrip("0")) > len(str(LARGEST_IDENTIFIER)):
        return None
    number = int(whole[1])
    return number if 0 < number <= LARGEST_IDENTIFIER else None


def how_to_write(text: str) -> str:
    """What to write in place of a cell that is no number; nothing where that can't be known."""
    return next((instead for pattern, instead in MISWRITTEN.items() if pattern.fullmatch(text.strip())), "")


def is_blank(cells: Iterable[str | None]) -> bool:
    """Whether a row holds nothing, as spreadsheets add them at the end; such a row is left out."""
    return not any(cell and cell.strip() for cell in cells)


def shown(text: str) -> str:
    """As much of a foreign text as a message can hold, without characters that a terminal would obey."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: VALUE_SHOWN + 1])
    return printable if len(printable) <= VALUE_SHOWN else f"{printable[:VALUE_SHOWN]}..."


def few(names: Sequence[str], most: int = NAMES_SHOWN, between: str = ", ") -> str:
    """The first of many names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{between.join(names[:most])}{more}"
