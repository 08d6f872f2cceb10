"""What the gates judge a candidate by: read from the lake, scored with the candidate and with the champion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.plan.nested_table import of_applicants
from features.spec import KEY
from jobs.lake import folds
from jobs.lake.feature_sets import FeatureSet, find
from jobs.lake.job import Job
from jobs.lake.model_rows import read_inputs
from jobs.lake.tables import FEATURES
from jobs.model import measures
from jobs.model.booster import Model
from jobs.model.drift import Drift
from jobs.model.fairness import UNKNOWN, age_bands, marital_status
from jobs.promotion.gates import (
    Comparison,
    DifferentApplicants,
    Evidence,
    NoChampion,
    OnTest,
    SameApplicants,
    unpaired_gain,
)
from jobs.registry.runs import Training
from jobs.registry.store import Store
from jobs.registry.versions import Registered
from jobs.runtime.errors import ModelRefused
from jobs.scoring import batch
from jobs.scoring.shifts import drift_of, most_gaining
from jobs.scoring.test_applicants import read_audited

# Percentiles of a bootstrap over fewer applicants of a class are luck.
FEWEST_TO_PAIR = 10


@dataclass(frozen=True)
class Answers:
    """What a model says of a delivery.

    Args:
        test: SK_ID_CURR, TARGET and probability of the test applicants, in the order of the applicants.
        drift: From these to the delivery's new applicants; None where there are none.
    """

    test: pd.DataFrame
    drift: Drift | None


@dataclass(frozen=True)
class Readable:
    """The champion and the applicants that it can be asked about: its features, of test applicants and new ones."""

    model: Model
    rows: DataFrame


@dataclass(frozen=True)
class Unreadable:
    """Why the champion can't be asked about the candidate's delivery."""

    why: str


def gather_evidence(
    job: Job, store: Store, training: Training, candidate: Model, champion: Registered | None
) -> Evidence:
    """The candidate and the champion on the test folds, the applicants' groups for the audit, and the new applicants.

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
        comparison=compare(job, store, training, answers.test, champion),
        drift=answers.drift,
        feature_set=candidate.feature_set,
        assembled=feature_sets_now(job),
        can_be_assembled=isinstance(find(job.lake, candidate.feature_set), FeatureSet),
    )


def ask_candidate(job: Job, training: Training, candidate: Model) -> Answers:
    """The candidate on its own delivery."""
    rows = folds.unseen(assembled_for(job, training, candidate, training.features_version), training.split)
    return ask(
        rows, candidate, most_gaining(candidate, job.settings.gates.drift_features), job.settings.gates.confidence
    )


def ask(rows: DataFrame, model: Model, watched: Sequence[str], confidence: float) -> Answers:
    """A model on test applicants, of whom those that it can score are collected, and on new ones, who stay.

    Args:
        rows: SK_ID_CURR, TARGET (null for new applicants) and the model's features.
        model: The model.
        watched: The features whose drift is measured.
        confidence: Of what chance alone would show of it.
    """
    scored = batch.with_probabilities(rows, model, watched).persist()  # read more than once, scored once
    try:
        known = scored.where(F.col("TARGET").isNotNull()).select(KEY, "TARGET", "probability").toPandas()
        test = known.dropna(subset="probability").sort_values(KEY, ignore_index=True)
        return Answers(test, drift_of(scored, watched, confidence))
    finally:
        scored.unpersist()


def compare(job: Job, store: Store, training: Training, test: pd.DataFrame, champion: Registered | None) -> Comparison:
    """The candidate and the champion, on the same applicants where the champion can read them.

    They are test applicants of both: a champion that was trained by another split was fitted on others. Where too few
    can be compared, or it can't score any more, it is what it was measured to be on its own test applicants.

    Args:
        job: The candidate's delivery.
        store: Where the champion is.
        training: The candidate's.
        test: SK_ID_CURR, TARGET and the candidate's probability of its test applicants.
        champion: The version that scores, where there is one.
    """
    if champion is None:
        return NoChampion()
    its_training = store.runs.training(champion.run_id)
    confidence = job.settings.gates.confidence

    def apart(why: str) -> DifferentApplicants:
        candidate = measures.auc_interval(test["TARGET"], test["probability"], confidence)
        return DifferentApplicants(unpaired_gain(candidate, its_training.auc, confidence), why)

    readable = readable_by(job, store, training, its_training, champion)
    if isinstance(readable, Unreadable):
        return apart(readable.why)
    answers = ask(readable.rows, readable.model, (), confidence)
    both = test.merge(answers.test[[KEY, "probability"]], on=KEY, suffixes=("_of_candidate", ""))
    rarer = int(both["TARGET"].value_counts().reindex([0, 1], fill_value=0).min())
    if rarer < FEWEST_TO_PAIR:
        return apart(f"{rarer} of the rarer TARGET can be read by both and were learned from by neither")
    return SameApplicants(
        gain=measures.bootstrap_auc_difference(
            both["TARGET"], both["probability_of_candidate"], both["probability"], confidence
        ),
        champion=on_test(job, training, both),
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
    splits = (training.split, its_training.split)
    if champion.feature_set == training.feature_set:
        rows = assembled_for(job, training, model, training.features_version)
        return Readable(model, folds.unseen(rows, *splits))
    fitted = find(job.lake, champion.feature_set)
    if isinstance(fitted, FeatureSet) and fitted.has(model.features):
        sources = job.lake.delivered_tables(training.run_date)
        applicants = folds.unseen(sources["application"], *splits)
        return Readable(model, fitted.applicants(of_applicants(sources, applicants)))
    if its_training.lake == training.lake:
        rows = assembled_for(job, training, model, its_training.features_version)
        return Readable(model, folds.unseen(rows, *splits))
    return Unreadable(f"feature set {champion.feature_set} was made in {its_training.lake}")


def assembled_for(job: Job, training: Training, model: Model, version: int) -> DataFrame:
    """The rows of the candidate's delivery, in a version of the feature table, that are of the model's feature set."""
    rows = read_inputs(job.lake, model.features, training.run_date, version)
    return rows.where(F.col("feature_set") == model.feature_set)


def on_test(job: Job, training: Training, test: pd.DataFrame) -> OnTest:
    """A model's test applicants with the groups that the audit looks at. Two columns are protected: for that only.

    Args:
        job: The delivery.
        training: The candidate's.
        test: SK_ID_CURR, TARGET and the model's probability.
    """
    audited = test[[KEY]].merge(read_audited(job.lake, training.run_date), on=KEY, how="left", validate="1:1")
    return OnTest(
        labels=test["TARGET"].to_numpy(dtype=np.int64),
        probabilities=test["probability"].to_numpy(dtype=np.float64),
        groups=protected_groups(audited),
        ages=age_bands(audited["DAYS_BIRTH"]),
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
