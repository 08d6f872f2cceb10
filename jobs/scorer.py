"""The champion over applicants of a lake, on the engine inside this process: what the REST service asks."""

from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from features import contract
from features.contract import BROKEN_LINE, CELLS, ERRORS, FILE
from features.encode import Encodings
from features.matrix import KEY, TARGET, catalogue, feature_set, feature_table
from jobs import tracking
from jobs.answers import Problem, ScoredApplicant, ScoreReason, ScoringModel, shown
from jobs.applications import COLUMNS, CONTRACT, Application
from jobs.errors import ModelRefused
from jobs.fitted import encodings_of
from jobs.lake import FEATURES, Lake
from jobs.model import Explanation, Model
from jobs.settings import Settings

LOAN = "SK_ID_BUREAU"
DELIVERY = "run_date"
PARTS_AT_ONCE = 4


@dataclass(frozen=True)
class Scorer:
    """A model with all that it needs to score applicants.

    Args:
        lake: Where histories and features are.
        run_date: The one delivery to take them from; None takes for each applicant the newest that holds him or her.
        model: The champion.
        identity: Which one it is.
        encodings: Those of its feature set.
        settings: The threshold, and how much is explained.
    """

    lake: Lake
    run_date: date | None
    model: Model
    identity: ScoringModel
    encodings: Encodings
    settings: Settings

    def score_rows(self, rows: Sequence[Application]) -> list[ScoredApplicant | list[Problem]]:
        """Each row's answer, or what the contract has against it; no two rows may be of one applicant."""
        cells = [(str(place), None, *row.cells) for place, row in enumerate(rows)]
        text = pa.table(
            [pa.array(column, pa.string()) for column in zip(*cells, strict=True)], [FILE, BROKEN_LINE, *COLUMNS]
        )
        (parsed,) = self.settle([contract.parse(self.local(text), CONTRACT)])
        problems = contract_problems(parsed)
        kept = [row.applicant for place, row in enumerate(rows) if place not in problems]
        scored = self.score_accepted(contract.accepted_rows(parsed, CONTRACT).drop(FILE), kept) if kept else {}
        return [problems[place] if place in problems else scored[row.applicant] for place, row in enumerate(rows)]

    def score_accepted(self, accepted: DataFrame, applicants: Sequence[int]) -> dict[int, ScoredApplicant]:
        """Answers by applicant, of typed rows joined with the histories that the lake holds."""
        histories, deliveries = self.histories(applicants)
        applications = accepted.withColumn(TARGET, F.lit(None).cast("bigint"))
        sources = {**histories, CONTRACT.name: applications}
        features = feature_table(sources, self.encodings, self.settle)
        return self.answers(features.toPandas(), deliveries)

    def score_stored(self, applicants: Sequence[int]) -> dict[int, ScoredApplicant]:
        """Answers by applicant, of the feature table's newest row for each; those who are not in it are left out."""
        rows = self.lake.read(FEATURES).where(F.col("feature_set") == self.model.feature_set)
        if self.run_date is not None:
            rows = rows.where(F.col(DELIVERY) == F.lit(self.run_date))
        asked = rows.where(F.col(KEY).isin(list(applicants))).select(KEY, DELIVERY, *self.model.features)
        found = asked.toArrow().to_pandas().sort_values(DELIVERY, kind="stable")
        newest = found.drop_duplicates(KEY, keep="last").reset_index(drop=True)
        return self.answers(newest, dict(zip(newest[KEY], newest[DELIVERY], strict=True)))

    def histories(self, applicants: Sequence[int]) -> tuple[dict[str, DataFrame], dict[int, date]]:
        """The source tables' rows of each applicant, from the newest delivery that holds any, and which that is."""
        deliveries: dict[int, date] = {}
        parts: dict[str, list[pa.Table]] = {}
        for run_date in [self.run_date] if self.run_date else self.lake.run_dates():
            wanted = [each for each in applicants if each not in deliveries]
            if not wanted and parts:
                break
            for name, rows in rows_of(self.lake.delivered_tables(run_date), wanted).items():
                parts.setdefault(name, []).append(rows)
                if KEY in rows.column_names:
                    deliveries |= dict.fromkeys(rows.column(KEY).unique().to_pylist(), run_date)
        return {name: self.local(pa.concat_tables(tables)) for name, tables in parts.items()}, deliveries

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

    def settle(self, parts: Sequence[DataFrame]) -> list[DataFrame]:
        """Each part's rows, computed; planning one keeps one core busy."""
        with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
            return list(pool.map(lambda rows: self.local(rows.toArrow()), parts))

    def local(self, rows: pa.Table) -> DataFrame:
        """Rows of this process as the engine's."""
        return self.lake.spark.createDataFrame(rows, from_arrow_schema(rows.schema))


def open_scorer(lake: Lake, run_date: date | None, settings: Settings) -> Scorer:
    """The scorer of a lake's champion.

    Raises:
        UserError: There is no champion, no feature table or no such delivery.
        ModelRefused: The champion's file was changed, or the declarations of its features were.
    """
    if run_date is not None:
        lake.delivery(run_date)
    lake.read(FEATURES)
    store = tracking.connect(lake.address, settings.mlflow)
    champion = store.need_champion()
    model = store.registered_model(champion)
    encodings = encodings_of(lake, model.feature_set)
    made = feature_set(encodings)
    unknown = sorted(set(model.features) - {named.name for named in catalogue()})
    if made != model.feature_set or unknown:
        raise ModelRefused(
            f"the champion, version {champion.version}, was trained on feature set {model.feature_set}, "
            f"the declarations now make {made}: train and register a new model, or serve this one with its own code"
        )
    identity = ScoringModel(
        name=store.model_name,
        version=champion.version,
        sha256=champion.sha256,
        run_id=champion.run_id,
        feature_set=model.feature_set,
        features=len(model.features),
        threshold=settings.decision.threshold,
    )
    return Scorer(lake, run_date, model, identity, encodings, settings)


def rows_of(delivered: Mapping[str, DataFrame], applicants: Sequence[int]) -> dict[str, pa.Table]:
    """Every source table's rows of the applicants; those of bureau_balance by the loans."""
    found = {
        name: rows.where(F.col(KEY).isin(list(applicants))).toArrow()
        for name, rows in delivered.items()
        if KEY in rows.columns
    }
    loans = found["bureau"].column(LOAN).unique().to_pylist()
    return found | {
        name: rows.where(F.col(LOAN).isin(loans)).toArrow() for name, rows in delivered.items() if name not in found
    }


def contract_problems(parsed: DataFrame) -> dict[int, list[Problem]]:
    """What the contract has against the rows, by their places; parsed as `contract.parse` gives them."""
    if parsed.where(F.col(CELLS).isNotNull()).isEmpty():
        return {}
    refused = contract.refused_rows(parsed, CONTRACT).select(FILE, ERRORS).collect()
    return {
        int(row[FILE]): [
            Problem(column=error["column"], value=shown(error["value"]), problem=error["problem"])
            for error in row[ERRORS]
        ]
        for row in refused
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
