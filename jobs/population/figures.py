"""What the real population looks like, as figures: the table that the generator follows.

Aggregates of a sample of 10,000 real applicants, rounded to three digits; no row of it is here. Quantiles are the
smallest value, those at 1, 5, 25, 50, 75, 95, 99 % and the largest (the two ends are rounded guesses: extremes are
not published). Shares are of all rows of the table, empty cells included.
"""

Quantiles = tuple[float, float, float, float, float, float, float, float, float]
Shares = dict[str, float]

TEST_SHARE = 48_744 / 356_255
FIRST_APPLICANT = 100_001
FIRST_PREVIOUS = 1_000_001
FIRST_BUREAU = 5_000_001
NEVER = 365_243
"""Home Credit's way to write "no such day", in days."""

# Application

APPLICATION: dict[str, Quantiles] = {
    "AMT_INCOME_TOTAL": (28320, 47200, 67500, 112000, 144000, 202000, 338000, 450000, 517200),
    "AMT_GOODS_PRICE": (40500, 67500, 135000, 238000, 450000, 680000, 1270000, 1800000, 2118000),
    "REGION_POPULATION_RELATIVE": (0.001278, 0.00213, 0.00496, 0.01, 0.0188, 0.0287, 0.0462, 0.0725, 0.08828),
    "DAYS_BIRTH": (-25200, -24500, -23100, -19600, -15800, -12500, -9360, -8220, -7490),
    "DAYS_REGISTRATION": (-15180, -13800, -11500, -7480, -4540, -2000, -319, -61, -12.2),
    "DAYS_ID_PUBLISH": (-6061, -5510, -4960, -4300, -3200, -1670, -348, -62, -12.4),
    "OWN_CAR_AGE": (0, 0, 1, 4, 9, 15, 27, 65, 66),
    "EXT_SOURCE_1": (0.0501, 0.0835, 0.154, 0.337, 0.512, 0.675, 0.833, 0.885, 0.9162),
    "EXT_SOURCE_2": (0.01896, 0.0316, 0.138, 0.391, 0.566, 0.664, 0.747, 0.781, 0.8014),
    "EXT_SOURCE_3": (0.03624, 0.0604, 0.15, 0.372, 0.53, 0.672, 0.79, 0.835, 0.862),
    "DAYS_LAST_PHONE_CHANGE": (-3410, -3100, -2500, -1550, -748, -260, 168, 200, 230),
    "DAYS_EMPLOYED": (-17000, -10900, -7360, -3160, -1660, -751, -207, -112, -22.4),
}
RANK_CORRELATIONS = """
EXT_SOURCE_1 1.000
EXT_SOURCE_2 .213 1.000
EXT_SOURCE_3 .174 .118 1.000
DAYS_BIRTH -.621 -.103 -.239 1.000
DAYS_EMPLOYED -.253 -.126 -.143 .308 1.000
AMT_INCOME_TOTAL .079 .175 -.096 .125 -.048 1.000
AMT_GOODS_PRICE .205 .151 .039 -.080 -.130 .433 1.000
REGION_POPULATION_RELATIVE .056 .182 -.007 -.010 -.011 .096 .069 1.000
DAYS_REGISTRATION -.157 -.085 -.104 .302 .104 .091 .008 -.029 1.000
DAYS_ID_PUBLISH -.130 -.047 -.131 .247 .112 .045 -.012 -.003 .119 1.000
OWN_CAR_AGE -.171 -.129 .047 -.016 .028 -.241 -.137 -.163 -.039 -.007 1.000
CNT_CHILDREN -.145 -.021 -.074 .363 .046 .068 .006 -.013 .181 -.011 .058 1.000
REGION_RATING_CLIENT -.099 -.329 -.020 -.001 -.001 -.231 -.113 -.428 .083 -.003 .166 .013 1.000
DAYS_LAST_PHONE_CHANGE -.146 -.180 -.057 .086 .169 -.034 -.057 -.038 .044 .059 -.046 .019 .031 1.000
AMT_REQ_CREDIT_BUREAU_YEAR .023 -.014 -.035 -.071 -.031 .078 -.019 .033 -.023 -.025 .014 -.042 -.017 -.152 1.000
"""
"""Spearman's, lower triangle; 365243 left out."""
APPLICATION_LEVELS: dict[str, Shares] = {
    "NAME_CONTRACT_TYPE": {"Cash loans": 0.9032, "Revolving loans": 0.0968},
    "NAME_TYPE_SUITE": {
        "Unaccompanied": 0.808,
        "Family": 0.132,
        "Spouse, partner": 0.0364,
        "Children": 0.0098,
        "Other_B": 0.0062,
    },
    "NAME_INCOME_TYPE": {
        "Working": 0.5214,
        "Commercial associate": 0.2348,
        "Pensioner": 0.1804,
        "State servant": 0.063,
    },
    "NAME_EDUCATION_TYPE": {
        "Secondary / secondary special": 0.715,
        "Higher education": 0.24,
        "Incomplete higher": 0.0326,
        "Lower secondary": 0.0114,
    },
    "NAME_FAMILY_STATUS": {
        "Married": 0.637,
        "Single / not married": 0.147,
        "Civil marriage": 0.0934,
        "Separated": 0.0642,
        "Widow": 0.0584,
    },
    "NAME_HOUSING_TYPE": {
        "House / apartment": 0.887,
        "With parents": 0.0454,
        "Municipal apartment": 0.0384,
        "Rented apartment": 0.017,
        "Office apartment": 0.0078,
        "Co-op apartment": 0.0044,
    },
    "OCCUPATION_TYPE": {
        "Laborers": 0.1722,
        "Sales staff": 0.11,
        "Core staff": 0.0938,
        "Drivers": 0.0636,
        "Managers": 0.0624,
        "High skill tech staff": 0.0374,
        "Accountants": 0.0334,
        "Medicine staff": 0.0292,
        "Security staff": 0.022,
        "Cooking staff": 0.02,
        "Cleaning staff": 0.0132,
        "Private service staff": 0.009,
        "Low-skill Laborers": 0.0088,
        "Secretaries": 0.0058,
    },
    "ORGANIZATION_TYPE": {
        "Business Entity Type 3": 0.2232,
        "XNA": 0.1808,
        "Self-employed": 0.1318,
        "Other": 0.057,
        "Medicine": 0.0364,
        "Government": 0.034,
        "Business Entity Type 2": 0.0308,
        "School": 0.0256,
        "Kindergarten": 0.0222,
        "Trade: type 7": 0.0214,
        "Construction": 0.019,
        "Transport: type 4": 0.017,
        "Business Entity Type 1": 0.0158,
        "Housing": 0.0118,
        "Industry: type 3": 0.0116,
        "Trade: type 3": 0.0114,
        "Industry: type 11": 0.0106,
        "Industry: type 9": 0.0104,
        "Transport: type 2": 0.0096,
        "Security": 0.0088,
        "Services": 0.0082,
        "Bank": 0.008,
        "Agriculture": 0.0074,
        "Military": 0.0074,
        "Postal": 0.0072,
        "Police": 0.0064,
        "Security Ministries": 0.0064,
        "Trade: type 2": 0.0056,
        "Restaurant": 0.0046,
        "Transport: type 3": 0.0046,
        "University": 0.004,
    },
    "CNT_CHILDREN": {"0": 0.7038, "1": 0.2036, "2": 0.0778, "3": 0.013},
    "REGION_RATING_CLIENT": {"2": 0.7368, "3": 0.155, "1": 0.1082},
    "WEEKDAY_APPR_PROCESS_START": {
        "TUESDAY": 0.1748,
        "THURSDAY": 0.1666,
        "WEDNESDAY": 0.1666,
        "MONDAY": 0.1648,
        "FRIDAY": 0.1628,
        "SATURDAY": 0.1104,
        "SUNDAY": 0.054,
    },
    "HOUR_APPR_PROCESS_START": {
        "11": 0.1268,
        "10": 0.1216,
        "12": 0.1122,
        "13": 0.097,
        "14": 0.0928,
        "9": 0.0872,
        "15": 0.0832,
        "16": 0.0676,
        "8": 0.049,
        "17": 0.047,
        "7": 0.0298,
        "18": 0.0292,
        "6": 0.018,
        "5": 0.0116,
        "19": 0.0102,
        "4": 0.005,
        "3": 0.0042,
    },
    "FONDKAPREMONT_MODE": {
        "reg oper account": 0.253,
        "reg oper spec account": 0.0398,
        "org spec account": 0.0194,
        "not specified": 0.0176,
    },
    "HOUSETYPE_MODE": {"block of flats": 0.5018, "terraced house": 0.0044, "specific housing": 0.0042},
    "WALLSMATERIAL_MODE": {
        "Panel": 0.2206,
        "Stone, brick": 0.2114,
        "Block": 0.0356,
        "Wooden": 0.0172,
        "Mixed": 0.0082,
        "Monolithic": 0.0056,
        "Others": 0.0048,
    },
    "EMERGENCYSTATE_MODE": {"No": 0.5274, "Yes": 0.0078},
    "OBS_30_CNT_SOCIAL_CIRCLE": {
        "0.0": 0.5392,
        "1.0": 0.1528,
        "2.0": 0.092,
        "3.0": 0.0668,
        "4.0": 0.049,
        "5.0": 0.032,
        "6.0": 0.0246,
        "7.0": 0.0122,
        "8.0": 0.0078,
        "9.0": 0.0078,
        "10.0": 0.0042,
    },
    "AMT_REQ_CREDIT_BUREAU_HOUR": {"0.0": 0.8576, "1.0": 0.0072},
    "AMT_REQ_CREDIT_BUREAU_DAY": {"0.0": 0.8596, "1.0": 0.0046},
    "AMT_REQ_CREDIT_BUREAU_WEEK": {"0.0": 0.8356, "1.0": 0.0286},
    "AMT_REQ_CREDIT_BUREAU_MON": {"0.0": 0.7256, "1.0": 0.106, "2.0": 0.0152, "3.0": 0.0072, "4.0": 0.004},
    "AMT_REQ_CREDIT_BUREAU_QRT": {"0.0": 0.6906, "1.0": 0.1216, "2.0": 0.0436, "3.0": 0.0068},
    "AMT_REQ_CREDIT_BUREAU_YEAR": {
        "0.0": 0.2322,
        "1.0": 0.2126,
        "2.0": 0.1606,
        "3.0": 0.1122,
        "4.0": 0.067,
        "5.0": 0.0376,
        "6.0": 0.019,
        "7.0": 0.0134,
        "8.0": 0.0068,
    },
}
ASKED: dict[str, Quantiles] = {
    # of a cash loan
    "goods": APPLICATION["AMT_GOODS_PRICE"],
    "credit to goods": (1, 1, 1, 1, 1.125, 1.198, 1.396, 1.422, 1.6),
    "annuity to credit": (0.026, 0.027, 0.029, 0.036, 0.048, 0.064, 0.105, 0.113, 0.12),
}
TEST_ASKED: dict[str, Quantiles] = {
    # less, to be repaid sooner: none has the longest terms, which a tenth of the labelled applicants have
    "goods": (35100, 58500, 104000, 220000, 365000, 565000, 1040000, 1700000, 2118000),
    "credit to goods": (1, 1, 1, 1, 1.11, 1.195, 1.34, 1.46, 1.634),
    "annuity to credit": (0.0316, 0.0317, 0.0332, 0.0515, 0.059, 0.084, 0.109, 0.119, 0.124),
}
"""Set so that the shift from `ASKED`, as population stability indices, is the real one: the real values are clumped."""

