"""What a lake holds of a few applicants: the rows of every source table, from the newest delivery that knows them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from pyspark.sql import functions as F

from features import TABLES
from features.contract import names
from features.spec import KEY, Table
from jobs.lake.tables import Lake
from jobs.runtime.errors import UserError

DELIVERY = "run_date"
OF_APPLICANTS = [table for table in TABLES if KEY in names(table)]


@dataclass(frozen=True)
class Histories:
    """Rows of some applicants by source table, each with its delivery as run_date, and from which delivery each
    applicant's are; no row of an applicant without delivery is there."""

    tables: Mapping[str, pa.Table]
    deliveries: Mapping[int, date]


class NoDeliveryYet(UserError):
    """All deliveries are later than the date that is asked for."""


def read_histories(
    lake: Lake, run_date: date | None, applicants: Sequence[int], until: date | None = None
) -> Histories:
    """Each applicant's rows, all from one delivery.

    The newest delivery, which knows most who ask, is looked into alone; whom it does not know is looked for in all
    older ones at once, for a look into each would take the longer the more there are.

    Args:
        lake: Where they are.
        run_date: The one delivery to look into; None takes for each applicant the newest that holds any row.
        applicants: SK_ID_CURR.
        until: Deliveries after this date are not looked into.

    Raises:
        NoDeliveryYet: No delivery is left.
    """
    deliveries = {run_date: lake.delivery(run_date)} if run_date else lake.deliveries()
    if until is not None and min(deliveries) > until:
        raise NoDeliveryYet(f"there is no delivery up to {until}, the first is of {min(deliveries)}")
    (newest, versions), *older = [delivery for delivery in deliveries.items() if until is None or delivery[0] <= until]
    histories = newest_histories(lake, {newest: versions}, applicants)
    others = [applicant for applicant in applicants if applicant not in histories.deliveries]
    if not (others and older):
        return histories
    more = newest_histories(lake, dict(older), others)
    tables = {name: pa.concat_tables([rows, more.tables[name]]) for name, rows in histories.tables.items()}
    return Histories(tables, {**histories.deliveries, **more.deliveries})


def newest_histories(lake: Lake, deliveries: Mapping[date, Mapping[str, int]], applicants: Sequence[int]) -> Histories:
    """Each applicant's rows in the newest of the deliveries that holds any."""

    def read(table: Table, column: str, values: Sequence[int]) -> pa.Table:
        return lake.delivered_rows(table, deliveries).where(F.col(column).isin(list(values))).toArrow()

    tables = {table.name: read(table, KEY, applicants) for table in OF_APPLICANTS}
    newest = newest_deliveries(tables.values())
    whose = pa.table({KEY: pa.array(newest.keys(), pa.int64()), DELIVERY: pa.array(newest.values(), pa.date32())})
    kept = {name: matching(rows, whose) for name, rows in tables.items()}
    for table in TABLES:  # parents come before their children
        if table.name not in kept and table.parent is not None:
            parent, column = table.parent
            owners = kept[parent].select([column, DELIVERY])
            kept[table.name] = matching(read(table, column, owners.column(column).to_pylist()), owners)
    return Histories(kept, newest)


def newest_deliveries(tables: Iterable[pa.Table]) -> dict[int, date]:
    """By applicant the newest delivery that a row of any table is of."""
    # An engine says of a table that holds no row, or of one literal, that nothing in it is ever null.
    keys = pa.concat_tables([rows.select([KEY, DELIVERY]) for rows in tables], promote_options="default")
    newest = keys.group_by(KEY).aggregate([(DELIVERY, "max")])
    return dict(zip(newest.column(KEY).to_pylist(), newest.column(f"{DELIVERY}_max").to_pylist(), strict=True))


def matching(rows: pa.Table, wanted: pa.Table) -> pa.Table:
    """The rows that agree with one of the wanted ones in all of their columns."""
    return rows.join(wanted, wanted.column_names, join_type="left semi", use_threads=False)
