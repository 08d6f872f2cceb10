"""What the REST service answers: scores, the model that they are by, or what is wrong with the question."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_PROBLEMS = 100


class Answered(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


class ScoreReason(Answered):
    """A family of features that raises the applicant's risk."""

    family: str = Field(examples=["external scores"])
    sentence: str = Field(description="What a declined applicant can be told.")
    contribution: float = Field(description="By how much it raises the risk, in log-odds of default.", examples=[0.61])


class ScoredApplicant(Answered):
    """One applicant's probability, score and decision, and why."""

    SK_ID_CURR: int = Field(description="The applicant.", examples=[100001])
    probability: float | None = Field(description="Probability of default.", examples=[0.0412])
    score: int | None = Field(
        description="600 points at odds of 50 good to 1 bad, 20 more where the odds double.", examples=[578]
    )
    decision: Literal["approve", "decline"] | None = Field(
        description="decline from the probability on at which declining costs less."
    )
    reasons: list[ScoreReason] = Field(description="What raises the risk, the largest first; at most four by default.")
    base_value: float | None = Field(
        description="What all contributions are added to, in log-odds of default.", examples=[-2.71]
    )
    reason_not_scored: str | None = Field(description="Why there is no score; null where there is one.")
    delivery: date | None = Field(
        description="The delivery that the histories or features are of; null for an applicant without any."
    )
    history_days: int | None = Field(
        default=None,
        description="How old the histories are: days from their delivery to `applied_on`, or to the service's one "
        "delivery; null where neither is given.",
        examples=[33],
    )


class ScoringModel(Answered):
    """The champion that scores."""

    name: str = Field(description="In the registry.", examples=["home-credit-default"])
    version: int = Field(examples=[3])
    sha256: str = Field(description="Hash of the model's file.")
    run_id: str = Field(description="MLflow run that trained it.")
    feature_set: str = Field(description="Version of the features that it was trained on.", examples=["2e7c3f4c4c57"])
    features: int = Field(description="How many it reads.", examples=[1063])
    threshold: float = Field(description="The probability from which an applicant is declined.", examples=[0.0909])


class Scores(Answered):
    """An answer in the order of the question."""

    model: ScoringModel
    applicants: list[ScoredApplicant]
    warnings: list[str] = Field(
        default=[],
        description="What was sent and ignored, or taken though it is written otherwise.",
        examples=[["ignored, not in the contract: column 1 (Unnamed: 0)"]],
    )


class Health(Answered):
    """That the service answers."""

    status: Literal["ok"]
    model_version: int
    waiting: int = Field(description="Callers that are waiting for an answer.")


class Problem(Answered):
    """What is wrong, and where."""

    row: int | None = Field(default=None, description="Counted from 1, without the header.", examples=[3])
    column: str | None = Field(default=None, examples=["AMT_CREDIT"])
    value: str | None = Field(default=None, description="What was sent.", examples=["-5"])
    problem: str = Field(examples=["is below 0"])


class Problems(Answered):
    """All that is wrong with a request."""

    detail: list[Problem]


class Refused(Exception):
    """A request that can't be answered: the HTTP status and what is wrong."""

    def __init__(self, status: int, problems: Sequence[Problem]) -> None:
        super().__init__(status)
        self.status = status
        shown = list(problems[:MOST_PROBLEMS])
        if len(problems) > len(shown):
            shown.append(Problem(problem=f"and {len(problems) - len(shown):,} more like these"))
        self.problems = shown


class NotComputed(Exception):
    """The engine failed at one of some rows; it doesn't say which."""


def refused(status: int, problem: str, *, row: int | None = None, column: str | None = None) -> Refused:
    """A request with one problem."""
    return Refused(status, [Problem(row=row, column=column, problem=problem)])
