"""Earlier applications with the same lender: their contract, what is derived from a row, and the features."""

from features.bounds import FAR_AHEAD, LARGEST_IDENTIFIER, LONG_AGO, LONGEST_TERM, MOST_MONEY
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
    Column("SK_ID_PREV", Type.ID, "Number of the earlier application.", required=True, low=1, high=LARGEST_IDENTIFIER),
    Column("SK_ID_CURR", Type.ID, "The applicant.", required=True, low=1, high=LARGEST_IDENTIFIER),
    Column(
        "NAME_CONTRACT_TYPE",
        Type.TEXT,
        "Kind of loan asked for; XNA where the application was dropped before one was chosen.",
        required=True,
        codes=("Cash loans", "Consumer loans", "Revolving loans", "XNA"),
    ),
    Column("AMT_ANNUITY", Type.AMOUNT, "Monthly payment.", low=0, high=MOST_MONEY),
    Column("AMT_APPLICATION", Type.AMOUNT, "Amount asked for; 0 where none was named.", low=0, high=MOST_MONEY),
    Column("AMT_CREDIT", Type.AMOUNT, "Amount granted or offered; 0 where none was.", low=0, high=MOST_MONEY),
    Column(
        "AMT_DOWN_PAYMENT",
        Type.AMOUNT,
        "Paid by the client at the purchase; rounding leaves some just below 0.",
        low=-MOST_MONEY,
        high=MOST_MONEY,
    ),
    Column("AMT_GOODS_PRICE", Type.AMOUNT, "Price of the goods the loan was for.", low=0, high=MOST_MONEY),
    Column(
        "WEEKDAY_APPR_PROCESS_START",
        Type.TEXT,
        "Weekday of the application.",
        levels=("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"),
    ),
    Column("HOUR_APPR_PROCESS_START", Type.WHOLE, "Hour of the application.", low=0, high=23),
    Column(
        "FLAG_LAST_APPL_PER_CONTRACT",
        Type.TEXT,
        "Y for the application that counts of its contract; N for an entry made by mistake.",
        required=True,
        codes=("Y", "N"),
    ),
    Column("NFLAG_LAST_APPL_IN_DAY", Type.WHOLE, "1 for the client's last application of its day.", codes=("1", "0")),
    Column("RATE_DOWN_PAYMENT", Type.REAL, "Down payment rate, normalised.", low=-1, high=100),
    Column(
        "RATE_INTEREST_PRIMARY", Type.REAL, "Main interest rate, normalised; nearly always empty.", low=-1, high=100
    ),
    Column(
        "RATE_INTEREST_PRIVILEGED",
        Type.REAL,
        "Preferential interest rate, normalised; nearly always empty.",
        low=-1,
        high=100,
    ),
    Column(
        "NAME_CASH_LOAN_PURPOSE",
        Type.TEXT,
        "What a cash loan was for; XAP where the question doesn't arise.",
        levels=(
            "XAP",
            "XNA",
            "Building a house or an annex",
            "Business development",
            "Buying a garage",
            "Buying a holiday home / land",
            "Buying a home",
            "Buying a new car",
            "Buying a used car",
            "Car repairs",
            "Education",
            "Everyday expenses",
            "Furniture",
            "Gasification / water supply",
            "Hobby",
            "Journey",
            "Medicine",
            "Money for a third person",
            "Other",
            "Payments on other loans",
            "Purchase of electronic equipment",
            "Refusal to name the goal",
            "Repairs",
            "Urgent needs",
            "Wedding / gift / holiday",
        ),
    ),
    Column(
        "NAME_CONTRACT_STATUS",
        Type.TEXT,
        "How the application ended.",
        required=True,
        levels=("Approved", "Canceled", "Refused", "Unused offer"),
    ),
    Column(
        "DAYS_DECISION",
        Type.WHOLE,
        "Day of the decision, counted from the application now made.",
        required=True,
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column(
        "NAME_PAYMENT_TYPE",
        Type.TEXT,
        "How the client meant to pay.",
        levels=(
            "Cash through the bank",
            "Cashless from the account of the employer",
            "Non-cash from your account",
            "XNA",
        ),
    ),
    Column(
        "CODE_REJECT_REASON",
        Type.TEXT,
        "Why it was refused; XAP where it wasn't.",
        levels=("XAP", "HC", "LIMIT", "SCO", "SCOFR", "CLIENT", "VERIF", "SYSTEM", "XNA"),
    ),
    Column(
        "NAME_TYPE_SUITE",
        Type.TEXT,
        "Who came along.",
        levels=(
            "Unaccompanied",
            "Family",
            "Spouse, partner",
            "Children",
            "Group of people",
            "Other_A",
            "Other_B",
        ),
    ),
    Column("NAME_CLIENT_TYPE", Type.TEXT, "New or returning client.", levels=("New", "Refreshed", "Repeater", "XNA")),
    Column(
        "NAME_GOODS_CATEGORY",
        Type.TEXT,
        "Kind of goods bought.",
        levels=(
            "XNA",
            "Additional Service",
            "Animals",
            "Audio/Video",
            "Auto Accessories",
            "Clothing and Accessories",
            "Computers",
            "Construction Materials",
            "Consumer Electronics",
            "Direct Sales",
            "Education",
            "Fitness",
            "Furniture",
            "Gardening",
            "Homewares",
            "House Construction",
            "Insurance",
            "Jewelry",
            "Medical Supplies",
            "Medicine",
            "Mobile",
            "Office Appliances",
            "Other",
            "Photo / Cinema Equipment",
            "Sport and Leisure",
            "Tourism",
            "Vehicles",
            "Weapon",
        ),
    ),
    Column(
        "NAME_PORTFOLIO", Type.TEXT, "Line of business it belonged to.", levels=("POS", "Cash", "Cards", "Cars", "XNA")
    ),
    Column(
        "NAME_PRODUCT_TYPE",
        Type.TEXT,
        "Offered to a known client (x-sell) or asked for at the counter (walk-in).",
        levels=("x-sell", "walk-in", "XNA"),
    ),
    Column(
        "CHANNEL_TYPE",
        Type.TEXT,
        "Where the client was won.",
        levels=(
            "AP+ (Cash loan)",
            "Car dealer",
            "Channel of corporate sales",
            "Contact center",
            "Country-wide",
            "Credit and cash offices",
            "Regional / Local",
            "Stone",
        ),
    ),
    Column(
        "SELLERPLACE_AREA",
        Type.WHOLE,
        "Size of the seller's place; -1 where there was no seller.",
        low=-1,
        high=MOST_MONEY,
    ),
    Column(
        "NAME_SELLER_INDUSTRY",
        Type.TEXT,
        "The seller's trade.",
        levels=(
            "XNA",
            "Auto technology",
            "Clothing",
            "Connectivity",
            "Construction",
            "Consumer electronics",
            "Furniture",
            "Industry",
            "Jewelry",
            "MLM partners",
            "Tourism",
        ),
    ),
    Column("CNT_PAYMENT", Type.WHOLE, "Term in months; 0 for a card.", low=0, high=LONGEST_TERM),
    Column(
        "NAME_YIELD_GROUP",
        Type.TEXT,
        "Band of the interest rate.",
        levels=("low_action", "low_normal", "middle", "high", "XNA"),
    ),
    Column(
        "PRODUCT_COMBINATION",
        Type.TEXT,
        "The product in detail.",
        levels=(
            "Card Street",
            "Card X-Sell",
            "Cash",
            "Cash Street: high",
            "Cash Street: low",
            "Cash Street: middle",
            "Cash X-Sell: high",
            "Cash X-Sell: low",
            "Cash X-Sell: middle",
            "POS household with interest",
            "POS household without interest",
            "POS industry with interest",
            "POS industry without interest",
            "POS mobile with interest",
            "POS mobile without interest",
            "POS other with interest",
            "POS others without interest",
        ),
    ),
    Column(
        "DAYS_FIRST_DRAWING",
        Type.WHOLE,
        "Day of the first drawing on a card; 365243 where there was none.",
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column(
        "DAYS_FIRST_DUE",
        Type.WHOLE,
        "Day of the first instalment; 365243 where none is set.",
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column(
        "DAYS_LAST_DUE_1ST_VERSION",
        Type.WHOLE,
        "Day of the last instalment as first planned; 365243 for a card.",
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column(
        "DAYS_LAST_DUE",
        Type.WHOLE,
        "Day of the last instalment; 365243 while the loan runs.",
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column(
        "DAYS_TERMINATION",
        Type.WHOLE,
        "Day on which the contract ended; 365243 while it runs.",
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column("NFLAG_INSURED_ON_APPROVAL", Type.WHOLE, "1 where the client took insurance.", codes=("1", "0")),
)

# Interest below this share of the credit is rounding: the loan counts as free of interest.
NO_INTEREST = "1e-5"


def newton_step(rate: str) -> str:
    """SQL of one Newton step towards the root r > 0 of ``cost * (1 - (1 + r)^-n) - n * r``.

    That is the annuity equation, with n payments whose sum is `cost` times the credit.
    """
    unpaid = f"power(1 + {rate}, -CNT_PAYMENT)"
    value = f"(1 + interest_share) * (1 - {unpaid}) - CNT_PAYMENT * {rate}"
    slope = f"(1 + interest_share) * CNT_PAYMENT * {unpaid} / (1 + {rate}) - CNT_PAYMENT"
    return f"{rate} - ({value}) / ({slope})"


DERIVATIONS = (
    # That a loan runs is read off 365243 before that becomes a null. No real last day lies after the application;
    # one that did would say no more than that the loan still ran.
    Derivation(
        "active",
        "NAME_CONTRACT_STATUS = 'Approved' and coalesce(DAYS_LAST_DUE > 0, false)",
        "The loan was granted and still ran at the application.",
    ),
    *(
        Derivation(name, f"case when {name} <= 0 then {name} end", "The day; null where it had not come yet.")
        for name in ("DAYS_FIRST_DRAWING", "DAYS_LAST_DUE", "DAYS_TERMINATION")
    ),
    *(
        Derivation(name, f"nullif({name}, 365243)", "The planned day; null where there is none.")
        for name in ("DAYS_FIRST_DUE", "DAYS_LAST_DUE_1ST_VERSION")
    ),
    *(
        Derivation(name, f"nullif({name}, 'XNA')", "Null where it is not known.")
        for name in (
            "NAME_CONTRACT_TYPE",
            "NAME_CASH_LOAN_PURPOSE",
            "NAME_PAYMENT_TYPE",
            "CODE_REJECT_REASON",
            "NAME_CLIENT_TYPE",
            "NAME_GOODS_CATEGORY",
            "NAME_PORTFOLIO",
            "NAME_PRODUCT_TYPE",
            "NAME_SELLER_INDUSTRY",
            "NAME_YIELD_GROUP",
        )
    ),
    *(
        Derivation(name, f"cast(nullif({name}, 0) as double)", "Null where 0 stands for unknown.")
        for name in ("AMT_ANNUITY", "AMT_APPLICATION", "AMT_CREDIT", "AMT_GOODS_PRICE", "CNT_PAYMENT")
    ),
    Derivation(
        "AMT_DOWN_PAYMENT", "cast(if(AMT_DOWN_PAYMENT < 0, 0, AMT_DOWN_PAYMENT) as double)", "Down payment, at least 0."
    ),
    Derivation("SELLERPLACE_AREA", "case when SELLERPLACE_AREA >= 0 then SELLERPLACE_AREA end", "Null without seller."),
    Derivation("total_cost", "AMT_ANNUITY * CNT_PAYMENT", "All payments of the term."),
    Derivation("interest_share", "total_cost / AMT_CREDIT - 1", "What is paid on top of the credit, over the credit."),
    # On average half of a credit that is paid back evenly is owed.
    Derivation("flat_rate", "24 * interest_share / (CNT_PAYMENT + 1)", "Yearly interest rate, roughly."),
    # A closed approximation lies within 1 % of the annuity's rate, two Newton steps from there within 1e-5 of it.
    Derivation("rate_exponent", "ln(1 + 1 / CNT_PAYMENT) / ln(2)", "The exponent of the closed approximation."),
    Derivation(
        "rate_start",
        f"case when interest_share > {NO_INTEREST} then"
        " power(power(1 + AMT_ANNUITY / AMT_CREDIT, 1 / rate_exponent) - 1, rate_exponent) - 1 end",
        "Monthly interest rate, by a closed approximation.",
    ),
    Derivation("rate_closer", newton_step("rate_start"), "Monthly interest rate after one Newton step."),
    Derivation(
        "monthly_rate",
        f"case when interest_share <= {NO_INTEREST} then 0 else {newton_step('rate_closer')} end",
        "Monthly interest rate of the annuity; 0 where no more is paid than was lent.",
    ),
    Derivation(
        "instalments_left",
        "case when active then"
        " CNT_PAYMENT - least(greatest(ceil(-coalesce(DAYS_FIRST_DUE, 0) / 30.4375e0), 0), CNT_PAYMENT) end",
        "Instalments of a running loan that fall due after the application, by its plan.",
    ),
    Derivation("debt_left", "AMT_ANNUITY * instalments_left", "What those instalments come to."),
    Derivation("days_saved", "DAYS_LAST_DUE_1ST_VERSION - DAYS_LAST_DUE", "Days it ended ahead of its first plan."),
    Derivation(
        "yield_band",
        "case NAME_YIELD_GROUP when 'low_action' then 1 when 'low_normal' then 2 when 'middle' then 3"
        " when 'high' then 4 end",
        "Band of the interest rate, 1 (lowest) to 4.",
    ),
)

APPLICATIONS, LOANS = "previous applications", "previous loans"

APPROVED = Slice("approved", "NAME_CONTRACT_STATUS = 'Approved'", "Granted and taken.")
REFUSED = Slice("refused", "NAME_CONTRACT_STATUS = 'Refused'", "Refused by the lender.")
CANCELED = Slice("canceled", "NAME_CONTRACT_STATUS = 'Canceled'", "Called off by the applicant.")
ACTIVE = Slice("active", "active", "Loans that still run.")
CASH = Slice("cash", "NAME_CONTRACT_TYPE = 'Cash loans'", "Cash loans.")
CONSUMER = Slice("consumer", "NAME_CONTRACT_TYPE = 'Consumer loans'", "Loans for a purchase.")
REVOLVING = Slice("revolving", "NAME_CONTRACT_TYPE = 'Revolving loans'", "Credit cards.")
CASH_APPROVED = Slice("cash_approved", f"{CASH.where} and {APPROVED.where}", "Cash loans granted and taken.")
CONSUMER_APPROVED = Slice("consumer_approved", f"{CONSUMER.where} and {APPROVED.where}", "Purchase loans taken.")
HIGH_YIELD = Slice("high_yield", "NAME_YIELD_GROUP = 'high'", "At a high interest rate.")

ASKED_TO_CREDIT = "AMT_APPLICATION / AMT_CREDIT"
CREDIT_TO_ANNUITY = "AMT_CREDIT / AMT_ANNUITY"
CREDIT_TO_GOODS = "AMT_CREDIT / AMT_GOODS_PRICE"
DECIDED = f"case when {APPROVED.where} then 1 when {REFUSED.where} then 0 end"
DOWN_PAYMENT_RATE = "AMT_DOWN_PAYMENT / AMT_GOODS_PRICE"
GAP = "previous_age - age"

OUTCOMES: tuple[Declared, ...] = (
    Feature("applications", "1", (COUNT,), APPLICATIONS, "Applications.", windows=(365, EVER)),
    Feature("applications", "1", (COUNT,), APPLICATIONS, "Applications.", (365, EVER), (APPROVED, REFUSED)),
    Feature("applications", "1", (COUNT,), APPLICATIONS, "Applications.", slices=(ACTIVE, CANCELED, CASH, REVOLVING)),
    Feature("refused", REFUSED.where, (MEAN,), APPLICATIONS, "It was refused.", windows=(365, 730, 1095, EVER)),
    Feature("refused", REFUSED.where, (MEAN,), APPLICATIONS, "It was refused.", slices=(CASH, CONSUMER, REVOLVING)),
    Feature("refused", REFUSED.where, (DECAYED, TREND), APPLICATIONS, "It was refused."),
    Ordered("refused", REFUSED.where, (MEAN,), APPLICATIONS, "It was refused.", last=(1, 3, 5, 10), first=(2,)),
    Feature("approved", APPROVED.where, (MEAN,), APPLICATIONS, "It was granted and taken.", windows=(365, EVER)),
    Ordered("approved", APPROVED.where, (MEAN,), APPLICATIONS, "It was granted and taken.", last=(1, 3, 5)),
    Feature("canceled", CANCELED.where, (MEAN,), APPLICATIONS, "The applicant called it off.", windows=(365, EVER)),
    Ordered("canceled", CANCELED.where, (MEAN,), APPLICATIONS, "The applicant called it off.", last=(1, 3)),
    Feature("unused", "NAME_CONTRACT_STATUS = 'Unused offer'", (MEAN,), APPLICATIONS, "The offer was never used."),
    Feature("granted", DECIDED, (MEAN,), APPLICATIONS, "Granted, of granted and refused.", windows=(730, EVER)),
    Feature("reason_hc", "CODE_REJECT_REASON = 'HC'", (MEAN,), APPLICATIONS, "Refused for reason HC.", (730, EVER)),
    Feature("reason_limit", "CODE_REJECT_REASON = 'LIMIT'", (MEAN,), APPLICATIONS, "Refused for a limit.", (730, EVER)),
    Feature("reason_score", "CODE_REJECT_REASON like 'SCO%'", (MEAN,), APPLICATIONS, "Refused by score.", (730, EVER)),
    Feature(
        "reason_hc", "CODE_REJECT_REASON = 'HC'", (MEAN,), APPLICATIONS, "Refused for reason HC.", slices=(REFUSED,)
    ),
    Feature(
        "reason_limit", "CODE_REJECT_REASON = 'LIMIT'", (MEAN,), APPLICATIONS, "Refused for a limit.", slices=(REFUSED,)
    ),
    Feature(
        "reason_score", "CODE_REJECT_REASON like 'SCO%'", (MEAN,), APPLICATIONS, "Refused by score.", slices=(REFUSED,)
    ),
)

TIMING: tuple[Declared, ...] = (
    Feature("age", "age", (MIN, MEAN, MAX), APPLICATIONS, "Days since the decision.", slices=(ALL, APPROVED)),
    Feature("age", "age", (MIN,), APPLICATIONS, "Days since the decision.", slices=(REFUSED, CANCELED)),
    Feature("age", "age", (MIN,), APPLICATIONS, "Days since the decision.", slices=(CASH, CONSUMER, REVOLVING)),
    Feature("gap", GAP, (MIN, MEAN, STD), APPLICATIONS, "Days since the application before."),
    Ordered("gap", GAP, (MEAN,), APPLICATIONS, "Days since the application before.", last=(1, 3)),
    Feature("weekend", "WEEKDAY_APPR_PROCESS_START like 'S%'", (MEAN,), APPLICATIONS, "Made at a weekend."),
    Feature("hour", "HOUR_APPR_PROCESS_START", (MEAN,), APPLICATIONS, "Hour of the day."),
)

AMOUNTS: tuple[Declared, ...] = (
    Feature("asked", "AMT_APPLICATION", (MEAN, MAX), LOANS, "Amount asked for.", slices=(ALL, REFUSED)),
    Feature("credit", "AMT_CREDIT", (MEAN, MAX), LOANS, "Amount granted.", slices=(CASH_APPROVED, CONSUMER_APPROVED)),
    Feature("credit", "AMT_CREDIT", (MEAN, MAX, TREND), LOANS, "Amount granted.", slices=(APPROVED,)),
    Feature("credit", "AMT_CREDIT", (SUM,), LOANS, "Amount granted.", windows=(365, 730), slices=(APPROVED,)),
    Feature("credit", "AMT_CREDIT", (SUM, MEAN), LOANS, "Amount granted.", slices=(ACTIVE,)),
    Feature("credit", "AMT_CREDIT", (MEAN,), LOANS, "Amount granted.", slices=(REVOLVING, HIGH_YIELD)),
    Ordered("credit", "AMT_CREDIT", (MEAN,), LOANS, "Amount granted.", last=(1, 3), slices=(APPROVED,)),
    Feature("asked_to_credit", ASKED_TO_CREDIT, (MEAN, MIN, MAX), LOANS, "Amount asked for over granted."),
    Feature("asked_to_credit", ASKED_TO_CREDIT, (MEAN,), LOANS, "Asked for over granted.", (730, EVER), (APPROVED,)),
    Ordered("asked_to_credit", ASKED_TO_CREDIT, (MEAN,), LOANS, "Asked for over granted.", (1, 3), slices=(APPROVED,)),
    Feature("cut", "AMT_APPLICATION - AMT_CREDIT", (MEAN,), LOANS, "Amount asked for and not granted."),
    Feature("credit_to_goods", CREDIT_TO_GOODS, (MEAN, MAX), LOANS, "Credit over the price.", slices=(APPROVED,)),
    Ordered("credit_to_goods", CREDIT_TO_GOODS, (MEAN,), LOANS, "Credit over the price.", (1,), slices=(APPROVED,)),
    Feature("annuity", "AMT_ANNUITY", (MEAN, MAX, MIN), LOANS, "Monthly payment.", slices=(APPROVED,)),
    Feature("annuity", "AMT_ANNUITY", (SUM, MAX), LOANS, "Monthly payment.", slices=(ACTIVE,)),
    Feature("annuity", "AMT_ANNUITY", (MEAN,), LOANS, "Monthly payment.", slices=(REFUSED,)),
    Ordered("annuity", "AMT_ANNUITY", (MEAN,), LOANS, "Monthly payment.", last=(1,), slices=(APPROVED,)),
    Feature(
        "credit_to_annuity", CREDIT_TO_ANNUITY, (MEAN, MIN, MAX), LOANS, "Credit over payment.", slices=(APPROVED,)
    ),
    Ordered("credit_to_annuity", CREDIT_TO_ANNUITY, (MEAN,), LOANS, "Credit over payment.", (1, 3), slices=(APPROVED,)),
    Feature("down_payment", "AMT_DOWN_PAYMENT", (MAX,), LOANS, "Paid at the purchase."),
    Feature("down_payment_rate", DOWN_PAYMENT_RATE, (MEAN, MAX), LOANS, "Share paid at the purchase."),
    Ordered("down_payment_rate", DOWN_PAYMENT_RATE, (MEAN,), LOANS, "Share paid at the purchase.", last=(1,)),
)

PRICES: tuple[Declared, ...] = (
    Feature("term", "CNT_PAYMENT", (MEAN, MAX, STD), LOANS, "Term in months.", slices=(APPROVED,)),
    Feature(
        "term", "CNT_PAYMENT", (MEAN,), LOANS, "Term in months.", slices=(REFUSED, CASH_APPROVED, CONSUMER_APPROVED)
    ),
    Feature("term", "CNT_PAYMENT", (MAX, SUM), LOANS, "Term in months.", slices=(ACTIVE,)),
    Ordered("term", "CNT_PAYMENT", (MEAN,), LOANS, "Term in months.", last=(1, 3), slices=(APPROVED,)),
    Feature("interest_share", "interest_share", (MEAN, MAX), LOANS, "Interest over credit.", slices=(APPROVED,)),
    Feature(
        "simple_rate",
        "interest_share / CNT_PAYMENT",
        (MEAN, MAX),
        LOANS,
        "Interest over credit and term.",
        slices=(APPROVED,),
    ),
    Feature("flat_rate", "flat_rate", (MEAN, MAX), LOANS, "Yearly interest rate, roughly.", (EVER,), (APPROVED,)),
    Feature("rate", "monthly_rate", (MEAN, MIN, MAX, STD, TREND, DECAYED), LOANS, "Monthly rate.", slices=(APPROVED,)),
    Feature("rate", "monthly_rate", (MEAN,), LOANS, "Monthly rate.", windows=(365, 1095), slices=(APPROVED,)),
    Feature(
        "rate", "monthly_rate", (MEAN,), LOANS, "Monthly rate.", slices=(CASH_APPROVED, CONSUMER_APPROVED, REFUSED)
    ),
    Ordered("rate", "monthly_rate", (MEAN,), LOANS, "Monthly rate.", last=(1, 3), slices=(APPROVED,)),
    Feature(
        "goods_to_cost", "AMT_GOODS_PRICE / total_cost", (MEAN, MIN), LOANS, "Price over payments.", slices=(APPROVED,)
    ),
    Feature("yield_band", "yield_band", (MEAN, MAX), LOANS, "Band of the interest rate, 1 to 4."),
    Ordered("yield_band", "yield_band", (MEAN,), LOANS, "Band of the interest rate, 1 to 4.", last=(1,)),
)

REMAINING: tuple[Declared, ...] = (
    Feature("instalments_left", "instalments_left", (SUM, MAX, MEAN), LOANS, "Instalments to come.", slices=(ACTIVE,)),
    Feature("debt_left", "debt_left", (SUM, MAX), LOANS, "Amount still to be paid.", slices=(ACTIVE,)),
    Ratio("debt_left_share", "debt_left", "total_cost", LOANS, "Still to be paid, of all payments.", slices=(ACTIVE,)),
    *(
        Feature(
            f"due_in_month_{month}",
            f"case when instalments_left >= {month} then AMT_ANNUITY end",
            (SUM,),
            LOANS,
            f"Payment due {month} months after the application.",
            slices=(ACTIVE,),
        )
        for month in (1, 6, 12, 20)
    ),
    Feature("active", "active", (MEAN,), LOANS, "The loan still ran.", slices=(APPROVED, CASH_APPROVED)),
)

COURSE: tuple[Declared, ...] = (
    Feature("days_saved", "days_saved", (MEAN, MAX, MIN), LOANS, "Days ended ahead of the first plan."),
    Feature("days_saved", "days_saved", (MEAN,), LOANS, "Days ended ahead of the first plan.", windows=(730,)),
    Ordered("days_saved", "days_saved", (MEAN,), LOANS, "Days ended ahead.", last=(1, 3), slices=(APPROVED,)),
    Feature("closing", "DAYS_TERMINATION - DAYS_LAST_DUE", (MEAN, MAX), LOANS, "Days from last due day to the end."),
    Feature("first_due", "DAYS_FIRST_DUE - DAYS_DECISION", (MEAN,), LOANS, "Days from decision to first due day."),
    Feature("planned_end", "DAYS_LAST_DUE_1ST_VERSION", (MAX, MEAN), LOANS, "Last due day, as first planned."),
    Feature("ended", "-DAYS_LAST_DUE", (MIN, MEAN), LOANS, "Days since the last due day."),
    Feature("began", "-DAYS_FIRST_DUE", (MAX,), LOANS, "Days since the first due day."),
    Feature("first_drawing", "-DAYS_FIRST_DRAWING", (MIN,), LOANS, "Days since the card was first used."),
    Feature("insured", "NFLAG_INSURED_ON_APPROVAL", (MEAN,), LOANS, "It was insured."),
)

KINDS: tuple[Declared, ...] = (
    Feature("cash", CASH.where, (MEAN,), APPLICATIONS, "A cash loan.", windows=(365, EVER)),
    Feature("revolving", REVOLVING.where, (MEAN,), APPLICATIONS, "A card.", windows=(365, EVER)),
    Ordered("cash", CASH.where, (MEAN,), APPLICATIONS, "A cash loan.", last=(1, 3)),
    Ordered("revolving", REVOLVING.where, (MEAN,), APPLICATIONS, "A card.", last=(1, 3)),
    Feature("walk_in", "NAME_PRODUCT_TYPE = 'walk-in'", (MEAN,), APPLICATIONS, "Asked for at the counter."),
    Feature("no_interest", "PRODUCT_COMBINATION like '%without interest'", (MEAN,), LOANS, "Free of interest."),
    Feature("mobile", "PRODUCT_COMBINATION like 'POS mobile%'", (MEAN,), APPLICATIONS, "For a mobile phone."),
    Feature("household", "PRODUCT_COMBINATION like 'POS household%'", (MEAN,), APPLICATIONS, "For the household."),
    Feature(
        "industry", "PRODUCT_COMBINATION like 'POS industry%'", (MEAN,), APPLICATIONS, "For clothes, furniture etc."
    ),
    Feature("street", "PRODUCT_COMBINATION like '%Street%'", (MEAN,), APPLICATIONS, "A street product."),
    Feature("new_client", "NAME_CLIENT_TYPE = 'New'", (MEAN,), APPLICATIONS, "Made as a new client."),
    Feature("repeater", "NAME_CLIENT_TYPE = 'Repeater'", (MEAN,), APPLICATIONS, "Made as a returning client."),
    Feature("office", "CHANNEL_TYPE = 'Credit and cash offices'", (MEAN,), APPLICATIONS, "Made in a credit office."),
    Feature("country_wide", "CHANNEL_TYPE = 'Country-wide'", (MEAN,), APPLICATIONS, "Won by a country-wide seller."),
    Feature("called", "CHANNEL_TYPE = 'Contact center'", (MEAN,), APPLICATIONS, "Won by the contact centre."),
    Feature("accompanied", "NAME_TYPE_SUITE <> 'Unaccompanied'", (MEAN,), APPLICATIONS, "Somebody came along."),
    Feature(
        "purpose",
        "coalesce(NAME_CASH_LOAN_PURPOSE, 'XAP') <> 'XAP'",
        (MEAN,),
        APPLICATIONS,
        "The purpose was told.",
        slices=(CASH,),
    ),
    Feature("by_bank", "NAME_PAYMENT_TYPE like 'Cash%bank'", (MEAN,), APPLICATIONS, "To be paid in at a bank."),
    Feature("seller_area", "SELLERPLACE_AREA", (MEAN,), APPLICATIONS, "Size of the seller's place."),
)

PAID = Slice("paid", "loan_installments_late_max_ever is not null", "Loans that had an instalment due.")
LATE, SHORT = "payment history", "underpayment"
LATE_SHARE = "loan_installments_is_late_mean_ever"
# A default in the words of NoxMoon's solution: paid over a day late, or short, or past due with more than a small debt.
IN_TROUBLE = (
    "greatest(cast(loan_installments_late_max_ever > 1 as int), cast(loan_installments_is_short_mean_ever > 0 as int),"
    " cast(loan_pos_dpd_def_max_ever > 0 as int), cast(loan_card_dpd_def_max_ever > 0 as int))"
)

REPAYMENT: tuple[Declared, ...] = (
    *rising(
        Feature(
            "late", "loan_installments_late_mean_ever", (MEAN, MAX), LATE, "Mean days late of a loan.", (1095, EVER)
        ),
        Ordered(
            "late", "loan_installments_late_mean_ever", (MEAN,), LATE, "Days late of a loan.", (1, 3), slices=(PAID,)
        ),
        Feature("worst_late", "loan_installments_late_max_ever", (MEAN, MIN), LATE, "Most days late of a loan."),
        Feature(
            "opening_late", "loan_installments_late_max_first3", (MEAN, MAX), LATE, "Most days late of its first 3."
        ),
        Feature("is_late", LATE_SHARE, (MEAN, MAX, STD), LATE, "Share of a loan's instalments that were paid late."),
        Feature(
            "is_late", LATE_SHARE, (MEAN,), LATE, "Share of a loan's instalments paid late.", slices=(CASH, CONSUMER)
        ),
        Ordered("is_late", LATE_SHARE, (MEAN,), LATE, "Share of a loan's paid late.", last=(1, 3), slices=(PAID,)),
        Feature("in_trouble", IN_TROUBLE, (MEAN,), LATE, "It was paid late or short.", windows=(1095, EVER)),
        Feature("in_trouble", IN_TROUBLE, (MEAN,), LATE, "It was paid late or short.", slices=(CASH, CONSUMER)),
        Ordered("in_trouble", IN_TROUBLE, (MEAN,), LATE, "It was paid late or short.", last=(1, 3), slices=(PAID,)),
        Feature("pos_late", "loan_pos_is_late_mean_ever", (MEAN, MAX), LATE, "Share of a loan's months past due."),
        Ordered("pos_late", "loan_pos_is_late_mean_ever", (MEAN,), LATE, "Months past due.", last=(3,), slices=(PAID,)),
        Feature(
            "is_short", "loan_installments_is_short_mean_ever", (MEAN, MAX), SHORT, "Share of a loan's paid short."
        ),
        Feature(
            "total_short", "loan_installments_total_short_ever", (MEAN, MAX), SHORT, "Not paid over due of a loan."
        ),
    ),
    Feature("use", "loan_card_use_mean_ever", (MAX,), "card use", "Mean balance over limit of a card."),
    Feature("below_minimum", "loan_card_below_minimum_mean_ever", (MAX,), "card payments", "Months paid below due."),
    Feature(
        "unpaid",
        "greatest(AMT_CREDIT - loan_installments_paid_sum_ever, 0)",
        (SUM, MAX),
        "total burden",
        "Credit less all that was paid.",
        slices=(ACTIVE,),
    ),
    Ratio("repaid", "loan_installments_paid_sum_ever", "total_cost", LOANS, "Paid of all payments.", slices=(ACTIVE,)),
)

TABLE = Table(
    name="previous_application",
    prefix="previous",
    files=("previous_application",),
    about="One earlier application of the applicant with this lender.",
    key=("SK_ID_PREV",),
    columns=COLUMNS,
    parent=("application", "SK_ID_CURR"),
    derivations=DERIVATIONS,
    # Entries made by mistake have no age, so that no feature sees them.
    moments=(
        Moment("DAYS_DECISION"),
        Moment("DAYS_FIRST_DRAWING"),
        Moment("DAYS_FIRST_DUE", planned=True),
        Moment("DAYS_LAST_DUE_1ST_VERSION", planned=True),
        Moment("DAYS_LAST_DUE"),
        Moment("DAYS_TERMINATION"),
    ),
    age="CASE WHEN FLAG_LAST_APPL_PER_CONTRACT = 'Y' THEN -DAYS_DECISION END",
    order=("SK_ID_PREV DESC",),
    features=(*OUTCOMES, *TIMING, *AMOUNTS, *PRICES, *REMAINING, *COURSE, *KINDS, *REPAYMENT),
)
