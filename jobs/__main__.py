"""The one command line: ``python -m jobs VERB`` and ``./spark-submit.sh VERB`` alike."""

import argparse
import sys
import time
from collections.abc import Sequence

from jobs import (
    assemble,
    backfill,
    catalogue,
    decide,
    explain,
    export,
    generate,
    ingest,
    monitor,
    nightly,
    outcomes,
    promote,
    quarantine,
    register,
    replay,
    report,
    rollback,
    run,
    score,
    serve,
    status,
    train,
    year,
)
from jobs.runtime.errors import UserError
from jobs.runtime.log_files import log_named_where_it_fails
from jobs.runtime.progress import Said, on_terminal
from jobs.runtime.settings import load_settings

VERBS = (
    generate,
    ingest,
    assemble,
    catalogue,
    train,
    register,
    promote,
    rollback,
    score,
    explain,
    report,
    run,
    nightly,
    backfill,
    monitor,
    outcomes,
    year,
    replay,
    decide,
    export,
    quarantine,
    serve,
    status,
)
"""Each verb's module has HELP, add_options(parser) and main(arguments, settings)."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of every verb."""
    parser = argparse.ArgumentParser(
        prog="home-credit", description="Home Credit default risk on Spark.", allow_abbrev=False
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for module in VERBS:
        name = module.__name__.rpartition(".")[2]
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
    arguments = build_parser().parse_args(words)
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
