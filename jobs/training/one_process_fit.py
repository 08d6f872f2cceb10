"""Boosted trees grown in this process, by an engine of one machine: the estimator's trees but for their last bits."""

from collections.abc import Sequence

import numpy as np
from pyspark.sql import Column, DataFrame

from features.spec import KEY, Named
from jobs.model.candidates import FoldRows, Grown, grow, signs_of
from jobs.runtime.settings import Train
from jobs.training.packed import STOPS, as_labels, as_weights, packed, values_of


def fit_in_one_process(
    rows: DataFrame, inputs: Sequence[Named], settings: Train, is_validation: Column | None
) -> Grown:
    """As `fit_across_workers`, by as many threads as there would be workers: all rows are here."""
    everybody = packed(rows, inputs, is_validation).toArrow().sort_by(KEY)
    ends = everybody[STOPS].to_numpy()
    values, labels, weights = values_of(everybody), as_labels(everybody), as_weights(everybody)
    fitted_on = FoldRows(
        values=values[~ends],
        labels=labels[~ends],
        weights=weights[~ends],
        stop_values=values[ends],
        stop_labels=labels[ends],
        stop_weights=weights[ends],
        left_out=np.empty((0, len(inputs)), np.float32),
        signs=signs_of(inputs),
    )
    grown = grow(fitted_on, settings, settings.num_workers)
    grown.booster.feature_names = [named.name for named in inputs]
    return grown
