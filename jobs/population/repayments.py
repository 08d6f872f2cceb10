"""How Home Credit's loans were paid back: monthly balances of instalment loans and of cards, and the payments."""

from pyspark.sql import DataFrame

from jobs.population import figures
from jobs.population.cells import amount, whole_as_real
from jobs.population.draws import (
    child_identity,
    choice,
    cumulative,
    extend,
    null_where,
    quantile,
    with_normals,
    with_uniforms,
)
from jobs.population.figures import CARD, REPAYMENTS

MONTH = 30.4375
OLDEST_MONTH = 96
SHOWN_BY_CARDS = ("careless", "slipping", "hurried", "cashbound", "piecemeal")
SHOWN_BY_PAYMENTS = ("careless", "slipping", "piecemeal", "pressed")


def lateness(is_recent: str) -> str:
    """How much oftener than others the applicant is late in a month, by whether it lies in the last year."""
    return f"exp(0.8D * careless + CASE WHEN {is_recent} THEN 0.6D ELSE -0.2D END * slipping)"


def times(trait: str, share: float) -> str:
    """What a figure of who has the trait is to be multiplied with; 1 on average."""
    return f"exp({share!r}D * {trait} - {round(share**2 / 2, 6)!r}D)"


def pos_cash_balance(loans: DataFrame) -> DataFrame:
    """POS_CASH_balance's columns, as written: every month from the loan's start to its end or to last month."""
    drawn = with_uniforms(loans.where("is_drawn AND NOT is_card"), "START")
    drawn = extend(drawn, {
        "age": f"CAST(least(floor(-days_decision / {MONTH}D) - CAST(u_START < 0.5 AS INT), {OLDEST_MONTH}) AS INT)",
    }).where("age >= 1")  # fmt: skip
    months = drawn.selectExpr(
        "SK_ID_PREV", "SK_ID_CURR", "identity", "careless", "slipping", "term", "instalments", "age",
        "explode(sequence(0, least(instalments, age - 1))) AS paid",
    )  # fmt: skip
    months = months.selectExpr(
        "SK_ID_PREV", "SK_ID_CURR", "term", "paid", "age", "paid = instalments AS is_last",
        f"0.02D * {lateness('age - paid <= 12')} AS lateness",
        f"{child_identity('pos', 'paid')} AS identity",
    )  # fmt: skip
    months = with_uniforms(months, "STATUS", "LATE", "DAYS", "EMPTY")
    months = extend(months, {
        "past_due": "CASE WHEN u_LATE < lateness"
        f" THEN CAST({quantile('u_DAYS', REPAYMENTS['days past due'])} AS BIGINT)"
        " ELSE 0 END",
    })  # fmt: skip
    columns = {
        "SK_ID_PREV": "SK_ID_PREV",
        "SK_ID_CURR": "SK_ID_CURR",
        "MONTHS_BALANCE": "paid - age",
        "CNT_INSTALMENT": null_where("u_EMPTY < 0.0028", "CAST(CASE WHEN is_last THEN paid ELSE term END AS DOUBLE)"),
        "CNT_INSTALMENT_FUTURE": null_where(
            "u_EMPTY < 0.0028", "CAST(CASE WHEN is_last THEN 0 ELSE term - paid END AS DOUBLE)"
        ),
        "NAME_CONTRACT_STATUS": "CASE WHEN is_last THEN 'Completed' WHEN paid = 0 AND u_STATUS < 0.095 THEN 'Signed'"
        " WHEN paid = 0 AND u_STATUS < 0.1 THEN 'Approved' WHEN past_due > 100 AND u_STATUS < 0.15 THEN 'Demand'"
        " WHEN u_STATUS > 0.9994 THEN 'Returned to the store' WHEN past_due > 500 AND u_STATUS > 0.99 THEN"
        " 'Amortized debt' ELSE 'Active' END",
        "SK_DPD": "past_due",
        # small debts do not count
        "SK_DPD_DEF": "CASE WHEN u_STATUS < 0.4 THEN least(past_due, 90L) ELSE 0L END",
    }
    return months.selectExpr(*(f"{sql} AS {name}" for name, sql in columns.items()))


