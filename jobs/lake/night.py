"""What is left to do for a run date: the verbs that have not ended, and those whose input was written again since.

A verb that was killed has left no row, or an older one. What the tables hold is looked at too: a verb may have been
killed between its table and its row.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pyspark.sql import functions as F

from jobs.lake.step_log import Outcome, StepRun, stale_verbs, steps_of
from jobs.lake.tables import EXPLANATIONS, FEATURES, SCORES, Lake
from jobs.runtime.errors import GateRefused

ORDER = ("ingest", "assemble", "score", "explain")
"""What every night does; what a verb that is left makes is what those after it read."""


@dataclass(frozen=True)
class Night:
    """What the lake holds of a run date.

    Args:
        ran: The last finished run of each verb.
        tried: The last run of each verb, whatever became of it.
        stale: Verbs whose input was written again since.
        same_files: Whether the delivery's files are those that were taken.
        feature_sets: With which its applicants are assembled.
        scored_by: Hashes of the models that scored them.
        explained_by: Hashes of the models whose scores are explained.
    """

    ran: Mapping[str, StepRun]
    tried: Mapping[str, StepRun]
    stale: Collection[str]
    same_files: bool
    feature_sets: frozenset[str]
    scored_by: frozenset[str]
    explained_by: frozenset[str]

    def left(self, watching: Collection[str] = ()) -> tuple[str, ...]:
        """The verbs that are left, in order.

        Args:
            watching: Verbs that look at the explained scores.
        """
        kept = {
            "ingest": self.same_files,
            "assemble": bool(self.feature_sets),
            # One killed after it had scored by another model has left the row of the model before.
            "score": "score" in self.ran and self.scored_by <= {self.ran["score"].model_sha256 or "", *self.of_before},
            "explain": self.explained_by <= self.scored_by,
        }
        first = next((place for place, verb in enumerate(ORDER) if not (kept[verb] and self.is_done(verb))), len(ORDER))
        looks = (verb for verb in watching if first < len(ORDER) or not self.is_done(verb))
        return (*ORDER[first:], *looks)

    def left_for(self, feature_set: str, watching: Collection[str] = ()) -> tuple[str, ...]:
        """The verbs that are left where the champion reads this feature set: who is to score must be able to."""
        left = self.left(watching)
        must_assemble = left[:1] == ("score",) and self.feature_sets != {feature_set}
        return ("assemble", *left) if must_assemble else left

    def left_to_learn(self, watching: Collection[str] = ()) -> tuple[str, ...]:
        """The verbs that are left where a candidate is to be trained: it may become champion."""
        return (*(() if self.same_files and self.is_done("ingest") else ORDER[:1]), *ORDER[1:], *watching)

    @property
    def of_before(self) -> frozenset[str]:
        """The models that scored, where the row is of before rows named the model."""
        return self.scored_by if self.ran["score"].model_sha256 is None else frozenset()

    def is_done(self, verb: str) -> bool:
        """Whether it has finished, on what is there now."""
        return verb in self.ran and verb not in self.stale

    def has_learned(self) -> bool:
        """Whether a candidate was trained on the delivery as it is, and the gates have said yes or no."""
        train, register = self.ran.get("train"), self.tried.get("register")
        if train is None or register is None or not self.is_done("assemble"):
            return False
        judged = register.outcome == Outcome.DONE or register.exit_code == GateRefused.exit_code
        ingest = self.ran.get("ingest")
        return judged and register.finished > train.finished and (not ingest or train.finished > ingest.finished)


@dataclass(frozen=True)
class Nights:
    """What the lake holds of many run dates, read at once.

    Args:
        steps: All that was done, in the order in which it ended.
        deliveries: The versions of each delivery's source tables.
        files: What told a delivery's files from others when it was taken.
        feature_sets: Run dates with what their rows of the feature table are assembled with.
        scored_by: Run dates with the hashes of the models that scored them.
        explained_by: Run dates with the hashes of the models whose scores are explained.
    """

    steps: tuple[StepRun, ...]
    deliveries: Mapping[date, Mapping[str, int]]
    files: Mapping[date, str]
    feature_sets: Mapping[date, frozenset[str]]
    scored_by: Mapping[date, frozenset[str]]
    explained_by: Mapping[date, frozenset[str]]

    def of(self, run_date: date, files: str) -> Night:
        """One of them.

        Args:
            run_date: Which.
            files: What tells the files of the delivery that is there to be taken.
        """
        steps = [step for step in self.steps if step.run_date == run_date]
        ran = {step.verb: step for step in steps if step.is_finished}
        nothing: frozenset[str] = frozenset()
        return Night(
            ran=ran,
            tried={step.verb: step for step in steps},
            stale=stale_verbs(ran.values(), run_date, self.deliveries.get(run_date)),
            same_files=self.files.get(run_date) == files,
            feature_sets=self.feature_sets.get(run_date, nothing),
            scored_by=self.scored_by.get(run_date, nothing),
            explained_by=self.explained_by.get(run_date, nothing),
        )


def look_at(lake: Lake, run_dates: Sequence[date]) -> Nights:
    """What the lake holds of some run dates, whether they are there or not."""
    return Nights(
        steps=steps_of(lake, run_dates),
        deliveries=lake.deliveries(),
        files=lake.files_of_deliveries(),
        feature_sets=distinct(lake, FEATURES, run_dates, "feature_set"),
        scored_by=distinct(lake, SCORES, run_dates, "model_sha256"),
        explained_by=distinct(lake, EXPLANATIONS, run_dates, "model_sha256"),
    )


def distinct(lake: Lake, table: str, run_dates: Sequence[date], column: str) -> dict[date, frozenset[str]]:
    """By run date the values of a column that names a version."""
    if not lake.exists(table):
        return {}
    rows = lake.read(table).where(F.col("run_date").isin(list(run_dates))).groupBy("run_date")
    return {row[0]: frozenset(row[1]) for row in rows.agg(F.collect_set(column)).collect()}
