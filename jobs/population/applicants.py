"""Who applies: the drivers that every table is made from, and the applicants' own columns."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.population import figures
from jobs.population.cells import ratio, whole, whole_as_real
from jobs.population.draws import (
    choice,
    correlated,
    cumulative,
    extend,
    normal,
    null_where,
    quantile,
    salt,
    uniform,
    with_leanings,
    with_normals,
    with_uniforms,
)
from jobs.population.figures import APPLICATION, APPLICATION_LEVELS, ASKED, NEVER, TEST_ASKED, TEST_LEVELS
from jobs.population.traits import SEEN_DIMLY, SEEN_PLAINLY
from jobs.population.year import ONLY, RETURNING, Wave

RANKED, CORRELATIONS = zip(
    *(
        (line.split()[0], [float(r) for r in line.split()[1:]])
        for line in figures.RANK_CORRELATIONS.split("\n")
        if line
    ),
    strict=True,
)
"""The correlated columns and the lower triangle of their rank correlations."""


def drivers(spark: SparkSession, applicants: int, seed: int, partitions: int, wave: Wave = ONLY) -> DataFrame:
    """One row an applicant: ids, identities of person and application, whether new (without TARGET), and what
    drives both default and the histories.

    careless makes payments late, stretched uses credit to the full, rebuffed is refused: three standard normals,
    correlated by about a quarter, seen only in the histories.
    """
    # evenly spread, so that every size has its share; later deliveries have nobody else
    is_new = f"floor((id + 1) * {figures.TEST_SHARE!r}D) > floor(id * {figures.TEST_SHARE!r}D)"
    people = spark.range(0, applicants, 1, partitions).selectExpr(
        f"{applicant_of(wave, seed)} AS applicant", f"{'true' if wave.number else is_new} AS is_test"
    )
    people = extend(
        people,
        {
            "SK_ID_CURR": f"applicant + {figures.FIRST_APPLICANT}",
            "identity": f"xxhash64(applicant, {int(seed)}L, {salt('applicant')})",
        },
    )
    applied = f"xxhash64(identity, {wave.number}, {salt('application')})" if wave.number else "identity"
    people = extend(people, {"application": applied})
    people = with_normals(people, *SEEN_PLAINLY, *SEEN_DIMLY)
    return extend(
        people,
        {
            "careless": "e_careless",
            "stretched": "0.25D * e_careless + 0.97D * e_stretched",
            "rebuffed": "0.25D * e_careless + 0.2D * e_stretched + 0.95D * e_rebuffed",
            **{trait: f"e_{trait}" for trait in SEEN_DIMLY},
            "has_bureau": f"{uniform('has_bureau')} >= {figures.WITHOUT_BUREAU}",
        },
    )


def applicant_of(wave: Wave, seed: int) -> str:
    """The number of the applicant in a row: a new one, or in some rows the one of that row in the delivery before.

    Who came back the last time does not come back the next time, so that nobody is twice in one delivery.
    """
    if not wave.number:
        return "id"

    def returns(number: int) -> str:
        drawn = f"pmod(xxhash64(id, {number}, {int(seed)}L, {salt('returns')}), 1000000) / 1000000D"
        return f"({drawn} < {RETURNING!r}D)" if number else "false"

    comes_back = f"{returns(wave.number)} AND NOT {returns(wave.number - 1)}"
    return f"CASE WHEN {comes_back} THEN id + {wave.last} ELSE id + {wave.before} END"


def describe(people: DataFrame, wave: Wave = ONLY) -> DataFrame:
    """The drivers with every application column's value (not yet as written), in stages that build on each other.

    identity becomes that of the application: somebody who comes back asks for another loan and is himself.
    """
    people = with_normals(people, *(name for name in (*RANKED, "EDUCATION") if name not in OF_THE_LOAN))
    people = with_uniforms(people, *(name for name in SHARED if name not in OF_THE_LOAN))
    people = people.withColumns({"identity": F.col("application")}).drop("application")
    people = with_normals(people, *(name for name in (*RANKED, "TERM") if name in OF_THE_LOAN))
    people = with_uniforms(people, *(name for name in SHARED if name in OF_THE_LOAN))
    full = [[*row, *(later[i] for later in CORRELATIONS[i + 1 :])] for i, row in enumerate(CORRELATIONS)]
    people = extend(people, correlated(RANKED, full))
    if wave.moved:
        fallen = {
            f"z_{name}": F.col(f"z_{name}") - F.lit(wave.moved) for name in RANKED if name.startswith("EXT_SOURCE")
        }
        people = people.withColumns(fallen)
    scores = {name: f"z_{name}" for name in RANKED} | {
        "EDUCATION": "(0.3D * z_AMT_INCOME_TOTAL + 0.2D * z_EXT_SOURCE_1 + 0.933D * e_EDUCATION)",
        "TERM": "(0.25D * z_AMT_INCOME_TOTAL - 0.78D * z_AMT_GOODS_PRICE + 0.71D * e_TERM)",
    }
    people = extend(people, {f"u_{name}": cumulative(score) for name, score in scores.items()})
    for stage in (WHO, WORK, LOAN, CIRCUMSTANCES):
        people = extend(people, stage)
    return people


def train_or_test(column: str, u: str) -> str:
    """A level by the labelled or the new applicants' shares."""
    return f"CASE WHEN is_test THEN {choice(u, TEST_LEVELS[column])} ELSE {choice(u, APPLICATION_LEVELS[column])} END"


