"""Corrected rows of quarantine into the delivery that they are of."""

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.contract import FILE, names, stored_columns
from features.rows_as_sent import shown
from features.spec import Table
from jobs.lake.checks import Counted, keeping
from jobs.lake.checks_table import accepted_by_hand, write_counts
from jobs.lake.comparison import Compared
from jobs.lake.corrections import KNOWN, ROW, Mended, few_of, mend, read_corrections, with_row
from jobs.lake.job import Job, Step
from jobs.lake.recount import counted_again
from jobs.lake.tables import CHECKS, REFUSED_CHECKS, REQUEUED, quarantine_table, source_table
from jobs.lake.usual import compared_with_before, unusual
from jobs.runtime.errors import UserError
from jobs.runtime.session import setting


def requeue(job: Job, path: str, reason: str, accepted: Mapping[str, str]) -> None:
    """Take mended rows out of quarantine into the delivery: all that keep the contract, each once, or none.

    With them it is counted and compared again, as if it had come so: later deliveries are held against these figures.
    The table is published with them before they leave quarantine: a run that is killed between the two finds them in
    both, and takes the rows that the delivery has already for what they are. The same file again changes nothing.

    Args:
        job: The lake and the delivery.
        path: The file that `quarantine --export` wrote, with its cells mended.
        reason: Why, for those who read `REQUEUED`.
        accepted: Figures that are taken though they are not as usual, beside those that were accepted before.

    Raises:
        UserError: There is no such file, delivery or row in quarantine.
        ContractBroken: A row that was mended still breaks the contract, another column than a cell was changed, or
            with the mended rows the delivery is not like those before it.
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
            rows = published.unionByName(mended.rows.select(*names(table)))
            left = kept.keep(quarantined.join(mended.taken.select(ROW), on=ROW, how="left_anti").drop(ROW, "run_date"))
            counted = counted_again(job.lake, job.run_date, table, rows, left, kept)
            compared = like_before(job, step, counted, accepted)
            publish(job, table, mended, rows, reason)
            write_counts(job.lake, job.run_date, CHECKS, counted, compared)
            job.lake.replace(quarantine_table(table.name), left, job.run_date)
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


def like_before(job: Job, step: Step, counted: Sequence[Counted], accepted: Mapping[str, str]) -> tuple[Compared, ...]:
    """The figures of the delivery as it becomes; what was accepted of it before stays accepted.

    Raises:
        ContractBroken: It is not like those before it.
    """
    accepted = {**accepted_by_hand(job.lake, job.run_date), **accepted}
    compared = compared_with_before(job, step, counted, accepted)
    if unlike := unusual(compared, "mend the rows otherwise"):
        write_counts(job.lake, job.run_date, REFUSED_CHECKS, counted, compared)
        raise unlike
    return compared


def publish(job: Job, table: Table, mended: Mended, rows: DataFrame, reason: str) -> None:
    """The delivery with these rows, and beside it what each mended row was and became."""
    if not mended.rows.isEmpty():
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
