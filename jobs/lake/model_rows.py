"""The rows that models read: the feature table's, with the nested features beside them where a model reads those."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.plan.feature_table import catalogue
from features.plan.identity import is_of_before
from features.plan.nested_table import EVERY_FEATURE, NESTED_NAMES
from features.spec import KEY, Named
from jobs.lake.feature_sets import of_before
from jobs.lake.tables import FEATURES, NESTED, Lake
from jobs.model.booster import Model
from jobs.runtime.errors import ModelRefused, UserError
from jobs.runtime.settings import Nested

SAME_ROW = [KEY, "run_date", "feature_set"]


def declared_inputs(settings: Nested) -> tuple[Named, ...]:
    """The features that a model is trained on by the settings."""
    return EVERY_FEATURE if settings.enabled else catalogue()


def read_inputs(
    lake: Lake, features: Sequence[str], run_date: date | None = None, version: int | None = None
) -> DataFrame:
    """SK_ID_CURR, TARGET, run_date, feature_set and at least the features, one row for each applicant of a delivery.

    Args:
        lake: Where they are.
        features: A model's.
        run_date: The delivery; None takes all of them.
        version: The Delta version of the feature table; None takes the newest. Nested features are always the newest
            of their feature set, which names the row models that they were made with.
    """
    rows = dated(lake.read(FEATURES, version), run_date)
    if NESTED_NAMES.isdisjoint(features):
        return rows
    return rows.join(dated(lake.read(NESTED), run_date), on=SAME_ROW, how="inner")


def inputs_of(model: Model, lake: Lake, run_date: date) -> DataFrame:
    """As `read_inputs`, of a delivery that is assembled with the model's feature set.

    Raises:
        UserError: It is not assembled at all.
        ModelRefused: It is assembled with another feature set.
    """
    number = lake.version(FEATURES)
    rows = lake.read_run_date(FEATURES, run_date, number)
    sets = sorted(row[0] for row in rows.select("feature_set").distinct().collect())
    if not sets:
        raise UserError(f"{lake.path(FEATURES)} has no applicant of {run_date}: assemble the delivery first")
    if sets != [model.feature_set]:
        if is_of_before(model.feature_set):
            raise ModelRefused(
                f"the model was trained before: {of_before(model.feature_set)}: train and register a new one"
            )
        raise ModelRefused(
            f"the model was trained on feature set {model.feature_set}, {run_date} was assembled with "
            f"{', '.join(sets)}: assemble it with --feature-set {model.feature_set}, or train and register a new model"
        )
    return read_inputs(lake, model.features, run_date, number)


def dated(rows: DataFrame, run_date: date | None) -> DataFrame:
    """The rows of one run_date, or all."""
    return rows if run_date is None else rows.where(F.col("run_date") == F.lit(run_date))
