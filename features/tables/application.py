"""The application itself: its contract, what is derived from it, and the features that need no history."""

from collections.abc import Iterable
from itertools import combinations

from features.bounds import FAR_AHEAD, LARGEST_IDENTIFIER, LONG_AGO, MOST_COUNTED, MOST_MONEY
from features.spec import (
    WEIGHT,
    Code,
    Column,
    Declared,
    Derivation,
    Derived,
    Encoded,
    Expected,
    GroupDeviation,
    Table,
    Type,
    falling,
)

YES_OR_NO = ("Y", "N")
ONE_OR_ZERO = ("1", "0")
EDUCATIONS = (
    "Lower secondary",
    "Secondary / secondary special",
    "Incomplete higher",
    "Higher education",
    "Academic degree",
)


def flag(name: str, about: str) -> Column:
    """A column of ones and zeros."""
    return Column(name, Type.WHOLE, about, codes=ONE_OR_ZERO)


def count(name: str, about: str) -> Column:
    """A count, which Kaggle writes with a decimal point (``2.0``)."""
    return Column(name, Type.REAL, about, low=0, high=MOST_COUNTED)


HOUSING_MEASURES = {
    "APARTMENTS": "size of the flats",
    "BASEMENTAREA": "basement area",
    "YEARS_BEGINEXPLUATATION": "years in use",
    "YEARS_BUILD": "age of the building",
    "COMMONAREA": "common area",
    "ELEVATORS": "lifts",
    "ENTRANCES": "entrances",
    "FLOORSMAX": "highest number of floors",
    "FLOORSMIN": "lowest number of floors",
    "LANDAREA": "land area",
    "LIVINGAPARTMENTS": "size of the inhabited flats",
    "LIVINGAREA": "living area",
    "NONLIVINGAPARTMENTS": "size of the flats nobody lives in",
    "NONLIVINGAREA": "area nobody lives in",
}
HOUSING_STATISTICS = {"AVG": "mean", "MODE": "mode", "MEDI": "median"}
DOCUMENTS = tuple(f"FLAG_DOCUMENT_{number}" for number in range(2, 22))
ENQUIRIES = {
    "HOUR": "the hour",
    "DAY": "the day, without the last hour",
    "WEEK": "the week, without the last day",
    "MON": "the month, without the last week",
    "QRT": "the quarter, without the last month",
    "YEAR": "the year, without the last quarter",
}

