"""Who defaults: the true log-odds, in the part that an application shows and the part that only histories show.

As on the real files, no column says much alone, and what they say is neither straight nor independent of each other:
there trees that see few columns each are ahead of those that see many, and of a logistic regression.
"""

from typing import Final

from pyspark.sql import DataFrame

from jobs.population.draws import extend, uniform, weighted

INTERCEPT: Final = -4.11

APPLICATION_WEIGHTS: Final = {
    "z_EXT_SOURCE_1": -0.14,
    "z_EXT_SOURCE_2": -0.26,
    "z_EXT_SOURCE_3": -0.33,
    "z_DAYS_ID_PUBLISH": 0.04,
    "z_DAYS_LAST_PHONE_CHANGE": 0.04,
    "z_AMT_GOODS_PRICE": -0.03,
    "z_DAYS_BIRTH": -0.05,
    "z_AMT_INCOME_TOTAL": 0.04,
}
APPLICATION_SHAPES: Final = {
    # loans of a middle sum and of a middle term go bad most often; a card has neither
    "CASE WHEN is_card THEN 0D ELSE exp(-2D * z_AMT_GOODS_PRICE * z_AMT_GOODS_PRICE) END": 0.75,
    "CASE WHEN is_card THEN 0D ELSE exp(-(u_TERM - 0.45D) * (u_TERM - 0.45D) / 0.0225D) END": 0.85,
    # the worst external scores are worse than the rest of their scale says, and say more of the young
    "CAST(z_EXT_SOURCE_2 < -1 AS DOUBLE)": 0.35,
    "CAST(z_EXT_SOURCE_3 < -1 AS DOUBLE)": 0.35,
    "z_EXT_SOURCE_3 * z_DAYS_BIRTH": -0.3,
    "CAST(z_DAYS_BIRTH > 0.3D AND z_AMT_GOODS_PRICE > 0.3D AS DOUBLE)": 0.6,
}

HISTORY_WEIGHTS: Final = {
    "careless": 0.25,
    "stretched": 0.28,
    "rebuffed": 0.18,
    "hurried": 0.26,
    "slipping": 0.17,
    "scattered": 0.17,
    "modest": 0.17,
    "unsettled": 0.17,
    "overcharged": 0.13,
    "piecemeal": 0.13,
    "unsaving": 0.13,
    "pressed": 0.13,
    "cashbound": 0.11,
    "wavering": 0.11,
    "drawn_out": -0.11,
}
"""Many, each of which says little: what one lender's files show of a person."""
HISTORY_SHAPES: Final = {
    # debt and haste matter where the external scores are low, and lateness where there is debt, or much of it
    "z_EXT_SOURCE_2 * stretched": -0.3,
    "z_EXT_SOURCE_3 * hurried": -0.3,
    "careless * stretched": 0.25,
    "CAST(careless > 1 AS DOUBLE)": 0.5,
}

LEVEL_EFFECTS = {
    "CODE_GENDER": {"M": 0.18},
    "NAME_INCOME_TYPE": {"Working": 0.1, "State servant": -0.24},
    "NAME_EDUCATION_TYPE": {"Higher education": -0.32, "Lower secondary": 0.2, "Academic degree": -0.5},
    "OCCUPATION_TYPE": {"Laborers": 0.1, "Drivers": 0.1, "Low-skill Laborers": 0.4, "Accountants": -0.24},
    "rating": {"1": -0.16, "3": 0.16},
}


def effect(column: str, log_odds: dict[str, float]) -> str:
    """What a category adds to the log-odds; levels that are not named add nothing."""
    branches = " ".join(f"WHEN '{level}' THEN {value!r}D" for level, value in log_odds.items())
    return f"(CASE {column} {branches} ELSE 0D END)"


def with_risk(people: DataFrame, extra: float = 0.0) -> DataFrame:
    """`describe`d applicants with application_risk and history_risk (log-odds that add up) and TARGET (0 or 1).

    Args:
        people: The applicants.
        extra: Log-odds of default that nothing of an applicant shows.
    """
    application = [
        f"{INTERCEPT + extra!r}D",
        weighted(APPLICATION_WEIGHTS | APPLICATION_SHAPES),
        "(CASE WHEN is_pensioner THEN -0.24D ELSE 0.19D * z_DAYS_EMPLOYED END)",
        "1.9D * (credit_to_goods - 1.12D)",
        "(CASE WHEN is_card THEN -0.28D ELSE 0D END)",
        "(CASE WHEN has_car THEN -0.12D ELSE 0D END)",
        "(CASE WHEN has_inquiries THEN 0D ELSE 0.2D END)",
        *(effect(column, log_odds) for column, log_odds in LEVEL_EFFECTS.items()),
    ]
    history = weighted(HISTORY_WEIGHTS | HISTORY_SHAPES)
    people = extend(people, {"application_risk": " + ".join(application), "history_risk": history})
    return extend(
        people,
        {"TARGET": f"CAST({uniform('TARGET')} < 1 / (1 + exp(-(application_risk + history_risk))) AS BIGINT)"},
    )
