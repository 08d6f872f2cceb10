"""Loans at other banks and their monthly balances."""

from pyspark.sql import DataFrame

from jobs.population import figures
from jobs.population.cells import large_amount, whole, whole_as_real
from jobs.population.draws import (
    child_identity,
    choice,
    cumulative,
    extend,
    null_where,
    quantile,
    with_leanings,
    with_normals,
    with_uniforms,
)
from jobs.population.figures import BUREAU

MONTH = 30.4375
MOST_LOANS = 64
SHOWN = (
    "careless", "stretched", "hurried", "slipping", "scattered", "drawn_out", "wavering", "pressed", "modest",
)  # fmt: skip
"""What the applicant is like, as far as these loans say anything of it."""


def bureau_loans(drivers: DataFrame) -> DataFrame:
    """One row a bureau loan, with what its row and its monthly balances are made from."""
    people = with_leanings(drivers.where("has_bureau"), {"LOANS": {"stretched": 0.15, "hurried": 0.2}})
    people = with_uniforms(people, "BALANCE")
    people = extend(people, {
        "loans": f"CAST(greatest(rint({quantile('u_LOANS', figures.BUREAU_LOANS)}), 1D) AS INT)",
        "has_balance": f"is_test OR u_BALANCE < {figures.BUREAU_BALANCE_SHARE}",
    })  # fmt: skip
    loans = people.selectExpr(
        "SK_ID_CURR", "applicant", "identity", "is_test", *SHOWN, "has_balance",
        "explode(sequence(1, loans)) AS loan",
    )  # fmt: skip
    loans = loans.selectExpr(
        "SK_ID_CURR", "is_test", *SHOWN, "has_balance",
        f"applicant * {MOST_LOANS} + loan + {figures.FIRST_BUREAU - 1} AS SK_ID_BUREAU",
        f"{child_identity('bureau', 'loan')} AS identity",
    )  # fmt: skip
    loans = with_uniforms(loans, "NO_END", "FACT")
    loans = with_leanings(loans, {
        "TYPE": {"scattered": 0.35},
        "CLOSED": {"hurried": 0.15},
        "FACT_AGE": {"pressed": 0.3},
        "DAYS": {"stretched": 0.2, "hurried": 0.3},
        "DURATION": {"drawn_out": 0.35},
    })  # fmt: skip
    loans = with_normals(loans, "AMOUNT")
    loans = extend(loans, {
        "CREDIT_TYPE": choice("u_TYPE", figures.BUREAU_TYPES),
        # who borrows more takes longer
        "u_AMOUNT": cumulative("(0.6D * z_DURATION - 0.25D * modest + 0.76D * e_AMOUNT)"),
    })  # fmt: skip
    loans = extend(loans, {
        "is_card": "CREDIT_TYPE = 'Credit card'",
        "days_credit": f"floor({quantile('u_DAYS', BUREAU['DAYS_CREDIT'])})",
        "duration": f"CASE WHEN CREDIT_TYPE = 'Credit card' THEN {quantile('u_DURATION', BUREAU['card days'])}"
        f" WHEN CREDIT_TYPE IN ('Car loan', 'Mortgage') THEN {quantile('u_DURATION', BUREAU['long loan days'])}"
        f" ELSE {quantile('u_DURATION', BUREAU['instalment loan days'])} END",
    })  # fmt: skip
    loans = extend(loans, {
        "days_end": "floor(days_credit + duration)",
        "is_closed": "u_CLOSED < CASE WHEN is_card THEN 0.3D WHEN days_credit + duration < 0 THEN 0.95D ELSE 0.3D END"
        " - 0.06D * stretched",
    })  # fmt: skip
    return extend(loans, {
        # as planned, earlier, or, where the plan lies ahead, at any time since
        "days_closed": "CASE WHEN is_closed THEN least(greatest(CASE WHEN days_end < 0 AND u_FACT < 0.55 THEN days_end"
        " WHEN days_end < 0 THEN days_credit + (days_end - days_credit) * (0.3D + 0.7D * u_FACT_AGE)"
        " ELSE days_credit * u_FACT_AGE END, days_credit), -1D) END",
    })  # fmt: skip