PERSON = (
    Column("SK_ID_CURR", Type.ID, "The applicant.", required=True, low=1, high=LARGEST_IDENTIFIER),
    Column(
        "TARGET",
        Type.WHOLE,
        "1 where the applicant later had difficulties to pay; new applicants have none.",
        codes=ONE_OR_ZERO,
        absent_from=("application_test",),
    ),
    Column(
        "NAME_CONTRACT_TYPE",
        Type.TEXT,
        "Whether a cash or a revolving loan is asked for.",
        required=True,
        codes=("Cash loans", "Revolving loans"),
    ),
    Column("CODE_GENDER", Type.TEXT, "Gender.", levels=("F", "M", "XNA"), protected=True),
    Column("FLAG_OWN_CAR", Type.TEXT, "Owns a car.", codes=YES_OR_NO),
    Column("FLAG_OWN_REALTY", Type.TEXT, "Owns a house or a flat.", codes=YES_OR_NO),
    Column("CNT_CHILDREN", Type.WHOLE, "Number of children.", low=0, high=MOST_COUNTED),
    Column(
        "AMT_INCOME_TOTAL",
        Type.AMOUNT,
        "Income; the payments that people take on suggest that it is a month's.",
        required=True,
        low=0,
        high=MOST_MONEY,
    ),
    Column("AMT_CREDIT", Type.AMOUNT, "Amount of the loan.", required=True, low=0, high=MOST_MONEY),
    Column("AMT_ANNUITY", Type.AMOUNT, "Payment due each period.", low=0, high=MOST_MONEY),
    Column("AMT_GOODS_PRICE", Type.AMOUNT, "Price of the goods the loan is for.", low=0, high=MOST_MONEY),
    Column(
        "NAME_TYPE_SUITE",
        Type.TEXT,
        "Who came along to apply.",
        levels=("Unaccompanied", "Family", "Spouse, partner", "Children", "Other_A", "Other_B", "Group of people"),
    ),
    Column(
        "NAME_INCOME_TYPE",
        Type.TEXT,
        "Where the income comes from.",
        levels=(
            "Working",
            "Commercial associate",
            "Pensioner",
            "State servant",
            "Unemployed",
            "Student",
            "Businessman",
            "Maternity leave",
        ),
    ),
    Column(
        "NAME_EDUCATION_TYPE",
        Type.TEXT,
        "Highest education.",
        levels=EDUCATIONS,
    ),
    Column(
        "NAME_FAMILY_STATUS",
        Type.TEXT,
        "Family status.",
        levels=("Married", "Single / not married", "Civil marriage", "Separated", "Widow", "Unknown"),
        protected=True,
    ),
    Column(
        "NAME_HOUSING_TYPE",
        Type.TEXT,
        "How the applicant lives.",
        levels=(
            "House / apartment",
            "With parents",
            "Municipal apartment",
            "Rented apartment",
            "Office apartment",
            "Co-op apartment",
        ),
    ),
    Column("REGION_POPULATION_RELATIVE", Type.REAL, "Population of the home region, scaled.", low=0, high=1),
    Column("DAYS_BIRTH", Type.WHOLE, "Day of birth, against the application.", required=True, low=LONG_AGO, high=0),
    Column(
        "DAYS_EMPLOYED",
        Type.WHOLE,
        "Day the present job began, against the application; 365243 where there is none.",
        low=LONG_AGO,
        high=FAR_AHEAD,
    ),
    Column(
        "DAYS_REGISTRATION",
        Type.REAL,
        "Day the registration was last changed, against the application.",
        low=LONG_AGO,
        high=0,
    ),
    Column(
        "DAYS_ID_PUBLISH",
        Type.WHOLE,
        "Day the identity document was issued, against the application.",
        low=LONG_AGO,
        high=0,
    ),
    Column("OWN_CAR_AGE", Type.REAL, "Age of the car in years.", low=0, high=MOST_COUNTED),
    flag("FLAG_MOBIL", "Gave a mobile phone."),
    flag("FLAG_EMP_PHONE", "Gave an employer's phone."),
    flag("FLAG_WORK_PHONE", "Gave a phone at work."),
    flag("FLAG_CONT_MOBILE", "The mobile phone could be reached."),
    flag("FLAG_PHONE", "Gave a phone at home."),
    flag("FLAG_EMAIL", "Gave an e-mail address."),
    Column(
        "OCCUPATION_TYPE",
        Type.TEXT,
        "Occupation.",
        levels=(
            "Accountants",
            "Cleaning staff",
            "Cooking staff",
            "Core staff",
            "Drivers",
            "HR staff",
            "High skill tech staff",
            "IT staff",
            "Laborers",
            "Low-skill Laborers",
            "Managers",
            "Medicine staff",
            "Private service staff",
            "Realty agents",
            "Sales staff",
            "Secretaries",
            "Security staff",
            "Waiters/barmen staff",
        ),
    ),
    count("CNT_FAM_MEMBERS", "Number of family members."),
    Column(
        "REGION_RATING_CLIENT", Type.WHOLE, "Own rating of the home region: 1, 2 or 3, the weakest.", low=-1, high=10
    ),
    Column(
        "REGION_RATING_CLIENT_W_CITY",
        Type.WHOLE,
        "Own rating of the home region and city; -1 where unknown.",
        low=-1,
        high=10,
    ),
)

APPLICATION_DAY = (
    Column(
        "WEEKDAY_APPR_PROCESS_START",
        Type.TEXT,
        "Weekday of the application.",
        levels=("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"),
    ),
    Column("HOUR_APPR_PROCESS_START", Type.WHOLE, "Hour of the application.", low=0, high=23),
    flag("REG_REGION_NOT_LIVE_REGION", "Permanent and contact address are in different regions."),
    flag("REG_REGION_NOT_WORK_REGION", "Permanent and work address are in different regions."),
    flag("LIVE_REGION_NOT_WORK_REGION", "Contact and work address are in different regions."),
    flag("REG_CITY_NOT_LIVE_CITY", "Permanent and contact address are in different cities."),
    flag("REG_CITY_NOT_WORK_CITY", "Permanent and work address are in different cities."),
    flag("LIVE_CITY_NOT_WORK_CITY", "Contact and work address are in different cities."),
    Column(
        "ORGANIZATION_TYPE",
        Type.TEXT,
        "Kind of employer; XNA where there is none.",
        levels=(
            "Advertising",
            "Agriculture",
            "Bank",
            *(f"Business Entity Type {number}" for number in range(1, 4)),
            "Cleaning",
            "Construction",
            "Culture",
            "Electricity",
            "Emergency",
            "Government",
            "Hotel",
            "Housing",
            *(f"Industry: type {number}" for number in range(1, 14)),
            "Insurance",
            "Kindergarten",
            "Legal Services",
            "Medicine",
            "Military",
            "Mobile",
            "Other",
            "Police",
            "Postal",
            "Realtor",
            "Religion",
            "Restaurant",
            "School",
            "Security",
            "Security Ministries",
            "Self-employed",
            "Services",
            "Telecom",
            *(f"Trade: type {number}" for number in range(1, 8)),
            *(f"Transport: type {number}" for number in range(1, 5)),
            "University",
            "XNA",
        ),
    ),
)

