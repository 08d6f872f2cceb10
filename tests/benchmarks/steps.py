"""What `make bench` times: each step in a process of its own, which ends by printing its seconds and rows as JSON.

python -m tests.benchmarks.steps fold --engine sail --work build/bench
"""

import argparse
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb

from features import TABLES
from features.plan.feature_table import BY_NAME
from features.plan.fold import fold_rows
from features.plan.history_rows import feature_rows
from features.spec import Column, Table, Type, of_parent
from jobs.assemble import assemble
from jobs.generate import filters_in_place, population
from jobs.ingest import ingest
from jobs.lake.job import Job
from jobs.lake.model_rows import declared_inputs
from jobs.lake.tables import Lake
from jobs.registry.store import connect
from jobs.runtime.session import open_session
from jobs.runtime.settings import load_settings
from jobs.train import train
from tests.benchmarks import duckdb_table, fitting
from tests.benchmarks.duckdb_sql import fold_query
from tests.benchmarks.explaining import run_explain
from tests.benchmarks.stopwatch import Stopwatch

RUN_DATE = date(2018, 5, 17)
DUCKDB_MEMORY = "8GB"
INSTALMENTS, BALANCE = BY_NAME["installments_payments"], of_parent(BY_NAME["bureau_balance"])
APPLICANTS_A_PARTITION = 5_000
QUICK = ("train.rounds=100", "search.trials=0", "search.logistic_c=[]", "explain.stability=false")


def csv_files(data: Path) -> Iterator[tuple[Table, str]]:
    """Every table's files of the delivery, as a path or a folder of parts."""
    for table in TABLES:
        for name in table.files:
            yield table, str(data / f"{name}.csv")


def run_ingest(arguments: argparse.Namespace, watch: Stopwatch) -> None:
    """The project's own ingest: checks, quarantine, Delta."""
    job = Job(lake(arguments, "lake"), RUN_DATE, load_settings())
    with watch.time("first"):
        ingest(job, str(arguments.data))
    rows = {name: table.count() for name, table in job.lake.delivered_tables(RUN_DATE).items()}
    (arguments.work / "rows.json").write_text(json.dumps(rows))


def run_copy(arguments: argparse.Namespace, watch: Stopwatch) -> None:
    """The files read with their types, unchecked, and written: to Delta by Spark or Sail, to Parquet by DuckDB."""
    if arguments.engine == "duckdb":
        connection = duck()
        with watch.time("first"):
            for table in TABLES:
                connection.execute(f"COPY ({csv_query(table, arguments.data)}) TO '{parquet(arguments, table)}'")
        return
    spark = open_session("features", arguments.engine)
    with watch.time("first"):
        for table, path in csv_files(arguments.data):
            columns = delivered(table, Path(path).stem)
            types = ", ".join(f"{column.name} {read_as(column.type)}" for column in columns)
            rows = spark.read.option("header", True).schema(types).csv(path)
            rows.write.format("delta").mode("overwrite").save(str(arguments.work / "copy" / Path(path).stem))


def delivered(table: Table, name: str) -> list[Column]:
    """The columns that a generated file has."""
    return [column for column in table.columns if name not in column.absent_from and not column.optional]


def csv_query(table: Table, data: Path) -> str:
    """DuckDB's reading of a table's files, with the contract's types."""
    selects = []
    for name in table.files:
        path = data / f"{name}.csv"
        files = f"{path}/part-*" if path.is_dir() else str(path)
        columns = delivered(table, name)
        types = ", ".join(f"'{column.name}': '{read_as(column.type)}'" for column in columns)
        cells = ", ".join(
            f"{cast(column.type, column.name) if column in columns else 'NULL'} AS {column.name}"
            for column in table.columns
        )
        selects.append(f"SELECT {cells} FROM read_csv('{files}', header = true, columns = {{{types}}})")
    return " UNION ALL ".join(selects)


def read_as(kind: Type) -> str:
    """How a cell is read: Kaggle writes 12.0 where whole numbers have empty cells."""
    return "DOUBLE" if kind is Type.WHOLE else kind.ddl


def cast(kind: Type, name: str) -> str:
    """The cell in the contract's type."""
    return f"cast({name} AS BIGINT)" if kind is Type.WHOLE else name


def run_fold(arguments: argparse.Namespace, watch: Stopwatch) -> None:
    """Instalments to applicants and bureau balances to loans, twice: the first time everything is cold."""
    for run in ("first", "warm"):
        with watch.time(run):
            fold(arguments, [INSTALMENTS, BALANCE])


def fold(arguments: argparse.Namespace, tables: list[Table]) -> None:
    """The tables' folded features, from the ingested tables, to Parquet."""
    output = arguments.work / "folded"
    output.mkdir(exist_ok=True)
    if arguments.engine == "duckdb":
        fold_in_duckdb(arguments, tables, output)
        return
    delivered = lake(arguments, "lake").delivered_tables(RUN_DATE)
    for table in tables:
        fold_rows(feature_rows(table, delivered, BY_NAME), table).write.mode("overwrite").parquet(
            f"{output}/{table.prefix}"
        )


