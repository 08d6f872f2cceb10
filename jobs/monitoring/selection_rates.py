"""Approval rates of a delivery by protected group, counted by the engine. Protected columns are read for this only."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.spec import KEY
from jobs.lake import contents
from jobs.lake.job import Job
from jobs.model import fairness
from jobs.model.booster import APPROVE
from jobs.model.fairness import AGE_BANDS, AGES, MARITAL_STATUS, UNKNOWN
from jobs.monitoring.watched import AttributeRates, GroupRate

GENDER, MARITAL, AGE = "gender", "marital status", "age"


def selection_rates(job: Job, scores: DataFrame) -> tuple[AttributeRates, ...]:
    """The rates of each attribute, with the ratio that the gates look at.

    Args:
        job: The delivery.
        scores: Its rows of `scores`.
    """
    people = contents.applicants_of(job.lake, job.run_date, job.lake.delivery(job.run_date))
    levels = {GENDER: gender(), MARITAL: marital_status(), AGE: age_band()}
    grouped = people.select(KEY, *[level.alias(name) for name, level in levels.items()])
    decided = scores.where(F.col("decision").isNotNull()).select(KEY, (F.col("decision") == APPROVE).alias("approved"))
    both = decided.join(grouped, on=KEY, how="inner")
    counted = (
        both.unpivot("approved", [*levels], "attribute", "name")
        .groupBy("attribute", "name")
        .agg(F.count("*").alias("rows"), F.count_if("approved").alias("chosen"))
    )
    rates = [GroupRate(row["attribute"], row["name"], row["rows"], row["chosen"]) for row in counted.collect()]
    return tuple(rates_of(name, rates, job.settings.monitor.confidence) for name in levels)


def gender() -> Column:
    """The level of CODE_GENDER."""
    return F.coalesce("CODE_GENDER", F.lit(UNKNOWN))


def marital_status() -> Column:
    """As `fairness.marital_status`, in SQL."""
    known = F.create_map(*[F.lit(word) for pair in MARITAL_STATUS.items() for word in pair])
    status = F.coalesce("NAME_FAMILY_STATUS", F.lit(UNKNOWN))
    return F.coalesce(F.try_element_at(known, status), status)


def age_band() -> Column:
    """As `fairness.age_bands`, in SQL."""
    years = -F.col("DAYS_BIRTH") / F.lit(365.25)
    band = F.when(years.isNull(), UNKNOWN)
    for edge, name in zip(AGES, AGE_BANDS, strict=False):
        band = band.when(years < edge, name)
    return band.otherwise(AGE_BANDS[-1])


def rates_of(attribute: str, rates: Sequence[GroupRate], confidence: float) -> AttributeRates:
    """One attribute's groups in the order of the audit, and their ratio."""
    groups = tuple(sorted((rate for rate in rates if rate.attribute == attribute), key=fairness.place))
    compared = fairness.large_enough(groups, sum(group.rows for group in groups))
    ratio = fairness.elderly_ratio if attribute == AGE else fairness.selection_rate_ratio
    return AttributeRates(attribute, groups, ratio(compared, confidence))
