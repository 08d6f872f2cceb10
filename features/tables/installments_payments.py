"""Payments for the instalments of earlier loans: their contract, what is derived from a row, and the features."""

from features.bounds import FAR_AHEAD, LARGEST_IDENTIFIER, LONG_AGO, MOST_COUNTED, MOST_MONEY, MOST_PAID
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
    Derived,
    Feature,
    Folding,
    Lookup,
    Moment,
    Ordered,
    Ratio,
    Rollup,
    Slice,
    Table,
    Type,
    rising,
)

COLUMNS = (
    Column("SK_ID_PREV", Type.ID, "The earlier loan.", required=True, low=1, high=LARGEST_IDENTIFIER),
    Column("SK_ID_CURR", Type.ID, "The applicant.", required=True, low=1, high=LARGEST_IDENTIFIER),
    Column(
        "NUM_INSTALMENT_VERSION",
        Type.WHOLE,
        "Version of the payment plan: 0 for a card, rising with every change of a loan's plan.",
        required=True,
        low=0,
        high=MOST_COUNTED,
    ),
    Column(
        "NUM_INSTALMENT_NUMBER", Type.WHOLE, "Which instalment of the plan.", required=True, low=0, high=MOST_COUNTED
    ),
    Column(
        "DAYS_INSTALMENT",
        Type.WHOLE,
        "Day on which it was due, counted from the application.",
        required=True,
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column(
        "DAYS_ENTRY_PAYMENT",
        Type.WHOLE,
        "Day on which it was paid; empty where nothing was.",
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column("AMT_INSTALMENT", Type.AMOUNT, "Amount due.", required=True, low=0, high=MOST_MONEY),
    Column("AMT_PAYMENT", Type.AMOUNT, "Amount paid; empty where nothing was.", low=0, high=MOST_PAID),
)

# A payment made after the application had not been made yet when the applicant came. Whole thousandths add up to the
# same sum in any order, as decimals do, in a third of the time; the contract's bounds keep them from overflowing.
BEFORE_ROLLUP = (
    Derivation("AMT_INSTALMENT", "cast(AMT_INSTALMENT as double)", "Amount due."),
    Derivation(
        "AMT_PAYMENT",
        "case when DAYS_ENTRY_PAYMENT <= 0 then cast(floor(cast(AMT_PAYMENT as double) * 1000 + 0.5e0) as bigint) end",
        "Amount paid, in thousandths; null where nothing was paid by the application.",
    ),
    Derivation(
        "DAYS_ENTRY_PAYMENT",
        "case when DAYS_ENTRY_PAYMENT <= 0 then DAYS_ENTRY_PAYMENT end",
        "Day of the payment; null where there was none by the application.",
    ),
)

INSTALMENT = Rollup(
    key=("SK_ID_CURR", "SK_ID_PREV", "NUM_INSTALMENT_VERSION", "NUM_INSTALMENT_NUMBER"),
    columns=(
        Derivation("DAYS_INSTALMENT", "max(DAYS_INSTALMENT)", "Day on which the instalment was due."),
        Derivation("AMT_INSTALMENT", "max(AMT_INSTALMENT)", "Amount due."),
        Derivation("AMT_PAYMENT", "sum(AMT_PAYMENT)", "Amount paid, all payments together, in thousandths."),
        Derivation("DAYS_ENTRY_PAYMENT", "max(DAYS_ENTRY_PAYMENT)", "Day of the last payment."),
        Derivation("first_payment", "min(DAYS_ENTRY_PAYMENT)", "Day of the first payment."),
        Derivation(
            "mean_payment",
            "cast(sum(AMT_PAYMENT * DAYS_ENTRY_PAYMENT) as double) / cast(nullif(sum(AMT_PAYMENT), 0) as double)",
            "Mean day of the payments, weighted by their amounts.",
        ),
        Derivation("payments", "count(DAYS_ENTRY_PAYMENT)", "Number of payments."),
    ),
)

# What is not paid by the application is late up to then and short by all of it.
DERIVATIONS = (
    Derivation("AMT_INSTALMENT", "nullif(AMT_INSTALMENT, 0)", "Amount due; null where 0."),
    Derivation("AMT_PAYMENT", "cast(coalesce(AMT_PAYMENT, 0) as double) / 1000", "Amount paid by the application."),
    Derivation(
        "delay", "coalesce(DAYS_ENTRY_PAYMENT, 0) - DAYS_INSTALMENT", "Days from due to paid; early is below 0."
    ),
    Derivation("days_late", "greatest(delay, 0)", "Days paid late; early counts as on time."),
    Derivation("days_early", "greatest(-delay, 0)", "Days paid early; late counts as on time."),
    Derivation(
        "mean_days_late",
        "greatest(coalesce(mean_payment, 0) - DAYS_INSTALMENT, 0)",
        "Days paid late, weighted by the amounts of the payments.",
    ),
    Derivation(
        "first_days_late",
        "greatest(coalesce(first_payment, 0) - DAYS_INSTALMENT, 0)",
        "Days that the first payment was late.",
    ),
    Derivation("short", "greatest(AMT_INSTALMENT - AMT_PAYMENT, 0)", "Amount due and not paid."),
    Derivation("over", "greatest(AMT_PAYMENT - AMT_INSTALMENT, 0)", "Amount paid beyond what was due."),
    Derivation(
        "paid_share",
        "case when AMT_INSTALMENT > 0 then least(AMT_PAYMENT / AMT_INSTALMENT, 2) end",
        "Paid over due, at most 2.",
    ),
    Derivation("short_share", "short / AMT_INSTALMENT", "Share of the amount due that was not paid."),
)

LATE, SHORT, BURDEN = "payment history", "underpayment", "total burden"

OVERDUE = Slice("late", "days_late > 0", "Paid late.")
OVERDUE_WEEK = Slice("late_7", "days_late > 7", "Paid over a week late.")
OVERDUE_MONTH = Slice("late_30", "days_late > 30", "Paid over 30 days late.")
UNDERPAID = Slice("short", "short > 0", "Paid short.")
CONSUMER = Slice("consumer", "NAME_CONTRACT_TYPE = 'Consumer loans'", "Loans for a purchase.")
CASH = Slice("cash", "NAME_CONTRACT_TYPE = 'Cash loans'", "Cash loans.")
CARD = Slice(
    "card",
    "NAME_CONTRACT_TYPE = 'Revolving loans' or NAME_CONTRACT_TYPE is null and NUM_INSTALMENT_VERSION = 0",
    "Credit cards.",
)
OPENING = Slice("opening", f"NUM_INSTALMENT_NUMBER <= 3 and not coalesce({CARD.where}, false)", "First 3 of a loan.")
KINDS = (CONSUMER, CASH, CARD)

LATENESS: tuple[Declared, ...] = (
    *rising(
        Feature("late", "days_late", (MEAN, MAX), LATE, "Days paid late.", windows=(60, 90, 180, 365, 730, EVER)),
        Feature("late", "days_late", (STD,), LATE, "Days paid late.", windows=(365, EVER)),
        Feature("late", "days_late", (DECAYED,), LATE, "Days paid late, the latest counting most."),
        Feature("late", "days_late", (TREND,), LATE, "Days paid late.", windows=(365, 1095, EVER)),
        Feature("late", "days_late", (MEAN, MAX), LATE, "Days paid late.", windows=(365, EVER), slices=KINDS),
        Feature("late", "days_late", (MEAN, MAX), LATE, "Days paid late.", slices=(OPENING,)),
        Ordered("late", "days_late", (MEAN,), LATE, "Days paid late.", last=(1, 3, 5, 10), first=(3, 10)),
        Ordered("late", "days_late", (MAX,), LATE, "Days paid late.", last=(3, 10), first=(3,)),
    ),
    Feature("early", "days_early", (MEAN,), LATE, "Days paid early.", windows=(90, 365, EVER)),
    Feature("early", "days_early", (MAX,), LATE, "Days paid early.", windows=(365, EVER)),
    Feature("early", "days_early", (DECAYED,), LATE, "Days paid early, the latest counting most."),
    Feature("delay", "delay", (MEAN,), LATE, "Days from due to paid, early below 0.", windows=(90, 365, EVER)),
    Feature("delay", "delay", (MAX, STD, TREND), LATE, "Days from due to paid, early below 0.", windows=(365, EVER)),
    Feature("delay", "delay", (DECAYED,), LATE, "Days from due to paid, early below 0."),
    Ordered("delay", "delay", (MEAN,), LATE, "Days from due to paid, early below 0.", last=(1, 3, 5)),
    *rising(
        Feature("mean_late", "mean_days_late", (MEAN,), LATE, "Days late, by amount.", windows=(365, EVER)),
        Feature("mean_late", "paid_share * mean_days_late", (DECAYED,), LATE, "Days late, by share of the amount due."),
        Feature("first_late", "first_days_late", (MEAN, MAX), LATE, "Days the first payment was late."),
    ),
)

LATE_SHARES: tuple[Declared, ...] = (
    *rising(
        Feature("is_late", "days_late > 0", (MEAN,), LATE, "Paid late.", windows=(60, 90, 180, 365, 730, EVER)),
        Feature("is_late", "days_late > 0", (DECAYED, TREND), LATE, "Paid late."),
        Feature("is_late", "days_late > 0", (MEAN,), LATE, "Paid late.", slices=(*KINDS, OPENING)),
        Ordered("is_late", "days_late > 0", (MEAN,), LATE, "Paid late.", last=(3, 5, 10), first=(10,)),
        Feature("is_late_7", "days_late > 7", (MEAN,), LATE, "Over 7 days late.", windows=(180, 365, EVER)),
        Feature("is_late_7", "days_late > 7", (DECAYED,), LATE, "Over 7 days late."),
        Feature("is_late_15", "days_late > 15", (MEAN,), LATE, "Over 15 days late.", windows=(365, EVER)),
        Feature("is_late_30", "days_late > 30", (MEAN,), LATE, "Over 30 days late.", windows=(365, EVER)),
    ),
    Feature("age", "age", (MIN,), LATE, "Days since it was due.", slices=(OVERDUE, OVERDUE_WEEK, OVERDUE_MONTH)),
    Feature("completed_late", "days_late > 0 and first_days_late = 0", (MEAN,), LATE, "Begun in time, ended late."),
)

UNDERPAYMENT: tuple[Declared, ...] = (
    *rising(
        Feature("is_short", "short > 0", (MEAN,), SHORT, "Paid short.", windows=(90, 365, EVER)),
        Feature("is_short", "short > 0", (DECAYED,), SHORT, "Paid short, the latest counting most."),
        Feature("is_short", "short > 0", (MEAN,), SHORT, "Paid short.", slices=(*KINDS, OPENING)),
        Ordered("is_short", "short > 0", (MEAN,), SHORT, "Paid short.", last=(1, 3, 10)),
        Feature("short", "short", (SUM, MAX), SHORT, "Amount not paid.", windows=(365, EVER)),
        Feature("short_share", "short_share", (MEAN, MAX), SHORT, "Share not paid.", windows=(365, EVER)),
        Feature("short_share", "short_share", (DECAYED,), SHORT, "Share not paid, the latest counting most."),
        Ratio("total_short", "short", "AMT_INSTALMENT", SHORT, "All not paid over all due.", windows=(90, 365, EVER)),
        Ratio("total_short", "short", "AMT_INSTALMENT", SHORT, "All not paid over all due.", slices=KINDS),
    ),
    Feature("paid_share", "paid_share", (MEAN, MIN), SHORT, "Paid over due, at most 2.", windows=(365, EVER)),
    Ordered("paid_share", "paid_share", (MEAN,), SHORT, "Paid over due, at most 2.", last=(1, 3, 5)),
    Ratio("total_over", "over", "AMT_INSTALMENT", SHORT, "All paid in excess over all due.", windows=(365, EVER)),
    Feature("age", "age", (MIN,), SHORT, "Days since it was due.", slices=(UNDERPAID,)),
    Feature("split", "payments > 1", (MEAN,), SHORT, "Paid in several parts.", windows=(365, EVER)),
)

AMOUNTS: tuple[Declared, ...] = (
    Feature("due", "AMT_INSTALMENT", (MEAN, MAX), BURDEN, "Amount due.", windows=(365, EVER)),
    Feature("due", "AMT_INSTALMENT", (DECAYED, TREND), BURDEN, "Amount due."),
    Feature("paid", "AMT_PAYMENT", (MEAN, MAX), BURDEN, "Amount paid.", windows=(365, EVER)),
    Feature("paid", "AMT_PAYMENT", (SUM,), BURDEN, "Amount paid.", windows=(180, 365, EVER)),
    Ordered("paid", "AMT_PAYMENT", (MEAN,), BURDEN, "Amount paid.", last=(1, 5)),
    Feature("instalments", "1", (COUNT,), BURDEN, "Instalments due.", windows=(365, EVER)),
    Feature("number", "NUM_INSTALMENT_NUMBER", (MEAN, MAX), LATE, "Which instalment of its loan."),
    Feature("replanned", "NUM_INSTALMENT_VERSION > 1", (MEAN,), LATE, "Due by a changed plan.", windows=(365, EVER)),
    Feature("version", "NUM_INSTALMENT_VERSION", (MAX,), LATE, "Version of the payment plan."),
    Feature("age", "age", (MIN, MAX), LATE, "Days since it was due."),
    Feature("gap", "previous_age - age", (MEAN, MAX), LATE, "Days since the instalment before."),
)

CHANGES: tuple[Declared, ...] = (
    Derived(
        "installments_late_90d_less_ever",
        "installments_late_mean_90d - installments_late_mean_ever",
        LATE,
        "Mean days late of 90 days less that of all time.",
    ),
    Derived(
        "installments_is_late_365d_less_ever",
        "installments_is_late_mean_365d - installments_is_late_mean_ever",
        LATE,
        "Share paid late in a year less that of all time.",
    ),
    Derived(
        "installments_delay_90d_less_365d",
        "installments_delay_mean_90d - installments_delay_mean_365d",
        LATE,
        "Mean days from due to paid of 90 days less that of a year.",
    ),
    Derived(
        "installments_total_short_365d_less_ever",
        "installments_total_short_365d - installments_total_short_ever",
        SHORT,
        "Share of the amounts not paid in a year less that of all time.",
    ),
)

OF_A_LOAN: tuple[Folding, ...] = (
    Feature("late", "days_late", (MEAN, MAX), LATE, "Days paid late."),
    Ordered("late", "days_late", (MAX,), LATE, "Days paid late.", first=(3,)),
    Feature("is_late", "days_late > 0", (MEAN,), LATE, "Paid late."),
    Feature("is_short", "short > 0", (MEAN,), SHORT, "Paid short."),
    Ratio("total_short", "short", "AMT_INSTALMENT", SHORT, "All not paid over all due."),
    Feature("paid", "AMT_PAYMENT", (SUM,), BURDEN, "Amount paid."),
)

TABLE = Table(
    name="installments_payments",
    prefix="installments",
    files=("installments_payments",),
    about="One payment for one instalment of an earlier loan or card, or an instalment nobody paid.",
    # One instalment may be paid in several parts, so that only the whole row names a payment.
    key=tuple(column.name for column in COLUMNS),
    columns=COLUMNS,
    parent=("previous_application", "SK_ID_PREV"),
    before_rollup=BEFORE_ROLLUP,
    rollup=INSTALMENT,
    lookups=(Lookup("previous_application", ("SK_ID_CURR", "SK_ID_PREV"), ("NAME_CONTRACT_TYPE",)),),
    derivations=DERIVATIONS,
    moments=(Moment("DAYS_INSTALMENT"), Moment("DAYS_ENTRY_PAYMENT")),
    age="-DAYS_INSTALMENT",
    order=("SK_ID_PREV DESC", "NUM_INSTALMENT_VERSION DESC", "NUM_INSTALMENT_NUMBER DESC"),
    features=(*LATENESS, *LATE_SHARES, *UNDERPAYMENT, *AMOUNTS, *CHANGES),
    parent_features=OF_A_LOAN,
)
