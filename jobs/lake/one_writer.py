"""One writer at a time: who holds the lake, how others are told, and how a holder that is gone is known.

On this machine the lock is a file that the system lets go of with its process; what the file says is who holds it, or
who held it last and never let go. Elsewhere it is a lease in a table; see `jobs.lake.lease`.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Final

from pydantic import TypeAdapter, ValidationError

from jobs.runtime.errors import TryAgain, UserError

LOOK_SECONDS: Final = 5.0
"""Between two looks of one who waits."""


@dataclass(frozen=True)
class Holder:
    """Who writes into a lake: the verb, for which delivery, since when (UTC), and the process."""

    verb: str
    run_date: date
    since: datetime
    host: str
    process: int

    @staticmethod
    def here(verb: str, run_date: date) -> "Holder":
        """This process, from now on."""
        return Holder(verb, run_date, utc(time.time()), socket.gethostname(), os.getpid())

    def __str__(self) -> str:
        """As a message names it."""
        return (
            f"{self.verb} of {self.run_date} (process {self.process} on {self.host}, since "
            f"{self.since:%Y-%m-%d %H:%M:%S} UTC)"
        )


AS_JSON: Final = TypeAdapter(Holder)


def utc(seconds: float) -> datetime:
    """A moment of the clock."""
    return datetime.fromtimestamp(seconds, UTC)


held: Final[set[str]] = set()
"""The lakes that this process holds: a line of verbs holds its own from beginning to end."""


@contextmanager
def held_once(root: str) -> Iterator[bool]:
    """Whether the lake must be locked within the block, because this process does not hold it already."""
    if root in held:
        yield False
        return
    held.add(root)
    try:
        yield True
    finally:
        held.remove(root)


def waiting[Lock](take: Callable[[], Lock], minutes: float, say: Callable[[str], None]) -> Lock:
    """What `take` gives as soon as it does not raise `TryAgain` any more; after the minutes it may."""
    until = time.monotonic() + 60 * minutes
    said = ""
    while True:
        try:
            return take()
        except TryAgain as locked:
            if time.monotonic() >= until:
                raise
            if str(locked) != said:
                said = str(locked)
                say(f"waiting: {said}")
        time.sleep(min(LOOK_SECONDS, max(until - time.monotonic(), 0.01)))


@dataclass(frozen=True)
class LockFile:
    """The lock of a folder of this machine.

    Args:
        file: Open and locked: it is let go of when it is closed, or with the process.
        gone: Who held it last and did not let go.
    """

    file: IO[str]
    gone: Holder | None

    @staticmethod
    def take(folder: Path, holder: Holder) -> "LockFile":
        """Hold the folder's lock.

        Raises:
            TryAgain: Somebody else does; the text says who.
            UserError: The folder can't be written to.
        """
        import fcntl  # not on every platform that can read a lake

        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = (folder / ".lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise UserError(f"--lake {folder} can't be written to, {error.strerror}: name another folder") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = read_holder(file)
            file.close()
            raise is_written(str(folder), who) from None
        gone = read_holder(file)
        write_holder(file, holder)
        return LockFile(file, gone)

    def let_go(self) -> None:
        """Say that nobody holds it, and let go."""
        self.file.truncate(0)
        self.file.close()


def is_written(lake: str, who: Holder | None) -> TryAgain:
    """What somebody is told who finds the lake locked."""
    name = str(who) if who else "another process"
    return TryAgain(f"{lake} is being written by {name}: try again when it is done, or wait for it with --wait MINUTES")


def read_holder(file: IO[str]) -> Holder | None:
    """Who the lock's file names; None where it is empty, or was not written whole."""
    file.seek(0)
    with suppress(ValidationError):
        return AS_JSON.validate_json(file.read() or "null")
    return None


def write_holder(file: IO[str], holder: Holder) -> None:
    """Name the holder in the lock's file."""
    file.truncate(0)
    file.write(AS_JSON.dump_json(holder).decode())
    file.flush()
