"""The source tables of a delivery, in reading order: start here.

A file is a source table: what its columns mean and allow, what is derived from a row, and which features it gives.
`spec` holds the words that they are declared in, `declarations` all tables together, `across` the features that need
more than one. A declaration that can't mean anything is refused when this is imported.
"""

from features.declarations import Declarations
from features.spec import Table
from features.tables import (
    application,
    bureau,
    bureau_balance,
    credit_card_balance,
    installments_payments,
    pos_cash_balance,
    previous_application,
)
from features.tables.across import ACROSS

TABLES: tuple[Table, ...] = (
    application.TABLE,
    bureau.TABLE,
    bureau_balance.TABLE,
    previous_application.TABLE,
    installments_payments.TABLE,
    pos_cash_balance.TABLE,
    credit_card_balance.TABLE,
)

DECLARED = Declarations(TABLES, ACROSS)

__all__ = ["ACROSS", "DECLARED", "TABLES"]