TEST_LEVELS: dict[str, Shares] = {
    # where the new applicants differ from the labelled ones
    "NAME_CONTRACT_TYPE": {"Cash loans": 0.992, "Revolving loans": 0.008},
    "AMT_REQ_CREDIT_BUREAU_MON": {"0.0": 0.8688, "1.0": 0.0068},
    "AMT_REQ_CREDIT_BUREAU_QRT": {"0.0": 0.488, "1.0": 0.3132, "2.0": 0.0626, "3.0": 0.0106},
    "AMT_REQ_CREDIT_BUREAU_YEAR": {
        "0.0": 0.2204,
        "1.0": 0.185,
        "2.0": 0.181,
        "3.0": 0.1296,
        "4.0": 0.0776,
        "5.0": 0.0384,
        "6.0": 0.024,
        "7.0": 0.0116,
        "8.0": 0.0056,
    },
}
DOCUMENTS: Shares = {
    "3": 0.709,
    "5": 0.0156,
    "6": 0.0844,
    "8": 0.0824,
    "9": 0.004,
    "11": 0.004,
    "13": 0.002,
    "14": 0.0022,
    "16": 0.0094,
    "18": 0.0062,
}
HOUSING_EMPTY: Shares = {
    "APARTMENTS": 0.4974,
    "BASEMENTAREA": 0.573,
    "YEARS_BEGINEXPLUATATION": 0.48,
    "YEARS_BUILD": 0.6512,
    "COMMONAREA": 0.6862,
    "ELEVATORS": 0.5202,
    "ENTRANCES": 0.4906,
    "FLOORSMAX": 0.4848,
    "FLOORSMIN": 0.668,
    "LANDAREA": 0.58,
    "LIVINGAPARTMENTS": 0.6732,
    "LIVINGAREA": 0.4924,
    "NONLIVINGAPARTMENTS": 0.6836,
    "NONLIVINGAREA": 0.5354,
    "TOTALAREA": 0.4734,
    "FONDKAPREMONT": 0.6702,
    "HOUSETYPE": 0.4896,
    "WALLSMATERIAL": 0.4966,
    "EMERGENCYSTATE": 0.4648,
}
HOUSING_STEPS = {"FLOORSMAX": 1 / 24, "FLOORSMIN": 1 / 24, "ELEVATORS": 0.0403, "ENTRANCES": 0.0345}
"""Counts, scaled."""

