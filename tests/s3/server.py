"""An S3 server on this machine, by moto: ``python tests/s3/server.py PORT``, with the Python of build/s3.

Two who make the lock of a lake called "together..." wait for each other: both have looked whether its first commit is
there before one has written it.
"""

import re
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

FIRST_COMMIT = re.compile(r"/[^/]+/(together[^/]*)/operations/lock/_delta_log/0+\.json")
BETWEEN_SECONDS = 2.0
"""From one of the writes to the other."""

moto = DomainDispatcherApplication(create_backend_app)
meetings: defaultdict[str, threading.Barrier] = defaultdict(lambda: threading.Barrier(2, timeout=120))
"""Of the two, by the lake."""


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """What moto answers, to two who make the lock when both are there."""
    first = FIRST_COMMIT.fullmatch(environ["PATH_INFO"])
    if first and environ["REQUEST_METHOD"] == "PUT":
        with suppress(threading.BrokenBarrierError):  # nobody else came
            time.sleep(BETWEEN_SECONDS * meetings[first[1]].wait())
    return moto(environ, start_response)


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), answer, threaded=True)
