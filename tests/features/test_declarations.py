"""The declarations of tables and features, read as data: no Spark."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from features import ACROSS, TABLES
from features.plan.feature_table import catalogue
from features.reason_families import FAMILIES, NEVER_A_REASON
from features.spec import (
    ALL,
    Code,
    Column,
    Derived,
    Encoded,
    Expected,
    Feature,
    GroupDeviation,
    Ordered,
    Ratio,
    Slice,
    Table,
    feature_names,
    of_parent,
)

BY_NAME = {table.name: table for table in TABLES}
FOLDED = [table for table in TABLES if table.features] + [of_parent(table) for table in TABLES if table.parent_features]
APPLICATION = BY_NAME["application"]
PROTECTED = {column.name for table in TABLES for column in table.columns if column.protected}
TABLE_IDS = [table.name for table in TABLES]
each_table = pytest.mark.parametrize("table", TABLES, ids=TABLE_IDS)
each_fold = pytest.mark.parametrize("table", FOLDED, ids=[f"{table.name} to {table.entity}" for table in FOLDED])

NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*|[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""Kaggle's capitals where a feature is one expression that carries its own name; small letters where it is computed."""


def words(sql: str) -> set[str]:
    """The identifiers of an expression, text in quotes left out."""
    return set(re.findall(r"[A-Za-z_]\w*", re.sub(r"'[^']*'", "", sql)))


def row_expressions(table: Table) -> Iterator[tuple[str, str]]:
    """(where it stands, SQL) of what is computed row by row for features, after the table's derivations."""
    for declared in table.features:
        match declared:
            case Feature() | Ordered():
                yield declared.name, declared.value
            case Ratio():
                yield declared.name, declared.numerator
                yield declared.name, declared.denominator
            case Encoded():
                yield declared.name, declared.column
            case GroupDeviation():
                yield declared.name, declared.value
                yield declared.name, declared.group
            case Expected():
                yield from ((declared.name, sql) for sql in (declared.value, declared.where, declared.group))
                yield declared.name, declared.like
            case Derived():
                yield declared.name, declared.sql
    for slice_ in slices(table):
        yield slice_.name, slice_.where


def every_expression(table: Table) -> Iterator[tuple[str, str]]:
    """(where it stands, SQL) of everything that a table declares in SQL."""
    rollup = table.rollup.columns if table.rollup else ()
    for derivation in (*table.before_rollup, *rollup, *table.derivations):
        yield derivation.name, derivation.sql
    yield "age", table.age or ""
    yield from row_expressions(table)


def slices(table: Table) -> set[Slice]:
    """The slices that a table's features are cut by."""
    return {s for declared in table.features for s in getattr(declared, "slices", ()) if s != ALL}


def finished(table: Table) -> list[str]:
    """The names of the table's features."""
    return [named.name for named in feature_names(table)]


def test_the_seven_source_tables_are_declared_once() -> None:
    assert TABLE_IDS == [
        "application",
        "bureau",
        "bureau_balance",
        "previous_application",
        "installments_payments",
        "POS_CASH_balance",
        "credit_card_balance",
    ]


def test_no_two_features_share_a_name_even_where_case_is_ignored() -> None:
    names = [name.lower() for table in FOLDED for name in finished(table)] + [d.name.lower() for d in ACROSS]
    assert [name for name, times in Counter(names).items() if times > 1] == []


def test_names_are_words_of_one_case_and_of_bearable_length() -> None:
    names = [name for table in FOLDED for name in finished(table)] + [derived.name for derived in ACROSS]
    assert [name for name in names if not NAME.fullmatch(name) or len(name) > 64] == []


def test_there_are_as_many_features_as_the_catalogue_promises() -> None:
    counts = {table.name: len(finished(table)) for table in TABLES if table.features}
    assert sum(counts.values()) + len(ACROSS) >= 600
    assert all(count >= 20 for count in counts.values()), counts
    assert counts["application"] >= 110
    assert counts["bureau"] >= 220


def test_the_four_ratios_of_the_business_are_there_in_their_own_words() -> None:
    by_name = {named.name: named.declared for named in feature_names(APPLICATION)}
    ratios = {
        "CREDIT_INCOME_PERCENT": ("AMT_CREDIT", "AMT_INCOME_TOTAL"),
        "ANNUITY_INCOME_PERCENT": ("AMT_ANNUITY", "AMT_INCOME_TOTAL"),
        "CREDIT_TERM": ("AMT_ANNUITY", "AMT_CREDIT"),
        "DAYS_EMPLOYED_PERCENT": ("DAYS_EMPLOYED", "DAYS_BIRTH"),
    }
    for name, (above, below) in ratios.items():
        declared = by_name[name]
        assert isinstance(declared, Derived)
        assert declared.sql == f"{above} / nullif({below}, 0)"


def test_every_family_can_be_told_and_each_is_used() -> None:
    used = {named.family for table in FOLDED for named in feature_names(table)} | {d.family for d in ACROSS}
    assert used == set(FAMILIES)


