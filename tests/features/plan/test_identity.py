"""A feature set has another name exactly where a number may be another."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from features import ACROSS, DECLARED, TABLES
from features.declarations import Declarations
from features.plan import identity
from features.plan.encodings import Encoding
from features.plan.identity import feature_set, is_of_before
from features.spec import (
    ALL,
    SUM,
    Column,
    Declared,
    Derivation,
    Derived,
    Encoded,
    Expected,
    Feature,
    Ordered,
    Ratio,
    Risk,
    Slice,
    Table,
    Type,
)
from tests.made_up import made_up

FITTED = (Encoding("REGION", None, 1.0), Encoding("REGION", "1", 0.5))
Change = Callable[[Table], Table]


def with_change(name: str, change: Change) -> Declarations:
    """The project's declarations with one table changed."""
    return Declarations(tuple(change(table) if table.name == name else table for table in TABLES), ACROSS)


def column(name: str, **parts: object) -> Change:
    return lambda table: replace(
        table,
        columns=tuple(replace(each, **parts) if each.name == name else each for each in table.columns),  # type: ignore[arg-type]
    )


def feature(kind: type[Declared], **parts: object) -> Change:
    """Another first feature of the kind."""

    def change(table: Table) -> Table:
        first = next(each for each in table.features if isinstance(each, kind))
        changed = replace(first, **parts)  # type: ignore[arg-type]
        return replace(table, features=tuple(changed if each is first else each for each in table.features))

    return change


def derivation(place: int, **parts: str) -> Change:
    def change(table: Table) -> Table:
        derivations = list(table.derivations)
        derivations[place] = replace(derivations[place], **parts)
        return replace(table, derivations=tuple(derivations))

    return change


def rolled_up(table: Table) -> Table:
    assert table.rollup is not None
    last = replace(table.rollup.columns[-1], sql="count(AMT_PAYMENT)")
    return replace(table, rollup=replace(table.rollup, columns=(*table.rollup.columns[:-1], last)))


def borrowing(table: Table) -> Table:
    (lookup,) = table.lookups
    return replace(table, lookups=(replace(lookup, columns=(*lookup.columns, "AMT_CREDIT")),))


