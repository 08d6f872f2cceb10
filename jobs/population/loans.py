"""Earlier applications at Home Credit, and the loans that came of them."""

from pyspark.sql import DataFrame

from jobs.population import figures
from jobs.population.cells import amount, whole, whole_as_real
from jobs.population.draws import (
    child_identity,
    choice,
    cumulative,
    extend,
    null_where,
    quantile,
    text,
    with_leanings,
    with_uniforms,
)
from jobs.population.figures import DECISIONS, NEVER, PREVIOUS, PREVIOUS_LEVELS, WITHOUT_PREVIOUS
from jobs.population.traits import SEEN_DIMLY, SEEN_PLAINLY

MOST_LOANS = 64
SHOWN = (*SEEN_PLAINLY, *(trait for trait in SEEN_DIMLY if trait not in ("scattered", "unsettled")))
"""What the applicant is like, as far as these loans and their repayments say anything of it."""
KINDS = ("Consumer loans", "Cash loans", "Revolving loans")


def by_kind(values: dict[str, str], otherwise: str) -> str:
    """The value of the loan's kind."""
    branches = " ".join(f"WHEN '{kind}' THEN {value}" for kind, value in values.items())
    return f"(CASE kind {branches} ELSE {otherwise} END)"


def loans(drivers: DataFrame) -> DataFrame:
    """One row an earlier application, and a hidden loan more for some: its repayments are there, it is not listed."""
    people = with_uniforms(drivers, "NONE", "HIDDEN_LOAN", "HIDDEN_CARD", "CARD", "CARD_SLOT")
    people = with_leanings(people, {"LOANS": {"hurried": 0.2, "wavering": 0.15}})
    people = people.where(
        f"u_NONE >= CASE WHEN is_test THEN {WITHOUT_PREVIOUS['test']} ELSE {WITHOUT_PREVIOUS['train']} END"
    )
    people = extend(people, {
        "listed": f"CAST(greatest(rint({quantile('u_LOANS', figures.PREVIOUS_LOANS)}), 1D) AS INT)",
        "hidden_loans": f"CAST(u_HIDDEN_LOAN < {figures.HIDDEN_INSTALMENT_LOANS} AS INT)",
    })  # fmt: skip
    people = extend(people, {
        "card_slot": f"CASE WHEN listed > 1 AND u_CARD < {figures.LISTED_CARDS}"
        " THEN CAST(2 + floor(u_CARD_SLOT * (listed - 1)) AS INT) ELSE 0 END",
    })  # fmt: skip
    people = extend(people, {
        "hidden_cards": f"CAST(card_slot = 0 AND u_HIDDEN_CARD < {figures.HIDDEN_CARDS} AS INT)",
    })  # fmt: skip
    slots = people.selectExpr(
        "SK_ID_CURR", "applicant", "identity", *SHOWN, "listed", "hidden_loans", "card_slot",
        "explode(sequence(1, listed + hidden_loans + hidden_cards)) AS slot",
    )  # fmt: skip
    slots = slots.selectExpr(
        "SK_ID_CURR", *SHOWN,
        f"applicant * {MOST_LOANS} + slot + {figures.FIRST_PREVIOUS - 1} AS SK_ID_PREV",
        f"{child_identity('previous', 'slot')} AS identity",
        "slot <= listed AS is_listed", "slot = 1 AS is_first", "slot > listed + hidden_loans AS is_hidden_card",
        "slot = card_slot OR slot > listed + hidden_loans AS is_granted_card",
        "slot = 1 OR slot > listed AS was_repaid",
    )  # fmt: skip
    slots = with_uniforms(slots, "REFUSED", "FIRST_DUE", "EARLY_SHARE", "DRAWN", "BLANK", "ENDED")
    slots = with_leanings(slots, {
        # cash stands first among the kinds, dear first but one among the prices
        "KIND": {"cashbound": -0.35},
        "STATUS": {"wavering": 0.35},
        "DAYS": {"hurried": 0.3},
        "CREDIT": {"unsaving": 0.35},
        "RATE": {"overcharged": -0.4},
        "EARLY": {"pressed": 0.35},
        "AMOUNT": {"modest": -0.3},
        "LENGTH": {"drawn_out": 0.45},
    })  # fmt: skip
    slots = extend(slots, {
        # every client's first loan was a loan for goods or cash: it is what made him a client
        "kind": "CASE WHEN is_granted_card THEN 'Revolving loans'"
        f" WHEN was_repaid THEN {choice('u_KIND', figures.FIRST_LOAN_TYPES)}"
        f" ELSE {choice('u_KIND', figures.LATER_LOAN_TYPES)} END",
        # larger loans run longer
        "u_TERM": cumulative("(0.7D * z_AMOUNT + 0.714D * z_LENGTH)"),
    })  # fmt: skip
    slots = extend(slots, {
        "refusal": f"least({by_kind({k: f'{v}D' for k, v in figures.REFUSED.items()}, '0D')}"
        " * exp(0.6D * rebuffed - 0.15D), 0.8D)",
    })  # fmt: skip
    slots = extend(slots, {
        "status": "CASE WHEN was_repaid OR is_granted_card THEN 'Approved' WHEN u_REFUSED < refusal THEN 'Refused'"
        " ELSE "
        + by_kind({k: choice("u_STATUS", shares) for k, shares in figures.NOT_REFUSED.items()}, "'Canceled'")
        + " END",
    })  # fmt: skip
    consumer, cash, card = (quantile("u_DAYS", DECISIONS[kind]) for kind in KINDS)
    slots = extend(slots, {
        "is_card": "kind = 'Revolving loans'",
        "is_drawn": "status = 'Approved' AND (was_repaid OR u_DRAWN >= "
        + by_kind({k: f"{v}D" for k, v in figures.NOT_DRAWN.items()}, "0D")
        + ")",
        "days_decision": "floor(CASE WHEN is_hidden_card THEN -2922D + 10 * u_DAYS"
        f" WHEN status = 'Canceled' THEN {quantile('u_DAYS', DECISIONS['Canceled'])}"
        f" WHEN status = 'Refused' AND kind != 'Consumer loans' THEN {quantile('u_DAYS', DECISIONS['Refused'])}"
        f" WHEN kind = 'Revolving loans' THEN {card} WHEN kind = 'Cash loans' THEN {cash} ELSE {consumer} END)",
        "has_amount": "NOT (status = 'Canceled' AND u_BLANK < 0.97 OR kind = 'XNA'"
        " OR status = 'Refused' AND kind = 'Cash loans' AND u_BLANK < 0.2)",
        "asked": by_kind({
            "Consumer loans": f"rint({quantile('u_AMOUNT', PREVIOUS['consumer amount'])} / 4.5D) * 4.5D",
            "Cash loans": f"rint({quantile('u_AMOUNT', PREVIOUS['cash amount'])} / 4500) * 4500",
        }, f"rint({quantile('u_AMOUNT', PREVIOUS['card amount'])} / 45000) * 45000"),
        "credit_ratio": by_kind({
            "Consumer loans": quantile("u_CREDIT", PREVIOUS["consumer credit to amount"]),
            "Cash loans": quantile("u_CREDIT", PREVIOUS["cash credit to amount"]),
        }, "1D"),
        "term": f"CAST({by_kind({k: choice('u_TERM', v) for k, v in figures.TERMS.items()}, text('0'))} AS INT)",
        "yield_group": choice("u_RATE", PREVIOUS_LEVELS["NAME_YIELD_GROUP"]),
    })  # fmt: skip
    first_due = by_kind({
        "Revolving loans": quantile("u_FIRST_DUE", PREVIOUS["card first due"]),
        "Cash loans": "30D",
    }, quantile("u_FIRST_DUE", PREVIOUS["consumer first due"]))  # fmt: skip
    rates = " ".join(f"WHEN '{group}' THEN {rate!r}D" for group, rate in figures.MONTHLY_RATES.items())
    slots = extend(slots, {
        "has_terms": "has_amount AND status != 'Unused offer'"
        " AND NOT (status = 'Refused' AND kind = 'Consumer loans' AND u_BLANK < 0.22)",
        "credit": "rint(asked * credit_ratio / 4.5D) * 4.5D",
        "rate": f"CASE yield_group {rates} END",
        "days_first_due": f"days_decision + floor({first_due})",
        # instalments in fact: an early end leaves some out
        "instalments": "CASE WHEN u_EARLY < "
        + by_kind({k: f"{v}D" for k, v in figures.PAID_EARLY.items()}, "0D")
        + " THEN CAST(ceil(term * (0.2D + 0.75D * u_EARLY_SHARE)) AS INT) ELSE term END",
    })  # fmt: skip
    return extend(slots, {
        "annuity": "CASE WHEN term = 0 THEN asked * 0.05D ELSE credit * rate / (1 - pow(1 + rate, -term)) END",
        "days_last_due": "days_first_due + 30 * (instalments - 1)",
    })  # fmt: skip


