"""A line of CSV to its cells, as Spark's reader cuts it: quotes are doubled in quotes, a wrong one ends with its cell.

Python's own csv module takes the same lines otherwise wherever a quote is not where it should be.
"""

import re
from collections.abc import Iterator

QUOTE, COMMA, SPACE, NOTHING = '"', ",", " ", ""
# What may stand in the cells of a line on which no two readers differ.
PLAIN = re.compile(r'(?:[^",][^,]*|"(?:[^"]|"")*")?(?:,(?:[^",][^,]*|"(?:[^"]|"")*")?)*')
CELL = re.compile(r'(?:^|,)(?:"((?:[^"]|"")*)"|([^",][^,]*)|)')


def split_cells(line: str) -> list[str | None]:
    """The cells of a line that is not empty; None where there is nothing between two commas."""
    if '"' not in line:
        return [cell or None for cell in line.split(",")]
    return list(plain_cells(line) if PLAIN.fullmatch(line) else odd_cells(line))


def plain_cells(line: str) -> Iterator[str | None]:
    """The cells of a line in which quotes are only around cells and doubled within them, or within others."""
    for found in CELL.finditer(line):
        quoted, bare = found.groups()
        yield (bare if quoted is None else quoted.replace('""', '"')) or None


def odd_cells(line: str) -> Iterator[str | None]:
    """The cells of any line, found one after the other."""
    place = 0
    while place <= len(line):
        if line.startswith(QUOTE, place):
            cell = Quoted(line, place)
            yield cell.read() or None
            place = cell.place
        else:
            end = line.find(COMMA, place)
            end = len(line) if end < 0 else end
            yield line[place:end] or None
            place = end
        place += 1


class LineEnded(Exception):
    """There is no further character."""


class Quoted:
    """Reads a cell that begins with a quote, character by character as Spark's parser (univocity) does.

    Args:
        line: The line.
        place: Where the quote stands; afterwards where the comma behind the cell stands, or the end of the line.
    """

    def __init__(self, line: str, place: int) -> None:
        self.line, self.place = line, place
        self.sign, self.last = QUOTE, NOTHING
        self.text = NOTHING
        self.is_kept = False
        """Whether the quotes around it are part of it."""

    def read(self) -> str:
        """The cell's text."""
        try:
            self.read_on()
        except LineEnded:
            if self.sign == QUOTE != self.last and not self.is_kept:
                self.text += QUOTE
        return self.text

    def read_on(self) -> None:
        """Up to a comma behind the closing quote, or to any comma where something else stands there."""
        self.step()
        while not (self.last == QUOTE and (self.sign <= SPACE or self.sign == COMMA)):
            if self.sign == QUOTE:
                if self.last == QUOTE:  # a doubled one
                    self.text += QUOTE
                    self.sign = NOTHING
                self.last = self.sign
            elif self.last == QUOTE:
                self.is_kept = True
                self.text += QUOTE + self.sign
                self.read_to_comma()
                return
            else:
                self.take_until(QUOTE)
                self.last = QUOTE
            self.step()
        if self.sign != COMMA:
            self.read_behind_space()

    def read_behind_space(self) -> None:
        """White space behind the closing quote is nothing, unless something else comes before the comma."""
        space = NOTHING
        while self.sign <= SPACE:
            space += self.sign
            self.step()
        if self.sign != COMMA:
            self.text += QUOTE + space + self.sign
            self.read_to_comma()

    def read_to_comma(self) -> None:
        """All that is left, the quote before it too."""
        self.text = QUOTE + self.text
        self.last = self.sign
        self.step()
        self.take_until(COMMA)

    def take_until(self, stop: str) -> None:
        """Everything from here up to a character."""
        end = self.line.find(stop, self.place)
        self.text += self.line[self.place : len(self.line) if end < 0 else end]
        if end < 0:
            self.place = len(self.line)
            raise LineEnded
        self.place, self.sign = end, stop

    def step(self) -> None:
        """The next character."""
        self.place += 1
        if self.place >= len(self.line):
            raise LineEnded
        self.sign = self.line[self.place]
