"""A lake of made-up applicants with a handful of features: enough to train, register, score and explain in seconds."""

from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame

from features.spec import Derived, Named
from jobs.explain import explain
from jobs.lake.job import Job
from jobs.lake.tables import FEATURES, Lake, source_table
from jobs.register import register
from jobs.runtime.settings import load_settings
from jobs.score import score
from jobs.train import train

RUN_DATE = date(2018, 5, 17)
FEATURE_SET = "1-0123456789ab"
LABELLED, NEW = 900, 120
OVERRIDES = (
    "train.min_child_weight=2",
    "train.learning_rate=0.3",
    "train.rounds=60",
    "train.early_stopping_rounds=10",
    # As many applicants' trees end: on a validation fold. `test_search.py` has what few applicants get.
    "train.few_rows=0",
    *("search.trials=0", "search.logistic_c=[]"),
    # A linear part would be the better half of a model of eight features; `test_linear_part.py` has it.
    "train.linear_share=0",
    # Another booster for each training is more than most tests ask for.
    "explain.stability=false",
)

# Two features share a family, one has nothing to say, and one is mostly unknown.
FAMILY_OF = {
    "EXT_SOURCE_MEAN": "external scores",
    "CREDIT_INCOME_PERCENT": "affordability",
    "ANNUITY_INCOME_PERCENT": "affordability",
    "installments_days_late_mean_90d": "payment history",
    "bureau_debt_sum_active_ever": "bureau debt",
    "cards_utilisation_mean_6m": "card use",
    "previous_refused_share_ever": "previous applications",
    "NOISE": "housing and region",
}
INPUTS = tuple(
    Named(name, "made up", family, f"{name}, made up", None, None, None, Derived(name, "0", family, "Made up."))
    for name, family in FAMILY_OF.items()
)


AUDITED = "CODE_GENDER STRING, NAME_FAMILY_STATUS STRING, NAME_CONTRACT_TYPE STRING, DAYS_BIRTH BIGINT"


def applicants(labelled: int = LABELLED, new: int = NEW) -> pd.DataFrame:
    """Made-up applicants: TARGET follows from the features, new ones have none."""
    random = np.random.default_rng(5)
    rows = labelled + new
    values = pd.DataFrame(random.normal(size=(rows, len(FAMILY_OF))), columns=list(FAMILY_OF))
    margin = -1.5 - 1.6 * values["EXT_SOURCE_MEAN"] + 0.9 * values["CREDIT_INCOME_PERCENT"]
    margin += 0.8 * values["installments_days_late_mean_90d"]
    bad = random.random(rows) < 1 / (1 + np.exp(-margin))
    values.loc[random.random(rows) < 0.6, "cards_utilisation_mean_6m"] = np.nan
    values.insert(0, "SK_ID_CURR", np.arange(100_001, 100_001 + rows))
    values.insert(1, "TARGET", pd.Series(bad.astype(int)).where(np.arange(rows) < labelled).astype("Int64"))
    values["CODE_GENDER"] = np.where(random.random(rows) < 0.65, "F", "M")
    values["NAME_FAMILY_STATUS"] = random.choice(["Married", "Single / not married", "Widow"], rows, p=[0.7, 0.2, 0.1])
    values["NAME_CONTRACT_TYPE"] = np.where(random.random(rows) < 0.9, "Cash loans", "Revolving loans")
    values["DAYS_BIRTH"] = -random.integers(7_500, 25_000, rows)
    return values


def as_frame(lake: Lake, people: pd.DataFrame, schema: str) -> DataFrame:
    """The schema's columns of the applicants; what is unknown is null."""
    columns = people[[field.split()[0] for field in schema.split(", ")]].astype(object)
    rows = columns.where(columns.notna(), None).itertuples(index=False, name=None)
    return lake.spark.createDataFrame(list(rows), schema)


def feature_table_rows(lake: Lake, people: pd.DataFrame, feature_set: str = FEATURE_SET) -> DataFrame:
    """The applicants as rows of the feature table."""
    values = ", ".join(f"{name} DOUBLE" for name in FAMILY_OF)
    rows = as_frame(lake, people, f"SK_ID_CURR BIGINT, TARGET BIGINT, {values}")
    return rows.selectExpr("SK_ID_CURR", "TARGET", f"'{feature_set}' AS feature_set", *FAMILY_OF)


def write(job: Job, people: pd.DataFrame, feature_set: str = FEATURE_SET) -> None:
    """Write the feature table, and of the delivery what the audit reads, and weights where the people have some."""
    lake = job.lake
    delivered = AUDITED + (", SAMPLE_WEIGHT DOUBLE" if "SAMPLE_WEIGHT" in people else "")
    lake.replace(FEATURES, feature_table_rows(lake, people, feature_set), job.run_date)
    application = as_frame(lake, people, "SK_ID_CURR BIGINT, TARGET BIGINT, " + delivered)
    version = lake.replace(source_table("application"), application, job.run_date)
    lake.record_delivery(job.run_date, "made up", {"application": version})


def make_small_lake(lake: Lake) -> Job:
    """Write the applicants, then train, register, score and explain them."""
    job = Job(lake, RUN_DATE, load_settings("local", OVERRIDES))
    write(job, applicants())
    train(job, INPUTS)
    register(job)
    score(job)
    explain(job)
    return job
