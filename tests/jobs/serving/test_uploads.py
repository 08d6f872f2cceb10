"""What a caller may send, and what is said of the rest: the form of a request, before any engine sees it."""

import json

import pytest

from jobs.serving.questions import LakeApplicants
from jobs.serving.responses import MOST_PROBLEMS, Refused
from jobs.serving.uploads import COLUMNS, cell, read_csv, read_request
from tests.callers import ANNA, BRUNO, application, as_csv

MOST = 1000


def refusal(body: bytes, kind: str = "csv", most: int = MOST) -> tuple[int, list[tuple[int | None, str | None, str]]]:
    """Status, and row, column and problem of everything that is wrong."""
    with pytest.raises(Refused) as error:
        (read_csv if kind == "csv" else read_request)(body, most)
    return error.value.status, [(each.row, each.column, each.problem) for each in error.value.problems]


def as_json(*rows: dict[str, object]) -> bytes:
    return json.dumps({"rows": rows}).encode()


def test_a_file_and_json_of_the_same_rows_are_the_same() -> None:
    anna, bruno = application(ANNA, OCCUPATION_TYPE=""), application(BRUNO, AMT_CREDIT="1500.5")
    sent = read_csv(as_csv([anna, bruno]), MOST)
    of_json: list[dict[str, object]] = [dict(anna) | {"OCCUPATION_TYPE": None}, dict(bruno) | {"AMT_CREDIT": 1500.5}]
    assert read_request(as_json(*of_json), MOST) == sent
    assert [each.applicant for each in sent.rows] == [ANNA, BRUNO]
    assert sent.rows[0].cells[COLUMNS.index("OCCUPATION_TYPE")] is None


def test_columns_may_stand_in_any_order_and_the_file_may_come_from_a_spreadsheet() -> None:
    plain = as_csv([application()])
    turned = b"\xef\xbb\xbf" + as_csv([application()], COLUMNS[::-1]).replace(b"\r\n", b"\n") + b"\n"
    assert read_csv(turned, MOST) == read_csv(plain, MOST)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        ("Cash loans", "Cash loans"),
        (12, "12"),
        (-0.5, "-0.5"),
        (1350000.0, "1350000.0"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
    ],
)
def test_a_json_value_stands_as_it_would_in_a_file(value: str | float | None, text: str | None) -> None:
    assert cell(value) == text


@pytest.mark.parametrize("value", [True, [1], {"a": 1}, float("nan"), float("inf"), 10**100])
def test_what_no_cell_can_hold_is_named(value: object) -> None:
    row: dict[str, object] = dict(application()) | {"AMT_CREDIT": value}
    status, problems = refusal(as_json(application(BRUNO), row), "json")
    assert status in (400, 422)
    assert status == 400 or problems == [(2, "AMT_CREDIT", "is no number, text or null")]


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b"", 400, "the file is empty: its first line names the columns"),
        (b"\xff\xfe", 400, "the file is not UTF-8 text, from byte 0 on"),
        (as_csv([]), 422, "there is no row"),
        (as_csv([application()]) + b'"', 400, "line 3 of the file is not CSV: unexpected end of data"),
        (as_csv([application(each) for each in range(1, 5)]), 413, "4 rows are more than 3: send fewer at a time, "),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(body: bytes, status: int, problem: str) -> None:
    found, problems = refusal(body, most=3)
    assert found == status
    assert [(row, column) for row, column, _ in problems] == [(None, None)]
    assert problems[0][2].startswith(problem)


def test_a_header_says_which_columns_are_missing_unknown_or_there_twice() -> None:
    header = ["TARGET" if name == "AMT_CREDIT" else name for name in COLUMNS] + ["CODE_GENDER"]
    assert refusal(as_csv([application()], header)) == (
        422,
        [
            (None, "AMT_CREDIT", "is missing"),
            (None, "TARGET", "is not a column of an application to score"),
            (None, "CODE_GENDER", "is there several times"),
        ],
    )


def test_a_row_of_json_says_which_columns_it_lacks() -> None:
    row = application(BRUNO)
    del row["AMT_CREDIT"]
    assert refusal(as_json(application(), row), "json") == (422, [(2, "AMT_CREDIT", "is missing")])


def test_a_row_with_a_cell_too_many_is_named() -> None:
    body = as_csv([application(), application(BRUNO)]).rstrip(b"\r\n") + b",1\r\n"
    problem = f"has {len(COLUMNS) + 1} cells, the header has {len(COLUMNS)}"
    assert refusal(body) == (422, [(2, None, problem)])


@pytest.mark.parametrize("text", ["1e5", "12.5", "-3", "x", "1234567890123456789", " 7", "1_000"])
def test_an_identifier_is_a_whole_number(text: str) -> None:
    body = as_csv([application(), application(BRUNO) | {"SK_ID_CURR": text}])
    assert refusal(body) == (422, [(2, "SK_ID_CURR", "is not a whole number")])


def test_an_applicant_is_there_once_however_the_number_is_written() -> None:
    rows = [application(ANNA), application(BRUNO), application() | {"SK_ID_CURR": f"{ANNA}.0"}]
    assert refusal(as_csv(rows)) == (
        422,
        [(1, "SK_ID_CURR", "is there 2 times"), (3, "SK_ID_CURR", "is there 2 times")],
    )


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b"{", 400, (None, None, "Invalid JSON")),
        (b"[" * 100_000, 400, (None, None, "Invalid JSON")),
        (b"{}", 422, (None, None, "give either rows or applicants")),
        (b'{"rows": [], "applicants": [1]}', 422, (None, None, "give either rows or applicants")),
        (b'{"applicants": []}', 422, (None, None, "there is no row")),
        (b'{"applicants": [5, "6"]}', 422, (2, "applicants", "Input should be a valid integer")),
        (b'{"applicants": [0]}', 422, (1, "applicants", "Input should be greater than 0")),
        (b'{"applicants": [5, 6, 5]}', 422, (1, "SK_ID_CURR", "is there 2 times")),
        (b'{"applicant": [5]}', 422, (None, "applicant", "Extra inputs are not permitted")),
        (b'{"rows": [5]}', 422, (1, "rows", "Input should be an object")),
    ],
)
def test_json_of_another_shape_is_refused(body: bytes, status: int, problem: tuple[int, str, str]) -> None:
    found, problems = refusal(body, "json")
    assert found == status
    assert problems[0][:2] == problem[:2]
    assert problems[0][2].startswith(problem[2])


def test_identifiers_come_in_their_order() -> None:
    assert read_request(b'{"applicants": [7, 5, 6]}', MOST) == LakeApplicants((7, 5, 6))


def test_of_very_many_problems_the_first_are_told() -> None:
    body = as_csv([application() | {"SK_ID_CURR": "x"} for _ in range(MOST_PROBLEMS + 20)])
    _, problems = refusal(body)
    assert len(problems) == MOST_PROBLEMS + 1
    assert problems[-1] == (None, None, "and 20 more like these")
