"""What is changed of a session for a while comes back, whatever it was."""

import pytest
from pyspark.sql import SparkSession

from jobs.runtime.session import setting

KEY = "spark.sql.home.credit.tests"


def fail_with_ours(spark: SparkSession) -> None:
    with setting(spark, KEY, "ours"):
        assert spark.conf.get(KEY) == "ours"
        _ = 1 / 0


@pytest.mark.parametrize("before", [None, "the operator's"])
def test_a_setting_is_what_it_was_afterwards_even_where_the_work_fails(spark: SparkSession, before: str | None) -> None:
    spark.conf.unset(KEY)
    if before is not None:
        spark.conf.set(KEY, before)
    with pytest.raises(ZeroDivisionError):
        fail_with_ours(spark)
    assert spark.conf.get(KEY, None) == before
    spark.conf.unset(KEY)
