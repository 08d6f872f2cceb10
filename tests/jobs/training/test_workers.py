"""Whether all workers of a training can run at once."""

from types import SimpleNamespace
from typing import Any

import pytest

from jobs.runtime import slots
from jobs.runtime.errors import UserError
from jobs.runtime.session import SAIL
from jobs.runtime.settings import Train, load_settings
from jobs.training.workers import with_workers_that_fit


@pytest.fixture(autouse=True)
def on_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SAIL, "server", None)


def train(workers: int) -> Train:
    return load_settings().train.model_copy(update={"num_workers": workers})


def session_on(master: str, **conf: str) -> Any:
    """What is asked of a session, of one that this machine can't be; Spark's own count is of no use here."""
    return SimpleNamespace(
        conf=SimpleNamespace(get=lambda name, default: conf.get(name.replace(".", "_"), default)),
        sparkContext=SimpleNamespace(master=master, defaultParallelism=99),
    )


@pytest.mark.parametrize(
    ("master", "workers"),
    [("local[4]", 4), ("local[4,2]", 3), ("local", 1), ("local[*]", 99)],
)
def test_workers_that_fit_on_one_machine_stay(master: str, workers: int) -> None:
    assert with_workers_that_fit(session_on(master), train(workers), 0) == train(workers)


@pytest.mark.parametrize("master", ["local", "local[1]"])
def test_one_core_has_one_worker(master: str) -> None:
    assert with_workers_that_fit(session_on(master), train(2), 0) == train(1)


def test_fewer_cores_than_workers_are_refused_with_what_to_set() -> None:
    with pytest.raises(UserError, match=r"num_workers = 4, but the session has 3 slots .*--set train.num_workers=3"):
        with_workers_that_fit(session_on("local[3]"), train(4), 0)
    with pytest.raises(UserError, match="has 2 slots"):
        with_workers_that_fit(session_on("local[4]", spark_task_cpus="2"), train(4), 0)


def test_the_parallelism_that_somebody_set_is_no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    with pytest.raises(UserError, match="has 2 slots"):
        with_workers_that_fit(session_on("local[*]", spark_default_parallelism="99"), train(4), 0)


def test_executors_of_a_cluster_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    coming = iter([0, 1, 3, 4])
    monkeypatch.setattr(slots, "probed", lambda _, __: next(coming))
    assert with_workers_that_fit(session_on("spark://host:7077"), train(4), 60) == train(4)


@pytest.mark.parametrize("master", ["yarn", "spark://host:7077", "local-cluster[1,2,1024]"])
def test_a_cluster_that_stays_too_small_is_refused_with_what_to_set(
    master: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "probed", lambda _, __: 1)
    with pytest.raises(UserError, match=r"num_workers = 4, .* have 1 slots .*--set train.num_workers=1"):
        with_workers_that_fit(session_on(master), train(4), 0)


def test_dynamic_allocation_is_refused() -> None:
    with pytest.raises(UserError, match=r"spark\.dynamicAllocation\.enabled is true"):
        with_workers_that_fit(session_on("yarn", spark_dynamicAllocation_enabled="true"), train(2), 0)
