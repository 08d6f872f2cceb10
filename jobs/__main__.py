"""The one command line: ``python -m jobs VERB`` and ``./spark-submit.sh VERB`` alike."""

import argparse
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from jobs.runtime.errors import UserError
from jobs.runtime.log_files import log_named_where_it_fails
from jobs.runtime.progress import Said, on_terminal
from jobs.runtime.settings import load_settings

VERBS: Final = (
    "generate",
    "ingest",
    "assemble",
    "catalogue",
    "train",
    "register",
    "promote",
    "rollback",
    "score",
    "explain",
    "report",
    "run",
    "nightly",
    "backfill",
    "monitor",
    "outcomes",
    "year",
    "replay",
    "decide",
    "export",
    "quarantine",
    "serve",
    "status",
)
"""Each is a module of jobs/ with HELP, add_options(parser) and main(arguments, settings).

It is imported when it is called: all of them take seconds.
"""


def build_parser(names: Sequence[str] = VERBS) -> argparse.ArgumentParser:
    """The parser of some verbs."""
    parser = argparse.ArgumentParser(
        prog="home-credit", description="Home Credit default risk on Spark.", allow_abbrev=False
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name in names:
        module = import_module(f"jobs.{name}")
        verb = verbs.add_parser(name, help=module.HELP, description=module.HELP, allow_abbrev=False)
        module.add_options(verb)
        verb.add_argument("--env", default="local", help="local, cluster or a .toml file (default: %(default)s)")
        verb.add_argument(
            "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting to change; repeatable"
        )
        verb.set_defaults(main=module.main)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run the verb that the words name; gives the exit code."""
    words = sys.argv[1:] if words is None else words
    called = [name for name in VERBS if name in words[:1]]
    arguments = build_parser(called or VERBS).parse_args(words)
    began = time.monotonic()
    as_json = False
    try:
        with log_named_where_it_fails():
            settings = load_settings(arguments.env, tuple(arguments.set))
            as_json = settings.log.format == "json"
            arguments.main(arguments, settings)
    except UserError as error:
        if as_json:
            seconds = time.monotonic() - began
            print(Said(arguments.verb, seconds, str(error), "error", error.recorded).as_json(), file=sys.stderr)
            return error.exit_code
        # A log holds what was said before; a terminal has shown the last of it.
        notes = getattr(error, "__notes__", []) if on_terminal() else []
        print("\n".join([f"{arguments.verb}: {error}", *notes]), file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    code = main()
    # On YARN an exit(0) in cluster mode may be reported as failed: leave by returning where all is well.
    if code:
        sys.exit(code)
