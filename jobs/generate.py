"""`generate`: the eight Home Credit files of a made-up population, to try everything on."""

import argparse
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from features.plan.feature_table import Settle, as_planned
from features.spec import KEY
from jobs.lake.job import Step
from jobs.lake.options import check_folder
from jobs.lake.tables import parse_date
from jobs.population.applicants import applications, describe, drivers
from jobs.population.bureau import bureau, bureau_balance, bureau_loans
from jobs.population.loans import loans, previous_application
from jobs.population.repayments import credit_card_balance, drawn_loans, installments_payments, pos_cash_balance
from jobs.population.risk import with_risk
from jobs.population.year import MONTHS_TO_OUTCOME, ONLY, Wave, Year, months_later, outcomes
from jobs.runtime.addresses import Address, resolve
from jobs.runtime.errors import UserError
from jobs.runtime.parts import number_parts
from jobs.runtime.session import chosen_engine, engine_of_this_process, open_session, setting, settling
from jobs.runtime.settings import Settings

HELP = "make the eight CSV files of a synthetic population, as Kaggle ships them"

FEWEST = 20
"""Fewer might leave a file without rows."""
APPLICANTS_A_PARTITION = 5_000
MOST_IN_PLAIN_FILES = 200_000
"""More applicants make folders of parts: joining gigabytes on one machine would take as long as making them."""
MARKER = "generated.json"
OUTCOMES = "outcomes"
STAGING = ".generating"
LOAN, MONTH = "SK_ID_PREV", "MONTHS_BALANCE"
ORDER = {
    "application_train": (KEY,),
    "application_test": (KEY,),
    "bureau": (KEY, "SK_ID_BUREAU"),
    "bureau_balance": ("SK_ID_BUREAU", f"-{MONTH}"),
    "previous_application": (KEY, LOAN),
    "POS_CASH_balance": (KEY, LOAN, MONTH),
    "installments_payments": (KEY, LOAN, "NUM_INSTALMENT_NUMBER", "-AMT_PAYMENT", "DAYS_ENTRY_PAYMENT"),
    "credit_card_balance": (KEY, LOAN, MONTH),
}
"""What each file's rows are ordered by, as they are made."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """--applicants, --seed and --output."""
    parser.add_argument("--applicants", type=int, default=10_000, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=7, metavar="S", help="another seed, other rows (default: %(default)s)"
    )
    parser.add_argument(
        "--output", required=True, metavar="DIR",
        help="folder of the files: new, empty, or made by generate, which is then replaced",
    )  # fmt: skip
    parser.add_argument(
        "--deliveries", type=int, metavar="N",
        help="make so many, a month apart, each in a folder named by its date, and what came of them in outcomes/: the "
        "first as without this option, later ones of new applicants only, some of whom come back",
    )  # fmt: skip
    parser.add_argument(
        "--first", default="2018-05-17", metavar="DATE", help="date of the first (default: %(default)s)"
    )
    parser.add_argument(
        "--monthly", type=int, default=1_500, metavar="N", help="applicants of each later one (default: %(default)s)"
    )
    parser.add_argument(
        "--drift", type=float, default=0.0, metavar="SD",
        help="standard deviations that the external scores fall from one to the next, while the risk rises by more "
        "than they show (default: none)",
    )  # fmt: skip
    parser.add_argument(
        "--broken", type=int, default=0, metavar="K",
        help="in the K-th of them the third external score comes empty (default: in none)",
    )  # fmt: skip


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Check the options, then generate."""
    if arguments.applicants < FEWEST:
        raise UserError(f"--applicants {arguments.applicants}: at least {FEWEST}, so that every file has rows")
    if not -(2**63) < arguments.seed < 2**63:
        raise UserError(f"--seed {arguments.seed}: a whole number of at most 64 bits")
    year = year_of(arguments)
    spark = open_session(
        arguments.verb, chosen_engine(settings.session.engine, arguments.verb, arguments.env), arguments.env
    )
    output = resolve(spark, arguments.output, "--output")
    if output.folder is not None:
        check_output(output.folder)
    if year is None:
        generate(spark, arguments.applicants, arguments.seed, output)
    elif output.folder is None:
        raise UserError(f"--output {output} is not on this machine: several deliveries are made in a folder of it")
    else:
        generate_year(spark, year, arguments.seed, output.folder)


