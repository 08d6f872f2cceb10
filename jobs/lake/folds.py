"""Which applicants a model is trained on, stopped on and measured on."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.spec import KEY
from jobs.runtime.settings import Split

TRAIN, VALIDATION, TEST = "train", "validation", "test"


def fold(split: Split) -> Column:
    """A number in [0, folds) by a hash of the applicant: the same in every delivery and for any order of rows."""
    hashed = F.xxhash64(F.lit(split.seed).cast("bigint"), F.col(KEY))
    return F.pmod(hashed, F.lit(split.folds)).cast("int")


def part(split: Split) -> Column:
    """test for the first folds, validation for the next ones, train for the others."""
    number = fold(split)
    return (
        F.when(number < split.test_folds, TEST)
        .when(number < split.test_folds + split.validation_folds, VALIDATION)
        .otherwise(TRAIN)
    )


def unseen(rows: DataFrame, split: Split) -> DataFrame:
    """Those of the rows that no model of this split learned from: test applicants, and new ones."""
    return rows.where(F.col("TARGET").isNull() | (part(split) == TEST))


def some_of(rows: DataFrame, most: int) -> DataFrame:
    """At most so many of the applicants, the same ones each time: those whose hash is smallest."""
    # Found by their key alone: sorting rows of a thousand columns takes most of its time to compile.
    drawn = rows.select(KEY).orderBy(F.xxhash64(KEY), KEY).limit(most)
    return rows.join(F.broadcast(drawn), on=KEY, how="left_semi")


def cross_fold(split: Split, number: int, deal: int = 0) -> Column:
    """A number in [0, number) by another hash of the applicant: within the training folds, all others stay unseen.

    Another deal puts the applicants into other folds.
    """
    hashed = F.xxhash64(F.lit(split.seed).cast("bigint"), F.lit(f"cross-validation {deal}"), F.col(KEY))
    return F.pmod(hashed, F.lit(number)).cast("int")


def labelled(rows: DataFrame, split: Split) -> DataFrame:
    """Those of the rows that have a TARGET, with the column `part`."""
    return rows.where(F.col("TARGET").isNotNull()).select("*", part(split).alias("part"))
