"""Boosters and the baseline, cross-validated one after the other, each a child of the training's run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from features.plan.nested_table import NESTED_NAMES
from jobs.lake import folds
from jobs.lake.job import Step
from jobs.model.candidates import Candidate, Logistic, Trees
from jobs.model.choice import Choice, Trial, choose, undecided
from jobs.registry.runs import OpenRun
from jobs.runtime.session import computed_once
from jobs.runtime.settings import Search, Settings, Train
from jobs.training import cross_validation
from jobs.training.cross_validation import NO_FOLD, Dealt
from jobs.training.training_set import TrainingSet

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import FloatDistribution, IntDistribution

AS_SET = "trees as set"
# Trials, that of the booster as it is set among them, before the ones that follow from what came before.
BLIND_TRIALS = 2
# Boosters that did well on real and on made-up applicants (docs/performance.md), tried before any is drawn, as far as
# the spans of the settings have them. Of a thousand features many say the same: few columns a tree, shallow trees.
DRAWN = ("max_depth", "colsample_bytree", "learning_rate", "min_child_weight", "reg_alpha", "reg_lambda")
GOOD_BOOSTERS = (
    (2, 0.01, 0.05, 5.0, 0.0, 30.0),
    (3, 0.1, 0.03, 5.0, 0.0, 30.0),
    (3, 0.02, 0.03, 5.0, 0.0, 30.0),
    (1, 0.01, 0.1, 5.0, 0.0, 30.0),
)


@dataclass(frozen=True)
class Searched:
    """What a search came to.

    Args:
        train: The booster to fit on all rows.
        names: The features to fit it on, in order.
        trials: What was compared, in order.
        choice: Which of them, and why; None where nothing was compared.
        by_round: The booster cross-validated by round, where that says how many trees it needs; None where the
            validation fold does.
    """

    train: Train
    names: tuple[str, ...]
    trials: tuple[Trial, ...]
    choice: Choice | None
    by_round: Trial | None


def search(step: Step, run: OpenRun, training: TrainingSet, settings: Settings) -> Searched:
    """Select features, choose a booster and, where rows are few, how many trees it has; the test folds stay unseen.

    Args:
        step: Where progress is said.
        run: Below which each trial gets a run of its own.
        training: The labelled applicants and the features.
        settings: What is tried, and on how many applicants.

    Nested features take no part and are kept: their row models know the labels of the other folds, so that a fold of
    the cross-validation is not unseen to them. Nor can it tell then how many trees are best with them.
    """
    names = tuple(training.names)
    as_set = Searched(settings.train, names, (), None, None)
    dealt = dealt_for(training, settings)
    if dealt is None:
        return as_set
    with computed_once(dealt.rows) as rows:
        dealt = replace(dealt, rows=rows)
        fewest = cross_validation.fewest_to_fit_on(dealt)
        if fewest < settings.search.fewest_of_a_class:
            step.say(
                f"nothing is compared: without a fold of {dealt.folds}, {fewest} applicants of a TARGET are left, "
                f"fewer than search.fewest_of_a_class = {settings.search.fewest_of_a_class}. "
                "The booster stays as it is set"
            )
            return as_set
        return searched(step, run, dealt, names, settings)


def dealt_for(training: TrainingSet, settings: Settings) -> Dealt | None:
    """The applicants to compare on, None where there is nothing to find out.

    Few applicants are all needed, those of the validation fold too: nobody ends a fit. Of many, the validation fold
    stays unseen for the last fit, and a tenth of a fold's own applicants ends it.
    """
    if training.is_few:
        outside = training.rows.where(F.col("part") != folds.TEST)
        return cross_validation.deal(outside, training.inputs, settings.split, settings.search, None)
    if settings.search.is_on or settings.selection.shuffles:
        compared = [named for named in training.inputs if named.name not in NESTED_NAMES]
        fitted_on = training.rows.where(F.col("part") == folds.TRAIN)
        stops = cross_validation.a_tenth(settings.search)
        return cross_validation.deal(fitted_on, compared, settings.split, settings.search, stops)
    return None


def searched(step: Step, run: OpenRun, dealt: Dealt, names: Sequence[str], settings: Settings) -> Searched:
    """What comes of the applicants that were dealt."""
    compared = dealt.names
    dealt = cross_validation.selected(dealt, settings.selection)
    if settings.selection.shuffles:
        step.say(f"{len(dealt.names_for(NO_FOLD)):,} of {len(compared):,} features gain more than by chance")
    gone = set(compared) - set(dealt.names_for(NO_FOLD))
    chosen_names = tuple(name for name in names if name not in gone)
    if not settings.search.is_on:
        trees = Trees(settings.train)
        by_round = Trial(AS_SET, trees, (cross_validation.out_of_fold(dealt, trees),), "") if dealt.by_round else None
        return Searched(settings.train, chosen_names, (), None, by_round)
    trials = dealt_again(step, run, dealt, tuple(tried(step, run, dealt, settings)), settings)
    choice = choose(trials)
    for sentence in choice.sentences:
        step.say(sentence)
    run.choose(choice.chosen.run_id, "; ".join(choice.sentences))
    assert isinstance(choice.chosen.candidate, Trees)
    by_round = choice.chosen if dealt.by_round else None
    return Searched(choice.chosen.candidate.settings, chosen_names, trials, choice, by_round)


def tried(step: Step, run: OpenRun, dealt: Dealt, settings: Settings) -> Iterator[Trial]:
    """The baseline, the booster as it is set, then what Optuna is told to try or draws; after `BLIND_TRIALS` by what
    came before."""
    for c in settings.search.logistic_c:
        yield try_out(step, run, dealt, f"logistic regression, C {c:g}", Logistic(c))
    as_set = try_out(step, run, dealt, AS_SET, Trees(settings.train))
    yield as_set
    study = open_study(settings, as_set.auc.value)
    for number in range(1, settings.search.trials + 1):
        asked = study.ask({**spans(settings.search)})
        drawn = settings.train.model_copy(update=asked.params)
        trial = try_out(step, run, dealt, f"trees {number}", Trees(drawn))
        study.tell(asked, trial.auc.value)
        yield trial


def try_out(step: Step, run: OpenRun, dealt: Dealt, name: str, candidate: Candidate) -> Trial:
    """Cross-validate a candidate in a run of its own."""
    with run.trial(name, candidate.kind, candidate.parameters) as own:
        trial = Trial(name, candidate, (cross_validation.out_of_fold(dealt, candidate),), own.id)
        own.log_measures(measures_of(trial))
    step.say(trial.summary)
    return trial


def dealt_again(
    step: Step, run: OpenRun, dealt: Dealt, trials: tuple[Trial, ...], settings: Settings
) -> tuple[Trial, ...]:
    """The trials, those between which noise decides tried on other folds too until it is small or `search.repeats` are
    spent."""
    for number in range(1, settings.search.repeats):
        close = undecided(trials, settings.search.standard_error)
        if not close:
            break
        step.say(f"{len(close)} boosters are too close to choose between: folds are dealt anew")
        anew = cross_validation.deal_again(dealt, settings.split, number)
        again = cross_validation.selected(anew, settings.selection)
        trials = tuple(
            trial.also(cross_validation.out_of_fold(again, trial.candidate)) if trial in close else trial
            for trial in trials
        )
    for trial in trials:
        if len(trial.answers) > 1:
            run.of_trial(trial.run_id).log_measures(measures_of(trial))
    return trials


def measures_of(trial: Trial) -> dict[str, float]:
    """What a trial's run logs; the names are those of a training's measures where they mean the same."""
    area = trial.auc
    return {
        "auc": area.value,
        "auc_standard_error": area.standard_error,
        "auc_low": area.low,
        "auc_high": area.high,
        "log_loss": trial.log_loss,
        "rows": float(trial.labels.size),
        "deals": float(len(trial.answers)),
        "rounds": trial.rounds,
        "size": trial.size,
        "fit_seconds": trial.seconds,
    }


def open_study(settings: Settings, auc_as_set: float) -> "optuna.Study":
    """Optuna's tree-structured Parzen estimator (Bergstra et al. 2011, NIPS), told of the booster as it is set and of
    the ones to try first.

    A booster outside of the spans is not one that it could draw, and can't be told of.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=settings.search.seed, n_startup_trials=BLIND_TRIALS)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    drawn_from = spans(settings.search)
    as_set = settings.train.model_dump(include=set(drawn_from))
    if is_within(as_set, drawn_from):
        study.add_trial(optuna.trial.create_trial(params=as_set, distributions={**drawn_from}, value=auc_as_set))
    for good in (dict(zip(DRAWN, numbers, strict=True)) for numbers in GOOD_BOOSTERS):
        if good != as_set and is_within(good, drawn_from):
            study.enqueue_trial(good)
    return study


def is_within(booster: Mapping[str, float], drawn_from: "Mapping[str, FloatDistribution | IntDistribution]") -> bool:
    """Whether a trial could be drawn like this."""
    return all(span.low <= booster[name] <= span.high for name, span in drawn_from.items())


def spans(settings: Search) -> "dict[str, FloatDistribution | IntDistribution]":
    """What a trial may change of the booster; by their logarithm, but for the penalty that may be 0."""
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        "max_depth": IntDistribution(*settings.max_depth, log=True),
        "colsample_bytree": FloatDistribution(*settings.colsample_bytree, log=True),
        "learning_rate": FloatDistribution(*settings.learning_rate, log=True),
        "min_child_weight": FloatDistribution(*settings.min_child_weight, log=True),
        "reg_alpha": FloatDistribution(*settings.reg_alpha),
        "reg_lambda": FloatDistribution(*settings.reg_lambda, log=True),
    }
