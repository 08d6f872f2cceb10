"""A CSV file like application_test.csv, as a caller uploads it."""

import csv
import io

from features.rows_as_sent import is_blank, read_header
from jobs.lake.first_lines import BYTES, GZIP, LINES, header_of
from jobs.runtime.errors import ContractBroken
from jobs.serving.questions import SentRows
from jobs.serving.responses import Problem, Refused, refused
from jobs.serving.uploads import COLUMNS, OPTIONAL, check_columns, check_number, remarks, sent_rows


def read_csv(body: bytes, most_rows: int) -> SentRows:
    """The rows of the file.

    Raises:
        Refused: It is no such file, its header lacks a column, it has no row or too many, or a row has a cell too many
            or too few, or no identifier.
    """
    refuse_what_is_no_csv(body)
    header, *rows = lines_of(body)
    columns = read_header(header, COLUMNS, OPTIONAL)
    check_columns(columns, row=None)
    check_number(len(rows), most_rows)
    uneven = [
        Problem(row=number, problem=f"has {len(row)} cells, the header has {len(header)}")
        for number, row in enumerate(rows, start=1)
        if len(row) != len(header)
    ]
    if uneven:
        raise Refused(422, uneven)
    places = [columns.places.get(name) for name in COLUMNS]  # None of a column that may be absent
    cells = [tuple(None if place is None else row[place] or None for place in places) for row in rows]
    return sent_rows(cells, remarks(columns))


def refuse_what_is_no_csv(body: bytes) -> None:
    """Say of another file what it is, in the words of `ingest`."""
    if body.startswith(GZIP):
        raise refused(400, "the file is packed by gzip: unpack it")
    first = [line[:BYTES] for line in body[: LINES * BYTES].splitlines()[:LINES]]
    try:
        header = header_of(first, COLUMNS, packed=False)
    except ContractBroken as error:
        raise refused(400, f"the file {error}") from None
    except csv.Error as error:
        raise refused(400, f"the first line of the file is not CSV: {error}") from None
    if not header:
        raise refused(400, "the file is empty: its first line names the columns")


def lines_of(body: bytes) -> list[list[str]]:
    """The cells of the header and of every row that holds anything."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused(400, f"the file is not text in UTF-8, from byte {error.start} on: export it in UTF-8") from None
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return [line for line in lines if not is_blank(line)]
    except csv.Error as error:
        raise refused(400, f"line {lines.line_num} of the file is not CSV: {error}") from None
