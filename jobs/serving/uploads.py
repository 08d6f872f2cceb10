"""Application rows as callers send them, to the cells that the contract reads: what CSV and JSON have in common.

Only what needs no engine is looked at here: the names of the columns, and whom the rows are of. What a cell may hold is
the contract's business.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from features.rows_as_sent import Header, read_identifier, shown
from features.spec import KEY, TARGET
from features.tables import application
from jobs.serving.questions import Application, SentRows
from jobs.serving.responses import Problem, Refused, refused

UPLOADED = "application_test"
CONTRACT = replace(
    application.TABLE,
    columns=tuple(column for column in application.TABLE.columns if UPLOADED not in column.absent_from),
)
"""The application's contract without what is only known later."""
COLUMNS = tuple(column.name for column in CONTRACT.columns)
OPTIONAL = tuple(column.name for column in CONTRACT.columns if column.optional)
LABEL = TARGET.casefold()
COLUMNS_NAMED = 10
NOT_ABOVE_0 = re.compile(r"[\x00-\x20]*(-[0-9]{1,19}|[+]?0{1,100})([.]0)?[\x00-\x20]*")
LEAST = -(2**63)
"""The smallest BIGINT."""
LINE_BREAKS = ("\n", "\r")

Cells = tuple[str | None, ...]
"""A row in the order of `COLUMNS`, None where a cell is empty."""


def check_columns(header: Header, row: int | None) -> None:
    """Refuse columns that are missing or there several times; others than the contract's are no harm."""
    problems = [
        Problem(row=row, column=column, problem=problem)
        for problem, columns in (("is missing", header.lacking), ("is there several times", header.repeated))
        for column in columns
    ]
    if len(problems) > COLUMNS_NAMED:
        more = Problem(row=row, problem=f"and {len(problems) - COLUMNS_NAMED} more columns like these")
        problems = [*problems[:COLUMNS_NAMED], more]
    if problems:
        raise Refused(422, problems)


def remarks(header: Header) -> list[str]:
    """What was taken or left though it is not as the contract says."""
    labels = [name for name in header.sent if name.casefold() == LABEL]
    return [*header.remarks, *(f"{name} is what is to be predicted: it was not read" for name in labels)]


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


def sent_rows(rows: Sequence[Cells], warnings: Sequence[str]) -> SentRows:
    """The rows with their applicants, of whom each must be there once: callers' rows are kept apart by them."""
    problems = list(line_breaks(rows))
    if problems:
        raise Refused(422, problems)
    key = COLUMNS.index(KEY)
    applicants = identifiers([row[key] for row in rows])
    named = tuple(Application(applicant, row) for applicant, row in zip(applicants, rows, strict=True))
    return SentRows(named, warnings=tuple(warnings))


def line_breaks(rows: Sequence[Cells]) -> Iterator[Problem]:
    """The cells that `ingest` could not read back from a line of a CSV file."""
    for number, row in enumerate(rows, start=1):
        for column, text in zip(COLUMNS, row, strict=True):
            if text and any(character in text for character in LINE_BREAKS):
                yield Problem(row=number, column=column, value=shown(text), problem="holds a line break")


def identifier_breach(text: str) -> str | None:
    """What the contract has against a cell that is to name an applicant; None where it names one."""
    if not text:
        return "is empty"
    if read_identifier(text) is not None:
        return None
    whole = NOT_ABOVE_0.fullmatch(text)
    return "is not above 0" if whole and int(whole[1]) >= LEAST else "is not a whole number"


def identifiers(cells: Sequence[str | None]) -> tuple[int, ...]:
    """The applicants whom the cells name, each once.

    Raises:
        Refused: A cell names none, or two the same.
    """
    problems = [
        Problem(row=number, column=KEY, value=shown(text or ""), problem=breach)
        for number, text in enumerate(cells, start=1)
        if (breach := identifier_breach(text or "")) is not None
    ]
    if problems:
        raise Refused(422, problems)
    applicants = tuple(applicant for text in cells if (applicant := read_identifier(text or "")) is not None)
    check_once(applicants)
    return applicants