SCORES = tuple(
    Column(f"EXT_SOURCE_{number}", Type.REAL, f"External credit score {number}, high is good.", low=0, high=1)
    for number in (1, 2, 3)
)

HOUSING = (
    *(
        Column(f"{measure}_{suffix}", Type.REAL, f"Home: {about}, {statistic} of the building, scaled.", low=0, high=1)
        for suffix, statistic in HOUSING_STATISTICS.items()
        for measure, about in HOUSING_MEASURES.items()
    ),
    Column(
        "FONDKAPREMONT_MODE",
        Type.TEXT,
        "Home: which fund pays for repairs.",
        levels=("reg oper account", "reg oper spec account", "org spec account", "not specified"),
    ),
    Column(
        "HOUSETYPE_MODE",
        Type.TEXT,
        "Home: kind of house.",
        levels=("block of flats", "terraced house", "specific housing"),
    ),
    Column("TOTALAREA_MODE", Type.REAL, "Home: total area, mode of the building, scaled.", low=0, high=1),
    Column(
        "WALLSMATERIAL_MODE",
        Type.TEXT,
        "Home: what the walls are made of.",
        levels=("Panel", "Stone, brick", "Block", "Wooden", "Mixed", "Monolithic", "Others"),
    ),
    Column("EMERGENCYSTATE_MODE", Type.TEXT, "Home: declared unsafe.", levels=("No", "Yes")),
)

SURROUNDINGS = (
    count("OBS_30_CNT_SOCIAL_CIRCLE", "People around the applicant who could be seen to default by 30 days."),
    count("DEF_30_CNT_SOCIAL_CIRCLE", "People around the applicant who defaulted by 30 days."),
    count("OBS_60_CNT_SOCIAL_CIRCLE", "People around the applicant who could be seen to default by 60 days."),
    count("DEF_60_CNT_SOCIAL_CIRCLE", "People around the applicant who defaulted by 60 days."),
    Column(
        "DAYS_LAST_PHONE_CHANGE",
        Type.REAL,
        "Day the phone was last changed, against the application.",
        low=LONG_AGO,
        high=0,
    ),
    *(flag(document, f"Handed in document {document.removeprefix('FLAG_DOCUMENT_')}.") for document in DOCUMENTS),
    *(
        count(f"AMT_REQ_CREDIT_BUREAU_{span}", f"Enquiries at the credit bureau in {about} before the application.")
        for span, about in ENQUIRIES.items()
    ),
)

LENDERS_OWN = (
    Column(
        WEIGHT,
        Type.REAL,
        "How many applicants a labelled one stands for, where the lender has drawn or inferred them.",
        low=0,
        high=MOST_COUNTED,
        absent_from=("application_test",),
        optional=True,
    ),
)
COLUMNS = (*PERSON, *APPLICATION_DAY, *SCORES, *HOUSING, *SURROUNDINGS, *LENDERS_OWN)
ABOUT = {column.name: column.about for column in COLUMNS}

EXT = ("EXT_SOURCE_1", "EXT_SOURCE_2", "EXT_SOURCE_3")
TERMS = tuple(range(6, 61, 6))


def number_known(names: Iterable[str]) -> str:
    """SQL of how many of the columns are not null."""
    return " + ".join(f"cast({name} is not null as int)" for name in names)


def known_sum(names: Iterable[str]) -> str:
    """SQL of the sum of the columns that are not null."""
    return " + ".join(f"coalesce({name}, 0)" for name in names)


