"""The identity of a feature set: it is another one exactly where a number of the feature table may be another.

It covers what is computed (expressions, filters, windows, aggregations, orders, derivations, rollups, lookups,
encodings and what they were fitted to, row models) and which code computes it. Not what is only told or checked:
descriptions, families, the sign of the risk, levels of open lists, bounds, codes, and columns that nothing reads.
"""

import hashlib
import json
from dataclasses import fields, is_dataclass
from enum import Enum

from features import DECLARED
from features.declarations import Declarations
from features.expressions import columns_read
from features.plan.encodings import Encodings, in_order
from features.spec import KEY, TARGET, Expected, Table

COMPUTED_BY = 1
"""The version of the code in `features/plan`. A change by which the same declarations give another number raises it;
tests/features/plan/test_golden_table.py says where that is so."""

TOLD_OR_CHECKED = {"about", "family", "risk"}
"""The parts of a declaration that no number of the table depends on."""
TOLD_OF_A_TABLE = TOLD_OR_CHECKED | {"files", "optional", "columns"}
"""Of the contract's columns those that are read count (see `read_of`)."""

DIGITS = 12


def feature_set(encodings: Encodings, row_models: str = "", declared: Declarations = DECLARED) -> str:
    """The version of a feature set: that of the code, and 12 hexadecimal digits, as ``1-0123456789ab``.

    Args:
        encodings: What was fitted for the feature table.
        row_models: The version of the row models whose scores belong to it; empty where none do.
        declared: The tables and their features.
    """
    covered = [COMPUTED_BY, what_is_computed(declared), computed(in_order(encodings)), row_models]
    return f"{COMPUTED_BY}-{hashlib.sha256(json.dumps(covered).encode()).hexdigest()[:DIGITS]}"


def is_of_before(version: str) -> bool:
    """Whether a feature set was named when the name covered descriptions too, and no version of the code."""
    return "-" not in version


def what_is_computed(declared: Declarations) -> list[object]:
    """All that decides a number, as JSON."""
    used = [table for table in declared.tables if is_used(table, declared)]
    tables = [[computed(table), computed(read_of(table, declared))] for table in used]
    return [tables, computed(declared.across)]


def is_used(table: Table, declared: Declarations) -> bool:
    """Whether a number depends on the table's rows."""
    looked_up = {lookup.table for other in declared.tables for lookup in other.lookups}
    return bool(table.features or table.parent_features) or table.name in looked_up | {
        named.declared.table for named in declared.features if isinstance(named.declared, Expected)
    }


def computed(value: object) -> object:
    """A part of a declaration as JSON, without what is only told or checked. What is new there is covered."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        left_out = TOLD_OF_A_TABLE if isinstance(value, Table) else TOLD_OR_CHECKED
        parts = {part.name: computed(getattr(value, part.name)) for part in fields(value) if part.name not in left_out}
        return [type(value).__name__, parts]
    if isinstance(value, tuple | list):
        return [computed(part) for part in value]
    return value


def read_of(table: Table, declared: Declarations) -> list[tuple[str, str]]:
    """Name and type of those columns of a table's contract that something reads."""
    others = [named.declared for named in declared.features if isinstance(named.declared, Expected)]
    expressions = [sql for _, sql in table.written]
    expressions += [sql for other in others if other.table == table.name for sql in other.expressions_there]
    read = {KEY, TARGET, table.entity, *table.key, *table.grain, *(table.parent or ())}
    read |= {name for sql in expressions for name in columns_read(sql)}
    for lookup in (lookup for other in declared.tables for lookup in other.lookups if lookup.table == table.name):
        read |= {*lookup.on, *lookup.columns}
    return [(column.name, column.type.value) for column in table.columns if column.name in read]
