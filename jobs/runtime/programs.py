"""Programs as whoever reads a message can call them from where they are."""

import shutil
import sys
from pathlib import Path


def called(name: str) -> str:
    """A program of this Python's environment: its name where PATH leads there, else the path to it.

    Args:
        name: Such as "python" or "mlflow".
    """
    beside = Path(sys.executable).absolute().parent / name
    found = shutil.which(name)
    if found is not None and Path(found).absolute() == beside:
        return name
    return str(beside.relative_to(Path.cwd())) if beside.is_relative_to(Path.cwd()) else str(beside)
