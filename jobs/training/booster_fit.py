"""The fit of a training's booster: by barrier tasks where the engine has them, else in this process."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.spec import Named
from jobs.lake import folds
from jobs.model.candidates import Grown, booster_parameters
from jobs.registry.runs import OpenRun
from jobs.runtime.session import SAIL, SPARK, Sail, Spark, engine_of_this_process
from jobs.runtime.settings import Train
from jobs.training.distributed_fit import fit_across_workers
from jobs.training.one_process_fit import fit_in_one_process


def by_mlflow(run: OpenRun, settings: Train) -> AbstractContextManager[None]:  # noqa: ARG001  as by_hand
    """MLflow finds out itself what the estimator is told."""
    return run.autologging()


def by_hand(run: OpenRun, settings: Train) -> AbstractContextManager[None]:
    """MLflow knows xgboost's parameters by the estimator only."""
    ends = {"n_estimators": settings.rounds, "early_stopping_rounds": settings.early_stopping_rounds}
    run.log_parameters({**booster_parameters(settings), **ends, "num_workers": settings.num_workers})
    return nullcontext()


Fit = Callable[[DataFrame, Sequence[Named], Train, Column | None], Grown]
FITS: Final[Mapping[Spark | Sail, Fit]] = {SPARK: fit_across_workers, SAIL: fit_in_one_process}
LOGGED: Final[Mapping[Spark | Sail, Callable[[OpenRun, Train], AbstractContextManager[None]]]] = {
    SPARK: by_mlflow,
    SAIL: by_hand,
}


def parameters_logged(run: OpenRun, settings: Train) -> AbstractContextManager[None]:
    """Log to the run what a fit within the block is told of its trees."""
    return LOGGED[engine_of_this_process()](run, settings)


def boosted(rows: DataFrame, inputs: Sequence[Named], settings: Train) -> Grown:
    """Trees until the validation folds have not gained for a while.

    Args:
        rows: SK_ID_CURR, TARGET, part, SAMPLE_WEIGHT and the features; those of the validation folds are not learned
            from.
        inputs: The features, in order.
        settings: What the trees look like.
    """
    return FITS[engine_of_this_process()](rows, inputs, settings, F.col("part") == folds.VALIDATION)


def grown(rows: DataFrame, inputs: Sequence[Named], settings: Train) -> Grown:
    """All rounds on all of the rows."""
    return FITS[engine_of_this_process()](rows, inputs, settings, None)