def yearly_rate(months: int) -> str:
    """SQL of the yearly rate at which the loan is repaid in so many months; null below 8.5 %.

    The growth ANNUITY * n / CREDIT over n months, a year of it: a rate that no lender offers rules the term out.
    """
    rate = f"power(AMT_ANNUITY * {months} / nullif(AMT_CREDIT, 0), 12e0 / {months}) - 1"
    return f"case when {rate} >= 0.085e0 then {rate} end"


DERIVATIONS = (
    *(
        Derivation(column.name, f"cast({column.name} as double)", column.about)
        for column in COLUMNS
        if column.type is Type.AMOUNT
    ),
    Derivation(
        "DAYS_EMPLOYED", "nullif(DAYS_EMPLOYED, 365243)", "Day the present job began; null where there is none."
    ),
    Derivation("ORGANIZATION_TYPE", "nullif(ORGANIZATION_TYPE, 'XNA')", "Kind of employer; null where there is none."),
    Derivation(
        "DAYS_LAST_PHONE_CHANGE",
        "nullif(DAYS_LAST_PHONE_CHANGE, 0)",
        "Day the phone was last changed; 0 stands for unknown and is null.",
    ),
    Derivation(
        "REGION_RATING_CLIENT_W_CITY",
        "case when REGION_RATING_CLIENT_W_CITY > 0 then REGION_RATING_CLIENT_W_CITY end",
        "Own rating of the home region and city.",
    ),
    Derivation("FLAG_OWN_CAR", "FLAG_OWN_CAR = 'Y'", "Owns a car."),
    Derivation("FLAG_OWN_REALTY", "FLAG_OWN_REALTY = 'Y'", "Owns a house or a flat."),
    Derivation(
        "REGION",
        "cast(cast(round(REGION_POPULATION_RELATIVE * 1000000) as bigint) as string)",
        "The home region: its population, to six places, tells it apart.",
    ),
    Derivation("EXT_KNOWN", number_known(EXT), "How many of the external scores are known."),
    Derivation("EXT_MEAN", f"({known_sum(EXT)}) / nullif(EXT_KNOWN, 0)", "Mean of the known external scores."),
    *(
        Derivation(f"RATE_{months}", yearly_rate(months), f"Yearly rate if the term is {months} months.")
        for months in TERMS
    ),
)


CREDIT_TO_ANNUITY_LEVEL = (
    "concat(NAME_CONTRACT_TYPE, ' ', cast(cast(round(AMT_CREDIT / nullif(AMT_ANNUITY, 0)) as bigint) as string))"
)


def as_delivered(family: str, *names: str) -> tuple[Derived, ...]:
    """Columns that are features as they are (after the derivations), in their own words."""
    return tuple(Derived(name, name, family, ABOUT[name]) for name in names)


EXTERNAL_SCORES = (
    *falling(
        *as_delivered("external scores", *EXT),
        Derived("EXT_MEAN", "EXT_MEAN", "external scores", "Mean of the known external scores."),
        Derived("EXT_MIN", "least(EXT_SOURCE_1, EXT_SOURCE_2, EXT_SOURCE_3)", "external scores", "Lowest known score."),
        Derived(
            "EXT_MAX", "greatest(EXT_SOURCE_1, EXT_SOURCE_2, EXT_SOURCE_3)", "external scores", "Highest known score."
        ),
    ),
    Derived("EXT_SPREAD", "EXT_MAX - EXT_MIN", "external scores", "Highest less lowest known score."),
    Derived(
        "EXT_STD",
        f"sqrt(({known_sum(f'power({name} - EXT_MEAN, 2)' for name in EXT)}) / nullif(greatest(EXT_KNOWN - 1, 0), 0))",
        "external scores",
        "Standard deviation of the known scores.",
    ),
    *falling(
        Derived(
            "EXT_PRODUCT", "EXT_SOURCE_1 * EXT_SOURCE_2 * EXT_SOURCE_3", "external scores", "Product of the scores."
        ),
        Derived(
            "EXT_WEIGHTED",
            "(2 * coalesce(EXT_SOURCE_1, 0) + coalesce(EXT_SOURCE_2, 0) + 3 * coalesce(EXT_SOURCE_3, 0))"
            " / nullif(2 * cast(EXT_SOURCE_1 is not null as int) + cast(EXT_SOURCE_2 is not null as int)"
            " + 3 * cast(EXT_SOURCE_3 is not null as int), 0)",
            "external scores",
            "Mean of the known scores, weighted 2 : 1 : 3.",
        ),
    ),
    *(
        Derived(f"{one}_LESS_{other[-1]}", f"{one} - {other}", "external scores", f"Score {one[-1]} less {other[-1]}.")
        for one, other in combinations(EXT, 2)
    ),
    *(
        Derived(
            f"{one}_TIMES_{other[-1]}", f"sqrt({one} * {other})", "external scores", "Geometric mean of the two scores."
        )
        for one, other in combinations(EXT, 2)
    ),
    *(Derived(f"{name}_MISSING", f"{name} is null", "external scores", "The score is not known.") for name in EXT),
    Derived("EXT_KNOWN", "EXT_KNOWN", "external scores", "How many of the external scores are known."),
)