ACTIVE = Slice("running", "active", "Loans that still run.")
LETTERS = Feature("letters", "1", (SUM,), "payment history", "Letters.")
BIG = Slice("big", "AMT_CREDIT_SUM > 1000", "Big.")
TOLD: dict[str, tuple[str, Change]] = {
    "about of a feature": ("bureau", feature(Feature, about="Loans!.")),
    "family of a feature": ("bureau", feature(Feature, family="bureau debt")),
    "about of a slice": (
        "bureau",
        lambda table: replace(
            table,
            features=tuple(
                replace(each, slices=tuple(replace(s, about=f"{s.about}!.") if s != ALL else s for s in each.slices))
                if isinstance(each, Feature | Ordered | Ratio)
                else each
                for each in table.features
            ),
        ),
    ),
    "about of a column": ("bureau", column("AMT_CREDIT_SUM", about="Amount!.")),
    "about of a table": ("bureau", lambda table: replace(table, about="Loans!.")),
    "about of a derivation": ("bureau", derivation(0, about="Amount!.")),
    "a level": ("bureau", column("CREDIT_TYPE", levels=("Consumer credit", "Boat"))),
    "a code": ("previous_application", column("FLAG_LAST_APPL_PER_CONTRACT", codes=("Y", "N", "X"))),
    "a bound": ("bureau", column("AMT_CREDIT_SUM", low=-1.0, high=1e9)),
    "a cell that must be there": ("bureau", column("AMT_CREDIT_SUM", required=True)),
    "a column that nothing reads": (
        "bureau",
        lambda table: replace(table, columns=(*table.columns, Column("NEW", Type.TEXT, "New.", optional=True))),
    ),
    "which way the risk goes": ("bureau", feature(Ratio, risk=Risk.RISING)),
    "files": ("bureau", lambda table: replace(table, files=("bureau_new",), optional=True)),
}
COMPUTED: dict[str, tuple[str, Change]] = {
    "a value": ("bureau", feature(Feature, value="2")),
    "a ratio": ("bureau", feature(Ratio, denominator="AMT_CREDIT_SUM_LIMIT")),
    "aggregations": ("POS_CASH_balance", feature(Feature, aggregations=(SUM,))),
    "windows": ("POS_CASH_balance", feature(Feature, windows=(6, 13))),
    "ranks": ("bureau", feature(Ordered, last=(1, 3, 6))),
    "slices": ("bureau", feature(Ratio, slices=(ALL, BIG))),
    "a slice": ("previous_application", feature(Ratio, slices=(ACTIVE,))),
    "a slice's filter": ("previous_application", feature(Ratio, slices=(replace(ACTIVE, where="not active"),))),
    "a derived feature": ("bureau", feature(Derived, sql="0")),
    "a derivation": ("bureau", derivation(-1, sql="AMT_CREDIT_SUM")),
    "the order of derivations": (
        "application",
        lambda table: replace(table, derivations=(*table.derivations[1:], table.derivations[0])),
    ),
    "an age": ("bureau", lambda table: replace(table, age="-DAYS_CREDIT")),
    "an order": ("bureau", lambda table: replace(table, order=("SK_ID_BUREAU",))),
    "a rollup": ("installments_payments", rolled_up),
    "before a rollup": (
        "installments_payments",
        lambda table: replace(table, before_rollup=(*table.before_rollup, Derivation("X", "AMT_INSTALMENT", "X."))),
    ),
    "a lookup": ("installments_payments", borrowing),
    "a fitted category": ("application", feature(Encoded, name="SCHOOL")),
    "what is expected": ("application", feature(Expected, where="true")),
    "the type of a column that is read": ("bureau", column("CNT_CREDIT_PROLONG", type=Type.REAL)),
    "what a loan is told": (
        "bureau_balance",
        lambda table: replace(
            table, parent_features=(replace(table.parent_features[0], value="very_late"), *table.parent_features[1:])
        ),
    ),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_is_only_told_or_checked_changes_no_name(case: str) -> None:
    declared = with_change(*TOLD[case])
    assert declared != DECLARED
    assert feature_set(FITTED, declared=declared) == feature_set(FITTED)


@pytest.mark.parametrize("case", COMPUTED)
def test_what_is_computed_otherwise_has_another_name(case: str) -> None:
    assert feature_set(FITTED, declared=with_change(*COMPUTED[case])) != feature_set(FITTED)


def test_features_across_tables_are_in_the_name() -> None:
    fewer = Declarations(TABLES, ACROSS[:-1])
    assert feature_set(FITTED, declared=fewer) != feature_set(FITTED)


def test_a_table_that_nothing_reads_is_not_in_the_name() -> None:
    letters = Table(
        name="letters",
        prefix="letters",
        files=("letters",),
        about="A letter.",
        key=("SK_ID_LETTER",),
        columns=made_up("SK_ID_CURR", "SK_ID_LETTER", "DAYS"),
        parent=("application", "SK_ID_CURR"),
    )
    assert feature_set(FITTED, declared=Declarations((*TABLES, letters), ACROSS)) == feature_set(FITTED)
    read = replace(letters, age="-DAYS", order=("SK_ID_LETTER",), features=(LETTERS,))
    assert feature_set(FITTED, declared=Declarations((*TABLES, read), ACROSS)) != feature_set(FITTED)


def test_what_was_fitted_is_in_the_name_in_any_order() -> None:
    name = feature_set(FITTED)
    assert feature_set(FITTED[::-1]) == name
    assert feature_set((FITTED[0], replace(FITTED[1], value=0.25))) != name
    assert feature_set(FITTED, row_models="trees") != name


def test_the_name_begins_with_the_version_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    name = feature_set(FITTED)
    assert name.partition("-")[0] == str(identity.COMPUTED_BY)
    monkeypatch.setattr(identity, "COMPUTED_BY", identity.COMPUTED_BY + 1)
    assert feature_set(FITTED).partition("-")[0] == str(identity.COMPUTED_BY)
    assert feature_set(FITTED).partition("-")[2] != name.partition("-")[2]
    assert not is_of_before(name)
    assert is_of_before("0123456789ab")
