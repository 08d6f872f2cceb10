"""Histories of a delivery as a later application sees them: what counts from the application moves back."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from features import contract
from features.spec import NO_DAY, Moment, Table

DAYS_LATER = "_days_later"
MONTHS_LATER = "_months_later"
LATER = {"d": DAYS_LATER, "m": MONTHS_LATER}

# Older days are no days, and to count on from the least number of all would overflow.
FIRST_DAY = -1_000_000


def schema_with_later(table: Table) -> T.StructType:
    """The contract's columns, then how many days and whole months later than its delivery a row is looked at."""
    later = [T.StructField(name, T.LongType()) for name in LATER.values()]
    return T.StructType([*contract.schema(table).fields, *later])


def seen_later(rows: DataFrame, table: Table) -> DataFrame:
    """The contract's columns of rows of `schema_with_later`, each `Moment` counted from the later application.

    What had not happened at the delivery stays ahead, and so out of every feature: nobody knows whether it has come.
    """
    moved = {moment.column: F.expr(counted_from(moment)) for moment in table.moments}
    return rows.withColumns(moved).select(*contract.names(table))


def counted_from(moment: Moment) -> str:
    """SQL of the moment, by so much longer ago."""
    last = NO_DAY - 1 if moment.planned else 0
    name, later = moment.column, LATER[moment.unit]
    return f"case when {name} between {FIRST_DAY} and {last} then {name} - {later} else {name} end"
