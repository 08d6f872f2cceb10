"""The champion over applicants of a lake, without a JVM: what the REST service asks."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.errors import PySparkException

from features.contract import ERRORS, FILE
from features.memory.cells import Cells
from features.memory.operations import NotDivisible
from features.rows_as_sent import shown
from features.spec import KEY
from jobs.lake.histories import NoDeliveryYet
from jobs.model.booster import Model
from jobs.model.contributions import Explanation
from jobs.runtime.settings import Settings
from jobs.serving.lake_rows import LakeRows
from jobs.serving.questions import Application
from jobs.serving.responses import NotComputed, Problem, ScoredApplicant, ScoreReason, ScoringModel, refused
from jobs.serving.row_features import Features, RowFeatures
from jobs.serving.row_plans import ACCEPTED, REFUSED, as_cells
from jobs.serving.standing_plan import StandingPlan
from jobs.serving.uploads import CONTRACT

CELLS = Cells(CONTRACT)


@dataclass(frozen=True)
class Scorer:
    """A model with all that it needs to score applicants.

    Args:
        found: Where histories and features are, and what of them is looked into.
        model: The champion.
        identity: Which one it is.
        settings: The threshold, and how much is explained.
        contract: From the cells of rows to typed ones and problems, where they are in doubt.
        features: From typed rows and histories to features.
    """

    found: LakeRows
    model: Model
    identity: ScoringModel
    settings: Settings
    contract: StandingPlan
    features: RowFeatures

    def score_rows(self, rows: Sequence[Application], applied_on: date | None) -> list[ScoredApplicant | list[Problem]]:
        """Each row's answer, or what is wrong with it; no two rows may be of one applicant.

        Args:
            rows: Of applicants.
            applied_on: The day of the applications; None takes them for applications of their histories' delivery.

        Raises:
            NotComputed: One of them can't be computed.
            Refused: All deliveries are later than the applications.
        """
        try:
            return self.score_together(rows, applied_on)
        except NoDeliveryYet as error:
            raise refused(422, str(error), column="applied_on") from None
        except (PySparkException, NotDivisible) as error:
            raise NotComputed from error

    def score_together(
        self, rows: Sequence[Application], applied_on: date | None
    ) -> list[ScoredApplicant | list[Problem]]:
        """As `score_rows`, with the engine's own errors."""
        read = CELLS.sort([row.cells for row in rows])
        accepted, problems = read.kept, dict[int, list[Problem]]()
        if read.in_doubt:
            doubted = [rows[place] for place in read.in_doubt]
            with self.contract.run({CONTRACT.name: as_cells(doubted)}):
                accepted = pa.concat_tables([accepted, self.contract.compute(ACCEPTED).select(accepted.column_names)])
                refused_rows = as_problems(self.contract.compute(REFUSED))
            problems = {doubted[place].applicant: of_row for place, of_row in refused_rows.items()}
        scored = self.score_accepted(accepted, applied_on) if len(accepted) else {}
        return [problems.get(row.applicant) or scored[row.applicant] for row in rows]

    def score_accepted(self, accepted: pa.Table, applied_on: date | None) -> dict[int, ScoredApplicant | list[Problem]]:
        """Answers by applicant, of typed rows joined with the histories that the lake holds."""
        histories = self.found.histories(accepted.column(KEY).to_pylist(), applied_on)
        limit = self.settings.serve.oldest_history
        problems = {
            applicant: [too_old(applicant, delivery, applied_on, limit)]
            for applicant, delivery in histories.deliveries.items()
            if applied_on is not None and (applied_on - delivery).days > limit
        }
        usable = accepted.filter(pc.invert(pc.is_in(accepted.column(KEY), pa.array(problems, pa.int64()))))
        if not len(usable):
            return dict(problems)
        features = self.features.of(self.model.features, usable, histories, applied_on)
        return {**self.answers(features, histories.deliveries, applied_on), **problems}

    def score_stored(self, applicants: Sequence[int]) -> dict[int, ScoredApplicant | list[Problem]]:
        """Answers by applicant, of the feature table's newest row for each, or why the model can't read that row.

        Those who are not in the table are left out.
        """
        newest = self.found.newest_features(applicants, self.model.features, self.model.feature_set)
        scored = self.answers(newest.features, newest.deliveries, applied_on=None)
        refused = {
            applicant: [other_features(applicant, delivery, feature_set, self.model.feature_set)]
            for applicant, delivery, feature_set in newest.of_other_sets.itertuples(index=False, name=None)
        }
        return {**scored, **refused}

    def answers(
        self, features: Features, deliveries: Mapping[int, date], applied_on: date | None
    ) -> dict[int, ScoredApplicant]:
        """Answers by applicant.

        Args:
            features: The model's.
            deliveries: By applicant, where his histories or features are from.
            applied_on: The day of the applications, where it is known.
        """
        if not features.applicants:
            return {}
        seen_on, explain = applied_on or self.found.run_date, self.settings.explain
        scores = self.model.score_of(features.values, self.settings.decision.threshold)
        usable = scores["probability"].notna().to_numpy()
        explained = self.model.explanations(
            features.values[usable], explain.reasons, explain.contributions, explain.additivity
        )
        explanations = iter([explained.row(place) for place in range(int(usable.sum()))])
        rows = zip(features.applicants, scores.to_dict("records"), usable.tolist(), strict=True)
        return {
            applicant: as_answer(
                applicant, score, next(explanations) if is_usable else None, deliveries.get(applicant), seen_on
            )
            for applicant, score, is_usable in rows
        }


def other_features(applicant: int, delivery: date, feature_set: str, wanted: str) -> Problem:
    """That an applicant's newest row was assembled with features that are not the model's."""
    return Problem(
        column=KEY,
        value=str(applicant),
        problem=f"is in the delivery of {delivery} with feature set {feature_set}, the model reads {wanted}: "
        f"run `assemble --run-date {delivery} --feature-set {wanted}`",
    )


def too_old(applicant: int, delivery: date, applied_on: date, limit: int) -> Problem:
    """That too much may have happened since an applicant's histories were delivered."""
    return Problem(
        column=KEY,
        value=str(applicant),
        problem=f"has histories of {delivery}, {(applied_on - delivery).days} days before {applied_on} and more than "
        f"the {limit} of serve.oldest_history: ingest a newer delivery",
    )


def as_problems(refused: pa.Table) -> dict[int, list[Problem]]:
    """What the contract has against the rows, by their places."""
    return {
        int(row[FILE]): [
            Problem(column=error["column"], value=shown(error["value"]), problem=error["problem"])
            for error in row[ERRORS]
        ]
        for row in refused.to_pylist()
    }


def as_answer(
    applicant: int,
    score: Mapping[Hashable, object],
    explanation: Explanation | None,
    delivery: date | None,
    seen_on: date | None,
) -> ScoredApplicant:
    """A row of `Model.score` and its explanation as an answer."""
    return ScoredApplicant.model_validate(
        {
            **{name: None if value is pd.NA else value for name, value in score.items()},
            KEY: applicant,
            "reasons": [ScoreReason(**reason._asdict()) for reason in explanation.reasons] if explanation else [],
            "base_value": explanation.base_value if explanation else None,
            "delivery": delivery,
            "history_days": (seen_on - delivery).days if seen_on and delivery else None,
        }
    )
