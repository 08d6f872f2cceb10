"""Boosters and the baseline, cross-validated one after the other, each a child of the training's run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from features.plan.nested_table import NESTED_NAMES
from jobs.lake.job import Step
from jobs.model import calibration
from jobs.model.candidates import Candidate, Logistic, Trees
from jobs.model.choice import Choice, Trial, choose
from jobs.registry.runs import OpenRun
from jobs.runtime.settings import Search, Settings, Train
from jobs.training import cross_validation
from jobs.training.cross_validation import NO_FOLD, Dealt

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import FloatDistribution, IntDistribution

# Trials, that of the booster as it is set among them, before the ones that follow from what came before.
BLIND_TRIALS = 2


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


def search(step: Step, run: OpenRun, rows: DataFrame, names: Sequence[str], settings: Settings) -> Searched:
    """Select features and choose a booster by the settings, within the training folds.

    Args:
        step: Where progress is said.
        run: Below which each trial gets a run of its own.
        rows: SK_ID_CURR, TARGET, part and the features of labelled applicants.
        names: The features.
        settings: What is tried, and on how many applicants.

    Nested features take no part and are kept: their row models know the labels of the other folds, so that a fold of
    the cross-validation is not unseen to them.
    """
    as_set = Searched(settings.train, tuple(names), (), None)
    if not (settings.search.is_on or settings.selection.shuffles):
        return as_set
    compared = [name for name in names if name not in NESTED_NAMES]
    dealt = cross_validation.deal(rows, compared, settings.split, settings.search)
    dealt.rows.persist()
    try:
        found = cross_validation.fewest_of_a_class(dealt)
        if found < settings.search.fewest_of_a_class:
            step.say(f"nothing is compared: a fold of {dealt.folds} has {found} applicants of a TARGET")
            return as_set
        if settings.selection.shuffles:
            dealt = cross_validation.select(dealt, settings.selection)
            step.say(f"{len(dealt.names_for(NO_FOLD)):,} of {len(compared):,} features gain more than by chance")
        gone = set(compared) - set(dealt.names_for(NO_FOLD))
        chosen_names = tuple(name for name in names if name not in gone)
        if not settings.search.is_on:
            return replace(as_set, names=chosen_names)
        trials = tuple(tried(step, run, dealt, settings))
    finally:
        dealt.rows.unpersist()
    choice = choose(trials)
    for sentence in choice.sentences:
        step.say(sentence)
    run.choose(choice.chosen.run_id, "; ".join(choice.sentences))
    assert isinstance(choice.chosen.candidate, Trees)
    return Searched(choice.chosen.candidate.settings, chosen_names, trials, choice)


def tried(step: Step, run: OpenRun, dealt: Dealt, settings: Settings) -> Iterator[Trial]:
    """The baseline, the booster as it is set, then what Optuna draws; after `BLIND_TRIALS` by what came before."""
    for c in settings.search.logistic_c:
        yield try_out(step, run, dealt, f"logistic regression, C {c:g}", Logistic(c))
    as_set = try_out(step, run, dealt, "trees as set", Trees(settings.train))
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
    with run.trial(name, candidate.kind, candidate.parameters) as below:
        trial = Trial(name, candidate, cross_validation.out_of_fold(dealt, candidate), below.id)
        below.log_measures(measures_of(trial))
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


def open_study(settings: Settings, auc_as_set: float) -> "optuna.Study":
    """Optuna's tree-structured Parzen estimator (Bergstra et al. 2011, NIPS), told of the booster as it is set.

    A booster outside of the spans is not one that it could draw, and can't be told of.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=settings.search.seed, n_startup_trials=BLIND_TRIALS)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    drawn_from = spans(settings.search)
    as_set = settings.train.model_dump(include=set(drawn_from))
    if all(span.low <= as_set[name] <= span.high for name, span in drawn_from.items()):
        study.add_trial(optuna.trial.create_trial(params=as_set, distributions={**drawn_from}, value=auc_as_set))
    return study


def spans(settings: Search) -> "dict[str, FloatDistribution | IntDistribution]":
    """What a trial may change of the booster; amounts by their logarithm."""
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        "max_depth": IntDistribution(*settings.max_depth),
        "colsample_bytree": FloatDistribution(*settings.colsample_bytree, log=True),
        "min_child_weight": FloatDistribution(*settings.min_child_weight, log=True),
        "reg_alpha": FloatDistribution(*settings.reg_alpha, log=True),
        "reg_lambda": FloatDistribution(*settings.reg_lambda, log=True),
    }
