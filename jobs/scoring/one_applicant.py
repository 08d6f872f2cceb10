"""One scored applicant, explained by the model that scored."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import functions as F

from features.spec import KEY
from jobs.lake.job import Job
from jobs.lake.model_rows import inputs_of
from jobs.model.contributions import Reason, Vector
from jobs.registry.store import Store
from jobs.runtime.errors import UserError
from jobs.scoring.batch import check_same_probability
from jobs.scoring.scores_table import check_fresh, read_scores, scoring_model


@dataclass(frozen=True)
class Applicant:
    """One applicant's decision and its reasons, with every contribution and input, (features,) in the order of names.

    Args:
        id: SK_ID_CURR.
        run_date: The delivery.
        probability: Of default.
        score: In points.
        decision: As stored.
        threshold: From which probability an applicant is declined.
        reasons: At most four.
        base_value: What the contributions are added to, in log-odds.
        contributions: SHAP values in log-odds.
        values: The model's inputs, nan where unknown.
        names: The features.
        families: Their reason families.
        model_version: In the registry.
        model_sha256: Of the model's file.
    """

    id: int
    run_date: date
    probability: float
    score: int
    decision: str
    threshold: float
    reasons: tuple[Reason, ...]
    base_value: float
    contributions: Vector
    values: Vector
    names: tuple[str, ...]
    families: tuple[str, ...]
    model_version: int
    model_sha256: str

    @property
    def explained(self) -> tuple[Vector, Vector, tuple[str, ...], float]:
        """Contributions, inputs, names and base value, as the plots take them."""
        return self.contributions, self.values, self.names, self.base_value

    @property
    def margin(self) -> float:
        """Log-odds of default."""
        return float(self.base_value + self.contributions.sum())


def explain_applicant(job: Job, store: Store, applicant: int) -> Applicant:
    """The applicant of the delivery, as scored.

    Raises:
        UserError: No such applicant among the scored ones, or the delivery was assembled otherwise since.
        ModelRefused: The delivery has other features than the model reads.
    """
    scores = read_scores(job)
    row = scores.where(F.col(KEY) == applicant).first()
    if row is None:
        raise UserError(
            f"--applicant {applicant} is not among the scored applicants of {job.run_date}: check the {KEY}; "
            "applicants with a TARGET are not scored",
            "the applicant that was asked for is not scored",
        )
    if row["probability"] is None:
        raise UserError(
            f"--applicant {applicant} could not be scored: {row['reason_not_scored']}",
            "the applicant that was asked for could not be scored",
        )
    scorer = scoring_model(job, store, scores)
    model = store.versions.registered_model(scorer)
    features = inputs_of(model, job.lake, job.run_date).where(F.col(KEY) == applicant).select(KEY, *model.features)
    check_fresh(job, scores.where(F.col(KEY) == applicant).select(KEY, "probability"), features, model)
    values = model.values(features.toPandas())
    limits = job.settings.explain
    explained = model.explanations(values, limits.reasons, limits.contributions, limits.additivity)
    check_same_probability(row["probability"], explained.probability)
    return Applicant(
        id=applicant,
        run_date=job.run_date,
        probability=row["probability"],
        score=row["score"],
        decision=row["decision"],
        threshold=row["threshold"],
        reasons=explained.row(0).reasons,
        base_value=float(explained.base_value[0]),
        contributions=model.predict(values, "contributions")[0, :-1],
        values=values[0],
        names=model.features,
        families=model.families,
        model_version=scorer.version,
        model_sha256=scorer.sha256,
    )