HOUSING: dict[str, Quantiles] = {
    "APARTMENTS_AVG": (0.00126, 0.0021, 0.0093, 0.0588, 0.0866, 0.147, 0.338, 0.544, 0.6676),
    "BASEMENTAREA_AVG": (0, 0, 0, 0.0444, 0.0756, 0.113, 0.231, 0.409, 0.5158),
    "YEARS_BEGINEXPLUATATION_AVG": (0.5706, 0.951, 0.969, 0.977, 0.982, 0.987, 0.996, 0.999, 1),
    "YEARS_BUILD_AVG": (0.204, 0.34, 0.592, 0.687, 0.755, 0.816, 0.946, 0.986, 1),
    "COMMONAREA_AVG": (0, 0, 0, 0.0071, 0.0187, 0.0491, 0.167, 0.377, 0.503),
    "ELEVATORS_AVG": (0, 0, 0, 0, 0, 0.12, 0.36, 0.64, 0.808),
    "ENTRANCES_AVG": (0.0207, 0.0345, 0.0345, 0.069, 0.138, 0.207, 0.328, 0.536, 0.6608),
    "FLOORSMAX_AVG": (0, 0, 0.0417, 0.167, 0.167, 0.333, 0.542, 0.667, 0.742),
    "FLOORSMIN_AVG": (0, 0, 0.0417, 0.125, 0.208, 0.375, 0.517, 0.708, 0.8226),
    "LANDAREA_AVG": (0, 0, 0, 0.0187, 0.0477, 0.0883, 0.201, 0.4, 0.5194),
    "LIVINGAPARTMENTS_AVG": (0.001176, 0.00196, 0.0101, 0.0504, 0.0748, 0.12, 0.296, 0.453, 0.5472),
    "LIVINGAREA_AVG": (0.001524, 0.00254, 0.0085, 0.0476, 0.0747, 0.127, 0.329, 0.59, 0.7466),
    "NONLIVINGAPARTMENTS_AVG": (0, 0, 0, 0, 0, 0.0039, 0.0309, 0.12, 0.1735),
    "NONLIVINGAREA_AVG": (0, 0, 0, 0, 0.0038, 0.0268, 0.126, 0.313, 0.4252),
    "APARTMENTS_MODE": (0.00126, 0.0021, 0.0084, 0.0525, 0.084, 0.137, 0.339, 0.535, 0.6526),
    "BASEMENTAREA_MODE": (0, 0, 0, 0.0406, 0.0744, 0.112, 0.235, 0.407, 0.5102),
    "YEARS_BEGINEXPLUATATION_MODE": (0.57, 0.95, 0.969, 0.976, 0.982, 0.987, 0.996, 0.999, 1),
    "YEARS_BUILD_MODE": (0.2196, 0.366, 0.602, 0.693, 0.758, 0.824, 0.954, 0.987, 1),
    "COMMONAREA_MODE": (0, 0, 0, 0.0066, 0.0169, 0.0467, 0.158, 0.348, 0.462),
    "ELEVATORS_MODE": (0, 0, 0, 0, 0, 0.121, 0.362, 0.604, 0.7492),
    "ENTRANCES_MODE": (0.0207, 0.0345, 0.0345, 0.069, 0.138, 0.207, 0.31, 0.536, 0.6716),
    "FLOORSMAX_MODE": (0, 0, 0.0417, 0.167, 0.167, 0.333, 0.542, 0.667, 0.742),
    "FLOORSMIN_MODE": (0, 0, 0.0417, 0.0833, 0.208, 0.375, 0.5, 0.708, 0.8328),
    "LANDAREA_MODE": (0, 0, 0, 0.0166, 0.0447, 0.0872, 0.203, 0.407, 0.5294),
    "LIVINGAPARTMENTS_MODE": (0.00108, 0.0018, 0.011, 0.0544, 0.0766, 0.123, 0.311, 0.484, 0.5878),
    "LIVINGAREA_MODE": (0.00126, 0.0021, 0.00809, 0.0459, 0.0732, 0.122, 0.336, 0.573, 0.7152),
    "NONLIVINGAPARTMENTS_MODE": (0, 0, 0, 0, 0, 0.0039, 0.0272, 0.117, 0.1709),
    "NONLIVINGAREA_MODE": (0, 0, 0, 0, 0.0014, 0.0236, 0.128, 0.322, 0.4384),
    "APARTMENTS_MEDI": (0.00126, 0.0021, 0.0094, 0.0593, 0.0874, 0.148, 0.344, 0.55, 0.6736),
    "BASEMENTAREA_MEDI": (0, 0, 0, 0.0442, 0.0755, 0.113, 0.23, 0.405, 0.51),
    "YEARS_BEGINEXPLUATATION_MEDI": (0.5706, 0.951, 0.97, 0.977, 0.982, 0.987, 0.996, 0.999, 1),
    "YEARS_BUILD_MEDI": (0.2094, 0.349, 0.598, 0.691, 0.758, 0.826, 0.953, 0.987, 1),
    "COMMONAREA_MEDI": (0, 0, 0, 0.0071, 0.0185, 0.0492, 0.169, 0.38, 0.5066),
    "ELEVATORS_MEDI": (0, 0, 0, 0, 0, 0.12, 0.36, 0.64, 0.808),
    "ENTRANCES_MEDI": (0.0207, 0.0345, 0.0345, 0.069, 0.138, 0.207, 0.328, 0.536, 0.6608),
    "FLOORSMAX_MEDI": (0, 0, 0.0417, 0.167, 0.167, 0.333, 0.542, 0.667, 0.742),
    "FLOORSMIN_MEDI": (0, 0, 0.0417, 0.125, 0.208, 0.375, 0.521, 0.708, 0.8202),
    "LANDAREA_MEDI": (0, 0, 0, 0.0188, 0.0483, 0.0891, 0.206, 0.41, 0.5324),
    "LIVINGAPARTMENTS_MEDI": (0.00102, 0.0017, 0.0103, 0.0513, 0.0761, 0.122, 0.302, 0.461, 0.5564),
    "LIVINGAREA_MEDI": (0.00156, 0.0026, 0.0086, 0.0485, 0.0754, 0.129, 0.336, 0.6, 0.7584),
    "NONLIVINGAPARTMENTS_MEDI": (0, 0, 0, 0, 0, 0.0039, 0.031, 0.121, 0.175),
    "NONLIVINGAREA_MEDI": (0, 0, 0, 0, 0.0035, 0.0264, 0.13, 0.32, 0.434),
    "TOTALAREA_MODE": (0.0012, 0.002, 0.00716, 0.0425, 0.0684, 0.124, 0.305, 0.551, 0.6986),
}
PREVIOUS_LEVELS: dict[str, Shares] = {
    "WEEKDAY_APPR_PROCESS_START": {
        "TUESDAY": 0.1573,
        "FRIDAY": 0.1533,
        "WEDNESDAY": 0.152,
        "MONDAY": 0.1511,
        "THURSDAY": 0.1482,
        "SATURDAY": 0.1414,
        "SUNDAY": 0.0968,
    },
    "HOUR_APPR_PROCESS_START": {
        "11": 0.1163,
        "12": 0.1132,
        "10": 0.1063,
        "13": 0.1025,
        "14": 0.0966,
        "15": 0.087,
        "9": 0.0741,
        "16": 0.0714,
        "17": 0.0573,
        "8": 0.0424,
        "18": 0.0396,
        "7": 0.0278,
        "19": 0.0211,
        "6": 0.0157,
        "20": 0.0087,
        "5": 0.0086,
        "4": 0.005,
        "3": 0.0027,
        "21": 0.0025,
        "2": 0.0006,
    },
    "NAME_CASH_LOAN_PURPOSE": {
        "Repairs": 0.0137,
        "Other": 0.0089,
        "Urgent needs": 0.0053,
        "Buying a used car": 0.002,
        "Everyday expenses": 0.0017,
        "Payments on other loans": 0.0015,
        "Building a house or an annex": 0.0015,
        "Medicine": 0.0013,
        "Education": 0.0008,
        "Buying a holiday home / land": 0.0006,
        "Buying a new car": 0.0006,
        "Car repairs": 0.0005,
        "Journey": 0.0005,
        "Purchase of electronic equipment": 0.0005,
        "Buying a home": 0.0005,
        "Furniture": 0.0004,
    },
    "CODE_REJECT_REASON": {
        "HC": 0.1077,
        "LIMIT": 0.0328,
        "SCO": 0.0192,
        "SCOFR": 0.0074,
        "XNA": 0.0028,
        "VERIF": 0.0022,
    },
    "NAME_TYPE_SUITE": {
        "Unaccompanied": 0.3076,
        "Family": 0.1244,
        "Spouse, partner": 0.0384,
        "Children": 0.018,
        "Other_B": 0.0107,
        "Other_A": 0.0053,
        "Group of people": 0.0014,
    },
    "NAME_GOODS_CATEGORY": {
        "Mobile": 0.1282,
        "Consumer Electronics": 0.0685,
        "Computers": 0.0615,
        "Audio/Video": 0.056,
        "Furniture": 0.0313,
        "Construction Materials": 0.0154,
        "Clothing and Accessories": 0.0151,
        "Photo / Cinema Equipment": 0.014,
        "Auto Accessories": 0.0045,
        "Jewelry": 0.0036,
        "Homewares": 0.0034,
        "Medical Supplies": 0.0022,
        "Vehicles": 0.0018,
        "Gardening": 0.0017,
        "Sport and Leisure": 0.0015,
        "Office Appliances": 0.0014,
        "Tourism": 0.0012,
        "Other": 0.0011,
        "Medicine": 0.0009,
    },
    "NAME_YIELD_GROUP": {"middle": 0.2293, "high": 0.2015, "low_normal": 0.1875, "low_action": 0.0519},
}

