"""Monthly balances of earlier consumer and cash loans: their contract, what is derived from a row, and the features."""

from features.bounds import LARGEST_IDENTIFIER, LONGEST_TERM, MOST_COUNTED, YEARS_AGO, YEARS_AHEAD
from features.spec import (
    COUNT,
    DECAYED,
    EVER,
    MAX,
    MEAN,
    MIN,
    STD,
    SUM,
    TREND,
    Column,
    Declared,
    Derivation,
    Feature,
    Folding,
    Lookup,
    Moment,
    Ordered,
    Slice,
    Table,
    Type,
    rising,
)

COLUMNS = (
    Column("SK_ID_PREV", Type.ID, "The earlier loan.", required=True, low=1, high=LARGEST_IDENTIFIER),
    Column("SK_ID_CURR", Type.ID, "The applicant.", required=True, low=1, high=LARGEST_IDENTIFIER),
    Column(
        "MONTHS_BALANCE",
        Type.WHOLE,
        "Month of the balance, counted from the application.",
        required=True,
        low=YEARS_AGO,
        high=YEARS_AHEAD,
    ),
    Column("CNT_INSTALMENT", Type.WHOLE, "Term in months, as it stood then.", low=0, high=LONGEST_TERM),
    Column("CNT_INSTALMENT_FUTURE", Type.WHOLE, "Instalments still to pay.", low=0, high=LONGEST_TERM),
    Column(
        "NAME_CONTRACT_STATUS",
        Type.TEXT,
        "State of the contract in that month.",
        required=True,
        levels=(
            "Active",
            "Amortized debt",
            "Approved",
            "Canceled",
            "Completed",
            "Demand",
            "Returned to the store",
            "Signed",
            "XNA",
        ),
    ),
    Column("SK_DPD", Type.WHOLE, "Days past due.", required=True, low=0, high=MOST_COUNTED),
    Column("SK_DPD_DEF", Type.WHOLE, "Days past due, small debts left out.", required=True, low=0, high=MOST_COUNTED),
)

DERIVATIONS = (
    # A loan is over when nothing is left to pay, whatever its status says.
    Derivation(
        "NAME_CONTRACT_STATUS",
        "case when NAME_CONTRACT_STATUS = 'Completed' and CNT_INSTALMENT_FUTURE > 0 then 'Active'"
        " when NAME_CONTRACT_STATUS = 'Active' and CNT_INSTALMENT_FUTURE = 0 then 'Completed'"
        " else nullif(NAME_CONTRACT_STATUS, 'XNA') end",
        "State of the contract, in accord with the instalments left.",
    ),
    Derivation("left_share", "CNT_INSTALMENT_FUTURE / nullif(CNT_INSTALMENT, 0)", "Share of the term still to come."),
    Derivation("debt", "AMT_ANNUITY * CNT_INSTALMENT_FUTURE", "What the instalments left come to."),
    Derivation("term_cut", "CNT_PAYMENT - CNT_INSTALMENT", "Months that the term is shorter than first agreed."),
)

COURSE, LATE, BURDEN = "point of sale loans", "payment history", "total burden"

ACTIVE = Slice("active", "NAME_CONTRACT_STATUS = 'Active'", "Loans being paid back.")
COMPLETED = Slice("completed", "NAME_CONTRACT_STATUS = 'Completed'", "Loans paid back.")
OVERDUE = Slice("late", "SK_DPD > 0", "Past due.")
OVERDUE_LARGE = Slice("late_def", "SK_DPD_DEF > 0", "Past due with more than a small debt.")
KINDS = (
    Slice("consumer", "NAME_CONTRACT_TYPE = 'Consumer loans'", "Loans for a purchase."),
    Slice("cash", "NAME_CONTRACT_TYPE = 'Cash loans'", "Cash loans."),
)

# The latest balance is that of the month before the application; a loan that still runs has one.
NOW = 2

LATENESS: tuple[Declared, ...] = (
    *rising(
        Feature("dpd", "SK_DPD", (MEAN, MAX), LATE, "Days past due.", windows=(6, 12, EVER)),
        Feature("dpd", "SK_DPD", (DECAYED,), LATE, "Days past due, the latest counting most."),
        Feature("dpd_def", "SK_DPD_DEF", (MEAN, MAX), LATE, "Days past due, small debts left out.", windows=(12, EVER)),
        Feature("dpd_def", "SK_DPD_DEF", (DECAYED,), LATE, "Days past due, small debts left out."),
        Feature("is_late", OVERDUE.where, (MEAN,), LATE, "Past due.", windows=(6, 12, 24, EVER)),
        Feature("is_late", OVERDUE.where, (DECAYED, TREND), LATE, "Past due."),
        Feature("is_late", OVERDUE.where, (MEAN,), LATE, "Past due.", slices=KINDS),
        Feature(
            "is_late_def", OVERDUE_LARGE.where, (MEAN,), LATE, "Past due, small debts left out.", windows=(12, EVER)
        ),
        Feature("is_late_30", "SK_DPD > 30", (MEAN,), LATE, "Over 30 days past due.", windows=(12, EVER)),
    ),
    Feature("age", "age", (MIN,), LATE, "Months since the balance.", slices=(OVERDUE, OVERDUE_LARGE)),
    *rising(
        Ordered("is_late", OVERDUE.where, (MEAN,), LATE, "Past due.", last=(3, 10)),
    ),
)