def year_of(arguments: argparse.Namespace) -> Year | None:
    """The deliveries that the options ask for; None for a single one.

    Raises:
        UserError: There can't be so many, or of so few.
    """
    if arguments.deliveries is None:
        return None
    deliveries, monthly, broken = arguments.deliveries, arguments.monthly, arguments.broken
    if deliveries < 1:
        raise UserError(f"--deliveries {deliveries}: at least 1")
    if not FEWEST <= monthly <= arguments.applicants:
        raise UserError(f"--monthly {monthly}: at least {FEWEST}, and no more than --applicants {arguments.applicants}")
    if not 0 <= broken <= deliveries or broken == 1:
        raise UserError(f"--broken {broken}: one of the deliveries after the first, 2 to {deliveries}, or 0 for none")
    first = parse_date(arguments.first, "--first")
    dates = tuple(months_later(first, later) for later in range(deliveries))
    return Year(dates, arguments.applicants, monthly, arguments.drift, broken)


def check_output(folder: Path) -> None:
    """Refuse a folder that holds something else."""
    check_folder(folder)
    others = {path.name for path in folder.iterdir()} - {STAGING} if folder.exists() else set()
    if others and MARKER not in others:
        raise UserError(
            f"--output {folder} holds {min(others)} and was not made by generate: name a new or empty folder"
        )


def population(
    spark: SparkSession, applicants: int, seed: int, partitions: int, wave: Wave = ONLY, settle: Settle = as_planned
) -> dict[str, DataFrame]:
    """The eight files' rows, by file name without .csv; columns in Kaggle's order, cells as Kaggle writes them.

    Args:
        spark: The session.
        applicants: Labelled and new ones together; 48,744 of 356,255 are new.
        seed: The rows are a function of it and of the applicant's number alone.
        partitions: How many the work is cut into; no row depends on it.
        wave: Which of several deliveries it is; a later one has new applicants only, and no application_train.
        settle: What ends the plans of loans, which every file of histories begins with.
    """
    people = drivers(spark, applicants, seed, partitions, wave)
    rows = applications(with_risk(describe(people, wave), wave.extra_risk))
    if wave.is_broken:
        rows = rows.withColumns({"EXT_SOURCE_3": F.lit(None).cast("string")})
    bureaus, previous = settle([bureau_loans(people), loans(people)])
    drawn = drawn_loans(previous)
    labelled = {} if wave.number else {"application_train": rows.where("NOT is_test").drop("is_test")}
    return labelled | {
        "application_test": rows.where("is_test").drop("is_test", "TARGET"),
        "bureau": bureau(bureaus),
        "bureau_balance": bureau_balance(bureaus),
        "previous_application": previous_application(previous),
        "POS_CASH_balance": pos_cash_balance(previous),
        "installments_payments": installments_payments(drawn),
        "credit_card_balance": credit_card_balance(drawn),
    }


def filters_in_place(spark: SparkSession) -> AbstractContextManager[None]:
    """Keep Spark from pushing filters down: nothing is read here, and each would carry its columns' whole SQL along."""
    rules = "org.apache.spark.sql.catalyst.optimizer."
    excluded = f"{rules}InferFiltersFromGenerate,{rules}PushDownPredicates"
    return setting(spark, "spark.sql.optimizer.excludedRules", excluded)


