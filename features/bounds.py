"""How far the numbers of a contract may reach.

Far beyond all that was ever delivered, and near enough that whatever is computed from them
stays a number. What a broken export writes for an empty cell (-9223372036854775808, 1e308) lies outside.
"""

LONG_AGO, FAR_AHEAD = -100_000, 400_000
"""Days: dates mistyped by a century are within, and so is 365243, which stands for "no such day"."""
YEARS_AGO, YEARS_AHEAD = -1_200, 1_200
"""Months."""
LONGEST_TERM = 1_200
"""Months. A rate is taken to this power."""
MOST_MONEY = 10_000_000_000
MOST_PAID = 100_000_000
"""At once. Nine hundred such payments for one instalment, in thousandths and times their days, are still a BIGINT."""
MOST_COUNTED = 100_000
"""Children, payments, days past due."""
LARGEST_IDENTIFIER = 2**63 - 1
