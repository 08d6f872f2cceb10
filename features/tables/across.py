"""Features that need more than one table: expressions over finished features, in the order of their evaluation."""

from features.spec import Derived

DEBT, HISTORY, BURDEN = "bureau debt", "bureau history", "total burden"

APPLICATION_AND_BUREAU: tuple[Derived, ...] = (
    Derived(
        "BUREAU_DEBT_TO_INCOME",
        "bureau_debt_sum_ever / nullif(AMT_INCOME_TOTAL, 0)",
        BURDEN,
        "Debt with other lenders over income.",
    ),
    Derived(
        "BUREAU_DEBT_TO_CREDIT",
        "bureau_debt_sum_ever / nullif(AMT_CREDIT, 0)",
        BURDEN,
        "Debt with other lenders over the loan asked for.",
    ),
    Derived(
        "BUREAU_DEBT_AND_CREDIT_TO_INCOME",
        "(bureau_debt_sum_ever + AMT_CREDIT) / nullif(AMT_INCOME_TOTAL, 0)",
        BURDEN,
        "Debt with other lenders and the loan asked for over income.",
    ),
    Derived(
        "BUREAU_OVERDUE_TO_INCOME",
        "bureau_overdue_sum_ever / nullif(AMT_INCOME_TOTAL, 0)",
        "bureau delinquency",
        "What is overdue with other lenders over income.",
    ),
    Derived(
        "BUREAU_MAX_OVERDUE_TO_INCOME",
        "bureau_max_overdue_max_ever / nullif(AMT_INCOME_TOTAL, 0)",
        "bureau delinquency",
        "The most that was ever overdue with another lender over income.",
    ),
    Derived(
        "BUREAU_DUE_TO_INCOME",
        "bureau_due_each_month_sum_active_ever / nullif(AMT_INCOME_TOTAL, 0)",
        BURDEN,
        "What other lenders are owed each month over income.",
    ),
    Derived(
        "BUREAU_DUE_AND_ANNUITY_TO_INCOME",
        "(bureau_due_each_month_sum_active_ever + AMT_ANNUITY) / nullif(AMT_INCOME_TOTAL, 0)",
        BURDEN,
        "What other lenders are owed each month and the new payment over income.",
    ),
    Derived(
        "BUREAU_PAID_EACH_MONTH_TO_ANNUITY",
        "bureau_paid_each_month_max_active_ever / nullif(AMT_ANNUITY, 0)",
        BURDEN,
        "What was paid each month to another lender, over the new payment.",
    ),
    Derived(
        "BUREAU_CREDIT_LEFT_TO_CREDIT",
        "bureau_credit_left_sum_active_ever / nullif(AMT_CREDIT, 0)",
        BURDEN,
        "What is still to run of other lenders' loans over the loan asked for.",
    ),
    Derived(
        "CREDIT_TO_BUREAU_MEAN",
        "AMT_CREDIT / nullif(bureau_credit_mean_ever, 0)",
        "loan size",
        "The loan asked for over the usual one with other lenders.",
    ),
    Derived(
        "CREDIT_TO_BUREAU_MAX",
        "AMT_CREDIT / nullif(bureau_credit_max_ever, 0)",
        "loan size",
        "The loan asked for over the largest one with another lender.",
    ),
    Derived(
        "CREDIT_TO_BUREAU_LAST",
        "AMT_CREDIT / nullif(bureau_credit_mean_last1, 0)",
        "loan size",
        "The loan asked for over the last one with another lender.",
    ),
    Derived(
        "ANNUITY_TO_BUREAU_ANNUITY",
        "AMT_ANNUITY / nullif(bureau_annuity_mean_active_ever, 0)",
        "loan size",
        "The new payment over the usual one of the running loans with other lenders.",
    ),
    Derived(
        "BUREAU_DAYS_LEFT_TO_TERM",
        "bureau_days_left_max_active_ever * CREDIT_TERM / 30",
        BURDEN,
        "How long other loans still run, over the time that the loan asked for takes without interest.",
    ),
    Derived(
        "BUREAU_PROJECTED_DEBT",
        "bureau_debt_sum_active_ever / nullif(bureau_age_mean_active_ever, 0) * 30 / nullif(CREDIT_TERM, 0)",
        DEBT,
        "Debt gathered each day with other lenders, over the days the loan asked for takes without interest.",
    ),
    Derived(
        "BUREAU_END_TO_AGE",
        "bureau_days_left_max_active_ever / -nullif(DAYS_BIRTH, 0)",
        DEBT,
        "How long other loans still run over the applicant's age.",
    ),
    Derived(
        "BUREAU_FIRST_TO_AGE",
        "bureau_age_max_ever / -nullif(DAYS_BIRTH, 0)",
        HISTORY,
        "Share of life since the first loan with another lender.",
    ),
    Derived(
        "BUREAU_MEAN_TO_EMPLOYED",
        "bureau_age_mean_ever / -nullif(DAYS_EMPLOYED, 0)",
        HISTORY,
        "Mean time since the loans with other lenders over the time in the job.",
    ),
    Derived(
        "BUREAU_LAST_TO_EMPLOYED",
        "bureau_age_min_ever / -nullif(DAYS_EMPLOYED, 0)",
        HISTORY,
        "Time since the last loan with another lender over the time in the job.",
    ),
    Derived(
        "ENQUIRIES_TO_BUREAU_LOANS",
        "ENQUIRIES_YEAR / (1 + bureau_loans_count_365d)",
        "enquiries",
        "Enquiries of the last year for each loan that came of it.",
    ),
)

