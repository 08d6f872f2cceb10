"""How the champion changes: the gates before it, and the trace it leaves in the registry and in the lake."""

import getpass
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from pyspark.sql import functions as F

from jobs.lake.job import Job, Step
from jobs.lake.tables import PROMOTIONS, Lake
from jobs.promotion.evidence import feature_sets_now, gather_evidence
from jobs.promotion.gates import Gate, Outcome, as_table, before_score, judge, verdict
from jobs.registry.runs import Training
from jobs.registry.store import Store
from jobs.registry.versions import Registered, Verdict
from jobs.runtime.errors import GateRefused, TryAgain

ROLLBACK = "rollback"
DRIFT = "drift.json"

SCHEMA = (
    "finished TIMESTAMP, verb STRING, by STRING, from_version BIGINT, to_version BIGINT, model_sha256 STRING, "
    "reason STRING"
)


@dataclass(frozen=True)
class Promotion:
    """A change of champion: when (UTC), by which verb and whom, from which version (None: there was none) to which."""

    finished: datetime
    verb: str
    by: str
    from_version: int | None
    to_version: int
    model_sha256: str
    reason: str


def try_gates(
    job: Job, step: Step, store: Store, training: Training, candidate: Registered, champion: Registered | None
) -> None:
    """Judge a candidate against the champion there is now, and log what each gate says.

    Raises:
        GateRefused: A gate refused it; the champion stays.
    """
    model = store.versions.registered_model(candidate)
    evidence = gather_evidence(job, store, training, model, champion)
    gates = judge(evidence, job.settings.gates, job.settings.decision.threshold)
    for gate in gates:
        if gate.outcome is Outcome.WARNED:
            step.warn(f"gate {gate.name}: {gate.sentence}")
        else:
            step.say(f"gate {gate.name} {gate.outcome}: {gate.sentence}")
    store.versions.log_verdicts(training, candidate, verdict(gates), as_verdicts(gates), as_table(gates))
    if evidence.drift is not None:
        store.runs.log_rows(training.run_id, DRIFT, [asdict(shift) for shift in evidence.drift.shifts])
    refused = [gate for gate in gates if gate.outcome is Outcome.REFUSED]
    if refused:
        raise GateRefused(refusal(candidate, champion, refused))


def as_verdicts(gates: Sequence[Gate]) -> list[Verdict]:
    """What each gate said, as the registry keeps it."""
    return [Verdict(gate.name, gate.outcome, gate.sentence, gate.value) for gate in gates]


def refusal(candidate: Registered, champion: Registered | None, failed: Sequence[Gate]) -> str:
    """What an operator reads of a candidate that was refused."""
    stays = f"version {champion.version} stays champion" if champion else "there is no champion yet"
    reasons = "; ".join(f"{gate.name} {gate.sentence}" for gate in failed)
    return f"version {candidate.version} is not made champion, {stays}: {reasons}"


def change_champion(
    lake: Lake, store: Store, verb: str, champion: Registered | None, successor: Registered, reason: str
) -> None:
    """Write the lake's row, tag both versions, then let the successor score: no change is without its trace.

    The lake's lock keeps others out. Should two hold it, one writes its row in turn and the other is refused.

    Args:
        lake: Whose operations keep the row.
        store: The registry.
        verb: What was called.
        champion: The version that scores until now.
        successor: The version that scores from now on.
        reason: What the operator, or the policy, says.

    Raises:
        TryAgain: Somebody else has changed the champion since it was read.
    """
    turn = len(history(lake)) + 1
    if store.versions.champion() != champion:
        raise TryAgain("the champion has just been changed by another process: see `status`, and try again")
    now = datetime.fromtimestamp(time.time(), UTC)
    before = champion.version if champion else None
    row = [(now, verb, operator(), before, successor.version, successor.sha256, reason)]
    lake.append_in_turn(PROMOTIONS, lake.spark.createDataFrame(row, SCHEMA), turn)
    store.versions.tag_version(
        successor, {"champion_after": str(before or "none"), "champion_by": verb, "champion_why": reason}
    )
    if champion:
        store.versions.tag_version(
            champion, {"replaced_by": str(successor.version), "replaced_with": verb, "replaced_why": reason}
        )
    store.versions.make_champion(successor)


def say_what_is_next(job: Job, step: Step, successor: Registered) -> None:
    """Tell an operator what the new champion needs before it decides."""
    if feature_sets_now(job) != (successor.feature_set,):
        step.say(f"it reads feature set {successor.feature_set}: {before_score(successor.feature_set)}")
    step.say("score and explain again what it is to decide")


def operator() -> str:
    """The name of the system's user, where it has one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have a number only
        return "unknown"


def history(lake: Lake) -> tuple[Promotion, ...]:
    """Every change of champion that the lake knows, oldest first."""
    if not lake.exists(PROMOTIONS):
        return ()
    # Without a zone, so that it is read in the session's (UTC), not in the machine's.
    finished = F.col("finished").cast("timestamp_ntz").alias("finished")
    others = ("verb", "by", "from_version", "to_version", "model_sha256", "reason")
    return tuple(
        Promotion(*row) for row in lake.read(PROMOTIONS).select(finished, *others).orderBy("finished").collect()
    )


def succession(changes: Sequence[Promotion]) -> list[int]:
    """The champions one after the other, the one that scores now last; a rollback takes back what came after."""
    versions: list[int] = []
    for change in changes:
        if change.verb == ROLLBACK and change.to_version in versions:
            while versions[-1] != change.to_version:
                versions.pop()
        elif versions[-1:] != [change.to_version]:
            versions.append(change.to_version)
    return versions


def rolled_back(changes: Sequence[Promotion]) -> set[int]:
    """The versions that a rollback took the place from, and that nobody has promoted since."""
    versions: set[int] = set()
    for change in changes:
        versions.discard(change.to_version)
        if change.verb == ROLLBACK and change.from_version is not None:
            versions.add(change.from_version)
    return versions
