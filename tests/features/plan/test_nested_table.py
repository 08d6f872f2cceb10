"""What row models are declared to read, and which features become of their scores."""

import pytest

from features import TABLES
from features.expressions import columns_read
from features.plan.feature_table import catalogue
from features.plan.nested_table import (
    NESTED,
    NESTED_FEATURES,
    ROWS,
    SCORE,
    declared_levels,
    place_of_level,
    row_inputs,
)

PROTECTED = [column.name for table in TABLES for column in table.columns if column.protected]


def test_the_names_say_table_aggregation_and_window() -> None:
    names = [named.name for named in NESTED_FEATURES]
    assert names[0] == "previous_nested_score_mean_ever"
    assert {"bureau_nested_score_max_365d", "installments_nested_score_mean_last5"} <= set(names)
    assert len(set(names)) == len(names) == len(NESTED) * 11
    assert not {named.name for named in catalogue()} & set(names)
    assert {named.family for named in NESTED_FEATURES} == {family for _, family in ROWS.values()}


@pytest.mark.parametrize("table", NESTED)
def test_a_row_model_reads_no_protected_attribute_no_label_and_nothing_that_no_feature_reads(table: str) -> None:
    inputs = row_inputs(table, declared_levels())
    assert len(inputs) == len(set(inputs)) > 20
    for name in [*PROTECTED, "TARGET", "SK_ID_CURR", "SK_ID_PREV", "SK_ID_BUREAU", SCORE]:
        assert not [sql for sql in inputs if name in columns_read(sql)], name
    # The day of the bureau's last news tells labelled applicants from new ones: no feature reads it.
    assert not [sql for sql in inputs if "DAYS_CREDIT_UPDATE" in columns_read(sql)]


def test_a_level_is_read_as_its_place_among_those_declared() -> None:
    assert place_of_level("KIND", ("car", "mortgage")) == "case KIND when 'car' then 1 when 'mortgage' then 2 end"


def test_a_level_may_hold_what_sql_puts_text_in() -> None:
    levels = ("buyer's", "back\\slash")
    assert place_of_level("KIND", levels) == r"case KIND when 'buyer\'s' then 1 when 'back\\slash' then 2 end"
    assert columns_read(place_of_level("KIND", levels)) == {"KIND"}
