"""The MLflow store of a lake: its training runs, and the versions of the model."""

from dataclasses import dataclass

from jobs.registry.connection import Connection, connect_to
from jobs.registry.runs import Runs
from jobs.registry.versions import Versions
from jobs.runtime.addresses import Address
from jobs.runtime.settings import Mlflow


@dataclass(frozen=True)
class Store:
    """What jobs ask of MLflow."""

    connection: Connection

    @property
    def runs(self) -> Runs:
        """The lake's training runs."""
        return Runs(self.connection)

    @property
    def versions(self) -> Versions:
        """The versions of the registered model."""
        return Versions(self.connection)


def connect(lake: Address, settings: Mlflow) -> Store:
    """The store of a lake; see `connect_to`."""
    return Store(connect_to(lake, settings))
