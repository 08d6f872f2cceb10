"""What a delivered row must be: text cells to typed columns, and every breach of the contract as a reason.

`parse` is what every row goes through, so its generated code is kept small: it only decides whether a row keeps the
contract, and holds on to the cells of one that doesn't. `refused_rows` then spells out the reasons of those few.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import reduce

from pyspark.sql import Column as SqlColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from features.spec import Column, Table, Type

FILE = "_file"
"""The file of the delivery that a row came from."""
BROKEN_LINE = "_broken_line"
"""The text of a line that has more or fewer cells than its header; null for the others."""
CELLS = "_cells"
"""The cells of a row that breaks the contract, as delivered; null for the others."""
BLANK = "_blank"
"""Beside the cells: whether they hold nothing, as in the rows that spreadsheets add; such a row is not refused."""
ERRORS = "_errors"
"""Why a row was refused: an array of (column, value, problem)."""

# Delta refuses a struct in an array whose fields are never null, as literals are.
ERRORS_TYPE = "ARRAY<STRUCT<column: STRING, value: STRING, problem: STRING>>"
# Spark's own cast takes 1d, 0x1p3, NaN and Infinity for numbers, and 1e400 for infinity.
NUMBER = r"^[+-]?([0-9]{1,100}([.][0-9]*)?|[.][0-9]{1,100})([eE](-[0-9]{1,3}|[+]?[0-9]{1,2}))?$"
# What is nearer to 0 measures nothing, and what is divided by it has no single precision. With it -0.0 becomes 0.0:
# Sail's nullif(x, 0) gives back a -0.0, and then divides by it.
SMALLEST = 1e-15
UNREADABLE = {
    Type.ID: "is not a whole number",
    Type.WHOLE: "is not a whole number",
    Type.AMOUNT: "is not an amount",
    Type.REAL: "is not a number",
}
LINE = "the line"
"""In place of a column, where a line is broken."""
CONTRADICTS = "names several rows that differ"
"""The problem of a key whose rows are not all alike."""
BETWEEN_CELLS = ',;"\t'
"""What stands between the empty cells of a line that holds nothing."""


def schema(table: Table) -> T.StructType:
    """The table's columns and their types, in the contract's order."""
    return T.StructType([T.StructField(column.name, T.DataType.fromDDL(column.type.ddl)) for column in table.columns])


def names(table: Table) -> tuple[str, ...]:
    """The names of the contract's columns."""
    return tuple(column.name for column in table.columns)


def stored_columns(rows: DataFrame, table: Table) -> list[SqlColumn]:
    """The contract's columns of stored rows, in its order; null where the rows are older than the column."""
    stored = set(rows.columns)
    return [
        F.col(column.name) if column.name in stored else F.lit(None).cast(column.type.ddl).alias(column.name)
        for column in table.columns
    ]


Cast = Callable[[SqlColumn, str], SqlColumn]
"""What reads a text as a type of Spark's DDL: null where it names no value of it."""


def try_cast(text: SqlColumn, ddl: str) -> SqlColumn:
    """As the engine itself casts."""
    return text.try_cast(ddl)


def parse(cells: DataFrame, table: Table, *also: str, cast: Cast = try_cast) -> DataFrame:
    """Read a table's cells as its contract says.

    Args:
        cells: `FILE`, `BROKEN_LINE` and the contract's columns, all strings, null where a cell is empty.
        table: The contract.
        also: Columns of `cells` that say of a row which one it is, and stay beside it.
        cast: How texts are read: as Spark's own cast does, whatever the engine.

    Returns:
        As many rows: `FILE`, the contract's columns in their types, `CELLS`, and those that stay.
    """
    broken = [F.col(BROKEN_LINE).isNotNull()]
    broken += [test for column in table.columns for test, _ in breaches(column)]
    cells_of = [cell(column).alias(column.name) for column in table.columns]
    delivered = F.struct(BROKEN_LINE, *cells_of, is_blank(BROKEN_LINE, *cells_of).alias(BLANK))
    rows = beside_cells(cells, table, cast, *also)
    return rows.select(FILE, *names(table), F.when(any_of(broken), delivered).alias(CELLS), *also)


def any_of(tests: list[SqlColumn]) -> SqlColumn:
    """Whether one of them is true, as a tree: a chain of two hundred is deeper than Spark Connect reads."""
    half = len(tests) // 2
    return any_of(tests[:half]) | any_of(tests[half:]) if half else tests[0]


def is_blank(*cells: str | SqlColumn) -> SqlColumn:
    """Whether a row holds nothing but what stands between cells."""
    return F.trim(F.translate(F.concat_ws("", *cells), BETWEEN_CELLS, "")) == ""


def accepted_rows(parsed: DataFrame, table: Table, *also: str) -> DataFrame:
    """The parsed rows that keep the contract: `FILE`, the contract's columns, and those that stay beside them."""
    return parsed.where(F.col(CELLS).isNull()).select(FILE, *names(table), *also)


def refused_rows(parsed: DataFrame, table: Table, *also: str, cast: Cast = try_cast) -> DataFrame:
    """The parsed rows that break the contract: `FILE`, their cells as delivered, `ERRORS` with every reason, and what
    stays beside them.

    Of a broken line only that is said: which of its cells belongs to which column can't be known.
    """
    cells = parsed.where(F.col(CELLS).isNotNull() & ~F.col(f"{CELLS}.{BLANK}")).select(FILE, f"{CELLS}.*", *also)
    line = error(LINE, F.col(BROKEN_LINE), F.lit("has more or fewer cells than its header"))
    reasons = F.array_compact(F.array(*(reason(column) for column in table.columns)))
    return beside_cells(cells, table, cast, *also).select(
        FILE,
        *(cell(column).alias(column.name) for column in table.columns),
        F.when(F.col(BROKEN_LINE).isNotNull(), F.array(line)).otherwise(reasons).cast(ERRORS_TYPE).alias(ERRORS),
        *also,
    )