# Bureau

WITHOUT_BUREAU = 0.1416
BUREAU_LOANS: Quantiles = (0.5, 0.5, 0.6, 1.9, 4.6, 7.5, 14, 20, 30)
BUREAU_TYPES: Shares = {
    "Consumer credit": 0.7281,
    "Credit card": 0.2339,
    "Car loan": 0.0157,
    "Mortgage": 0.0103,
    "Microloan": 0.0094,
    "Loan for business development": 0.0012,
    "Another type of loan": 0.0006,
}
BUREAU: dict[str, Quantiles] = {
    "DAYS_CREDIT": (-2922, -2870, -2660, -1650, -984, -476, -128, -37, -2),
    "instalment loan days": (14, 16, 92, 212, 365, 913, 1826, 1827, 1850),
    "card days": (20, 30, 226, 1080, 1361, 2610, 28300, 31500, 33400),
    "long loan days": (60, 150, 372, 1096, 1826, 3652, 7305, 9131, 10960),
    "days since update": (0, 2, 5, 13, 23, 51, 674, 1533, 2500),
    "instalment loan amount": (4500, 13500, 21200, 51500, 116000, 306000, 1170000, 2250000, 4500000),
    "card amount": (-40000, -38000, -30000, 45000, 112500, 225000, 517000, 840000, 1800000),
    "largest overdue": (4, 40, 300, 1600, 4200, 9500, 32000, 90000, 500000),
}
BUREAU_AMOUNT_FACTORS = {"Car loan": 13.0, "Mortgage": 30.0, "Microloan": 0.12}
BUREAU_BALANCE_SHARE = 0.354
"""Of the labelled applicants with bureau loans; the new ones all have monthly balances."""

