"""Callers that arrive together share one plan: planning costs more than the rows, and is the same for one or fifty."""

import asyncio
from collections.abc import Callable, Sequence


class Batch[Question, Answer]:
    """Questions that are answered together.

    Args:
        questions: In the order in which they came.
        answers: To be awaited; one for each question.
    """

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.answers: asyncio.Task[Sequence[Answer]]


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
        self.waiting = 0

    async def ask(self, question: Question) -> Answer:
        """The answer; what a batch raises, each of its callers gets."""
        batch = self.batch_for(question)
        place = len(batch.questions)
        batch.questions.append(question)
        self.waiting += 1
        try:
            # A caller who hangs up must not take the answer from the others.
            answers = await asyncio.shield(batch.answers)
        finally:
            self.waiting -= 1
        return answers[place]

    def batch_for(self, question: Question) -> Batch[Question, Answer]:
        """The first batch that gathers and that the question may join, or a new one."""
        for batch in self.gathering:
            if self.may_join(batch.questions, question):
                return batch
        batch = Batch[Question, Answer]()
        self.gathering.append(batch)
        batch.answers = asyncio.create_task(self.run(batch))
        return batch

    async def run(self, batch: Batch[Question, Answer]) -> Sequence[Answer]:
        """Gather until it is the batch's turn, then answer."""
        await asyncio.sleep(self.gather_seconds)
        async with self.at_work:
            self.gathering.remove(batch)
            return await asyncio.to_thread(self.answer, tuple(batch.questions))
