"""The log file of a process: what Java and Spark say, and every line of its steps, whatever the terminal shows."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

FOLDER_VARIABLE, FILE_VARIABLE = "HOME_CREDIT_LOGS", "HOME_CREDIT_LOG"
KEPT = 50
"""Log files in a folder; older ones are removed."""
LOG4J, LOG4J_VARIABLE = "log4j2.properties", "LOG4J_CONFIGURATION_FILE"
"""The file of conf/, and log4j's own variable for it."""

started: list[Path] = []
"""The log file of this process, once it has one."""


def new_log(verb: str) -> Path:
    """An empty log file in $HOME_CREDIT_LOGS, else in logs/; in the temporary folder where that can't be written to."""
    name = f"{verb.replace(' ', '-')}-{os.getpid()}.log"
    wished = Path(os.environ.get(FOLDER_VARIABLE) or "logs").absolute()
    for folder in (wished, Path(tempfile.gettempdir()) / "home-credit-logs"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"")
        except OSError:
            continue
        remove_old(folder)
        return folder / name
    return Path(os.devnull)


def remove_old(folder: Path) -> None:
    """All but the newest logs."""
    logs = sorted(folder.glob("*-*.log"), key=lambda log: log.stat().st_mtime, reverse=True)
    for log in logs[KEPT:]:
        log.unlink(missing_ok=True)


def current_log() -> Path | None:
    """The log of this process, begun here or by spark-submit.sh; None where it started no JVM."""
    if started:
        return started[0]
    return Path(os.environ[FILE_VARIABLE]) if FILE_VARIABLE in os.environ else None


def keep(line: str) -> None:
    """Append a line to this process's log, where it has one."""
    log = current_log()
    if log is not None:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


@contextmanager
def java_output_kept(verb: str) -> Iterator[Path]:
    """What is started within the block writes its errors into this process's log; gives the log."""
    if not started:
        started.append(new_log(verb))
    terminal = os.dup(2)
    log = os.open(started[0], os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 2)
    try:
        yield started[0]
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(log)


@contextmanager
def log_named_where_it_fails() -> Iterator[None]:
    """Add to what goes wrong within the block where Java's and Spark's words are, if they said any."""
    with ExitStack() as stack:
        stack.push(name_log)
        yield


def name_log(_kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None) -> bool:
    """Leave the note on the error; never swallow it."""
    log = current_log()
    if error is not None and log is not None:
        error.add_note(f"What Java and Spark said is in {log}")
    return False
