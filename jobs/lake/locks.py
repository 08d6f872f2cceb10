"""The lock of a lake, by what its place can promise: a file on this machine, a lease elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from jobs.lake.delta_tables import DeltaTables
from jobs.lake.lease import LeaseLock
from jobs.lake.one_writer import Holder, LockFile, held_once, waiting
from jobs.lake.tables import Lake
from jobs.runtime.addresses import Address
from jobs.runtime.errors import UserError
from jobs.runtime.session import SAIL, engine_of_this_process


@contextmanager
def locked(lake: Lake, holder: Holder, wait: float, say: Callable[[str], None]) -> Iterator[Holder | None]:
    """Keep other writers out of the lake; gives who held it last, where he ended without letting go.

    Args:
        lake: Which.
        holder: Who wants it.
        wait: For how many minutes, where somebody else has it.
        say: Takes a line about whom it waits for.

    Raises:
        TryAgain: Somebody else has it; the text says who.
        UserError: The folder can't be written to.
    """
    address = lake.address
    if engine_of_this_process() is SAIL:
        check_sail_writes(address)
    with held_once(lake.root) as is_first:
        if not is_first:
            yield None
        elif address.folder is not None:
            file = waiting(partial(LockFile.take, address.folder, holder), wait, say)
            try:
                yield file.gone
            finally:
                file.let_go()
        else:
            lease = LeaseLock(DeltaTables(lake.root, engine_of_this_process().own_session(lake.spark)), holder)
            waiting(lease.take, wait, say)
            try:
                with lease.renewed():
                    yield lease.gone
            finally:
                lease.let_go()


def check_sail_writes(address: Address) -> None:
    """Refuse a place where Sail writes nothing, or where nothing would keep another writer out meanwhile."""
    if address.folder is None:
        raise UserError(f"--lake {address}: Sail only writes into a lake of this machine: use Spark")
    if " " in str(address):
        raise UserError(
            f"--lake {address}: Sail can only read a folder whose path has a blank: rename it, or use Spark"
        )
