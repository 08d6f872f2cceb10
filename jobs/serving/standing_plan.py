"""A plan that is made once and run on other rows each time.

Planning a thousand features takes Sail more than a second, and it never gives back what it took to parse their SQL:
70 MB each time. So a service plans once. The tables that the plan reads are folders of Parquet, whose one file is
replaced before a run; its parts are views that the server has resolved.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

FILE = "rows.parquet"
PARTS_AT_ONCE = 4


class StandingPlan:
    """Tables whose rows come later, the parts of a plan over them in the order of their making, and its results.

    Args:
        spark: The session, which keeps the views.
        folder: Where the rows of a run are, until it ends.
        name: What tells its views from another plan's; what no name in SQL may hold becomes an underscore.
    """

    def __init__(self, spark: SparkSession, folder: Path, name: str) -> None:
        self.spark, self.folder, self.name = spark, folder, re.sub(r"\W", "_", name)
        self.stages: list[list[str]] = []

    def table(self, name: str, schema: T.StructType) -> DataFrame:
        """A table of the plan; a run brings its rows."""
        self.write(name, to_arrow_schema(schema).empty_table())
        return self.spark.read.schema(schema).parquet(str(self.folder / name))

    def settle(self, parts: Sequence[DataFrame]) -> list[DataFrame]:
        """The parts' rows, as `run` will have computed them; a part may read those of earlier calls."""
        names = [f"part_{len(self.stages)}_{place}" for place in range(len(parts))]
        schemas = [self.keep(name, part) for name, part in zip(names, parts, strict=True)]
        self.stages.append(names)
        return [self.table(name, schema) for name, schema in zip(names, schemas, strict=True)]

    def keep(self, name: str, plan: DataFrame) -> T.StructType:
        """Have the server keep the plan, to be computed by its name; gives its columns as they are found by that name,
        so that what can't be computed fails here and not at the first row."""
        plan.createOrReplaceTempView(f"{self.name}_{name}")
        return self.kept(name).schema

    @contextmanager
    def run(self, tables: Mapping[str, pa.Table]) -> Iterator[None]:
        """Compute the parts over these rows; until the end of the block `compute` gives what is made of them."""
        try:
            for name, rows in tables.items():
                self.write(name, rows)
            with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
                for names in self.stages:
                    for name, rows in zip(names, pool.map(self.compute, names), strict=True):
                        self.write(name, rows)
            yield
        finally:
            for file in self.folder.glob(f"*/{FILE}"):
                file.unlink()

    def compute(self, name: str) -> pa.Table:
        """The rows of a plan that was kept."""
        return self.kept(name).toArrow()

    def kept(self, name: str) -> DataFrame:
        """A plan that was kept."""
        return self.spark.table(f"{self.name}_{name}")

    def write(self, name: str, rows: pa.Table) -> None:
        """Put the rows in place of a table's."""
        (self.folder / name).mkdir(parents=True, exist_ok=True)
        parquet.write_table(rows, self.folder / name / FILE, compression="none")