def fold_in_duckdb(arguments: argparse.Namespace, tables: list[Table], output: Path) -> None:
    """The same declarations as SQL."""
    connection = duck()
    for table in tables:
        query = fold_query(table, BY_NAME, sources(arguments))
        connection.execute(f"COPY ({query}) TO '{output}/{table.prefix}.parquet'")


def run_assemble(arguments: argparse.Namespace, watch: Stopwatch) -> None:
    """The whole feature table, from the fitting of encodings to one table on disk."""
    if arguments.engine == "duckdb":
        folder = arguments.work / "assembled"
        folder.mkdir(exist_ok=True)
        with watch.time("first"):
            duckdb_table.assemble(duck(), sources(arguments), folder)
        return
    job = Job(lake(arguments, "lake"), RUN_DATE, load_settings(overrides=(f"session.engine={arguments.engine}",)))
    with watch.time("first"):
        assemble(job)


def run_scale(arguments: argparse.Namespace, watch: Stopwatch) -> None:
    """Bureau balances of so many generated applicants, made and folded to their loans."""
    spark = open_session("features")
    path = str(arguments.work / f"balance-{arguments.applicants}")
    with watch.time("generate"), filters_in_place(spark):
        rows = population(spark, arguments.applicants, 1, -(-arguments.applicants // APPLICANTS_A_PARTITION))
        rows[BALANCE.name].selectExpr(*typed(BALANCE)).write.mode("overwrite").parquet(path)
    with watch.time("first"):
        delivered = {BALANCE.name: spark.read.parquet(path)}
        fold_rows(feature_rows(BALANCE, delivered, BY_NAME), BALANCE).write.mode("overwrite").parquet(f"{path}-folded")
    watch.seconds["rows"] = float(spark.read.parquet(path).count())


def run_fit(arguments: argparse.Namespace, watch: Stopwatch) -> None:
    """A booster across Spark's workers, as `train` fits it, or by one process without Spark on the same rows."""
    if arguments.engine == "xgboost":
        fitting.in_one_process(load_settings().train, arguments.work, watch)
        return
    fitting.across_workers(Job(lake(arguments, "lake"), RUN_DATE, load_settings()), arguments.work, watch)


def run_champion(arguments: argparse.Namespace, watch: Stopwatch) -> None:
    """A model with few trees, trained on the feature table and made champion whatever the gates would say of it."""
    job = Job(lake(arguments, "lake"), RUN_DATE, load_settings(overrides=QUICK))
    with watch.time("train"):
        train(job, declared_inputs(job.settings.nested))
    store = connect(job.lake.address, job.settings.mlflow)
    store.versions.make_champion(store.versions.register(store.runs.latest_training(RUN_DATE)))


def typed(table: Table) -> list[str]:
    """The contract's columns in their types."""
    return [f"cast({column.name} as {column.type.ddl}) as {column.name}" for column in table.columns]


def lake(arguments: argparse.Namespace, name: str) -> Lake:
    """The benchmark's lake, on the engine that is asked for."""
    return Lake(str(arguments.work / name), open_session("assemble", arguments.engine))


def parquet(arguments: argparse.Namespace, table: Table) -> str:
    """Where DuckDB keeps a source table."""
    return str(arguments.work / f"{table.name}.parquet")


def sources(arguments: argparse.Namespace) -> dict[str, str]:
    """What DuckDB reads the source tables from."""
    return {table.name: f"read_parquet('{parquet(arguments, table)}')" for table in TABLES}


def duck() -> duckdb.DuckDBPyConnection:
    """DuckDB with the cores and the memory that Spark has."""
    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{DUCKDB_MEMORY}'")
    connection.execute("SET preserve_insertion_order = false")
    return connection


STEPS: dict[str, Callable[[argparse.Namespace, Stopwatch], None]] = {
    "ingest": run_ingest,
    "copy": run_copy,
    "fold": run_fold,
    "assemble": run_assemble,
    "scale": run_scale,
    "fit": run_fit,
    "champion": run_champion,
    "explain": lambda arguments, watch: run_explain(arguments.work, watch),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--engine", default="spark", choices=("spark", "sail", "duckdb", "xgboost"))
    parser.add_argument("--data", type=Path, default=Path("build/bench/delivery"))
    parser.add_argument("--work", type=Path, default=Path("build/bench"))
    parser.add_argument("--applicants", type=int, default=0)
    arguments = parser.parse_args()
    watch = Stopwatch()
    STEPS[arguments.step](arguments, watch)
    print(json.dumps(watch.seconds))


if __name__ == "__main__":
    main()
