"""The linear part of a model, fitted in one task: it is for few rows."""

from collections.abc import Sequence

import pyarrow as pa
from pyspark.sql import DataFrame

from features.spec import KEY, Named
from jobs.model import linear_part
from jobs.model.candidates import signs_of
from jobs.model.linear_part import LinearPart
from jobs.runtime.settings import Train
from jobs.training.packed import as_labels, as_weights, packed, values_of


def linear_fit(rows: DataFrame, inputs: Sequence[Named], settings: Train) -> LinearPart:
    """As `linear_part.fit`, in the order of the applicants.

    Args:
        rows: SK_ID_CURR, TARGET, SAMPLE_WEIGHT and the features.
        inputs: The features, in order.
        settings: Of the linear part.
    """
    signs = signs_of(inputs)

    def answer(everybody: pa.Table) -> pa.Table:
        ordered = everybody.sort_by(KEY)
        part = linear_part.fit(values_of(ordered), as_labels(ordered), as_weights(ordered), signs, settings)
        return pa.table({"part": [part.as_json()]})

    (answered,) = packed(rows, inputs, None).groupBy().applyInArrow(answer, "part STRING").collect()
    return LinearPart.from_json(answered["part"])
