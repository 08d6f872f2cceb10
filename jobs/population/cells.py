"""How values stand in Kaggle's CSV files: SQL text that gives the column as it is written.

Each mentions its argument once: an argument may be long, and what is mentioned twice is compiled twice.
"""


def whole(sql: str) -> str:
    """A whole number: 12."""
    return f"CAST({sql} AS BIGINT)"


def whole_as_real(sql: str) -> str:
    """A whole number in a column that Kaggle writes as a float: 12.0, never -0.0."""
    return f"CAST(CAST({sql} AS BIGINT) AS DOUBLE)"


def amount(sql: str) -> str:
    """An amount of money below ten million (a larger DOUBLE has an exponent): 18083.7, 405.045."""
    return f"(rint(({sql}) * 200) / 200 + 0D)"


def large_amount(sql: str) -> str:
    """An amount of money of any size: 13500000.0."""
    return f"regexp_replace(CAST(CAST({sql} AS DECIMAL(18, 3)) AS STRING), '0{{1,2}}$', '')"


def ratio(sql: str) -> str:
    """A number between 0 and 1 to four decimals (a DOUBLE below 0.001 has an exponent): 0.0672, 0.0005."""
    return f"regexp_replace(CAST(CAST({sql} AS DECIMAL(9, 4)) AS STRING), '0{{1,3}}$', '')"
