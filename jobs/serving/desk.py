"""Where callers meet a scorer: those that arrive together are answered together, each with their own answer."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from features.spec import KEY
from jobs.runtime.settings import Serve
from jobs.serving.micro_batches import MicroBatches
from jobs.serving.places import Places
from jobs.serving.questions import Application, LakeApplicants, Question, SentRows
from jobs.serving.responses import NotComputed, Problem, Refused, ScoredApplicant, Scores, ScoringModel, refused

RowAnswer = ScoredApplicant | list[Problem]
"""A row's score, or what is wrong with it."""


class Scoring(Protocol):
    """What is asked of a scorer."""

    @property
    def identity(self) -> ScoringModel:
        """The model that scores."""

    def score_rows(self, rows: Sequence[Application], applied_on: date | None) -> Sequence[RowAnswer]:
        """Each row's answer; no two rows may be of one applicant.

        Args:
            rows: Of applicants.
            applied_on: The day of the applications, where it is known.

        Raises:
            NotComputed: The engine failed at one of them.
            Refused: The day is none that the lake can answer for.
        """

    def score_stored(self, applicants: Sequence[int]) -> Mapping[int, RowAnswer]:
        """Answers by applicant; those whom the lake does not hold are left out."""


class Desk:
    """Takes questions and hands out answers.

    Args:
        scorer: Who answers. Another may take its place at any time; a batch is answered by the one that began it.
        limits: How many callers and rows at a time.
    """

    def __init__(self, scorer: Scoring, limits: Serve) -> None:
        self.scorer, self.limits, self.places = scorer, limits, Places(limits)
        self.rows = MicroBatches[SentRows, Scores | Refused](
            self.answer_rows, self.may_share_rows, limits.gather_seconds
        )
        self.applicants = MicroBatches[LakeApplicants, Scores | Refused](
            self.answer_applicants, self.may_share_a_look, limits.gather_seconds
        )

    async def ask(self, question: Question) -> Scores:
        """The answers, in the order of the question, and the model that they are by.

        Raises:
            Refused: Something is wrong with the question, or one of its rows can't be computed.
        """
        match question:
            case SentRows():
                answer = await self.rows.ask(question)
            case LakeApplicants():
                answer = await self.applicants.ask(question)
        if isinstance(answer, Refused):
            raise answer
        return answer

    def may_share_rows(self, batch: Sequence[SentRows], question: SentRows) -> bool:
        """A batch is of one day and not larger than a request; rows of one applicant that differ would be mixed up."""
        if any(asked.applied_on != question.applied_on for asked in batch):
            return False
        known = {row.applicant: row for asked in batch for row in asked.rows}
        same = all(known.get(row.applicant, row) == row for row in question.rows)
        return same and len(known.keys() | {row.applicant for row in question.rows}) <= self.limits.most_rows

    def may_share_a_look(self, batch: Sequence[LakeApplicants], question: LakeApplicants) -> bool:
        """One batch is not larger than a request."""
        known = {applicant for asked in batch for applicant in asked.applicants}
        return len(known.union(question.applicants)) <= self.limits.most_rows

    def answer_rows(self, batch: Sequence[SentRows]) -> list[Scores | Refused]:
        """One plan for all callers' rows; a caller with a bad row is refused, the others are not.

        Raises:
            NotComputed: The engine failed at a row of one of several callers.
        """
        scorer = self.scorer
        rows = {row.applicant: row for question in batch for row in question.rows}
        try:
            scored = dict(zip(rows, scorer.score_rows(tuple(rows.values()), batch[0].applied_on), strict=True))
        except Refused as error:
            return [error] * len(batch)
        except NotComputed:
            if len(batch) > 1:
                raise
            return [not_computed(scorer, batch[0])]
        return [
            scored_or_refused(scorer.identity, [scored[row.applicant] for row in question.rows], question.warnings, 422)
            for question in batch
        ]

    def answer_applicants(self, batch: Sequence[LakeApplicants]) -> list[Scores | Refused]:
        """One look into the feature table for all callers."""
        scorer = self.scorer
        asked = dict.fromkeys(applicant for question in batch for applicant in question.applicants)
        scored = scorer.score_stored(tuple(asked))
        return [
            scored_or_refused(
                scorer.identity,
                [scored.get(applicant) or [unknown(applicant)] for applicant in question.applicants],
                question.warnings,
                404,
            )
            for question in batch
        ]


def scored_or_refused(
    model: ScoringModel, answers: Sequence[RowAnswer], warnings: Sequence[str], status: int
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
    scored = [answer for answer in answers if isinstance(answer, ScoredApplicant)]
    return Scores(model=model, applicants=scored, warnings=list(warnings))


def not_computed(scorer: Scoring, question: SentRows) -> Refused:
    """The first of a caller's rows at which the engine fails, by number."""
    place = first_failing(scorer, question)
    return refused(
        422,
        "can't be computed with the histories that the lake holds of the applicant: look for a number that can't be",
        row=place + 1,
    )


def first_failing(scorer: Scoring, question: SentRows) -> int:
    """The place of the first row at which the engine fails, where it fails at all together; log2 of them are tried."""
    place, rows = 0, question.rows
    while len(rows) > 1:
        half = len(rows) // 2
        try:
            scorer.score_rows(rows[:half], question.applied_on)
        except NotComputed:
            rows = rows[:half]
        else:
            place, rows = place + half, rows[half:]
    return place


def unknown(applicant: int) -> Problem:
    """That the lake does not hold the applicant."""
    return Problem(column=KEY, value=str(applicant), problem="is in no assembled delivery")
