"""The champion over REST, on one machine and without a JVM."""

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import date
from multiprocessing.pool import AsyncResult, ThreadPool
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Protocol

import pyarrow as pa
from pyspark.errors import PySparkException

from jobs.lake.options import add_lake
from jobs.lake.tables import Lake, parse_run_date
from jobs.runtime.errors import UserError
from jobs.runtime.session import open_session
from jobs.runtime.settings import Settings
from jobs.serving.champion_watch import Champions
from jobs.serving.desk import Desk, Scoring
from jobs.serving.known_hosts import KnownHosts, is_loopback

HELP = "answer scores over REST: uploaded rows, or applicants of the lake"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_lake(parser)
    parser.add_argument(
        "--run-date", metavar="DATE", help="the one delivery to look into (default: the newest of each applicant)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one (default: %(default)s)")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    run_date = parse_run_date(arguments.run_date) if arguments.run_date else None
    check_installed()
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, stop)
    lake = Lake.open(arguments.lake, open_session(arguments.verb, "sail"))
    # A new champion may be on its way into the folder when the process is stopped.
    with TemporaryDirectory(prefix="home-credit-", ignore_cleanup_errors=True) as folder:
        champions = Champions(lake, run_date, settings, Path(folder))
        desk = Desk(champions.newest(), settings.serve)
        listener = listen(arguments.host, arguments.port)
        serve(desk, arguments.host, listener, keep_up(desk, champions))


def stop(signal_number: int, frame: FrameType | None) -> None:  # noqa: ARG001  what a handler is given
    """End the process as one that did what it was told; uvicorn calls this when the last caller has an answer."""
    sys.exit(0)


class Successors(Protocol):
    """What a service asks for again and again."""

    def newer_than(self, version: int) -> Scoring | None:
        """The scorer of the champion, or None where it is the version given."""

    def refresh_index(self) -> date | None:
        """Make the index of the newest delivery, where it is not made yet; gives that delivery."""


def keep_up(desk: Desk, successors: Successors) -> AsyncResult[None]:
    """Look for a new delivery and a new champion again and again, in a thread that lives no longer than the process.

    What is returned is ready when the thread has ended: at an error that `look` does not know.
    """

    def look_again_and_again() -> None:
        while True:
            refresh(successors.refresh_index)
            time.sleep(desk.limits.refresh_seconds)
            look(desk, successors.newer_than)

    pool = ThreadPool(1)
    looking = pool.apply_async(look_again_and_again, error_callback=say_where)
    pool.close()  # to more work than this
    return looking


def say_where(error: BaseException) -> None:
    """Where the thread ended and at which kind of error, without what the error quotes."""
    from jobs.serving.api import WithoutValues

    where = WithoutValues().formatException((type(error), error, error.__traceback__))
    say(f"error: no longer looks for a new champion: restart the service\n{where}")


def look(desk: Desk, newer_than: Callable[[int], Scoring | None]) -> None:
    """Put a new champion at the desk; where it can't be read or used, the one that is there goes on.

    Args:
        desk: Where the champion answers.
        newer_than: The scorer of the champion that there is now, or None where it is the version given.
    """
    from mlflow.exceptions import MlflowException

    version = desk.scorer.identity.version
    try:
        successor = newer_than(version)
    except UserError as error:
        say(f"warning: version {version} goes on: {error}")
    except (MlflowException, PySparkException, OSError) as error:  # their texts may quote what they read
        say(f"warning: version {version} goes on: the champion can't be read: {type(error).__name__}")
    else:
        if successor is not None:
            desk.scorer = successor
            say(f"version {successor.identity.version} answers from now on, in place of version {version}")


def refresh(refresh_index: Callable[[], date | None]) -> None:
    """Bring the index up to date; where that can't be, the engine goes on to look into the tables."""
    try:
        delivery = refresh_index()
    except (PySparkException, pa.ArrowException, OSError) as error:  # their texts may quote what they read
        say(f"warning: answers take longer, there is no index of the newest delivery: {type(error).__name__}")
    else:
        if delivery is not None:
            say(f"finds applicants by an index of the delivery of {delivery}")


def serve(desk: Desk, asked_host: str, listener: socket.socket, looking: AsyncResult[None]) -> None:
    """Answer until the process is told to stop.

    Args:
        desk: Where callers are answered.
        asked_host: The host of the command line, by which callers may ask.
        listener: Where they reach it.
        looking: The thread that looks for a new champion.
    """
    import uvicorn

    from jobs.serving.api import make_app

    host, port = listener.getsockname()[:2]
    token = os.environ.get(desk.limits.token_variable)
    if not token and not is_loopback(host):
        say(f"warning: anyone who reaches {host} can ask: set {desk.limits.token_variable} to ask for a token")
    model = desk.scorer.identity
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    say(f"{model.name} version {model.version} at http://{address}, its OpenAPI page at /docs")
    hosts = known_hosts(asked_host, host, token, desk.limits.hosts)
    app = make_app(desk, token, keeps_up=lambda: not looking.ready(), hosts=hosts)
    config = uvicorn.Config(app, log_config=log_config(), server_header=False)
    uvicorn.Server(config).run(sockets=[listener])


def known_hosts(asked: str, bound: str, token: str | None, more: Sequence[str]) -> KnownHosts | None:
    """By which names callers may ask; None for any.

    Names are looked at where the setting gives some, and where a page of elsewhere could use the caller's browser to
    ask for him: without a token, at this machine alone.
    """
    if more or (not token and is_loopback(bound)):
        return KnownHosts(frozenset(name.lower() for name in (asked, *more)))
    return None


def check_installed() -> None:
    """Refuse where the extra is missing."""
    try:
        import fastapi  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as missing:
        raise UserError(f"serve needs {missing.name}: pip install 'home-credit-spark[serve]'") from None


def listen(host: str, port: int) -> socket.socket:
    """A socket that callers can reach."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
        # An answer's head and body are two small writes: the second would wait 40 ms for the first one's receipt.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError) as error:
        raise UserError(f"--host {host} --port {port}: {error}: give another one") from None


def log_config() -> dict[str, Any]:
    """Uvicorn's own, on standard error, and without what errors quote."""
    from uvicorn.config import LOGGING_CONFIG

    config = deepcopy(LOGGING_CONFIG)
    config["formatters"]["default"] = {"()": "jobs.serving.api.WithoutValues", "format": "%(levelname)s %(message)s"}
    config["handlers"]["access"]["stream"] = "ext://sys.stderr"
    return config


def say(text: str) -> None:
    """A line on standard error."""
    print(f"    serve: {text}", file=sys.stderr, flush=True)
