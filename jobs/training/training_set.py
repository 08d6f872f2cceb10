"""The labelled applicants that a model is trained on, and a word on those that it can't be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features import TABLES
from features.spec import KEY, WEIGHT, Named
from jobs.lake import folds
from jobs.lake.feature_sets import CannotBeMade, find, stored_models
from jobs.lake.job import Job
from jobs.lake.model_rows import read_inputs
from jobs.lake.tables import FEATURES
from jobs.lake.weights import with_weights
from jobs.runtime.errors import UserError
from jobs.training.matured_outcomes import with_matured


@dataclass(frozen=True)
class TrainingSet:
    """Applicants of one delivery, at one version of the feature table.

    Args:
        rows: SK_ID_CURR, TARGET, part (see `folds`), SAMPLE_WEIGHT (see `weights`) and the features of the labelled
            ones, to learn from.
        own: Those of the rows that the delivery itself labels: they alone measure a model, and are audited.
        new: SK_ID_CURR, TARGET (null) and the features of the others, to say how far they are from these.
        inputs: The model's features, in its order.
        feature_set: Their version.
        version: The Delta version of the table.
        is_few: Whether they are too few for parts of them to end a fit and to measure it, see `few_rows.make_do`.
    """

    rows: DataFrame
    own: DataFrame
    new: DataFrame
    inputs: tuple[Named, ...]
    feature_set: str
    version: int
    is_few: bool = False

    @property
    def names(self) -> list[str]:
        """The features' columns, in the model's order."""
        return [named.name for named in self.inputs]

    def only(self, names: Sequence[str]) -> "TrainingSet":
        """The same applicants with these of the features."""
        kept = set(names)
        return replace(self, inputs=tuple(named for named in self.inputs if named.name in kept))


def read_training_set(job: Job, version: int | None, inputs: tuple[Named, ...]) -> TrainingSet:
    """The delivery's labelled rows, if the table holds the inputs and none of them is protected."""
    number = job.lake.version(FEATURES) if version is None else version
    names = [named.name for named in inputs]
    rows = read_inputs(job.lake, names, job.run_date, number)
    protected = {column.name for table in TABLES for column in table.columns if column.protected}
    never = protected | {WEIGHT}
    assert not never & set(names), f"protected columns and weights are never model inputs: {never & set(names)}"
    missing = [name for name in names if name not in rows.columns]
    if missing:
        raise UserError(f"{job.lake.path(FEATURES)} has no column {missing[0]}: assemble {job.run_date} again")
    labelled = folds.labelled(rows, job.settings.split)
    feature_sets = [row[0] for row in labelled.select("feature_set").distinct().collect()]
    if len(feature_sets) != 1:
        raise UserError(
            f"{job.lake.path(FEATURES)} version {number} has no labelled applicant of {job.run_date} "
            "with these features: assemble a delivery with application_train.csv first, by the same settings"
        )
    check_row_models(job, feature_sets[0])
    new = rows.where(F.col("TARGET").isNull() & (F.col("feature_set") == feature_sets[0]))
    whole = with_weights(labelled, job.lake, job.run_date, job.settings.train.weight)
    own = whole.selectExpr(KEY, "TARGET", "part", WEIGHT, *names)
    has_more = job.settings.train.matured_outcomes
    return TrainingSet(
        with_matured(job, own, names, feature_sets[0], number) if has_more else own,
        own,
        new.selectExpr(KEY, "TARGET", *names),
        inputs,
        feature_sets[0],
        number,
    )


def check_row_models(job: Job, feature_set: str) -> None:
    """Refuse nested features of row models that learned from what are test applicants now, or by other code."""
    if not stored_models(job.lake, feature_set):
        return
    known = find(job.lake, feature_set)
    if isinstance(known, CannotBeMade):
        raise UserError(f"{known.why}: assemble {job.run_date} again")
    if known.row_models is not None and known.row_models.split != job.settings.split:
        raise UserError(
            f"the row models of feature set {feature_set} were fitted with split {known.row_models.split}, "
            f"not with {job.settings.split}: assemble {job.run_date} again"
        )
