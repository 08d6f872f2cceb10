"""One row of features for every applicant of a delivery."""

import argparse

from pyspark.sql import functions as F

from features.encode import ENCODING_SCHEMA, Encodings, fit
from features.matrix import BY_NAME, KEY, catalogue, feature_set, feature_table
from features.rows import Sources
from jobs.errors import UserError
from jobs.fitted import as_encodings, encodings_fitted_last, encodings_of
from jobs.job import Job
from jobs.lake import CATALOGUE, ENCODINGS, FEATURES
from jobs.options import add_run_date, open_job
from jobs.session import settling
from jobs.settings import Settings

HELP = "fold a delivery's histories into one row of features for every applicant"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_run_date(parser)
    parser.add_argument(
        "--feature-set",
        metavar="VERSION",
        help="use what was fitted for this version (default: fit on the delivery's labelled rows, or where it has none "
        "take what was fitted last)",
    )


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    assemble(open_job(arguments, settings), arguments.feature_set)


def assemble(job: Job, version: str | None = None) -> None:
    """Write the delivery's rows of `features`, and what they were made with to `encodings` and `catalogue`.

    Args:
        job: The delivery to assemble.
        version: The feature set whose encodings to apply; None fits them where the delivery has labelled rows.
    """
    with job.step("assemble") as step:
        sources = job.lake.delivered_tables(job.run_date)
        encodings = encodings_of(job.lake, version) if version else new_encodings(job, sources)
        made_with = feature_set(encodings)
        if version not in (None, made_with):
            raise UserError(f"--feature-set {version}: the declarations have changed since, they now make {made_with}")
        step.say(f"feature set {made_with}: {len(catalogue())} features")
        comments = {named.name: named.about for named in catalogue()}
        with settling() as settle, job.lake.numbers_as_they_are():
            rows = feature_table(sources, encodings, settle).select(
                KEY, "TARGET", F.lit(made_with).alias("feature_set"), *[named.name for named in catalogue()]
            )
            job.lake.replace(FEATURES, rows, job.run_date, comments)
        write_lineage(job, made_with, encodings)
        assembled = job.lake.read_run_date(FEATURES, job.run_date).count()
        step.measure("applicants", assembled)
        step.say(f"{assembled:,} applicants")


def new_encodings(job: Job, sources: Sources) -> Encodings:
    """Fitted on the labelled rows of the delivery, or those fitted last where it has none."""
    applications = sources["application"]
    if applications.where(F.col("TARGET").isNotNull()).isEmpty():
        return encodings_fitted_last(job.lake, job.run_date)
    return as_encodings(fit(sources, BY_NAME["application"], BY_NAME).collect())


def write_lineage(job: Job, made_with: str, encodings: Encodings) -> None:
    """Keep what the feature set was fitted to and what it declares."""
    spark = job.lake.spark
    fitted = spark.createDataFrame([(e.name, e.level, e.value) for e in encodings], ENCODING_SCHEMA)
    job.lake.replace(ENCODINGS, fitted.select(F.lit(made_with).alias("feature_set"), "*"), job.run_date)
    declared = spark.createDataFrame(
        [(made_with, n.name, n.table, n.family, n.about, repr(n.declared)) for n in catalogue()],
        "feature_set STRING, name STRING, source STRING, family STRING, about STRING, declaration STRING",
    )
    job.lake.replace(CATALOGUE, declared, job.run_date)
