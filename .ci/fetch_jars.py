"""Fetch the JARs of conf/jars.lock into the environment, by Spark's own resolver; refuse one of another content."""

import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from jobs.runtime.errors import UserError
from jobs.runtime.session import open_session
from jobs.runtime.settings import conf_dir
from jobs.runtime.spark_conf import JARS, Jar, locked_jars


def main() -> str | None:
    """Gives what is wrong, if anything is."""
    folder = Path(sys.prefix) / JARS
    shutil.rmtree(folder, ignore_errors=True)  # Spark would take these instead of resolving
    try:
        resolved = open_session("set-up").sparkContext.getConf().get("spark.jars", "").split(",")
    except UserError as error:
        return f"setup: Delta's JARs could not be fetched from Maven Central or $DEFAULT_ARTIFACT_REPOSITORY. {error}"
    fetched = folder.with_suffix(".fetched")
    fetched.mkdir(exist_ok=True)
    for jar in locked_jars(conf_dir()):
        file = file_of(jar, resolved)
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        if sha256 != jar.sha256:
            return f"setup: {file} has SHA-256 {sha256}, not {jar.sha256} as in conf/jars.lock: delete it and try again"
        shutil.copyfile(file, fetched / jar.file_name)
    fetched.rename(folder)
    return None


def file_of(jar: Jar, resolved: Sequence[str]) -> Path:
    """Where the resolver put a JAR: it writes the group before its name."""
    files = (Path(unquote(urlsplit(uri).path)) for uri in resolved)
    return next(file for file in files if file.name.endswith(jar.file_name))


if __name__ == "__main__":
    sys.exit(main())