LOAN = (
    *as_delivered("loan size", "AMT_CREDIT", "AMT_ANNUITY", "AMT_GOODS_PRICE"),
    Derived("IS_REVOLVING", "NAME_CONTRACT_TYPE = 'Revolving loans'", "loan size", "A revolving loan is asked for."),
    Derived("CREDIT_TERM", "AMT_ANNUITY / nullif(AMT_CREDIT, 0)", "loan size", "Share of the loan due each period."),
    Derived("CREDIT_TO_GOODS", "AMT_CREDIT / nullif(AMT_GOODS_PRICE, 0)", "loan size", "Loan for each unit of goods."),
    Derived(
        "CREDIT_LESS_GOODS", "AMT_CREDIT - AMT_GOODS_PRICE", "loan size", "Loan beyond the goods: insurance, fees."
    ),
    Derived(
        "ANNUITY_TO_GOODS", "AMT_ANNUITY / nullif(AMT_GOODS_PRICE, 0)", "loan size", "Payment over the goods' price."
    ),
    Derived(
        "RATE_LOWEST", f"least({', '.join(f'RATE_{n}' for n in TERMS)})", "loan size", "Lowest possible yearly rate."
    ),
    Derived(
        "RATE_MEAN",
        f"({known_sum(f'RATE_{n}' for n in TERMS)}) / nullif({number_known(f'RATE_{n}' for n in TERMS)}, 0)",
        "loan size",
        "Mean of the possible yearly rates over terms of 6 to 60 months.",
    ),
    Derived(
        "TERM_SHORTEST",
        f"least({', '.join(f'case when RATE_{n} is not null then {n} end' for n in TERMS)})",
        "loan size",
        "Shortest term, in months, at which the rate is possible.",
    ),
)

# What such a payment for such a credit meant before: the field predicts the term with a model, but nearly all that it
# knows is the loan over its payment.
EXPECTED = (
    Expected(
        "EXPECTED_TERM",
        table="previous_application",
        value="CNT_PAYMENT",
        where="NAME_CONTRACT_STATUS = 'Approved'",
        group=CREDIT_TO_ANNUITY_LEVEL,
        like=CREDIT_TO_ANNUITY_LEVEL,
        family="loan size",
        about="Usual term, in months, of loans granted before that are paid back as fast.",
    ),
    Derived(
        "EXPECTED_INTEREST",
        "AMT_ANNUITY * EXPECTED_TERM / nullif(AMT_CREDIT, 0) - 1",
        "loan size",
        "What is paid on top of the loan in the expected term, over the loan.",
    ),
    Derived(
        "EXPECTED_RATE",
        "24 * EXPECTED_INTEREST / (EXPECTED_TERM + 1)",
        "loan size",
        "Yearly interest rate in the expected term, roughly.",
    ),
)

