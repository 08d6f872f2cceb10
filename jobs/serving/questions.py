"""What a caller can ask, as two types: rows that he sends, or applicants whom the lake holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Application:
    """A row: its applicant, and its cells in the order of `uploads.COLUMNS`, None where one is empty."""

    applicant: int
    cells: tuple[str | None, ...]


@dataclass(frozen=True)
class SentRows:
    """Rows to score, at least one, each applicant once."""

    rows: tuple[Application, ...]


@dataclass(frozen=True)
class LakeApplicants:
    """SK_ID_CURR of applicants to score from the feature table, at least one, each once."""

    applicants: tuple[int, ...]


Question = SentRows | LakeApplicants
