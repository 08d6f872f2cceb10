"""What has come of earlier deliveries' applicants, as labels to learn from: known by then, with features as of then."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from features.spec import KEY, TARGET, WEIGHT
from jobs.lake import folds
from jobs.lake.job import Job
from jobs.lake.model_rows import read_inputs
from jobs.lake.tables import OUTCOMES


def with_matured(job: Job, labelled: DataFrame, names: Sequence[str], feature_set: str, version: int) -> DataFrame:
    """The labelled rows, and beside them those whose outcome was observed up to the run date.

    Each has the features of the delivery that it was scored in, as they were on that day. Rows of other feature sets
    are left out, and so are applicants that the delivery itself has a TARGET of, whose row it is, and those of the test
    folds: what is measured stays on the delivery's own. Of several applications of somebody the newest is taken.

    Args:
        job: The delivery to learn from.
        labelled: SK_ID_CURR, TARGET, part, SAMPLE_WEIGHT and the features of its labelled applicants: 1 each, as the
            settings ask for no weight where they ask for outcomes.
        names: The features.
        feature_set: Of the labelled rows.
        version: The Delta version of the feature table.
    """
    if not job.lake.exists(OUTCOMES):
        return labelled
    known = job.lake.read(OUTCOMES).where(
        (F.col("observed_on") <= F.lit(job.run_date)) & (F.col("run_date") < F.lit(job.run_date))
    )
    newest = Window.partitionBy(KEY).orderBy(F.desc("run_date"))
    once = known.select(KEY, "run_date", TARGET, F.row_number().over(newest).alias("place")).where("place = 1")
    features = read_inputs(job.lake, names, None, version).where(F.col("feature_set") == feature_set).drop(TARGET)
    matured = features.join(once.drop("place"), on=[KEY, "run_date"], how="inner").join(
        labelled.select(KEY), on=KEY, how="left_anti"
    )
    learned = folds.labelled(matured, job.settings.split).where(F.col("part") != folds.TEST)
    as_labelled = learned.withColumns({TARGET: F.col(TARGET).cast("bigint"), WEIGHT: F.lit(1.0)})
    return labelled.unionByName(as_labelled.selectExpr(*labelled.columns))
