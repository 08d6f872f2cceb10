"""./spark-submit.sh [options of spark-submit] VERB [options of the verb], once the shell has found a Python for it.

Packs features/ and jobs/, joins what the operator gives Spark with what the project needs, and calls spark-submit. It
needs the standard library alone.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from jobs.runtime.engine_choice import only_looks
from jobs.runtime.errors import UserError
from jobs.runtime.log_files import FILE_VARIABLE, LOG4J, LOG4J_VARIABLE, new_log
from jobs.runtime.spark_conf import DEFAULTS, EXCLUDES, PACKAGES, conf_of_environment, delta_jars, read_conf

ROOT: Final = Path(__file__).resolve().parents[2]
PACKED: Final = ("features", "jobs")

# spark-submit's own list (org.apache.spark.launcher.SparkSubmitOptionParser).
VALUED: Final = """
archives class conf deploy-mode driver-class-path driver-cores driver-default-class-path driver-java-options
driver-library-path driver-memory exclude-packages executor-cores executor-memory extra-properties-file files jars
keytab kill master name num-executors packages principal properties-file proxy-user py-files queue remote repositories
status total-executor-cores
"""
SWITCHES: Final = "help load-spark-defaults supervise usage-error verbose version"
WITH_VALUE: Final = frozenset(f"--{name}" for name in VALUED.split())
WITHOUT_VALUE: Final = frozenset(f"--{name}" for name in SWITCHES.split())
SHORT: Final = {"-c": "--conf", "-h": "--help", "-v": "--verbose"}

LISTS: Final = {
    "spark.jars": ("--jars", ","),
    PACKAGES: ("--packages", ","),
    EXCLUDES: ("--exclude-packages", ","),
    "spark.submit.pyFiles": ("--py-files", ","),
    "spark.files": ("--files", ","),
    "spark.sql.extensions": ("--conf", ","),
    "spark.driver.defaultJavaOptions": ("--conf", " "),
}
"""What an operator's value adds to and does not replace: the option of spark-submit, and what stands between items."""

SPOKEN: Final = frozenset({0, 2, 3, 4, 5, 6, 7})
"""Exit codes of a verb that has said why."""
LINES_SHOWN: Final = 5


@dataclass(frozen=True)
class Option:
    """An option of spark-submit; a switch has no value."""

    name: str
    value: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """As it is written."""
        return (self.name,) if self.value is None else (self.name, self.value)


def main(words: Sequence[str]) -> int:
    """Submit the verb that the words name; gives the exit code."""
    try:
        return submit(words)
    except UserError as error:
        print(f"spark-submit.sh: {error}", file=sys.stderr)
        return error.exit_code


def submit(words: Sequence[str]) -> int:
    """Start Spark with the verb, or the command line alone where that says enough."""
    options, verb = split(words)
    if not verb and options and options != [Option("--help")]:
        raise UserError(f"no verb in '{' '.join(words)}': './spark-submit.sh --help' lists them")
    if not verb or verb[0] not in verbs() or {"-h", "--help"} & set(verb):
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "jobs", *(verb or words)])
    if not options and only_looks(verb[0], environment_of(verb)):
        look(verb)
    conf = Path(os.environ["HOME_CREDIT_CONF"]).absolute()
    command = submit_command(conf, options, verb)
    if runs_elsewhere(options) or Option("--verbose") in options:
        os.execv(command[0], command)
    return run(command, conf, new_log(verb[0]))


def look(verb: Sequence[str]) -> NoReturn:
    """Run the verb without spark-submit, which it may need no Spark for; where it does it starts the same one."""
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    program = str(ROOT / "jobs" / "__main__.py")
    os.execve(sys.executable, [sys.executable, program, *verb], {**os.environ, "PYTHONPATH": paths})


def verbs() -> set[str]:
    """A verb is a file of jobs/; what is in its packages is none."""
    return {file.stem for file in (ROOT / "jobs").glob("*.py") if not file.stem.startswith("__")}


def split(words: Sequence[str]) -> tuple[list[Option], list[str]]:
    """The options of spark-submit, and the verb with its own: it is the first word that is no option and no value."""
    options: list[Option] = []
    rest = list(words)
    while rest and rest[0].startswith("-"):
        given = rest.pop(0)
        written, equals, value = given.partition("=")
        name = SHORT.get(written, written)
        if name in WITHOUT_VALUE and not equals:
            options.append(Option(name))
        elif name not in WITH_VALUE:
            raise UserError(f"{given} is no option of spark-submit: those of a verb stand after the verb")
        elif equals:
            options.append(Option(name, value))
        elif rest:
            options.append(Option(name, rest.pop(0)))
        else:
            raise UserError(f"{given} needs a value")
    return options, rest


def runs_elsewhere(options: Sequence[Option]) -> bool:
    """Whether the driver runs on the cluster: what is said here is then spark-submit's own report."""
    modes = [option.value for option in options if option.name == "--deploy-mode"]
    modes += [value for name, value in properties_given(options) if name == "spark.submit.deployMode"]
    return "cluster" in modes


