"""Applicants at the edges of what the contract accepts, a delivery of them, and what Sail makes of it.

Each edge of each column has an applicant of its own, with a plain row but for that one cell (in a history: his only
row); others draw all their cells from the edges, and a few are at one edge everywhere.
"""

import json
import random
import sys
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from features.memory.feature_table import FeatureTable
from features.spec import KEY, Column, Type
from jobs.assemble import assemble
from jobs.lake.feature_sets import FeatureSet, find
from jobs.lake.job import Job
from jobs.lake.tables import Lake
from jobs.model.booster import load_model, sha256_of
from jobs.runtime.session import open_session
from jobs.runtime.settings import load_settings
from jobs.serving.lake_rows import LakeRows
from jobs.serving.questions import Application
from jobs.serving.row_features import ComputedFeatures
from jobs.serving.row_plans import contract_plan
from jobs.serving.scorer import Scorer
from jobs.serving.uploads import COLUMNS
from tests.callers import MODEL
from tests.deliveries import TABLE_OF, Cells, Delivery, delivery, row

RUN_DATE = date(2018, 5, 17)
NOT_A_DAY = "365243"
DRAWN, MOST_ROWS = 150, 4
"""How many applicants have drawn cells, and at most how many rows each of them has in a table."""
IDENTIFIERS = ("SK_ID_CURR", "SK_ID_PREV", "SK_ID_BUREAU")

# Amounts and days that make sense together, so that one cell at an edge is not lost among zeros.
PLAIN = {
    "AMT_INCOME_TOTAL": "135000.0",
    "AMT_CREDIT": "450000.0",
    "AMT_ANNUITY": "22500.0",
    "AMT_GOODS_PRICE": "405000.0",
    "AMT_APPLICATION": "450000.0",
    "AMT_CREDIT_SUM": "90000.0",
    "AMT_CREDIT_SUM_DEBT": "45000.0",
    "AMT_CREDIT_LIMIT_ACTUAL": "180000",
    "AMT_BALANCE": "9000.0",
    "AMT_INSTALMENT": "5000.0",
    "AMT_PAYMENT": "4500.0",
    "CNT_FAM_MEMBERS": "2.0",
    "CNT_PAYMENT": "12.0",
    "CNT_INSTALMENT": "12.0",
    "DAYS_BIRTH": "-12000",
    "DAYS_EMPLOYED": "-900",
    "DAYS_CREDIT": "-400",
    "DAYS_CREDIT_ENDDATE": "200.0",
    "DAYS_DECISION": "-300",
    "DAYS_FIRST_DUE": "-270.0",
    "DAYS_LAST_DUE": NOT_A_DAY,
    "DAYS_INSTALMENT": "-100.0",
    "DAYS_ENTRY_PAYMENT": "-95.0",
    "MONTHS_BALANCE": "-2",
    "EXT_SOURCE_1": "0.5",
    "EXT_SOURCE_2": "0.6",
    "EXT_SOURCE_3": "0.4",
}


def edges(column: Column) -> list[str]:
    """The cells that lie at the edges of what the contract takes in a column."""
    empty = [] if column.required else [""]
    if column.codes:
        return [*column.codes, *empty]
    if column.type is Type.TEXT:
        return [*column.levels, "a level never seen", *empty]
    assert column.low is not None
    assert column.high is not None
    fraction = {Type.REAL: ["1e-300", "0.1"], Type.AMOUNT: ["0.001"]}.get(column.type, [])
    near = ["-0.0", "0", "-1", "1", *fraction, NOT_A_DAY]
    return [str(column.low), str(column.high), *(n for n in near if column.low <= float(n) <= column.high), *empty]


def plain(file: str, **cells: str) -> Cells:
    """A row that nothing is odd about but the cells named."""
    names = {column.name for column in columns_of(file)}
    return row(file, **{name: cell for name, cell in PLAIN.items() if name in names} | cells)


def columns_of(file: str) -> list[Column]:
    """What a file says of a row, but for whose it is and what came of it."""
    said = [column for column in TABLE_OF[file].columns if file not in column.absent_from]
    return [column for column in said if column.name not in (*IDENTIFIERS, "TARGET")]


