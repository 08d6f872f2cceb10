"""What the features are worth: cross-validated AUC of the baseline, and of trees on more and more of the features.

    python -m tests.benchmarks.worth --lake demo/lake --run-date 2018-05-17

Same applicants, same folds, fitted on the executors as `train` does before it chooses; intervals of differences are
DeLong's, of paired margins. Where the lake was assembled with `nested.enabled=true`, trees with and without the nested
features are fitted on the training folds and measured on the test folds: what a fold of the training applicants has
been told by its row models is no secret of the other folds.
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

from features.plan.feature_table import catalogue
from features.plan.nested_table import EVERY_FEATURE
from features.spec import KEY, Named
from jobs.lake import folds
from jobs.lake.model_rows import read_inputs
from jobs.lake.tables import NESTED, Lake, parse_run_date
from jobs.model.candidates import Logistic, Trees
from jobs.model.choice import Trial
from jobs.model.null_importance import gains
from jobs.runtime.session import open_session
from jobs.runtime.settings import Booster, Settings, Train, load_settings
from jobs.training import cross_validation
from jobs.training.cross_validation import NO_FOLD, Dealt
from jobs.training.packed import as_labels, as_weights, packed, values_of

TOP = 30
APPLICATION = "application"


def labelled_rows(lake: Lake, run_date: str, features: Sequence[Named], settings: Settings, most: int) -> DataFrame:
    """The labelled applicants of the delivery, at most so many, with their part."""
    names = [named.name for named in features]
    labelled = folds.labelled(read_inputs(lake, names, parse_run_date(run_date)), settings.split)
    return labelled.orderBy(F.xxhash64(KEY), KEY).limit(most)


def reading(dealt: Dealt, names: Sequence[str]) -> Dealt:
    """The same applicants, with these features alone."""
    return replace(dealt, kept=dict.fromkeys(range(dealt.folds), tuple(names)))


def trials(dealt: Dealt, settings: Settings, booster: Train) -> Iterator[Trial]:
    """The best logistic regression of the grid, then trees on more and more."""
    own = [named.name for named in catalogue() if named.table == APPLICATION]
    lines = [Logistic(c) for c in settings.search.logistic_c]
    tried = [
        Trial(f"logistic regression, C {line.c:g}", line, (cross_validation.out_of_fold(dealt, line),), "")
        for line in lines
    ]
    yield max(tried, key=lambda trial: trial.auc.value)
    trees = Trees(booster)
    for name, names in (("trees, application alone", own), ("trees, all tables", dealt.names)):
        yield Trial(name, trees, (cross_validation.out_of_fold(reading(dealt, names), trees),), "")


def held_out(rows: DataFrame, inputs: Sequence[Named]) -> Dealt:
    """One fold, the test applicants: fitted on those of the training folds, stopped on those of the validation fold."""
    left_out = F.when(F.col("part") == folds.TEST, 0).otherwise(1).alias(cross_validation.FOLD)
    dealt = packed(rows, inputs, F.col("part") == folds.VALIDATION, left_out)
    return Dealt(dealt, 1, tuple(inputs), {}, by_round=False)


def nested_trials(rows: DataFrame, booster: Train) -> Iterator[Trial]:
    """Trees with and without what the row models say."""
    dealt, trees = held_out(rows, EVERY_FEATURE), Trees(booster)
    for name, names in (
        ("trees, all tables", [named.name for named in catalogue()]),
        ("trees, nested features too", dealt.names),
    ):
        yield Trial(name, trees, (cross_validation.out_of_fold(reading(dealt, names), trees),), "")


def gains_of(dealt: Dealt, settings: Booster) -> dict[str, float]:
    """The total gain of each feature in trees on all applicants."""
    names = dealt.names

    def fit(_: object, group: pa.Table) -> pa.Table:
        ordered = group.sort_by(KEY)
        found = gains(values_of(ordered), as_labels(ordered), as_weights(ordered), settings)
        return pa.table({"feature": list(names), "gain": found})

    found = cross_validation.in_tasks(dealt, [NO_FOLD], fit, "feature STRING, gain DOUBLE")
    return dict(zip(found["feature"], found["gain"], strict=True))


def show(title: str, trials: Iterator[Trial], console: Console) -> None:
    """The trials as a table, each beside the one before it."""
    grid = Table(title=title, title_justify="left")
    for heading in ("model", "AUC", "95% interval", "more than the one above", "95% interval", "s of fitting"):
        grid.add_column(heading, justify="left" if heading == "model" else "right")
    before: Trial | None = None
    for trial in trials:
        more = before.behind(trial) if before else None
        grid.add_row(
            trial.name,
            f"{trial.auc.value:.4f}",
            f"{trial.auc.low:.4f} to {trial.auc.high:.4f}",
            f"{more.value:+.4f}" if more else "",
            f"{more.low:+.4f} to {more.high:+.4f}" if more else "",
            f"{trial.seconds:.0f}",
        )
        before = trial
        console.print(trial.summary)
    assert before is not None
    labels = before.labels
    console.print(f"\n{labels.size:,} labelled applicants, {np.mean(labels):.2%} bad")
    console.print(grid)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lake", required=True)
    parser.add_argument("--run-date", required=True)
    parser.add_argument("--rounds", type=int, default=200, help="trees to add up gains of (default: %(default)s)")
    parser.add_argument("--most", type=int, default=100_000, help="labelled applicants (default: %(default)s)")
    parser.add_argument("--only-nested", action="store_true", help="the worth of nested features alone")
    arguments = parser.parse_args()
    settings = load_settings()
    lake = Lake(arguments.lake, open_session("worth"))
    has_nested = lake.exists(NESTED)
    features = EVERY_FEATURE if has_nested else catalogue()
    rows = labelled_rows(lake, arguments.run_date, features, settings, arguments.most).persist()
    booster = settings.train
    console = Console(width=120)
    if has_nested:
        show("On the test folds", nested_trials(rows, booster), console)
    if arguments.only_nested:
        return
    # Nothing is chosen here, so that nobody has to stay unseen.
    search = settings.search.model_copy(update={"rows": arguments.most})
    dealt = cross_validation.deal(rows, catalogue(), settings.split, search, cross_validation.a_tenth(search))
    dealt.rows.persist()
    show(f"Out of fold, {dealt.folds} folds", trials(dealt, settings, booster), console)
    by_name = gains_of(dealt, booster.model_copy(update={"rounds": arguments.rounds}))
    total = sum(by_name.values())
    top = Table("feature", "table", title=f"Largest gain in {arguments.rounds} trees", title_justify="left")
    top.add_column("share", justify="right")
    for named in sorted(catalogue(), key=lambda each: -by_name[each.name])[:TOP]:
        top.add_row(named.name, named.table, f"{by_name[named.name] / total:.2%}")
    console.print(top)


if __name__ == "__main__":
    main()
