"""Reason families: the few business sentences that features roll up into when a decision is explained."""

from typing import Final

FAMILIES: Final[dict[str, str]] = {
    "external scores": "Scores from external credit agencies are low",
    "loan size": "The amount asked for is high for the goods or the usual loan",
    "affordability": "The loan's payments are high for the income",
    "employment": "The employment is short or unknown",
    "age and stability": "Age, registration, documents or phone were changed recently or are recent",
    "housing and region": "Housing and region",
    "contact and documents": "Contact details and documents provided",
    "enquiries": "There were many recent enquiries at the credit bureau",
    "bureau debt": "Debt with other lenders is high",
    "bureau history": "The history of loans with other lenders is short or weak",
    "bureau delinquency": "Payments to other lenders were late",
    "previous applications": "Earlier applications with us were refused or cancelled",
    "previous loans": "The terms of earlier loans with us",
    "payment history": "Instalments were paid late",
    "underpayment": "Instalments were paid short",
    "point of sale loans": "The course of earlier consumer loans",
    "card use": "Credit card limits are highly used",
    "card payments": "Credit card payments were late or low",
    "total burden": "Total debt and payments are high for the income",
}
"""Family to the sentence that an applicant could be told."""
