"""What came of applicants, as a lender tells it in a CSV file: who is meant, and what can't be taken and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from features import TABLES
from features.rows_as_sent import read_header
from features.spec import KEY, TARGET
from jobs.lake.csv_files import parts_by_header, read_text
from jobs.lake.tables import OUTCOMES, Lake
from jobs.runtime.addresses import literally, matching_files
from jobs.runtime.errors import ContractBroken, UserError

OBSERVED, RUN_DATE, AS_OF, SOURCE = "observed_on", "run_date", "as_of", "source"
NEEDED = (KEY, TARGET, OBSERVED)
SENT = {KEY: "sent_applicant", TARGET: "sent_target", OBSERVED: "sent_observed_on", RUN_DATE: "sent_run_date"}
"""What the file says, by what it is kept as in quarantine."""
OUTCOME_KEY = (KEY, RUN_DATE)
OUTCOME_COLUMNS = (KEY, RUN_DATE, TARGET, OBSERVED, AS_OF, SOURCE)


@dataclass(frozen=True)
class Judged:
    """A file's rows: those to be merged, each key once and only where something is new, and those that are refused."""

    taken: DataFrame
    refused: DataFrame


def read_cells(spark: SparkSession, path: str) -> DataFrame:
    """The file's cells as text, in the columns of `SENT`; null where a cell is empty or run_date is not told.

    Args:
        spark: The session.
        path: The file, or a folder of its parts.

    Raises:
        UserError: There is no such file.
        ContractBroken: It is no CSV, or a column is missing or there twice.
    """
    found = matching_files(spark, literally(path))
    if found is None:
        raise UserError(f"--input {path} is not there: name the CSV file of outcomes")
    parts = parts_by_header(spark, NEEDED, found)
    if not parts:
        raise ContractBroken(f"--input {path} is empty, it has not even a header: export it again")
    return reduce(DataFrame.unionByName, (cells_of(spark, names, same, path) for names, same in parts.items()))


def cells_of(spark: SparkSession, names: Sequence[str], parts: Sequence[str], path: str) -> DataFrame:
    """The cells of a file's parts that share a header."""
    header = read_header(names, tuple(SENT), (RUN_DATE,))
    if header.lacking or header.repeated:
        what = f"no column {header.lacking[0]}" if header.lacking else f"several columns named {header.repeated[0]}"
        raise ContractBroken(
            f"--input {path} has {what}: write {', '.join(NEEDED)} and, where it is known, {RUN_DATE}; "
            f"it has {', '.join(header.shown)}"
        )
    rows = read_text(spark, header, parts)
    cells = {name: F.trim(F.col(name)) if name in header.places else F.lit(None).cast("string") for name in SENT}
    return rows.select(*[cells[name].alias(kept) for name, kept in SENT.items()])


def judge(lake: Lake, cells: DataFrame, as_of: date, source: str) -> Judged:
    """Find out who each row means and whether it can be taken.

    Of several rows on one application the one that was observed last counts. What is stored is replaced by what was
    observed later, or as late and told later (`as_of`): that is a correction.

    Args:
        lake: Whose deliveries the applicants are of.
        cells: As `read_cells`.
        as_of: The day that the file tells of; nothing of after it can be known.
        source: The file.
    """
    read = cells.select(
        "*",
        F.expr(f"try_cast({SENT[KEY]} as bigint)").alias(KEY),
        F.expr(f"try_cast({SENT[TARGET]} as int)").alias(TARGET),
        F.expr(f"try_cast({SENT[OBSERVED]} as date)").alias(OBSERVED),
        F.expr(f"try_cast({SENT[RUN_DATE]} as date)").alias("asked"),
    )
    # Delta may compute a source twice, and a file may be read twice: identical lines count once.
    with_delivery = find_delivery(lake, read.distinct(), as_of)
    with_reason = with_delivery.select("*", first_reason(as_of).alias("reason"))
    same_application = Window.partitionBy(KEY, RUN_DATE, F.col("reason").isNull())
    is_last = F.col(OBSERVED) == F.max(OBSERVED).over(same_application)
    dated = with_reason.select("*", is_last.alias("is_last"))
    on_the_last = F.when(F.col("is_last"), F.col(TARGET))
    contradicts = F.min(on_the_last).over(same_application) != F.max(on_the_last).over(same_application)
    told = dated.select("*", contradicts.alias("contradicts"))
    checked = against_stored(lake, told, as_of)
    fits = F.col("reason").isNull() & F.col("is_last") & F.col("is_new")
    taken = (
        checked.where(fits)
        .select(*OUTCOME_KEY, TARGET, OBSERVED, F.lit(as_of).alias(AS_OF), F.lit(source).alias(SOURCE))
        .dropDuplicates(list(OUTCOME_KEY))
    )
    refused = checked.where(F.col("reason").isNotNull()).select(*SENT.values(), "reason", F.lit(source).alias(SOURCE))
    return Judged(taken, refused)


