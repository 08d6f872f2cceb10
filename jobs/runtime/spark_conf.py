"""What Spark is told before it starts, by ./spark-submit.sh and `python -m jobs` alike.

It needs the standard library alone: the Python that submits need not be the one that computes.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULTS: Final = "spark-defaults.conf"
LOCKED_JARS: Final = "jars.lock"
JARS: Final = "jars"
"""The folder of an environment that set-up puts Delta's JARs into."""

PACKAGES, EXCLUDES = "spark.jars.packages", "spark.jars.excludes"
NOT_NEEDED: Final = "io.delta:delta-kernel*,io.unitycatalog:*,org.*:*,com.*:*,io.netty:*,net.*:*,commons*:*,it.unimi*:*"
"""What Delta names beside its storage layer: Spark's own, or for Unity Catalog."""


def read_conf(path: Path) -> dict[str, str]:
    """A file of Spark's properties, read as Spark reads it: name, white space or = or :, value."""
    text = re.sub(r"\\\n\s*", "", path.read_text(encoding="utf-8"))
    lines = (line.strip() for line in text.splitlines())
    pairs = (re.split(r"\s*[=:]\s*|\s+", line, maxsplit=1) for line in lines if line and line[0] not in "#!")
    return {name: "".join(value) for name, *value in pairs}


def conf_of(folder: Path, env: str) -> dict[str, str]:
    """spark-defaults.conf, and over it NAME.conf beside the NAME.toml that `--env` names.

    Args:
        folder: Of the configuration files.
        env: "local", "cluster" or the path of a .toml file.
    """
    return {**read_conf(folder / DEFAULTS), **conf_of_environment(folder, env)}


def conf_of_environment(folder: Path, env: str) -> dict[str, str]:
    """What an environment tells Spark beside spark-defaults.conf; nothing where it has no file."""
    own = Path(env).with_suffix(".conf") if env.endswith(".toml") else folder / f"{env}.conf"
    return read_conf(own) if own.is_file() else {}


@dataclass(frozen=True)
class Jar:
    """A JAR by its coordinate, group:artifact:version, and the hash of its file."""

    coordinate: str
    sha256: str

    @property
    def file_name(self) -> str:
        """As Maven names it."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def locked_jars(folder: Path) -> tuple[Jar, ...]:
    """Those of conf/jars.lock."""
    lines = (folder / LOCKED_JARS).read_text(encoding="utf-8").splitlines()
    return tuple(Jar(*line.split()) for line in lines if line and not line.startswith("#"))


def delta_jars(folder: Path, environment: Path) -> dict[str, str]:
    """Where Spark takes Delta from: the JARs that set-up fetched; without them their names, for its own resolver.

    Args:
        folder: Of the configuration files.
        environment: The Python environment that set-up made.
    """
    jars = locked_jars(folder)
    files = [environment.absolute() / JARS / jar.file_name for jar in jars]
    if all(file.is_file() for file in files):
        return {"spark.jars": ",".join(file.as_uri() for file in files)}
    return {PACKAGES: ",".join(jar.coordinate for jar in jars), EXCLUDES: NOT_NEEDED}
