"""Where callers meet a scorer: those that arrive together are answered together, each with their own answer."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from features.spec import KEY
from jobs.runtime.settings import Serve
from jobs.serving.micro_batches import MicroBatches
from jobs.serving.responses import Problem, Refused, ScoredApplicant, Scores, ScoringModel, refused
from jobs.serving.uploads import Application

Rows = tuple[Application, ...]
Identifiers = tuple[int, ...]


class Scoring(Protocol):
    """What is asked of a scorer."""

    @property
    def identity(self) -> ScoringModel:
        """The model that scores."""

    def score_rows(self, rows: Sequence[Application]) -> Sequence[ScoredApplicant | list[Problem]]:
        """Each row's answer, or what is wrong with it; no two rows may be of one applicant."""

    def score_stored(self, applicants: Sequence[int]) -> Mapping[int, ScoredApplicant | list[Problem]]:
        """Answers by applicant, or why there is none; those whom the lake does not hold are left out."""


class Desk:
    """Takes questions and hands out answers.

    Args:
        scorer: Who answers. Another may take its place at any time; a batch is answered by the one that began it.
        limits: How many callers and rows at a time.
    """

    def __init__(self, scorer: Scoring, limits: Serve) -> None:
        self.scorer, self.limits = scorer, limits
        self.rows = MicroBatches[Rows, Scores | Refused](self.answer_rows, self.may_join_rows, limits.gather_seconds)
        self.stored = MicroBatches[Identifiers, Scores | Refused](
            self.answer_stored, self.may_join_stored, limits.gather_seconds
        )

    @property
    def waiting(self) -> int:
        """Callers without an answer yet."""
        return self.rows.waiting + self.stored.waiting

    async def ask(self, question: Rows | Identifiers) -> Scores:
        """The answers, in the order of the question, and the model that they are by."""
        if self.waiting >= self.limits.most_waiting:
            raise refused(503, f"{self.waiting} callers are waiting: try again in a few seconds")
        if isinstance(question[0], Application):
            answer = await self.rows.ask(question)
        else:
            answer = await self.stored.ask(question)
        if isinstance(answer, Refused):
            raise answer
        return answer

    def may_join_rows(self, asked: Sequence[Rows], rows: Rows) -> bool:
        """Rows of one applicant that differ would be taken for each other's; one batch is not larger than a request."""
        known = {row.applicant: row for question in asked for row in question}
        same = all(known.get(row.applicant, row) == row for row in rows)
        return same and len(known.keys() | {row.applicant for row in rows}) <= self.limits.most_rows

    def may_join_stored(self, asked: Sequence[Identifiers], applicants: Identifiers) -> bool:
        """One batch is not larger than a request."""
        return len({*applicants, *(each for question in asked for each in question)}) <= self.limits.most_rows

    def answer_rows(self, asked: Sequence[Rows]) -> list[Scores | Refused]:
        """One plan for all callers' rows; a caller with a bad row is refused, the others are not."""
        scorer = self.scorer
        rows = {row.applicant: row for question in asked for row in question}
        found = dict(zip(rows, scorer.score_rows(tuple(rows.values())), strict=True))
        return [
            scored_or_refused(scorer.identity, [found[row.applicant] for row in question], 422) for question in asked
        ]

    def answer_stored(self, asked: Sequence[Identifiers]) -> list[Scores | Refused]:
        """One look into the feature table for all callers."""
        scorer = self.scorer
        found = scorer.score_stored(tuple(dict.fromkeys(each for question in asked for each in question)))
        return [
            scored_or_refused(scorer.identity, [found.get(each) or [unknown(each)] for each in question], 404)
            for question in asked
        ]


def scored_or_refused(
    model: ScoringModel, answers: Sequence[ScoredApplicant | list[Problem]], status: int
) -> Scores | Refused:
    """All of a caller's answers, or all that is wrong with the question, by its rows, with the HTTP status."""
    problems = [
        problem.model_copy(update={"row": number})
        for number, answer in enumerate(answers, start=1)
        if isinstance(answer, list)
        for problem in answer
    ]
    if problems:
        return Refused(status, problems)
    return Scores(model=model, applicants=[each for each in answers if isinstance(each, ScoredApplicant)])


def unknown(applicant: int) -> Problem:
    """That the lake does not hold the applicant."""
    return Problem(column=KEY, value=str(applicant), problem="is in no assembled delivery")
