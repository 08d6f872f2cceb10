"""The project's verbs on a lake in S3, for `make s3-check`: two processes at once, and one that is killed.

moto stands in for S3, with Delta's own log store: as S3 does it lets two writers make one object.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.error import URLError

from features import TABLES
from tests.processes import PROJECT, free_port
from tests.s3 import short_lease
from tests.s3.bucket import Bucket, rows_of

FOLDER = PROJECT / "build" / "s3"
RUN_DATE = "2018-05-17"
APPLICANTS = 300
HADOOP, SDK = "3.5.0", "2.35.4"
"""As pyspark's hadoop-client, and as its hadoop-aws asks for: of 700 MB of SDK the three modules that it uses."""
MODULES = ("s3", "s3-transfer-manager", "sts")
WAIT_SECONDS = 600


def spark_conf(server: str) -> str:
    """What Spark is told beside the project's own: where S3 is, and the JARs that know it."""
    packages = [f"org.apache.hadoop:hadoop-aws:{HADOOP}", *(f"software.amazon.awssdk:{name}:{SDK}" for name in MODULES)]
    said = {
        "spark.master": "local[1]",
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.jars.ivy": str(FOLDER / "ivy"),
        "spark.jars.packages": ",".join(packages),
        "spark.jars.excludes": "software.amazon.awssdk:bundle",
        "spark.hadoop.fs.s3a.endpoint": server,
        "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.access.key": "nobody",
        "spark.hadoop.fs.s3a.secret.key": "nothing",
    }
    return "".join(f"{name} {value}\n" for name, value in said.items())


started: Final[list["Verb"]] = []
"""All that may still run when a check breaks off."""


