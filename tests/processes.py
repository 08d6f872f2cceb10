"""The project as an operator starts it: in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def run_words(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    # A terminal's width would show in the help texts.
    environment = {**os.environ, "COLUMNS": "100", "PYTHONPATH": str(PROJECT), "NO_COLOR": "1"}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)


def run_python(*words: str, folder: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    return run_words([sys.executable, *words], folder)


def run_jobs(*words: str, folder: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """``python -m jobs VERB ...``"""
    return run_python("-m", "jobs", *words, folder=folder)


def spark_submit(*words: str, folder: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """``./spark-submit.sh VERB ...``"""
    return run_words([str(PROJECT / "spark-submit.sh"), *words], folder)
