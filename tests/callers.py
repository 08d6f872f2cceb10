"""What callers of the REST service send, and a scorer that needs no engine."""

import csv
import io
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from jobs.serving.questions import Application
from jobs.serving.responses import Problem, ScoredApplicant, ScoringModel
from jobs.serving.uploads import COLUMNS
from tests.deliveries import Cells, row

ANNA, BRUNO = 100001, 100002
KNOWN = (ANNA, BRUNO)
"""Whom the lake of the made-up scorer holds."""
MODEL = ScoringModel(
    name="made up", version=7, sha256="ab", run_id="cd", feature_set="0123456789ab", features=8, threshold=0.1
)


def application(applicant: int = ANNA, **cells: str) -> Cells:
    """A row that keeps the contract."""
    return row("application_test", SK_ID_CURR=str(applicant), **cells)


def as_csv(rows: Iterable[Mapping[str, str]], header: Sequence[str] = COLUMNS) -> bytes:
    """A file; cells that a row lacks are empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, header, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def scored(applicant: int, probability: float) -> ScoredApplicant:
    return ScoredApplicant(
        SK_ID_CURR=applicant,
        probability=probability,
        score=600,
        decision="approve",
        reasons=[],
        base_value=-2.5,
        reason_not_scored=None,
        delivery=date(2018, 5, 17),
    )


class MadeUpScorer:
    """Takes the amount asked for as the probability in thousandths, and has something against those who own a boat.

    Args:
        hold: Until it is set, no question is answered.
    """

    identity = MODEL

    def __init__(self, hold: threading.Event | None = None) -> None:
        self.hold = hold
        self.batches: list[list[int]] = []
        self.days: list[date | None] = []

    def score_rows(self, rows: Sequence[Application], applied_on: date | None) -> list[ScoredApplicant | list[Problem]]:
        self.batches.append([each.applicant for each in rows])
        self.days.append(applied_on)
        assert len(set(self.batches[-1])) == len(rows), "rows of one applicant can't share a plan"
        if self.hold:
            assert self.hold.wait(30)
        return [self.answer(each) for each in rows]

    def answer(self, asked: Application) -> ScoredApplicant | list[Problem]:
        cells = dict(zip(COLUMNS, asked.cells, strict=True))
        if cells["NAME_HOUSING_TYPE"] == "Boat":
            return [Problem(column="NAME_HOUSING_TYPE", value="Boat", problem="floats")]
        return scored(asked.applicant, float(cells["AMT_CREDIT"] or 0) / 1000)

    def score_stored(self, applicants: Sequence[int]) -> dict[int, ScoredApplicant | list[Problem]]:
        self.batches.append(list(applicants))
        return {each: scored(each, 0.5) for each in applicants if each in KNOWN}
