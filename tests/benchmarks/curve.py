"""How good models are by the number of labelled applicants: the booster of [train], what a search takes, the baseline.

    python -m tests.benchmarks.curve --lake demo/lake --run-date 2018-05-17

For each size the same applicants and folds for all, fitted on the executors as `train` does before it chooses: with
fewer than `train.few_rows` by round, with more stopped early (a linear part ships with the first alone). AUC is out of
fold. What a search takes is measured on the applicants that it was chosen by, which flatters it a little.
"""

import argparse
from collections.abc import Iterator

from pyspark.sql import DataFrame
from rich.console import Console
from rich.table import Table

from features.plan.feature_table import catalogue
from jobs.lake.tables import Lake
from jobs.model.candidates import Candidate, Logistic, Trees
from jobs.model.choice import Trial, choose
from jobs.model.linear_part import Mixed
from jobs.runtime.session import open_session
from jobs.runtime.settings import Settings, load_settings
from jobs.training import cross_validation
from jobs.training.cross_validation import Dealt
from jobs.training.search import AS_SET, DRAWN, GOOD_BOOSTERS
from tests.benchmarks.worth import labelled_rows

SIZES = (500, 1_500, 3_000, 5_000, 10_000)
MOST = 400_000
HEADINGS = ("model", "AUC", "95% interval", "more than as set", "95% interval", "trees", "s of fitting")


def candidates(settings: Settings) -> Iterator[tuple[str, Candidate]]:
    """What is tried at every size: no draws, so that sizes differ by nothing else."""
    for c in settings.search.logistic_c:
        yield f"logistic regression, C {c:g}", Logistic(c)
    yield AS_SET, Trees(settings.train)
    yield "trees as set with a linear part", Mixed(settings.train)
    yield "trees that mind no sign of the risk", Trees(settings.train.model_copy(update={"monotone": False}))
    for number, good in enumerate(GOOD_BOOSTERS, start=1):
        drawn = settings.train.model_copy(update=dict(zip(DRAWN, good, strict=True)))
        if drawn != settings.train:
            yield f"trees {number}", Trees(drawn)


def dealt_of(rows: DataFrame, size: int, settings: Settings) -> Dealt:
    """So many of the applicants in folds; nobody is chosen for, so that nobody has to stay unseen."""
    search = settings.search.model_copy(update={"rows": size})
    stops = None if size < settings.train.few_rows else cross_validation.a_tenth(search)
    return cross_validation.deal(rows, catalogue(), settings.split, search, stops)


def trials_of(dealt: Dealt, settings: Settings) -> tuple[Trial, ...]:
    """The candidates on the applicants that were dealt."""
    dealt.rows.persist()
    try:
        return tuple(
            Trial(name, candidate, (cross_validation.out_of_fold(dealt, candidate),), "")
            for name, candidate in candidates(settings)
        )
    finally:
        dealt.rows.unpersist()


def show(trials: tuple[Trial, ...], console: Console) -> None:
    """All that was tried at a size, each against the booster as it is set."""
    (as_set,) = (trial for trial in trials if trial.name == AS_SET)
    choice = choose([trial for trial in trials if not isinstance(trial.candidate, Mixed)])
    grid = Table(title=f"{as_set.labels.size:,} applicants, {as_set.labels.sum():,.0f} bad", title_justify="left")
    for heading in HEADINGS:
        grid.add_column(heading, justify="left" if heading == "model" else "right")
    for trial in trials:
        more = as_set.behind(trial)
        grid.add_row(
            f"{trial.name}, taken" if trial is choice.chosen else trial.name,
            f"{trial.auc.value:.4f}",
            f"{trial.auc.low:.4f} to {trial.auc.high:.4f}",
            f"{more.value:+.4f}",
            f"{more.low:+.4f} to {more.high:+.4f}",
            f"{trial.rounds:.0f}",
            f"{trial.seconds:.0f}",
        )
    console.print(grid)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lake", required=True)
    parser.add_argument("--run-date", required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="default: %(default)s, and all there are")
    arguments = parser.parse_args()
    settings, console = load_settings(), Console(width=120)
    lake = Lake(arguments.lake, open_session("curve"))
    rows = labelled_rows(lake, arguments.run_date, catalogue(), settings, MOST)
    everybody = rows.count()
    for size in sorted({*(size for size in arguments.sizes if size < everybody), everybody}):
        show(trials_of(dealt_of(rows, size, settings), settings), console)


if __name__ == "__main__":
    main()