def drawn_loans(loans: DataFrame) -> DataFrame:
    """The loans that were paid out, with how a card (of which the others know nothing) was used month by month."""
    drawn = with_uniforms(loans.where("is_drawn"), "LIMIT", "DORMANT", "BEGIN", "END", "HOLD", "NULLS")
    drawn = with_normals(drawn, "LEVEL")
    drawn = extend(drawn, {
        "months": f"CAST(least(floor(-days_decision / {MONTH}D), {OLDEST_MONTH}) AS INT)",
        "limit": f"rint({quantile('u_LIMIT', CARD['limit'])} / 4500) * 4500",
        "is_dormant": "u_DORMANT < 0.36 - 0.08D * stretched",
        "level": cumulative("(0.45D + 0.85D * stretched + 0.65D * e_LEVEL)"),
        "share_used": "CASE WHEN u_END < 0.45 THEN 1D ELSE 1 - (u_END - 0.45D) * 1.09D END",
    })  # fmt: skip
    drawn = extend(drawn, {"last_use": "CAST(ceil(months * share_used) AS INT)"})
    return extend(drawn, {
        "first_use": "CASE WHEN is_dormant THEN last_use"
        " ELSE CAST(floor(last_use * u_BEGIN * u_BEGIN * 0.6D) AS INT) END",
    })  # fmt: skip


