"""What came of applicants: taken once, corrected, refused in words, and held against what was expected."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from jobs.lake.job import Job
from jobs.lake.tables import MONTHS_ON_BOOK, OUTCOMES, SCORES, SETTLED, VINTAGES, Lake, quarantine_table, source_table
from jobs.model import measures
from jobs.monitoring.expecting import expect
from jobs.outcomes import outcomes
from jobs.runtime.errors import ContractBroken, UserError
from jobs.runtime.settings import Settings

MAY, JUNE, NOVEMBER, DECEMBER = date(2018, 5, 17), date(2018, 6, 17), date(2018, 11, 17), date(2018, 12, 17)
APPLICANTS = 200
FIRST, LABELLED_ONE, STRANGER = 100_001, 100_900, 999_999
HEADER = "SK_ID_CURR,run_date,TARGET,observed_on"


def probabilities() -> np.ndarray:
    return np.random.default_rng(3).beta(1.5, 8, APPLICANTS)


def deliver(lake: Lake, run_date: date, settings: Settings) -> None:
    """A delivery whose applicants are scored, and one who came with a TARGET."""
    ids = [FIRST + place for place in range(APPLICANTS)]
    people = lake.spark.createDataFrame(
        [*((key, None) for key in ids), (LABELLED_ONE, 1)], "SK_ID_CURR BIGINT, TARGET BIGINT"
    )
    lake.record_delivery(
        run_date, "made up", {"application": lake.replace(source_table("application"), people, run_date)}
    )
    rows = [
        (key, float(p), 500 + place % 80, "decline" if p >= 0.2 else "approve", 0.2, 1, "hash")
        for place, (key, p) in enumerate(zip(ids, probabilities(), strict=True))
    ]
    schema = (
        "SK_ID_CURR BIGINT, probability DOUBLE, score BIGINT, decision STRING, threshold DOUBLE, model_version BIGINT, "
        "model_sha256 STRING"
    )
    lake.replace(SCORES, lake.spark.createDataFrame(rows, schema), run_date)
    expect(Job(lake, run_date, settings), lake.read_run_date(SCORES, run_date))


@pytest.fixture(scope="module")
def november(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A lake of two deliveries, as of half a year later."""
    lake = Lake(str(tmp_path_factory.mktemp("lender") / "lake"), spark)
    deliver(lake, MAY, settings)
    deliver(lake, JUNE, settings)
    return Job(lake, NOVEMBER, settings)


def file_of(folder: Path, lines: Iterable[str], name: str = "outcomes.csv") -> str:
    path = folder / name
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return str(path)


def whole_june(labels: np.ndarray) -> list[str]:
    days = ["2018-08-20" if bad else "2018-11-10" for bad in labels]
    return [f"{FIRST + i},2018-06-17,{int(bad)},{day}" for i, (bad, day) in enumerate(zip(labels, days, strict=True))]


def stored(job: Job, version: int | None = None) -> pd.DataFrame:
    rows = job.lake.read(OUTCOMES, version).toPandas()
    return rows.sort_values(["run_date", "SK_ID_CURR"], ignore_index=True)


def refused(job: Job) -> dict[str, str]:
    rows = job.lake.read_run_date(quarantine_table("outcomes"), job.run_date).collect()
    return {row["sent_applicant"]: row["reason"] for row in rows}


