"""What a caller may send, and what is said of the rest: the form of a request, before any engine sees it."""

import gzip
import json
from dataclasses import replace

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import types as T

from features import contract
from features.contract import BROKEN_LINE, ERRORS, FILE
from features.spec import KEY
from jobs.serving.csv_uploads import read_csv
from jobs.serving.json_requests import as_text, read_request
from jobs.serving.questions import LakeApplicants, SentRows
from jobs.serving.responses import MOST_PROBLEMS, Refused
from jobs.serving.uploads import COLUMNS, CONTRACT
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
    assert as_text(value) == text


NO_CELL = "is no number, text or null"
NAN = "is no number of JSON: write null where a cell is empty"
INFINITE = "is too large a number, or infinite: write null where a cell is empty"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("true", NO_CELL),
        ("[1]", NO_CELL),
        ('{"a": 1}', NO_CELL),
        ("NaN", NAN),
        ("Infinity", INFINITE),
        ("-Infinity", INFINITE),
        ("1e400", INFINITE),
        ("1" * 5000, INFINITE),
        ('"\\ud800"', "holds half a character"),
        ('"a\\nb"', "holds a line break"),
    ],
)
def test_what_no_cell_can_hold_is_named(value: str, problem: str) -> None:
    row = json.dumps(dict(application()) | {"AMT_CREDIT": "VALUE"}).replace('"VALUE"', value)
    body = f'{{"rows": [{json.dumps(application(BRUNO))}, {row}]}}'
    assert refusal(body.encode(), "json") == (422, [(2, "AMT_CREDIT", problem)])


def test_a_whole_number_of_any_length_is_the_contracts_business() -> None:
    rows = [dict(application(each)) | {"AMT_CREDIT": 10**digits} for each, digits in ((1, 60), (2, 99))]
    sent = read_request(as_json(*rows), MOST)
    assert isinstance(sent, SentRows)
    amounts = [row.cells[COLUMNS.index("AMT_CREDIT")] for row in sent.rows]
    assert [len(amount or "") for amount in amounts] == [61, 100]


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_what_is_not_read_is_ignored_and_told(kind: str) -> None:
    row = {"": "0", "Unnamed: 0": "1", "More": "2", "TARGET": "1", "SAMPLE_WEIGHT": "3", **application()}
    header = list(row)
    sent = read_csv(as_csv([row], header), MOST) if kind == "csv" else read_request(as_json(dict(row)), MOST)
    assert replace(sent, warnings=()) == read_csv(as_csv([application()]), MOST)
    assert sent.warnings == (
        "ignored, not in the contract: column 1 (no name), column 2 (Unnamed: 0), More, TARGET, SAMPLE_WEIGHT",
        "TARGET is what is to be predicted: it was not read",
    )


def test_capitals_do_not_matter_where_one_column_can_be_meant() -> None:
    plain = read_csv(as_csv([application()]), MOST)
    small = {name.lower(): cell for name, cell in application().items()}
    for sent in (read_csv(as_csv([small], list(small)), MOST), read_request(as_json(dict(small)), MOST)):
        assert replace(sent, warnings=()) == plain
        assert sent.warnings[0].startswith("taken without regard to capitals: sk_id_curr, ")
    twice = {**application(), "amt_credit": "7"}
    assert replace(read_csv(as_csv([twice], list(twice)), MOST), warnings=()) == plain, "the contract's own goes first"
    del twice["AMT_CREDIT"]
    twice["Amt_Credit"] = "8"
    assert refusal(as_csv([twice], list(twice))) == (422, [(None, "AMT_CREDIT", "is there several times")])
    assert refusal(as_json(dict(twice)), "json") == (422, [(1, "AMT_CREDIT", "is there several times")])


def test_a_name_that_stands_twice_in_a_row_of_json_is_refused() -> None:
    row = json.dumps(application())
    body = f'{{"rows": [{row[:-1]}, "AMT_CREDIT": 7}}]}}'.encode()
    assert refusal(body, "json") == (422, [(None, "AMT_CREDIT", "is there several times")])


