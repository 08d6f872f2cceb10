"""How many tasks a session runs at once."""

import os
import re
import socket
import time
from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import SparkSession

from jobs.runtime.session import engine_of_this_process

HOLD_SECONDS = 1.0
"""That a probing task keeps its slot, so that the next one needs another."""

Span = tuple[str, float, float]
"""The machine that a task ran on, and its start and end in seconds by that machine's own clock."""


def on_one_machine(spark: SparkSession) -> bool:
    """Whether driver and executors are one process; local-cluster is none of these."""
    return re.match(r"local(\[|$)", master_of(spark)) is not None


def master_of(spark: SparkSession) -> str:
    """What runs the tasks, as Spark names it."""
    return engine_of_this_process().master(spark)


def task_slots(spark: SparkSession, wanted: int, seconds: float) -> int:
    """How many tasks run at once, counted up to those that are wanted.

    One machine's cores are known at once. A cluster's executors come one by one, and what Spark says of itself is the
    cores of those that have come, or a setting's number: so tasks are run and those that ran at once are counted, until
    they are enough or the time is over.
    """
    if on_one_machine(spark):
        return cores_here(spark) // int(spark.conf.get("spark.task.cpus", "1") or 1)
    deadline = time.monotonic() + seconds
    slots = probed(spark, wanted)
    while slots < wanted and time.monotonic() < deadline:
        slots = probed(spark, wanted)
    return slots


def cores_here(spark: SparkSession) -> int:
    """The cores of a local master: local, local[4], local[4,2], local[*]."""
    named = re.match(r"local\[\s*(\d+)", master_of(spark))
    if named:
        return int(named[1])
    if master_of(spark) == "local":
        return 1
    # For local[*] Spark's count is that of the JVM, unless a setting takes its place.
    set_elsewhere = spark.conf.get("spark.default.parallelism", None) is not None
    return len(os.sched_getaffinity(0)) if set_elsewhere else engine_of_this_process().parallelism(spark)


def probed(spark: SparkSession, tasks: int) -> int:
    """How many of so many tasks ran at once."""

    def hold(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        start = time.monotonic()
        time.sleep(HOLD_SECONDS)
        for _ in batches:
            span = {"host": [socket.gethostname()], "start": [start], "end": [time.monotonic()]}
            yield pa.RecordBatch.from_pydict(span)

    numbers = spark.range(0, tasks, 1, tasks)
    spans = numbers.mapInArrow(hold, "host STRING, start DOUBLE, end DOUBLE").collect()
    return at_once((row["host"], row["start"], row["end"]) for row in spans)


def at_once(spans: Iterable[Span]) -> int:
    """The most that ran at once on each machine, added up: clocks of two machines can't be compared."""
    edges: dict[str, list[tuple[float, int]]] = {}
    for host, start, end in spans:
        edges.setdefault(host, []).extend(((start, 1), (end, -1)))
    return sum(most_at_once(sorted(of_host)) for of_host in edges.values())


def most_at_once(edges: Iterable[tuple[float, int]]) -> int:
    """The highest sum of what begins and ends, in the order of time."""
    running = most = 0
    for _, change in edges:
        running += change
        most = max(most, running)
    return most
