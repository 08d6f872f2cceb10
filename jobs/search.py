"""Boosters and the baseline, cross-validated one after the other, each a child of the training's run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from jobs import calibration, cross_validation, tracking
from jobs.candidates import Candidate, Logistic, Trees
from jobs.choice import Choice, Trial, choose
from jobs.cross_validation import NO_FOLD, Dealt
from jobs.job import Step
from jobs.settings import Search, Settings, Train
from jobs.tracking import Tracking

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

# Trials that are drawn blindly, before the ones that follow from them.
BLIND_TRIALS = 4


@dataclass(frozen=True)
class Searched:
    """What a search came to.

    Args:
        train: The booster to fit on all rows.
        names: The features to fit it on, in order.
        trials: What was tried, in order.
        choice: Which of them, and why; None where nothing was compared.
    """

    train: Train
    names: tuple[str, ...]
    trials: tuple[Trial, ...]
    choice: Choice | None


def search(step: Step, store: Tracking, rows: DataFrame, names: Sequence[str], settings: Settings) -> Searched:
    """Select features and choose a booster by the settings, within the training folds.

    Args:
        step: Where progress is said.
        store: Where each trial gets a run of its own, below the active one.
        rows: SK_ID_CURR, TARGET, part and the features of labelled applicants.
        names: The features.
        settings: What is tried, and on how many applicants.
    """
    as_set = Searched(settings.train, tuple(names), (), None)
    if not (settings.search.is_on or settings.selection.shuffles):
        return as_set
    dealt = cross_validation.deal(rows, names, settings.split, settings.search)
    dealt.rows.persist()
    try:
        found = cross_validation.fewest_of_a_class(dealt)
        if found < settings.search.fewest_of_a_class:
            step.say(f"nothing is compared: a fold of {dealt.folds} has {found} applicants of a TARGET")
            return as_set
        if settings.selection.shuffles:
            dealt = cross_validation.select(dealt, settings.selection, settings.train)
            step.say(f"{len(dealt.names_for(NO_FOLD)):,} of {len(names):,} features gain more than by chance")
        chosen_names = dealt.names_for(NO_FOLD)
        if not settings.search.is_on:
            return replace(as_set, names=chosen_names)
        trials = tuple(tried(step, store, dealt, settings))
    finally:
        dealt.rows.unpersist()
    choice = choose(trials)
    for sentence in choice.sentences:
        step.say(sentence)
    store.log_choice(choice.chosen.run_id, "; ".join(choice.sentences))
    assert isinstance(choice.chosen.candidate, Trees)
    return Searched(choice.chosen.candidate.settings, chosen_names, trials, choice)


def tried(step: Step, store: Tracking, dealt: Dealt, settings: Settings) -> Iterator[Trial]:
    """The baseline, the booster as it is set, then those that Optuna draws, each by what came before."""
    for c in settings.search.logistic_c:
        yield try_out(step, store, dealt, f"logistic regression, C {c:g}", Logistic(c))
    yield try_out(step, store, dealt, "trees as set", Trees(settings.train))
    study = open_study(settings.search)
    for number in range(1, settings.search.trials + 1):
        asked = study.ask(spans(settings.search))
        drawn = settings.train.model_copy(update=asked.params)
        trial = try_out(step, store, dealt, f"trees {number}", Trees(drawn))
        study.tell(asked, trial.auc.value)
        yield trial


def try_out(step: Step, store: Tracking, dealt: Dealt, name: str, candidate: Candidate) -> Trial:
    """Cross-validate a candidate in a run of its own."""
    with store.trial_run(name, candidate.kind, candidate.parameters) as run_id:
        trial = Trial(name, candidate, cross_validation.out_of_fold(dealt, candidate), run_id)
        tracking.log_trial(measures_of(trial))
    step.say(trial.summary)
    return trial


def measures_of(trial: Trial) -> dict[str, float]:
    """What a trial's run logs; the names are those of a training's measures where they mean the same."""
    answered, area = trial.answered, trial.auc
    return {
        "auc": area.value,
        "auc_standard_error": area.standard_error,
        "auc_low": area.low,
        "auc_high": area.high,
        "log_loss": float(calibration.losses(answered.labels, answered.margins).mean()),
        "rows": float(answered.labels.size),
        "rounds": answered.rounds,
        "size": answered.size,
        "fit_seconds": answered.seconds,
    }


def open_study(settings: Search) -> "optuna.Study":
    """Optuna's tree-structured Parzen estimator (Bergstra et al. 2011, NIPS), which starts with blind draws."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=settings.seed, n_startup_trials=BLIND_TRIALS)
    return optuna.create_study(direction="maximize", sampler=sampler)


def spans(settings: Search) -> "dict[str, BaseDistribution]":
    """What a trial may change of the booster; amounts by their logarithm."""
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        "max_depth": IntDistribution(*settings.max_depth),
        "colsample_bytree": FloatDistribution(*settings.colsample_bytree, log=True),
        "min_child_weight": FloatDistribution(*settings.min_child_weight, log=True),
        "reg_alpha": FloatDistribution(*settings.reg_alpha, log=True),
        "reg_lambda": FloatDistribution(*settings.reg_lambda, log=True),
    }
