"""A year of made-up deliveries, run as a lender would: `make year`, or ``python -m tests.year --folder demo/year``.

The first delivery trains the model; each later one is ingested, assembled, scored and monitored, and what came of the
delivery of half a year before is taken in on its day. The broken month is refused first and then taken as it is, with a
reason. One process, because starting Spark takes as long as a delivery.
"""

import argparse
import time
from datetime import date
from pathlib import Path

from jobs.__main__ import main
from jobs.runtime.errors import ContractBroken, LimitPassed

# The best model is not the question here, and a search takes longer than a delivery.
TRAINED = ("--set", "search.trials=0", "--set", "search.logistic_c=[]", "--set", "explain.stability=false")


ACCEPTED = ("--accept", "nulls", "--reason", "the bureau sent no scores this month and will not send them later")


def run(*words: str, allowed: tuple[int, ...] = (0,)) -> int:
    """A verb's exit code; one that is not expected ends the year."""
    code = main(words)
    if code not in allowed:
        raise SystemExit(code)
    return code


def year(folder: Path, number: int, applicants: int, monthly: int) -> None:
    """Generate and run it, below a folder."""
    deliveries, lake = folder / "deliveries", str(folder / "lake")
    made = ("--deliveries", str(number), "--applicants", str(applicants), "--monthly", str(monthly))
    run("generate", *made, "--drift", "0.04", "--broken", "9", "--seed", "1", "--output", str(deliveries))
    dates = sorted(date.fromisoformat(path.name) for path in deliveries.iterdir() if path.name[:2] == "20")
    for run_date in dates:
        started, on = time.monotonic(), ("--lake", lake, "--run-date", run_date.isoformat())
        delivery = ("--input", str(deliveries / run_date.isoformat()))
        if run_date == dates[0]:
            run("run", *on, *delivery, *TRAINED)
        else:
            if run("ingest", *on, *delivery, allowed=(0, ContractBroken.exit_code)):
                run("ingest", *on, *delivery, *ACCEPTED)
            run("assemble", *on)
            run("score", *on)
        run("monitor", *on, allowed=(0, LimitPassed.exit_code))
        known = deliveries / "outcomes" / f"{run_date}.csv"
        if known.is_file():
            run("outcomes", "--lake", lake, "--input", str(known), "--as-of", run_date.isoformat())
        print(f"{run_date}: {time.monotonic() - started:.0f} s", flush=True)
    run("year", "--lake", lake, "--run-date", dates[-1].isoformat())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--applicants", type=int, default=5_000)
    parser.add_argument("--monthly", type=int, default=1_200)
    parser.add_argument("--deliveries", type=int, default=12)
    chosen = parser.parse_args()
    year(chosen.folder, chosen.deliveries, chosen.applicants, chosen.monthly)
