"""Which of the boosters that were tried is trained on all rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist

import numpy as np

from jobs.model.candidates import Candidate, OutOfFold, Trees
from jobs.model.measures import Interval, Vector, auc_difference, auc_interval

# Standard errors: what is further behind the best is out of the race.
CLEARLY = 2.0


@dataclass(frozen=True)
class Trial:
    """A candidate that was cross-validated, by a name for people, and the run that tells of it.

    Args:
        name: For people.
        candidate: What was tried.
        answers: One for each time that the folds were dealt; the applicants are the same.
        run_id: MLflow's; empty where it has no run.
    """

    name: str
    candidate: Candidate
    answers: tuple[OutOfFold, ...]
    run_id: str

    @property
    def first(self) -> OutOfFold:
        """By the folds that were dealt first, which alone decide the rounds: the same with and without a search."""
        return self.answers[0]

    @cached_property
    def step(self) -> int:
        """The step of the fits at which the log loss of all applicants together is least."""
        return int(self.first.losses.argmin())

    @property
    def rounds(self) -> float:
        """Trees of a fit; 0 where it has none."""
        return float(self.first.rounds[self.step])

    @property
    def size(self) -> float:
        """Leaves or coefficients of a fit."""
        return float(self.first.sizes[self.step])

    @property
    def log_loss(self) -> float:
        """Out of fold."""
        return float(self.first.losses[self.step])

    @property
    def seconds(self) -> float:
        """That all fits took, each on one core."""
        return sum(answer.seconds for answer in self.answers)

    @property
    def labels(self) -> Vector:
        """TARGET of the applicants."""
        return self.first.labels

    @property
    def weights(self) -> Vector:
        """How many applicants each stands for."""
        return self.first.weights

    @property
    def margins(self) -> Vector:
        """(deals, applicants), log-odds out of fold."""
        return np.array([answer.margins[self.step] for answer in self.answers])

    @cached_property
    def auc(self) -> Interval:
        """Of the out-of-fold margins, with DeLong's standard error."""
        return auc_interval(self.labels, self.margins, weights=self.weights)

    @property
    def summary(self) -> str:
        """What it came to and what it cost, in a line."""
        trees = f", {self.rounds:.0f} trees" if self.rounds else ""
        parts = "leaves" if self.rounds else "coefficients"
        return (
            f"{self.name}: AUC {self.auc.value:.4f} ± {self.auc.standard_error:.4f}"
            f"{trees}, {self.size:,.0f} {parts}, {self.seconds:.0f} s of fitting"
        )

    def behind(self, other: "Trial") -> Interval:
        """How much more AUC the other has, on the same applicants and by the folds that both were tried on."""
        deals = min(len(self.answers), len(other.answers))
        return auc_difference(self.labels, other.margins[:deals], self.margins[:deals], weights=self.weights)

    def also(self, answer: OutOfFold) -> "Trial":
        """The trial with what it says by other folds too."""
        return replace(self, answers=(*self.answers, answer))


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why.

    Args:
        chosen: The simplest within one standard error of the best.
        best: The trees of the highest AUC.
        next: The trees that come closest to the best; None where nothing else was tried.
        baseline: The best of what is not trees.
    """

    chosen: Trial
    best: Trial
    next: Trial | None
    baseline: Trial | None

    @property
    def sentences(self) -> tuple[str, ...]:
        """Why it was chosen, how sure that is, and what trees are worth beside the baseline."""
        said = [self.reason]
        if self.baseline is not None:
            ahead, behind = self.baseline.behind(self.chosen), self.chosen.behind(self.baseline)
            where, apart = ("ahead of", ahead) if ahead.value >= 0 else ("behind", behind)
            said.append(
                f"{apart.value:.4f} ({apart.low:.4f} to {apart.high:.4f}) of AUC {where} the baseline, "
                f"{self.baseline.name}"
            )
        return tuple(said)

    @property
    def reason(self) -> str:
        """Why it was chosen, and how sure it is that the best is the better one."""
        if self.chosen == self.best:
            alone = f"{self.chosen.name} has the best AUC, and none simpler comes within one standard error"
            return alone if self.next is None else f"{alone}; {how_sure(self.next, self.best)}"
        behind = self.chosen.behind(self.best)
        return (
            f"{self.chosen.name} is the simplest within one standard error of the best, {self.best.name}: "
            f"{shape(self.chosen)} instead of {shape(self.best)}, "
            f"{behind.value:.4f} ± {behind.standard_error:.4f} of AUC behind; {how_sure(self.chosen, self.best)}"
        )


def choose(trials: Sequence[Trial]) -> Choice:
    """The simplest trees whose AUC is less than one standard error behind the best; among equals those tried first.

    Breiman, Friedman, Olshen and Stone (1984), Classification and Regression Trees, section 3.4.3. The standard error
    is that of the difference on the same applicants (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44): that of
    one AUC is mostly due to which applicants were drawn, which is the same for all trials. Logistic regressions are the
    baseline: the trees are held against the best of them, which is never chosen, for explanations and the registry
    are of boosters.

    Args:
        trials: On the same applicants; one of trees at least.
    """
    best, others = best_of(trials)
    near = [trial for trial in (best, *others) if trial is best or is_near(trial, best)]
    in_order = [trial for trial in trials if trial in near]
    chosen = min(in_order, key=complexity)
    lines = [trial for trial in trials if not isinstance(trial.candidate, Trees)]
    return Choice(
        chosen,
        best,
        min(others, key=lambda trial: trial.behind(best).value, default=None),
        max(lines, key=lambda trial: trial.auc.value, default=None),
    )


def undecided(trials: Sequence[Trial], wanted: float) -> list[Trial]:
    """The trees between which other folds may still decide: the best, and those not clearly behind it; none where every
    difference is known well enough.

    Args:
        trials: So far.
        wanted: The standard error of a difference in AUC that is small enough to choose by.
    """
    best, others = best_of(trials)
    behind = [(trial, trial.behind(best)) for trial in others]
    close = [(trial, apart) for trial, apart in behind if apart.value <= CLEARLY * apart.standard_error]
    if all(apart.standard_error <= wanted for _, apart in close):
        return []
    in_race = [best, *(trial for trial, _ in close)]
    return [trial for trial in trials if trial in in_race]


def best_of(trials: Sequence[Trial]) -> tuple[Trial, list[Trial]]:
    """The trees of the highest AUC, of equal ones the smaller, and the other trees."""
    boosters = [trial for trial in trials if isinstance(trial.candidate, Trees)]
    best = max(boosters, key=lambda trial: (trial.auc.value, -trial.size))
    return best, [trial for trial in boosters if trial is not best]


def complexity(trial: Trial) -> tuple[int, float, float]:
    """What makes trees simple: how many features one of them can make depend on each other, then how many leaves there
    are to read. Many shallow trees add up to curves of single features; a few deep ones don't."""
    return depth(trial), trial.size, -trial.auc.value


def depth(trial: Trial) -> int:
    """Of its trees."""
    assert isinstance(trial.candidate, Trees)
    return trial.candidate.settings.max_depth


def shape(trial: Trial) -> str:
    """How large its trees are, in words."""
    return f"depth {depth(trial)} with {trial.size:,.0f} leaves"


def how_sure(behind: Trial, best: Trial) -> str:
    """The chance that the one with the higher AUC is the better one, in words."""
    apart = behind.behind(best)
    chance = NormalDist().cdf(apart.value / apart.standard_error) if apart.standard_error else 1.0
    deals = min(len(behind.answers), len(best.answers))
    times = "once" if deals == 1 else f"{deals} times"
    return f"{best.name} is better than {behind.name} with a chance of {chance:.0%}, by folds dealt {times}"


def is_near(trial: Trial, best: Trial) -> bool:
    """Whether the difference is within one standard error of itself."""
    behind = trial.behind(best)
    return behind.value <= behind.standard_error