@dataclass
class Verb:
    """A verb in a process of its own.

    Args:
        name: Of its log.
        words: The verb and its options.
        module: What runs it.
    """

    name: str
    words: tuple[str, ...]
    module: str = "jobs"
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        with self.log.open("wb") as log:
            words = [sys.executable, "-m", self.module, *self.words, "--env", str(FOLDER / "s3.toml")]
            environment = {**os.environ, "HOME_CREDIT_LOGS": str(FOLDER / "logs")}
            self.process = subprocess.Popen(
                words, cwd=PROJECT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        started.append(self)

    @property
    def log(self) -> Path:
        return FOLDER / f"{self.name}.log"

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def code(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(timeout=WAIT_SECONDS)

    def kill(self) -> None:
        """End it and its JVM as a power cut would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass
class Findings:
    """What was tried, what was to be there and what was."""

    lines: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, tried: str, expected: object, found: object) -> None:
        """Keep a line and print it."""
        self.lines.append((tried, str(expected), str(found)))
        verdict = "ok" if str(expected) == str(found) else f"NO: {expected} was expected"
        print(f"  {tried:<74} {found!s:<16} {verdict}", flush=True)

    @property
    def all_as_expected(self) -> bool:
        return all(expected == found for _, expected, found in self.lines)


@contextmanager
def server() -> Iterator[str]:
    """The address of an S3 server, until the end of the block; what still runs then ends with it."""
    port = free_port()
    words = [str(FOLDER / "bin" / "python"), str(Path(__file__).with_name("server.py")), str(port)]
    with (FOLDER / "server.log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            for verb in started:
                verb.kill()
            process.terminate()


def made(bucket: Bucket) -> None:
    """Make the bucket as soon as the server answers."""
    for _ in range(120):
        with suppress(URLError):
            bucket.make()
            return
        time.sleep(0.25)
    raise SystemExit(f"no S3 server: {FOLDER / 'server.log'}")


def ingest(name: str, lake: str, *options: str, module: str = "jobs") -> Verb:
    """An ingest of the delivery, which goes on while this process does."""
    place = ("--input", str(FOLDER / "delivery"), "--lake", f"s3a://bank/{lake}", "--run-date", RUN_DATE)
    return Verb(name, ("ingest", *place, *options), module)


def until(tried: str, seen: re.Pattern[str], verb: Verb) -> None:
    """Wait until a verb has said something."""
    for _ in range(WAIT_SECONDS * 5):
        if seen.search(verb.said):
            return
        if verb.process.poll() is not None:
            break
        time.sleep(0.2)
    raise SystemExit(f"{tried}: {verb.log} has no '{seen.pattern}'")


def the_lake_is_whole(findings: Findings, bucket: Bucket, lake: str) -> None:
    """Every row of the files is there once, and no table lacks a commit."""
    for table in TABLES:
        files = [FOLDER / "delivery" / name for name in files_of(table.name)]
        rows = bucket.count(f"{lake}/tables/{table.name}")
        findings.add(f"{lake}: rows of {table.name}, and of its CSV files", rows_of(*files), rows)
    applicants = bucket.times(f"{lake}/tables/application", "SK_ID_CURR")
    findings.add(f"{lake}: applicants who are there more than once", 0, sum(n > 1 for n in applicants.values()))
    tables = {key.partition("/_delta_log/")[0] for key in bucket.keys(f"{lake}/") if "/_delta_log/" in key}
    holes = [name for name in tables if (there := bucket.versions(name)) != list(range(len(there)))]
    findings.add(f"{lake}: of {len(tables)} tables those whose commits have holes", [], holes)


def files_of(table: str) -> list[str]:
    """The CSV files of a table."""
    return ["application_train.csv", "application_test.csv"] if table == "application" else [f"{table}.csv"]


def two_at_once(findings: Findings, bucket: Bucket) -> None:
    """Into a lake that is not there yet: one goes on, the other is told by whom it is held."""
    both = [ingest(f"at-once-{number}", "together") for number in (1, 2)]
    codes = [verb.code() for verb in both]
    findings.add("two ingests of one date at once: their exit codes", [0, 6], sorted(codes))
    if sorted(codes) == [0, 6]:
        done, refused = both[codes.index(0)], both[codes.index(6)]
        named = f"written by ingest of {RUN_DATE} (process {done.process.pid} on " in refused.said
        findings.add("  the one that is refused names the other's process", True, named)
    the_lake_is_whole(findings, bucket, "together")


def one_waits(findings: Findings, bucket: Bucket) -> None:
    """With --wait both are done, one after the other, and the rows are there once."""
    both = [ingest(f"wait-{number}", "together-waiting", "--wait", "10") for number in (1, 2)]
    findings.add("two ingests at once with --wait 10: their exit codes", [0, 0], [verb.code() for verb in both])
    findings.add("  of them have waited", 1, sum("waiting: " in verb.said for verb in both))
    the_lake_is_whole(findings, bucket, "together-waiting")


def one_is_killed(findings: Findings, bucket: Bucket) -> None:
    """It holds the lake until its lease has run out; who comes then takes over and says so."""
    module = short_lease.__name__
    killed = ingest("killed", "together", module=module)
    until("one is killed", re.compile("bureau: .* rows"), killed)
    killed.kill()
    over = time.monotonic() + short_lease.SECONDS
    holder = f"ingest of {RUN_DATE} (process {killed.process.pid} on "
    refused = ingest("refused", "together", module=module)
    findings.add("an ingest after one was killed: its exit code", 6, refused.code())
    findings.add("  it names the one that was killed", True, f"written by {holder}" in refused.said)
    time.sleep(max(over - time.monotonic(), 0))
    taken = ingest("taken", "together", module=module)
    findings.add("an ingest after its lease has run out: its exit code", 0, taken.code())
    findings.add("  it says who left his work undone", True, holder in taken.said and "ended without" in taken.said)
    outcomes = bucket.times("together/operations/steps", "outcome")
    findings.add("  steps of the lake, by outcome", {"done": 2, "killed": 1}, dict(sorted(outcomes.items())))
    the_lake_is_whole(findings, bucket, "together")


def main() -> int:
    """Check; gives the exit code."""
    began = time.monotonic()
    shutil.rmtree(FOLDER / "delivery", ignore_errors=True)
    findings = Findings()
    with server() as address:
        bucket = Bucket(f"{address}/bank")
        made(bucket)
        (FOLDER / "s3.toml").write_text("")
        (FOLDER / "s3.conf").write_text(spark_conf(address))
        made_up = Verb("generate", ("generate", "--applicants", str(APPLICANTS), "--output", str(FOLDER / "delivery")))
        findings.add(f"generate --applicants {APPLICANTS}: its exit code", 0, made_up.code())
        two_at_once(findings, bucket)
        one_waits(findings, bucket)
        one_is_killed(findings, bucket)
        read = Verb(
            "status",
            ("status", "--lake", "s3a://bank/together", "--set", f"mlflow.tracking_uri=sqlite:///{FOLDER}/mlflow.db"),
        )
        findings.add("status of the lake: its exit code", 0, read.code())
        findings.add("  it knows the delivery", True, RUN_DATE in read.said)
    print(f"{len(findings.lines)} findings in {time.monotonic() - began:.0f} s; the logs are in build/s3/*.log")
    return 0 if findings.all_as_expected else 1


if __name__ == "__main__":
    sys.exit(main())