def asked(figure: str, u: str) -> str:
    """A figure of the loan applied for, distributed as the labelled or as the new applicants' are."""
    return f"CASE WHEN is_test THEN {quantile(u, TEST_ASKED[figure])} ELSE {quantile(u, ASKED[figure])} END"


def without(shares: figures.Shares, *levels: str) -> figures.Shares:
    """The shares of the other levels."""
    return {level: share for level, share in shares.items() if level not in levels}


SHARED = (
    "GENDER", "CAR", "FAMILY", "PENSION", "INCOME_TYPE", "NO_OCCUPATION", "OCCUPATION", "CONTRACT", "RATIO", "ROUND",
    "INQUIRIES",
)  # fmt: skip
"""Draws that several columns or the risk depend on."""

OF_THE_LOAN = ("AMT_GOODS_PRICE", "TERM", "CONTRACT", "RATIO", "ROUND", "INQUIRIES")
"""Draws that are made anew for every application of a person."""

SINGLE = (
    "SUITE", "WORK_PHONE", "CONT_MOBILE", "EMAIL", "CITY_RATING", "WEEKDAY", "HOUR", "REGION_LIVE", "REGION_WORK",
    "EXT_1", "EXT_2", "EXT_3", "NO_CIRCLE", "HOUR_INQUIRY", "DAY_INQUIRY", "WEEK_INQUIRY", "NO_GOODS", "NO_ANNUITY",
)  # fmt: skip
"""Draws that are made last, so that few columns are carried along."""

LEANING = {
    "REALTY": {"unsettled": 0.3},
    "HOUSING": {"unsettled": 0.35},
    "PHONE": {"modest": 0.25},
    "ORGANIZATION": {"modest": 0.3},
    # few are registered elsewhere than they live, so that the draw falls with the trait
    "CITY_LIVE": {"unsettled": -0.4},
    "CITY_WORK": {"unsettled": -0.4},
    "OBSERVED": {"unsettled": 0.25},
    "DEFAULTS_30": {"unsettled": 0.4},
    "DEFAULTS_60": {"unsettled": -0.3},
    "DOCUMENT": {"unsettled": -0.3},
    "MONTH_INQUIRY": {"hurried": 0.35},
    "QUARTER_INQUIRY": {"hurried": 0.35},
    "HOUSE_EMPTY": {"modest": -0.3},
}
"""Draws that say a little of what an applicant is like, made last too."""

