"""Monthly states of the loans with other lenders: how late each loan was, seen from the loan itself.

Only shares and levels, never the number of months: how many were delivered tells the training applicants from the new
ones. A month counts as observed where a payment was due in it, so neither C (closed) nor X (unknown) does.
"""

from features.bounds import LARGEST_IDENTIFIER, YEARS_AGO, YEARS_AHEAD
from features.spec import DECAYED, EVER, MAX, MEAN, MIN, TREND, Column, Derivation, Feature, Moment, Table, Type, rising

COLUMNS = (
    Column("SK_ID_BUREAU", Type.ID, "The bureau loan.", required=True, low=1, high=LARGEST_IDENTIFIER),
    Column(
        "MONTHS_BALANCE",
        Type.WHOLE,
        "Month of the state, against the application; 0 is the latest.",
        required=True,
        low=YEARS_AGO,
        high=YEARS_AHEAD,
    ),
    Column(
        "STATUS",
        Type.TEXT,
        "State in the month: C closed, X unknown, 0 on time, 1 to 5 ever deeper past due (5: over 120 days or lost).",
        required=True,
        codes=("C", "X", "0", "1", "2", "3", "4", "5"),
    ),
)

DERIVATIONS = (
    # Most months are closed or unknown, and a cast that fails takes far longer than one that isn't tried.
    Derivation(
        "level",
        "case when STATUS between '0' and '5' then cast(STATUS as int) end",
        "Lateness from 0 to 5; null in a closed or unknown month.",
    ),
    Derivation("late", "level >= 1", "A payment was past due."),
    Derivation("very_late", "level >= 2", "A payment was past due by more than 30 days."),
)

LATENESS = "bureau delinquency"

FEATURES = (
    *rising(
        Feature("late", "late", (MEAN,), LATENESS, "Month with a payment past due.", windows=(6, 12, 24, 60, EVER)),
        Feature(
            "very_late", "very_late", (MEAN,), LATENESS, "Month past due by more than 30 days.", windows=(24, EVER)
        ),
    ),
    Feature("late_age", "case when late then age end", (MIN,), LATENESS, "How long ago a month was late."),
    *rising(
        Feature("level", "level", (MEAN, MAX), LATENESS, "Lateness from 0 to 5.", windows=(12, EVER)),
        Feature("level", "level", (DECAYED,), LATENESS, "Lateness from 0 to 5, the latest months counting most."),
    ),
    Feature("level", "level", (TREND,), LATENESS, "Lateness from 0 to 5, rising or falling.", windows=(24,)),
    Feature(
        "unknown", "STATUS = 'X'", (MEAN,), "bureau history", "Month without news of the loan.", windows=(12, EVER)
    ),
)

TABLE = Table(
    name="bureau_balance",
    prefix="balance",
    files=("bureau_balance",),
    about="One month of one loan with another lender.",
    key=("SK_ID_BUREAU", "MONTHS_BALANCE"),
    columns=COLUMNS,
    parent=("bureau", "SK_ID_BUREAU"),
    derivations=DERIVATIONS,
    moments=(Moment("MONTHS_BALANCE", "m"),),
    age="-MONTHS_BALANCE",
    age_unit="m",
    parent_features=FEATURES,
)