def submit_command(conf: Path, options: Sequence[Option], verb: Sequence[str]) -> list[str]:
    """The words that start Spark.

    Spark takes --conf before a properties file, and the last of several, so they stand in this order: ours, the
    environment's, those of the operator's properties file, his options. Lists are joined in the same order.

    Args:
        conf: The folder of the configuration files.
        options: The operator's.
        verb: The verb and its options.
    """
    home = Path(os.environ.get("SPARK_HOME") or ROOT / ".venv")
    if not (home / "bin" / "spark-submit").is_file():
        raise UserError(f"{home} has no bin/spark-submit: set SPARK_HOME to a Spark, or run 'make setup'")
    environment = list(conf_of_environment(conf, environment_of(verb)).items())
    given = list(properties_given(options))
    needed = [*read_conf(conf / DEFAULTS).items(), *environment, *project_files(conf), *delta(conf, given)]
    command = [str(home / "bin" / "spark-submit"), "--load-spark-defaults", "--properties-file", str(conf / DEFAULTS)]
    for name, value in [*environment, *properties_files(options)]:
        command += [] if name in LISTS else ["--conf", f"{name}={value}"]
    for option in options:
        command += option.words if stays(option) else ()
    for name, values in lists_of([*needed, *installed_defaults(home), *given]).items():
        written, between = LISTS[name]
        value = between.join(dict.fromkeys(values))
        command += [written, f"{name}={value}" if written == "--conf" else value]
    return [*command, str(ROOT / "jobs" / "__main__.py"), *verb]


def lists_of(properties: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The values of each list, in their order."""
    lists: dict[str, list[str]] = {}
    for name, value in properties:
        if name in LISTS and value:
            lists.setdefault(name, []).append(value)
    return lists


def stays(option: Option) -> bool:
    """Whether an operator's option goes to spark-submit as it is: its value is no list and no file of properties."""
    if option.name == "--conf":
        return (option.value or "").partition("=")[0] not in LISTS
    return option.name not in {"--properties-file", *(written for written, _ in LISTS.values())}


def properties_given(options: Sequence[Option]) -> Iterator[tuple[str, str]]:
    """What the operator tells Spark by properties files, by --conf, and by options that are short for a list."""
    yield from properties_files(options)
    short = {written: name for name, (written, _) in LISTS.items() if written != "--conf"}
    for option in options:
        if option.name == "--conf" and option.value:
            name, _, value = option.value.partition("=")
            yield name, value
        elif option.name in short and option.value:
            yield short[option.name], option.value


def properties_files(options: Sequence[Option]) -> Iterator[tuple[str, str]]:
    """What the operator's properties files say; one that isn't there is his error."""
    for option in options:
        if option.name == "--properties-file" and option.value:
            if not Path(option.value).is_file():
                raise UserError(f"--properties-file {option.value}: there is no such file")
            yield from read_conf(Path(option.value)).items()


def installed_defaults(home: Path) -> Iterator[tuple[str, str]]:
    """What the cluster's own Spark is set up with."""
    folder = Path(os.environ.get("SPARK_CONF_DIR") or home / "conf")
    if (folder / DEFAULTS).is_file():
        yield from read_conf(folder / DEFAULTS).items()


def project_files(conf: Path) -> list[tuple[str, str]]:
    """The packages and the settings: in cluster mode the driver finds these in its working directory."""
    settings = ",".join(file.as_uri() for file in sorted(conf.glob("*.toml")))
    return [("spark.submit.pyFiles", packed().as_uri()), ("spark.files", settings)]


def delta(conf: Path, given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Delta's JARs. What is not fetched of Delta's packages would be missing of the operator's own."""
    jars = delta_jars(conf, ROOT / ".venv")
    if any(name == PACKAGES for name, _ in given):
        jars.pop(EXCLUDES, None)
    return list(jars.items())


def environment_of(verb: Sequence[str]) -> str:
    """What --env names among a verb's words."""
    chosen = "local"
    for word, following in zip(verb, [*verb[1:], ""], strict=True):
        if word == "--env":
            chosen = following
        elif word.startswith("--env="):
            chosen = word.removeprefix("--env=")
    return chosen


def packed() -> Path:
    """features/ and jobs/ as a ZIP file.

    Its name carries the content: a process that still reads an older one keeps it, and equal code is packed once.
    """
    files = sorted(
        file
        for package in PACKED
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    )
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(ROOT).as_posix()}\0".encode() + file.read_bytes())
    package = ROOT / "build" / f"home-credit-{digest.hexdigest()[:12]}.zip"
    if not package.exists():
        package.parent.mkdir(exist_ok=True)
        unfinished = package.with_suffix(f".{os.getpid()}")
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.writestr(zipfile.ZipInfo(file.relative_to(ROOT).as_posix()), file.read_bytes())
        unfinished.replace(package)
    return package


def run(command: Sequence[str], conf: Path, log: Path) -> int:
    """Run spark-submit with the JVM's errors in the log: what the verb says comes by its standard output.

    Signals go on to it. Where it ends before the verb could say why, the log's errors are shown.
    """
    with log.open("ab") as errors, subprocess.Popen(command, stderr=errors, env=told(conf, log)) as spark:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda received, _: spark.send_signal(received))
        code = spark.wait()
    code = code if code >= 0 else 128 - code
    if code not in SPOKEN:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors_said = [line for line in lines if re.match(r"Error|Exception|Caused by|JAVA_HOME", line)]
        print("\n".join(errors_said[:LINES_SHOWN]), file=sys.stderr)
        print(f"spark-submit.sh: ended with {code}; what Java and Spark said is in {log}", file=sys.stderr)
    return code


def told(conf: Path, log: Path) -> dict[str, str]:
    """The environment of the driver: its log, and what the terminal is that spark-submit hides from it by a pipe."""
    environment = {**os.environ, FILE_VARIABLE: str(log)}
    environment.setdefault(LOG4J_VARIABLE, (conf / LOG4J).as_uri())
    if sys.stdout.isatty():
        size = shutil.get_terminal_size()
        environment |= {"TTY_COMPATIBLE": "1", "COLUMNS": str(size.columns), "LINES": str(size.lines)}
    return environment
