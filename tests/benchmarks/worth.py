"""What the features are worth: cross-validated AUC of the baseline, and of trees on more and more of the features.

    python -m tests.benchmarks.worth --lake demo/lake --run-date 2018-05-17

Nested features are among them where the lake was assembled with `nested.enabled=true`. Same applicants, same folds,
fitted on the executors as `train` does before it chooses; intervals of differences are DeLong's, of paired margins.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from rich.console import Console
from rich.table import Table

from features.matrix import KEY, catalogue
from features.nested import EVERY_FEATURE
from features.spec import Named
from jobs import cross_validation, folds
from jobs.candidates import Logistic, Trees
from jobs.choice import Trial
from jobs.cross_validation import NO_FOLD, Dealt
from jobs.inputs import read_inputs
from jobs.lake import NESTED, Lake, parse_run_date
from jobs.null_importance import gains
from jobs.session import open_session
from jobs.settings import Settings, Train, load_settings

TOP = 30
APPLICATION = "application"


def labelled_rows(lake: Lake, run_date: str, features: Sequence[Named], settings: Settings) -> DataFrame:
    """All labelled applicants of the delivery: nothing is chosen here, so that none has to stay unseen."""
    rows = read_inputs(lake, [named.name for named in features], parse_run_date(run_date))
    return folds.labelled(rows, settings.split).withColumn("part", F.lit(folds.TRAIN))


def for_few_rows(booster: Train, rows: int) -> Train:
    """The project's booster; on few rows with leaves as small as they need to be."""
    return booster.model_copy(update={"min_child_weight": min(booster.min_child_weight, rows / 1000)})


def reading(dealt: Dealt, names: Sequence[str]) -> Dealt:
    """The same applicants, with these features alone."""
    return replace(dealt, kept=dict.fromkeys(range(dealt.folds), tuple(names)))


def trials(dealt: Dealt, features: Sequence[Named], settings: Settings, booster: Train) -> Iterator[Trial]:
    """The best logistic regression of the grid, then trees on more and more."""
    own = [named.name for named in features if named.table == APPLICATION]
    lines = [Logistic(c) for c in settings.search.logistic_c]
    all_plain = reading(dealt, [named.name for named in catalogue()])
    tried = [
        Trial(f"logistic regression, C {line.c:g}", line, cross_validation.out_of_fold(all_plain, line), "")
        for line in lines
    ]
    yield max(tried, key=lambda trial: trial.auc.value)
    trees = Trees(booster)
    plain = [named.name for named in catalogue()]
    nested = [("trees, nested features too", dealt.names)] if len(dealt.names) > len(plain) else []
    for name, names in (("trees, application alone", own), ("trees, all tables", plain), *nested):
        yield Trial(name, trees, cross_validation.out_of_fold(reading(dealt, names), trees), "")


def gains_of(dealt: Dealt, booster: Train, rounds: int) -> dict[str, float]:
    """The total gain of each feature in so many trees on all applicants."""
    names = dealt.names

    def fit(_: object, group: pa.Table) -> pa.Table:
        ordered = group.sort_by(KEY)
        found = gains(cross_validation.matrix(ordered), cross_validation.as_labels(ordered), rounds, booster)
        return pa.table({"feature": list(names), "gain": found})

    found = cross_validation.in_tasks(dealt, [NO_FOLD], fit, "feature STRING, gain DOUBLE")
    return dict(zip(found["feature"], found["gain"], strict=True))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lake", required=True)
    parser.add_argument("--run-date", required=True)
    parser.add_argument("--rounds", type=int, default=200, help="trees to add up gains of (default: %(default)s)")
    parser.add_argument("--most", type=int, default=100_000, help="labelled applicants (default: %(default)s)")
    arguments = parser.parse_args()
    settings = load_settings()
    lake = Lake(arguments.lake, open_session("worth"))
    features = list(EVERY_FEATURE if lake.exists(NESTED) else catalogue())
    rows = labelled_rows(lake, arguments.run_date, features, settings)
    search = settings.search.model_copy(update={"rows": arguments.most})
    dealt = cross_validation.deal(rows, [named.name for named in features], settings.split, search)
    dealt.rows.persist()
    booster = for_few_rows(settings.train, dealt.rows.count())
    console = Console(width=120)
    grid = Table(title="Out of fold", title_justify="left")
    for heading in ("model", "AUC", "95% interval", "more than the one above", "95% interval", "s of fitting"):
        grid.add_column(heading, justify="left" if heading == "model" else "right")
    before: Trial | None = None
    for trial in trials(dealt, features, settings, booster):
        more = before.behind(trial) if before else None
        grid.add_row(
            trial.name,
            f"{trial.auc.value:.4f}",
            f"{trial.auc.low:.4f} to {trial.auc.high:.4f}",
            f"{more.value:+.4f}" if more else "",
            f"{more.low:+.4f} to {more.high:+.4f}" if more else "",
            f"{trial.answered.seconds:.0f}",
        )
        before = trial
        console.print(trial.summary)
    assert before is not None
    labels = before.answered.labels
    console.print(f"\n{labels.size:,} labelled applicants, {np.mean(labels):.2%} bad, {dealt.folds} folds")
    console.print(grid)
    by_name = gains_of(dealt, booster, arguments.rounds)
    total = sum(by_name.values())
    top = Table("feature", "table", title=f"Largest gain in {arguments.rounds} trees", title_justify="left")
    top.add_column("share", justify="right")
    for named in sorted(features, key=lambda each: -by_name[each.name])[:TOP]:
        top.add_row(named.name, named.table, f"{by_name[named.name] / total:.2%}")
    console.print(top)


if __name__ == "__main__":
    main()