def refused_type(table: Table) -> str:
    """What `refused_rows` gives, in Spark's DDL."""
    return ", ".join([f"{FILE} STRING", *(f"{name} STRING" for name in names(table)), f"{ERRORS} {ERRORS_TYPE}"])


def repeated_keys(accepted: DataFrame, table: Table) -> DataFrame:
    """The keys that several accepted rows share, in columns named by `of_key`."""
    shared = accepted.groupBy(*table.key).agg(F.count(F.lit(1)).alias("_rows")).where("_rows > 1")
    return shared.select(*(F.col(name).alias(of_key(name)) for name in table.key))


def contradicting_keys(accepted: DataFrame, repeated: DataFrame, table: Table) -> DataFrame:
    """Those of the repeated keys whose rows are not all alike."""
    rows = accepted.join(repeated, on=has_key(table), how="left_semi")
    return repeated_keys(rows.dropDuplicates(list(names(table))), table)


def without_repeats(accepted: DataFrame, contradicting: DataFrame, table: Table) -> DataFrame:
    """The accepted rows with each key once: one of the rows that are alike, none of those that contradict."""
    rows = accepted.join(contradicting, on=has_key(table), how="left_anti")
    return rows.dropDuplicates(list(names(table)))


def contradictions(accepted: DataFrame, contradicting: DataFrame, table: Table) -> DataFrame:
    """The accepted rows that contradict another of their key, as `refused_rows` gives them; cells are written anew."""
    key = F.concat_ws(", ", *(F.coalesce(F.col(name).cast("string"), F.lit("")) for name in table.key))
    why = error(", ".join(table.key), key, F.lit(CONTRADICTS))
    rows = accepted.join(contradicting, on=has_key(table), how="left_semi")
    return rows.select(
        FILE,
        *(F.col(name).cast("string").alias(name) for name in names(table)),
        F.array(why).cast(ERRORS_TYPE).alias(ERRORS),
    )


def cell(column: Column) -> SqlColumn:
    """The column's cell as delivered, in the rows that `beside_cells` gives."""
    return F.col(f"_cell_{column.name}")


def beside_cells(cells: DataFrame, table: Table, cast: Cast, *also: str) -> DataFrame:
    """Typed values under the columns' names, beside the cells they were read from and what else stays."""
    return cells.select(
        FILE,
        BROKEN_LINE,
        *(F.col(column.name).alias(f"_cell_{column.name}") for column in table.columns),
        *(typed(column, F.col(column.name), cast).alias(column.name) for column in table.columns),
        *also,
    )


def typed(column: Column, text: SqlColumn, cast: Cast) -> SqlColumn:
    """The cell's value; null where it is empty or can't be read."""
    match column.type:
        case Type.TEXT:
            return text
        case Type.AMOUNT:
            return cast(text, column.type.ddl)
        case Type.REAL:
            number = cast(F.when(text.rlike(NUMBER), text), column.type.ddl)
            return F.when(F.abs(number) < SMALLEST, F.lit(0.0)).otherwise(number)
        case Type.ID | Type.WHOLE:
            # Kaggle writes 12.0 in columns that have empty cells. Cutting is exact; a cast to a decimal would round.
            whole = F.when(text.endswith(".0"), F.substring(text, F.lit(1), F.length(text) - 2)).otherwise(text)
            return cast(whole, column.type.ddl)


def breaches(column: Column) -> list[tuple[SqlColumn, str]]:
    """What can be wrong with a column: tests over the rows of `beside_cells`, true where it is, and the problem."""
    text, value = cell(column), F.col(column.name)
    found = []
    if column.required:
        found.append((text.isNull() & ~F.col(FILE).isin(*column.absent_from), "is empty"))
    if column.type is not Type.TEXT:
        found.append((text.isNotNull() & value.isNull(), UNREADABLE[column.type]))
    if column.type is Type.ID:
        found.append((value <= 0, "is not above 0"))
    if column.codes:
        codes = [literal(column, code) for code in column.codes]
        found.append((~value.isin(*codes), f"is not one of {', '.join(column.codes)}"))
    if column.low is not None:
        found.append((value < literal(column, column.low), f"is below {column.low:,}"))
    if column.high is not None:
        found.append((value > literal(column, column.high), f"is above {column.high:,}"))
    return found


def literal(column: Column, value: str | float) -> SqlColumn:
    """A code or bound in the column's type, so that no cell is cast to be compared with it."""
    return F.lit(value) if column.type is Type.TEXT else F.lit(Decimal(str(value))).cast(column.type.ddl)


def reason(column: Column) -> SqlColumn:
    """Why the row's cell breaks the contract; null where it doesn't."""
    problems = [F.when(test, F.lit(problem)) for test, problem in breaches(column)]
    problem = F.coalesce(*problems, F.lit(None).cast("string"))
    return F.when(problem.isNotNull(), error(column.name, F.coalesce(cell(column), F.lit("")), problem))


def error(column: str, value: SqlColumn, problem: SqlColumn) -> SqlColumn:
    """One entry of `ERRORS`."""
    return F.struct(F.lit(column).alias("column"), value.alias("value"), problem.alias("problem"))


def of_key(name: str) -> str:
    """The name of a key's column in a table of keys."""
    return f"_key_{name}"


def has_key(table: Table) -> SqlColumn:
    """Whether a row has the key beside it; an empty cell equals an empty cell."""
    return reduce(SqlColumn.__and__, (F.col(name).eqNullSafe(F.col(of_key(name))) for name in table.key))
