"""The lock of a lake that is not on this machine: a lease in `operations/lock`, which its holder renews.

What an object store makes atomic is Delta's commit: of two who have read the same version and replace its row, one
commits and the other is refused. S3 lets one write over the other instead (see `may_lose_commits`): who has written
there waits until whoever looked before must have written too, and looks whose row has stayed. A holder that is gone
renews no more, and its lease runs out. A token tells whose it is, so that a holder that slept for longer than its lease
finds out.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from pyspark.sql import functions as F

from jobs.lake.delta_tables import DeltaTables
from jobs.lake.one_writer import Holder, is_written, utc
from jobs.runtime.errors import TryAgain
from jobs.runtime.progress import repeated

LOCK: Final = "operations/lock"
LEASE: Final = timedelta(minutes=10)
"""After its last renewal a holder is gone. The clocks of machines that share a lake may differ by half of it."""
RENEWALS: Final = 4
"""In a lease."""
SETTLE_SECONDS: Final = 5.0
"""More than passes on S3 between Delta's look whether a version is there and the end of its write."""
SCHEMA: Final = (
    "token STRING, verb STRING, run_date DATE, since TIMESTAMP, host STRING, process BIGINT, renewed TIMESTAMP"
)


@dataclass(frozen=True)
class Lease:
    """A row of `operations/lock`; nobody holds the lake where there is none."""

    token: str
    holder: Holder
    renewed: datetime

    def runs_at(self, moment: datetime) -> bool:
        """Whether its holder has it still."""
        return moment < self.renewed + LEASE


@dataclass
class LeaseLock:
    """A lease of a lake.

    Args:
        tables: The lake's, with a session of their own: it is renewed while the lake's session writes.
        holder: Who wants it.
        gone: Whose lease had run out when it was taken.
    """

    tables: DeltaTables
    holder: Holder
    token: str = field(default_factory=lambda: uuid4().hex)
    gone: Holder | None = None
    lost: str | None = None
    seen: int = -1
    """The version of the table that was read last: a write is of the next one."""

    def take(self) -> "LeaseLock":
        """Hold the lease.

        Raises:
            TryAgain: Somebody else does; the text says who.
        """
        there = self.current()
        if there and there.token != self.token and there.runs_at(utc(time.time())):
            raise is_written(str(self.tables.address), there.holder)
        try:
            self.write(Lease(self.token, self.holder, utc(time.time())))
        except TryAgain:
            self.check()  # says who was first
            raise
        if self.tables.may_lose_commits:
            time.sleep(SETTLE_SECONDS)
            self.check()
        self.gone = there.holder if there else None
        return self

    def current(self) -> Lease | None:
        """The lease that there is."""
        commits = self.tables.commits(LOCK)
        if not commits:
            return None
        self.seen = commits[-1]
        files = self.tables.added(LOCK, self.seen)  # each commit replaces all rows
        if not files:
            return None
        # Without a zone, so that it is read in the session's (UTC), not in the machine's.
        moments = [F.col(name).cast("timestamp_ntz").alias(name) for name in ("since", "renewed")]
        rows = self.tables.spark.read.schema(SCHEMA).parquet(*files)
        row = rows.select("token", "verb", "run_date", "host", "process", *moments).first()
        if row is None:
            return None
        since, renewed = (row[name].replace(tzinfo=self.holder.since.tzinfo) for name in ("since", "renewed"))
        return Lease(row["token"], Holder(row["verb"], row["run_date"], since, row["host"], row["process"]), renewed)

    def write(self, lease: Lease | None) -> None:
        """Replace the row.

        Raises:
            TryAgain: Another one did since it was read.
        """
        rows = []
        if lease:
            who = lease.holder
            rows = [(lease.token, who.verb, who.run_date, who.since, who.host, who.process, lease.renewed)]
        self.tables.overwrite_in_turn(LOCK, self.tables.spark.createDataFrame(rows, SCHEMA).coalesce(1), self.seen + 1)

    def check(self) -> None:
        """Find out whether it is held still.

        Raises:
            TryAgain: It is not.
        """
        there = self.current()
        if there is None or there.token != self.token:
            raise is_written(str(self.tables.address), there.holder if there else None)

    def renew(self) -> None:
        """Hold it for another while; where it was lost, say so to the holder."""
        try:
            self.check()
            self.write(Lease(self.token, self.holder, utc(time.time())))
        except TryAgain as lost:
            self.lost = str(lost)

    def let_go(self) -> None:
        """End the lease, if it is held still."""
        there = self.current()
        if there and there.token == self.token:
            self.write(None)

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew it until the end of the block.

        Raises:
            TryAgain: It was lost meanwhile: what was written may be mixed with what another one wrote.
        """
        with repeated(self.renew, LEASE.total_seconds() / RENEWALS):
            yield
        if self.lost:
            raise TryAgain(f"the lake's lease was lost meanwhile: {self.lost}")
