"""What is said of a table's rows before any feature: derived columns, slices, a coarser grain, what is borrowed."""

from dataclasses import dataclass

from features.checks import check_identifier, check_name, check_once, check_sentence, check_some, check_sql

AGE = "age"
"""How long before the application a row happened; the last derivations, features and slices may read it."""
RANK = "rank"
"""The row's place among its entity's, 1 for the latest; read like `AGE`."""
PREVIOUS_AGE = "previous_age"
"""The age of the entity's next older row; read like `AGE`."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """A row-level column computed from the columns of its table and from earlier derivations.

    One that carries the name of a column replaces it (365243 and XNA become nulls this way): for those declared
    after it, and not for those before.
    """

    name: str
    sql: str
    about: str

    def __post_init__(self) -> None:
        check_identifier("derivation", self.name)
        check_sql(f"derivation {self.name}", self.sql)
        check_sentence(f"derivation {self.name}", self.about)


@dataclass(frozen=True, slots=True)
class Slice:
    """A named row filter of a table: active, approved, late, ..."""

    name: str
    where: str
    about: str

    def __post_init__(self) -> None:
        if self.name or self.where != "true":
            check_name("slice", self.name)
        check_sql(f"slice {self.name}", self.where)
        check_sentence(f"slice {self.name}", self.about)


ALL = Slice("", "true", "Every row.")


@dataclass(frozen=True, slots=True)
class Rollup:
    """Rows folded to a coarser grain before the features see them (the payments of one instalment).

    Args:
        key: The coarser grain.
        columns: The folded row's columns, each an SQL aggregate over its rows.
    """

    key: tuple[str, ...]
    columns: tuple[Derivation, ...]

    def __post_init__(self) -> None:
        check_some("a rollup", "key columns", self.key)
        check_once(
            f"the rollup to {', '.join(self.key)}", "columns", [*self.key, *(column.name for column in self.columns)]
        )


@dataclass(frozen=True, slots=True)
class Lookup:
    """Columns borrowed from the one row of another source table that shares `on` (null where there is none)."""

    table: str
    on: tuple[str, ...]
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        check_some(f"the lookup of {self.table}", "columns to look up by", self.on)
        check_some(f"the lookup of {self.table}", "columns to borrow", self.columns)


NO_DAY = 365_243
"""What stands in a column of days for a day that there is none of."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A column that counts days or months from the application, below 0 before it.

    Args:
        column: Its name.
        unit: "d" (days) or "m" (months).
        planned: It is a plan, known before it comes. What is none and lies ahead had not happened yet.
    """

    column: str
    unit: str = "d"
    planned: bool = False
