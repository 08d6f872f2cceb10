"""./spark-submit.sh against a Spark that says what it was given."""

import re
import signal
import subprocess
import sys
import time
import zipfile
from importlib.metadata import files
from pathlib import Path

import pytest

from jobs.__main__ import VERBS
from jobs.runtime import submission
from tests.processes import PROJECT, own_environment

SCRIPT = str(PROJECT / "spark-submit.sh")
DELTA = "io.delta.sql.DeltaSparkSessionExtension"
NOISE = "echo 'WARNING: Using incubator modules' >&2\n"


def spark_home(folder: Path, script: str) -> Path:
    """A Spark whose spark-submit is a shell script."""
    submit = folder / "spark" / "bin" / "spark-submit"
    submit.parent.mkdir(parents=True)
    submit.write_text(f"#!/usr/bin/env bash\n{script}")
    submit.chmod(0o755)
    return submit.parent.parent


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Spark that prints its words; what the script writes stays in the test's folder."""
    monkeypatch.setenv("HOME_CREDIT_LOGS", str(tmp_path / "logs"))
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.delenv("SPARK_CONF_DIR", raising=False)
    home = spark_home(tmp_path, f"{NOISE}printf '%s\\n' \"$@\"\n")
    monkeypatch.setenv("SPARK_HOME", str(home))
    return home


def called(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *words], capture_output=True, text=True, timeout=60, check=False)


def submitted(*words: str) -> tuple[list[str], list[str]]:
    """What Spark was given before and after the program."""
    ended = called(*words)
    assert (ended.returncode, ended.stderr) == (0, "")
    given = ended.stdout.splitlines()
    program = given.index(str(PROJECT / "jobs" / "__main__.py"))
    return given[:program], given[program + 1 :]


def option(given: list[str], name: str) -> str:
    """The value of an option, which stands once."""
    assert given.count(name) == 1, given
    return given[given.index(name) + 1]


def conf(given: list[str], name: str) -> str:
    """What a property is in the end: spark-submit takes the last."""
    values = [word.partition("=")[2] for word in given if word.startswith(f"{name}=")]
    assert values, given
    return values[-1]


@pytest.mark.parametrize(
    "options",
    [
        ("--master", "yarn", "--queue", "score"),
        ("--name", "score"),
        ("--name=score", "--supervise", "--executor-memory", "8g"),
        ("--master", "local[2]", "--proxy-user", "run", "--conf", "spark.ui.enabled=false"),
    ],
)
def test_an_option_keeps_its_value_even_where_that_is_the_name_of_a_verb(options: tuple[str, ...]) -> None:
    verb = ["run", "--input", "score", "--lake", "lake"]
    given, rest = submitted(*options, *verb)
    assert rest == verb
    values = [value for word in options for value in word.split("=", maxsplit=word.startswith("--"))]
    assert [word for word in given if word in values and word != "--conf"] == [v for v in values if v != "--conf"]


def test_the_options_are_those_that_spark_submit_knows() -> None:
    """Its parser is a class in one of pyspark's JARs."""
    (jar,) = (file for file in files("pyspark") or () if re.search(r"/spark-launcher_.*\.jar$", str(file)))
    with zipfile.ZipFile(jar.locate()) as archive:
        parser = archive.read("org/apache/spark/launcher/SparkSubmitOptionParser.class")
    known = {name.decode() for name in re.findall(rb"--[a-z-]+", parser)}
    assert known == submission.WITH_VALUE | submission.WITHOUT_VALUE


def test_lists_of_the_operator_join_the_project_s(tmp_path: Path) -> None:
    (tmp_path / "mine.conf").write_text("spark.files /etc/mine.txt\nspark.executor.cores: 3\n")
    words = ["--py-files", "mine.zip", "--files=/etc/other.txt", "--jars", "mine.jar"]
    words += ["--conf", "spark.submit.pyFiles=other.zip", "--conf=spark.sql.extensions=my.Extensions"]
    words += ["--properties-file", str(tmp_path / "mine.conf"), "--conf", "spark.driver.defaultJavaOptions=-Xss16m"]
    given, rest = submitted(*words, "status")
    assert rest == ["status"]
    package, *others = option(given, "--py-files").split(",")
    assert re.fullmatch(r"file:\S+/home-credit-[0-9a-f]{12}\.zip", package)
    assert others == ["mine.zip", "other.zip"]
    files = option(given, "--files").split(",")
    assert {Path(file).name for file in files[:-2]} == {"base.toml", "local.toml", "cluster.toml"}
    assert files[-2:] == ["/etc/mine.txt", "/etc/other.txt"]
    assert option(given, "--jars").endswith("mine.jar")
    assert conf(given, "spark.sql.extensions") == f"{DELTA},my.Extensions"
    assert conf(given, "spark.driver.defaultJavaOptions").split()[-1] == "-Xss16m"
    assert conf(given, "spark.executor.cores") == "3"