def test_a_file_is_taken_refused_corrected_and_settled(november: Job, tmp_path: Path) -> None:
    """One story, since each step of it costs a merge: the year of a lender."""
    labels = (np.random.default_rng(5).random(APPLICANTS) < probabilities()).astype(float)
    odd = [
        f"{FIRST},,1,2018-06-01",  # no run_date: the newest delivery up to then is May's
        f"{STRANGER},,0,2018-11-01",
        f"{FIRST + 1},2018-05-18,0,2018-11-01",  # no such delivery
        f"{LABELLED_ONE},2018-05-17,0,2018-11-01",
        f"{FIRST + 2},2018-05-17,0,2018-11-01",
        f"{FIRST + 2},2018-05-17,1,2018-11-01",  # contradicts itself
        f"{FIRST + 3},2018-05-17,0,2018-10-01",
        f"{FIRST + 3},2018-05-17,1,2018-11-01",  # a later observation counts
        f"{FIRST + 4},2018-05-17,2,2018-11-01",
        f"{FIRST + 5},2018-05-17,0,2018-11-18",  # after --as-of
        f"{FIRST + 6},2018-06-17,1,2018-06-01",
        "somebody,2018-05-17,1,2018-11-01",
        f"{FIRST + 7},2018-05-17,1,last week",
    ]
    source = file_of(tmp_path, [*whole_june(labels)[10:], *odd])
    outcomes(november, source)
    taken = stored(november)
    may = taken[taken["run_date"] == MAY].set_index("SK_ID_CURR")["TARGET"]
    assert may.to_dict() == {FIRST: 1, FIRST + 3: 1}
    assert len(taken) == APPLICANTS - 10 + 2
    reasons = refused(november)
    assert reasons == {
        str(STRANGER): "the applicant is in no delivery up to the day of the observation",
        str(FIRST + 1): "the applicant is not in the delivery of that run_date",
        str(LABELLED_ONE): "the applicant was delivered with a TARGET: nothing was to come",
        str(FIRST + 2): "the file says 0 and 1 of the same day",
        str(FIRST + 4): "TARGET is neither 0 nor 1",
        str(FIRST + 5): "observed after --as-of 2018-11-17, when nobody could know it",
        str(FIRST + 6): "observed before the delivery that it is about",
        "somebody": "SK_ID_CURR is no whole number",
        str(FIRST + 7): "observed_on is no date such as 2018-11-17",
    }

    version = november.lake.version(OUTCOMES)
    outcomes(november, source)
    pd.testing.assert_frame_equal(stored(november), taken)
    assert november.lake.version(OUTCOMES) == version, "the same file again writes nothing"
    assert refused(november) == reasons

    corrected = file_of(tmp_path, [f"{FIRST},2018-05-17,0,2018-12-01", *whole_june(labels)[:10]], "december.csv")
    december = replace(november, run_date=DECEMBER)
    outcomes(december, corrected)
    assert stored(december).set_index(["run_date", "SK_ID_CURR"])["TARGET"][(MAY, FIRST)] == 0
    assert stored(december, version).set_index(["run_date", "SK_ID_CURR"])["TARGET"][(MAY, FIRST)] == 1
    outcomes(november, source)
    assert stored(december).set_index(["run_date", "SK_ID_CURR"])["TARGET"][(MAY, FIRST)] == 0
    assert refused(november)[str(FIRST)] == "something else was observed later, and is stored"
    settled_as_by_hand(december, labels)


def settled_as_by_hand(job: Job, labels: np.ndarray) -> None:
    settled = job.lake.read(SETTLED).toPandas().set_index(["run_date", "population", "measure"])
    of_all = settled.loc[(JUNE, "all", "auc")]
    assert of_all["realised"] == pytest.approx(measures.auc(labels, probabilities()), abs=2e-3)
    assert of_all["outcome"] == "inside"
    assert of_all["low"] < of_all["expected"] < of_all["high"]
    assert settled.loc[(JUNE, "all", "bad_rate"), "realised"] == labels.mean()
    approved = probabilities() < 0.2
    assert settled.loc[(JUNE, "approved", "bad_rate"), "realised"] == labels[approved].mean()
    assert settled.loc[(MAY, "all", "bad_rate"), "outcome"] == "not yet"
    assert np.isnan(settled.loc[(JUNE, "all", "ks"), "expected"])
    vintages = job.lake.read(VINTAGES).toPandas().set_index(["vintage", "population", "measure"])
    assert vintages.loc[("2018-06", "all", "gini"), "realised"] == pytest.approx(2 * of_all["realised"] - 1)
    months = job.lake.read(MONTHS_ON_BOOK).where("vintage = '2018-06'").toPandas().set_index("month_on_book")
    assert months.loc[2, ["known", "bad"]].tolist() == [labels[approved].sum()] * 2
    assert months.loc[4, ["known", "bad", "approved"]].tolist() == [
        approved.sum(),
        labels[approved].sum(),
        approved.sum(),
    ]


def test_a_probability_that_was_wrong_is_outside(november: Job, tmp_path: Path) -> None:
    job = replace(november, lake=Lake(str(tmp_path / "lake"), november.lake.spark))
    deliver(job.lake, JUNE, job.settings)
    outcomes(job, file_of(tmp_path, whole_june(np.resize([0.0, 1.0], APPLICANTS))))
    settled = job.lake.read(SETTLED).toPandas().set_index(["population", "measure"])
    assert settled.loc[("all", "bad_rate"), "outcome"] == "outside"
    assert settled.loc[("all", "auc"), "outcome"] == "outside"


def test_what_is_no_file_of_outcomes_is_told(november: Job, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not there: name the CSV file"):
        outcomes(november, str(tmp_path / "nowhere.csv"))
    (tmp_path / "nothing.csv").touch()
    with pytest.raises(ContractBroken, match="is empty, it has not even a header"):
        outcomes(november, str(tmp_path / "nothing.csv"))
    (tmp_path / "book.csv").write_bytes(b"PAR1")
    with pytest.raises(ContractBroken, match=r"book\.csv is Parquet: export it as CSV"):
        outcomes(november, str(tmp_path / "book.csv"))
    (tmp_path / "other.csv").write_text("SK_ID_CURR,BAD\n1,0\n", encoding="utf-8")
    with pytest.raises(ContractBroken, match="has no column TARGET: write SK_ID_CURR, TARGET, observed_on"):
        outcomes(november, str(tmp_path / "other.csv"))
