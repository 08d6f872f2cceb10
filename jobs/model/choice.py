"""Which of the boosters that were tried is trained on all rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from jobs.model.candidates import Candidate, OutOfFold, Trees
from jobs.model.measures import Interval, auc_difference, auc_interval


@dataclass(frozen=True)
class Trial:
    """A candidate that was cross-validated, by a name for people, and the run that tells of it."""

    name: str
    candidate: Candidate
    answered: OutOfFold
    run_id: str

    @cached_property
    def auc(self) -> Interval:
        """Of the out-of-fold margins, with DeLong's standard error."""
        return auc_interval(self.answered.labels, self.answered.margins)

    @property
    def summary(self) -> str:
        """What it came to and what it cost, in a line."""
        trees = f", {self.answered.rounds:.0f} trees" if self.answered.rounds else ""
        parts = "leaves" if self.answered.rounds else "coefficients"
        return (
            f"{self.name}: AUC {self.auc.value:.4f} ± {self.auc.standard_error:.4f}"
            f"{trees}, {self.answered.size:,.0f} {parts}, {self.answered.seconds:.0f} s of fitting"
        )

    def behind(self, other: "Trial") -> Interval:
        """How much more AUC the other has, on the same applicants."""
        return auc_difference(self.answered.labels, other.answered.margins, self.answered.margins)


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why."""

    chosen: Trial
    best: Trial
    baseline: Trial | None

    @property
    def sentences(self) -> tuple[str, ...]:
        """Why it was chosen, and what trees are worth beside the baseline."""
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
        """Why it was chosen."""
        if self.chosen == self.best:
            return f"{self.chosen.name} has the best AUC, and none simpler comes within one standard error"
        behind = self.chosen.behind(self.best)
        return (
            f"{self.chosen.name} is the simplest within one standard error of the best, {self.best.name}: "
            f"{self.chosen.answered.size:,.0f} leaves instead of {self.best.answered.size:,.0f}, "
            f"{behind.value:.4f} ± {behind.standard_error:.4f} of AUC behind"
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
    boosters = [trial for trial in trials if isinstance(trial.candidate, Trees)]
    others = [trial for trial in trials if not isinstance(trial.candidate, Trees)]
    best = max(boosters, key=lambda trial: (trial.auc.value, -trial.answered.size))
    near = [trial for trial in boosters if trial is best or is_near(trial, best)]
    chosen = min(near, key=lambda trial: (trial.answered.size, -trial.auc.value))
    return Choice(chosen, best, max(others, key=lambda trial: trial.auc.value, default=None))


def is_near(trial: Trial, best: Trial) -> bool:
    """Whether the difference is within one standard error of itself."""
    behind = trial.behind(best)
    return behind.value <= behind.standard_error
