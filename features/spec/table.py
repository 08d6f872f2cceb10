"""A source table: its contract, its rows and its features."""

from dataclasses import dataclass, replace

from features.checks import Misdeclared
from features.expressions import columns_read
from features.spec.columns import KEY, Column
from features.spec.feature_kinds import Declared, Derived, Folding
from features.spec.rows import AGE, ALL, PREVIOUS_AGE, RANK, Derivation, Lookup, Moment, Rollup, Slice
from features.spec.table_checks import check_contract, check_features, check_rows


@dataclass(frozen=True, slots=True)
class Table:
    """A source table: its contract, its row-level derivations and its features.

    Args:
        name: Kaggle's table name, the table's name in the lake.
        prefix: Start of its features' names.
        files: The CSV files it comes from, without ending.
        about: What a row is, in a sentence.
        key: Columns that name a row; no two rows share them.
        columns: The contract, in Kaggle's order.
        parent: The table and column of the row that this one belongs to; None for the application.
        optional: A delivery may come without the files, as those of before the table was known did; it has no row then.
        entity: The column that features are folded to.
        rollup: Folding to a coarser grain first; its own derivations come from `derivations`.
        lookups: Columns borrowed from other tables, before the derivations.
        derivations: Row-level columns.
        age: SQL of how long before the application the row happened, >= 0; rows with a negative or null age
            are never seen by a feature.
        age_unit: "d" (days) or "m" (months).
        moments: The columns that count from the application, as delivered.
        order: SQL expressions that break ties of age, latest row first, with DESC behind where the largest is the
            latest; with the age they order the rows totally.
        features: What is computed for an applicant.
        parent_features: What is computed for the row that the rows belong to, for the parent's own features to read
            (see `of_parent`).
    """

    name: str
    prefix: str
    files: tuple[str, ...]
    about: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    parent: tuple[str, str] | None = None
    optional: bool = False
    entity: str = KEY
    before_rollup: tuple[Derivation, ...] = ()
    rollup: Rollup | None = None
    lookups: tuple[Lookup, ...] = ()
    derivations: tuple[Derivation, ...] = ()
    age: str | None = None
    age_unit: str = "d"
    moments: tuple[Moment, ...] = ()
    order: tuple[str, ...] = ()
    features: tuple[Declared, ...] = ()
    parent_features: tuple[Folding, ...] = ()

    def __post_init__(self) -> None:
        check_contract(self)
        if self.parent_features and self.parent is None:
            raise Misdeclared(f"table {self.name} has parent_features and no parent: name what its rows belong to")
        check_rows(self)
        check_features(self)
        if self.parent_features:
            of_parent(self)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError where the contract has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def grain(self) -> tuple[str, ...]:
        """The columns that name a row which features see."""
        return self.rollup.key if self.rollup else self.key

    @property
    def row_columns(self) -> tuple[str, ...]:
        """The columns of a row before its derivations, but for what is borrowed and what its own rows tell it."""
        if self.rollup:
            return (*self.rollup.key, *(column.name for column in self.rollup.columns))
        return (*(column.name for column in self.columns), *(derivation.name for derivation in self.before_rollup))

    @property
    def tie_breakers(self) -> tuple[tuple[str, bool], ...]:
        """What breaks ties of age: the expression, and whether it descends."""
        terms = (text.rpartition(" ") for text in self.order)
        return tuple(
            (before, last.upper() == "DESC") if last.upper() in {"ASC", "DESC"} else (f"{before} {last}".strip(), False)
            for before, _, last in terms
        )

    @property
    def folding(self) -> tuple[Folding, ...]:
        """The features that fold rows."""
        return tuple(declared for declared in self.features if isinstance(declared, Folding))

    @property
    def slices(self) -> tuple[Slice, ...]:
        """The slices that features are cut by, each once."""
        return tuple(dict.fromkeys(slice_ for declared in self.folding for slice_ in declared.slices if slice_ != ALL))

    @property
    def row_expressions(self) -> tuple[tuple[str, str], ...]:
        """(where it stands, SQL) of all that features read of a row, after the derivations."""
        folded = [(declared.name, sql) for declared in self.folding for sql in declared.values]
        others = [
            (declared.name, sql)
            for declared in self.features
            if not isinstance(declared, Folding | Derived)
            for sql in declared.expressions
        ]
        return (*folded, *others, *((slice_.name, slice_.where) for slice_ in self.slices))

    @property
    def written(self) -> tuple[tuple[str, str], ...]:
        """(where it stands, SQL) of all that the table declares, in the order of its computation."""
        derivations = (*self.before_rollup, *(self.rollup.columns if self.rollup else ()), *self.derivations)
        ages = [sql for sql in (self.age, *(sql for sql, _ in self.tie_breakers)) if sql is not None]
        derived = [declared for declared in self.features if isinstance(declared, Derived)]
        return (
            *((derivation.name, derivation.sql) for derivation in derivations),
            *(("age or order", sql) for sql in ages),
            *self.row_expressions,
            *((declared.name, declared.sql) for declared in derived),
            *(of_parent(self).row_expressions if self.parent_features else ()),
        )

    @property
    def early_derivations(self) -> tuple[Derivation, ...]:
        """Those that are computed before the row's age is known; the lookups of other tables see them too."""
        return split_derivations(self)[0]

    @property
    def late_derivations(self) -> tuple[Derivation, ...]:
        """Those that read the row's age or rank, directly or not, or replace what one of these reads."""
        return split_derivations(self)[1]


def split_derivations(table: Table) -> tuple[tuple[Derivation, ...], tuple[Derivation, ...]]:
    """A table's early and late derivations, each in the order of their declaration."""
    early, late = [], []
    made_late, read_late = {AGE, RANK, PREVIOUS_AGE}, set[str]()
    for derivation in table.derivations:
        read = columns_read(derivation.sql)
        if read & made_late or derivation.name in made_late | read_late:
            late.append(derivation)
            made_late.add(derivation.name)
            read_late |= read
        else:
            early.append(derivation)
    return tuple(early), tuple(late)


def of_parent(table: Table) -> Table:
    """The same rows, folded to the row that they belong to: ``loan_installments_late_mean_ever`` is one loan's."""
    assert table.parent is not None
    return replace(
        table, prefix=f"loan_{table.prefix}", entity=table.parent[1], features=table.parent_features, parent_features=()
    )
