"""What a monitoring system reads of a lake: the last end of every verb, written whole."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

from jobs.lake.job import Job
from jobs.lake.metrics_file import lines
from jobs.lake.step_log import Outcome, StepRun
from jobs.runtime.settings import Metrics

MAY = date(2018, 5, 17)
SAMPLE = re.compile(r'[a-z_]+\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\} -?[0-9.e+]+')


def test_every_verb_has_its_last_end_and_when_it_was_last_done() -> None:
    done = StepRun(MAY, "score", datetime(2026, 1, 1, 3), 12.5, rows_in=10, rows_out=9, rows_refused=1)
    refused = StepRun(MAY, "score", datetime(2026, 1, 2, 3), 1.5, outcome=Outcome.REFUSED, exit_code=5)
    written = list(lines('C:\\lake "one"', [done, refused]))
    where = '{lake="C:\\\\lake \\"one\\"",verb="score"}'
    at = datetime(2026, 1, 1, 3, tzinfo=UTC).timestamp()
    assert f"home_credit_step_done_timestamp_seconds{where} {at:.0f}" in written
    assert f"home_credit_step_finished_timestamp_seconds{where} {at + 86_400:.0f}" in written
    assert f"home_credit_step_exit_code{where} 5" in written
    assert all(line.startswith("# ") or SAMPLE.fullmatch(line) for line in written), written


def test_a_verb_that_was_killed_has_a_code_of_its_own_and_counts_nothing() -> None:
    killed = StepRun(MAY, "nightly", datetime(2026, 1, 1), 1.0, outcome=Outcome.KILLED, exit_code=None)
    written = [line for line in lines("lake", [killed]) if not line.startswith("#")]
    assert 'home_credit_step_exit_code{lake="lake",verb="nightly"} -1' in written
    assert not any("done_timestamp" in line or "_rows" in line for line in written)


def test_a_step_leaves_the_file_whole(job: Job, tmp_path: Path) -> None:
    file = tmp_path / "node" / "home_credit.prom"
    settings = job.settings.model_copy(update={"metrics": Metrics(file=str(file))})
    with Job(job.lake, MAY, settings).step("score") as step:
        step.counted(3, 2, 1)
        step.measure("declined", 1)
    assert [path.name for path in file.parent.iterdir()] == ["home_credit.prom"]
    written = file.read_text(encoding="utf-8")
    assert f'home_credit_step_rows{{lake="{job.lake.root}",verb="score",kind="refused"}} 1\n' in written
    assert f'home_credit_step_measure{{lake="{job.lake.root}",verb="score",name="declined"}} 1\n' in written