LOANS, REFUSALS, SIZE, AFFORD = "previous loans", "previous applications", "loan size", "affordability"

APPLICATION_AND_LOANS: tuple[Derived, ...] = (
    Derived(
        "CREDIT_TO_APPROVED_MEAN",
        "AMT_CREDIT / nullif(previous_credit_mean_approved_ever, 0)",
        SIZE,
        "The loan asked for over the usual one granted before.",
    ),
    Derived(
        "CREDIT_TO_APPROVED_MAX",
        "AMT_CREDIT / nullif(previous_credit_max_approved_ever, 0)",
        SIZE,
        "The loan asked for over the largest one granted before.",
    ),
    Derived(
        "CREDIT_TO_APPROVED_LAST",
        "AMT_CREDIT / nullif(previous_credit_mean_approved_last1, 0)",
        SIZE,
        "The loan asked for over the last one granted.",
    ),
    Derived(
        "CREDIT_TO_REFUSED_MEAN",
        "AMT_CREDIT / nullif(previous_asked_mean_refused_ever, 0)",
        REFUSALS,
        "The loan asked for over the usual one that was refused.",
    ),
    Derived(
        "ANNUITY_TO_APPROVED_MEAN",
        "AMT_ANNUITY / nullif(previous_annuity_mean_approved_ever, 0)",
        SIZE,
        "The new payment over the usual one of the loans granted before.",
    ),
    Derived(
        "ANNUITY_TO_APPROVED_MAX",
        "AMT_ANNUITY / nullif(previous_annuity_max_approved_ever, 0)",
        SIZE,
        "The new payment over the highest one of the loans granted before.",
    ),
    Derived(
        "ANNUITY_TO_REFUSED_MEAN",
        "AMT_ANNUITY / nullif(previous_annuity_mean_refused_ever, 0)",
        REFUSALS,
        "The new payment over the usual one of what was refused.",
    ),
    Derived(
        "CREDIT_TO_ANNUITY_TO_APPROVED_MEAN",
        "AMT_CREDIT / nullif(AMT_ANNUITY, 0) / nullif(previous_credit_to_annuity_mean_approved_ever, 0)",
        SIZE,
        "Loan over payment, now over before.",
    ),
    Derived(
        "CREDIT_TO_GOODS_TO_APPROVED_MEAN",
        "CREDIT_TO_GOODS / nullif(previous_credit_to_goods_mean_approved_ever, 0)",
        SIZE,
        "Loan over price of the goods, now over before.",
    ),
    Derived(
        "TERM_LESS_APPROVED_MEAN",
        "AMT_CREDIT / nullif(AMT_ANNUITY, 0) - previous_term_mean_approved_ever",
        SIZE,
        "Payments that the loan asked for takes without interest, less the usual term before.",
    ),
    Derived(
        "EXPECTED_RATE_LESS_APPROVED_MEAN",
        "EXPECTED_RATE - previous_flat_rate_mean_approved_ever",
        SIZE,
        "Yearly interest rate expected of the loan asked for, less the usual one before.",
    ),
    Derived(
        "EXPECTED_TERM_LESS_APPROVED_MEAN",
        "EXPECTED_TERM - previous_term_mean_approved_ever",
        SIZE,
        "Term expected of the loan asked for, less the usual one before.",
    ),
    Derived(
        "HOUR_FROM_USUAL",
        "HOUR_APPR_PROCESS_START - previous_hour_mean_ever",
        REFUSALS,
        "Hour of the application less the usual one.",
    ),
    Derived(
        "PREVIOUS_DEBT_TO_INCOME",
        "previous_debt_left_sum_active_ever / nullif(AMT_INCOME_TOTAL, 0)",
        BURDEN,
        "What is left to pay of the running loans with this lender over income.",
    ),
    Derived(
        "PREVIOUS_DEBT_TO_CREDIT",
        "previous_debt_left_sum_active_ever / nullif(AMT_CREDIT, 0)",
        BURDEN,
        "What is left to pay of the running loans with this lender over the loan asked for.",
    ),
    *(
        Derived(
            f"DUE_IN_MONTH_{month}_TO_INCOME",
            f"(previous_due_in_month_{month}_sum_active_ever + AMT_ANNUITY) / nullif(AMT_INCOME_TOTAL, 0)",
            BURDEN,
            f"Payments due to this lender {month} months after the application, the new one included, over income.",
        )
        for month in (1, 6, 12, 20)
    ),
    Derived(
        "MEAN_AGE_OF_APPLICATIONS_TO_LIFE",
        "previous_age_mean_ever / -nullif(DAYS_BIRTH, 0)",
        LOANS,
        "Mean time since the earlier applications over the applicant's age.",
    ),
    Derived(
        "ANNUITY_TO_HIGHEST_INSTALMENT",
        "AMT_ANNUITY / nullif(installments_due_max_ever, 0)",
        AFFORD,
        "The new payment over the highest instalment ever due.",
    ),
    Derived(
        "ANNUITY_TO_MEAN_PAYMENT",
        "AMT_ANNUITY / nullif(installments_paid_mean_ever, 0)",
        AFFORD,
        "The new payment over the mean amount paid for an instalment.",
    ),
    Derived(
        "ANNUITY_TO_HIGHEST_PAYMENT",
        "AMT_ANNUITY / nullif(installments_paid_max_ever, 0)",
        AFFORD,
        "The new payment over the highest amount paid for an instalment.",
    ),
    Derived(
        "PAID_IN_A_YEAR_TO_INCOME",
        "installments_paid_sum_365d / nullif(AMT_INCOME_TOTAL, 0)",
        BURDEN,
        "What was paid to this lender in a year over income.",
    ),
    Derived(
        "POS_DEBT_TO_CREDIT",
        "pos_debt_sum_active_2m / nullif(AMT_CREDIT, 0)",
        BURDEN,
        "What is left to pay by the latest balances over the loan asked for.",
    ),
    Derived(
        "POS_ANNUITY_AND_ANNUITY_TO_INCOME",
        "(pos_annuity_sum_active_2m + AMT_ANNUITY) / nullif(AMT_INCOME_TOTAL, 0)",
        BURDEN,
        "Payments by the latest balances and the new one over income.",
    ),
    Derived(
        "CARD_DEBT_TO_INCOME",
        "card_debt_sum_2m / nullif(AMT_INCOME_TOTAL, 0)",
        BURDEN,
        "Owed on this lender's cards over income.",
    ),
    Derived(
        "CARD_LIMIT_TO_INCOME",
        "card_limit_mean_last1 / nullif(AMT_INCOME_TOTAL, 0)",
        "card use",
        "Limit of the card over income.",
    ),
)