AFFORDABILITY = (
    *as_delivered("affordability", "AMT_INCOME_TOTAL", "CNT_CHILDREN", "CNT_FAM_MEMBERS"),
    Derived("CREDIT_INCOME_PERCENT", "AMT_CREDIT / nullif(AMT_INCOME_TOTAL, 0)", "affordability", "Loan over income."),
    Derived(
        "ANNUITY_INCOME_PERCENT",
        "AMT_ANNUITY / nullif(AMT_INCOME_TOTAL, 0)",
        "affordability",
        "Payment of a period over income.",
    ),
    Derived("GOODS_TO_INCOME", "AMT_GOODS_PRICE / nullif(AMT_INCOME_TOTAL, 0)", "affordability", "Goods over income."),
    Derived("INCOME_LEFT", "AMT_INCOME_TOTAL - AMT_ANNUITY", "affordability", "Income less one payment."),
    Derived(
        "INCOME_LEFT_PER_PERSON", "INCOME_LEFT / nullif(CNT_FAM_MEMBERS, 0)", "affordability", "The same for each head."
    ),
    Derived(
        "INCOME_PER_PERSON",
        "AMT_INCOME_TOTAL / nullif(CNT_FAM_MEMBERS, 0)",
        "affordability",
        "Income for each member of the family.",
    ),
    Derived("INCOME_PER_CHILD", "AMT_INCOME_TOTAL / (1 + CNT_CHILDREN)", "affordability", "Income over 1 + children."),
    Derived(
        "CREDIT_PER_PERSON", "AMT_CREDIT / nullif(CNT_FAM_MEMBERS, 0)", "affordability", "Loan for each family member."
    ),
    Derived(
        "ANNUITY_PER_PERSON", "AMT_ANNUITY / nullif(CNT_FAM_MEMBERS, 0)", "affordability", "Payment for each member."
    ),
    Derived(
        "CHILDREN_SHARE", "CNT_CHILDREN / nullif(CNT_FAM_MEMBERS, 0)", "affordability", "Children among the family."
    ),
)

MOMENTS = {
    "DAYS_BIRTH": "birth",
    "DAYS_EMPLOYED": "the start of the job",
    "DAYS_REGISTRATION": "the change of registration",
    "DAYS_ID_PUBLISH": "the issue of the identity document",
    "DAYS_LAST_PHONE_CHANGE": "the change of phone",
}


def family_of(*moments: str) -> str:
    """The reason family of what is made of these moments."""
    if "DAYS_BIRTH" in moments:
        return "age"
    return "employment" if "DAYS_EMPLOYED" in moments else "stability"


AGES = (
    *(Derived(name, name, family_of(name), ABOUT[name]) for name in MOMENTS),
    Derived(
        "DAYS_EMPLOYED_PERCENT",
        "DAYS_EMPLOYED / nullif(DAYS_BIRTH, 0)",
        "employment",
        "Share of life spent in the present job.",
    ),
    *(
        Derived(
            f"{second.removeprefix('DAYS_')}_AFTER_{first.removeprefix('DAYS_')}",
            f"{second} - {first}",
            family_of(first, second),
            f"Days from {MOMENTS[first]} to {MOMENTS[second]}.",
        )
        for first, second in combinations(MOMENTS, 2)
    ),
    *(
        Derived(
            f"{second.removeprefix('DAYS_')}_SHARE_OF_{first.removeprefix('DAYS_')}",
            f"{second} / nullif({first}, 0)",
            family_of(first, second),
            f"Time since {MOMENTS[second]} over time since {MOMENTS[first]}.",
        )
        for first, second in combinations(MOMENTS, 2)
        if (first, second) != ("DAYS_BIRTH", "DAYS_EMPLOYED")  # DAYS_EMPLOYED_PERCENT
    ),
    Derived("NO_JOB", "DAYS_EMPLOYED is null", "employment", "No present job: a pensioner, or unemployed."),
    Derived("NO_PHONE_CHANGE", "DAYS_LAST_PHONE_CHANGE is null", "stability", "Day of the phone's change unknown."),
    Derived(
        "INCOME_PER_DAY_EMPLOYED",
        "AMT_INCOME_TOTAL / -nullif(DAYS_EMPLOYED, 0)",
        "employment",
        "Income for each day in the job.",
    ),
    Derived("INCOME_PER_DAY_OF_AGE", "AMT_INCOME_TOTAL / -nullif(DAYS_BIRTH, 0)", "affordability", "Income over age."),
    Derived("CREDIT_PER_DAY_OF_AGE", "AMT_CREDIT / -nullif(DAYS_BIRTH, 0)", "loan size", "Loan over age."),
    Derived(
        "AGE_AT_PAYOFF",
        "-DAYS_BIRTH / 365.25e0 + AMT_CREDIT / nullif(AMT_ANNUITY, 0) / 12",
        "age",
        "Age in years when the loan is paid, without interest.",
    ),
    *as_delivered("stability", "OWN_CAR_AGE"),
    Derived(
        "CAR_SHARE_OF_BIRTH",
        "OWN_CAR_AGE * 365.25e0 / -nullif(DAYS_BIRTH, 0)",
        "age",
        "Age of the car over the applicant's.",
    ),
    Derived(
        "CAR_SHARE_OF_EMPLOYED",
        "OWN_CAR_AGE * 365.25e0 / -nullif(DAYS_EMPLOYED, 0)",
        "employment",
        "Age of the car over the time in the job.",
    ),
)