@pytest.mark.parametrize(
    "words",
    [
        ("--packages", "org.apache.hadoop:hadoop-aws:3.4.1"),
        ("--packages=org.apache.hadoop:hadoop-aws:3.4.1",),
        ("--conf", "spark.jars.packages=org.apache.hadoop:hadoop-aws:3.4.1"),
        ("--conf=spark.jars.packages=org.apache.hadoop:hadoop-aws:3.4.1",),
    ],
)
def test_packages_of_the_operator_lose_neither_delta_nor_what_they_need(words: tuple[str, ...]) -> None:
    given, _ = submitted(*words, "status")
    assert "org.apache.hadoop:hadoop-aws:3.4.1" in option(given, "--packages").split(",")
    everything = " ".join(given)
    assert "delta-spark_4.2_2.13" in everything
    assert "delta-storage" in everything
    assert "--exclude-packages" not in given


def test_what_a_cluster_is_set_up_with_stays(home: Path) -> None:
    (home / "conf").mkdir()
    (home / "conf" / "spark-defaults.conf").write_text("spark.jars  /opt/site.jar\nspark.eventLog.enabled  true\n")
    given, _ = submitted("status")
    assert option(given, "--jars").split(",")[-1] == "/opt/site.jar"
    assert "--load-spark-defaults" in given


def test_an_environment_brings_its_own_sizes_and_an_option_goes_before_them(tmp_path: Path) -> None:
    laptop, _ = submitted("run", "--env", "local")
    assert not [word for word in laptop if "shuffle.partitions" in word]
    cluster, _ = submitted("--conf", "spark.executor.instances=9", "run", "--lake", "lake", "--env=cluster")
    assert conf(cluster, "spark.sql.shuffle.partitions") == "200"
    assert conf(cluster, "spark.executor.instances") == "9"
    (tmp_path / "mine.conf").write_text("spark.sql.shuffle.partitions 64\n")
    mine, _ = submitted("run", "--env", str(tmp_path / "mine.toml"))
    assert conf(mine, "spark.sql.shuffle.partitions") == "64"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("--lake", "lake", "status"), "--lake is no option of spark-submit: those of a verb stand after the verb"),
        (("--master",), "--master needs a value"),
        (("--master", "local"), "no verb in '--master local'"),
        (("--properties-file", "nowhere.conf", "status"), "nowhere.conf: there is no such file"),
        (("model",), "'model'"),
        (("--master", "local", "__main__"), "'__main__'"),
        (("runtime/session",), "'runtime/session'"),
    ],
)
def test_what_names_no_verb_is_refused_without_starting_spark(words: tuple[str, ...], shown: str) -> None:
    ended = called(*words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert shown in ended.stderr


def test_help_of_a_verb_needs_no_spark() -> None:
    ended = called("--master", "yarn", "score", "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "--run-date" in ended.stdout


def test_a_spark_home_without_spark_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_HOME", str(tmp_path / "nowhere"))
    ended = called("status")
    assert ended.returncode == 2
    assert f"{tmp_path / 'nowhere'} has no bin/spark-submit" in ended.stderr


def test_the_verbs_are_the_files_of_jobs() -> None:
    assert submission.verbs() == set(VERBS)


def test_what_java_says_is_in_the_log_and_not_on_the_screen(tmp_path: Path) -> None:
    submitted("status")
    (log,) = (tmp_path / "logs").iterdir()
    assert re.fullmatch(r"status-\d+\.log", log.name)
    assert "incubator" in log.read_text()


def test_a_start_that_fails_says_why_and_where_the_rest_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = spark_home(tmp_path / "broken", f"{NOISE}echo 'Error: Master must start with yarn' >&2\nexit 1\n")
    monkeypatch.setenv("SPARK_HOME", str(broken))
    ended = called("--master", "moon", "status")
    assert ended.returncode == 1
    said, where = ended.stderr.splitlines()
    assert said == "Error: Master must start with yarn"
    assert Path(where.rpartition(" ")[2]).is_file()


@pytest.mark.parametrize("code", [2, 3, 4, 5, 6])
def test_a_verb_s_refusal_ends_with_its_code_and_nothing_more_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setenv("SPARK_HOME", str(spark_home(tmp_path / "refusing", f"{NOISE}exit {code}\n")))
    ended = called("status")
    assert (ended.returncode, ended.stderr) == (code, "")


def test_a_signal_reaches_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = "trap 'touch stopped; exit 143' TERM\ntouch started\nfor _ in $(seq 300); do sleep 0.1; done\n"
    monkeypatch.setenv("SPARK_HOME", str(spark_home(tmp_path / "waiting", waiting)))
    process = subprocess.Popen([SCRIPT, "status"], cwd=tmp_path, stderr=subprocess.DEVNULL, env=own_environment())
    for _ in range(300):
        if (tmp_path / "started").exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 143
    assert (tmp_path / "stopped").exists()


def test_in_cluster_mode_spark_submit_reports_by_itself(tmp_path: Path) -> None:
    for words in (("--deploy-mode", "cluster"), ("--conf", "spark.submit.deployMode=cluster")):
        ended = called(*words, "status")
        assert "incubator" in ended.stderr
    assert not (tmp_path / "logs").exists()
