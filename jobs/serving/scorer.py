"""The champion over applicants of a lake, on the engine inside this process: what the REST service asks."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from features import TABLES, contract
from features.contract import BROKEN_LINE, ERRORS, FILE
from features.plan.feature_table import BY_NAME
from features.spec import KEY, TARGET
from jobs.lake.feature_sets import FeatureSet
from jobs.lake.histories import read_histories
from jobs.lake.model_rows import dated, read_inputs
from jobs.lake.tables import FEATURES, Lake
from jobs.model.booster import Model
from jobs.model.contributions import Explanation
from jobs.runtime.settings import Settings
from jobs.serving.questions import Application
from jobs.serving.responses import NotComputed, Problem, ScoredApplicant, ScoreReason, ScoringModel, shown
from jobs.serving.standing_plan import Prepared
from jobs.serving.uploads import COLUMNS, CONTRACT

DELIVERY = "run_date"
ACCEPTED, REFUSED = "accepted", "refused"


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
    contract: Prepared
    features: Prepared

    def score_rows(self, rows: Sequence[Application]) -> list[ScoredApplicant | list[Problem]]:
        """Each row's answer, or what the contract has against it; no two rows may be of one applicant.

        Raises:
            NotComputed: The engine failed at one of them.
        """
        try:
            return self.score_together(rows)
        except PySparkException as error:
            raise NotComputed from error

    def score_together(self, rows: Sequence[Application]) -> list[ScoredApplicant | list[Problem]]:
        """As `score_rows`, with the engine's own errors."""
        with self.contract.run({CONTRACT.name: as_cells(rows)}):
            accepted = self.contract.compute(ACCEPTED)
            problems = as_problems(self.contract.compute(REFUSED)) if len(accepted) < len(rows) else {}
        scored = self.score_accepted(accepted) if len(accepted) else {}
        return [problems[place] if place in problems else scored[row.applicant] for place, row in enumerate(rows)]

    def score_accepted(self, accepted: pa.Table) -> dict[int, ScoredApplicant]:
        """Answers by applicant, of typed rows joined with the histories that the lake holds."""
        histories = read_histories(self.lake, self.run_date, accepted.column(KEY).to_pylist())
        with self.features.run({**histories.tables, CONTRACT.name: accepted}):
            features = self.features.compute(FEATURES)
        return self.answers(features.to_pandas(), histories.deliveries)

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
        found: pd.DataFrame = rows.select(KEY, DELIVERY, "feature_set").toArrow().to_pandas()
        return found.sort_values(DELIVERY).drop_duplicates(KEY, keep="last")

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
        return self.answers(features, dict(zip(features[KEY], features[DELIVERY], strict=True)))

    def answers(self, features: pd.DataFrame, deliveries: Mapping[int, date]) -> dict[int, ScoredApplicant]:
        """Answers by applicant: SK_ID_CURR and the model's features, one row each."""
        scores = self.model.score(features, self.settings.decision.threshold)
        usable = features[scores["probability"].notna().to_numpy()].reset_index(drop=True)
        explain = self.settings.explain
        explained = self.model.explain(usable, explain.reasons, explain.contributions, explain.additivity)
        explanations = dict(zip(usable[KEY], explained, strict=True))
        return {
            applicant: as_answer(applicant, score, explanations.get(applicant), deliveries.get(applicant))
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


def prepare_contract(spark: SparkSession, folder: Path) -> Prepared:
    """From cells to `ACCEPTED`, typed rows of the application table, and `REFUSED`, the reasons of the others."""
    plan = Prepared(spark, folder, folder.name)
    text = T.StructType([T.StructField(name, T.StringType()) for name in (FILE, BROKEN_LINE, *COLUMNS)])
    (parsed,) = plan.settle([contract.parse(plan.table(CONTRACT.name, text), CONTRACT)])
    accepted = contract.accepted_rows(parsed, CONTRACT).withColumn(TARGET, F.lit(None).cast("bigint"))
    plan.keep(ACCEPTED, accepted.select(*contract.names(BY_NAME[CONTRACT.name])))
    plan.keep(REFUSED, contract.refused_rows(parsed, CONTRACT).select(FILE, ERRORS))
    return plan


def prepare_features(spark: SparkSession, folder: Path, fitted: FeatureSet) -> Prepared:
    """From the source tables' rows of some applicants to `FEATURES`, the nested ones among them where there are."""
    plan = Prepared(spark, folder, folder.name)
    sources = {table.name: plan.table(table.name, contract.schema(table)) for table in TABLES}
    plan.keep(FEATURES, fitted.applicants(sources, plan.settle))
    return plan


def as_cells(rows: Sequence[Application]) -> pa.Table:
    """The rows as the contract reads them; their places stand for the file that they came from."""
    cells = [(str(place), None, *row.cells) for place, row in enumerate(rows)]
    columns = [pa.array(column, pa.string()) for column in zip(*cells, strict=True)]
    return pa.table(columns, [FILE, BROKEN_LINE, *COLUMNS])


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
    applicant: int, score: Mapping[Hashable, object], explanation: Explanation | None, delivery: date | None
) -> ScoredApplicant:
    """A row of `Model.score` and its explanation as an answer."""
    return ScoredApplicant.model_validate(
        {
            **{name: None if value is pd.NA else value for name, value in score.items()},
            KEY: applicant,
            "reasons": [ScoreReason(**reason._asdict()) for reason in explanation.reasons] if explanation else [],
            "base_value": explanation.base_value if explanation else None,
            "delivery": delivery,
        }
    )
