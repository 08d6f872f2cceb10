"""What training does with few labelled applicants, and where it can't go on."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from pyspark.sql import functions as F

from jobs.lake import folds
from jobs.lake.job import Job, Step
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Settings, load_settings
from jobs.training.few_rows import FEWEST_OF_A_CLASS, PARTS, Labels, able_to_split, check_labels, make_do
from jobs.training.training_set import TrainingSet, read_training_set
from tests.small_lake import INPUTS


def labels(train: tuple[int, int], validation: tuple[int, int], test: tuple[int, int]) -> Labels:
    """Good and bad applicants of each part."""
    numbers = zip(PARTS, (train, validation, test), strict=True)
    counts = {(part, label): count for part, of in numbers for label, count in enumerate(of)}
    return Labels(counts, {of: float(count) for of, count in counts.items()})


@pytest.fixture
def default() -> Settings:
    return load_settings("local")


@pytest.fixture(scope="module")
def relabelled(small_job: Job) -> Callable[[str], TrainingSet]:
    """The made-up applicants with another TARGET."""
    training = read_training_set(small_job, None, INPUTS)

    def with_target(target: str) -> TrainingSet:
        return replace(training, rows=training.rows.withColumn("TARGET", F.expr(target).cast("bigint")))

    return with_target


def test_labels_must_be_0_and_1(small_job: Job, relabelled: Callable[[str], TrainingSet]) -> None:
    with pytest.raises(UserError, match="TARGET is 2 for some applicants"):
        make_do(small_job, Step("train"), relabelled("if(SK_ID_CURR = 100007, 2, TARGET)"))


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        (labels((140, 0), (20, 0), (40, 0)), "0 of 200 labelled applicants of 2018-05-17 have TARGET 1, at least 6"),
        (labels((0, 140), (0, 20), (0, 40)), "0 of 200 labelled applicants of 2018-05-17 have TARGET 0, at least 6"),
        (labels((140, 3), (20, 1), (40, 1)), "5 of 205 labelled applicants of 2018-05-17 have TARGET 1, at least 6"),
    ],
)
def test_one_class_or_next_to_none_of_it_cannot_be_learned_from(small_job: Job, counted: Labels, said: str) -> None:
    with pytest.raises(UserError, match=said) as refused:
        check_labels(counted, small_job)
    assert "bring a larger delivery" in str(refused.value)


def test_enough_rows_are_learned_from_as_they_are(
    small_job: Job, relabelled: Callable[[str], TrainingSet], capsys: pytest.CaptureFixture[str]
) -> None:
    training = relabelled("TARGET")
    assert make_do(small_job, Step("train"), training) == (training, small_job.settings)
    assert capsys.readouterr().err == ""


def test_a_part_without_bad_applicants_is_dealt_anew_and_that_is_said(
    small_job: Job, relabelled: Callable[[str], TrainingSet], capsys: pytest.CaptureFixture[str]
) -> None:
    """A dozen bad ones, none of whom ends the training by the split of the settings."""
    bad = relabelled("TARGET").rows.where("part != 'validation'").orderBy("SK_ID_CURR").limit(12)
    named = ", ".join(str(row.SK_ID_CURR) for row in bad.select("SK_ID_CURR").collect())
    training = relabelled(f"if(SK_ID_CURR IN ({named}), 1, 0)")
    made, settings = make_do(small_job, Step("train"), training)
    assert settings.split.seed > small_job.settings.split.seed
    assert settings.split.model_copy(update={"seed": small_job.settings.split.seed}) == small_job.settings.split
    counted = Labels.of(made.rows)
    assert counted.fewest[0] >= FEWEST_OF_A_CLASS
    assert counted.in_all(1) == 12
    assert made.rows.where(F.col("part") != folds.part(settings.split)).isEmpty()
    said = capsys.readouterr().err
    assert "0 applicants with TARGET 1 in the validation folds by split.seed 20180517" in said
    assert f"dealt by {settings.split.seed}" in said
    again = make_do(small_job, Step("train"), training)[1]
    assert again == settings


def test_penalties_of_full_deliveries_are_lowered_where_no_tree_could_grow(default: Settings) -> None:
    """Of 420 applicants 28 are bad: they weigh 26, and a leaf of the settings has to weigh 20."""
    booster = able_to_split(default.train, labels((392, 28), (56, 4), (112, 8)))
    weight = 392 * 28 / 420
    assert booster.min_child_weight == pytest.approx(min(default.train.min_child_weight, weight / 3), rel=0.01)
    share = booster.min_child_weight / default.train.min_child_weight
    assert booster.reg_alpha == pytest.approx(default.train.reg_alpha * share, rel=0.01)
    assert booster.model_dump(exclude={"min_child_weight", "reg_alpha"}) == default.train.model_dump(
        exclude={"min_child_weight", "reg_alpha"}
    )


@pytest.mark.parametrize("good", [100, 150, 392, 811, 997])
def test_what_was_lowered_once_is_not_lowered_again(default: Settings, good: int) -> None:
    """The settings that a run logs make the same model again."""
    few = labels((good, 9), (56, 4), (112, 8))
    once = able_to_split(default.train, few)
    assert able_to_split(once, few) == once
    # Whose bad ones weigh a third of that can fill fewer leaves.
    lighter = Labels(few.counts, {**few.weights, ("train", 1): few.weights["train", 1] / 3})
    assert able_to_split(default.train, lighter).min_child_weight < once.min_child_weight


def test_many_rows_and_a_booster_without_a_least_weight_stay_as_they_are(default: Settings) -> None:
    many, few = labels((20_000, 1_700), (100, 9), (100, 9)), labels((100, 9), (20, 2), (40, 2))
    assert able_to_split(default.train, many) == default.train
    free = default.train.model_copy(update={"min_child_weight": 0.0})
    assert able_to_split(free, few) == free