PLAIN = as_csv([application()])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (gzip.compress(PLAIN), "is packed by gzip: unpack it"),
        (b"PK\x03\x04" + bytes(40), "is a zip archive: unpack it"),
        (PLAIN.replace(b",", b";"), "is separated by semicolons"),
        (PLAIN.replace(b",", b"\t"), "is separated by tabs"),
        (PLAIN.decode().encode("utf-16"), "is text in UTF-16"),
        (PLAIN.decode().encode("utf-16-le"), "is text in UTF-16"),
        (b"sep=,\r\n" + PLAIN, "begins with the line 'sep=,'"),
        (PLAIN.split(b"\r\n")[1] + b"\r\n", "has no header"),
        (b'{"rows": []}', "is JSON"),
        (b"<html></html>", "is HTML or XML"),
        (b"\x1b[31m\x00", "is binary, no text"),
        (PLAIN + b"\xe9\r\n", "is not text in UTF-8, from byte"),
        (b'"' + b"x" * 200_000 + b'"\n', "has no header"),
        (PLAIN.replace(b"\r\n", b"\r") + b"x\ry", "has 1 cells, the header has 121"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_file_of_another_form_is_named_for_what_it_is(body: bytes, said: str) -> None:
    status, problems = refusal(body)
    assert status in (400, 422)
    assert said in problems[0][2]
    assert all(problem.isprintable() and len(problem) < 300 for _, _, problem in problems)


def test_rows_that_hold_nothing_are_left_out() -> None:
    assert read_csv(PLAIN + b"," * (len(COLUMNS) - 1) + b"\r\n\r\n  \r\n", MOST) == read_csv(PLAIN, MOST)


def test_a_line_break_within_quotes_is_refused_as_ingest_does() -> None:
    body = as_csv([application(BRUNO), application(OCCUPATION_TYPE="Cooking\nstaff")])
    assert refusal(body) == (422, [(2, "OCCUPATION_TYPE", "holds a line break")])


def test_a_long_list_of_columns_is_cut() -> None:
    status, problems = refusal(b"SK_ID_CURR\n1\n")
    assert (status, len(problems)) == (422, 11)
    assert problems[-1] == (None, None, f"and {len(COLUMNS) - 11} more columns like these")


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b"", 400, "the file is empty: its first line names the columns"),
        (b"\r\n \r\n", 400, "the file is empty: its first line names the columns"),
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


def test_a_header_says_which_columns_are_missing_or_there_twice() -> None:
    header = ["TARGET" if name == "AMT_CREDIT" else name for name in COLUMNS] + ["CODE_GENDER"]
    assert refusal(as_csv([application()], header)) == (
        422,
        [(None, "AMT_CREDIT", "is missing"), (None, "CODE_GENDER", "is there several times")],
    )


def test_a_row_of_json_says_which_columns_it_lacks() -> None:
    row = application(BRUNO)
    del row["AMT_CREDIT"]
    assert refusal(as_json(application(), row), "json") == (422, [(2, "AMT_CREDIT", "is missing")])


def test_a_row_with_a_cell_too_many_is_named() -> None:
    body = as_csv([application(), application(BRUNO)]).rstrip(b"\r\n") + b",1\r\n"
    problem = f"has {len(COLUMNS) + 1} cells, the header has {len(COLUMNS)}"
    assert refusal(body) == (422, [(2, None, problem)])


NOT_WHOLE, NOT_ABOVE_0 = "is not a whole number", "is not above 0"
IDENTIFIERS = {
    "1e5": NOT_WHOLE,
    "12.5": NOT_WHOLE,
    "x": NOT_WHOLE,
    "1_000": NOT_WHOLE,
    "9223372036854775808": NOT_WHOLE,
    "-9223372036854775809": NOT_WHOLE,
    "9" * 5000: NOT_WHOLE,
    "-3": NOT_ABOVE_0,
    "-3.0": NOT_ABOVE_0,
    "-9223372036854775808": NOT_ABOVE_0,
    "0": NOT_ABOVE_0,
    "": "is empty",
    " 7": None,
    "+7": None,
    "7.0": None,
    "1234567890123456789": None,
    "9223372036854775807": None,
}
"""What the contract has against an identifier."""


@pytest.mark.parametrize(("text", "problem"), IDENTIFIERS.items())
def test_an_identifier_is_a_whole_number_above_0(text: str, problem: str | None) -> None:
    rows = [application(), application(BRUNO) | {"SK_ID_CURR": text}]
    if problem is None:
        sent = read_csv(as_csv(rows), MOST)
        assert [row.applicant for row in sent.rows] == [ANNA, int(float(text)) if len(text) < 5 else int(text)]
    else:
        assert refusal(as_csv(rows)) == (422, [(2, "SK_ID_CURR", problem)])
        asked = json.dumps({"applicants": [5, text]}).encode()
        assert refusal(asked, "json") == (422, [(2, "SK_ID_CURR", problem)])


