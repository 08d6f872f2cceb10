"""A lake's own store after the lake was moved or copied: MLflow keeps whole addresses, which are of where it was."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, column, create_engine, func, literal, table, update
from sqlalchemy.sql.expression import TableClause

PLACES: Final[Mapping[str, str]] = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}
"""MLflow's tables with an address in the folder of artifacts, each with its column."""


def is_left_behind(location: str, artifacts: Path) -> bool:
    """Whether an experiment names another folder than a lake's own, because the lake was there once.

    Args:
        location: Where the experiment says that its artifacts are.
        artifacts: Where a lake has them.
    """
    was = folder_of(location)
    if was is None or was.parts[-2:] != artifacts.parts[-2:] or not os.access(artifacts.parent, os.W_OK):
        return False
    if os.path.exists(was.parent) and was.parent.samefile(artifacts.parent):
        return False  # one folder may have two names
    return artifacts.exists() or not os.path.exists(was)


def folder_of(location: str) -> Path | None:
    """The folder of a file's address; None where that is on no disk."""
    address = urlsplit(location)
    return Path(unquote(address.path)) if address.scheme == "file" else None


def follow(uri: str, location: str, artifacts: Path, seconds: float) -> None:
    """Have a lake's own store say that everything is where the lake is now.

    Its runs name the lake that they learned from: this one, by its address of before.

    Args:
        uri: The store's.
        location: Where its artifacts were.
        artifacts: The folder where they are, LAKE/mlflow/artifacts.
        seconds: How long to wait for another process that writes.
    """
    was = folder_of(location)
    assert was is not None
    engine = create_engine(uri, connect_args={"timeout": seconds})
    try:
        with engine.begin() as connection:
            for name, where in PLACES.items():
                put_in_place(connection, table(name, column(where)), location, artifacts.as_uri())
            tags = table("tags", column("key"), column("value"))
            of_lake = (tags.c.key == "lake") & (tags.c.value == str(was.parent.parent))
            connection.execute(update(tags).where(of_lake).values(value=str(artifacts.parent.parent)))
    finally:
        engine.dispose()


def put_in_place(connection: Connection, rows: TableClause, was: str, now: str) -> None:
    """Put the new address in place of the old one wherever a row's begins with it."""
    (where,) = rows.c
    is_below = (where == was) | (func.substr(where, 1, len(was) + 1) == f"{was}/")
    connection.execute(update(rows).where(is_below).values({where: literal(now) + func.substr(where, len(was) + 1)}))
