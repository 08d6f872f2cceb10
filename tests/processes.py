"""The project as an operator starts it: in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CONNECTED = "SPARK_CONNECT_MODE_ENABLED"


def own_environment() -> dict[str, str]:
    """What a process is started with: not that this one's session is on Sail, which PySpark tells its children."""
    return {name: value for name, value in os.environ.items() if name != CONNECTED}


def run_words(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    # A terminal's width would show in the help texts.
    environment = {**own_environment(), "COLUMNS": "100", "PYTHONPATH": str(PROJECT), "NO_COLOR": "1"}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)


def run_python(*words: str, folder: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    return run_words([sys.executable, *words], folder)


def run_jobs(*words: str, folder: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """``python -m jobs VERB ...``"""
    return run_python("-m", "jobs", *words, folder=folder)


def spark_submit(*words: str, folder: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """``./spark-submit.sh VERB ...``"""
    return run_words([str(PROJECT / "spark-submit.sh"), *words], folder)


@contextmanager
def running(words: list[str], log: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process with all that it starts, until the end of the block."""
    with (
        log.open("w") as out,
        subprocess.Popen(
            words,
            cwd=PROJECT,
            env={**own_environment(), **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # it ended by itself
                os.killpg(process.pid, signal.SIGTERM)


def free_port() -> int:
    """One that nobody listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
