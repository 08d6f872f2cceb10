"""What the gates judge a candidate by: read from the lake, scored with the candidate and with the champion."""

from collections.abc import Sequence

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
from jobs.model.fairness import UNKNOWN, age_bands, marital_status
from jobs.promotion.gates import Drift, Evidence, Gain, Shift, unpaired_gain
from jobs.registry.runs import Training
from jobs.registry.store import Store
from jobs.registry.versions import Registered
from jobs.runtime.errors import ModelRefused
from jobs.scoring import batch
from jobs.scoring.test_applicants import read_audited

# Percentiles of a bootstrap over fewer applicants of a class are luck.
FEWEST_TO_PAIR = 10


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
    watched = most_gaining(candidate, job.settings.gates.drift_features)
    test = measured_on_test_folds(job, training, candidate, watched)
    audited = audited_rows(job, training, test[KEY])
    return Evidence(
        labels=test["TARGET"].to_numpy(),
        probabilities=test["probability"].to_numpy(),
        groups=protected_groups(audited),
        ages=age_bands(audited["DAYS_BIRTH"]),
        gain=None if champion is None else gain_on_champion(job, store, training, test, champion),
        drift=measure_drift(job, training, candidate, test, watched),
        feature_set=candidate.feature_set,
        assembled=feature_sets_now(job),
        can_be_assembled=isinstance(find(job.lake, candidate.feature_set), FeatureSet),
    )


def measured_on_test_folds(job: Job, training: Training, model: Model, features: Sequence[str] = ()) -> pd.DataFrame:
    """SK_ID_CURR, TARGET, probability and the named features of those of the candidate's test applicants that it can
    score."""
    rows = folds.unseen(assembled_for(job, training, model, training.features_version), training.split)
    return batch.measured(rows, model, features).dropna(subset="probability")


def gain_on_champion(job: Job, store: Store, training: Training, test: pd.DataFrame, champion: Registered) -> Gain:
    """The candidate's AUC minus the champion's, on the same applicants where the champion can read them.

    They are test applicants of both: a champion that was trained by another split was fitted on others. Where too few
    can be compared, or it can't score any more, it is what it was measured to be on its own test applicants.
    """
    confidence, its_training = job.settings.gates.confidence, store.runs.training(champion.run_id)
    model = usable_model(store, champion)
    rows = rows_for_champion(job, training, its_training, model) if model else None
    if model is not None and rows is not None:
        theirs = batch.measured(rows, model).dropna(subset="probability")
        both = test.merge(theirs, on=KEY, suffixes=("", "_of_champion"))
        if both["TARGET"].value_counts().reindex([0, 1], fill_value=0).min() >= FEWEST_TO_PAIR:
            paired = measures.bootstrap_auc_difference(
                both["TARGET"], both["probability"], both["probability_of_champion"], confidence
            )
            return Gain(paired, same_applicants=True)
    ours = measures.auc_interval(test["TARGET"], test["probability"], confidence)
    return Gain(unpaired_gain(ours, its_training.auc, confidence), same_applicants=False)


def usable_model(store: Store, champion: Registered) -> Model | None:
    """The champion's model, or None where nothing can be scored with it any more: such a one must be replaceable."""
    try:
        return store.versions.registered_model(champion)
    except ModelRefused:
        return None


def rows_for_champion(job: Job, training: Training, its_training: Training, champion: Model) -> DataFrame | None:
    """Those of the candidate's delivery who are test applicants of both models, with the champion's features.

    A delivery is assembled for one feature set at a time: another one's is made here by what was fitted for it. Where
    the declarations make another set by now, what was assembled for the champion is left, which may be nothing.
    """
    lake, splits = job.lake, (training.split, its_training.split)
    if champion.feature_set == training.feature_set:
        return folds.unseen(assembled_for(job, training, champion, training.features_version), *splits)
    fitted = find(lake, champion.feature_set)
    if isinstance(fitted, FeatureSet) and fitted.has(champion.features):
        sources = lake.delivered_tables(training.run_date)
        return fitted.applicants(of_applicants(sources, folds.unseen(sources["application"], *splits)))
    if its_training.lake == training.lake:
        return folds.unseen(assembled_for(job, training, champion, its_training.features_version), *splits)
    return None


def assembled_for(job: Job, training: Training, model: Model, version: int) -> DataFrame:
    """The rows of the candidate's delivery, in a version of the feature table, that are of the model's feature set."""
    rows = read_inputs(job.lake, model.features, training.run_date, version)
    return rows.where(F.col("feature_set") == model.feature_set)


def audited_rows(job: Job, training: Training, applicants: "pd.Series[int]") -> pd.DataFrame:
    """The applicants as delivered, in their order. Two columns are protected: for the audit only."""
    audited = read_audited(job.lake, training.run_date)
    return applicants.to_frame().merge(audited, on=KEY, how="left", validate="1:1")


def protected_groups(audited: pd.DataFrame) -> dict[str, NDArray[np.str_]]:
    """The applicants' gender and marital status."""
    return {
        "gender": audited["CODE_GENDER"].fillna(UNKNOWN).to_numpy(dtype=str),
        "marital_status": marital_status(audited["NAME_FAMILY_STATUS"].fillna(UNKNOWN)),
    }


def measure_drift(
    job: Job, training: Training, candidate: Model, test: pd.DataFrame, features: Sequence[str]
) -> Drift | None:
    """From the candidate's test applicants, on whom it was not fitted, to the delivery's new ones."""
    rows = read_inputs(job.lake, candidate.features, training.run_date, training.features_version)
    new = batch.measured(rows.where(F.col("TARGET").isNull()), candidate, features)
    if new.empty:
        return None
    confidence = job.settings.gates.confidence
    return Drift(
        rows=min(len(test), len(new)),
        scores=shift("probability", test, new, confidence),
        # The largest of many shifts is further out by chance alone: Bonferroni.
        features=tuple(shift(name, test, new, 1 - (1 - confidence) / len(features)) for name in features),
    )


def shift(name: str, expected: pd.DataFrame, actual: pd.DataFrame, confidence: float) -> Shift:
    """Of one column of both."""
    index = measures.population_stability(expected[name], actual[name])
    return Shift(name, index, measures.stability_noise(len(expected), len(actual), confidence))


def most_gaining(model: Model, most: int) -> list[str]:
    """The features that it gains most from, largest first, equal ones by name; all that it uses if fewer."""
    gains = model.predictor.gains()
    return sorted(gains, key=lambda name: (-gains[name], name))[:most]


def feature_sets_now(job: Job) -> tuple[str, ...]:
    """What the newest version of the feature table holds of the delivery."""
    rows = job.lake.read_run_date(FEATURES, job.run_date).select("feature_set").distinct()
    return tuple(sorted(row[0] for row in rows.collect()))
