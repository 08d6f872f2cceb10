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


@contextmanager
def service(lake: Path) -> Iterator[str]:
    """The address of a service on the lake."""
    words = [sys.executable, "-m", "jobs", "serve", "--lake", str(lake), "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = (re.search(r" at (http://\S+),", line) for line in process.stderr)
            address = next((found[1] for found in said if found), None)
            if address is None:
                sys.exit(f"the service on {lake} did not start: {' '.join(words)}")
            threading.Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would stop it
            yield address
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

    yield wait("one raw row", 20, ([rows(1)] for _ in itertools.count()))
    yield wait("one raw row of a stranger", 20, ([stranger()] for _ in itertools.count()))
    yield wait(f"{MANY} raw rows", 10, ([rows(MANY)] for _ in itertools.count()))
    yield wait(
        f"{CALLERS} callers at once, a raw row each", 5, ([rows(1) for _ in range(CALLERS)] for _ in itertools.count())
    )
    yield wait("one applicant of the lake", 20, ([stored(1)] for _ in itertools.count()))
    yield wait(f"{MANY} applicants of the lake", 10, ([stored(MANY)] for _ in itertools.count()))
    yield wait(
        f"{CALLERS} callers at once, an applicant each",
        5,
        ([stored(1) for _ in range(CALLERS)] for _ in itertools.count()),
    )


def print_table(waited: list[Waited]) -> None:
    """Median and 95th percentile of what a caller waits, and the slowest round."""
    grid = Table(title="REST, seconds until the answer", title_justify="left")
    grid.add_column("request")
    for heading in ("median", "95 of 100 within", "all, slowest round"):
        grid.add_column(heading, justify="right")
    for each in waited:
        late = statistics.quantiles(each.callers, n=20)[-1]
        grid.add_row(
            each.case, *(f"{value:.2f}" for value in (statistics.median(each.callers), late, max(each.rounds)))
        )
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
    with service(lake) as address, httpx.Client(base_url=address, timeout=START_SECONDS) as client:
        print_table(list(cases(client, header, lines)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the REST service.")
    parser.add_argument("--lake", type=Path, default=Path("demo/lake"), help="default: %(default)s")
    parser.add_argument("--delivery", type=Path, default=Path("demo/delivery"), help="default: %(default)s")
    arguments = parser.parse_args()
    time_requests(arguments.lake, *rows_to_send(arguments.delivery))


if __name__ == "__main__":
    main()
