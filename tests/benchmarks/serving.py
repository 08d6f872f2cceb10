"""How long callers of the REST service wait: `make bench-serve` on the demo's lake, `make bench` at full size.

    python -m tests.benchmarks --part serving

The service runs in a process of its own, at 127.0.0.1 and nowhere else, and is warm: each case is asked once before it
is timed. Callers are threads, `CALLERS` at most, and every case has a fixed number of rounds.
"""

import argparse
import csv
import io
import itertools
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

START_SECONDS = 300
CALLERS = 50
MANY = 100
FIRST_UNKNOWN = 900_000_000
"""No delivery holds an applicant of this SK_ID_CURR or a larger one."""

Ask = Callable[[], httpx.Response]


@dataclass(frozen=True)
class Waited:
    """What callers of a case waited for: seconds of each, and of each round until its last answer."""

    case: str
    callers: list[float]
    rounds: list[float]


@dataclass(frozen=True)
class Service:
    """A service that answers.

    Args:
        address: Where.
        start: Seconds until it did.
        index: Seconds until it had an index of the newest delivery.
    """

    address: str
    start: float
    index: float


@contextmanager
def service(lake: Path) -> Iterator[Service]:
    """A service on the lake."""
    words = [sys.executable, "-m", "jobs", "serve", "--lake", str(lake), "--host", "127.0.0.1", "--port", "0"]
    began = time.monotonic()
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        heard: dict[str, float] = {}
        address = ""
        try:
            for line in process.stderr:
                found = re.search(r" at (http://\S+),", line)
                address = found[1] if found else address
                if found:
                    heard["start"] = time.monotonic() - began
                if "finds applicants by an index" in line:
                    heard["index"] = time.monotonic() - began
                if len(heard) == 2:
                    break
            else:
                sys.exit(f"the service on {lake} did not start: {' '.join(words)}")
            threading.Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would stop it
            yield Service(address, **heard)
        finally:
            process.terminate()


def wait(case: str, rounds: int, asks: Iterator[list[Ask]]) -> Waited:
    """Ask in rounds, all of a round at once."""
    waited = Waited(case, [], [])
    for number in range(-1, rounds):
        together = next(asks)
        with ThreadPoolExecutor(len(together)) as pool:
            started = time.monotonic()
            seconds = list(pool.map(timed, together))
            last = time.monotonic() - started
        if number >= 0:
            waited.callers.extend(seconds)
            waited.rounds.append(last)
    return waited


def timed(ask: Ask) -> float:
    """Seconds until the answer."""
    started = time.monotonic()
    ask().raise_for_status()
    return time.monotonic() - started


def cases(client: httpx.Client, header: str, lines: list[str]) -> Iterator[Waited]:
    """Every case, with other applicants in each request."""
    key = next(csv.reader([header])).index("SK_ID_CURR")
    turn = itertools.cycle(lines)
    unknown = itertools.count(FIRST_UNKNOWN)

    def upload(body: str) -> Ask:
        return lambda: client.post("/score", content=body.encode(), headers={"Content-Type": "text/csv"})

    def rows(number: int) -> Ask:
        return upload(header + "".join(itertools.islice(turn, number)))

    def stranger() -> Ask:
        cells = next(csv.reader([next(turn)]))
        cells[key] = str(next(unknown))
        line = io.StringIO()
        csv.writer(line).writerow(cells)
        return upload(header + line.getvalue())

    def stored(number: int) -> Ask:
        chosen = csv.reader(itertools.islice(turn, number))
        body = {"applicants": [int(line[key]) for line in chosen]}
        return lambda: client.post("/score", json=body)

    yield wait("one raw row", 200, ([rows(1)] for _ in itertools.count()))
    yield wait("one raw row of a stranger", 100, ([stranger()] for _ in itertools.count()))
    yield wait(f"{MANY} raw rows", 10, ([rows(MANY)] for _ in itertools.count()))
    yield wait(
        f"{CALLERS} callers at once, a raw row each", 10, ([rows(1) for _ in range(CALLERS)] for _ in itertools.count())
    )
    yield wait("one applicant of the lake", 200, ([stored(1)] for _ in itertools.count()))
    yield wait(f"{MANY} applicants of the lake", 10, ([stored(MANY)] for _ in itertools.count()))
    yield wait(
        f"{CALLERS} callers at once, an applicant each",
        10,
        ([stored(1) for _ in range(CALLERS)] for _ in itertools.count()),
    )


def print_table(service: Service, waited: list[Waited]) -> None:
    """Median and 99th percentile of what a caller waits, and how many were answered a second."""
    title = (
        f"REST, milliseconds until the answer; started in {service.start:.1f} s, its index made in {service.index:.1f}"
    )
    grid = Table(title=title, title_justify="left")
    grid.add_column("request")
    for heading in ("median", "99 of 100 within", "callers/s"):
        grid.add_column(heading, justify="right")
    for each in waited:
        late = statistics.quantiles(each.callers, n=100)[-1]
        callers = len(each.callers) / sum(each.rounds)
        grid.add_row(each.case, f"{statistics.median(each.callers) * 1000:.0f}", f"{late * 1000:.0f}", f"{callers:.0f}")
    Console(width=100).print(grid)


def rows_to_send(delivery: Path) -> tuple[str, list[str]]:
    """The header and the lines of the delivery's new applicants."""
    file = delivery / "application_test.csv"
    if not file.exists():
        sys.exit(f"no {file}: make demo or make bench generates it")
    if file.is_dir():  # the parts of a large delivery, each with a header
        file = min(file.glob("*.csv"))
    header, *lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    return header, lines


def time_requests(lake: Path, header: str, lines: list[str]) -> None:
    """Start the service on the lake, ask it every case, and show what callers waited."""
    with service(lake) as running, httpx.Client(base_url=running.address, timeout=START_SECONDS) as client:
        print_table(running, list(cases(client, header, lines)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the REST service.")
    parser.add_argument("--lake", type=Path, default=Path("demo/lake"), help="default: %(default)s")
    parser.add_argument("--delivery", type=Path, default=Path("demo/delivery"), help="default: %(default)s")
    arguments = parser.parse_args()
    time_requests(arguments.lake, *rows_to_send(arguments.delivery))


if __name__ == "__main__":
    main()
