"""How many workers train a booster together: all of them at once, or none."""

from pyspark.sql import SparkSession

from jobs.runtime.errors import UserError
from jobs.runtime.settings import Train
from jobs.runtime.slots import on_one_machine, task_slots


def with_workers_that_fit(spark: SparkSession, settings: Train, seconds: float) -> Train:
    """The settings, whose workers the session has slots for; one core has one worker.

    Args:
        spark: The session.
        settings: Of the booster.
        seconds: How long a cluster's executors may take to come.

    Raises:
        UserError: What would fail after minutes in a barrier stage is refused at once.
    """
    if spark.conf.get("spark.dynamicAllocation.enabled", "false") == "true":
        raise UserError("spark.dynamicAllocation.enabled is true: barrier training needs it to be false")
    wanted = settings.num_workers
    slots = task_slots(spark, wanted, seconds)
    if slots >= wanted:
        return settings
    if not on_one_machine(spark):
        raise UserError(
            f"train.num_workers = {wanted}, but executors that came in {seconds:.0f} s have {slots} slots for tasks: "
            f"--set train.num_workers={slots}, or give it more executors or cores"
        )
    if slots == 1:
        return settings.model_copy(update={"num_workers": 1})
    raise UserError(
        f"train.num_workers = {wanted}, but the session has {slots} slots for tasks: "
        f"--set train.num_workers={slots}, or give it more cores"
    )
