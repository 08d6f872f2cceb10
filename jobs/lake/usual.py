"""Whether a delivery is like those before it, as an operator is told."""

from collections.abc import Mapping, Sequence

from features.rows_as_sent import few
from jobs.lake.checks import Counted
from jobs.lake.comparison import Compared, Verdict, compare
from jobs.lake.figures import applicants_before, figures_before, measure
from jobs.lake.job import Job, Step
from jobs.runtime.errors import ContractBroken

SHOWN = 10


def compared_with_before(
    job: Job, step: Step, counted: Sequence[Counted], accepted: Mapping[str, str]
) -> tuple[Compared, ...]:
    """The delivery's figures with what is said of each; warnings are said at once."""
    figures = measure(counted, applicants_before(job.lake, job.run_date))
    before = figures_before(job.lake, job.run_date, job.settings.checks.last)
    compared = compare(figures, before, job.settings.checks, accepted)
    for one in compared:
        if one.verdict is Verdict.WARNING:
            step.warn(one.sentence, f"unusual: {one.figure.name}")
        elif one.verdict is Verdict.ACCEPTED:
            step.warn(f"{one.sentence}: accepted, {one.reason}", f"accepted: {one.figure.name}")
    return compared


def unusual(compared: Sequence[Compared], instead: str = "send it again") -> ContractBroken | None:
    """The refusal of a delivery that is not like those before it; None where it is.

    Args:
        compared: Its figures.
        instead: What may be done other than to accept them.
    """
    errors = [one for one in compared if one.verdict is Verdict.ERROR]
    if not errors:
        return None
    lines = [f"{one.sentence} (--accept {one.figure.name})" for one in errors[:SHOWN]]
    more = [f"and {len(errors) - SHOWN} more"] if len(errors) > SHOWN else []
    told = [
        "the delivery is not like those before it, and nothing was replaced:",
        *(f"  {line}" for line in [*lines, *more]),
        f"{instead}, or take it as it is with --accept and --reason; a kind alone, such as --accept "
        f"{errors[0].figure.kind}, accepts all of that kind",
    ]
    # As a step's row keeps it: which figures, without any level of them.
    return ContractBroken(
        "\n".join(told), f"not like the deliveries before: {few([one.figure.name for one in errors])}"
    )
