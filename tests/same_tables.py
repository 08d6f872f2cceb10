"""``python -m tests.same_tables LAKE OTHER``: whether two lakes hold the same rows, whatever their versions are called.

For a change that must not change a number: run the line before and after on one delivery, then compare. Exit code 1 and
the names of the tables that differ, where some do.
"""

import sys
from pathlib import Path

from jobs.runtime.session import open_session
from tests.line import fingerprint

# The feature set is named after its declarations: it may change where no number does.
IDENTITY = ("feature_set", "model_sha256", "explained_by")
TABLES = ("tables/", "features", "scores", "explanations")


def main(words: list[str]) -> int:
    lake, other = map(Path, words)
    spark = open_session("same tables")
    here, there = (
        {name: found for name, found in fingerprint(spark, place, IDENTITY).items() if name.startswith(TABLES)}
        for place in (lake, other)
    )
    for name in sorted(here.keys() | there.keys()):
        rows = here.get(name, (0, 0))[0]
        print(f"{name:45} {rows:>10,} rows  {'same' if here.get(name) == there.get(name) else 'DIFFERENT'}")
    return int(here != there)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
