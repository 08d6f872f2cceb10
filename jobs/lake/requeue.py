"""Corrected rows of quarantine into the delivery that they are of."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.contract import FILE, names, stored_columns
from features.rows_as_sent import shown
from features.spec import Table
from jobs.lake.checks import Check, Kept, count_reasons, keeping
from jobs.lake.checks_table import CHECK_SCHEMA, counted_row
from jobs.lake.corrections import KNOWN, ROW, Mended, few_of, mend, read_corrections, with_row
from jobs.lake.job import Job, Step
from jobs.lake.tables import CHECKS, REQUEUED, quarantine_table, source_table
from jobs.runtime.errors import UserError
from jobs.runtime.session import setting


def requeue(job: Job, path: str, reason: str) -> None:
    """Take mended rows out of quarantine into the delivery: all that keep the contract, each once, or none.

    The table is published with them before they leave quarantine: a run that is killed between the two finds them in
    both, and takes the rows that the delivery has already for what they are. The same file again changes nothing.

    Args:
        job: The lake and the delivery.
        path: The file that `quarantine --export` wrote, with its cells mended.
        reason: Why, for those who read `REQUEUED`.

    Raises:
        UserError: There is no such file, delivery or row in quarantine.
        ContractBroken: A row that was mended still breaks the contract, or another column than a cell was changed.
    """
    # Of a hundred columns beside their cells, what follows of each condition for all of them is minutes of planning.
    plain = setting(job.lake.spark, "spark.sql.constraintPropagation.enabled", "false")
    with job.step("ingest") as step, plain, keeping() as kept:
        versions = job.lake.delivery(job.run_date)
        table, sent = read_corrections(job.lake.spark, path)
        if table.name not in versions:
            raise UserError(f"the delivery of {job.run_date} came without {table.name}: there is nothing to mend")
        quarantined = kept.keep(with_row(quarantined_rows(job, table), table))
        sent = kept.keep(rows_to_mend(job, sent, quarantined, path))
        stored = job.lake.read_run_date(source_table(table.name), job.run_date, versions[table.name])
        published = stored.select(*stored_columns(stored, table))
        mended = mend(sent, quarantined, published, table, kept)
        taken, asked = mended.taken.count(), sent.count()
        if taken:
            publish(job, table, mended, published, reason)
            clear(job, table, mended.taken, quarantined, kept)
        step.counted(asked, taken, asked - taken)
        say(step, table, path, taken, asked - taken)


def say(step: Step, table: Table, path: str, taken: int, stay: int) -> None:
    """What came of the file."""
    if not taken + stay:
        step.say(f"every row of {path} was taken before: nothing to do")
        return
    left = f"; {stay:,} as they were stay in quarantine" if stay else ""
    step.say(f"{taken:,} mended rows of {table.name} taken{left}")


def quarantined_rows(job: Job, table: Table) -> DataFrame:
    """What of a table is in the delivery's quarantine.

    Raises:
        UserError: It never had one.
    """
    name = quarantine_table(table.name)
    if not job.lake.exists(name):
        raise UserError(f"no row of {table.name} was ever in quarantine in {job.lake.root}")
    return job.lake.read_run_date(name, job.run_date)


def rows_to_mend(job: Job, sent: DataFrame, quarantined: DataFrame, path: str) -> DataFrame:
    """The sent rows that are in quarantine; those that were taken before are left out.

    Raises:
        UserError: A row is neither, or stands there twice.
    """
    known = quarantined.select(ROW, F.lit("there").alias("place"))
    if job.lake.exists(REQUEUED):
        before = job.lake.read_run_date(REQUEUED, job.run_date).select(ROW, F.lit("taken").alias("place"))
        known = known.unionByName(before.join(known, on=ROW, how="left_anti"))
    rows = sent.groupBy(ROW).agg(F.count("*").alias("times")).join(known, on=ROW, how="left")
    odd = rows.where("place is null or times > 1").select(ROW)
    if found := few_of(odd, lambda row: shown(row[ROW] or f"a row without {ROW}")):
        raise UserError(
            f"--requeue {path}: {found} is not in the quarantine of {job.run_date}, or there twice: mend the cells of "
            f"what `quarantine --run-date {job.run_date} --export` wrote, and leave {ROW} as it is"
        )
    return sent.join(rows.where("place = 'there'").select(ROW), on=ROW, how="left_semi")


def publish(job: Job, table: Table, mended: Mended, published: DataFrame, reason: str) -> None:
    """The delivery with the new rows, and beside it what each row was and became."""
    if not mended.rows.isEmpty():
        rows = published.unionByName(mended.rows.select(*names(table)))
        version = job.lake.replace(source_table(table.name), rows, job.run_date)
        job.lake.record_again(job.run_date, table.name, version)
    kept = mended.taken.select(
        F.lit(job.run_date).alias("run_date"),
        F.lit(table.name).alias("source"),
        F.col(FILE).alias("file"),
        *KNOWN,
        F.lit(reason).alias("reason"),
    )
    job.lake.merge(REQUEUED, kept, ("run_date", "source", ROW))


def clear(job: Job, table: Table, taken: DataFrame, quarantined: DataFrame, kept: Kept) -> None:
    """Quarantine without the rows that were taken, and the counts of the delivery as they are now."""
    left = kept.keep(quarantined.join(taken.select(ROW), on=ROW, how="left_anti").drop(ROW, "run_date"))
    job.lake.replace(CHECKS, counts_now(job, table, left), job.run_date)
    job.lake.replace(quarantine_table(table.name), left, job.run_date)


def counts_now(job: Job, table: Table, left: DataFrame) -> DataFrame:
    """The delivery's rows of `CHECKS`: as many refused as are left in quarantine, and so many more accepted.

    Counted from what is left, and not from what was taken: a run that was killed may have written them before.
    """
    before = job.lake.read_run_date(CHECKS, job.run_date).drop("run_date")
    is_refused = (F.col("source") == table.name) & (F.col("check") == Check.REFUSED.value)
    now = left.groupBy(F.col(FILE).alias("file")).agg(F.count("*").alias("now"))
    counts = before.where(is_refused).join(now, on="file", how="left")
    gone = counts.select("source", "file", (F.col("rows") - F.coalesce("now", F.lit(0))).alias("more"))
    is_reason = (F.col("source") == table.name) & F.col("check").startswith(f"{Check.REASON.value} ")
    stay = before.where(~is_reason).join(F.broadcast(gone), on=["source", "file"], how="left")
    more, check = F.coalesce("more", F.lit(0)), F.col("check")
    change = F.when(check == Check.ACCEPTED.value, more).when(check == Check.REFUSED.value, -more).otherwise(0)
    counted = stay.withColumn("rows", F.col("rows") + change).select(*before.columns)
    rows = [counted_row(table, finding) for finding in count_reasons(left)]
    return counted.unionByName(job.lake.spark.createDataFrame(rows, CHECK_SCHEMA), allowMissingColumns=True)
