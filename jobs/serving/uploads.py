"""Application rows as a caller sends them, as CSV or JSON, to the cells that the contract reads.

Only what needs no engine is looked at here: the form of the request, the names of its columns, and whom its rows are
of. What a cell may hold is the contract's business.
"""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictInt, ValidationError

from features.spec import KEY
from features.tables import application
from jobs.serving.questions import Application, LakeApplicants, Question, SentRows
from jobs.serving.responses import Problem, Refused, refused, shown

UPLOADED = "application_test"
CONTRACT = replace(
    application.TABLE,
    columns=tuple(column for column in application.TABLE.columns if UPLOADED not in column.absent_from),
)
"""The application's contract without what is only known later."""
COLUMNS = tuple(column.name for column in CONTRACT.columns)
NEEDED = tuple(column.name for column in CONTRACT.columns if not column.optional)
NAMES_SHOWN = 10
LARGEST_BITS = 256

WHOLE = re.compile(r"\+?([0-9]{1,18})([.]0)?")

Identifier = Annotated[StrictInt, Field(gt=0, lt=2**63)]


class ScoreRequest(BaseModel):
    """The JSON that `POST /score` takes: either rows of applications, or identifiers of applicants in the lake."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    rows: list[dict[str, JsonValue]] | None = Field(
        default=None, description="Rows with the columns of application_test.csv; null where a cell is empty."
    )
    applicants: list[Identifier] | None = Field(
        default=None, description="SK_ID_CURR of applicants whose delivery is assembled.", examples=[[100001, 100005]]
    )


def read_request(body: bytes, most_rows: int) -> Question:
    """The rows or the identifiers that the JSON asks for.

    Raises:
        Refused: It is no such JSON, asks for nothing or too much, or a row has other columns or no identifier.
    """
    try:
        asked = ScoreRequest.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        status = 400 if found[0]["type"] == "json_invalid" else 422
        raise Refused(status, [as_problem(each["loc"], each["msg"]) for each in found]) from None
    if (asked.rows is None) == (asked.applicants is None):
        raise refused(422, "give either rows or applicants")
    if asked.applicants is not None:
        check_number(len(asked.applicants), most_rows)
        check_once(asked.applicants)
        return LakeApplicants(tuple(asked.applicants))
    assert asked.rows is not None
    check_number(len(asked.rows), most_rows)
    for number, row in enumerate(asked.rows, start=1):
        check_columns(list(row), row=number)
    check_values(asked.rows)
    return applications([cells_of(row) for row in asked.rows])


def read_csv(body: bytes, most_rows: int) -> SentRows:
    """The rows of a file like application_test.csv.

    Raises:
        Refused: It is no such file, its header has other columns, it has no row or too many, or a row has a cell too
            many or too few, or no identifier.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused(400, f"the file is not UTF-8 text, from byte {error.start} on") from None
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        rows = [line for line in lines if line]
    except csv.Error as error:
        raise refused(400, f"line {lines.line_num} of the file is not CSV: {error}") from None
    if not header:
        raise refused(400, "the file is empty: its first line names the columns")
    check_columns(header, row=None)
    check_number(len(rows), most_rows)
    uneven = [
        Problem(row=number, problem=f"has {len(row)} cells, the header has {len(header)}")
        for number, row in enumerate(rows, start=1)
        if len(row) != len(header)
    ]
    if uneven:
        raise Refused(422, uneven)
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    return applications([tuple(row.get(name) or None for name in COLUMNS) for row in cells])


def check_columns(names: Sequence[str], row: int | None) -> None:
    """Refuse columns that are missing, unknown or named twice."""
    known = set(COLUMNS)
    wrong = {
        "is missing": [name for name in NEEDED if name not in names],
        "is not a column of an application to score": [name for name in dict.fromkeys(names) if name not in known],
        "is there several times": [name for name, times in Counter(names).items() if times > 1],
    }
    problems = [
        Problem(row=row, column=shown(name), problem=problem) for problem, columns in wrong.items() for name in columns
    ]
    if problems:
        raise Refused(422, problems)


def check_number(rows: int, most: int) -> None:
    """Refuse a request for nobody, or for too many."""
    if not rows:
        raise refused(422, "there is no row")
    if rows > most:
        raise refused(413, f"{rows:,} rows are more than {most:,}: send fewer at a time, or score them as a delivery")


def check_once(applicants: Sequence[int]) -> None:
    """Refuse an applicant who is there twice."""
    times = Counter(applicants)
    problems = [
        Problem(row=number, column=KEY, value=str(applicant), problem=f"is there {times[applicant]} times")
        for number, applicant in enumerate(applicants, start=1)
        if times[applicant] > 1
    ]
    if problems:
        raise Refused(422, problems)


def cells_of(row: Mapping[str, JsonValue]) -> tuple[str | None, ...]:
    """A JSON row as the cells of a CSV line."""
    return tuple(cell(row.get(name)) for name in COLUMNS)


def cell(value: JsonValue) -> str | None:
    """A JSON value as it would stand in a CSV file.

    Raises:
        ValueError: It can't.
    """
    match value:
        case None | "":
            return None
        case str():
            return value
        case float() if math.isfinite(value):
            return format(Decimal(repr(value)), "f")
        case int() if not isinstance(value, bool) and value.bit_length() <= LARGEST_BITS:
            return str(value)
    raise ValueError("is no number, text or null")


def check_values(rows: Sequence[Mapping[str, JsonValue]]) -> None:
    """Refuse JSON values that no cell of a CSV file can hold."""
    problems = []
    for number, row in enumerate(rows, start=1):
        for name, value in row.items():
            try:
                cell(value)
            except ValueError as error:
                problems.append(Problem(row=number, column=name, value=shown(repr(value)), problem=str(error)))
    if problems:
        raise Refused(422, problems)


def applications(rows: Sequence[tuple[str | None, ...]]) -> SentRows:
    """The rows with their applicants, of whom each must be there once: callers' rows are kept apart by them."""
    key = COLUMNS.index(KEY)
    problems = list(without_identifier([row[key] for row in rows]))
    if problems:
        raise Refused(422, problems)
    named = tuple(Application(identifier(row[key]) or 0, row) for row in rows)
    check_once([row.applicant for row in named])
    return SentRows(named)


def identifier(text: str | None) -> int | None:
    """The applicant whom a cell names; None where it is no whole number."""
    whole = WHOLE.fullmatch(text or "")
    return int(whole[1]) if whole else None


def without_identifier(cells: Sequence[str | None]) -> Iterator[Problem]:
    """What is wrong with the rows that name no applicant."""
    for number, text in enumerate(cells, start=1):
        if identifier(text) is None:
            problem = "is not a whole number" if text else "is empty"
            yield Problem(row=number, column=KEY, value=shown(text or ""), problem=problem)


def as_problem(place: tuple[int | str, ...], message: str) -> Problem:
    """Pydantic's error in our words: ("rows", 2, "AMT_CREDIT") is the third row's."""
    row = next((part + 1 for part in place if isinstance(part, int)), None)
    names = [part for part in place if isinstance(part, str)]
    return Problem(row=row, column=shown(names[-1]) if names else None, problem=message)
