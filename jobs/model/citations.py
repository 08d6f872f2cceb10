"""The rules of law and the conventions that something here rests on, each as of a day.

They are for whoever reviews the project to check against today's text, which may be another. Nothing here is advice,
and no setting makes a lender compliant: limits are the lender's own policy.
"""

from dataclasses import dataclass
from datetime import date

# The day on which the last change of Regulation B that is known here took effect.
REGULATION_B = date(2026, 7, 21)


@dataclass(frozen=True, slots=True)
class Citation:
    """A rule in a sentence, where it stands, the day as of which it was read, and what here rests on it."""

    rule: str
    source: str
    as_of: date
    rests: str


LAW = (
    Citation(
        "Sex and marital status are not taken into account when an applicant is evaluated",
        "12 CFR 1002.6(b)(1), (8), (9)",
        REGULATION_B,
        "CODE_GENDER and NAME_FAMILY_STATUS are protected: read for the audit, never an input",
    ),
    Citation(
        "Marital status is one of unmarried, married and separated",
        "12 CFR 1002.2(u)",
        REGULATION_B,
        "the three groups of the gate selection_rate_ratio_marital_status",
    ),
    Citation("Elderly is who is 62 or older", "12 CFR 1002.2(o)", REGULATION_B, "the oldest age band of the audit"),
    Citation(
        "Age may be a factor of an empirically derived, demonstrably and statistically sound system, if the elderly "
        "are given no less than the class that is favoured most; they may be favoured",
        "12 CFR 1002.6(b)(2)(ii), (iv); 1002.2(v)",
        REGULATION_B,
        "age is an input; the gate selection_rate_ratio_elderly looks in one direction, at the band approved most",
    ),
    Citation(
        "The Equal Credit Opportunity Act authorizes no claim by effect alone; a state's law may",
        "12 CFR 1002.6(a), as amended in April 2026",
        REGULATION_B,
        "nothing: ratios of approval rates are held to the lender's own policy",
    ),
    Citation(
        "A statement of reasons is specific and names the principal ones; more than four are not likely to be helpful",
        "12 CFR 1002.9(b)(2) and its official interpretation, paragraph 9(b)(2)-1",
        REGULATION_B,
        "reason families, and at most four reasons",
    ),
    Citation(
        "Who is subject to a decision by automated means alone may ask for a person, where the law knows no exception",
        "Regulation (EU) 2016/679, article 22",
        date(2025, 2, 27),
        "what the model card says the model is not for",
    ),
)
"""Law, as far as it is known here."""

CONVENTIONS = (
    Citation(
        "A rate below four fifths of the highest group's is looked at: a guideline of employment, where lenders have "
        "borrowed it from",
        "29 CFR 1607.4(D)",
        date(1978, 8, 25),
        "gates.selection_rate_ratio = 0.8, the lender's own policy",
    ),
    Citation(
        "Groups of less than two percent are not compared: from the same guideline",
        "29 CFR 1607.15(A)(2)(a)",
        date(1978, 8, 25),
        "which groups the audit compares, the lender's own policy",
    ),
)
"""What the lender's own policy takes from elsewhere, without a duty to."""
