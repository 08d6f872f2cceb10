"""What the histories are worth: cross-validated AUC with and without them, and the features that gain most.

    python -m tests.benchmarks.worth --lake demo/lake --run-date 2018-05-17

Same rows, same folds, same booster; the interval of the difference is DeLong's, of paired scores.
"""

import argparse
from urllib.parse import unquote, urlparse

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import xgboost as xgb
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import StratifiedKFold

from features.matrix import KEY, catalogue
from jobs.lake import FEATURES, Lake, parse_run_date
from jobs.measures import auc_difference, auc_interval
from jobs.session import open_session
from jobs.settings import Train, load_settings

FOLDS = 5
TOP = 30
APPLICATION = "application"
Vector = NDArray[np.float64]


def labelled_rows(lake: Lake, run_date: str, most: int) -> pd.DataFrame:
    """TARGET and the features of the delivery's labelled applicants, at most so many, by identifier."""
    files = lake.read_run_date(FEATURES, parse_run_date(run_date)).inputFiles()
    names = [named.name for named in catalogue()]
    rows = ds.dataset([unquote(urlparse(file).path) for file in files]).to_table(
        columns=[KEY, "TARGET", *names], filter=ds.field("TARGET").is_valid()
    )
    return rows.sort_by(KEY).slice(0, most).to_pandas().set_index(KEY).astype(np.float32)


def parameters(settings: Train, rows: int) -> dict[str, float | str]:
    """The project's booster; on few rows with leaves as small as they need to be."""
    return {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "max_depth": settings.max_depth,
        "learning_rate": settings.learning_rate,
        "min_child_weight": min(settings.min_child_weight, rows / 1000),
        "subsample": settings.subsample,
        "colsample_bytree": settings.colsample_bytree,
        "reg_alpha": settings.reg_alpha,
        "reg_lambda": settings.reg_lambda,
        "seed": settings.seed,
    }


def out_of_fold(rows: pd.DataFrame, names: list[str], settings: Train, rounds: int) -> tuple[Vector, dict[str, float]]:
    """Each applicant's probability by a booster that has not seen him, and the mean gain of each feature."""
    labels = rows["TARGET"].to_numpy()
    probabilities = np.zeros(len(rows))
    gains: dict[str, float] = dict.fromkeys(names, 0.0)
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=settings.seed).split(rows, labels):
        data = xgb.DMatrix(rows.iloc[train][names], labels[train])
        booster = xgb.train(parameters(settings, len(rows)), data, rounds)
        probabilities[test] = booster.predict(xgb.DMatrix(rows.iloc[test][names]))
        for name, gain in booster.get_score(importance_type="total_gain").items():
            gains[name] += float(gain) / FOLDS
    return probabilities, gains


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lake", required=True)
    parser.add_argument("--run-date", required=True)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--most", type=int, default=100_000, help="labelled applicants (default: %(default)s)")
    arguments = parser.parse_args()
    settings = load_settings().train
    rows = labelled_rows(Lake(arguments.lake, open_session("worth")), arguments.run_date, arguments.most)
    features = list(catalogue())
    own = [named.name for named in features if named.table == APPLICATION]
    without, _ = out_of_fold(rows, own, settings, arguments.rounds)
    whole, gains = out_of_fold(rows, [named.name for named in features], settings, arguments.rounds)
    labels = rows["TARGET"].to_numpy(dtype=np.float64)
    gained = auc_difference(labels, whole, without)
    console = Console(width=120)
    console.print(
        f"{len(rows):,} labelled applicants, {labels.mean():.2%} bad, {FOLDS} folds, {arguments.rounds} rounds"
    )
    for name, count, probabilities in (("application", len(own), without), ("all tables", len(features), whole)):
        area = auc_interval(labels, probabilities)
        console.print(f"AUC {area.value:.4f} ({area.low:.4f} to {area.high:.4f})  {count} features of {name}")
    console.print(f"histories add {gained.value:+.4f} ({gained.low:+.4f} to {gained.high:+.4f})")
    grid = Table("feature", "table", title=f"Largest total gain, of {sum(gains.values()):,.0f}", title_justify="left")
    grid.add_column("share", justify="right")
    for named in sorted(features, key=lambda each: -gains[each.name])[:TOP]:
        grid.add_row(named.name, named.table, f"{gains[named.name] / sum(gains.values()):.2%}")
    console.print(grid)


if __name__ == "__main__":
    main()
