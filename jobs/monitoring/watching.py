"""A delivery looked at, on the engine, and what was found written into the lake."""

from math import log

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lake.job import Job, Step
from jobs.lake.model_rows import inputs_of
from jobs.lake.tables import DRIFT, FAMILY_SHIFTS, MONITORED, SELECTION_RATES
from jobs.model.approvals import approval_change
from jobs.model.booster import APPROVE, Model
from jobs.model.reference import Counts, Reference
from jobs.monitoring.counting import PART, count_parts
from jobs.monitoring.references import NEW, reference_of
from jobs.monitoring.selection_rates import selection_rates
from jobs.monitoring.telling_apart import tell_apart
from jobs.monitoring.watched import (
    ScoringModel,
    Watched,
    choose_reference,
    findings,
    moved_features,
    moved_scores,
)
from jobs.registry.store import Store
from jobs.scoring.scores_table import check_fresh, read_scores, scoring_model

DRIFT_SCHEMA = (
    "name STRING, place INT, gain DOUBLE, population_stability DOUBLE, from_labelled DOUBLE, noise DOUBLE, "
    "missing_before DOUBLE, missing DOUBLE, outcome STRING, held_against STRING, rows BIGINT, reference_rows BIGINT, "
    "model_version BIGINT, model_sha256 STRING"
)
FAMILY_SCHEMA = (
    "family STRING, before DOUBLE, after DOUBLE, approvals DOUBLE, model_version BIGINT, model_sha256 STRING"
)
RATES_SCHEMA = "attribute STRING, level STRING, rows BIGINT, approved BIGINT, ratio DOUBLE, low DOUBLE, high DOUBLE"
NO_RATIO = (None, None, None)
MONITORED_SCHEMA = (
    "applicants BIGINT, scored BIGINT, approved BIGINT, approval_rate_before DOUBLE, approval_rate DOUBLE, "
    "threshold DOUBLE, score_shift DOUBLE, score_noise DOUBLE, held_against STRING, classifier_auc DOUBLE, "
    "said STRING, findings ARRAY<STRING>, model_version BIGINT, model_sha256 STRING, run_id STRING"
)


def watch(job: Job, step: Step, store: Store) -> Watched:
    """Count the delivery's scored applicants and hold them against the reference of the model that scored them.

    Raises:
        UserError: It is not scored, or assembled otherwise since.
        NotKept: The model has no reference, and none can be made.
        ModelRefused: The model's file was changed, or the delivery is assembled with another feature set.
    """
    settings = job.settings.monitor
    scores = read_scores(job)
    scorer = scoring_model(job, store, scores)
    model = store.versions.registered_model(scorer)
    applicants = inputs_of(model, job.lake, job.run_date).where(F.col("TARGET").isNull())
    check_fresh(job, scores.where("probability is not null"), applicants, model)
    reference = reference_of(job, store, scorer, model)
    held_against, before = choose_reference(reference, settings)
    step.say(f"version {scorer.version}: held against {before.rows:,} {held_against} applicants of its training")
    now = count_delivery(applicants, model, reference)
    counts = scores.agg(F.count("*"), F.count_if(F.col("decision") == APPROVE), F.max("threshold")).first()
    assert counts is not None
    number, approved, threshold = counts
    moved, features = moved_scores(reference, before, now, settings), moved_features(reference, before, now, settings)
    change = approval_change(before, now, log(threshold / (1 - threshold)))
    rates = selection_rates(job, scores)
    training = store.runs.training(scorer.run_id)
    return Watched(
        run_date=job.run_date,
        model=ScoringModel(scorer.version, scorer.sha256, scorer.run_id, training.run_date),
        threshold=threshold,
        applicants=number,
        scored=now.scored,
        approved=approved,
        held_against=held_against,
        reference_rows=before.rows,
        scores=moved,
        features=features,
        approvals=change,
        rates=rates,
        told_apart=tell_apart(job, training, model, applicants, list(reference.gains), held_against),
        findings=findings(moved, features, change, rates, settings, job.settings.gates),
    )


def count_delivery(applicants: DataFrame, model: Model, reference: Reference) -> Counts:
    """The delivery's new applicants in the reference's bins."""
    rows = applicants.withColumn(PART, F.lit(NEW))
    return count_parts(rows, model, reference.edges, (NEW,))[NEW]


def keep(job: Job, watched: Watched) -> None:
    """Replace what the lake says of the delivery's monitoring; the row of `operations/monitored` comes last."""
    lake, run_date, model = job.lake, job.run_date, watched.model
    lineage = (model.version, model.sha256)
    held = (watched.held_against, watched.scored, watched.reference_rows)
    drift = [
        (m.name, m.place, m.gain, m.index, m.from_labelled, m.noise, m.missing_before, m.missing, m.word)
        for m in (watched.scores, *watched.features)
    ]
    families = [(f.family, f.before, f.after, f.approvals, *lineage) for f in watched.approvals.families]
    ratios = {r.attribute: (r.ratio.value, r.ratio.low, r.ratio.high) if r.ratio else NO_RATIO for r in watched.rates}
    rates = [
        (rates.attribute, group.name, group.rows, group.approved, *ratios[rates.attribute])
        for rates in watched.rates
        for group in rates.groups
    ]
    told = watched.told_apart.auc.value if watched.told_apart else None
    headline = (
        *(watched.applicants, watched.scored, watched.approved, watched.approvals.before, watched.approval_rate),
        *(watched.threshold, watched.scores.index, watched.scores.noise, watched.held_against, told),
        *(watched.said, list(watched.findings), *lineage, model.run_id),
    )
    for table, rows, schema in (
        (DRIFT, [(*line, *held, *lineage) for line in drift], DRIFT_SCHEMA),
        (FAMILY_SHIFTS, families, FAMILY_SCHEMA),
        (SELECTION_RATES, rates, RATES_SCHEMA),
        (MONITORED, [headline], MONITORED_SCHEMA),
    ):
        lake.replace(table, lake.spark.createDataFrame(rows, schema), run_date)