PROGRESS: tuple[Declared, ...] = (
    Feature("left", "CNT_INSTALMENT_FUTURE", (SUM, MAX), BURDEN, "Instalments left.", windows=(NOW,), slices=(ACTIVE,)),
    Feature("debt", "debt", (SUM, MAX), BURDEN, "What is left to pay.", windows=(NOW,), slices=(ACTIVE,)),
    Feature("annuity", "AMT_ANNUITY", (SUM, MAX), BURDEN, "Monthly payment.", windows=(NOW,), slices=(ACTIVE,)),
    Feature("loans", "1", (COUNT,), COURSE, "Loans being paid back.", windows=(NOW,), slices=(ACTIVE,)),
    Feature(
        "left_share", "left_share", (MEAN, MIN), COURSE, "Share of the term to come.", windows=(NOW,), slices=(ACTIVE,)
    ),
    Feature("left_share", "left_share", (MEAN,), COURSE, "Share of the term to come.", windows=(12, EVER)),
    Feature("left", "CNT_INSTALMENT_FUTURE", (MEAN,), COURSE, "Instalments left.", windows=(12, EVER)),
    Feature("left", "CNT_INSTALMENT_FUTURE", (TREND,), COURSE, "Instalments left.", windows=(12,)),
    Ordered("left", "CNT_INSTALMENT_FUTURE", (MEAN,), COURSE, "Instalments left.", last=(1, 3)),
    Ordered("left_share", "left_share", (MEAN,), COURSE, "Share of the term to come.", last=(1, 3)),
    Feature("term", "CNT_INSTALMENT", (MEAN, MAX, STD), COURSE, "Term in months."),
    Ordered("term", "CNT_INSTALMENT", (MEAN,), COURSE, "Term in months.", last=(1,)),
)

ENDINGS: tuple[Declared, ...] = (
    Feature("term_cut", "term_cut", (MEAN, MAX), COURSE, "Months ended early.", slices=(COMPLETED,)),
    Feature("ended_early", "term_cut > 0", (MEAN,), COURSE, "Ended early.", windows=(24, EVER), slices=(COMPLETED,)),
    Feature("completed", COMPLETED.where, (MEAN,), COURSE, "Months that saw a loan paid back.", windows=(12, 24, EVER)),
    Feature("age", "age", (MIN,), COURSE, "Months since the balance.", slices=(COMPLETED,)),
    Feature("troubled", "NAME_CONTRACT_STATUS in ('Demand', 'Amortized debt')", (MEAN,), LATE, "Called in."),
    Feature("returned", "NAME_CONTRACT_STATUS = 'Returned to the store'", (MEAN,), COURSE, "Goods returned."),
    Feature("age", "age", (MIN, MAX), COURSE, "Months since the balance."),
)

OF_A_LOAN: tuple[Folding, ...] = (
    Feature("is_late", OVERDUE.where, (MEAN,), LATE, "Past due."),
    Feature("dpd_def", "SK_DPD_DEF", (MAX,), LATE, "Days past due, small debts left out."),
)

TABLE = Table(
    name="POS_CASH_balance",
    prefix="pos",
    files=("POS_CASH_balance",),
    about="One month of one earlier consumer or cash loan.",
    key=("SK_ID_PREV", "MONTHS_BALANCE"),
    columns=COLUMNS,
    parent=("previous_application", "SK_ID_PREV"),
    lookups=(
        Lookup(
            "previous_application", ("SK_ID_CURR", "SK_ID_PREV"), ("NAME_CONTRACT_TYPE", "AMT_ANNUITY", "CNT_PAYMENT")
        ),
    ),
    derivations=DERIVATIONS,
    moments=(Moment("MONTHS_BALANCE", "m"),),
    age="-MONTHS_BALANCE",
    age_unit="m",
    order=("SK_ID_PREV DESC",),
    features=(*LATENESS, *PROGRESS, *ENDINGS),
    parent_features=OF_A_LOAN,
)