def edge_delivery() -> Delivery:
    """All of them; the third of every three is labelled, with 1, 0 or nothing."""
    random_ = random.Random(11)
    rows: Delivery = {file: [] for file in delivery()}
    numbers = count(200_001)

    def application(applicant: str, **cells: str) -> None:
        if int(applicant) % 3:
            rows["application_test"].append(plain("application_test", SK_ID_CURR=applicant, **cells))
        else:
            target = random_.choice(("0", "1", ""))
            rows["application_train"].append(plain("application_train", SK_ID_CURR=applicant, TARGET=target, **cells))

    for cells in [*single_edges("application_test"), *one_edge_everywhere("application_test")]:
        application(str(next(numbers)), **cells)
    for applicant in ("1", str(2**63 - 1)):
        application(applicant)
    for file in (file for file in rows if not file.startswith("application")):
        for cells in single_edges(file):
            applicant = str(next(numbers))
            application(applicant)
            rows[file] += with_parent(file, rows, plain(file, **identifiers(file, applicant, applicant), **cells))
    for _ in range(DRAWN):
        applicant = str(next(numbers))
        application(applicant, **drawn("application_test", random_))
        for file in (file for file in rows if not file.startswith("application")):
            for place in range(random_.randint(0, MOST_ROWS)):
                # the same loans in every table, so that children have parents
                cells = identifiers(file, applicant, f"{applicant}{place}") | drawn(file, random_)
                rows[file].append(plain(file, **cells))
    return rows


def identifiers(file: str, applicant: str, loan: str) -> Cells:
    """Whose row it is, in the columns that the file has for it."""
    names = {column.name for column in TABLE_OF[file].columns}
    values = dict(zip(IDENTIFIERS, (applicant, loan, loan), strict=True))
    return {name: value for name, value in values.items() if name in names}


def with_parent(file: str, rows: Delivery, child: Cells) -> list[Cells]:
    """The row; a month of a bureau loan is nobody's without the loan, which is added."""
    if file == "bureau_balance":
        loan = child["SK_ID_BUREAU"]
        rows["bureau"].append(plain("bureau", SK_ID_CURR=loan, SK_ID_BUREAU=loan))
    return [child]


def single_edges(file: str) -> Iterator[Cells]:
    """One cell at an edge."""
    for column in columns_of(file):
        yield from ({column.name: cell} for cell in edges(column))


def one_edge_everywhere(file: str) -> Iterator[Cells]:
    """All cells the lowest, the highest, zero, minus zero, or empty where they may be."""
    columns = columns_of(file)
    for wanted in (0, 1, "0", "-0.0", ""):
        at = {column.name: edges(column) for column in columns}
        if isinstance(wanted, int):
            yield {name: cells[wanted] for name, cells in at.items() if len(cells) > wanted}
        else:
            yield {name: wanted for name, cells in at.items() if wanted in cells}


def drawn(file: str, random_: random.Random) -> Cells:
    """Every cell from the edges, or plain."""
    columns = columns_of(file)
    return {column.name: random_.choice(edges(column)) for column in columns if random_.random() < 0.6}


def main(root: str, model: str, uploads: str, answers: str) -> None:
    """On Sail: assemble the lake's delivery, and answer the uploaded rows as the REST service does.

    Args:
        root: The lake.
        model: The file of a model of its feature set.
        uploads: JSON: rows of cells in the order of `COLUMNS`.
        answers: JSON: where each row's answer goes.
    """
    settings = load_settings("local")
    lake = Lake(root, open_session("serve", "sail"))
    assemble(Job(lake, RUN_DATE, settings))
    file = Path(model).read_bytes()
    loaded = load_model(file, sha256_of(file))
    fitted = find(lake, loaded.feature_set)
    assert isinstance(fitted, FeatureSet), "the engines fit other encodings"
    with TemporaryDirectory() as folder:
        contract = contract_plan(lake.spark, Path(folder, "contract"))
        features = ComputedFeatures(FeatureTable(fitted.encodings))
        scorer = Scorer(LakeRows(lake, None), loaded, MODEL, settings, contract, features)
        sent = json.loads(Path(uploads).read_text(encoding="utf-8"))
        found = scorer.score_rows([Application(int(cells[COLUMNS.index(KEY)]), tuple(cells)) for cells in sent], None)
    said = [
        [str(problem) for problem in each] if isinstance(each, list) else each.model_dump(mode="json") for each in found
    ]
    Path(answers).write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
