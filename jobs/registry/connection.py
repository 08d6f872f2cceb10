"""A connection to an MLflow store: where it is, and MLflow's errors in the user's words.

MLflow is imported where it is needed because that takes seconds.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from jobs.runtime.addresses import Address
from jobs.runtime.errors import TryAgain, UserError
from jobs.runtime.settings import Mlflow

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

STORE_VARIABLE = "MLFLOW_TRACKING_URI"
DELETED = "deleted"
DATABASE_DRIVERS = {"psycopg", "psycopg2", "MySQLdb", "pymysql", "pyodbc"}
SHOWN = 200
LOCKED_SECONDS = 20
"""How long another process may keep a database from being read."""

# MLflow's pages open on training runs, not on traces of language models, and compare them by the AUC first.
MODEL_TRAINING = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.experiment.primaryMetric.name": "auc",
    "mlflow.experiment.primaryMetric.greaterIsBetter": "True",
}


@dataclass(frozen=True)
class Connection:
    """An MLflow store, and the part of it that belongs to one lake.

    Args:
        uri: The store's address.
        experiment_id: Where its runs go.
        model_name: The registered model.
        lake: The lake's address: which runs of a shared store are its own.
        client: MLflow's client of the store.
    """

    uri: str
    experiment_id: str
    model_name: str
    lake: str
    client: "MlflowClient"

    @property
    def shown(self) -> str:
        """The store's address, for messages."""
        return without_password(self.uri)

    def translated(self) -> AbstractContextManager[None]:
        """MLflow's errors of a store that can't be used as the user's."""
        return translated(self.uri)


def connect_to(lake: Address, settings: Mlflow) -> Connection:
    """The store of a lake; it and the experiment are made where they are not there yet.

    A lake's own store goes with it: where the lake was moved or copied, its artifacts are those beside it.

    Args:
        lake: Where the lake is.
        settings: Where runs and models are kept.

    Raises:
        TryAgain: The server does not answer, or the database is locked.
        UserError: What answers is no MLflow, lets us not in, or is of another version; the experiment was deleted.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow's own defaults wait minutes for a server that is not there.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    import mlflow

    from jobs.registry.moved_store import follow, is_left_behind

    for noisy in ("alembic", "mlflow.store.db.utils", "mlflow.tracking._model_registry"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    uri = store_uri(lake, settings)
    artifacts = None
    if lake.folder is not None and uri == lake_store_uri(lake.folder):
        lake_store(lake.folder).mkdir(parents=True, exist_ok=True)
        artifacts = lake_store(lake.folder) / "artifacts"
    use_store(uri)
    with translated(uri):
        open_database(uri)
        client = mlflow.MlflowClient(uri)
        experiment = client.get_experiment_by_name(settings.experiment)
        if experiment is None:
            location = artifacts.as_uri() if artifacts else None
            experiment_id = client.create_experiment(settings.experiment, location, tags=MODEL_TRAINING)
        else:
            experiment_id = usable(experiment, uri)
            if artifacts is not None and is_left_behind(experiment.artifact_location, artifacts):
                follow(uri, experiment.artifact_location, artifacts, LOCKED_SECONDS)
    return Connection(uri, experiment_id, settings.model_name, str(lake), client)


def open_database(uri: str) -> None:
    """Read an SQLite file's tables, where one is there: MLflow tries ten times, for minutes, whatever is wrong with it.

    Raises:
        sqlalchemy.exc.DatabaseError: It is no database, or locked for longer than `LOCKED_SECONDS`.
    """
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.engine import make_url

    url = make_url(uri) if uri.startswith("sqlite") else None
    if url is None or url.database is None or not Path(url.database).is_file():
        return
    engine = create_engine(url, connect_args={"timeout": LOCKED_SECONDS})
    try:
        inspect(engine).get_table_names()
    finally:
        engine.dispose()


def usable(experiment: "Experiment", uri: str) -> str:
    """The experiment's id; one that was deleted keeps its name and takes no run."""
    if not experiment.experiment_id:  # anything that answers with JSON
        raise no_server(without_password(uri), "")
    if experiment.lifecycle_stage == DELETED:
        shown = without_password(uri)
        raise UserError(
            f"the experiment {experiment.name} of {shown} was deleted: restore it with `MLFLOW_TRACKING_URI='{shown}' "
            f"mlflow experiments restore --experiment-id {experiment.experiment_id}`, or name another one with "
            "--set mlflow.experiment=NAME"
        )
    return str(experiment.experiment_id)