WHO = {
    "CODE_GENDER": "CASE WHEN u_GENDER < 0.00001 THEN 'XNA' WHEN u_GENDER < 0.34 THEN 'M' ELSE 'F' END",
    "days_birth": quantile("u_DAYS_BIRTH", APPLICATION["DAYS_BIRTH"]),
    "has_car": "u_CAR < CASE WHEN u_GENDER < 0.34 THEN 0.56 ELSE 0.225 END",
    "CNT_CHILDREN": f"CAST({choice('u_CNT_CHILDREN', APPLICATION_LEVELS['CNT_CHILDREN'] | {'4': 0.0013, '5': 0.0004})}"
    " AS BIGINT)",
    "NAME_FAMILY_STATUS": choice("u_FAMILY", APPLICATION_LEVELS["NAME_FAMILY_STATUS"]),
    "NAME_EDUCATION_TYPE": choice(
        "u_EDUCATION",
        {"Lower secondary": 0.0114, "Secondary / secondary special": 0.715, "Incomplete higher": 0.0326,
         "Higher education": 0.24, "Academic degree": 0.0005},
    ),
    "rating": choice("u_REGION_RATING_CLIENT", {"1": 0.1082, "2": 0.7368, "3": 0.155}),
}  # fmt: skip

WORK = {
    # in years, 18 % are past it
    "is_pensioner": "u_PENSION < 1 / (1 + exp((days_birth / 365.25D + 57.2D) / 2.2D))",
}

LOAN = {
    "NAME_INCOME_TYPE": "CASE WHEN is_pensioner THEN 'Pensioner' ELSE "
    + choice("u_INCOME_TYPE", without(APPLICATION_LEVELS["NAME_INCOME_TYPE"], "Pensioner") | {"Student": 0.0001})
    + " END",
    "OCCUPATION_TYPE": null_where(
        "is_pensioner OR u_NO_OCCUPATION < 0.157",
        choice("u_OCCUPATION", APPLICATION_LEVELS["OCCUPATION_TYPE"] | {
            "Waiters/barmen staff": 0.0044, "Realty agents": 0.0024, "HR staff": 0.0018, "IT staff": 0.0016}),
    ),
    "NAME_CONTRACT_TYPE": train_or_test("NAME_CONTRACT_TYPE", "u_CONTRACT"),
    "income": f"rint({quantile('u_AMT_INCOME_TOTAL', APPLICATION['AMT_INCOME_TOTAL'])} / 4500) * 4500",
    "asked": asked("goods", "u_AMT_GOODS_PRICE"),
    "has_inquiries": "CASE WHEN has_bureau THEN u_INQUIRIES >= 0.01 ELSE u_INQUIRIES < 0.1 END",
}  # fmt: skip

CIRCUMSTANCES = {
    "is_card": "NAME_CONTRACT_TYPE = 'Revolving loans'",
    "goods": "CASE WHEN NAME_CONTRACT_TYPE = 'Revolving loans'"
    " THEN greatest(rint(asked * 0.5D / 45000) * 45000, 135000)"
    " WHEN asked > 180000 AND u_ROUND < 0.6 THEN rint(asked / 22500) * 22500 ELSE rint(asked / 4500) * 4500 END",
    "credit_to_goods": "CASE WHEN NAME_CONTRACT_TYPE = 'Revolving loans' THEN 1D ELSE "
    + asked("credit to goods", "u_RATIO")
    + " END",
    "annuity_to_credit": "CASE WHEN NAME_CONTRACT_TYPE = 'Revolving loans' THEN 0.05D ELSE "
    + asked("annuity to credit", "u_TERM")
    + " END",
}


