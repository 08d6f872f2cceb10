"""What an applicant is like: causes that no column says, of which many say a little."""

from typing import Final

SEEN_PLAINLY: Final = ("careless", "stretched", "rebuffed")
"""Pays late, uses credit to the full, is refused."""

SEEN_DIMLY: Final = (
    "hurried",  # asks for credit often, and lately
    "cashbound",  # takes cash: loans and drawings
    "overcharged",  # gets the dear prices, at the counters that sell them
    "piecemeal",  # pays in parts, or short
    "slipping",  # was late more often in the last year than before
    "scattered",  # owes to lenders of many kinds, and has loans prolonged
    "drawn_out",  # takes the long terms
    "unsaving",  # pays little down and has costs added to the loan
    "wavering",  # asks and does not take
    "pressed",  # pays on the last day, never ahead
    "modest",  # buys small things, lives in a small building
    "unsettled",  # lives, works and is registered in different places, among people who default
)