def previous_application(loans: DataFrame) -> DataFrame:
    """previous_application's columns, as written: the loans that are listed."""
    listed = with_uniforms(
        loans.where("is_listed"),
        "NO_DOWN", "WEEKDAY", "HOUR", "LAST", "LAST_IN_DAY", "INTEREST", "PURPOSE", "CASH_PURPOSE", "PAYMENT_TYPE",
        "SUITE", "NO_SUITE", "CLIENT", "NO_ZERO", "TERMINATED", "DRAWING", "SPECIAL",
    )  # fmt: skip
    listed = with_leanings(listed, {
        "DOWN": {"unsaving": -0.4},
        "REJECT": {"rebuffed": 0.3},
        "GOODS": {"modest": -0.35},
        "SELL": {"overcharged": 0.3},
        "CHANNEL": {"overcharged": 0.35},
        "SELLER": {"modest": -0.3},
        "INSURED": {"unsaving": -0.3},
        "FREE": {"overcharged": 0.3},
    })  # fmt: skip
    listed = extend(listed, {
        "is_consumer": "kind = 'Consumer loans'",
        "is_cash": "kind = 'Cash loans'",
        # a card may be asked for without naming an amount
        "names_amount": "has_amount AND NOT (is_card AND u_NO_ZERO < 0.41)",
        "has_down": "has_amount AND (kind = 'Consumer loans'"
        " OR kind = 'Cash loans' AND status = 'Approved' AND u_NO_DOWN < 0.12)",
        "down": "CASE WHEN kind = 'Consumer loans'"
        f" THEN asked * {quantile('u_DOWN', PREVIOUS['down payment share'])} ELSE 0D END",
        "is_x_sell": "u_SELL < CASE WHEN is_card THEN 0.6 WHEN yield_group = 'high' THEN 0.57 ELSE 0.85 END",
        "goods_category": choice("u_GOODS", PREVIOUS_LEVELS["NAME_GOODS_CATEGORY"]),
        "is_special": "has_terms AND kind = 'Consumer loans' AND u_SPECIAL < 0.0112",
        "is_over": "days_last_due < 0",
    })  # fmt: skip
    listed = extend(listed, {
        "store": "CASE WHEN goods_category = 'Mobile' THEN 'mobile' WHEN goods_category IN ('Consumer Electronics',"
        " 'Computers', 'Audio/Video', 'Photo / Cinema Equipment', 'Homewares', 'Office Appliances') THEN 'household'"
        " WHEN goods_category IN ('Furniture', 'Construction Materials', 'Clothing and Accessories',"
        " 'Auto Accessories', 'Jewelry', 'Vehicles', 'Gardening', 'Medical Supplies') THEN 'industry' ELSE 'other' END",
        "price": "CASE WHEN yield_group IN ('low_normal', 'low_action') THEN 'low' ELSE yield_group END",
    })  # fmt: skip
    offices = {"Credit and cash offices": 0.79, "AP+ (Cash loan)": 0.065, "Contact center": 0.085, "Country-wide": 0.06}
    stores = {"Country-wide": 0.57, "Stone": 0.28, "Regional / Local": 0.144, "Car dealer": 0.0006}
    columns = {
        "SK_ID_PREV": "SK_ID_PREV",
        "SK_ID_CURR": "SK_ID_CURR",
        "NAME_CONTRACT_TYPE": "kind",
        "AMT_ANNUITY": null_where("NOT has_terms", amount("annuity")),
        "AMT_APPLICATION": f"CASE WHEN names_amount THEN {amount('asked')} ELSE 0D END",
        "AMT_CREDIT": f"CASE WHEN has_terms THEN {amount('credit')} WHEN has_amount THEN {amount('asked')} ELSE 0D END",
        "AMT_DOWN_PAYMENT": null_where("NOT has_down", amount("down")),
        "AMT_GOODS_PRICE": null_where("NOT names_amount", amount("asked")),
        "WEEKDAY_APPR_PROCESS_START": choice("u_WEEKDAY", PREVIOUS_LEVELS["WEEKDAY_APPR_PROCESS_START"]),
        "HOUR_APPR_PROCESS_START": whole(choice("u_HOUR", PREVIOUS_LEVELS["HOUR_APPR_PROCESS_START"])),
        "FLAG_LAST_APPL_PER_CONTRACT": "CASE WHEN u_LAST < 0.0042 AND status != 'Approved' THEN 'N' ELSE 'Y' END",
        "NFLAG_LAST_APPL_IN_DAY": whole("u_LAST_IN_DAY >= 0.0033"),
        "RATE_DOWN_PAYMENT": null_where(
            "NOT has_down", "rint(down / (credit + down) * 1.089D * 1000000000) / 1000000000"
        ),
        "RATE_INTEREST_PRIMARY": null_where("NOT is_special", "0.18D + rint(u_INTEREST * 30) / 1000"),
        "RATE_INTEREST_PRIVILEGED": null_where("NOT is_special", "0.63D + rint(u_INTEREST * 10) / 40"),
        "NAME_CASH_LOAN_PURPOSE": "CASE WHEN NOT is_cash THEN 'XAP'"
        " WHEN u_PURPOSE < CASE status WHEN 'Refused' THEN 0.77 ELSE 0.93 END THEN 'XNA'"
        f" ELSE {choice('u_CASH_PURPOSE', PREVIOUS_LEVELS['NAME_CASH_LOAN_PURPOSE'])} END",
        "NAME_CONTRACT_STATUS": "status",
        "DAYS_DECISION": whole("days_decision"),
        "NAME_PAYMENT_TYPE": "CASE WHEN is_card OR NOT has_amount OR u_PAYMENT_TYPE < 0.11 THEN 'XNA'"
        " WHEN u_PAYMENT_TYPE < 0.118 THEN 'Non-cash from your account'"
        " WHEN u_PAYMENT_TYPE < 0.1187 THEN 'Cashless from the account of the employer'"
        " ELSE 'Cash through the bank' END",
        "CODE_REJECT_REASON": "CASE status WHEN 'Refused' THEN "
        + choice("u_REJECT", PREVIOUS_LEVELS["CODE_REJECT_REASON"])
        + " WHEN 'Unused offer' THEN 'CLIENT' ELSE 'XAP' END",
        "NAME_TYPE_SUITE": null_where(
            "u_NO_SUITE < CASE WHEN NOT has_amount THEN 0.97 WHEN is_card THEN 0.6"
            " WHEN status = 'Unused offer' THEN 0.83 ELSE 0.335 END",
            choice("u_SUITE", PREVIOUS_LEVELS["NAME_TYPE_SUITE"]),
        ),
        "NAME_CLIENT_TYPE": "CASE WHEN u_CLIENT < 0.0011 THEN 'XNA' WHEN is_first AND u_CLIENT < 0.8 THEN 'New'"
        " WHEN u_CLIENT < 0.04 THEN 'New' WHEN u_CLIENT < 0.13 OR is_first AND u_CLIENT < 0.85 THEN 'Refreshed'"
        " ELSE 'Repeater' END",
        "NAME_GOODS_CATEGORY": "CASE WHEN is_consumer THEN goods_category ELSE 'XNA' END",
        "NAME_PORTFOLIO": "CASE WHEN NOT has_terms THEN 'XNA' WHEN is_consumer THEN 'POS' WHEN is_cash THEN 'Cash'"
        " ELSE 'Cards' END",
        "NAME_PRODUCT_TYPE": "CASE WHEN is_consumer OR NOT has_amount THEN 'XNA' WHEN is_x_sell THEN 'x-sell'"
        " ELSE 'walk-in' END",
        "CHANNEL_TYPE": f"CASE WHEN is_consumer THEN {choice('u_CHANNEL', stores)}"
        f" ELSE {choice('u_CHANNEL', offices)} END",
        "SELLERPLACE_AREA": whole(
            f"CASE WHEN is_consumer THEN {quantile('u_SELLER', PREVIOUS['seller area'])} WHEN u_SELLER < 0.82 THEN -1D"
            " ELSE greatest(floor((u_SELLER - 0.88D) * 800), 0D) END"
        ),
        "NAME_SELLER_INDUSTRY": "CASE WHEN NOT is_consumer THEN CASE WHEN u_SELLER < 0.9 THEN 'XNA'"
        " ELSE 'Consumer electronics' END WHEN store = 'mobile' THEN 'Connectivity' WHEN store = 'household'"
        " THEN 'Consumer electronics' WHEN goods_category = 'Furniture' THEN 'Furniture'"
        " WHEN goods_category = 'Construction Materials' THEN 'Construction' WHEN goods_category ="
        " 'Clothing and Accessories' THEN 'Clothing' WHEN goods_category = 'Auto Accessories' THEN 'Auto technology'"
        " WHEN goods_category = 'Jewelry' THEN 'Jewelry' ELSE 'Industry' END",
        "CNT_PAYMENT": null_where("NOT has_terms", whole_as_real("term")),
        "NAME_YIELD_GROUP": "CASE WHEN has_terms AND NOT is_card THEN yield_group ELSE 'XNA' END",
        "PRODUCT_COMBINATION": null_where(
            "kind = 'XNA'",
            "CASE WHEN is_cash AND NOT has_terms THEN 'Cash' WHEN is_cash THEN concat('Cash ', CASE WHEN is_x_sell"
            " THEN 'X-Sell' ELSE 'Street' END, ': ', price) WHEN is_card THEN CASE WHEN is_x_sell AND has_amount"
            " THEN 'Card X-Sell' ELSE 'Card Street' END WHEN u_FREE < 0.17 THEN concat('POS ', CASE store WHEN 'other'"
            " THEN 'others' ELSE store END, ' without interest') ELSE concat('POS ', store, ' with interest') END",
        ),
        "DAYS_FIRST_DRAWING": null_where(
            "NOT is_drawn",
            whole_as_real(
                f"CASE WHEN is_card AND u_DRAWING >= 0.38 THEN least(days_first_due - 20, -1D) ELSE {NEVER} END"
            ),
        ),
        "DAYS_FIRST_DUE": null_where(
            "NOT is_drawn",
            whole_as_real(
                f"CASE WHEN days_first_due >= 0 OR is_card AND u_DRAWING < 0.41 THEN {NEVER} ELSE days_first_due END"
            ),
        ),
        "DAYS_LAST_DUE_1ST_VERSION": null_where(
            "NOT is_drawn",
            whole_as_real(f"CASE WHEN is_card THEN {NEVER} ELSE days_first_due + 30 * (term - 1) END"),
        ),
        "DAYS_LAST_DUE": null_where(
            "NOT is_drawn",
            whole_as_real(
                f"CASE WHEN is_card AND u_ENDED < 0.8 OR NOT is_card AND NOT is_over THEN {NEVER}"
                " WHEN is_card THEN days_decision * (u_ENDED - 0.8D) * 2 ELSE days_last_due END"
            ),
        ),
        "DAYS_TERMINATION": null_where(
            "NOT is_drawn",
            whole_as_real(
                f"CASE WHEN is_card AND u_ENDED < 0.84 OR NOT is_card AND days_last_due >= -12 THEN {NEVER}"
                " WHEN is_card THEN days_decision * (u_ENDED - 0.8D)"
                " ELSE days_last_due + floor(2 + 9 * u_TERMINATED) END"
            ),
        ),
        "NFLAG_INSURED_ON_APPROVAL": null_where("NOT is_drawn", "CAST(u_INSURED < 0.338 AS DOUBLE)"),
    }
    return listed.selectExpr(*(f"{sql} AS {name}" for name, sql in columns.items()))
