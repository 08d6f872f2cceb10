"""Monthly balances of earlier credit cards: their contract, what is derived from a row, and the features."""

from features.bounds import LARGEST_IDENTIFIER, MOST_COUNTED, MOST_MONEY, YEARS_AGO, YEARS_AHEAD
from features.spec import (
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
    Moment,
    Ordered,
    Ratio,
    Slice,
    Table,
    Type,
    rising,
)

COLUMNS = (
    Column("SK_ID_PREV", Type.ID, "The card.", required=True, low=1, high=LARGEST_IDENTIFIER),
    Column("SK_ID_CURR", Type.ID, "The applicant.", required=True, low=1, high=LARGEST_IDENTIFIER),
    Column(
        "MONTHS_BALANCE",
        Type.WHOLE,
        "Month of the balance, counted from the application.",
        required=True,
        low=YEARS_AGO,
        high=YEARS_AHEAD,
    ),
    Column(
        "AMT_BALANCE",
        Type.AMOUNT,
        "Balance; negative where the client paid too much.",
        low=-MOST_MONEY,
        high=MOST_MONEY,
    ),
    Column("AMT_CREDIT_LIMIT_ACTUAL", Type.AMOUNT, "Limit of the card in that month.", low=0, high=MOST_MONEY),
    Column(
        "AMT_DRAWINGS_ATM_CURRENT",
        Type.AMOUNT,
        "Cash drawn; reversals leave some negative.",
        low=-MOST_MONEY,
        high=MOST_MONEY,
    ),
    Column(
        "AMT_DRAWINGS_CURRENT",
        Type.AMOUNT,
        "All drawings; reversals leave some negative.",
        low=-MOST_MONEY,
        high=MOST_MONEY,
    ),
    Column("AMT_DRAWINGS_OTHER_CURRENT", Type.AMOUNT, "Other drawings.", low=-MOST_MONEY, high=MOST_MONEY),
    Column("AMT_DRAWINGS_POS_CURRENT", Type.AMOUNT, "Purchases.", low=-MOST_MONEY, high=MOST_MONEY),
    Column(
        "AMT_INST_MIN_REGULARITY",
        Type.AMOUNT,
        "Least amount to be paid for the month.",
        low=-MOST_MONEY,
        high=MOST_MONEY,
    ),
    Column(
        "AMT_PAYMENT_CURRENT",
        Type.AMOUNT,
        "Paid in the month; empty for a card never used.",
        low=-MOST_MONEY,
        high=MOST_MONEY,
    ),
    Column(
        "AMT_PAYMENT_TOTAL_CURRENT",
        Type.AMOUNT,
        "Paid in the month, all accounts of the card together.",
        low=-MOST_MONEY,
        high=MOST_MONEY,
    ),
    Column(
        "AMT_RECEIVABLE_PRINCIPAL", Type.AMOUNT, "Owed without interest and fees.", low=-MOST_MONEY, high=MOST_MONEY
    ),
    Column("AMT_RECIVABLE", Type.AMOUNT, "Owed with interest.", low=-MOST_MONEY, high=MOST_MONEY),
    Column("AMT_TOTAL_RECEIVABLE", Type.AMOUNT, "Owed in all.", low=-MOST_MONEY, high=MOST_MONEY),
    Column("CNT_DRAWINGS_ATM_CURRENT", Type.WHOLE, "Number of cash drawings.", low=0, high=MOST_COUNTED),
    Column("CNT_DRAWINGS_CURRENT", Type.WHOLE, "Number of all drawings.", low=0, high=MOST_COUNTED),
    Column("CNT_DRAWINGS_OTHER_CURRENT", Type.WHOLE, "Number of other drawings.", low=0, high=MOST_COUNTED),
    Column("CNT_DRAWINGS_POS_CURRENT", Type.WHOLE, "Number of purchases.", low=0, high=MOST_COUNTED),
    Column("CNT_INSTALMENT_MATURE_CUM", Type.WHOLE, "Instalments paid so far.", low=0, high=MOST_COUNTED),
    Column(
        "NAME_CONTRACT_STATUS",
        Type.TEXT,
        "State of the contract in that month.",
        required=True,
        levels=("Active", "Approved", "Completed", "Demand", "Refused", "Sent proposal", "Signed"),
    ),
    Column("SK_DPD", Type.WHOLE, "Days past due.", required=True, low=0, high=MOST_COUNTED),
    Column("SK_DPD_DEF", Type.WHOLE, "Days past due, small debts left out.", required=True, low=0, high=MOST_COUNTED),
)

DRAWINGS = (
    "AMT_DRAWINGS_ATM_CURRENT",
    "AMT_DRAWINGS_CURRENT",
    "AMT_DRAWINGS_OTHER_CURRENT",
    "AMT_DRAWINGS_POS_CURRENT",
)