def store_uri(lake: Address, settings: Mlflow) -> str:
    """$MLFLOW_TRACKING_URI (`mlflow run` sets it), else the setting, else SQLite inside a local lake."""
    named = os.environ.get(STORE_VARIABLE) or settings.tracking_uri
    if named:
        return named
    if lake.folder is None:
        raise UserError(
            f"{lake} is not on this machine: give the MLflow server's address, as in --set mlflow.tracking_uri=http://..."
        )
    return lake_store_uri(lake.folder)


def lake_store(folder: Path) -> Path:
    """The folder of a local lake's own store."""
    return folder / "mlflow"


def lake_store_uri(folder: Path) -> str:
    """The address of a local lake's own database.

    SQLAlchemy ends a path at a question mark and reads %XX as a letter, MLflow makes the folder that it reads from
    sqlite:///PATH as it stands: where these differ the path is quoted and the driver is named.
    """
    path = str(lake_store(folder) / "mlflow.db")
    if unquote(path) == path and "?" not in path:
        return f"sqlite:///{path}"
    return f"sqlite+pysqlite:///{quote(path)}"


def use_store(uri: str) -> None:
    """Point MLflow's own functions at the store. They would leave it in the environment too, where the next lake of
    this process would take it for the operator's wish."""
    import mlflow

    wished = os.environ.get(STORE_VARIABLE)
    mlflow.set_tracking_uri(uri)
    if wished is None:
        os.environ.pop(STORE_VARIABLE, None)


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """Turn MLflow's errors of a store that can't be used into the user's; others pass.

    Raises:
        TryAgain: Out of reach or locked now.
        UserError: Not before somebody has changed something.
    """
    from alembic.util.exc import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, CommandError) as error:
        told = in_users_words(without_password(uri), str(error))
        if told is None:
            raise
        raise told from error
    except ModuleNotFoundError as missing:
        if missing.name not in DATABASE_DRIVERS:
            raise
        raise UserError(
            f"{without_password(uri)} needs the driver {missing.name}, which is not there: pip install {missing.name}"
        ) from None


def without_password(uri: str) -> str:
    """The address as a message may show it."""
    return re.sub(r"(?<=://)[^/@]*@", "...@", uri)


def in_users_words(uri: str, said: str) -> UserError | None:
    """What an error of MLflow means for whoever gave the store's address; None where it is none of the known.

    MLflow has no error codes of its own for these, and wraps those of its database and of HTTP in text.
    """
    lowered = said.lower()
    for signs, told in KNOWN_ERRORS:
        if any(sign in lowered for sign in signs):
            return told(uri, said)
    return None


def locked(uri: str, _: str) -> UserError:
    """Somebody else writes."""
    return TryAgain(f"the MLflow database {uri} is locked by another process: try again when it is done")


def other_schema(uri: str, said: str) -> UserError:
    """Another MLflow made the tables."""
    told = re.search(r"found version (\w+), but expected (\w+)", said)
    schemas = f" (schema {told[1]}, here {told[2]})" if told else ""
    return UserError(
        f"the MLflow database {uri} was made by another version of MLflow{schemas}: back it up, then run "
        f"`mlflow db upgrade '{uri}'`; where that knows no such version, install the MLflow that made it"
    )


