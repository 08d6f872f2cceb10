"""Which verbs need no Spark where nobody has said which engine is to run them.

It needs the standard library alone, because spark-submit.sh asks too.
"""

import os
from typing import Final

LOOKS: Final = frozenset({"status"})
"""Verbs that read a few small tables and write nothing: Spark takes longer to start than Sail takes for all of it."""
SET_UP: Final = ("SPARK_HOME", "SPARK_CONF_DIR", "HADOOP_CONF_DIR", "YARN_CONF_DIR")
"""Where one of these is set, Spark may look for paths in another file system than this machine's."""


def only_looks(verb: str, env: str) -> bool:
    """Whether a verb only looks, where a path can be no other file system's.

    Args:
        verb: What is to run.
        env: As `--env` takes it.
    """
    return verb in LOOKS and env == "local" and not any(name in os.environ for name in SET_UP)