DERIVATIONS = (
    *(
        Derivation(column.name, f"cast({column.name} as double)", column.about)
        for column in COLUMNS
        if column.type is Type.AMOUNT and column.name not in (*DRAWINGS, "AMT_CREDIT_LIMIT_ACTUAL")
    ),
    *(
        Derivation(name, f"case when {name} >= 0 then cast({name} as double) end", "Drawn; null for a reversal.")
        for name in DRAWINGS
    ),
    Derivation("AMT_CREDIT_LIMIT_ACTUAL", "cast(nullif(AMT_CREDIT_LIMIT_ACTUAL, 0) as double)", "Limit; null where 0."),
    Derivation("use", "AMT_BALANCE / AMT_CREDIT_LIMIT_ACTUAL", "Balance over limit."),
    Derivation("paid", "coalesce(AMT_PAYMENT_CURRENT, 0)", "Paid in the month."),
    Derivation("minimum", "nullif(AMT_INST_MIN_REGULARITY, 0)", "Least amount to be paid; null where nothing is due."),
    Derivation(
        "paid_to_minimum",
        "case when minimum > 0 then least(paid / minimum, 10) end",
        "Paid over the least due, at most 10.",
    ),
    Derivation("below_minimum", "paid < minimum", "Less was paid than was due; null where nothing was due."),
    Derivation("charges", "AMT_TOTAL_RECEIVABLE - AMT_RECEIVABLE_PRINCIPAL", "Interest and fees owed."),
)

USE, PAYMENT = "card use", "card payments"

IN_USE = Slice("in_use", "AMT_BALANCE > 0", "Months with something owed.")
DRAWN = Slice("drawn", "AMT_DRAWINGS_CURRENT > 0", "Months with a drawing.")
CASH_DRAWN = Slice("cash_drawn", "AMT_DRAWINGS_ATM_CURRENT > 0", "Months with cash drawn.")
OVERDUE = Slice("late", "SK_DPD > 0", "Months past due.")
OVERDUE_LARGE = Slice("late_def", "SK_DPD_DEF > 0", "Months past due with more than a small debt.")
UNDERPAID = Slice("below_minimum", "below_minimum", "Months in which less was paid than was due.")

UTILISATION: tuple[Declared, ...] = (
    Feature("use", "use", (MEAN, MAX), USE, "Balance over limit.", windows=(3, 6, 12, EVER)),
    Feature("use", "use", (STD, TREND), USE, "Balance over limit.", windows=(12, EVER)),
    Feature("use", "use", (DECAYED, MIN), USE, "Balance over limit."),
    Feature("use", "use", (MEAN,), USE, "Balance over limit.", slices=(IN_USE,)),
    Ordered("use", "use", (MEAN,), USE, "Balance over limit.", last=(1, 4)),
    Feature("over_limit", "use > 1", (MEAN,), USE, "Owed more than the limit.", windows=(12, EVER)),
    Feature("in_use", IN_USE.where, (MEAN,), USE, "Something was owed.", windows=(6, EVER)),
    Feature("balance", "AMT_BALANCE", (MEAN, MAX), USE, "Balance.", windows=(12, EVER)),
    Feature("balance", "AMT_BALANCE", (TREND,), USE, "Balance.", windows=(12,)),
    Feature("debt", "AMT_TOTAL_RECEIVABLE", (SUM,), USE, "Owed in all.", windows=(2,)),
    Ordered("balance", "AMT_BALANCE", (MEAN,), USE, "Balance.", last=(1,)),
    Feature("limit", "AMT_CREDIT_LIMIT_ACTUAL", (MEAN, MIN, MAX), USE, "Limit."),
    Feature("limit", "AMT_CREDIT_LIMIT_ACTUAL", (TREND,), USE, "Limit.", windows=(24,)),
    Ordered("limit", "AMT_CREDIT_LIMIT_ACTUAL", (MEAN,), USE, "Limit.", last=(1,)),
    Ratio("charges_share", "charges", "AMT_TOTAL_RECEIVABLE", USE, "Interest in the debt.", (12, EVER), (IN_USE,)),
)

