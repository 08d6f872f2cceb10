"""The one place that builds a Spark session."""

import os
import re
import sys

from pyspark.sql import SparkSession

from jobs.settings import conf_dir

# What results depend on, so that no file can change it.
REQUIRED = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    # Tables hashed by applicant stay so in joins that also compare another column: one shuffle a table.
    "spark.sql.requireAllClusterKeysForCoPartition": "false",
}


def spark_defaults() -> dict[str, str]:
    """conf/spark-defaults.conf as a mapping, read as Spark reads it: name, white space, value."""
    text = (conf_dir() / "spark-defaults.conf").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    pairs = (re.split(r"[\s=]+", line, maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {name: value.strip() for name, value in pairs}


def open_session(name: str) -> SparkSession:
    """The session, named after what it runs.

    Under spark-submit the sizes and packages are spark-submit's; started by Python they come from
    conf/spark-defaults.conf, so that both agree.
    """
    # Workers would otherwise take python3 from PATH and fail with PYTHON_VERSION_MISMATCH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(f"home-credit {name}")
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        for key, value in spark_defaults().items():
            builder = builder.config(key, value)
        builder = builder.config("spark.ui.showConsoleProgress", str(sys.stderr.isatty()).lower())
        if "MASTER" in os.environ:
            builder = builder.master(os.environ["MASTER"])
    for key, value in REQUIRED.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session
