"""What is done where a delivery has few labelled applicants, so that a lender's first files end with scores.

Each of these is said, is logged with the run's settings, and changes nothing where there are enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.plan.nested_table import NESTED_NAMES
from features.spec import WEIGHT
from jobs.lake import folds
from jobs.lake.job import Job, Step
from jobs.lake.weights import summed
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Settings, Split, Train
from jobs.training.training_set import TrainingSet

PARTS = (folds.TRAIN, folds.VALIDATION, folds.TEST)
# A standard error needs two rows of each class.
FEWEST_OF_A_CLASS = 2
# With a dozen bad applicants one split in five has two of them in each part.
MOST_SPLITS = 100
# Trees whose leaves can't be as many as this tell next to nobody apart.
FEWEST_LEAVES = 3
# What was lowered once is rounded, and must not be lowered again.
JUST_ENOUGH = 0.99


@dataclass(frozen=True)
class Labels:
    """How many applicants each part has of each TARGET, and what they weigh together."""

    counts: Mapping[tuple[str, int], int]
    weights: Mapping[tuple[str, int], float]

    @classmethod
    def of(cls, rows: DataFrame) -> "Labels":
        """Those of rows with TARGET, part and SAMPLE_WEIGHT."""
        sums = F.count("*").alias("rows"), F.expr(summed(WEIGHT)).alias("weight")
        counted = rows.groupBy("part", "TARGET").agg(*sums).collect()
        return cls(
            {(row["part"], row["TARGET"]): row["rows"] for row in counted},
            {(row["part"], row["TARGET"]): float(row["weight"]) for row in counted},
        )

    def in_part(self, part: str, label: int) -> int:
        """The applicants of a TARGET in a part."""
        return self.counts.get((part, label), 0)

    def in_all(self, label: int) -> int:
        """The applicants of a TARGET."""
        return sum(self.in_part(part, label) for part in PARTS)

    @property
    def fewest(self) -> tuple[int, int, str]:
        """The smallest of these numbers, with its TARGET and part."""
        return min((self.in_part(part, label), label, part) for part in PARTS for label in (0, 1))


def make_do(job: Job, step: Step, training: TrainingSet) -> tuple[TrainingSet, Settings]:
    """The training set and the settings that few rows can be learned from with; those given where there are enough.

    Raises:
        UserError: The labels are others than 0 and 1, or too few of one for any split.
    """
    labels, settings = Labels.of(training.rows), job.settings
    check_labels(labels, job)
    step.counted(labels.in_all(0) + labels.in_all(1))
    if labels.fewest[0] < FEWEST_OF_A_CLASS:
        number, label, part = labels.fewest
        training, split = dealt_anew(training, settings.split)
        settings = settings.model_copy(update={"split": split})
        labels = Labels.of(training.rows)
        step.warn(
            f"few rows: {number} applicants with TARGET {label} in the {part} folds by split.seed "
            f"{job.settings.split.seed}, so they are dealt by {split.seed}; of each class the test folds have "
            f"{labels.in_part(folds.TEST, 0)} and {labels.in_part(folds.TEST, 1)}: measures on so few are rough"
        )
    booster = able_to_split(settings.train, labels)
    if are_few(labels, training, settings.train):
        training = replace(training, is_few=True)
    if booster != settings.train:
        step.warn(
            f"few rows: too few to fill {FEWEST_LEAVES} leaves by train.min_child_weight "
            f"{settings.train.min_child_weight:g}, so it is {booster.min_child_weight:g}, and train.reg_alpha "
            f"{booster.reg_alpha:g}"
        )
    return training, settings.model_copy(update={"train": booster})


def are_few(labels: Labels, training: TrainingSet, settings: Train) -> bool:
    """Whether the applicants outside of the test folds are fewer than those of whom a part tells enough.

    With nested features they never are: the row models know the labels of other cohorts, so that no fold of a
    cross-validation would be unseen to a model that reads them. Their test folds are.
    """
    outside = sum(labels.in_part(part, label) for part in (folds.TRAIN, folds.VALIDATION) for label in (0, 1))
    return outside < settings.few_rows and NESTED_NAMES.isdisjoint(training.names)


def check_labels(labels: Labels, job: Job) -> None:
    """Refuse labels that can't be trained and measured on; a third value would make xgboost train on many classes."""
    strange = sorted({label for _, label in labels.counts} - {0, 1})
    if strange:
        raise UserError(
            f"TARGET is {strange[0]} for some applicants: it must be 0 or 1", "TARGET is neither 0 nor 1 for some"
        )
    needed = FEWEST_OF_A_CLASS * len(PARTS)
    for label in (0, 1):
        if labels.in_all(label) < needed:
            raise UserError(
                f"{labels.in_all(label)} of {labels.in_all(0) + labels.in_all(1):,} labelled applicants of "
                f"{job.run_date} have TARGET {label}, at least {needed} are needed, {FEWEST_OF_A_CLASS} each to learn "
                "from, to stop on and to measure on: bring a larger delivery"
            )


def dealt_anew(training: TrainingSet, split: Split) -> tuple[TrainingSet, Split]:
    """The same applicants by the first split of the next seeds that leaves enough of each class in every part.

    Raises:
        UserError: There is none, or row models have learned from the applicants by the split as it is.
    """
    if not NESTED_NAMES.isdisjoint(training.names):
        raise UserError(
            f"the folds of split.seed {split.seed} hold too few of a TARGET, and nested features were fitted by them: "
            "bring a larger delivery, or assemble with --set nested.enabled=false"
        )
    for seed in range(split.seed + 1, split.seed + 1 + MOST_SPLITS):
        tried = split.model_copy(update={"seed": seed})
        rows = folds.labelled(training.rows.drop("part"), tried)
        if Labels.of(rows).fewest[0] >= FEWEST_OF_A_CLASS:
            return replace(training, rows=rows, own=folds.labelled(training.own.drop("part"), tried)), tried
    raise UserError(
        f"none of {MOST_SPLITS} splits leaves {FEWEST_OF_A_CLASS} applicants of each TARGET in every part: bring a "
        "larger delivery"
    )


def able_to_split(booster: Train, labels: Labels) -> Train:
    """The booster, its penalties lowered in proportion where by them the rows could not fill three leaves.

    A row's weight in xgboost is p (1 - p), times its own where it has one, so that few and mostly good applicants weigh
    next to nothing.
    """
    good, bad = (labels.weights.get((folds.TRAIN, label), 0.0) for label in (0, 1))
    weight = good * bad / (good + bad)
    share = weight / (FEWEST_LEAVES * booster.min_child_weight) if booster.min_child_weight else 1.0
    if share > JUST_ENOUGH:
        return booster
    lowered = {name: float(f"{share * getattr(booster, name):.3g}") for name in ("min_child_weight", "reg_alpha")}
    return booster.model_copy(update=lowered)
