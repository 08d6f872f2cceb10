"""An applicant of application_train.csv whose TARGET is empty: nobody knows yet, so he is a new one all the same."""

from pathlib import Path

from pyspark.sql import functions as F

from features.spec import KEY
from jobs.ingest import ingest
from jobs.lake import contents
from jobs.lake.job import Job
from jobs.lake.tables import SCORES, Lake, quarantine_table, source_table
from jobs.register import register
from jobs.registry.store import connect
from jobs.runtime.settings import load_settings
from jobs.score import score
from jobs.scoring.test_applicants import read_audited
from jobs.scoring.twins import measured_by
from jobs.train import train
from jobs.training.training_set import read_training_set
from tests.deliveries import ANNA, BRUNO, CLARA, delivery, row, write_delivery
from tests.small_lake import INPUTS, LABELLED, NEW, OVERRIDES, RUN_DATE, applicants, write


def test_he_is_ingested_like_everybody(job: Job, tmp_path: Path) -> None:
    rows = delivery()
    rows["application_train"] = [
        row("application_train", SK_ID_CURR=ANNA, TARGET="1"),
        row("application_train", SK_ID_CURR=BRUNO, TARGET=""),
    ]
    ingest(job, str(write_delivery(tmp_path / "delivery", rows)))
    kept = job.lake.read_run_date(source_table("application"), RUN_DATE).collect()
    assert {each[KEY]: each["TARGET"] for each in kept} == {int(ANNA): 1, int(BRUNO): None, int(CLARA): None}
    assert not job.lake.exists(quarantine_table("application"))
    assert contents.has_labelled(job.lake, RUN_DATE)
    assert not contents.has_nobody_new(job.lake, RUN_DATE)
    assert read_audited(job.lake, RUN_DATE, "")[KEY].tolist() == [int(ANNA)]


def test_he_is_not_learned_from_nor_measured_and_is_scored(small_job: Job, tmp_path: Path) -> None:
    job = Job(Lake(str(tmp_path / "lake"), small_job.lake.spark), RUN_DATE, load_settings(overrides=OVERRIDES))
    people = applicants()
    unknown = people[KEY][:LABELLED:10]
    people.loc[unknown.index, "TARGET"] = None
    write(job, people)
    training = read_training_set(job, None, INPUTS)
    learned = {each[KEY] for each in training.rows.select(KEY).collect()}
    assert len(learned) == LABELLED - len(unknown)
    assert learned.isdisjoint(unknown)
    assert training.new.count() == NEW + len(unknown)

    store = connect(job.lake.address, job.settings.mlflow)
    run = store.runs.training(train(job, INPUTS))
    measured = measured_by(job.lake, run, store.runs.trained_model(run))
    assert set(measured[KEY]) < learned

    register(job)
    score(job)
    scored = job.lake.read_run_date(SCORES, RUN_DATE)
    assert {each[KEY] for each in scored.where(F.col("decision").isNotNull()).select(KEY).collect()} == {
        *unknown,
        *people[KEY][LABELLED:],
    }