def credit_card_balance(drawn: DataFrame) -> DataFrame:
    """credit_card_balance's columns, as written: every month from the card's start to last month."""
    months = drawn.where("is_card AND months >= 1 AND u_HOLD >= 0.02").selectExpr(
        "SK_ID_PREV", "SK_ID_CURR", "identity", *SHOWN_BY_CARDS, "limit", "level", "first_use", "last_use", "months",
        "u_NULLS < 0.35 AS hides_zeros", "u_HOLD", "is_dormant", "u_NULLS", "explode(sequence(0, months - 1)) AS month",
    )  # fmt: skip
    months = months.selectExpr(
        "SK_ID_PREV", "SK_ID_CURR", *SHOWN_BY_CARDS, "level", "hides_zeros", "month - months AS MONTHS_BALANCE",
        "month >= first_use AND month < last_use AS in_use", "month >= last_use AS is_over",
        # the limit of a card that is paid back is taken away
        "CASE WHEN month >= last_use AND u_HOLD < 0.95 THEN 0D ELSE limit END AS limit",
        "CASE WHEN is_dormant AND u_NULLS < 0.5 THEN 0 ELSE CAST(greatest(month - 2, 0) * 0.8D AS INT) END AS matured",
        f"{child_identity('card', 'month')} AS identity",
    )  # fmt: skip
    months = with_uniforms(
        months, "BALANCE", "WOBBLE", "DRAWS", "DRAWN", "ATM", "PAID", "PAYMENT", "COUNT", "STATUS", "LATE", "NO_MIN"
    )
    months = extend(months, {
        "balance": "CASE WHEN in_use AND u_BALANCE < 0.92 THEN limit * least(level * (0.8D + 0.35D * u_WOBBLE), 1.08D)"
        " ELSE 0D END",
        "drawn_share": quantile("u_DRAWN", CARD["drawn share"]),
        "paid_share": f"{quantile('u_PAID', CARD['paid share'])} * {times('piecemeal', -0.3)}",
        "lateness": lateness("MONTHS_BALANCE >= -12"),
        "draws": f"u_DRAWS < 0.365D * {times('hurried', 0.3)}",
    })  # fmt: skip
    months = extend(months, {
        "drawn": "CASE WHEN balance > 0 AND draws THEN rint(limit * drawn_share / 45) * 45 ELSE 0D END",
        "minimum": "CASE WHEN u_NO_MIN < 0.13 THEN 0D ELSE balance * 0.05D END",
        "paid": "CASE WHEN balance > 0 THEN balance * paid_share"
        f" ELSE {quantile('u_PAID', CARD['idle payment'])} END",
        "is_atm": "u_ATM < 0.6D + 0.17D * cashbound",
        "is_empty": "balance = 0 AND hides_zeros",
        "count": "1 + floor(8 * u_COUNT * u_COUNT * u_COUNT)",
    })  # fmt: skip
    days = quantile("u_COUNT", REPAYMENTS["days past due"])
    months = extend(months, {
        "past_due": "CASE WHEN balance > 0 AND u_LATE < 0.063D * lateness"
        f" THEN CAST({days} AS BIGINT) ELSE 0 END",
    })  # fmt: skip

    def drawing(kind: str) -> str:
        return null_where("is_empty", amount(f"CASE WHEN {kind} THEN drawn ELSE 0D END"))

    def count(kind: str) -> str:
        return null_where("is_empty", f"CAST(CASE WHEN drawn > 0 AND {kind} THEN count ELSE 0 END AS DOUBLE)")

    owed = amount("balance * (1 - 0.003D * u_WOBBLE)")
    other = "u_ATM > 0.995"
    columns = {
        "SK_ID_PREV": "SK_ID_PREV",
        "SK_ID_CURR": "SK_ID_CURR",
        "MONTHS_BALANCE": "MONTHS_BALANCE",
        "AMT_BALANCE": amount("balance"),
        "AMT_CREDIT_LIMIT_ACTUAL": "CAST(limit AS BIGINT)",
        "AMT_DRAWINGS_ATM_CURRENT": drawing("is_atm"),
        "AMT_DRAWINGS_CURRENT": amount("drawn"),
        "AMT_DRAWINGS_OTHER_CURRENT": drawing(other),
        "AMT_DRAWINGS_POS_CURRENT": drawing(f"NOT is_atm AND NOT {other}"),
        "AMT_INST_MIN_REGULARITY": null_where("is_empty AND u_NO_MIN < 0.3", amount("minimum")),
        "AMT_PAYMENT_CURRENT": null_where("is_empty", amount("paid")),
        "AMT_PAYMENT_TOTAL_CURRENT": f"CASE WHEN balance > 0 THEN {amount('paid')} ELSE 0D END",
        "AMT_RECEIVABLE_PRINCIPAL": amount("balance * (0.985D - 0.05D * u_WOBBLE)"),
        "AMT_RECIVABLE": owed,
        "AMT_TOTAL_RECEIVABLE": owed,
        "CNT_DRAWINGS_ATM_CURRENT": count("is_atm"),
        "CNT_DRAWINGS_CURRENT": "CAST(CASE WHEN drawn > 0 THEN count ELSE 0 END AS BIGINT)",
        "CNT_DRAWINGS_OTHER_CURRENT": count(other),
        "CNT_DRAWINGS_POS_CURRENT": count(f"NOT is_atm AND NOT {other}"),
        "CNT_INSTALMENT_MATURE_CUM": null_where("is_empty AND u_NO_MIN < 0.3", "CAST(matured AS DOUBLE)"),
        "NAME_CONTRACT_STATUS": "CASE WHEN is_over AND u_STATUS < 0.2 THEN 'Completed' WHEN u_STATUS > 0.9973 THEN"
        " 'Signed' WHEN past_due > 100 AND u_STATUS < 0.1 THEN 'Demand' ELSE 'Active' END",
        "SK_DPD": "past_due",
        "SK_DPD_DEF": "CASE WHEN past_due > 0 AND u_STATUS < 0.5 THEN 1L ELSE 0L END",
    }
    return months.selectExpr(*(f"{sql} AS {name}" for name, sql in columns.items()))