# FLAG_MOBIL and FLAG_CONT_MOBILE are the same for all but a few, FLAG_EMP_PHONE says what NO_JOB says.
PHONES = ("FLAG_WORK_PHONE", "FLAG_PHONE", "FLAG_EMAIL")
MISMATCHES = (
    "REG_REGION_NOT_LIVE_REGION",
    "REG_REGION_NOT_WORK_REGION",
    "LIVE_REGION_NOT_WORK_REGION",
    "REG_CITY_NOT_LIVE_CITY",
    "REG_CITY_NOT_WORK_CITY",
    "LIVE_CITY_NOT_WORK_CITY",
)
COMMON_DOCUMENTS = tuple(f"FLAG_DOCUMENT_{number}" for number in (3, 5, 6, 8, 16, 18))

CONTACT = (
    *as_delivered("contact and documents", *PHONES, *COMMON_DOCUMENTS),
    Derived("CONTACTS", " + ".join(PHONES), "contact and documents", "Number of further ways to be reached."),
    Derived("DOCUMENTS", " + ".join(DOCUMENTS), "contact and documents", "Number of documents handed in."),
    *as_delivered("contact and documents", *MISMATCHES, "HOUR_APPR_PROCESS_START"),
    Derived("MISMATCHES", " + ".join(MISMATCHES), "contact and documents", "Number of addresses that do not match."),
    Derived(
        "IS_WEEKEND",
        "WEEKDAY_APPR_PROCESS_START in ('SATURDAY', 'SUNDAY')",
        "contact and documents",
        "The application came at a weekend.",
    ),
)

HOME = (
    *as_delivered("housing and region", "FLAG_OWN_CAR", "FLAG_OWN_REALTY", "REGION_POPULATION_RELATIVE"),
    *as_delivered("housing and region", "REGION_RATING_CLIENT", "REGION_RATING_CLIENT_W_CITY", "TOTALAREA_MODE"),
    *(
        Derived(
            f"HOUSING_{measure}",
            f"({' + '.join(f'{measure}_{suffix}' for suffix in HOUSING_STATISTICS)}) / {len(HOUSING_STATISTICS)}",
            "housing and region",
            f"Home: {about}, mean of the three statistics.",
        )
        for measure, about in HOUSING_MEASURES.items()
    ),
    Derived(
        "HOUSING_KNOWN",
        number_known(f"HOUSING_{measure}" for measure in HOUSING_MEASURES),
        "housing and region",
        "How many measures of the home are known.",
    ),
    Derived(
        "HOUSING_MEAN",
        f"({known_sum(f'HOUSING_{measure}' for measure in HOUSING_MEASURES)}) / nullif(HOUSING_KNOWN, 0)",
        "housing and region",
        "Mean of the known measures of the home.",
    ),
    Derived("HOUSING_UNSAFE", "EMERGENCYSTATE_MODE = 'Yes'", "housing and region", "Home: declared unsafe."),
)

CIRCLE = (
    *as_delivered("contact and documents", "OBS_30_CNT_SOCIAL_CIRCLE", "DEF_30_CNT_SOCIAL_CIRCLE"),
    *as_delivered("contact and documents", "DEF_60_CNT_SOCIAL_CIRCLE"),
    *(
        Derived(
            f"CIRCLE_DEFAULTS_{days}",
            f"DEF_{days}_CNT_SOCIAL_CIRCLE / nullif(OBS_{days}_CNT_SOCIAL_CIRCLE, 0)",
            "contact and documents",
            f"Share of the people around the applicant who defaulted by {days} days.",
        )
        for days in (30, 60)
    ),
)

# Enquiries that stand under the month for labelled applicants stand under the quarter for new ones: only sums from
# the application backwards mean the same in both files.
WITHIN_QUARTER = tuple(f"AMT_REQ_CREDIT_BUREAU_{span}" for span in ENQUIRIES if span != "YEAR")