def test_the_contract_says_the_same_of_an_identifier(spark: SparkSession) -> None:
    key = COLUMNS.index(KEY)
    texts = list(IDENTIFIERS)
    rows = [row.cells for row in read_csv(as_csv([application(each) for each in range(1, len(texts) + 1)]), MOST).rows]
    sent = [
        (str(place), None, *row[:key], text or None, *row[key + 1 :])
        for place, (text, row) in enumerate(zip(texts, rows, strict=True))
    ]
    schema = T.StructType([T.StructField(name, T.StringType()) for name in (FILE, BROKEN_LINE, *COLUMNS)])
    refused = contract.refused_rows(contract.parse(spark.createDataFrame(sent, schema), CONTRACT), CONTRACT)
    said = {texts[int(row[FILE])]: row[ERRORS][0]["problem"] for row in refused.collect()}
    assert said == {text: problem for text, problem in IDENTIFIERS.items() if problem}


def test_an_applicant_is_there_once_however_the_number_is_written() -> None:
    rows = [application(ANNA), application(BRUNO), application() | {"SK_ID_CURR": f"{ANNA}.0"}]
    assert refusal(as_csv(rows)) == (
        422,
        [(1, "SK_ID_CURR", "is there 2 times"), (3, "SK_ID_CURR", "is there 2 times")],
    )


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b"", 400, (None, None, "is not JSON: Expecting value in line 1, character 1")),
        (b"{", 400, (None, None, "is not JSON: Expecting property name")),
        (b"[" * 100_000, 400, (None, None, "is not read: its lists and objects are nested too deeply")),
        (b'{"a":' * 100_000, 400, (None, None, "is not read: its lists and objects are nested too deeply")),
        (b'{"rows": []}'.decode().encode("utf-16"), 400, (None, None, "the request is not text in UTF-8, from byte 0")),
        (gzip.compress(b"{}"), 400, (None, None, "the request is not text in UTF-8, from byte 1")),
        (b"[]", 422, (None, None, "write an object: ")),
        (b"null", 422, (None, None, "write an object: ")),
        (b"NaN", 422, (None, None, "write an object: ")),
        (b"{}", 422, (None, None, "give either rows or applicants")),
        (b'{"rows": null}', 422, (None, None, "give either rows or applicants")),
        (b'{"rows": [], "applicants": [1]}', 422, (None, None, "give either rows or applicants")),
        (b'{"applicants": []}', 422, (None, None, "there is no row")),
        (b'{"applicants": 5}', 422, (None, "applicants", "Input should be a valid list")),
        (b'{"applicants": [5, null]}', 422, (2, "SK_ID_CURR", "is empty")),
        (b'{"applicants": [5, true]}', 422, (2, "SK_ID_CURR", "is no number, text or null")),
        (b'{"applicants": [5, NaN]}', 422, (2, "SK_ID_CURR", "is no number of JSON: write null")),
        (b'{"applicants": [0]}', 422, (1, "SK_ID_CURR", "is not above 0")),
        (b'{"applicants": [5, 6, 5]}', 422, (1, "SK_ID_CURR", "is there 2 times")),
        (b'{"applicant": [5]}', 422, (None, "applicant", "Extra inputs are not permitted")),
        (b'{"\\ud800": [5]}', 422, (None, None, "Input should be a valid string")),
        (b'{"rows": [5]}', 422, (1, "rows", "Input should be a valid dictionary")),
        (b'{"rows": [{}]}', 422, (1, "SK_ID_CURR", "is missing")),
        (b'{"rows": [{"\\ud800": 1}]}', 422, (1, "SK_ID_CURR", "is missing")),
    ],
)
def test_json_of_another_shape_is_refused(body: bytes, status: int, problem: tuple[int, str, str]) -> None:
    found, problems = refusal(body, "json")
    assert found == status
    assert problems[0][:2] == problem[:2]
    assert problems[0][2].startswith(problem[2])


def test_json_may_begin_with_a_byte_order_mark() -> None:
    assert read_request(b'\xef\xbb\xbf{"applicants": [7]}', MOST) == LakeApplicants((7,))


def test_identifiers_come_in_their_order() -> None:
    assert read_request(b'{"applicants": [7, 5, 6]}', MOST) == LakeApplicants((7, 5, 6))


def test_of_very_many_problems_the_first_are_told() -> None:
    body = as_csv([application() | {"SK_ID_CURR": "x"} for _ in range(MOST_PROBLEMS + 20)])
    _, problems = refusal(body)
    assert len(problems) == MOST_PROBLEMS + 1
    assert problems[-1] == (None, None, "and 20 more like these")