def test_what_tells_the_age_is_never_a_reason() -> None:
    """As a part of something else it stays one: the sentence is about that then."""
    withheld = {named.name for named in catalogue() if named.family in NEVER_A_REASON}
    changes = ("REGISTRATION", "ID_PUBLISH", "LAST_PHONE_CHANGE")
    of_changes = {f"{change}_{place}_BIRTH" for change in changes for place in ("AFTER", "SHARE_OF")}
    assert withheld == {"DAYS_BIRTH", "EMPLOYED_AFTER_BIRTH", "AGE_AT_PAYOFF", "CAR_SHARE_OF_BIRTH"} | of_changes


def test_everything_is_described_in_a_sentence() -> None:
    columns = [(column.name, column.about) for table in TABLES for column in table.columns]
    features = [(named.name, named.about) for table in FOLDED for named in feature_names(table)]
    cuts = [(slice_.name, slice_.about) for table in FOLDED for slice_ in slices(table)]
    across = [(derived.name, derived.about) for derived in ACROSS]
    for name, about in (*columns, *features, *cuts, *across):
        assert re.fullmatch(r"[A-Z0-9\"'(].*\.", about), f"{name}: {about!r}"


@each_fold
def test_a_slice_has_one_name_and_one_meaning(table: Table) -> None:
    named = [slice_.name for slice_ in slices(table)]
    assert all(named)
    assert len(named) == len(set(named))


@each_fold
def test_protected_columns_and_the_target_are_in_no_expression(table: Table) -> None:
    forbidden = PROTECTED | {"TARGET"}
    assert {where: words(sql) & forbidden for where, sql in every_expression(table) if words(sql) & forbidden} == {}


def test_protected_columns_are_in_no_feature_across_tables() -> None:
    assert sorted(PROTECTED) == ["CODE_GENDER", "NAME_FAMILY_STATUS"]
    assert [derived.name for derived in ACROSS if words(derived.sql) & (PROTECTED | {"TARGET"})] == []


@each_fold
def test_time_is_said_once_a_table(table: Table) -> None:
    """What happened how long ago is `age`; no feature takes the column that it is made of."""
    clocks = words(table.age or "") & {column.name for column in table.columns}
    assert table.name == "application" or clocks
    assert [where for where, sql in row_expressions(table) if sql.removeprefix("-") in clocks] == []


def test_the_day_of_a_bureau_loans_last_news_is_in_no_feature() -> None:
    """It is as recent as the file is, and so tells the deliveries apart."""
    bureau = BY_NAME["bureau"]
    assert [where for where, sql in row_expressions(bureau) if "DAYS_CREDIT_UPDATE" in words(sql)] == []


def test_months_of_bureau_balance_are_never_counted_or_summed() -> None:
    aggregations = {
        named.aggregation.value for named in feature_names(of_parent(BY_NAME["bureau_balance"])) if named.aggregation
    }
    assert aggregations <= {"mean", "min", "max", "decayed", "trend"}


def test_derived_features_read_only_what_stands_before_them() -> None:
    every_name = {name for table in TABLES for name in finished(table)} | {derived.name for derived in ACROSS}
    known = {name for table in TABLES for name in finished(table)}
    for table in TABLES:
        earlier: set[str] = set()
        for named in feature_names(table):
            if isinstance(named.declared, Derived) and table is not APPLICATION:
                assert words(named.declared.sql) & every_name <= earlier, named.name
            earlier.add(named.name)
    for derived in ACROSS:
        assert words(derived.sql) & every_name <= known, derived.name
        known.add(derived.name)


def test_a_derived_feature_with_a_columns_name_is_that_column() -> None:
    columns = {column.name for column in APPLICATION.columns} | {d.name for d in APPLICATION.derivations}
    derived = [each for each in APPLICATION.features if isinstance(each, Derived)]
    assert [each.name for each in derived if each.name in columns and each.sql != each.name] == []


@each_table
def test_a_contract_names_each_column_once_and_its_key_is_always_there(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    whole_row = len(table.key) == len(table.columns)
    assert whole_row or all(table.column(name).required for name in table.key)
    if table.parent:
        assert table.parent[0] in BY_NAME
        assert table.column(table.parent[1]).name in BY_NAME[table.parent[0]].key


@each_table
def test_a_column_has_closed_codes_or_open_levels_and_bounds_in_order(table: Table) -> None:
    def sound(column: Column) -> bool:
        listed = (*column.codes, *column.levels)
        bounds_in_order = column.low is None or column.high is None or column.low < column.high
        return not (column.codes and column.levels) and len(listed) == len(set(listed)) and bounds_in_order

    assert [column.name for column in table.columns if not sound(column)] == []


def test_an_ordinal_code_lists_the_levels_of_its_column() -> None:
    ordinals = [e for e in APPLICATION.features if isinstance(e, Encoded) and e.code is Code.ORDINAL]
    assert [(e.name, e.order) for e in ordinals] == [(e.name, APPLICATION.column(e.column).levels) for e in ordinals]


def test_the_target_is_the_only_column_that_a_file_may_lack() -> None:
    lacking = [(column.name, column.absent_from) for table in TABLES for column in table.columns if column.absent_from]
    assert lacking == [("TARGET", ("application_test",))]