EVERYTHING: tuple[Derived, ...] = (
    Derived(
        "TOTAL_DEBT",
        "bureau_debt_sum_active_ever + previous_debt_left_sum_active_ever + card_debt_sum_2m",
        BURDEN,
        "Owed to other lenders and to this one.",
    ),
    Derived(
        "TOTAL_DEBT_AND_CREDIT_TO_INCOME",
        "(TOTAL_DEBT + AMT_CREDIT) / nullif(AMT_INCOME_TOTAL, 0)",
        BURDEN,
        "Everything owed and the loan asked for over income.",
    ),
    Derived(
        "TOTAL_ANNUITY",
        "AMT_ANNUITY + bureau_due_each_month_sum_active_ever + previous_annuity_sum_active_ever",
        BURDEN,
        "The new payment and those of all running loans.",
    ),
    Derived(
        "TOTAL_ANNUITY_TO_INCOME",
        "TOTAL_ANNUITY / nullif(AMT_INCOME_TOTAL, 0)",
        BURDEN,
        "The new payment and those of all running loans over income.",
    ),
    Derived(
        "ACTIVE_LOANS",
        "bureau_loans_count_active_ever + previous_applications_count_active_ever",
        BURDEN,
        "Running loans with other lenders and with this one.",
    ),
    Derived(
        "APPLICATIONS_TO_BUREAU_LOANS",
        "previous_applications_count_ever / (1 + bureau_loans_count_ever)",
        REFUSALS,
        "Applications to this lender for each loan with another.",
    ),
    Derived(
        "REFUSALS_AND_ENQUIRIES",
        "previous_applications_count_refused_365d + coalesce(ENQUIRIES_YEAR, 0)",
        REFUSALS,
        "Refusals by this lender and enquiries by others in a year.",
    ),
)

ACROSS: tuple[Derived, ...] = (*APPLICATION_AND_BUREAU, *APPLICATION_AND_LOANS, *EVERYTHING)
