"""The JSON that `POST /score` takes: rows of applications, or applicants of the lake."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from features.rows_as_sent import Header, read_header, shown
from features.spec import KEY
from jobs.serving.questions import LakeApplicants, Question, SentRows
from jobs.serving.responses import MOST_PROBLEMS, Problem, Refused, refused
from jobs.serving.uploads import COLUMNS, OPTIONAL, Cells, check_columns, check_number, identifiers, remarks, sent_rows

LONGEST_NUMBER = 70
"""Digits of a whole number that is kept exactly; no column holds more."""


class ScoreRequest(BaseModel):
    """The JSON that `POST /score` takes: either rows of applications, or identifiers of applicants in the lake."""

    model_config = ConfigDict(extra="forbid")

    rows: list[dict[str, JsonValue]] | None = Field(
        default=None, description="Rows with the columns of application_test.csv; null where a cell is empty."
    )
    applicants: list[JsonValue] | None = Field(
        default=None,
        description="SK_ID_CURR of applicants whose delivery is assembled.",
        json_schema_extra={"items": {"type": "integer"}},
        examples=[[100001, 100005]],
    )


class NamedTwice(ValueError):
    """An object has two values of one name."""


def read_request(body: bytes, most_rows: int) -> Question:
    """The rows or the identifiers that the JSON asks for.

    Raises:
        Refused: It is no such JSON, asks for nothing or too much, or a row lacks a column or an identifier.
    """
    asked = checked(parsed(body))
    if asked.rows is not None and asked.applicants is None:
        check_number(len(asked.rows), most_rows)
        return rows_of(asked.rows)
    if asked.applicants is not None and asked.rows is None:
        check_number(len(asked.applicants), most_rows)
        return applicants_of(asked.applicants)
    raise refused(422, "give either rows or applicants")


def parsed(body: bytes) -> JsonValue:
    """What the JSON says."""
    try:
        said: JsonValue = json.loads(body.decode("utf-8-sig"), parse_int=number, object_pairs_hook=named_once)
    except UnicodeDecodeError as error:
        raise refused(400, f"the request is not text in UTF-8, from byte {error.start} on") from None
    except json.JSONDecodeError as error:
        raise refused(400, f"is not JSON: {error.msg} in line {error.lineno}, character {error.colno}") from None
    except NamedTwice as error:
        raise Refused(422, [Problem(column=shown(str(error)), problem="is there several times")]) from None
    except RecursionError:
        raise refused(400, "is not read: its lists and objects are nested too deeply") from None
    return said


def number(digits: str) -> int | float:
    """A whole number; one that no column holds only roughly, for its digits would take time."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else float(digits)


def named_once(pairs: Sequence[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """An object whose names differ."""
    made = dict(pairs)
    if len(made) < len(pairs):
        ((name, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise NamedTwice(name)
    return made


def checked(said: JsonValue) -> ScoreRequest:
    """The JSON as a request."""
    if not isinstance(said, dict):
        raise refused(422, 'write an object: {"rows": [...]} or {"applicants": [...]}')
    try:
        return ScoreRequest.model_validate(said)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)
        raise Refused(422, [as_problem(entry["loc"], entry["msg"]) for entry in wrong]) from None


def rows_of(rows: Sequence[Mapping[str, JsonValue]]) -> SentRows:
    """The rows as the lines of a CSV file."""
    headers: dict[tuple[str, ...], Header] = {}
    cells: list[Cells] = []
    problems: list[Problem] = []
    for place, row in enumerate(rows, start=1):
        names = tuple(row)
        if names not in headers:
            headers[names] = read_header(names, COLUMNS, OPTIONAL)
            check_columns(headers[names], row=place)
        sent = list(row.values())
        values = {column: sent[where] for column, where in headers[names].places.items()}
        cells.append(tuple(cell(values.get(column), place, column, problems) for column in COLUMNS))
    if problems:
        raise Refused(422, problems)
    warnings = dict.fromkeys(remark for header in headers.values() for remark in remarks(header))
    return sent_rows(cells, list(warnings)[:MOST_PROBLEMS])


def applicants_of(values: Sequence[JsonValue]) -> LakeApplicants:
    """Applicants of the lake, by the same identifiers that rows have."""
    problems: list[Problem] = []
    cells = [cell(value, place, KEY, problems) for place, value in enumerate(values, start=1)]
    if problems:
        raise Refused(422, problems)
    return LakeApplicants(identifiers(cells))


def cell(value: JsonValue, row: int, column: str, problems: list[Problem]) -> str | None:
    """A JSON value as it would stand in a CSV file; where it can't, one problem more."""
    breach = cell_breach(value)
    if breach is not None:
        problems.append(Problem(row=row, column=column, value=shown(repr(value)), problem=breach))
        return None
    return as_text(value)


def cell_breach(value: JsonValue) -> str | None:
    """Why a JSON value can't stand in a CSV file; None where it can."""
    match value:
        case bool() | list() | dict():
            return "is no number, text or null"
        case float() if math.isnan(value):
            return "is no number of JSON: write null where a cell is empty"
        case float() if math.isinf(value):
            return "is too large a number, or infinite: write null where a cell is empty"
        case str() if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            return "holds half a character"
    return None


def as_text(value: JsonValue) -> str | None:
    """A JSON value as it stands in a CSV file."""
    match value:
        case None | "":
            return None
        case float():
            return format(Decimal(repr(value)), "f")
    return str(value)


def as_problem(place: tuple[int | str, ...], message: str) -> Problem:
    """Pydantic's error in our words: ("rows", 2, "AMT_CREDIT") is the third row's."""
    row = next((part + 1 for part in place if isinstance(part, int)), None)
    names = [part for part in place if isinstance(part, str)]
    return Problem(row=row, column=shown(names[-1]) if names else None, problem=message)
