"""How values stand in Kaggle's CSV files: SQL text that gives the column as it is written."""


def whole(sql: str) -> str:
    """A whole number: 12."""
    return f"CAST({sql} AS BIGINT)"


def whole_as_real(sql: str) -> str:
    """A whole number in a column that Kaggle writes as a float: 12.0, never -0.0."""
    return f"(CAST(CAST({sql} AS BIGINT) AS DOUBLE))"


def amount(sql: str) -> str:
    """An amount of money to half a hundredth, without an exponent: 18083.7, 405.045, 13500000.0."""
    rounded = f"(rint(({sql}) * 200) / 200)"
    return (
        f"(CASE WHEN abs({sql}) < 9999999 THEN CAST({rounded} + 0D AS STRING)"
        f" ELSE CAST(CAST({sql} AS DECIMAL(18, 1)) AS STRING) END)"
    )


def ratio(sql: str) -> str:
    """A number between 0 and 1 to four decimals, without an exponent: 0.0672, 0.0005."""
    rounded = f"(rint(({sql}) * 10000) / 10000)"
    return (
        f"(CASE WHEN {rounded} = 0 THEN '0.0' WHEN {rounded} >= 0.001 THEN CAST({rounded} AS STRING)"
        f" ELSE rtrim('0', CAST(CAST({rounded} AS DECIMAL(9, 4)) AS STRING)) END)"
    )
