"""The words in which tables and features are declared.

A declaration is plain data: nothing here needs Spark, so that it can be listed, printed, hashed and checked
without a session. Row-level expressions are Spark SQL text, because a Spark ``Column`` cannot exist before
Spark does. What can't mean anything is refused where it is declared, with `Misdeclared`.

    Feature("days_late", "greatest(days_late, 0)", (MEAN, MAX), windows=(90, 365, EVER), family="payment history",
            about="Days between due and paid; early counts as on time.")

declares ``installments_days_late_mean_90d`` and five more: names are computed by `feature_names`, never typed.
"""

from features.spec.aggregation import (
    COUNT,
    DECAYED,
    EVER,
    KEEP_THE_SIGN,
    MAX,
    MEAN,
    MIN,
    STD,
    SUM,
    TREND,
    Aggregation,
    By,
    Risk,
    Window,
)
from features.spec.columns import KEY, TARGET, WEIGHT, Column, Type
from features.spec.feature_kinds import (
    Code,
    Declared,
    Derived,
    Encoded,
    Expected,
    Feature,
    Folding,
    GroupDeviation,
    Learned,
    Ordered,
    Ratio,
    Signed,
    falling,
    rising,
)
from features.spec.named import Named, feature_names
from features.spec.rows import AGE, ALL, NO_DAY, PREVIOUS_AGE, RANK, Derivation, Lookup, Moment, Rollup, Slice
from features.spec.table import Table, of_parent

__all__ = [
    "AGE",
    "ALL",
    "COUNT",
    "DECAYED",
    "EVER",
    "KEEP_THE_SIGN",
    "KEY",
    "MAX",
    "MEAN",
    "MIN",
    "NO_DAY",
    "PREVIOUS_AGE",
    "RANK",
    "STD",
    "SUM",
    "TARGET",
    "TREND",
    "WEIGHT",
    "Aggregation",
    "By",
    "Code",
    "Column",
    "Declared",
    "Derivation",
    "Derived",
    "Encoded",
    "Expected",
    "Feature",
    "Folding",
    "GroupDeviation",
    "Learned",
    "Lookup",
    "Moment",
    "Named",
    "Ordered",
    "Ratio",
    "Risk",
    "Rollup",
    "Signed",
    "Slice",
    "Table",
    "Type",
    "Window",
    "falling",
    "feature_names",
    "of_parent",
    "rising",
]
