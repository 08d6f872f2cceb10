"""A stored decision made again from the versions that it was made from, and held against what was stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from features import TABLES
from features.plan.nested_table import of_applicants
from features.spec import KEY
from jobs.lake.feature_sets import CannotBeMade, find
from jobs.lake.job import Job
from jobs.lake.model_rows import read_inputs
from jobs.lake.tables import EXPLANATIONS, FEATURES, SCORES, source_table
from jobs.model.booster import Model
from jobs.model.contributions import Explanation
from jobs.registry.store import Store
from jobs.runtime.errors import ModelRefused, UserError
from jobs.scoring import provenance
from jobs.scoring.provenance import Provenance

Word = Literal["agrees", "differs", "gone"]


@dataclass(frozen=True)
class Part:
    """A part of the decision: whether it came out as it was stored, differs, or is gone, and what there is to say."""

    name: str
    word: Word
    said: str


@dataclass(frozen=True)
class Replayed:
    """A decision made again.

    Args:
        applicant: SK_ID_CURR.
        score: The stored row of `scores`.
        sentences: What the letter says, most important first.
        parts: Each part of it.
    """

    applicant: int
    score: Row
    sentences: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def differing(self) -> tuple[Part, ...]:
        """The parts that did not come out as stored."""
        return tuple(part for part in self.parts if part.word == "differs")


def replay_decision(job: Job, store: Store, applicant: int) -> Replayed:
    """Make the stored decision on an applicant again.

    Raises:
        UserError: There is none, or its versions were never remembered.
    """
    of = provenance.latest(job)
    if of is None:
        raise UserError(
            f"{job.run_date} was scored before versions were remembered, or never: score it, and its decisions can be "
            "replayed from then on"
        )
    stored = one(job.lake.read_run_date(SCORES, job.run_date, of.scores_version), applicant)
    if stored is None:
        raise UserError(
            f"--applicant {applicant} is not among the scored applicants of {job.run_date}: check the {KEY}"
        )
    explanation = None
    if of.explanations_version is not None:
        explanation = one(job.lake.read_run_date(EXPLANATIONS, job.run_date, of.explanations_version), applicant)
    sentences = tuple(reason["sentence"] for reason in explanation["reasons"]) if explanation else ()
    parts = tuple(replayed_parts(job, store, of, stored, explanation))
    return Replayed(applicant, stored, sentences, parts)


def one(rows: DataFrame, applicant: int) -> Row | None:
    """The applicant's row, if there is one."""
    return rows.where(F.col(KEY) == applicant).first()


def replayed_parts(job: Job, store: Store, of: Provenance, stored: Row, explanation: Row | None) -> Iterator[Part]:
    """Each part, from the delivery's rows to the letter."""
    applicant = int(stored[KEY])
    yield still_stored(job, of, stored)
    sources = sources_of(job, of)
    yield delivered(job, of, sources, applicant)
    try:
        model = store.versions.registered_model(store.versions.version(of.model_version))
    except (ModelRefused, UserError) as missing:
        yield Part("model", "gone", str(missing))
        return
    is_same = model.sha256 == of.model_sha256
    words = f"version {of.model_version}, file sha256 {of.model_sha256[:16]}"
    yield Part("model", "agrees" if is_same else "differs", words if is_same else f"{words}, now {model.sha256[:16]}")
    inputs = stored_inputs(job, of, model, applicant)
    if inputs is None:
        yield Part("features", "gone", f"{FEATURES} version {of.features_version} has no row of the applicant any more")
        return
    yield made_again(job, model, sources, inputs, of, applicant)
    yield scored_again(model, inputs, stored)
    if explanation is None:
        yield Part("reasons", "gone", "the scores were not explained: `explain` stores reasons")
    elif stored["probability"] is not None:
        limits = job.settings.explain
        (again,) = model.explain(inputs, limits.reasons, limits.contributions, limits.additivity)
        yield explained_again(explanation, again)
        yield letter_again(explanation, again)


def still_stored(job: Job, of: Provenance, stored: Row) -> Part:
    """Whether the newest version of the scores says the same."""
    newest = one(job.lake.read_run_date(SCORES, job.run_date), int(stored[KEY]))
    name = f"{SCORES} version {of.scores_version}"
    if newest == stored:
        return Part("stored score", "agrees", f"{name}, and as in the newest version")
    return Part("stored score", "differs", f"{name}: the newest version says otherwise, and nobody remembered it")


def sources_of(job: Job, of: Provenance) -> dict[str, DataFrame]:
    """Each source table as it was when the features were scored."""
    recorded = {job.run_date: dict(of.deliveries)}
    return {table.name: job.lake.delivered_rows(table, recorded).drop("run_date") for table in TABLES}


