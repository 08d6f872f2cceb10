"""What a lake holds of a few applicants: the rows of every source table, from the newest delivery that knows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.matrix import KEY
from jobs.lake import Lake

LOAN = "SK_ID_BUREAU"


@dataclass(frozen=True)
class Histories:
    """Rows of some applicants by source table, and from which delivery each applicant's are; no row of an applicant
    without delivery is there."""

    tables: Mapping[str, pa.Table]
    deliveries: Mapping[int, date]


def read_histories(lake: Lake, run_date: date | None, applicants: Sequence[int]) -> Histories:
    """Each applicant's rows, all from one delivery.

    Args:
        lake: Where they are.
        run_date: The one delivery to look into; None takes for each applicant the newest that holds any row.
        applicants: SK_ID_CURR.
    """
    deliveries: dict[int, date] = {}
    found: dict[str, list[pa.Table]] = {}
    for day in [run_date] if run_date else lake.run_dates():
        wanted = [each for each in applicants if each not in deliveries]
        if found and not wanted:
            break
        for name, rows in rows_of(lake.delivered_tables(day), wanted).items():
            found.setdefault(name, []).append(rows)
            if KEY in rows.column_names:
                deliveries |= dict.fromkeys(rows.column(KEY).unique().to_pylist(), day)
    return Histories({name: pa.concat_tables(parts) for name, parts in found.items()}, deliveries)


def rows_of(delivered: Mapping[str, DataFrame], applicants: Sequence[int]) -> dict[str, pa.Table]:
    """Every source table's rows of the applicants; bureau_balance knows them only by their loans."""
    found = {
        name: rows.where(F.col(KEY).isin(list(applicants))).toArrow()
        for name, rows in delivered.items()
        if KEY in rows.columns
    }
    loans = found["bureau"].column(LOAN).unique().to_pylist()
    return found | {
        name: rows.where(F.col(LOAN).isin(loans)).toArrow() for name, rows in delivered.items() if name not in found
    }
