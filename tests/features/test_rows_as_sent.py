"""What both doors make of a header, an identifier and a foreign text."""

import pytest

from features.rows_as_sent import Header, few, how_to_write, is_blank, read_header, read_identifier, shown

COLUMNS = ("SK_ID_CURR", "TARGET", "STATUS")


def test_columns_are_found_wherever_they_stand() -> None:
    header = read_header(["STATUS", "more", " SK_ID_CURR ", "TARGET"], COLUMNS)
    assert header.places == {"SK_ID_CURR": 2, "TARGET": 3, "STATUS": 0}
    assert (header.lacking, header.repeated, header.respelt) == ((), (), ())
    assert header.remarks == ("ignored, not in the contract: more",)


def test_other_capitals_are_taken_where_one_column_can_be_meant() -> None:
    header = read_header(["sk_id_curr", "Target", "STATUS", "status"], COLUMNS)
    assert header.places == {"SK_ID_CURR": 0, "TARGET": 1, "STATUS": 2}, "the contract's own spelling goes first"
    assert header.remarks == (
        "ignored, not in the contract: status",
        "taken without regard to capitals: sk_id_curr, Target",
    )


def test_a_column_that_several_names_may_mean_is_not_guessed() -> None:
    header = read_header(["Sk_Id_Curr", "sk_id_curr", "STATUS", "STATUS"], COLUMNS)
    assert (header.lacking, header.repeated) == (("TARGET",), ("SK_ID_CURR", "STATUS"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "column 1 (no name)"),
        ("  ", "column 1 (no name)"),
        ("Unnamed: 0", "column 1 (Unnamed: 0)"),
        ("\x1b[31mred", " [31mred"),
    ],
)
def test_a_column_that_is_ignored_is_named(name: str, said: str) -> None:
    assert read_header([name, *COLUMNS], COLUMNS).ignored == (said,)


def test_an_empty_header_lacks_everything() -> None:
    assert read_header([], COLUMNS) == Header((), {}, COLUMNS, ())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100001", 100001),
        ("+100001", 100001),
        ("100001.0", 100001),
        (" 100001\t", 100001),
        ("000000000000000000000000000001", 1),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("9" * 5000, None),
        ("0", None),
        ("-5", None),
        ("1e5", None),
        ("100001.5", None),
        ("1_000", None),
        ("\u0661\u0662", None),
        ("", None),
    ],
)
def test_an_identifier_is_a_whole_number_above_0(text: str, number: int | None) -> None:
    assert read_identifier(text) == number


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("TRUE", "write 1 or 0"),
        ("False ", "write 1 or 0"),
        ("-406597,5", "write a decimal point"),
        ("1,234,567", ""),
        ("NaN", "leave the cell empty"),
        ("NULL", "leave the cell empty"),
        ("-inf", "leave the cell empty"),
        ("many", ""),
    ],
)
def test_a_cell_that_is_no_number_is_told_what_to_write(text: str, instead: str) -> None:
    assert how_to_write(text) == instead


def test_a_row_of_nothing_is_blank() -> None:
    assert is_blank(["", None, "  "])
    assert is_blank([])
    assert not is_blank(["", "0"])


def test_messages_stay_short_and_obey_no_control_character() -> None:
    assert shown("a\x1b[2J\r\nb\x00") == "a [2J  b "
    assert shown("x" * 41) == "x" * 40 + "..."
    assert few(["a", "b"]) == "a, b"
    assert few(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_what_is_optional_is_not_lacking() -> None:
    header = read_header(["SK_ID_CURR"], ["SK_ID_CURR", "TARGET", "STATUS"], optional=["STATUS"])
    assert header.lacking == ("TARGET",)
    assert "STATUS" not in header.places