def generate(spark: SparkSession, applicants: int, seed: int, output: Address, wave: Wave = ONLY) -> None:
    """Write the eight files, or those of one of several deliveries; those of an earlier generate are replaced when all
    new ones are there.

    A folder of this machine gets plain files up to 200,000 applicants, else folders of parts. Another file system gets
    folders of parts, and nothing there is replaced.
    """
    folder = output.folder
    plain = folder is not None and applicants <= MOST_IN_PLAIN_FILES
    place = output if folder is None else Address(output.below(STAGING))
    partitions = max(engine_of_this_process().parallelism(spark), -(-applicants // APPLICANTS_A_PARTITION))

    def write(name: str) -> None:
        rows = engine_of_this_process().in_order_again(files[name], ORDER[name])
        write_parts(rows, place.below(f"{name}.csv"), header=not plain)
        if folder is not None:
            parts = number_parts(folder / STAGING / f"{name}.csv")
            if plain:
                join_parts(parts, rows.columns)
        step.say(f"{name}.csv")

    with Step("generate").shown(spark) as step:
        if folder is not None:
            shutil.rmtree(folder / STAGING, ignore_errors=True)
        with filters_in_place(spark), settling() as settle, ThreadPoolExecutor(max_workers=2) as pool:
            files = population(spark, applicants, seed, partitions, wave, settle)
            # two at a time: compiling one's code leaves cores idle
            list(pool.map(write, files))
        if folder is not None:
            publish(folder / STAGING, folder, {"applicants": applicants, "seed": seed})
        step.say(f"{applicants:,} applicants in {output}")


def generate_year(spark: SparkSession, year: Year, seed: int, folder: Path) -> None:
    """Write each delivery into a folder named by its date, and what came of it into outcomes/, by the day it is known.

    Args:
        spark: The session.
        year: What to make.
        seed: The rows are a function of it.
        folder: Of this machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(json.dumps({"deliveries": len(year.dates), "seed": seed}) + "\n", encoding="utf-8")
    (folder / OUTCOMES).mkdir(exist_ok=True)
    for run_date, applicants, wave in year.deliveries():
        generate(spark, applicants, seed, Address(str(folder / run_date.isoformat())), wave)
        people = with_risk(describe(drivers(spark, applicants, seed, 1, wave), wave), wave.extra_risk)
        came = engine_of_this_process().in_order_again(outcomes(people, run_date), (KEY,))
        known_on = months_later(run_date, MONTHS_TO_OUTCOME)
        staged = folder / STAGING / f"{known_on}.csv"
        write_parts(came, str(staged), header=False)
        join_parts(number_parts(staged), came.columns)
        staged.replace(folder / OUTCOMES / staged.name)
        shutil.rmtree(folder / STAGING)


def write_parts(rows: DataFrame, path: str, *, header: bool) -> None:
    """Write a folder of CSV parts; a folder that is there is the user's error."""
    try:
        rows.write.option("header", header).option("nullValue", "").csv(path)
    except AnalysisException as error:
        if error.getCondition() != "PATH_ALREADY_EXISTS":
            raise
        raise UserError(f"--output: {path} is there already: name a new place, or delete it") from None


def join_parts(parts: Path, columns: list[str]) -> None:
    """Put one file in the place of a folder of parts: a header, then the parts in their order."""
    joined = parts.with_suffix(".joined")
    with joined.open("wb") as file:
        file.write((",".join(columns) + "\n").encode())
        for part in sorted(parts.glob("*.csv")):
            with part.open("rb") as source:
                shutil.copyfileobj(source, file)
    shutil.rmtree(parts)
    joined.rename(parts)


def publish(staging: Path, folder: Path, marker: dict[str, int]) -> None:
    """Move finished files to their places, over what an earlier run left there."""
    (folder / MARKER).write_text(json.dumps(marker) + "\n", encoding="utf-8")
    for made in sorted(staging.iterdir()):
        old = folder / made.name
        if old.is_dir():
            shutil.rmtree(old)
        made.replace(old)
    staging.rmdir()
