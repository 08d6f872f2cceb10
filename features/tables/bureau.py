"""Loans with other lenders, as the credit bureau reported them, and the monthly states of each (`balance_...`).

Days of events may lie after the application: that is no error of the file, and `age` keeps such rows from all features.
"""

from features.bounds import FAR_AHEAD, LARGEST_IDENTIFIER, LONG_AGO, MOST_COUNTED, MOST_MONEY
from features.spec import (
    ALL,
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
    Moment,
    Ordered,
    Ratio,
    Slice,
    Table,
    Type,
    rising,
)

COLUMNS = (
    Column("SK_ID_CURR", Type.ID, "The applicant.", required=True, low=1, high=LARGEST_IDENTIFIER),
    Column("SK_ID_BUREAU", Type.ID, "The loan with another lender.", required=True, low=1, high=LARGEST_IDENTIFIER),
    Column(
        "CREDIT_ACTIVE",
        Type.TEXT,
        "Whether the loan still runs.",
        required=True,
        levels=("Active", "Closed", "Sold", "Bad debt"),
    ),
    Column(
        "CREDIT_CURRENCY",
        Type.TEXT,
        "Currency of the loan, anonymised.",
        levels=("currency 1", "currency 2", "currency 3", "currency 4"),
    ),
    Column(
        "DAYS_CREDIT",
        Type.WHOLE,
        "Day the loan was asked for, against the application.",
        required=True,
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column("CREDIT_DAY_OVERDUE", Type.WHOLE, "Days past due at the application.", low=0, high=MOST_COUNTED),
    Column(
        "DAYS_CREDIT_ENDDATE",
        Type.REAL,
        "Day the loan should end, against the application; the future is positive.",
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column(
        "DAYS_ENDDATE_FACT",
        Type.REAL,
        "Day a closed loan did end, against the application.",
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column("AMT_CREDIT_MAX_OVERDUE", Type.AMOUNT, "Highest amount that was ever overdue.", low=0, high=MOST_MONEY),
    Column("CNT_CREDIT_PROLONG", Type.WHOLE, "How often the loan was prolonged.", low=0, high=MOST_COUNTED),
    Column("AMT_CREDIT_SUM", Type.AMOUNT, "Amount of the loan.", low=0, high=MOST_MONEY),
    Column(
        "AMT_CREDIT_SUM_DEBT",
        Type.AMOUNT,
        "What is still owed; negative where too much was paid.",
        low=-MOST_MONEY,
        high=MOST_MONEY,
    ),
    Column(
        "AMT_CREDIT_SUM_LIMIT",
        Type.AMOUNT,
        "Limit of a credit card; a few are negative.",
        low=-MOST_MONEY,
        high=MOST_MONEY,
    ),
    Column("AMT_CREDIT_SUM_OVERDUE", Type.AMOUNT, "Amount overdue at the application.", low=0, high=MOST_MONEY),
    Column(
        "CREDIT_TYPE",
        Type.TEXT,
        "Kind of loan.",
        levels=(
            "Consumer credit",
            "Credit card",
            "Car loan",
            "Mortgage",
            "Microloan",
            "Loan for business development",
            "Another type of loan",
            "Unknown type of loan",
            "Loan for working capital replenishment",
            "Cash loan (non-earmarked)",
            "Real estate loan",
            "Loan for the purchase of equipment",
            "Loan for purchase of shares (margin lending)",
            "Mobile operator loan",
            "Interbank credit",
        ),
    ),
    Column(
        "DAYS_CREDIT_UPDATE",
        Type.WHOLE,
        "Day of the bureau's last news of the loan; a few lie after the application.",
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column("AMT_ANNUITY", Type.AMOUNT, "Payment due each period.", low=0, high=MOST_MONEY),
)

DEBT, HISTORY, DELINQUENCY = "bureau debt", "bureau history", "bureau delinquency"

KINDS = (
    Slice("consumer", "CREDIT_TYPE = 'Consumer credit'", "Consumer loans."),
    Slice("card", "CREDIT_TYPE = 'Credit card'", "Credit cards."),
    Slice("car", "CREDIT_TYPE = 'Car loan'", "Car loans."),
    Slice("mortgage", "CREDIT_TYPE in ('Mortgage', 'Real estate loan')", "Mortgages."),
    Slice("micro", "CREDIT_TYPE = 'Microloan'", "Microloans."),
)
CONSUMER, CARD = KINDS[:2]
ACTIVE = Slice("active", "CREDIT_ACTIVE = 'Active'", "Loans that still run.")
CLOSED = Slice("closed", "CREDIT_ACTIVE = 'Closed'", "Loans that have ended.")
ACTIVE_CONSUMER = Slice("active_consumer", f"{ACTIVE.where} and {CONSUMER.where}", "Consumer loans that still run.")
ACTIVE_CARD = Slice("active_card", f"{ACTIVE.where} and {CARD.where}", "Credit cards that still run.")

# A few days lie a century back: dates mistyped at their source.
FIRST_DAY = -40_000

DERIVATIONS = (
    *(
        Derivation(column.name, f"cast({column.name} as double)", column.about)
        for column in COLUMNS
        if column.type is Type.AMOUNT
    ),
    *(
        Derivation(name, f"case when {name} > {FIRST_DAY} then {name} end", "The day; null where it is centuries ago.")
        for name in ("DAYS_CREDIT_ENDDATE", "DAYS_CREDIT_UPDATE")
    ),
    Derivation(
        "DAYS_ENDDATE_FACT",
        f"case when DAYS_ENDDATE_FACT > {FIRST_DAY} and DAYS_ENDDATE_FACT <= 0 then DAYS_ENDDATE_FACT end",
        "Day the loan did end; null where it is centuries ago or after the application.",
    ),
    Derivation("debt_ratio", "AMT_CREDIT_SUM_DEBT / nullif(AMT_CREDIT_SUM, 0)", "Debt over the loan's amount."),
    Derivation("paid", "AMT_CREDIT_SUM - AMT_CREDIT_SUM_DEBT", "What is paid back of the loan's amount."),
    Derivation("overdue_ratio", "AMT_CREDIT_SUM_OVERDUE / nullif(AMT_CREDIT_SUM, 0)", "Overdue over the amount."),
    Derivation(
        "max_overdue_ratio", "AMT_CREDIT_MAX_OVERDUE / nullif(AMT_CREDIT_SUM, 0)", "Highest overdue over the amount."
    ),
    Derivation("duration", "DAYS_CREDIT_ENDDATE - DAYS_CREDIT", "Days the loan was to run."),
    Derivation("days_left", "case when DAYS_CREDIT_ENDDATE > 0 then DAYS_CREDIT_ENDDATE end", "Days it still runs."),
    Derivation("time_left", "days_left / nullif(duration, 0)", "Share of its time that is still to come."),
    Derivation(
        "credit_left", "AMT_CREDIT_SUM * time_left", "Loan amount for the time still to come, on a straight line."
    ),
    Derivation("ahead", "1 - time_left - debt_ratio", "Time gone less debt: below 0 where repayment lags."),
    Derivation("due_each_month", "AMT_CREDIT_SUM_DEBT * 30 / nullif(days_left, 0)", "Debt over the months left."),
    Derivation("paid_each_month", "paid * 30 / -nullif(DAYS_CREDIT, 0)", "Paid over the months since the start."),
    Derivation(
        "end_slip", "DAYS_ENDDATE_FACT - DAYS_CREDIT_ENDDATE", "Days it ended after its due day; early is negative."
    ),
    Derivation(
        "limit_use",
        "AMT_CREDIT_SUM_DEBT / nullif(AMT_CREDIT_SUM_DEBT + AMT_CREDIT_SUM_LIMIT, 0)",
        "Debt over debt and the limit that is left.",
    ),
)

SIZE: tuple[Declared, ...] = (
    Feature("loans", "1", (COUNT,), HISTORY, "Loans.", windows=(180, 365, 730, 1095, EVER), slices=(ALL, ACTIVE)),
    Feature("loans", "1", (COUNT,), HISTORY, "Loans.", slices=(CLOSED, *KINDS)),
    Feature("active", ACTIVE.where, (MEAN,), HISTORY, "The loan still runs.", windows=(365, 1095, EVER)),
    Feature("active", ACTIVE.where, (MEAN,), HISTORY, "The loan still runs.", slices=(CONSUMER, CARD)),
    Feature("lost", "CREDIT_ACTIVE in ('Sold', 'Bad debt')", (MEAN,), DELINQUENCY, "Sold or written off."),
    *(Feature(kind.name, kind.where, (MEAN,), HISTORY, kind.about, windows=(730, EVER)) for kind in KINDS),
    Feature("credit", "AMT_CREDIT_SUM", (SUM, MEAN, MAX), DEBT, "Loan amount.", slices=(ALL, ACTIVE, CLOSED)),
    Feature("credit", "AMT_CREDIT_SUM", (SUM, MEAN), DEBT, "Loan amount.", windows=(365, 1095)),
    Feature("credit", "AMT_CREDIT_SUM", (SUM,), DEBT, "Loan amount.", slices=KINDS),
    Feature("credit", "AMT_CREDIT_SUM", (TREND, DECAYED, STD), DEBT, "Loan amount."),
    Feature("annuity", "nullif(AMT_ANNUITY, 0)", (MEAN, MAX), DEBT, "Payment reported each period.", slices=(ACTIVE,)),
    Feature("limit", "AMT_CREDIT_SUM_LIMIT", (SUM, MAX), DEBT, "Limit that is left on a card.", slices=(ACTIVE,)),
)

OWED: tuple[Declared, ...] = (
    Feature("debt", "AMT_CREDIT_SUM_DEBT", (SUM, MEAN, MAX), DEBT, "Amount still owed.", windows=(365, 1095, EVER)),
    Feature("debt", "AMT_CREDIT_SUM_DEBT", (SUM,), DEBT, "Amount still owed.", slices=(ACTIVE, *KINDS)),
    Feature(
        "debt_ratio",
        "debt_ratio",
        (MEAN, MAX, STD),
        DEBT,
        "Debt over the loan's amount.",
        windows=(365, 1095, EVER),
        slices=(ALL, ACTIVE),
    ),
    Feature("debt_ratio", "debt_ratio", (MEAN, MAX), DEBT, "Debt over the loan's amount.", slices=(CONSUMER, CARD)),
    Feature("debt_ratio", "debt_ratio", (DECAYED, TREND), DEBT, "Debt over the loan's amount."),
    Ratio(
        "total_debt_ratio",
        "AMT_CREDIT_SUM_DEBT",
        "AMT_CREDIT_SUM",
        DEBT,
        "Everything owed over everything lent.",
        windows=(365, 730, 1095, EVER),
        slices=(ALL, ACTIVE),
    ),
    Ratio(
        "total_debt_ratio",
        "AMT_CREDIT_SUM_DEBT",
        "AMT_CREDIT_SUM",
        DEBT,
        "Everything owed over everything lent.",
        slices=(*KINDS, ACTIVE_CONSUMER, ACTIVE_CARD),
    ),
    Feature("paid", "paid", (SUM, MEAN, MAX), DEBT, "What is paid back.", slices=(ALL, ACTIVE)),
    Feature("limit_use", "limit_use", (MEAN, MAX), DEBT, "Debt over debt and limit left.", slices=(CARD, ACTIVE_CARD)),
    Feature("credit_left", "credit_left", (SUM, MEAN, MAX), DEBT, "Loan for the time to come.", slices=(ACTIVE,)),
    Feature("due_each_month", "due_each_month", (SUM, MEAN, MAX), DEBT, "Debt over the months left.", slices=(ACTIVE,)),
    Feature(
        "paid_each_month", "paid_each_month", (SUM, MEAN, MAX), DEBT, "Paid over the months gone.", slices=(ACTIVE,)
    ),
    Feature("ahead", "ahead", (MIN, MEAN), DEBT, "Time gone less debt share.", slices=(ACTIVE, ACTIVE_CONSUMER)),
)

TIMING: tuple[Declared, ...] = (
    Feature("age", "age", (MIN, MAX, MEAN, STD), HISTORY, "Days since the loan.", slices=(ALL, ACTIVE, CLOSED)),
    Feature("age", "age", (MIN,), HISTORY, "Days since the loan.", slices=KINDS),
    Feature("gap", "previous_age - age", (MIN, MEAN, MAX, STD), HISTORY, "Days since the loan before."),
    Feature("gap", "previous_age - age", (MIN, MEAN), HISTORY, "Days since the loan before.", windows=(730,)),
    Feature("duration", "duration", (MIN, MEAN, MAX), HISTORY, "Days to run.", slices=(ALL, ACTIVE, CLOSED, CONSUMER)),
    Feature("days_left", "days_left", (SUM, MEAN, MAX), DEBT, "Days it still runs.", slices=(ACTIVE, ACTIVE_CONSUMER)),
    Feature("time_left", "time_left", (MIN, MEAN, MAX), DEBT, "Share of time to come.", slices=(ACTIVE,)),
    Feature("past_end", "DAYS_CREDIT_ENDDATE < 0", (MEAN,), DELINQUENCY, "Runs beyond its due day.", slices=(ACTIVE,)),
    Feature("end_slip", "end_slip", (MIN, MEAN, MAX, STD), HISTORY, "Days ended after due.", slices=(CLOSED,)),
    Feature("end_slip", "end_slip", (MEAN,), HISTORY, "Days ended after due.", windows=(1095,), slices=(CLOSED,)),
    Feature("ended_early", "end_slip < -30", (MEAN,), HISTORY, "Ended a month early or more.", slices=(CLOSED,)),
    Feature("ended_late", "end_slip > 30", (MEAN,), DELINQUENCY, "Ended over a month late.", slices=(CLOSED,)),
    Feature("closed_age", "-DAYS_ENDDATE_FACT", (MIN, MEAN), HISTORY, "Days since it ended.", slices=(CLOSED,)),
)

OVERDUE: tuple[Declared, ...] = (
    *rising(
        Feature("overdue_days", "CREDIT_DAY_OVERDUE", (MAX, MEAN), DELINQUENCY, "Days past due now."),
        Feature("overdue", "AMT_CREDIT_SUM_OVERDUE", (SUM, MAX), DELINQUENCY, "Amount overdue now."),
        Feature(
            "overdue_ratio", "overdue_ratio", (MEAN, MAX), DELINQUENCY, "Overdue over the amount.", slices=(ALL, ACTIVE)
        ),
        Feature("max_overdue", "AMT_CREDIT_MAX_OVERDUE", (SUM, MEAN, MAX), DELINQUENCY, "Highest amount overdue."),
        Feature(
            "max_overdue",
            "AMT_CREDIT_MAX_OVERDUE",
            (MEAN, MAX),
            DELINQUENCY,
            "Highest amount overdue.",
            windows=(365, 1095),
        ),
        Feature("max_overdue", "AMT_CREDIT_MAX_OVERDUE", (DECAYED,), DELINQUENCY, "Highest amount overdue."),
        Feature(
            "max_overdue_ratio",
            "max_overdue_ratio",
            (MEAN, MAX),
            DELINQUENCY,
            "Highest overdue over the amount.",
            slices=(ALL, ACTIVE, CLOSED, CONSUMER, CARD),
        ),
        Ratio(
            "total_max_overdue_ratio",
            "AMT_CREDIT_MAX_OVERDUE",
            "AMT_CREDIT_SUM",
            DELINQUENCY,
            "Highest amounts overdue over everything lent.",
            windows=(1095, EVER),
        ),
        Feature(
            "ever_overdue",
            "coalesce(AMT_CREDIT_MAX_OVERDUE, 0) > 0",
            (MEAN,),
            DELINQUENCY,
            "Was once overdue.",
            windows=(365, 1095, EVER),
            slices=(ALL, ACTIVE),
        ),
    ),
    Feature(
        "overdue_loan_age",
        "case when AMT_CREDIT_MAX_OVERDUE > 0 then age end",
        (MIN,),
        DELINQUENCY,
        "Days since a loan that was once overdue.",
    ),
    Feature("prolonged", "CNT_CREDIT_PROLONG", (SUM, MEAN), DELINQUENCY, "How often it was prolonged."),
)

LAST: tuple[Declared, ...] = (
    *(
        Ordered(name, value, (MEAN,), family, about, last=(1, 3, 5))
        for name, value, family, about in (
            ("gap", "previous_age - age", HISTORY, "Days since the loan before."),
            ("credit", "AMT_CREDIT_SUM", DEBT, "Loan amount."),
            ("debt", "AMT_CREDIT_SUM_DEBT", DEBT, "Amount still owed."),
            ("debt_ratio", "debt_ratio", DEBT, "Debt over the loan's amount."),
            ("duration", "duration", HISTORY, "Days the loan was to run."),
            ("active", ACTIVE.where, HISTORY, "The loan still runs."),
            ("max_overdue_ratio", "max_overdue_ratio", DELINQUENCY, "Highest overdue over the amount."),
        )
    ),
    Ordered("age", "age", (MEAN,), HISTORY, "Days since the loan.", last=(3, 5)),
    *rising(
        Ordered(
            "max_overdue", "AMT_CREDIT_MAX_OVERDUE", (MAX,), DELINQUENCY, "Highest amount overdue.", last=(1, 3, 5)
        ),
    ),
    Ordered("debt_ratio", "debt_ratio", (MEAN,), DEBT, "Debt over the amount.", last=(1, 3), slices=(ACTIVE, CONSUMER)),
    Ordered("credit", "AMT_CREDIT_SUM", (MEAN,), DEBT, "Loan amount.", last=(1,), slices=(ACTIVE, CONSUMER)),
    Ordered("time_left", "time_left", (MEAN,), DEBT, "Share of time to come.", last=(1, 3), slices=(ACTIVE,)),
)

MONTHLY: tuple[Declared, ...] = (
    *(
        Feature(
            f"months_late_{window}",
            f"loan_balance_late_mean_{window}",
            (MEAN, MAX),
            DELINQUENCY,
            f"Months late, {told}.",
        )
        for window, told in (
            ("6m", "of the last 6"),
            ("12m", "of the last 12"),
            ("24m", "of the last 24"),
            ("60m", "of the last 60"),
            ("ever", "of all"),
        )
    ),
    Feature(
        "months_late_ever",
        "loan_balance_late_mean_ever",
        (MEAN,),
        DELINQUENCY,
        "Months late, of all.",
        slices=(ACTIVE, CLOSED),
    ),
    Feature(
        "months_very_late_24m",
        "loan_balance_very_late_mean_24m",
        (MAX,),
        DELINQUENCY,
        "Months over 30 days late, of 24.",
    ),
    Feature(
        "months_very_late_ever",
        "loan_balance_very_late_mean_ever",
        (MEAN, MAX),
        DELINQUENCY,
        "Months over 30 days late.",
    ),
    Feature(
        "months_since_late",
        "loan_balance_late_age_min_ever",
        (MIN, MEAN),
        DELINQUENCY,
        "Months since the last late one.",
    ),
    Feature(
        "level_12m", "loan_balance_level_mean_12m", (MEAN, MAX), DELINQUENCY, "Mean lateness of 12 months, 0 to 5."
    ),
    Feature(
        "level_max_12m", "loan_balance_level_max_12m", (MEAN, MAX), DELINQUENCY, "Worst lateness of 12 months, 0 to 5."
    ),
    Feature("level_max", "loan_balance_level_max_ever", (MEAN, MAX), DELINQUENCY, "Worst lateness ever, 0 to 5."),
    Feature(
        "level_decayed",
        "loan_balance_level_decayed_ever",
        (MEAN, MAX),
        DELINQUENCY,
        "Lateness, the latest counting most.",
    ),
    Feature(
        "level_trend",
        "loan_balance_level_trend_24m",
        (MEAN, MAX),
        DELINQUENCY,
        "Whether lateness rises over 24 months.",
    ),
    Ordered("months_late_ever", "loan_balance_late_mean_ever", (MEAN,), DELINQUENCY, "Months late, of all.", last=(3,)),
)

COMPARED: tuple[Declared, ...] = (
    Derived(
        "bureau_kinds",
        " + ".join(f"cast(bureau_loans_count_{kind.name}_ever > 0 as int)" for kind in KINDS),
        HISTORY,
        "How many kinds of loan there were.",
    ),
    Derived(
        "bureau_loans_365d_to_ever",
        "bureau_loans_count_365d / nullif(bureau_loans_count_ever, 0)",
        HISTORY,
        "Share of the loans that were taken in the last year.",
    ),
    Derived(
        "bureau_loans_each_year",
        "bureau_loans_count_ever * 365.25e0 / nullif(bureau_age_max_ever, 0)",
        HISTORY,
        "Loans a year since the first.",
    ),
    Derived(
        "bureau_active_share_of_credit",
        "bureau_credit_sum_active_ever / nullif(bureau_credit_sum_ever, 0)",
        DEBT,
        "Share of everything lent that belongs to running loans.",
    ),
    Derived(
        "bureau_card_share_of_debt",
        "bureau_debt_sum_card_ever / nullif(bureau_debt_sum_ever, 0)",
        DEBT,
        "Share of the debt that is on cards.",
    ),
    Derived(
        "bureau_debt_365d_to_ever",
        "bureau_debt_sum_365d / nullif(bureau_debt_sum_ever, 0)",
        DEBT,
        "Share of the debt that comes from loans of the last year.",
    ),
    Derived(
        "bureau_last_credit_to_mean",
        "bureau_credit_mean_last1 / nullif(bureau_credit_mean_ever, 0)",
        DEBT,
        "The last loan's amount over the usual one.",
    ),
    Derived(
        "bureau_last_credits_to_mean",
        "bureau_credit_mean_last3 / nullif(bureau_credit_mean_ever, 0)",
        DEBT,
        "The last three loans' amount over the usual one.",
    ),
    Derived(
        "bureau_quiet_to_gap",
        "bureau_age_min_ever / nullif(bureau_gap_mean_ever, 0)",
        HISTORY,
        "Days since the last loan over the usual gap.",
    ),
    Derived(
        "bureau_last_debt_ratio_less_mean",
        "bureau_debt_ratio_mean_last1 - bureau_debt_ratio_mean_ever",
        DEBT,
        "The last loan's debt ratio less the usual one.",
    ),
    Derived(
        "bureau_months_late_12m_less_ever",
        "bureau_months_late_12m_mean_ever - bureau_months_late_ever_mean_ever",
        DELINQUENCY,
        "Months late in the last year less in general.",
    ),
)

TABLE = Table(
    name="bureau",
    prefix="bureau",
    files=("bureau",),
    about="One loan of the applicant with another lender.",
    key=("SK_ID_BUREAU",),
    columns=COLUMNS,
    parent=("application", "SK_ID_CURR"),
    derivations=DERIVATIONS,
    # A state that was reported after the application could not be known that day.
    moments=(
        Moment("DAYS_CREDIT"),
        Moment("DAYS_CREDIT_ENDDATE", planned=True),
        Moment("DAYS_ENDDATE_FACT"),
        Moment("DAYS_CREDIT_UPDATE"),
    ),
    age="case when coalesce(DAYS_CREDIT_UPDATE, 0) <= 0 then -DAYS_CREDIT end",
    age_unit="d",
    order=("SK_ID_BUREAU DESC",),
    features=(*SIZE, *OWED, *TIMING, *OVERDUE, *LAST, *MONTHLY, *COMPARED),
)
