"""Reason families: the few business sentences that features roll up into when a decision is explained."""

from typing import Final

FAMILIES: Final[dict[str, str]] = {
    "external scores": "Scores from external credit agencies are low",
    "loan size": "The amount asked for is high for the goods or the usual loan",
    "affordability": "The loan's payments are high for the income",
    "employment": "The employment is short, of a riskier kind or unknown",
    "stability": "Registration, identity document or phone were changed recently, or the car is old",
    "age": "Applicants of this age repaid less often",
    "housing and region": "Loans to homes of this kind or in this region are repaid less often",
    "contact and documents": "Contact details, addresses or documents are missing or do not agree",
    "enquiries": "There were many recent enquiries at the credit bureau",
    "bureau debt": "Debt with other lenders is high",
    "bureau history": "The history of loans with other lenders is short or weak",
    "bureau delinquency": "Payments to other lenders were late",
    "previous applications": "Earlier applications with us were refused or cancelled",
    "previous loans": "The terms of earlier loans with us were unfavourable",
    "payment history": "Instalments were paid late",
    "underpayment": "Instalments were paid short",
    "point of sale loans": "Earlier consumer loans did not run as planned",
    "card use": "Credit card limits are highly used",
    "card payments": "Credit card payments were late or low",
    "total burden": "Total debt and payments are high for the income",
}
"""Family to the sentence that an applicant could be told."""

NEVER_A_REASON: Final = frozenset({"age"})
"""Families that count in a score and are shown to a reviewer, and that no applicant is told."""