SPENDING: tuple[Declared, ...] = (
    Ratio("drawn_to_limit", "AMT_DRAWINGS_CURRENT", "AMT_CREDIT_LIMIT_ACTUAL", USE, "Drawn over limit.", (3, 12, EVER)),
    Ratio("cash_share", "AMT_DRAWINGS_ATM_CURRENT", "AMT_DRAWINGS_CURRENT", USE, "Cash of all drawings.", (12, EVER)),
    Ratio("drawn_to_balance", "AMT_DRAWINGS_CURRENT", "AMT_BALANCE", USE, "Drawn over owed.", (12, EVER), (IN_USE,)),
    Feature("drawn", "AMT_DRAWINGS_CURRENT", (MEAN,), USE, "Drawn in the month.", windows=(12, EVER)),
    Feature("drawings", "CNT_DRAWINGS_CURRENT", (MEAN, MAX), USE, "Number of drawings.", windows=(12, EVER)),
    Feature("cash_drawings", "CNT_DRAWINGS_ATM_CURRENT", (MEAN,), USE, "Number of cash drawings.", (6, 12, EVER)),
    Feature("drawn_months", DRAWN.where, (MEAN,), USE, "Something was drawn.", windows=(6, EVER)),
    Feature("age", "age", (MIN,), USE, "Months since.", slices=(DRAWN, CASH_DRAWN, IN_USE)),
)

REPAYMENT: tuple[Declared, ...] = (
    Ratio("total_paid_to_minimum", "paid", "minimum", PAYMENT, "All paid over all due.", windows=(4, 12, EVER)),
    Feature("paid_to_minimum", "paid_to_minimum", (MEAN,), PAYMENT, "Paid over due, at most 10.", (4, 12, EVER)),
    Feature("paid_less_minimum", "paid - minimum", (MEAN,), PAYMENT, "Paid less due.", windows=(4, 12, EVER)),
    *rising(
        Feature("below_minimum", "below_minimum", (MEAN,), PAYMENT, "Paid less than was due.", windows=(6, 12, EVER)),
        Feature("below_minimum", "below_minimum", (DECAYED,), PAYMENT, "Paid less than was due."),
    ),
    Feature("only_minimum", "paid_to_minimum between 1 and 1.1e0", (MEAN,), PAYMENT, "Paid no more than was due."),
    Ratio("paid_to_balance", "paid", "AMT_BALANCE", PAYMENT, "Paid over owed.", (12, EVER), (IN_USE,)),
    Feature("age", "age", (MIN,), PAYMENT, "Months since.", slices=(UNDERPAID, OVERDUE, OVERDUE_LARGE)),
    *rising(
        Feature("dpd", "SK_DPD", (MEAN, MAX), PAYMENT, "Days past due.", windows=(12, EVER)),
        Feature("dpd_def", "SK_DPD_DEF", (MAX,), PAYMENT, "Days past due, small debts left out.", windows=(12, EVER)),
        Feature("is_late", OVERDUE.where, (MEAN,), PAYMENT, "Past due.", windows=(6, 12, EVER)),
        Feature("is_late_def", OVERDUE_LARGE.where, (MEAN,), PAYMENT, "Past due, small debts left out.", (12, EVER)),
        Feature("is_late", OVERDUE.where, (DECAYED,), PAYMENT, "Past due, the latest counting most."),
    ),
    Feature("instalments", "CNT_INSTALMENT_MATURE_CUM", (MAX,), PAYMENT, "Instalments paid so far."),
    Feature("completed", "NAME_CONTRACT_STATUS = 'Completed'", (MEAN,), PAYMENT, "Months after the card was closed."),
    Feature("age", "age", (MIN, MAX), USE, "Months since the balance."),
)

CHANGES: tuple[Declared, ...] = (
    Derived("card_has_card", "card_age_max_ever is not null", USE, "Has or had a credit card."),
    Derived(
        "card_use_3m_less_12m", "card_use_mean_3m - card_use_mean_12m", USE, "Use of 3 months less that of a year."
    ),
    Derived("card_use_12m_less_ever", "card_use_mean_12m - card_use_mean_ever", USE, "Use of a year less that of all."),
)

OF_A_CARD: tuple[Folding, ...] = (
    Feature("use", "use", (MEAN,), USE, "Balance over limit."),
    Feature("below_minimum", "below_minimum", (MEAN,), PAYMENT, "Paid less than was due."),
    Feature("dpd_def", "SK_DPD_DEF", (MAX,), PAYMENT, "Days past due, small debts left out."),
)

TABLE = Table(
    name="credit_card_balance",
    prefix="card",
    files=("credit_card_balance",),
    about="One month of one earlier credit card.",
    key=("SK_ID_PREV", "MONTHS_BALANCE"),
    columns=COLUMNS,
    parent=("previous_application", "SK_ID_PREV"),
    derivations=DERIVATIONS,
    moments=(Moment("MONTHS_BALANCE", "m"),),
    age="-MONTHS_BALANCE",
    age_unit="m",
    order=("SK_ID_PREV DESC",),
    features=(*UTILISATION, *SPENDING, *REPAYMENT, *CHANGES),
    parent_features=OF_A_CARD,
)
