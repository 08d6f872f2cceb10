"""`operations/steps`: what is left of every verb, those that failed among them, and never a value of a row."""

from collections.abc import Mapping
from datetime import date, datetime

import pytest
from pyspark.sql import Row

from jobs.lake.job import Job
from jobs.lake.step_log import Outcome, StepRun, ending_of, is_stale, latest_steps, stale_verbs, steps_of
from jobs.lake.tables import STEPS, Lake
from jobs.runtime.errors import ContractBroken, GateRefused, LimitPassed, TryAgain, UserError
from jobs.runtime.session import application_id, engine_name

MAY = date(2018, 5, 17)


def ran(
    verb: str, minute: int, reads: Mapping[str, int] | None = None, writes: Mapping[str, int] | None = None
) -> StepRun:
    return StepRun(MAY, verb, datetime(2026, 1, 1, 12, minute), 1.0, reads or {}, writes or {})


def last_row(lake: Lake) -> Row:
    row = lake.read(STEPS).orderBy("finished", ascending=False).first()
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("error", "outcome", "code", "reason"),
    [
        (None, Outcome.DONE, 0, ""),
        (LimitPassed("the scores' PSI is 0.31\nmore"), Outcome.LIMIT_PASSED, 7, "the scores' PSI is 0.31"),
        (GateRefused("version 2 is not made champion"), Outcome.REFUSED, 4, "version 2 is not made champion"),
        (TryAgain("locked"), Outcome.REFUSED, 6, "locked"),
        (ContractBroken("bureau: 3 rows, such as '-1.5'"), Outcome.REFUSED, 3, "the delivery breaks its contract"),
        (ValueError("cannot cast 'Anna' to INT"), Outcome.FAILED, 1, "ValueError: see the log"),
        (KeyboardInterrupt(), Outcome.STOPPED, None, "stopped from outside"),
    ],
)
def test_an_end_is_told_without_a_value_of_a_row(
    error: BaseException | None, outcome: Outcome, code: int | None, reason: str
) -> None:
    ending = ending_of(error)
    assert (ending.outcome, ending.exit_code, ending.reason) == (outcome, code, reason)


def test_a_step_leaves_what_it_read_and_wrote_and_by_which_model(job: Job) -> None:
    lake = job.lake
    lake.replace("one", lake.spark.range(2), MAY)
    with job.step("score") as step:
        step.with_model(3, "abc")
        lake.replace("two", lake.read("one"), MAY)
        assert lake.read("two").count() == 2  # its own is nothing that it was given
        step.counted(2, 2, 0)
    row = last_row(lake)
    assert (row["reads"], row["writes"]) == ({"one": 0}, {"two": 0})
    assert (row["rows_in"], row["rows_out"], row["rows_refused"]) == (2, 2, 0)
    assert (row["model_version"], row["model_sha256"], row["engine"]) == (3, "abc", engine_name())
    assert row["application_id"] == application_id(lake.spark)
    assert row["started"] <= row["finished"]
    assert (row["outcome"], row["exit_code"], row["reason"]) == ("done", 0, None)


def test_a_step_that_fails_leaves_its_row_and_its_error(job: Job) -> None:
    with pytest.raises(GateRefused), job.step("register"):
        raise GateRefused("version 2 is not made champion")
    assert (last_row(job.lake)["outcome"], last_row(job.lake)["exit_code"]) == ("refused", 4)
    with pytest.raises(ZeroDivisionError), job.step("score"):
        raise ZeroDivisionError
    assert (last_row(job.lake)["verb"], last_row(job.lake)["outcome"]) == ("score", "failed")
    assert latest_steps(job.lake) == ()  # nothing finished


def test_a_mistaken_lake_gets_no_table(job: Job) -> None:
    with pytest.raises(UserError), job.step("score"):
        raise UserError("no table")
    assert not job.lake.exists(STEPS)


def test_a_line_of_verbs_has_a_row_of_its_own(job: Job) -> None:
    def night() -> None:
        with job.line("nightly"):
            with job.step("score"):
                job.lake.replace("one", job.lake.spark.range(2), MAY)
            raise LimitPassed("PSI 0.3")

    with pytest.raises(LimitPassed):
        night()
    score, nightly = steps_of(job.lake, [MAY])
    assert (score.verb, score.outcome, score.writes) == ("score", Outcome.DONE, {"one": 0})
    assert (nightly.verb, nightly.outcome, nightly.reason, nightly.writes) == (
        "nightly",
        Outcome.LIMIT_PASSED,
        "PSI 0.3",
        {},
    )
    assert [step.verb for step in latest_steps(job.lake)] == ["score"]


def test_a_log_of_before_is_read_and_gets_the_columns_of_today(job: Job) -> None:
    lake = job.lake
    schema = "run_date DATE, verb STRING, finished TIMESTAMP, seconds DOUBLE, measures MAP<STRING, DOUBLE>"
    lake.append(STEPS, lake.spark.createDataFrame([(MAY, "ingest", datetime(2026, 1, 1), 1.5, {})], schema))
    (before,) = latest_steps(lake)
    assert (before.verb, before.outcome, before.reads) == ("ingest", Outcome.DONE, {})
    with job.step("assemble"):
        pass
    assert [step.verb for step in latest_steps(lake)] == ["ingest", "assemble"]


def test_what_is_stale_is_told_by_versions_and_not_by_clocks() -> None:
    """The clock of the second machine is ten minutes behind."""
    assemble = ran("assemble", 20, {"tables/bureau": 4}, {"features": 7})
    assert not is_stale(ran("score", 10, {"features": 7}), assemble)
    assert not is_stale(ran("score", 10, {"features": 8}), assemble)  # of a later delivery
    assert is_stale(ran("score", 30, {"features": 6}), assemble)
    assert is_stale(ran("score", 10), assemble)  # of before versions were kept
    assert not is_stale(ran("score", 30), assemble)
    assert not is_stale(ran("score", 30), None)


def test_a_delivery_that_was_published_without_a_row_makes_its_features_stale() -> None:
    """`ingest` was killed after its last table."""
    steps = [ran("ingest", 1, writes={"tables/bureau": 4}), ran("assemble", 2, {"tables/bureau": 4}, {"features": 7})]
    assert stale_verbs(steps, MAY, {"bureau": 4}) == ()
    assert stale_verbs(steps, MAY, {"bureau": 5}) == ("assemble",)
