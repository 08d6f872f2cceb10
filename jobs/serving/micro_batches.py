"""Callers that arrive together share one plan: planning costs more than the rows, and is the same for one or fifty."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failed:
    """In place of an answer: the error at which a question failed alone."""

    error: BaseException


class Batch[Question, Answer]:
    """Questions that are answered together.

    Args:
        questions: In the order in which they came.
        answers: To be awaited; one for each question.
    """

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.answers: asyncio.Task[list[Answer | Failed]]


class MicroBatches[Question, Answer]:
    """While one batch is being answered, those who arrive gather in the next.

    Args:
        answer: One answer for each question; runs in a thread of its own, once at a time.
        may_join: Whether a question can be answered together with those of a batch.
        gather_seconds: How long the first of a batch waits for others.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Question]], Sequence[Answer]],
        may_join: Callable[[Sequence[Question], Question], bool],
        gather_seconds: float,
    ) -> None:
        self.answer, self.may_join, self.gather_seconds = answer, may_join, gather_seconds
        self.gathering: list[Batch[Question, Answer]] = []
        self.at_work = asyncio.Lock()

    async def ask(self, question: Question) -> Answer:
        """The answer; raises what the question raises where it is asked alone, never another's error."""
        batch = self.batch_for(question)
        place = len(batch.questions)
        batch.questions.append(question)
        # A caller who hangs up must not take the answer from the others.
        answer = (await asyncio.shield(batch.answers))[place]
        if isinstance(answer, Failed):
            raise answer.error
        return answer

    def batch_for(self, question: Question) -> Batch[Question, Answer]:
        """The first batch that gathers and that the question may join, or a new one."""
        for batch in self.gathering:
            if self.may_join(batch.questions, question):
                return batch
        batch = Batch[Question, Answer]()
        self.gathering.append(batch)
        batch.answers = asyncio.create_task(self.run(batch))
        return batch

    async def run(self, batch: Batch[Question, Answer]) -> list[Answer | Failed]:
        """Gather until it is the batch's turn, then answer."""
        await asyncio.sleep(self.gather_seconds)
        async with self.at_work:
            self.gathering.remove(batch)
            return await self.answered(batch.questions)

    async def answered(self, questions: Sequence[Question]) -> list[Answer | Failed]:
        """One answer for each question; where they fail together, each half is asked by itself."""
        work = asyncio.create_task(asyncio.to_thread(self.answer, tuple(questions)))
        await asyncio.wait([work])
        error = work.exception()
        if error is None:
            return list(work.result())
        if len(questions) == 1:
            return [Failed(error)]
        LOG.warning("%d callers failed together with %s: trying halves", len(questions), type(error).__name__)
        half = len(questions) // 2
        return [*await self.answered(questions[:half]), *await self.answered(questions[half:])]
