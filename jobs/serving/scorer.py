"""The champion over applicants of a lake, on the engine inside this process: what the REST service asks."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from features.contract import ERRORS, FILE
from features.rows_as_sent import shown
from features.spec import KEY
from jobs.lake.histories import DELIVERY, NoDeliveryYet, read_histories
from jobs.lake.model_rows import dated, read_inputs
from jobs.lake.tables import FEATURES, Lake
from jobs.model.booster import Model
from jobs.model.contributions import Explanation
from jobs.runtime.settings import Settings
from jobs.serving.questions import Application
from jobs.serving.responses import NotComputed, Problem, ScoredApplicant, ScoreReason, ScoringModel, refused
from jobs.serving.row_plans import ACCEPTED, REFUSED, as_cells, with_later
from jobs.serving.standing_plan import StandingPlan
from jobs.serving.uploads import CONTRACT


@dataclass(frozen=True)
class Scorer:
    """A model with all that it needs to score applicants.

    Args:
        lake: Where histories and features are.
        run_date: The one delivery to take them from; None takes for each applicant the newest that holds any row.
        model: The champion.
        identity: Which one it is.
        settings: The threshold, and how much is explained.
        contract: From the cells of rows to typed ones and problems.
        features: From typed rows and histories to features.
    """

    lake: Lake
    run_date: date | None
    model: Model
    identity: ScoringModel
    settings: Settings
    contract: StandingPlan
    features: StandingPlan

    def score_rows(self, rows: Sequence[Application], applied_on: date | None) -> list[ScoredApplicant | list[Problem]]:
        """Each row's answer, or what is wrong with it; no two rows may be of one applicant.

        Args:
            rows: Of applicants.
            applied_on: The day of the applications; None takes them for applications of their histories' delivery.

        Raises:
            NotComputed: The engine failed at one of them.
            Refused: All deliveries are later than the applications.
        """
        try:
            return self.score_together(rows, applied_on)
        except NoDeliveryYet as error:
            raise refused(422, str(error), column="applied_on") from None
        except PySparkException as error:
            raise NotComputed from error

    def score_together(
        self, rows: Sequence[Application], applied_on: date | None
    ) -> list[ScoredApplicant | list[Problem]]:
        """As `score_rows`, with the engine's own errors."""
        with self.contract.run({CONTRACT.name: as_cells(rows)}):
            accepted = self.contract.compute(ACCEPTED)
            problems = as_problems(self.contract.compute(REFUSED)) if len(accepted) < len(rows) else {}
        scored = self.score_accepted(accepted, applied_on) if len(accepted) else {}
        return [problems[place] if place in problems else scored[row.applicant] for place, row in enumerate(rows)]

    def score_accepted(self, accepted: pa.Table, applied_on: date | None) -> dict[int, ScoredApplicant | list[Problem]]:
        """Answers by applicant, of typed rows joined with the histories that the lake holds."""
        histories = read_histories(self.lake, self.run_date, accepted.column(KEY).to_pylist(), until=applied_on)
        limit = self.settings.serve.oldest_history
        problems = {
            applicant: [too_old(applicant, delivery, applied_on, limit)]
            for applicant, delivery in histories.deliveries.items()
            if applied_on is not None and (applied_on - delivery).days > limit
        }
        usable = accepted.filter(pc.invert(pc.is_in(accepted.column(KEY), pa.array(problems, pa.int64()))))
        if not len(usable):
            return dict(problems)
        tables = {name: with_later(rows, applied_on) for name, rows in histories.tables.items()}
        with self.features.run({**tables, CONTRACT.name: usable}):
            features = self.features.compute(FEATURES)
        return {**self.answers(features.to_pandas(), histories.deliveries, applied_on), **problems}

    def score_stored(self, applicants: Sequence[int]) -> dict[int, ScoredApplicant | list[Problem]]:
        """Answers by applicant, of the feature table's newest row for each, or why the model can't read that row.

        Those who are not in the table are left out.
        """
        newest = self.newest_rows(applicants)
        readable = newest["feature_set"] == self.model.feature_set
        scored = self.score_features(newest[readable]) if readable.any() else {}
        refused = {
            applicant: [other_features(applicant, delivery, feature_set, self.model.feature_set)]
            for applicant, delivery, feature_set in newest[~readable].itertuples(index=False, name=None)
        }
        return {**scored, **refused}

    def newest_rows(self, applicants: Sequence[int]) -> pd.DataFrame:
        """SK_ID_CURR, run_date and feature_set of each applicant's newest row in the feature table."""
        rows = dated(self.lake.read(FEATURES), self.run_date).where(F.col(KEY).isin(list(applicants)))
        stored: pd.DataFrame = rows.select(KEY, DELIVERY, "feature_set").toArrow().to_pandas()
        return stored.sort_values(DELIVERY).drop_duplicates(KEY, keep="last")

    def score_features(self, chosen: pd.DataFrame) -> dict[int, ScoredApplicant]:
        """Answers by applicant, of the rows of the feature table with these SK_ID_CURR, run_date and feature_set.

        A delivery may be assembled with others between two reads.
        """
        rows = read_inputs(self.lake, self.model.features, self.run_date)
        asked = rows.where(
            F.col(DELIVERY).isin(chosen[DELIVERY].unique().tolist()) & F.col(KEY).isin(chosen[KEY].tolist())
        )
        same = [KEY, DELIVERY, "feature_set"]
        features = asked.select(*same, *self.model.features).toArrow().to_pandas().merge(chosen[same], on=same)
        return self.answers(features, dict(zip(features[KEY], features[DELIVERY], strict=True)), applied_on=None)

    def answers(
        self, features: pd.DataFrame, deliveries: Mapping[int, date], applied_on: date | None
    ) -> dict[int, ScoredApplicant]:
        """Answers by applicant: SK_ID_CURR and the model's features, one row each."""
        seen_on = applied_on or self.run_date
        scores = self.model.score(features, self.settings.decision.threshold)
        usable = features[scores["probability"].notna().to_numpy()].reset_index(drop=True)
        explain = self.settings.explain
        explained = self.model.explain(usable, explain.reasons, explain.contributions, explain.additivity)
        explanations = dict(zip(usable[KEY], explained, strict=True))
        return {
            applicant: as_answer(applicant, score, explanations.get(applicant), deliveries.get(applicant), seen_on)
            for applicant, score in zip(features[KEY].tolist(), scores.to_dict("records"), strict=True)
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