# Previous applications

WITHOUT_PREVIOUS = {"train": 0.043, "test": 0.019}
PREVIOUS_LOANS: Quantiles = (0.5, 0.5, 0.6, 1.8, 3.7, 6.5, 12.8, 20, 32)
HIDDEN_INSTALMENT_LOANS = 0.115
HIDDEN_CARDS = 0.058
"""Applicants whose POS or card rows have no parent in previous_application; of those without a listed card."""
LISTED_CARDS = 0.39
"""Of the applicants with more than one earlier application; nobody has two."""

FIRST_LOAN_TYPES: Shares = {"Consumer loans": 0.85, "Cash loans": 0.15}
LATER_LOAN_TYPES: Shares = {"Cash loans": 0.588, "Consumer loans": 0.33, "Revolving loans": 0.0815, "XNA": 0.0003}
REFUSED = {"Consumer loans": 0.18, "Cash loans": 0.247, "Revolving loans": 0.36}
NOT_REFUSED: dict[str, Shares] = {
    "Consumer loans": {"Approved": 0.756, "Canceled": 0.005, "Unused offer": 0.0665},
    "Cash loans": {"Approved": 0.36, "Canceled": 0.393},
    "Revolving loans": {"Canceled": 1.0},
    "XNA": {"Canceled": 1.0},
}
NOT_DRAWN = {"Consumer loans": 0.019, "Cash loans": 0.083, "Revolving loans": 0.043}
PAID_EARLY = {"Consumer loans": 0.42, "Cash loans": 0.72}
TERMS: dict[str, Shares] = {
    "Consumer loans": {
        "4": 0.036,
        "6": 0.243,
        "8": 0.043,
        "10": 0.199,
        "12": 0.33,
        "18": 0.05,
        "24": 0.082,
        "36": 0.01,
    },
    "Cash loans": {"6": 0.071, "12": 0.27, "18": 0.133, "24": 0.2, "36": 0.16, "48": 0.1, "60": 0.06},
}
MONTHLY_RATES = {"high": 0.045, "middle": 0.03, "low_normal": 0.018, "low_action": 0.006}
DECISIONS: dict[str, Quantiles] = {
    "Consumer loans": (-2922, -2870, -2700, -1918, -1097, -533, -130, -40, -3),
    "Cash loans": (-2922, -2800, -2250, -1161, -750, -451, -170, -60, -3),
    "Revolving loans": (-2922, -2880, -2700, -1103, -531, -296, -130, -50, -3),
    "Refused": (-2922, -2800, -1900, -668, -356, -205, -80, -20, -2),
    "Canceled": (-2922, -1500, -560, -339, -229, -124, -22, -5, -2),
}
PREVIOUS: dict[str, Quantiles] = {
    "consumer amount": (9180, 16400, 21000, 38600, 68800, 117000, 225000, 449000, 1300000),
    "cash amount": (45000, 45000, 45000, 135000, 229500, 454500, 1129500, 1800000, 2250000),
    "card amount": (45000, 45000, 45000, 90000, 180000, 315000, 700000, 900000, 1350000),
    "consumer credit to amount": (0.3, 0.54, 0.75, 0.9, 0.995, 1.053, 1.158, 1.238, 1.345),
    "cash credit to amount": (1, 1, 1, 1.066, 1.103, 1.179, 1.308, 1.422, 1.6),
    "down payment share": (0, 0, 0, 0, 0, 0.105, 0.29, 0.45, 0.6),
    "consumer first due": (10, 30, 30, 31, 31, 34, 46, 80, 200),
    "card first due": (21, 27, 37, 45, 53, 84, 224, 400, 560),
    "seller area": (0, 0, 5, 25, 100, 1300, 3500, 5000, 8000),
}

# Repayments

SHORT_SHARE = 0.024
PARTS: Shares = {"1": 0.962, "2": 0.032, "3": 0.006}
"""In how many payments one instalment is paid."""
LATE_SCORE = -1.58
"""Where the lateness score of an average payer lies: 8.5 % of payments are late."""
REPAYMENTS: dict[str, Quantiles] = {
    "days early": (-120, -60, -33, -15.5, -7.3, -1, 0, 0, 0),
    "days late": (1, 1, 1, 1.6, 4, 9, 28, 75, 420),
    "days past due": (1, 1, 1, 2, 5, 26, 576, 1946, 3300),
}

# Credit cards

CARD: dict[str, Quantiles] = {
    "limit": (9000, 13500, 45000, 80000, 135000, 205000, 450000, 787500, 1125000),
    "drawn share": (0.002, 0.004, 0.01, 0.035, 0.1, 0.3, 0.94, 1, 1),
    "paid share": (0, 0, 0.002, 0.051, 0.065, 0.12, 0.45, 0.9, 1.2),
    "idle payment": (0, 0, 0, 0, 245, 714, 3550, 38700, 120000),
}