ENQUIRY_SUMS = (
    Derived("ENQUIRIES_QUARTER", " + ".join(WITHIN_QUARTER), "enquiries", "Enquiries in the last quarter."),
    Derived(
        "ENQUIRIES_YEAR", "ENQUIRIES_QUARTER + AMT_REQ_CREDIT_BUREAU_YEAR", "enquiries", "Enquiries in the last year."
    ),
    Derived(
        "ENQUIRIES_QUARTER_SHARE",
        "ENQUIRIES_QUARTER / nullif(ENQUIRIES_YEAR, 0)",
        "enquiries",
        "Share of the year's enquiries that fell in its last quarter.",
    ),
    Derived(
        "ENQUIRIES_UNKNOWN", "AMT_REQ_CREDIT_BUREAU_YEAR is null", "enquiries", "The bureau knows of no enquiries."
    ),
)

CATEGORIES = (
    Encoded(
        "EDUCATION",
        "NAME_EDUCATION_TYPE",
        Code.ORDINAL,
        "employment",
        "Highest education, from lower secondary to academic.",
        order=EDUCATIONS,
    ),
    *(
        Encoded(f"{name}_FREQUENCY", column, Code.FREQUENCY, family, f"How common this {what} is.")
        for name, column, family, what in (
            ("ORGANIZATION", "ORGANIZATION_TYPE", "employment", "kind of employer"),
            ("OCCUPATION", "OCCUPATION_TYPE", "employment", "occupation"),
            ("INCOME_TYPE", "NAME_INCOME_TYPE", "employment", "kind of income"),
            ("HOUSING_TYPE", "NAME_HOUSING_TYPE", "housing and region", "way to live"),
            ("REGION", "REGION", "housing and region", "home region"),
            ("WALLS", "WALLSMATERIAL_MODE", "housing and region", "material of the walls"),
            ("REPAIR_FUND", "FONDKAPREMONT_MODE", "housing and region", "repair fund"),
            ("HOUSE_TYPE", "HOUSETYPE_MODE", "housing and region", "kind of house"),
            ("SUITE", "NAME_TYPE_SUITE", "contact and documents", "company at the application"),
            ("WEEKDAY", "WEEKDAY_APPR_PROCESS_START", "contact and documents", "weekday of the application"),
        )
    ),
)

# Education with gender, the field's usual group, is not allowed in the model.
GROUPS = (
    ("OCCUPATION", "OCCUPATION_TYPE", "occupation"),
    ("ORGANIZATION", "ORGANIZATION_TYPE", "kind of employer"),
    ("INCOME_TYPE", "NAME_INCOME_TYPE", "kind of income"),
)

GROUP_DEVIATIONS = tuple(
    GroupDeviation(f"{name}_VS_{group}", value, column, family, f"{what} less the median of the same {described}.")
    for group, column, described in GROUPS
    for name, value, family, what in (
        *((ext, ext, "external scores", f"External score {ext[-1]}") for ext in EXT),
        ("EXT_MEAN", "EXT_MEAN", "external scores", "Mean external score"),
        ("INCOME", "AMT_INCOME_TOTAL", "affordability", "Income"),
        ("CREDIT", "AMT_CREDIT", "loan size", "Loan"),
        ("ANNUITY", "AMT_ANNUITY", "loan size", "Payment"),
        ("CREDIT_TERM", "AMT_ANNUITY / nullif(AMT_CREDIT, 0)", "loan size", "Share of the loan due each period"),
    )
)

OVER_EXT_SOURCE_3 = tuple(
    Derived(f"{name}_OVER_EXT_SOURCE_3", f"{name} / nullif(EXT_SOURCE_3, 0)", "external scores", about)
    for name, about in (
        ("CREDIT_TERM", "Share of the loan due each period over external score 3."),
        ("AMT_ANNUITY", "Payment over external score 3."),
        ("DAYS_BIRTH", "Age over external score 3."),
        ("DAYS_EMPLOYED", "Time in the job over external score 3."),
    )
)

FEATURES: tuple[Declared, ...] = (
    *EXTERNAL_SCORES,
    *LOAN,
    *EXPECTED,
    *AFFORDABILITY,
    *AGES,
    *OVER_EXT_SOURCE_3,
    *CONTACT,
    *HOME,
    *CIRCLE,
    *ENQUIRY_SUMS,
    *CATEGORIES,
    *GROUP_DEVIATIONS,
)

TABLE = Table(
    name="application",
    prefix="application",
    files=("application_train", "application_test"),
    about="One application for a loan, by one applicant.",
    key=("SK_ID_CURR",),
    columns=COLUMNS,
    derivations=DERIVATIONS,
    features=FEATURES,
)
