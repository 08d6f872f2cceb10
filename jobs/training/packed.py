"""Labelled applicants with their features as one array, which is how every fit reads them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.spec import KEY, WEIGHT, Named
from jobs.model.candidates import Labels, Values
from jobs.model.measures import Vector
from jobs.scoring import batch

STOPS, VALUES = "stops", "values"


def packed(rows: DataFrame, inputs: Sequence[Named], stops: Column | None, *others: Column) -> DataFrame:
    """SK_ID_CURR, TARGET, SAMPLE_WEIGHT, the others, stops (whether the row ends a fit) and values, the features.

    Columns would be twice the bytes to shuffle, and a thousand of each batch for Python.

    Args:
        rows: SK_ID_CURR, TARGET, SAMPLE_WEIGHT, the features and what the other columns read.
        inputs: The features, in order.
        stops: Who ends a fit; None for nobody.
        others: What else is told of each applicant.
    """
    ends = (F.lit(False) if stops is None else stops).alias(STOPS)
    values = batch.as_array([named.name for named in inputs]).alias(VALUES)
    return rows.select(KEY, "TARGET", WEIGHT, *others, ends, values)


def values_of(rows: pa.Table) -> Values:
    """The values as (rows, features), nan where one is null."""
    flat: Values = rows[VALUES].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(rows.num_rows, -1)


def as_weights(rows: pa.Table) -> Vector:
    """SAMPLE_WEIGHT of the rows."""
    weights: Vector = rows[WEIGHT].to_numpy()
    return weights


def as_labels(rows: pa.Table) -> Labels:
    """TARGET of the rows."""
    labels: NDArray[np.float32] = rows["TARGET"].to_numpy().astype(np.float32)
    return labels
