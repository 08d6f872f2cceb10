"""What a caller can ask, as two types: rows that he sends, or applicants whom the lake holds.

Both carry warnings: what was taken, or left, though it is not as it should be.
"""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Application:
    """A row: its applicant, and its cells in the order of `uploads.COLUMNS`, None where one is empty."""

    applicant: int
    cells: tuple[str | None, ...]


@dataclass(frozen=True)
class SentRows:
    """Rows to score, at least one, each applicant once; and the day of the applications, where the caller knows it."""

    rows: tuple[Application, ...]
    applied_on: date | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class LakeApplicants:
    """SK_ID_CURR of applicants to score from the feature table, at least one, each once."""

    applicants: tuple[int, ...]
    warnings: tuple[str, ...] = ()


Question = SentRows | LakeApplicants
