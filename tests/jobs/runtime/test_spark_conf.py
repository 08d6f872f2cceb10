"""What Spark is told before it starts."""

from pathlib import Path

import pytest

from jobs.runtime.settings import conf_dir
from jobs.runtime.spark_conf import conf_of, delta_jars, locked_jars, read_conf


def test_a_file_is_read_as_spark_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "spark.conf"
    file.write_text("# a\n! b\n\n  spark.a  1 2\nspark.b=c=d\nspark.e: f\nspark.g\nspark.h i,\\\n   j\n")
    assert read_conf(file) == {"spark.a": "1 2", "spark.b": "c=d", "spark.e": "f", "spark.g": "", "spark.h": "i,j"}


def test_an_environment_changes_what_it_names(tmp_path: Path) -> None:
    local, cluster = conf_of(conf_dir(), "local"), conf_of(conf_dir(), "cluster")
    assert local.keys() < cluster.keys()
    assert int(cluster["spark.sql.shuffle.partitions"]) > int(local["spark.sql.shuffle.partitions"])
    assert cluster["spark.sql.extensions"] == local["spark.sql.extensions"]
    (tmp_path / "mine.conf").write_text("spark.driver.memory 2g\n")
    assert conf_of(conf_dir(), str(tmp_path / "mine.toml")) == {**local, "spark.driver.memory": "2g"}


def test_jars_that_set_up_fetched_need_no_resolver_and_others_do(tmp_path: Path) -> None:
    jars = locked_jars(conf_dir())
    assert [len(jar.sha256) for jar in jars] == [64, 64]
    named = delta_jars(conf_dir(), tmp_path)
    assert named["spark.jars.packages"] == ",".join(jar.coordinate for jar in jars)
    assert "org.*:*" in named["spark.jars.excludes"]
    (tmp_path / "jars").mkdir()
    for jar in jars:
        assert delta_jars(conf_dir(), tmp_path) == named
        (tmp_path / "jars" / jar.file_name).touch()
    files = ",".join((tmp_path / "jars" / jar.file_name).as_uri() for jar in jars)
    assert delta_jars(conf_dir(), tmp_path) == {"spark.jars": files}


@pytest.mark.parametrize("env", ["local", "cluster"])
def test_what_results_depend_on_is_in_no_file_of_spark(env: str) -> None:
    from jobs.runtime.session import REQUIRED

    assert not REQUIRED.keys() & conf_of(conf_dir(), env).keys()


def test_the_jars_are_those_of_the_installed_delta() -> None:
    from importlib.metadata import version

    spark, delta = version("pyspark").rpartition(".")[0], version("delta-spark")
    assert [jar.coordinate for jar in locked_jars(conf_dir())] == [
        f"io.delta:delta-spark_{spark}_2.13:{delta}",
        f"io.delta:delta-storage:{delta}",
    ]
