"""Who defaults: the true log-odds, in the part that an application shows and the part that only histories show."""

from pyspark.sql import DataFrame

from jobs.population.draws import extend, uniform, weighted

INTERCEPT = -3.15

APPLICATION_WEIGHTS = {
    "z_EXT_SOURCE_1": -0.27,
    "z_EXT_SOURCE_2": -0.5,
    "z_EXT_SOURCE_3": -0.65,
    "z_DAYS_ID_PUBLISH": 0.07,
    "z_DAYS_LAST_PHONE_CHANGE": 0.07,
    "z_AMT_GOODS_PRICE": -0.06,
    "z_DAYS_BIRTH": -0.1,
    "z_AMT_INCOME_TOTAL": 0.08,
}
HISTORY_WEIGHTS = {"careless": 0.4, "stretched": 0.42, "rebuffed": 0.3}

LEVEL_EFFECTS = {
    "CODE_GENDER": {"M": 0.22},
    "NAME_INCOME_TYPE": {"Working": 0.12, "State servant": -0.3},
    "NAME_EDUCATION_TYPE": {"Higher education": -0.4, "Lower secondary": 0.25, "Academic degree": -0.6},
    "OCCUPATION_TYPE": {"Laborers": 0.12, "Drivers": 0.12, "Low-skill Laborers": 0.5, "Accountants": -0.3},
    "rating": {"1": -0.2, "3": 0.2},
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
        weighted(APPLICATION_WEIGHTS),
        "(CASE WHEN is_pensioner THEN -0.3D ELSE 0.24D * z_DAYS_EMPLOYED END)",
        "2.4D * (credit_to_goods - 1.12D)",
        "(CASE WHEN is_card THEN -0.35D ELSE 0D END)",
        "(CASE WHEN has_car THEN -0.15D ELSE 0D END)",
        "(CASE WHEN has_inquiries THEN 0D ELSE 0.25D END)",
        *(effect(column, log_odds) for column, log_odds in LEVEL_EFFECTS.items()),
    ]
    people = extend(people, {"application_risk": " + ".join(application), "history_risk": weighted(HISTORY_WEIGHTS)})
    return extend(
        people,
        {"TARGET": f"CAST({uniform('TARGET')} < 1 / (1 + exp(-(application_risk + history_risk))) AS BIGINT)"},
    )
