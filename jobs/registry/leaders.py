"""The versions of the model that lead, as a table names them; asked in another process, where that is quicker."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

from jobs.model.measures import Interval
from jobs.registry.store import Store, connect
from jobs.registry.versions import Registered
from jobs.runtime.addresses import Address
from jobs.runtime.errors import NotKept
from jobs.runtime.settings import Mlflow


@dataclass(frozen=True)
class Leader:
    """A registered model, as its training run measured it, where that is kept, and as the gates last judged it."""

    name: str
    version: int
    sha256: str
    run_id: str
    auc: Interval | None
    validation: str


@dataclass(frozen=True)
class Leaders:
    """Who scores, and who would be next."""

    champion: Leader | None = None
    challenger: Leader | None = None


Ask = Callable[[Address, Mlflow], Leaders]


def leaders_of(lake: Address, settings: Mlflow) -> Leaders:
    """The champion and the challenger of a lake's store, as far as there are any."""
    store = connect(lake, settings)
    return Leaders(as_leader(store, store.versions.champion()), as_leader(store, store.versions.challenger()))


def as_leader(store: Store, registered: Registered | None) -> Leader | None:
    """A version with its measures; None of none."""
    if registered is None:
        return None
    try:
        auc = store.runs.training(registered.run_id).auc
    except NotKept:
        auc = None
    return Leader(
        store.versions.name,
        registered.version,
        registered.sha256,
        registered.run_id,
        auc,
        store.versions.validation(registered),
    )


@contextmanager
def asked_meanwhile() -> Iterator[Ask]:
    """`leaders_of` in another process, which imports MLflow meanwhile: that takes as long as reading a lake."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        process.submit(import_mlflow)
        yield lambda lake, settings: process.submit(leaders_of, lake, settings).result()


def import_mlflow() -> None:
    """Import what reads a store."""
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