def no_database(uri: str, _: str) -> UserError:
    """A file that SQLite did not write."""
    return UserError(f"{uri} is no database that can be read: restore it from a backup, or name another store")


def not_writable(uri: str, _: str) -> UserError:
    """A file or folder without the right to write."""
    return UserError(
        f"the MLflow database {uri} can't be opened for writing: correct its rights, or name another store with "
        "--set mlflow.tracking_uri=..."
    )


def inactive(uri: str, said: str) -> UserError:
    """A run or experiment was deleted."""
    told = re.search(r"The (run|experiment) '?(\w+)'? must be in the 'active' state", said)
    if told is None:
        return UserError(f"a run or experiment of {uri} was deleted: restore it: {printable(said)}")
    return UserError(
        f"the {told[1]} {told[2]} of {uri} was deleted: restore it with `MLFLOW_TRACKING_URI='{uri}' "
        f"mlflow {told[1]}s restore --{told[1]}-id {told[2]}`"
    )


def not_let_in(uri: str, _: str) -> UserError:
    """The server asks who we are."""
    return UserError(
        f"the MLflow server {uri} does not let us in: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
        "MLFLOW_TRACKING_TOKEN, to an account that may write there"
    )


def not_trusted(uri: str, _: str) -> UserError:
    """The server's certificate is not signed by anybody known here."""
    return UserError(
        f"the certificate of the MLflow server {uri} is not trusted here: name the one that signed it in "
        "MLFLOW_TRACKING_SERVER_CERT_PATH"
    )


def unanswered(uri: str, _: str) -> UserError:
    """Nobody there, or busy."""
    return TryAgain(f"the MLflow server {uri} does not answer: start it or correct mlflow.tracking_uri")


def no_server(uri: str, _: str) -> UserError:
    """Something else answers."""
    return UserError(
        f"{uri} answers, but not as an MLflow server does (a login page, a proxy?): correct $MLFLOW_TRACKING_URI or "
        "mlflow.tracking_uri"
    )


def no_address(uri: str, _: str) -> UserError:
    """MLflow knows no such kind of store."""
    return UserError(
        f"{uri} is no address of an MLflow store: write http://HOST:PORT, sqlite:///PATH or a database's address in "
        "$MLFLOW_TRACKING_URI or mlflow.tracking_uri"
    )


def folder_store(uri: str, _: str) -> UserError:
    """A folder of files, as MLflow kept its runs once."""
    return UserError(
        f"{uri} is a folder of files, which MLflow supports no more: name a database, such as sqlite:///PATH, and "
        "bring the runs over with `mlflow migrate-filestore`"
    )


def printable(text: str) -> str:
    """As much of a text as a message can hold, on one line."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."


KNOWN_ERRORS: tuple[tuple[tuple[str, ...], Callable[[str, str], UserError]], ...] = (
    (("database is locked", "database table is locked"), locked),
    (("out-of-date database schema", "can't locate revision"), other_schema),
    (("file is not a database", "database disk image is malformed"), no_database),
    (("readonly database", "unable to open database file"), not_writable),
    (("must be in the 'active' state",), inactive),
    (("error code 401", "error code 403", "unauthenticated", "permission_denied"), not_let_in),
    (("unauthorized", "not authenticated", "forbidden"), not_let_in),
    (("certificate_verify_failed",), not_trusted),
    (("error code 404", "error code 405", "not in a valid json", "error code 3", "endpoint_not_found"), no_server),
    (("internal_error: response:", "exceeded 30 redirects"), no_server),
    (("invalid url", "unsupported uri", "could not parse", "no host supplied"), no_address),
    (("filesystem tracking backend",), folder_store),
    (("failed with exception", "failed with timeout", "error code 5", "error code 429"), unanswered),
    (("connection refused", "could not connect", "temporarily_unavailable"), unanswered),
)
"""Signs in lower case of an error's text, and what they mean, the more particular first."""