def installments_payments(drawn: DataFrame) -> DataFrame:
    """installments_payments' columns, as written: one row a payment of an instalment that was due."""
    # a card is paid more often than monthly; of hidden ones the payments are hidden too
    owed = drawn.selectExpr(
        "SK_ID_PREV", "SK_ID_CURR", "identity", *SHOWN_BY_PAYMENTS, "is_card",
        "CASE WHEN is_card THEN limit * level * 0.05D + 45D ELSE annuity END AS annuity",
        "CASE WHEN is_card THEN -(months - first_use) * 30D ELSE days_first_due END AS days_first_due",
        "CASE WHEN is_card AND NOT is_listed THEN 0 WHEN is_card THEN CAST((last_use - first_use) * 2.5D AS INT)"
        " ELSE CAST(least(instalments, floor((-days_first_due - 1) / 30) + 1) AS INT) END AS due",
    ).where("due > 0")  # fmt: skip
    owed = with_uniforms(owed, "VERSION")
    numbered = owed.selectExpr("*", "explode(sequence(1, due)) AS number").selectExpr(
        "SK_ID_PREV", "SK_ID_CURR", *SHOWN_BY_PAYMENTS, "is_card", "number",
        "days_first_due + CASE WHEN is_card THEN 12 ELSE 30 END * (number - 1) AS day_due",
        # a card's instalment follows its balance, a loan's last one differs
        "CASE WHEN is_card THEN annuity * (0.1D + 0.1D * (number % 14)) WHEN number = due THEN annuity * 0.97D"
        " ELSE annuity END AS instalment",
        "CASE WHEN is_card THEN 0D ELSE 1D + CAST(u_VERSION > 0.88 AND number > due * 0.3D AS INT)"
        " + CAST(u_VERSION > 0.96 AND number > due * 0.5D AS INT) END AS version",
        f"{child_identity('instalment', 'number')} AS identity",
    )  # fmt: skip
    numbered = with_uniforms(numbered, "PARTS", "SPLIT", "SHORT", "SHORT_SHARE")
    numbered = extend(numbered, {"often": times("piecemeal", 0.8)})
    numbered = extend(numbered, {
        "parts": f"CAST({choice('(1 - (1 - u_PARTS) / often)', figures.PARTS)} AS INT)",
        "is_short": f"u_SHORT < {figures.SHORT_SHARE} * often",
    })  # fmt: skip
    payments = numbered.selectExpr(
        "SK_ID_PREV", "SK_ID_CURR", *SHOWN_BY_PAYMENTS, "number", "version", "day_due", "instalment", "parts",
        "u_SPLIT", "is_short", "u_SHORT_SHARE", "identity", "explode(sequence(1, parts)) AS part",
    )  # fmt: skip
    payments = payments.selectExpr(
        "SK_ID_PREV", "SK_ID_CURR", *SHOWN_BY_PAYMENTS, "number", "version", "day_due", "instalment",
        # no two parts are equal: rows must differ
        "CASE WHEN parts > 1 AND part = 1 THEN 0.55D + 0.4D * u_SPLIT WHEN parts = 2 THEN 0.45D - 0.4D * u_SPLIT"
        " WHEN parts = 3 AND part = 2 THEN (0.45D - 0.4D * u_SPLIT) * 0.7D"
        " WHEN parts = 3 THEN (0.45D - 0.4D * u_SPLIT) * 0.3D"
        " WHEN is_short THEN u_SHORT_SHARE ELSE 1D END AS share",
        f"{child_identity('payment', 'part')} AS identity",
    )  # fmt: skip
    payments = with_uniforms(with_normals(payments, "LATE"), "DAYS")
    payments = extend(payments, {
        "day_paid": f"day_due + CASE WHEN {figures.LATE_SCORE}D + 0.55D * careless"
        " + CASE WHEN day_due >= -365 THEN 0.45D ELSE -0.15D END * slipping + e_LATE > 0"
        f" THEN floor({quantile('u_DAYS', REPAYMENTS['days late'])})"
        f" ELSE ceil({quantile('u_DAYS', REPAYMENTS['days early'])} * {times('pressed', -0.35)}) END",
    })  # fmt: skip
    columns = {
        "SK_ID_PREV": "SK_ID_PREV",
        "SK_ID_CURR": "SK_ID_CURR",
        "NUM_INSTALMENT_VERSION": "version",
        "NUM_INSTALMENT_NUMBER": "number",
        "DAYS_INSTALMENT": whole_as_real("day_due"),
        # not paid when the applicant came back: both cells are empty
        "DAYS_ENTRY_PAYMENT": null_where("day_paid >= 0", whole_as_real("day_paid")),
        "AMT_INSTALMENT": amount("instalment"),
        "AMT_PAYMENT": null_where("day_paid >= 0", amount("instalment * share")),
    }
    return payments.selectExpr(*(f"{sql} AS {name}" for name, sql in columns.items()))