def bureau(loans: DataFrame) -> DataFrame:
    """bureau's columns, as written."""
    loans = with_uniforms(
        loans, "CURRENCY", "SOLD", "NO_DEBT", "NO_LIMIT", "OVERDUE", "OVERDUE_DAYS", "NO_LARGEST", "LARGEST",
    )  # fmt: skip
    loans = with_leanings(loans, {
        "UPDATE": {"wavering": 0.25}, "PROLONGED": {"scattered": 0.4}, "ANNUITY": {"scattered": 0.25},
    })  # fmt: skip
    loans = with_normals(loans, "DEBT", "LATE")
    factors = " ".join(f"WHEN '{kind}' THEN {factor!r}D" for kind, factor in figures.BUREAU_AMOUNT_FACTORS.items())
    loans = extend(loans, {
        "credit": "CASE WHEN is_card"
        f" THEN greatest(rint({quantile('u_AMOUNT', BUREAU['card amount'])} / 4500) * 4500, 0D)"
        f" ELSE {quantile('u_AMOUNT', BUREAU['instalment loan amount'])}"
        f" * CASE CREDIT_TYPE {factors} ELSE 1D END END",
        "debt_share": cumulative("(0.5D + 0.8D * stretched + 0.9D * e_DEBT)"),
        "is_overdue": "NOT is_closed AND u_OVERDUE < 0.0042D * exp(0.7D * careless + 0.5D * slipping)",
        "was_late": "-0.95D + 0.7D * careless + e_LATE > 0",
    })  # fmt: skip
    loans = extend(loans, {
        "debt": "CASE WHEN is_closed OR u_NO_DEBT < 0.1 THEN 0D ELSE credit * debt_share END",
        "overdue_days": "CASE WHEN is_overdue THEN ceil(1D + 600 * u_OVERDUE_DAYS * u_OVERDUE_DAYS * u_OVERDUE_DAYS)"
        " ELSE 0 END",
        "largest": quantile("u_LARGEST", BUREAU["largest overdue"]),
        "updated": "CASE WHEN is_closed THEN least(days_closed + CASE WHEN u_UPDATE < 0.6 THEN floor(u_UPDATE * 8)"
        " ELSE -days_closed * (u_UPDATE - 0.6D) END, -1D)"
        f" ELSE -greatest(least({quantile('u_UPDATE', BUREAU['days since update'])}, -days_credit), 1D) END",
    })  # fmt: skip
    columns = {
        "SK_ID_CURR": "SK_ID_CURR",
        "SK_ID_BUREAU": "SK_ID_BUREAU",
        "CREDIT_ACTIVE": "CASE WHEN is_closed THEN 'Closed' WHEN u_SOLD < 0.01 THEN 'Sold'"
        " WHEN u_SOLD < 0.0101 THEN 'Bad debt' ELSE 'Active' END",
        "CREDIT_CURRENCY": choice("u_CURRENCY", {"currency 1": 0.9993, "currency 2": 0.0006, "currency 3": 0.0001}),
        "DAYS_CREDIT": whole("days_credit"),
        "CREDIT_DAY_OVERDUE": whole("overdue_days"),
        "DAYS_CREDIT_ENDDATE": null_where(
            "u_NO_END < CASE WHEN is_card THEN 0.22 ELSE 0.012 END", whole_as_real("days_end")
        ),
        "DAYS_ENDDATE_FACT": whole_as_real("days_closed"),
        "AMT_CREDIT_MAX_OVERDUE": null_where(
            "u_NO_LARGEST < 0.674 AND NOT is_overdue",
            f"CASE WHEN was_late OR is_overdue THEN {large_amount('largest')} ELSE '0.0' END",
        ),
        "CNT_CREDIT_PROLONG": whole(
            "CASE WHEN u_PROLONGED < 0.9963 THEN 0 WHEN u_PROLONGED < 0.9994 THEN 1 ELSE 2 END"
        ),
        "AMT_CREDIT_SUM": large_amount("credit"),
        "AMT_CREDIT_SUM_DEBT": null_where("u_NO_DEBT >= 0.855", large_amount("debt")),
        "AMT_CREDIT_SUM_LIMIT": null_where(
            "u_NO_LIMIT < 0.372",
            "CASE WHEN is_card AND NOT is_closed AND u_NO_LIMIT < 0.6"
            f" THEN {large_amount('credit - debt')} ELSE '0.0' END",
        ),
        "AMT_CREDIT_SUM_OVERDUE": "CASE WHEN is_overdue"
        f" THEN {large_amount('least(largest, debt + 100)')} ELSE '0.0' END",
        "CREDIT_TYPE": "CREDIT_TYPE",
        "DAYS_CREDIT_UPDATE": whole("updated"),
        "AMT_ANNUITY": null_where(
            "u_ANNUITY < 0.568",
            "CASE WHEN u_ANNUITY < 0.81 THEN '0.0'"
            f" ELSE {large_amount('credit * 1.2D * 30 / greatest(duration, 90D)')} END",
        ),
    }
    return loans.selectExpr(*(f"{sql} AS {name}" for name, sql in columns.items()))


def bureau_balance(loans: DataFrame) -> DataFrame:
    """bureau_balance's columns, as written: the loans' months, newest first."""
    loans = with_uniforms(loans.where("has_balance"), "START", "UNKNOWN")
    loans = extend(loans, {
        "newest": "CASE WHEN u_START < 0.87 THEN 0 ELSE CAST(floor((u_START - 0.87D) * 46) AS INT) END",
        "months": f"least(floor(-days_credit / {MONTH}D * CASE WHEN is_test THEN 1D ELSE 0.77D END) + 1, 97)",
        "closed_months": f"coalesce(-days_closed / {MONTH}D, -1D)",
        # most loans have few unknown months, some nothing else
        "unknown_share": "CASE WHEN u_UNKNOWN < 0.5 THEN 0D WHEN u_UNKNOWN < 0.62 THEN u_UNKNOWN - 0.5D"
        " WHEN u_UNKNOWN < 0.78 THEN 0.7D WHEN u_UNKNOWN < 0.86 THEN 0.97D ELSE 1D END",
    })  # fmt: skip
    months = loans.selectExpr(
        "SK_ID_BUREAU", "identity", "closed_months", "unknown_share", "careless", "slipping",
        "explode(sequence(newest, CAST(greatest(months - 1, newest) AS INT))) AS month",
    )  # fmt: skip
    months = months.selectExpr(
        "SK_ID_BUREAU", "month", "closed_months", "unknown_share",
        "exp(0.8D * careless + CASE WHEN month < 12 THEN 0.6D ELSE -0.2D END * slipping - 0.45D) AS lateness",
        f"{child_identity('balance', 'month')} AS identity",
    )  # fmt: skip
    months = with_uniforms(months, "STATUS", "LATE")
    late = choice("u_STATUS", {"1": 0.78, "5": 0.11, "2": 0.055, "3": 0.03, "4": 0.025})
    return months.selectExpr(
        "SK_ID_BUREAU",
        "-month AS MONTHS_BALANCE",
        "CASE WHEN month < closed_months AND unknown_share < 1 THEN 'C' WHEN u_STATUS < unknown_share THEN 'X'"
        f" WHEN u_LATE < 0.03D * lateness THEN {late} ELSE '0' END AS STATUS",
    )
