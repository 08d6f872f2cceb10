"""What a declaration must keep is refused where it is made; and what the project declares. No Spark."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from features import ACROSS, DECLARED, TABLES
from features.checks import Misdeclared
from features.declarations import Declarations
from features.expressions import NotOneExpression, columns_read
from features.plan.feature_table import catalogue
from features.reason_families import FAMILIES, NEVER_A_REASON
from features.spec import (
    ALL,
    COUNT,
    EVER,
    MAX,
    MEAN,
    STD,
    SUM,
    TREND,
    Code,
    Column,
    Declared,
    Derivation,
    Derived,
    Encoded,
    Expected,
    Feature,
    GroupDeviation,
    Lookup,
    Ordered,
    Ratio,
    Risk,
    Rollup,
    Slice,
    Table,
    Type,
    Window,
    falling,
    feature_names,
    of_parent,
    rising,
)
from tests.made_up import made_up

BY_NAME = DECLARED.by_name
FOLDED = [table for table in TABLES if table.features] + [of_parent(table) for table in TABLES if table.parent_features]

SCHOOL = Column("SCHOOL", Type.TEXT, "School.", levels=("low", "high"))
GENDER = Column("GENDER", Type.TEXT, "Gender.", protected=True)
PEOPLE = Table(
    name="people",
    prefix="people",
    files=("people_old", "people_new"),
    about="A person.",
    key=("SK_ID_CURR",),
    columns=(*made_up("SK_ID_CURR", "TARGET", "INCOME"), SCHOOL, GENDER),
    features=(Derived("INCOME", "INCOME", "affordability", "Income."),),
)
LOANS = Table(
    name="loans",
    prefix="loan",
    files=("loans",),
    about="A loan.",
    key=("SK_ID_LOAN",),
    columns=made_up("SK_ID_CURR", "SK_ID_LOAN", "DAYS", "DEBT"),
    parent=("people", "SK_ID_CURR"),
    age="-DAYS",
    order=("SK_ID_LOAN DESC",),
    features=(Feature("debt", "DEBT", (SUM,), "bureau debt", "Debt."),),
)
MONTHS = Table(
    name="months",
    prefix="month",
    files=("months",),
    about="A month of a loan.",
    key=("SK_ID_LOAN", "MONTH"),
    columns=made_up("SK_ID_LOAN", "MONTH", "LATE"),
    parent=("loans", "SK_ID_LOAN"),
    age="-MONTH",
    age_unit="m",
    parent_features=(Feature("late", "LATE", (MEAN,), "bureau delinquency", "Late."),),
)
DEBT = LOANS.features[0]
assert isinstance(DEBT, Feature)


def loans_with(*features: Declared, **parts: tuple[Derivation, ...]) -> Table:
    return replace(LOANS, features=features or LOANS.features, **parts)


def text(name: str, **parts: tuple[str, ...]) -> Column:
    return Column(name, Type.TEXT, "A text.", **parts)


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    # Sentences, names, families, SQL.
    "about": (lambda: Derivation("a", "x", "no sentence"), "derivation a: about is 'no sentence': write a sentence"),
    "column's about": (lambda: Column("A", Type.REAL, "amount"), "column A: about is 'amount': write a sentence"),
    "table's about": (lambda: replace(LOANS, about="loans"), "table loans: about is 'loans': write a sentence"),
    "mixed case": (lambda: replace(DEBT, name="Debt_Sum"), "feature 'Debt_Sum': write words of one case"),
    "no identifier": (lambda: Column("A B", Type.REAL, "A."), "column 'A B': write a letter, then"),
    "long name": (lambda: replace(DEBT, name="d" * 65), "has 65 characters: write at most 64"),
    "long made name": (lambda: loans_with(replace(DEBT, name="d" * 60)), "table loans: feature 'loan_d.* has 74 char"),
    "unknown family": (
        lambda: replace(DEBT, family="bureau dept"),
        "no family 'bureau dept': did you mean bureau debt",
    ),
    "syntax": (
        lambda: replace(DEBT, value="greatest(DEBT, 0"),
        r"feature debt: 'greatest\(DEBT, 0' is no SQL expression",
    ),
    "no operator": (lambda: Slice("late", "LATE DAYS", "Late."), "slice late: .* lacks an operator before it"),
    "two expressions": (lambda: Derivation("a", "x, y", "A."), "derivation a: 'x, y' .* more than one expression"),
    "a query": (lambda: Derivation("a", "(select max(x) from t)", "A."), "derivation a: .* it is a query"),
    "no expression": (lambda: Derivation("a", " ", "A."), "it is empty: write one value"),
    "decimal": (lambda: Slice("late", "LATE > 0.5", "Late."), "slice late: .* 0.5 is a decimal: write 0.5e0"),
    "negated divisor": (lambda: Derivation("a", "x / nullif(-y, 0)", "A."), r"as in -nullif\(x, 0\)"),
    "divided divisor": (lambda: Derivation("a", "x / nullif((y / z), 0)", "A."), "derivation a: .* may be -0.0"),
    # Columns.
    "codes and levels": (lambda: text("A", codes=("a",), levels=("b",)), "column A has codes and levels: write codes"),
    "a level twice": (lambda: text("A", levels=("a", "b", "a")), "column A: its codes or levels have a 2 times"),
    "levels of numbers": (
        lambda: Column("A", Type.REAL, "A.", levels=("1",)),
        "A is a real number and has levels",
    ),
    "code of a number": (lambda: Column("A", Type.WHOLE, "A.", codes=("Y",)), "has the code 'Y': write it as a number"),
    "bounds": (lambda: Column("A", Type.REAL, "A.", low=2, high=1), "column A goes from 2 to 1: write the lower bound"),
    "bounds of text": (lambda: Column("A", Type.TEXT, "A.", low=2), "column A is text and has bounds, 2 to None"),
    "required, optional": (lambda: replace(LOANS.columns[0], optional=True), "SK_ID_CURR is required and optional"),
    # Features by themselves.
    "no aggregation": (lambda: replace(DEBT, aggregations=()), "feature debt has no aggregations: name one"),
    "aggregation twice": (lambda: replace(DEBT, aggregations=(SUM, SUM)), "its aggregations have sum 2 times"),
    "no window": (lambda: replace(DEBT, windows=()), "feature debt has no windows: name one"),
    "window of nothing": (
        lambda: replace(DEBT, windows=(0,)),
        "feature debt: a window by age ends at 0: write",
    ),
    "window twice": (
        lambda: replace(DEBT, windows=(EVER, Window(None))),
        "feature debt: its windows have ever 2",
    ),
    "no slice": (lambda: replace(DEBT, slices=()), "feature debt has no slices: name one"),
    "order of none": (lambda: Ordered("a", "x", (SUM,), "age", "A."), "feature a has no windows: name one"),
    "ratio's divisor": (lambda: Ratio("a", "x", "y +", "age", "A."), r"feature a: 'y \+' is no SQL expression"),
    "frequency in order": (
        lambda: Encoded("A", "X", Code.FREQUENCY, "age", "A.", order=("a",)),
        r"feature A is frequency with order \('a',\): only ORDINAL has one",
    ),
    "no order": (lambda: Encoded("A", "X", Code.ORDINAL, "age", "A."), "only ORDINAL has one"),
    "nameless slice": (lambda: Slice("", "x", "X."), "slice '': write words"),
    "empty rollup": (lambda: Rollup((), ()), "a rollup has no key columns"),
    "empty lookup": (lambda: Lookup("people", ("SK_ID_CURR",), ()), "of people has no columns to borrow"),
    # What needs the table: its contract.
    "column twice": (lambda: replace(LOANS, columns=(*LOANS.columns, *made_up("debt"))), "2 columns are named 'debt'"),
    "key of no column": (
        lambda: replace(LOANS, key=("SK_ID_LAON",)),
        "no column SK_ID_LAON .* mean SK_ID_LOAN",
    ),
    "empty key cell": (
        lambda: replace(PEOPLE, key=("SK_ID_CURR", "SCHOOL")),
        "table people: SCHOOL is of the key and may be empty: write required=True",
    ),
    "absent from no file": (
        lambda: replace(PEOPLE, columns=(*PEOPLE.columns, replace(text("A"), absent_from=("people_nwe",)))),
        "column A of people is absent from people_nwe: did you mean people_new",
    ),
    # Its rows.
    "not derived yet": (
        lambda: loans_with(derivations=(Derivation("b", "a + 1", "B."), Derivation("a", "DEBT", "A."))),
        "derivation b of loans reads a, which is not derived yet: declare a before it",
    ),
    "itself": (
        lambda: loans_with(derivations=(Derivation("a", "a + 1", "A."),)),
        "a of loans reads a, which",
    ),
    "case alone": (
        lambda: loans_with(derivations=(Derivation("debt", "DEBT", "Debt."),)),
        "table loans has DEBT and debt: SQL does not tell them apart",
    ),
    "a column named age": (
        lambda: loans_with(derivations=(Derivation("age", "DEBT", "Debt."),)),
        "table loans has a column age, which is computed for every row: name it otherwise",
    ),
    "age of an age": (
        lambda: replace(LOANS, age="-late", derivations=(Derivation("late", "age + 1", "Late."),)),
        "table loans: age reads late, which is derived from it or the rank",
    ),
    "no age": (lambda: replace(LOANS, age=None), "table loans has the age None, which reads no column"),
    "constant age": (lambda: replace(LOANS, age="1"), "table loans has the age '1', which reads no column"),
    "age unit": (lambda: replace(LOANS, age_unit="y"), "the age_unit 'y': write d for days or m for months"),
    "no total order": (lambda: replace(LOANS, order=()), "rows of one age are in no order, SK_ID_LOAN differs"),
    "order's syntax": (lambda: replace(LOANS, order=("SK_ID_LOAN +",)), "'SK_ID_LOAN .' is no SQL expression"),
    "time in other words": (lambda: loans_with(replace(DEBT, value="-DAYS")), "'-DAYS', which is the age: write 'age'"),
    # Its features.
    "protected": (
        lambda: replace(PEOPLE, features=(Derived("MALE", "GENDER = 'M'", "age", "Male."),)),
        "MALE of people reads GENDER, which no feature may: leave it out",
    ),
    "protected, derived": (
        lambda: replace(PEOPLE, derivations=(Derivation("male", "GENDER = 'M'", "Male."),)),
        "male of people reads GENDER",
    ),
    "the weight": (
        lambda: replace(PEOPLE, derivations=(Derivation("a", "SAMPLE_WEIGHT", "A."),)),
        "a of people reads SAMPLE_WEIGHT, which no feature may",
    ),
    "the label": (lambda: replace(PEOPLE, derivations=(Derivation("a", "TARGET", "A."),)), "a of people reads TARGET"),
    "the label, counted": (
        lambda: replace(PEOPLE, features=(GroupDeviation("A", "TARGET", "SCHOOL", "age", "A."),)),
        "A of people reads TARGET",
    ),
    "two slices of a name": (
        lambda: loans_with(
            replace(DEBT, slices=(Slice("big", "DEBT > 1", "Big."),)),
            replace(DEBT, name="debts", slices=(Slice("big", "DEBT > 2", "Big."),)),
        ),
        "table loans: 2 slices are named 'big'",
    ),
    "two features of a name": (lambda: loans_with(DEBT, DEBT), "2 features are named 'loan_debt_sum_ever'"),
    "a name in two cases": (
        lambda: loans_with(DEBT, Derived("LOAN_DEBT_SUM_EVER", "loan_debt_sum_ever", "age", "A.")),
        "2 features are named 'loan_debt_sum_ever'",
    ),
    "not computed yet": (
        lambda: replace(PEOPLE, features=(Derived("A", "B", "age", "A."), Derived("B", "INCOME", "age", "B."))),
        "feature A of people reads B, which is not computed yet: declare B before it",
    ),
    "another column of that name": (
        lambda: replace(PEOPLE, features=(Derived("INCOME", "INCOME / 2", "age", "A."),)),
        "feature INCOME of people is 'INCOME / 2' and has a column's name: write 'INCOME', or name it otherwise",
    ),
    "levels out of order": (
        lambda: replace(PEOPLE, features=(Encoded("A", "SCHOOL", Code.ORDINAL, "age", "A.", order=("low",)),)),
        "feature A of people: 'high' is in the order of SCHOOL or among its levels, and not in both",
    ),
    "fitted on a history": (
        lambda: loans_with(DEBT, GroupDeviation("A", "DEBT", "DEBT", "age", "A.")),
        "feature A of loans: only what has no parent has fitted features",
    ),
    "folded to nobody": (
        lambda: replace(MONTHS, features=MONTHS.parent_features),
        "table months folds its rows to SK_ID_CURR, which is none of its columns: write parent_features",
    ),
    "told to nobody": (lambda: replace(MONTHS, parent=None), "months has parent_features and no parent"),
    "told twice": (
        lambda: replace(MONTHS, parent_features=(*MONTHS.parent_features, *MONTHS.parent_features)),
        "2 features are named 'loan_month_late_mean_ever'",
    ),
    # All tables together.
    "no applicants": (
        lambda: Declarations((LOANS,)),
        "no table of the source tables has no parent: exactly one",
    ),
    "child before parent": (
        lambda: Declarations((PEOPLE, MONTHS, LOANS)),
        "table months has the parent loans, no table before it: declare loans first",
    ),
    "parent by no key": (
        lambda: Declarations((PEOPLE, LOANS, replace(MONTHS, key=("LATE", "MONTH"), parent=("loans", "LATE")))),
        "table months belongs to loans by LATE, which is not of its key: write one of SK_ID_LOAN",
    ),
    "a table twice": (lambda: Declarations((PEOPLE, PEOPLE)), "2 tables are named 'people'"),
    "unknown column": (
        lambda: Declarations((PEOPLE, loans_with(replace(DEBT, value="DEBTS")))),
        "debt of loans reads DEBTS, which is no column there: did you mean DEBT",
    ),
    "column in other case": (
        lambda: Declarations((PEOPLE, loans_with(replace(DEBT, value="Debt")))),
        "debt of loans reads Debt, which is no column there: did you mean DEBT",
    ),
    "unknown column of a child": (
        lambda: Declarations((PEOPLE, loans_with(replace(DEBT, value="loan_month_late_max_ever")), MONTHS)),
        "reads loan_month_late_max_ever, which is no column there: did you mean loan_month_late_mean_ever",
    ),
    "age before there is one": (
        lambda: Declarations((PEOPLE, replace(LOANS, order=("SK_ID_LOAN", "age + 1")))),
        "age or order of loans reads age, which is no column there",
    ),
    "lookup by no key": (
        lambda: Declarations((PEOPLE, LOANS, replace(MONTHS, lookups=(Lookup("loans", ("MONTH",), ("DEBT",)),)))),
        "table months looks up loans on MONTH, which is not its key: add SK_ID_LOAN",
    ),
    "lookup of nothing": (
        lambda: Declarations((PEOPLE, LOANS, replace(MONTHS, lookups=(Lookup("loans", ("SK_ID_LOAN",), ("DEPT",)),)))),
        "table months borrows DEPT of loans: did you mean DEBT",
    ),
    "lookup of the protected": (
        lambda: Declarations((PEOPLE, replace(LOANS, lookups=(Lookup("people", ("SK_ID_CURR",), ("GENDER",)),)))),
        "table loans borrows GENDER of people, which no feature may read",
    ),
    "expected of no table": (
        lambda: Declarations(
            (replace(PEOPLE, features=(Expected("A", "laons", "1", "true", "'a'", "'a'", "age", "A."),)), LOANS)
        ),
        "feature A looks at the table laons: did you mean loans",
    ),
    "expected of no column": (
        lambda: Declarations(
            (replace(PEOPLE, features=(Expected("A", "loans", "DEPT", "true", "'a'", "'a'", "age", "A."),)), LOANS)
        ),
        "A of loans reads DEPT, which is no column there: did you mean DEBT",
    ),
    "across, not yet": (
        lambda: Declarations(
            (PEOPLE, LOANS), (Derived("A", "B + 1", "age", "A."), Derived("B", "loan_debt_sum_ever", "age", "B."))
        ),
        "feature A across tables reads B, which is no feature before it",
    ),
    "across, a column": (
        lambda: Declarations((PEOPLE, LOANS), (Derived("A", "SCHOOL", "age", "A."),)),
        "feature A across tables reads SCHOOL, which is no feature before it",
    ),
    "across, a name again": (
        lambda: Declarations((PEOPLE, LOANS), (Derived("income", "INCOME", "age", "A."),)),
        "2 features are named 'income'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_meant_is_refused_where_it_is_declared(case: str) -> None:
    declare, said = WRONG[case]
    with pytest.raises(Misdeclared, match=said) as refused:
        declare()
    assert "\n" not in str(refused.value)
    assert str(refused.value).isprintable()


def test_what_can_be_meant_is_declared() -> None:
    declared = Declarations((PEOPLE, LOANS, MONTHS), (Derived("A", "INCOME + loan_debt_sum_ever", "age", "A."),))
    assert [named.name for named in declared.features] == ["INCOME", "loan_debt_sum_ever", "A"]
    assert declared.told_by_children(LOANS) == ("loan_month_late_mean_ever",)
    assert declared.application is PEOPLE
    assert declared.histories == (LOANS,)


def test_a_derivation_that_reads_the_age_or_replaces_what_one_of_these_reads_comes_after_it() -> None:
    named = {"a": "DEBT", "b": "previous_age - a", "c": "DEBT + 1", "a2": "b * 2"}
    derivations = (
        *(Derivation(name, sql, "Made up.") for name, sql in named.items()),
        Derivation("a", "c", "A again."),
    )
    table = replace(LOANS, derivations=derivations)
    assert [each.name for each in table.early_derivations] == ["a", "c"]
    assert [each.name for each in table.late_derivations] == ["b", "a2", "a"]


@pytest.mark.parametrize(
    ("sql", "read"),
    [
        ("a + coalesce(b, 0)", {"a", "b"}),
        ("case when level between '0' and 'a' then c end", {"level", "c"}),
        ("use > 1 and date = 2", {"use", "date"}),  # words that SQL has another use for
        ("1", set()),
        ("'a' || \"b\"", set()),  # Spark takes both quotes for text
        ("`a b` + x.y", {"a b", "x"}),
        ("transform(list, each -> each + a)", {"list", "a"}),
    ],
)
def test_the_columns_of_an_expression_are_those_that_a_parser_finds(sql: str, read: set[str]) -> None:
    assert columns_read(sql) == read


@pytest.mark.parametrize(
    "sql", ["a +", "f(a", "a b", "a, b", "a; b", "'a", "*", "", "select a", "a from t", "casee a end"]
)
def test_what_is_not_one_expression_is_none(sql: str) -> None:
    with pytest.raises(NotOneExpression):
        columns_read(sql)


# What the project declares.


def test_the_seven_source_tables_are_declared_once() -> None:
    assert [table.name for table in TABLES] == [
        "application",
        "bureau",
        "bureau_balance",
        "previous_application",
        "installments_payments",
        "POS_CASH_balance",
        "credit_card_balance",
    ]


def test_there_are_as_many_features_as_the_catalogue_promises() -> None:
    counts = {table.name: len(list(feature_names(table))) for table in TABLES if table.features}
    assert sum(counts.values()) + len(ACROSS) == len(catalogue()) >= 600
    assert all(count >= 20 for count in counts.values()), counts
    assert counts["application"] >= 110
    assert counts["bureau"] >= 220


def test_no_two_features_share_a_name_even_with_those_that_only_a_loan_has() -> None:
    names = [named.name.lower() for table in FOLDED for named in feature_names(table)] + [
        d.name.lower() for d in ACROSS
    ]
    assert len(names) == len(set(names))


def test_the_four_ratios_of_the_business_are_there_in_their_own_words() -> None:
    by_name = {named.name: named.declared for named in feature_names(DECLARED.application)}
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


def test_a_feature_has_its_values_sign_where_its_aggregation_keeps_it() -> None:
    owed = Feature("debt", "DEBT", (COUNT, SUM, MEAN, STD), "bureau debt", "Debt.")
    latest = Ordered("debt", "DEBT", (MAX, TREND), "bureau debt", "Debt.", last=(3,))
    share = Ratio("share", "1", "DEBT", "bureau debt", "Loans over debt.")
    loans = replace(LOANS, features=(*rising(owed, latest), *falling(share), replace(owed, name="other")))
    signs = {named.name: named.risk for named in feature_names(loans)}
    assert {name: risk for name, risk in signs.items() if risk} == {
        "loan_debt_sum_ever": Risk.RISING,
        "loan_debt_mean_ever": Risk.RISING,
        "loan_debt_max_last3": Risk.RISING,
        "loan_share_ever": Risk.FALLING,
    }
    assert {"loan_debt_count_ever", "loan_debt_std_ever", "loan_debt_trend_last3", "loan_other_mean_ever"} < set(signs)


def test_late_days_never_lower_the_risk_and_external_scores_never_raise_it() -> None:
    signs = {named.name: named.risk for named in catalogue()}
    assert signs["installments_late_mean_90d"] is signs["bureau_overdue_days_max_ever"] is Risk.RISING
    assert {signs[name] for name in ("EXT_SOURCE_1", "EXT_SOURCE_2", "EXT_SOURCE_3", "EXT_MEAN")} == {Risk.FALLING}
    assert signs["installments_late_std_ever"] is signs["EXT_SPREAD"] is signs["AMT_INCOME_TOTAL"] is None


def test_each_family_is_used() -> None:
    used = {named.family for table in FOLDED for named in feature_names(table)} | {d.family for d in ACROSS}
    assert used == set(FAMILIES)


def test_what_tells_the_age_is_never_a_reason() -> None:
    """As a part of something else it stays one: the sentence is about that then."""
    withheld = {named.name for named in catalogue() if named.family in NEVER_A_REASON}
    changes = ("REGISTRATION", "ID_PUBLISH", "LAST_PHONE_CHANGE")
    of_changes = {f"{change}_{place}_BIRTH" for change in changes for place in ("AFTER", "SHARE_OF")}
    assert withheld == {"DAYS_BIRTH", "EMPLOYED_AFTER_BIRTH", "AGE_AT_PAYOFF", "CAR_SHARE_OF_BIRTH"} | of_changes


def test_gender_and_family_status_are_what_is_protected() -> None:
    protected = {column.name for table in TABLES for column in table.columns if column.protected}
    assert sorted(protected) == ["CODE_GENDER", "NAME_FAMILY_STATUS"]
    # Of the application: no other table has a column of that name which its own features might read.
    written = [(where, sql) for table in TABLES for where, sql in table.written]
    written += [(derived.name, derived.sql) for derived in ACROSS]
    assert [where for where, sql in written if columns_read(sql) & (protected | {"TARGET", "SAMPLE_WEIGHT"})] == []


def test_the_day_of_a_bureau_loans_last_news_is_in_no_feature() -> None:
    """It is as recent as the file is, and so tells the deliveries apart."""
    bureau = BY_NAME["bureau"]
    assert [where for where, sql in bureau.row_expressions if "DAYS_CREDIT_UPDATE" in columns_read(sql)] == []


def test_months_of_bureau_balance_are_never_counted_or_summed() -> None:
    aggregations = {
        named.aggregation.value for named in feature_names(of_parent(BY_NAME["bureau_balance"])) if named.aggregation
    }
    assert aggregations <= {"mean", "min", "max", "decayed", "trend"}
    assert COUNT.value not in aggregations


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_every_number_has_bounds(table: Table) -> None:
    """What a broken export writes for an empty cell would else be computed with, until something overflows."""
    numbers = [column for column in table.columns if column.type is not Type.TEXT and not column.codes]
    assert [column.name for column in numbers if column.low is None or column.high is None] == []


def test_the_target_and_the_weight_are_the_only_columns_that_a_file_may_lack() -> None:
    lacking = [(column.name, column.absent_from) for table in TABLES for column in table.columns if column.absent_from]
    assert lacking == [("TARGET", ("application_test",)), ("SAMPLE_WEIGHT", ("application_test",))]
    assert [column.name for table in TABLES for column in table.columns if column.optional] == ["SAMPLE_WEIGHT"]
    assert not [table.name for table in TABLES if table.optional]


def test_types_stay_apart_in_any_case() -> None:
    assert len({kind.value.lower() for kind in Type}) == len(Type)
    assert Type.ID.ddl == Type.WHOLE.ddl == "BIGINT"
    assert ALL.where == "true"
    assert re.fullmatch(r"[A-Z].*\.", ALL.about)