def delivered(job: Job, of: Provenance, sources: dict[str, DataFrame], applicant: int) -> Part:
    """The delivery's row of the applicant, and whether the delivery was ingested again since."""
    if one(sources["application"], applicant) is None:
        return Part("delivery", "gone", "the applicant is not in the delivery's application at its version")
    rows = job.lake.deliveries().get(job.run_date)
    versions = ", ".join(f"{source_table(name)} {version}" for name, version in sorted(of.deliveries.items()))
    again = "" if rows == dict(of.deliveries) else "; the delivery was ingested again since"
    return Part("delivery", "agrees", f"read at versions {versions}{again}")


def stored_inputs(job: Job, of: Provenance, model: Model, applicant: int) -> pd.DataFrame | None:
    """The model's features of the applicant, as they were stored; None where they are gone."""
    if of.features_version not in job.lake.commits(FEATURES):
        return None
    rows = read_inputs(job.lake, model.features, job.run_date, of.features_version)
    found = rows.where((F.col(KEY) == applicant) & (F.col("feature_set") == model.feature_set))
    inputs = found.selectExpr(KEY, *model.features).toPandas()
    return inputs if len(inputs) else None


def made_again(
    job: Job, model: Model, sources: dict[str, DataFrame], inputs: pd.DataFrame, of: Provenance, applicant: int
) -> Part:
    """The features computed from the delivery's rows, held against the stored ones, bit by bit."""
    stored = f"{FEATURES} version {of.features_version}, set {model.feature_set}"
    fitted = find(job.lake, model.feature_set)
    if isinstance(fitted, CannotBeMade):
        return Part("features", "gone", f"{stored} are read; they can't be computed again: {fitted.why}")
    if not fitted.has(model.features):
        return Part("features", "gone", f"{stored} are read; not all of them are declared any more")
    application = sources["application"].where(F.col(KEY) == applicant)
    again = fitted.applicants(of_applicants(sources, application)).selectExpr(*model.features).toPandas()
    if not len(again):
        return Part("features", "gone", f"{stored} are read; the delivery has no row of the applicant")
    before, now = model.values(inputs)[0], model.values(again)[0]
    off = [name for name, was, came in zip(model.features, before, now, strict=True) if not same(was, came)]
    if off:
        return Part(
            "features", "differs", f"{stored}: {len(off)} of {len(before)} come out otherwise, such as {off[0]}"
        )
    return Part(
        "features", "agrees", f"{stored}: {len(before)} computed again from the delivery's rows, to the last bit"
    )


def same(was: float, came: float) -> bool:
    """Whether two numbers have the same bits; unknown is unknown."""
    return bool(was == came or (np.isnan(was) and np.isnan(came)))


def scored_again(model: Model, inputs: pd.DataFrame, stored: Row) -> Part:
    """Probability, score and decision, by the threshold that the stored row names."""
    again = model.score(inputs, stored["threshold"]).iloc[0]
    if stored["probability"] is None:
        is_same = again["reason_not_scored"] == stored["reason_not_scored"]
        return Part("score", "agrees" if is_same else "differs", f"not scored: {stored['reason_not_scored']}")
    came = (float(again["probability"]), int(again["score"]), again["decision"])
    was = (stored["probability"], stored["score"], stored["decision"])
    words = f"probability {was[0]!r}, score {was[1]}, {was[2]} (declined from {stored['threshold']:.4f} on)"
    if came == was:
        return Part("score", "agrees", words)
    return Part("score", "differs", f"{words}; now probability {came[0]!r}, score {came[1]}, {came[2]}")


def explained_again(stored: Row, again: Explanation) -> Part:
    """Base value, margin and reasons with their contributions."""
    was = (stored["base_value"], stored["margin"], [(r["family"], r["contribution"]) for r in stored["reasons"]])
    came = (again.base_value, again.margin, [(r.family, r.contribution) for r in again.reasons])
    families = ", ".join(f"{family} {contribution:+.3f}" for family, contribution in was[2]) or "none"
    return Part("reasons", "agrees" if was == came else "differs", families)


def letter_again(stored: Row, again: Explanation) -> Part:
    """The sentences of the letter."""
    was, came = [reason["sentence"] for reason in stored["reasons"]], [reason.sentence for reason in again.reasons]
    if was == came:
        return Part("letter", "agrees", f"{len(was)} sentences, word by word")
    changed = next((new for old, new in zip(was, came, strict=False) if old != new), "another number of sentences")
    return Part("letter", "differs", f"the sentences are worded otherwise now: {changed}")
