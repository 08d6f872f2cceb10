"""One row of features for every applicant of a delivery."""

import argparse

from pyspark.sql import functions as F

from features.plan.encodings import fit
from features.plan.feature_table import BY_NAME, Settle, catalogue, feature_table
from features.plan.history_rows import Sources
from features.plan.nested_table import NESTED_FEATURES, nested_table
from features.spec import KEY
from jobs.lake import contents, feature_sets, row_models
from jobs.lake.feature_sets import CannotBeMade, FeatureSet, as_encodings
from jobs.lake.job import Job, Step
from jobs.lake.options import add_run_date, open_job
from jobs.lake.tables import CATALOGUE, FEATURES, NESTED
from jobs.runtime.errors import UserError
from jobs.runtime.session import settling
from jobs.runtime.settings import Settings

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
    """Write what makes the delivery's rows, then its rows of `features` (and of `nested`).

    Readers go by the feature table: it is written last, so that whatever stands in it can be made and served again.

    Args:
        job: The delivery to assemble.
        version: The feature set whose encodings and row models to apply; None fits them where the delivery has
            labelled rows.
    """
    with job.step("assemble") as step:
        sources = job.lake.delivered_tables(job.run_date)
        fitted = known(job, version) if version else newly_fitted(job, step, sources)
        made_with = fitted.version
        step.say(f"feature set {made_with}: {len(fitted.features)} features")
        feature_sets.keep(job.lake, job.run_date, fitted)
        write_catalogue(job, fitted)
        with settling() as settle, job.lake.numbers_as_they_are():
            write_nested(job, sources, fitted, settle)
            rows = feature_table(sources, fitted.encodings, settle).selectExpr(
                KEY, "TARGET", f"'{made_with}' AS feature_set", *[named.name for named in catalogue()]
            )
            comments = {named.name: named.about for named in catalogue()}
            number = job.lake.replace(FEATURES, rows, job.run_date, comments)
        assembled = job.lake.read_run_date(FEATURES, job.run_date, number).count()
        step.counted(contents.accepted_rows(job.lake, job.run_date), assembled)
        step.measure("applicants", assembled)
        step.say(f"{assembled:,} applicants")


def known(job: Job, version: str) -> FeatureSet:
    """The feature set that --feature-set names."""
    fitted = feature_sets.find(job.lake, version)
    if isinstance(fitted, CannotBeMade):
        raise UserError(f"--feature-set {version}: {fitted.why}: assemble without it, then train and register")
    return fitted


def newly_fitted(job: Job, step: Step, sources: Sources) -> FeatureSet:
    """Fitted on the labelled rows of the delivery, or what was fitted last where it has none."""
    if sources["application"].where(F.col("TARGET").isNotNull()).isEmpty():
        return feature_sets.fitted_last(job.lake, job.run_date)
    encodings = as_encodings(fit(sources, BY_NAME["application"], BY_NAME).collect())
    settings = job.settings
    if not settings.nested.enabled:
        return FeatureSet(encodings, None)
    models = row_models.fit(sources, settings.split, settings.nested)
    step.say(f"{len(models.files)} row models fitted")
    return FeatureSet(encodings, models)


def write_nested(job: Job, sources: Sources, fitted: FeatureSet, settle: Settle) -> None:
    """Write the scores of each applicant's rows, folded, where the feature set has row models."""
    if fitted.row_models is not None:
        rows = nested_table(sources, fitted.row_models, settle)
        comments = {named.name: named.about for named in NESTED_FEATURES}
        job.lake.replace(NESTED, rows, job.run_date, comments, {"feature_set": fitted.version})


def write_catalogue(job: Job, fitted: FeatureSet) -> None:
    """Keep what the feature set declares; what others of the delivery declare stays, to be compared with."""
    declared = job.lake.spark.createDataFrame(
        [(fitted.version, n.name, n.table, n.family, n.about, repr(n.declared)) for n in fitted.features],
        "feature_set STRING, name STRING, source STRING, family STRING, about STRING, declaration STRING",
    )
    job.lake.replace(CATALOGUE, declared, job.run_date, of={"feature_set": fitted.version})
