"""One session for the whole suite, of either engine, and where the real sample is."""

import os
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from sqlalchemy import Engine, event

from jobs.lake.job import Job
from jobs.lake.tables import Lake
from jobs.runtime.session import open_session
from jobs.runtime.settings import Settings, load_settings

# Small data in many plans: compiling them well takes longer than running them.
os.environ.setdefault(
    "JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=512m -Xss8m"
)

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE = Path(os.environ.get("HOME_CREDIT_SAMPLE", PROJECT.parent / "shared" / "data" / "home-credit-sample"))


@event.listens_for(Engine, "connect")
def without_waiting_for_the_disk(connection: object, _: object) -> None:
    """MLflow's stores are SQLite here, and no test cuts the power: making one waits for the disk sixty times."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")


SHARED_LAKES = ("demo_lake", "small_job")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=("sail", "spark"), default="sail", help="what computes in the suite's session")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a session: `make check` leaves it out. Tests on one lake, or of one file, stay together.

    Sail leaves out what Spark alone can be asked. `make test` has two workers with a session each: those that share a
    lake come first, because they take longest, then those that may take longer than others.
    """
    if config.getoption("--engine") == "sail":
        for_spark = [item for item in items if item.get_closest_marker("spark")]
        config.hook.pytest_deselected(items=for_spark)
        items[:] = [item for item in items if not item.get_closest_marker("spark")]
    for item in items:
        lake = shared_lake(item)
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.session)
        item.add_marker(
            pytest.mark.xdist_group(lake or (item.nodeid if is_long(item) else str(item.path.relative_to(PROJECT))))
        )
    items.sort(key=lambda item: (shared_lake(item) is None, not is_long(item)))


def shared_lake(item: pytest.Item) -> str | None:
    """The lake that the test shares with others."""
    return next((lake for lake in SHARED_LAKES if lake in getattr(item, "fixturenames", ())), None)


def is_long(item: pytest.Item) -> bool:
    """Whether the test says that it may take longer than others."""
    return item.get_closest_marker("timeout") is not None


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes in a test's name would tell when an archive was packed, and workers must name a test alike."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def spark(request: pytest.FixtureRequest) -> Iterator[SparkSession]:
    """The session that every test shares: starting one takes longer than most tests."""
    session = open_session("tests", request.config.getoption("--engine"))
    yield session
    session.stop()


@pytest.fixture(scope="session")
def settings() -> Settings:
    return load_settings("local")


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"), spark)


@pytest.fixture
def job(lake: Lake, settings: Settings) -> Job:
    return Job(lake, date(2018, 5, 17), settings)


@pytest.fixture(scope="session")
def sample() -> Path:
    """The folder of real rows; tests that need it skip where it is missing."""
    if not SAMPLE.is_dir():
        pytest.skip(f"no real sample at {SAMPLE}: set HOME_CREDIT_SAMPLE")
    return SAMPLE


@pytest.fixture(scope="session")
def demo_lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that `run` has filled from a generated delivery, which lies beside it in delivery/."""
    from tests.line import generate_delivery, run_line  # imports every verb

    assert spark is not None  # the verbs take the suite's session
    folder = tmp_path_factory.mktemp("demo")
    generate_delivery(folder / "delivery")
    assert run_line(folder / "delivery", folder / "lake") == 0
    return folder / "lake"


@pytest.fixture(scope="session")
def small_job(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A lake of made-up applicants with a handful of features: trained, registered, scored and explained."""
    from tests.small_lake import make_small_lake  # imports the verbs

    return make_small_lake(Lake(str(tmp_path_factory.mktemp("small")), spark))
