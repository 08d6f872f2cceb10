"""What the service makes of a row that is in doubt is what `ingest` makes of it."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.serving.questions import Application
from jobs.serving.row_plans import ACCEPTED, REFUSED, as_cells, contract_plan
from jobs.serving.uploads import COLUMNS, CONTRACT
from tests.deliveries import delivery


@pytest.mark.parametrize(
    ("column", "cell", "typed"),
    [
        ("AMT_CREDIT", "1e5", 100_000),
        ("AMT_CREDIT", " 250000.50 ", 250_000.5),
        ("DAYS_BIRTH", "-12000.0", -12_000),
        ("AMT_CREDIT", "1d", None),
        ("AMT_CREDIT", "NaN", None),
    ],
)
def test_a_number_is_read_as_ingest_reads_it(
    spark: SparkSession, tmp_path: Path, column: str, cell: str, typed: float | None
) -> None:
    sent = delivery()["application_test"][0] | {column: cell}
    row = Application(int(sent["SK_ID_CURR"]), tuple(sent[name] or None for name in COLUMNS))
    plan = contract_plan(spark, tmp_path / "contract")
    with plan.run({CONTRACT.name: as_cells([row])}):
        accepted, refused = plan.compute(ACCEPTED), plan.compute(REFUSED)
    assert (accepted.num_rows, refused.num_rows) == ((0, 1) if typed is None else (1, 0))
    assert [float(value) for value in accepted.column(column).to_pylist()] == ([] if typed is None else [typed])