def application_columns() -> dict[str, str]:
    """application_test's columns in Kaggle's order, each as it is written."""
    levels = APPLICATION_LEVELS
    pensioner_days = f"CASE WHEN is_pensioner THEN {NEVER} ELSE "

    def flag(condition: str) -> str:
        return whole(f"({condition})")

    def inquiries(column: str, u: str) -> str:
        sql = choice(u, levels[column])
        if column in TEST_LEVELS:
            sql = train_or_test(column, u)
        return null_where("NOT has_inquiries", f"CAST({sql} AS DOUBLE)")

    columns = {
        "SK_ID_CURR": "SK_ID_CURR",
        "NAME_CONTRACT_TYPE": "NAME_CONTRACT_TYPE",
        "CODE_GENDER": "CODE_GENDER",
        "FLAG_OWN_CAR": "CASE WHEN has_car THEN 'Y' ELSE 'N' END",
        "FLAG_OWN_REALTY": "CASE WHEN u_REALTY < 0.7 THEN 'Y' ELSE 'N' END",
        "CNT_CHILDREN": "CNT_CHILDREN",
        "AMT_INCOME_TOTAL": "income",
        "AMT_CREDIT": "rint(goods * credit_to_goods / 4.5D) * 4.5D",
        "AMT_ANNUITY": null_where(
            "is_test AND u_NO_ANNUITY < 0.0005", "rint(goods * credit_to_goods * annuity_to_credit / 4.5D) * 4.5D"
        ),
        "AMT_GOODS_PRICE": null_where("is_card AND u_NO_GOODS < 0.0095", "goods"),
        "NAME_TYPE_SUITE": null_where(
            "u_SUITE < CASE WHEN is_test THEN 0.0178 ELSE 0.004 END",
            choice("u_SUITE", {"Group of people": 0.005, "Other_A": 0.003} | levels["NAME_TYPE_SUITE"]),
        ),
        "NAME_INCOME_TYPE": "NAME_INCOME_TYPE",
        "NAME_EDUCATION_TYPE": "NAME_EDUCATION_TYPE",
        "NAME_FAMILY_STATUS": "NAME_FAMILY_STATUS",
        "NAME_HOUSING_TYPE": choice("u_HOUSING", levels["NAME_HOUSING_TYPE"]),
        "REGION_POPULATION_RELATIVE": f"rint({quantile('u_district', APPLICATION['REGION_POPULATION_RELATIVE'])}"
        " * 1000000) / 1000000",
        "DAYS_BIRTH": whole("days_birth"),
        "DAYS_EMPLOYED": whole(
            pensioner_days
            + f"least(greatest({quantile('u_DAYS_EMPLOYED', APPLICATION['DAYS_EMPLOYED'])}, days_birth + 6000D), -1D)"
            " END"
        ),
        "DAYS_REGISTRATION": whole_as_real(
            f"greatest({quantile('u_DAYS_REGISTRATION', APPLICATION['DAYS_REGISTRATION'])}, days_birth)"
        ),
        "DAYS_ID_PUBLISH": whole(
            f"greatest({quantile('u_DAYS_ID_PUBLISH', APPLICATION['DAYS_ID_PUBLISH'])}, days_birth + 5100D)"
        ),
        "OWN_CAR_AGE": null_where(
            "NOT has_car", whole_as_real(quantile("u_OWN_CAR_AGE", APPLICATION["OWN_CAR_AGE"]) + " + 0.4D")
        ),
        "FLAG_MOBIL": "1",
        "FLAG_EMP_PHONE": flag("NOT is_pensioner"),
        "FLAG_WORK_PHONE": flag("u_WORK_PHONE < 0.243 AND (NOT is_pensioner OR u_WORK_PHONE < 0.01)"),
        "FLAG_CONT_MOBILE": flag("u_CONT_MOBILE < 0.998"),
        "FLAG_PHONE": flag("u_PHONE < 0.28"),
        "FLAG_EMAIL": flag("u_EMAIL < CASE WHEN is_test THEN 0.154 ELSE 0.0556 END"),
        "OCCUPATION_TYPE": "OCCUPATION_TYPE",
        "CNT_FAM_MEMBERS": "CAST(CNT_CHILDREN + CASE WHEN NAME_FAMILY_STATUS IN ('Married', 'Civil marriage')"
        " THEN 2 ELSE 1 END AS DOUBLE)",
        "REGION_RATING_CLIENT": whole("rating"),
        "REGION_RATING_CLIENT_W_CITY": whole(
            "CASE WHEN rating = '3' AND u_CITY_RATING < 0.1 THEN '2'"
            " WHEN rating = '2' AND u_CITY_RATING < 0.012 THEN '1' ELSE rating END"
        ),
        "WEEKDAY_APPR_PROCESS_START": choice("u_WEEKDAY", levels["WEEKDAY_APPR_PROCESS_START"]),
        "HOUR_APPR_PROCESS_START": whole(choice("u_HOUR", levels["HOUR_APPR_PROCESS_START"])),
        "REG_REGION_NOT_LIVE_REGION": flag("u_REGION_LIVE < 0.019"),
        "REG_REGION_NOT_WORK_REGION": flag("u_REGION_WORK < CASE WHEN u_REGION_LIVE < 0.019 THEN 0.83 ELSE 0.0353 END"),
        "LIVE_REGION_NOT_WORK_REGION": flag(
            "(u_REGION_LIVE < 0.019) != (u_REGION_WORK < CASE WHEN u_REGION_LIVE < 0.019 THEN 0.83 ELSE 0.0353 END)"
        ),
        "REG_CITY_NOT_LIVE_CITY": flag("u_CITY_LIVE < 0.0856"),
        "REG_CITY_NOT_WORK_CITY": flag("u_CITY_WORK < CASE WHEN u_CITY_LIVE < 0.0856 THEN 0.85 ELSE 0.18 END"),
        "LIVE_CITY_NOT_WORK_CITY": flag(
            "(u_CITY_LIVE < 0.0856) != (u_CITY_WORK < CASE WHEN u_CITY_LIVE < 0.0856 THEN 0.85 ELSE 0.18 END)"
        ),
        "ORGANIZATION_TYPE": "CASE WHEN is_pensioner THEN 'XNA' ELSE "
        + choice("u_ORGANIZATION", without(levels["ORGANIZATION_TYPE"], "XNA"))
        + " END",
        "EXT_SOURCE_1": null_where(
            "u_EXT_1 < CASE WHEN is_test THEN 0.4324 ELSE 0.5654 END",
            quantile("u_EXT_SOURCE_1", APPLICATION["EXT_SOURCE_1"]),
        ),
        "EXT_SOURCE_2": null_where(
            "NOT is_test AND u_EXT_2 < 0.0032", quantile("u_EXT_SOURCE_2", APPLICATION["EXT_SOURCE_2"])
        ),
        "EXT_SOURCE_3": null_where(
            "NOT has_inquiries OR u_EXT_3 < CASE WHEN is_test THEN 0.061 ELSE 0.069 END",
            quantile("u_EXT_SOURCE_3", APPLICATION["EXT_SOURCE_3"]),
        ),
    }
    for suffix in ("AVG", "MODE", "MEDI"):
        for name, column in ((n.removesuffix(f"_{suffix}"), n) for n in figures.HOUSING if n.endswith(suffix)):
            if name != "TOTALAREA":
                columns[column] = measure(name, column)
    for column in ("FONDKAPREMONT_MODE", "HOUSETYPE_MODE"):
        name = column.removesuffix("_MODE")
        columns[column] = housing(name, choice(f"u_{name}", levels[column]))
    columns["TOTALAREA_MODE"] = measure("TOTALAREA", "TOTALAREA_MODE")
    for column in ("WALLSMATERIAL_MODE", "EMERGENCYSTATE_MODE"):
        name = column.removesuffix("_MODE")
        columns[column] = housing(name, choice(f"u_{name}", levels[column]))
    no_circle = "u_NO_CIRCLE < 0.0046"
    defaulted = "least(observed, CASE WHEN u_DEFAULTS_30 < 0.76 THEN 0D WHEN u_DEFAULTS_30 < 0.95 THEN 1D ELSE 2D END)"
    columns |= {
        "OBS_30_CNT_SOCIAL_CIRCLE": null_where(no_circle, "observed"),
        "DEF_30_CNT_SOCIAL_CIRCLE": null_where(no_circle, defaulted),
        "OBS_60_CNT_SOCIAL_CIRCLE": null_where(no_circle, "observed"),
        "DEF_60_CNT_SOCIAL_CIRCLE": null_where(
            no_circle, f"greatest({defaulted} - CASE WHEN u_DEFAULTS_60 < 0.7 THEN 0D ELSE 1D END, 0D)"
        ),
        "DAYS_LAST_PHONE_CHANGE": whole_as_real(
            f"least({quantile('u_DAYS_LAST_PHONE_CHANGE', APPLICATION['DAYS_LAST_PHONE_CHANGE'])}, 0D)"
        ),
    }
    columns |= {f"FLAG_DOCUMENT_{k}": flag(f"document = '{k}'") for k in range(2, 22)}
    return columns | {
        "AMT_REQ_CREDIT_BUREAU_HOUR": inquiries("AMT_REQ_CREDIT_BUREAU_HOUR", "u_HOUR_INQUIRY"),
        "AMT_REQ_CREDIT_BUREAU_DAY": inquiries("AMT_REQ_CREDIT_BUREAU_DAY", "u_DAY_INQUIRY"),
        "AMT_REQ_CREDIT_BUREAU_WEEK": inquiries("AMT_REQ_CREDIT_BUREAU_WEEK", "u_WEEK_INQUIRY"),
        "AMT_REQ_CREDIT_BUREAU_MON": inquiries("AMT_REQ_CREDIT_BUREAU_MON", "u_MONTH_INQUIRY"),
        "AMT_REQ_CREDIT_BUREAU_QRT": inquiries("AMT_REQ_CREDIT_BUREAU_QRT", "u_QUARTER_INQUIRY"),
        "AMT_REQ_CREDIT_BUREAU_YEAR": inquiries("AMT_REQ_CREDIT_BUREAU_YEAR", "u_AMT_REQ_CREDIT_BUREAU_YEAR"),
    }