def find_delivery(lake: Lake, read: DataFrame, as_of: date) -> DataFrame:
    """The rows with the delivery that each is about: that of its run_date, else the newest up to the observation that
    holds the applicant; null where there is none. had_target says that the outcome was delivered with the applicant."""
    recorded = {run_date: versions for run_date, versions in lake.deliveries().items() if run_date <= as_of}
    if not recorded:
        raise UserError(f"{lake.root} has no delivery up to {as_of}: outcomes are of applicants that were delivered")
    application = next(table for table in TABLES if table.name == "application")
    known = lake.delivered_rows(application, recorded).select(
        F.col(KEY).alias("known"), F.col(RUN_DATE).alias("delivered"), F.col(TARGET).isNotNull().alias("had_target")
    )
    is_asked = F.when(F.col("asked").isNull(), F.col("delivered") <= F.col(OBSERVED)).otherwise(
        F.col("delivered") == F.col("asked")
    )
    found = read.join(known, on=(F.col(KEY) == F.col("known")) & is_asked, how="left")
    newest = F.max_by(F.struct("delivered", "had_target"), "delivered").alias("of")
    return (
        found.groupBy(*read.columns)
        .agg(newest)
        .select(*read.columns, F.col("of.delivered").alias(RUN_DATE), F.col("of.had_target").alias("had_target"))
    )


def first_reason(as_of: date) -> Column:
    """Why a row can't be taken, by itself; null where it can."""
    asked_in_vain = F.col(SENT[RUN_DATE]).isNotNull() & F.col("asked").isNull()
    is_nobody = F.col(RUN_DATE).isNull()
    reasons = (
        (F.col(KEY).isNull(), f"{KEY} is no whole number"),
        (F.col(TARGET).isNull() | ~F.col(TARGET).isin(0, 1), f"{TARGET} is neither 0 nor 1"),
        (F.col(OBSERVED).isNull(), f"{OBSERVED} is no date such as 2018-11-17"),
        (asked_in_vain, f"{RUN_DATE} is no date such as 2018-05-17"),
        (F.col(OBSERVED) > F.lit(as_of), f"observed after --as-of {as_of}, when nobody could know it"),
        (F.col("asked") > F.col(OBSERVED), "observed before the delivery that it is about"),
        (is_nobody & F.col("asked").isNotNull(), "the applicant is not in the delivery of that run_date"),
        (is_nobody, "the applicant is in no delivery up to the day of the observation"),
        (F.col("had_target"), f"the applicant was delivered with a {TARGET}: nothing was to come"),
    )
    return F.coalesce(*[F.when(condition, words) for condition, words in reasons])


def against_stored(lake: Lake, told: DataFrame, as_of: date) -> DataFrame:
    """The rows with is_new, and with a reason where the file contradicts itself or what is stored knows better."""
    if lake.exists(OUTCOMES):
        stored = lake.read(OUTCOMES).select(
            *OUTCOME_KEY, *[F.col(name).alias(f"stored_{name}") for name in (TARGET, OBSERVED, AS_OF)]
        )
        both = told.join(stored, on=list(OUTCOME_KEY), how="left")
    else:
        both = told.select(
            "*",
            F.lit(None).cast("int").alias(f"stored_{TARGET}"),
            F.lit(None).cast("date").alias(f"stored_{OBSERVED}"),
            F.lit(None).cast("date").alias(f"stored_{AS_OF}"),
        )
    target, observed, told_on = (F.col(f"stored_{name}") for name in (TARGET, OBSERVED, AS_OF))
    is_other = F.col(TARGET) != target
    as_late = F.col(OBSERVED) == observed
    reasons = (
        (F.col("contradicts"), "the file says 0 and 1 of the same day"),
        (is_other & (F.col(OBSERVED) < observed), "something else was observed later, and is stored"),
        (is_other & as_late & (F.lit(as_of) < told_on), "was corrected by a file of a later day, and that is stored"),
        (is_other & as_late & (F.lit(as_of) == told_on), "another file of the same day says otherwise of that day"),
    )
    of_stored = F.coalesce(*[F.when(condition, words) for condition, words in reasons])
    later = F.col(OBSERVED) > observed
    return both.withColumns(
        {
            "is_new": F.coalesce(observed.isNull() | later | (is_other & as_late), F.lit(True)),
            "reason": F.coalesce("reason", F.when(F.col("is_last"), of_stored)),
        }
    )
