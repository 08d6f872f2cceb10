"""Counting the tasks that run at once."""

import pytest
from pyspark.sql import SparkSession

from jobs.runtime import slots


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([], 0),
        ([("a", 0.0, 1.0)], 1),
        ([("a", 0.0, 1.0), ("a", 1.0, 2.0)], 1),  # one slot, one after the other
        ([("a", 0.0, 1.0), ("a", 0.5, 1.5), ("a", 1.2, 2.0)], 2),
        ([("a", 0.0, 1.0), ("b", 900.0, 901.0)], 2),  # another machine's clock
        ([("a", 0.0, 1.0), ("a", 0.1, 1.1), ("b", 5.0, 6.0), ("b", 6.1, 7.1)], 3),
    ],
)
def test_spans_that_overlap_on_a_machine_are_slots(spans: list[slots.Span], most: int) -> None:
    assert slots.at_once(spans) == most


@pytest.mark.spark
def test_tasks_that_run_at_once_are_counted(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite's session is on one machine, whose cores are known: probing finds the same number."""
    monkeypatch.setattr(slots, "HOLD_SECONDS", 3.0)  # starting Python's workers one by one takes time
    cores = slots.cores_here(spark)
    assert slots.probed(spark, cores + 1) == cores