def housing(name: str, sql: str) -> str:
    """A column on the building: who leaves one empty leaves those empty that are empty more often."""
    return null_where(f"u_HOUSE_EMPTY < {figures.HOUSING_EMPTY[name]}", sql)


def measure(name: str, column: str) -> str:
    """A measure of the building, on its grid where it is a count."""
    value = quantile(f"u_{name}", figures.HOUSING[column])
    step = figures.HOUSING_STEPS.get(name)
    return housing(name, ratio(f"rint({value} / {step!r}D) * {step!r}D" if step else value))


def applications(people: DataFrame) -> DataFrame:
    """application_train's columns of all applicants, and is_test.

    Args:
        people: `describe`d applicants with TARGET.
    """
    areas = [name for name in figures.HOUSING_EMPTY if f"{name}_AVG" in figures.HOUSING or name == "TOTALAREA"]
    kinds = [name for name in figures.HOUSING_EMPTY if name not in areas]
    people = extend(
        people,
        {f"u_{name}": uniform(name) for name in (*kinds, *SINGLE)}
        | {f"e_{name}": normal(name) for name in (*areas, "HOUSE")},
    )
    people = with_leanings(people, LEANING)
    # one size of the building behind its many measures
    sizes = {f"u_{name}": cumulative(f"(0.7D * e_HOUSE - 0.25D * modest + 0.67D * e_{name})") for name in areas}
    people = extend(
        people,
        sizes
        | {
            "u_district": "(floor(u_REGION_POPULATION_RELATIVE * 80) + 0.5D) / 80",
            "observed": f"CAST({choice('u_OBSERVED', APPLICATION_LEVELS['OBS_30_CNT_SOCIAL_CIRCLE'])} AS DOUBLE)",
            "document": choice("u_DOCUMENT", figures.DOCUMENTS | {"none": 1 - sum(figures.DOCUMENTS.values())}),
        },
    )
    key, *others = (f"{sql} AS {name}" for name, sql in application_columns().items())
    return people.selectExpr(key, "TARGET", *others, "is_test")
