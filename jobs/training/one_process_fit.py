"""Boosted trees grown in this process, by an engine of one machine: the estimator's trees but for their last bits."""

from collections.abc import Sequence

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.spec import KEY, WEIGHT, Named
from jobs.model.candidates import FoldRows, Grown, grow, signs_of
from jobs.runtime.settings import Train
from jobs.scoring import batch
from jobs.training.cross_validation import STOPS, VALUES, as_labels, as_weights, values_of


def fit_in_one_process(
    rows: DataFrame, inputs: Sequence[Named], settings: Train, is_validation: Column | None
) -> Grown:
    """The fit, by as many threads as there would be workers: all rows are here, in the order of the applicants.

    Args:
        rows: SK_ID_CURR, TARGET, SAMPLE_WEIGHT, the features and what `is_validation` reads.
        inputs: The features, in order.
        settings: What the trees look like.
        is_validation: Whose log loss ends the fit; None where nobody's does.
    """
    stops = F.lit(False) if is_validation is None else is_validation
    packed = batch.as_array([named.name for named in inputs]).alias(VALUES)
    everybody = rows.select(KEY, "TARGET", WEIGHT, stops.alias(STOPS), packed).toArrow().sort_by(KEY)
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
