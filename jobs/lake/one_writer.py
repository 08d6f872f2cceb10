"""One writer at a time: a lock in a lake on this machine, and elsewhere what the store's own commits can promise."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.runtime.addresses import Address
from jobs.runtime.errors import TryAgain, UserError
from jobs.runtime.session import SAIL, engine_of_this_process


@contextmanager
def one_writer(lake: Address) -> Iterator[None]:
    """Keep a second writer out of a lake on this machine; elsewhere Delta's log store does, where it can.

    Raises:
        TryAgain: Somebody is writing.
        UserError: The folder can't be written to.
    """
    if " " in str(lake) and engine_of_this_process() is SAIL:
        raise UserError(f"--lake {lake}: Sail can only read a folder whose path has a blank: rename it, or use Spark")
    if lake.folder is None:
        yield
        return
    with locked(lake.folder):
        yield


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which ends with the process that holds it."""
    import fcntl  # not on every platform that can read a lake

    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    except OSError as error:
        raise UserError(f"--lake {folder} can't be written to, {error.strerror}: name another folder") from None
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TryAgain(f"{folder} is being written by another process: try again when it is done") from None
        yield
