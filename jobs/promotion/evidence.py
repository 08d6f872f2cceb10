"""What the gates judge a candidate by: read from the lake, scored with the candidate and with the champion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.plan.nested_table import of_applicants
from features.spec import KEY, WEIGHT
from jobs.lake.feature_sets import FeatureSet, find
from jobs.lake.job import Job
from jobs.lake.model_rows import read_inputs
from jobs.lake.tables import FEATURES
from jobs.model import measures
from jobs.model.booster import Model
from jobs.model.bootstrap import bootstrap_auc_difference
from jobs.model.drift import Drift
from jobs.model.fairness import UNKNOWN, age_bands, marital_status
from jobs.promotion.gates import (
    Comparison,
    DifferentApplicants,
    Evidence,
    NoChampion,
    OnTest,
    SameApplicants,
    UnknownChampion,
    unpaired_gain,
)
from jobs.registry.runs import Training
from jobs.registry.store import Store
from jobs.registry.versions import Registered
from jobs.runtime.errors import ModelRefused, NotKept
from jobs.runtime.session import computed_once
from jobs.scoring import batch
from jobs.scoring.shifts import drift_of, most_gaining
from jobs.scoring.test_applicants import with_audited
from jobs.scoring.twins import by_twins_where_they_said, twins_of, unseen_by

# Percentiles of a bootstrap over fewer applicants of a class are luck.
FEWEST_TO_PAIR = 10


@dataclass(frozen=True)
class Answers:
    """What a model says of a delivery.

    Args:
        test: SK_ID_CURR, TARGET and probability of those that it was measured by, in their order.
        drift: From these to the delivery's new applicants; None where there are none.
    """

    test: pd.DataFrame
    drift: Drift | None


@dataclass(frozen=True)
class Readable:
    """The champion and the applicants that it can be asked about.

    Args:
        model: The champion.
        rows: Its features of applicants that it didn't learn from, or its twins didn't, and of new ones.
        twins: What its twins said of some; None where it was measured itself, or on another delivery.
    """

    model: Model
    rows: DataFrame
    twins: DataFrame | None


@dataclass(frozen=True)
class Unreadable:
    """Why the champion can't be asked about the candidate's delivery."""

    why: str


def gather_evidence(
    job: Job, store: Store, training: Training, candidate: Model, champion: Registered | None
) -> Evidence:
    """Candidate and champion on whom they were measured by, the groups that these are in, and the new applicants.

    Args:
        job: The delivery that the candidate was trained on.
        store: Where its champion is.
        training: The candidate's.
        candidate: The model.
        champion: The version that scores, where there is one.
    """
    answers = ask_candidate(job, training, candidate)
    return Evidence(
        test=on_test(job, training, answers.test),
        measured_on=training.measured_on,
        comparison=compare(job, store, training, answers.test, champion),
        drift=answers.drift,
        feature_set=candidate.feature_set,
        assembled=feature_sets_now(job),
        can_be_assembled=isinstance(find(job.lake, candidate.feature_set), FeatureSet),
    )


def ask_candidate(job: Job, training: Training, candidate: Model) -> Answers:
    """The candidate on its own delivery."""
    assembled = assembled_for(job, training, candidate, training.features_version)
    asked = Readable(
        candidate, unseen_by(job.lake, assembled, training.run_date, training), twins_of(job.lake, training)
    )
    return ask(asked, most_gaining(candidate, job.settings.gates.drift_features), job.settings.gates.confidence)


def ask(readable: Readable, watched: Sequence[str], confidence: float) -> Answers:
    """A model on labelled applicants, of whom those that it can score are collected, and on new ones, who stay.

    Args:
        readable: The model and the applicants.
        watched: The features whose drift is measured.
        confidence: Of what chance alone would show of it.
    """
    asked = batch.with_probabilities(readable.rows, readable.model, watched)
    with computed_once(by_twins_where_they_said(asked, readable.twins)) as scored:
        known = scored.where(F.col("TARGET").isNotNull()).select(KEY, "TARGET", "probability").toPandas()
        test = known.dropna(subset="probability").sort_values(KEY, ignore_index=True)
        return Answers(test, drift_of(scored, watched, confidence))


def compare(job: Job, store: Store, training: Training, test: pd.DataFrame, champion: Registered | None) -> Comparison:
    """The candidate and the champion, on the same applicants where the champion can read them.

    Neither was fitted on them, or its twins that answer for it were not: a champion that was trained by another split
    was fitted on others. Where too few can be compared, or it can't score any more, it is what it was measured to be,
    and where its run is gone too, it is unknown.

    Args:
        job: The candidate's delivery.
        store: Where the champion is.
        training: The candidate's.
        test: SK_ID_CURR, TARGET and the candidate's probability of those that it was measured by.
        champion: The version that scores, where there is one.
    """
    if champion is None:
        return NoChampion()
    try:
        its_training = store.runs.training(champion.run_id)
    except NotKept as gone:
        return UnknownChampion(f"version {champion.version} can't be compared with: {gone}")
    confidence = job.settings.gates.confidence

    def apart(why: str) -> DifferentApplicants:
        own = on_test(job, training, test)
        candidate = measures.auc_interval(own.labels, own.probabilities, confidence, own.weights)
        return DifferentApplicants(unpaired_gain(candidate, its_training.auc, confidence), why)

    readable = readable_by(job, store, training, its_training, champion)
    if isinstance(readable, Unreadable):
        return apart(readable.why)
    answers = ask(readable, (), confidence)
    both = test.merge(answers.test[[KEY, "probability"]], on=KEY, suffixes=("_of_candidate", ""))
    known = with_audited(job.lake, training.run_date, both, training.weighted_by)
    rarer = int(known["TARGET"].value_counts().reindex([0, 1], fill_value=0).min())
    if rarer < FEWEST_TO_PAIR:
        return apart(f"{rarer} of the rarer TARGET can be read by both and were learned from by neither")
    return SameApplicants(
        gain=bootstrap_auc_difference(
            known["TARGET"],
            known["probability_of_candidate"],
            known["probability"],
            confidence,
            weights=known[WEIGHT],
        ),
        champion=audited_test(known, training),
        shift=answers.drift.scores if answers.drift else None,
    )


def readable_by(
    job: Job, store: Store, training: Training, its_training: Training, champion: Registered
) -> Readable | Unreadable:
    """The applicants of the candidate's delivery that a champion can be asked about, with its own features.

    A delivery is assembled for one feature set at a time: another one's is made here by what was fitted for it. Where
    the declarations make another set by now, what was assembled for the champion is left, which may be nothing. One
    that can't score any more must be replaceable.
    """
    try:
        model = store.versions.registered_model(champion)
    except ModelRefused as refusal:
        return Unreadable(f"version {champion.version} can't be used: {refusal}")
    if its_training.measured_on.is_by_twins and its_training.lake != training.lake:
        return Unreadable(f"version {champion.version} learned from all labelled applicants of {its_training.lake}")
    try:
        twins = twins_of(job.lake, its_training) if its_training.run_date == training.run_date else None
    except NotKept as gone:
        return Unreadable(str(gone))

    def readable(rows: DataFrame) -> Readable:
        return Readable(model, rows, twins)

    def unseen(rows: DataFrame) -> DataFrame:
        return unseen_by(job.lake, rows, training.run_date, its_training)

    if champion.feature_set == training.feature_set:
        return readable(unseen(assembled_for(job, training, model, training.features_version)))
    fitted = find(job.lake, champion.feature_set)
    if isinstance(fitted, FeatureSet) and fitted.has(model.features):
        sources = job.lake.delivered_tables(training.run_date)
        applicants = of_applicants(sources, unseen(sources["application"]))
        return readable(fitted.applicants(applicants))
    if its_training.lake == training.lake:
        return readable(unseen(assembled_for(job, training, model, its_training.features_version)))
    return Unreadable(f"feature set {champion.feature_set} was made in {its_training.lake}")


def assembled_for(job: Job, training: Training, model: Model, version: int) -> DataFrame:
    """The rows of the candidate's delivery, in a version of the feature table, that are of the model's feature set."""
    rows = read_inputs(job.lake, model.features, training.run_date, version)
    return rows.where(F.col("feature_set") == model.feature_set)


def on_test(job: Job, training: Training, test: pd.DataFrame) -> OnTest:
    """Those that a model was measured by, with the groups of the audit. Two columns are protected: read for that only.

    Args:
        job: The delivery.
        training: The candidate's.
        test: SK_ID_CURR, TARGET and the model's probability.
    """
    return audited_test(with_audited(job.lake, training.run_date, test, training.weighted_by), training)


def audited_test(known: pd.DataFrame, training: Training) -> OnTest:
    """Those that a model was measured by, from what is known of them.

    Args:
        known: TARGET, the model's probability, SAMPLE_WEIGHT and what is audited.
        training: The candidate's.
    """
    return OnTest(
        labels=known["TARGET"].to_numpy(dtype=np.int64),
        probabilities=known["probability"].to_numpy(dtype=np.float64),
        weights=known[WEIGHT].to_numpy(dtype=np.float64),
        groups=protected_groups(known),
        ages=age_bands(known["DAYS_BIRTH"]),
        weighted_by=training.weighted_by,
    )


def protected_groups(audited: pd.DataFrame) -> dict[str, NDArray[np.str_]]:
    """The applicants' gender and marital status."""
    return {
        "gender": audited["CODE_GENDER"].fillna(UNKNOWN).to_numpy(dtype=str),
        "marital_status": marital_status(audited["NAME_FAMILY_STATUS"].fillna(UNKNOWN)),
    }


def feature_sets_now(job: Job) -> tuple[str, ...]:
    """What the newest version of the feature table holds of the delivery."""
    rows = job.lake.read_run_date(FEATURES, job.run_date).select("feature_set").distinct()
    return tuple(sorted(row[0] for row in rows.collect()))
