"""What was fitted for a feature set, as the lake keeps it."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from features.encode import Encoding, Encodings
from jobs.errors import UserError
from jobs.lake import ENCODINGS, Lake


def encodings_of(lake: Lake, version: str) -> Encodings:
    """Those of a feature set.

    Raises:
        UserError: The lake has none of this version.
    """
    stored = stored_encodings(lake)
    rows = collected(stored.where(F.col("feature_set") == version))
    if not rows:
        known = [row[0] for row in stored.select("feature_set").distinct().orderBy("feature_set").collect()]
        raise UserError(f"{lake.root} has no encodings of feature set {version}; there are {', '.join(known)}")
    return as_encodings(rows)


def encodings_fitted_last(lake: Lake, run_date: date) -> Encodings:
    """Those of the newest delivery up to the run_date that had labelled applicants.

    Raises:
        UserError: There was none.
    """
    fitted = stored_encodings(lake).where(F.col("run_date") <= F.lit(run_date))
    last = fitted.agg(F.max("run_date")).first()
    if last is None or last[0] is None:
        raise UserError(
            f"{lake.root} has no encodings up to {run_date}: assemble a delivery with application_train.csv first"
        )
    return as_encodings(collected(fitted.where(F.col("run_date") == F.lit(last[0]))))


def stored_encodings(lake: Lake) -> DataFrame:
    """The table of encodings; one that is not there is the user's error."""
    if not lake.exists(ENCODINGS):
        raise UserError(f"{lake.root} has no encodings yet: assemble a delivery with application_train.csv first")
    return lake.read(ENCODINGS)


def collected(stored: DataFrame) -> list[Row]:
    """The rows (name, level, value), each once."""
    return stored.select("name", "level", "value").distinct().collect()


def as_encodings(rows: Sequence[Row]) -> Encodings:
    """Collected rows (name, level, value) as encodings, in a fixed order.

    Twelve significant digits are kept: engines differ in the last bit of a median between two values.
    """
    encodings = [Encoding(row["name"], row["level"], float(f"{row['value']:.12g}")) for row in rows]
    return tuple(sorted(encodings, key=lambda each: (each.name, each.level is not None, each.level or "")))
