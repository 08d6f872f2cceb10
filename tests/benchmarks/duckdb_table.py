"""The whole of `assemble` by DuckDB: encodings fitted and applied, histories folded and joined, one table written.

The same declarations as ours: a yardstick of like for like, and a second engine to check every feature by.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

import duckdb

from features import ACROSS, TABLES
from features.declarations import derived_among
from features.plan.encodings import deviations, encoded, expectations
from features.plan.feature_table import BY_NAME, catalogue
from features.spec import KEY, TARGET, Code, Encoded, feature_names
from tests.benchmarks.duckdb_sql import derived, feature_rows, fold_query, of_nobody

APPLICATION = BY_NAME["application"]
HISTORIES = [table for table in TABLES if table.features and table is not APPLICATION]
ENCODINGS = "encodings"
TEXT_OR_NULL = "CREATE OR REPLACE MACRO concat(a, b, c) AS a || b || c"
"""As Spark has it: DuckDB's own takes a null for an empty text."""

Sources = Mapping[str, str]


def assemble(connection: duckdb.DuckDBPyConnection, sources: Sources, folder: Path) -> Path:
    """Fit the encodings, fold, and write the feature table as one Parquet file, which is returned.

    Each folded table is ended by a file of its own, as on Sail: one query of all of them needs more than 8 GB.

    Args:
        connection: DuckDB; it keeps the fitted encodings.
        sources: What to read a source table from, as DuckDB writes it.
        folder: Where the files go.
    """
    connection.execute(TEXT_OR_NULL)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {ENCODINGS} AS {fit_query(sources)}")
    folded = {}
    for table in HISTORIES:
        file = folder / f"{table.prefix}.parquet"
        connection.execute(f"COPY ({fold_query(table, BY_NAME, sources)}) TO '{file}'")
        folded[table.name] = f"read_parquet('{file}')"
    written = folder / "features.parquet"
    connection.execute(f"COPY ({table_query(sources, folded)}) TO '{written}'")
    return written


def fit_query(sources: Sources) -> str:
    """(name, level, value) of every code and median, fitted on the labelled applicants; as `encodings.fit`."""
    labelled = derived(f"SELECT * FROM {sources[APPLICATION.name]} WHERE {TARGET} IS NOT NULL", APPLICATION.derivations)
    shares = [
        f"SELECT '{each.name}', cast({each.column} AS varchar), "
        f"count(*) / (SELECT count(*) FROM labelled) FROM labelled WHERE {each.column} IS NOT NULL GROUP BY ALL"
        for each in frequencies()
    ]
    medians = [
        median(each.name, level, each.value, "labelled", known)
        for each in deviations(APPLICATION)
        for level, known in ((f"cast({each.group} AS varchar)", f"{each.group} IS NOT NULL"), ("NULL", "true"))
    ]
    for each in expectations(APPLICATION):
        rows = feature_rows(BY_NAME[each.table], BY_NAME, sources)
        theirs = f"(SELECT * FROM ({rows}) SEMI JOIN labelled USING ({KEY}))"
        medians.append(median(each.name, each.group, each.value, theirs, f"{each.where} AND {each.group} IS NOT NULL"))
    return (
        f"WITH labelled AS MATERIALIZED ({labelled}), fitted(name, level, value) AS "
        f"({' UNION ALL '.join([*shares, *medians])}) SELECT * FROM fitted WHERE value IS NOT NULL"
    )


def median(name: str, level: str, value: str, rows: str, where: str) -> str:
    """(name, level, value): the median of a value among the rows of each level."""
    return (
        f"SELECT '{name}', {level}, quantile_cont(cast({value} AS double), 0.5) FROM {rows} WHERE {where} GROUP BY ALL"
    )


def frequencies() -> list[Encoded]:
    """The categories that become their share."""
    return [each for each in encoded(APPLICATION) if each.code is Code.FREQUENCY]


def table_query(sources: Sources, folded: Sources) -> str:
    """SK_ID_CURR, TARGET and every column of `catalogue`, as `features.plan.feature_table.feature_table`."""
    rows = derived(applicants(sources), derived_among(APPLICATION.features))
    own = ", ".join(f"cast({named.name} AS double) AS {named.name}" for named in feature_names(APPLICATION))
    rows = f"SELECT {KEY}, {TARGET}, {own} FROM ({rows})"
    for table in HISTORIES:
        rows = f"SELECT *{of_nobody(table)} FROM ({rows}) LEFT JOIN {folded[table.name]} USING ({KEY})"
    finished = [each for table in HISTORIES for each in derived_among(table.features)]
    finished += derived_among(ACROSS)
    columns = ", ".join(f"cast({named.name} AS double) AS {named.name}" for named in catalogue())
    return f"SELECT {KEY}, {TARGET}, {columns} FROM ({derived(rows, finished)})"


def applicants(sources: Sources) -> str:
    """The application's rows, derived, with their encoded columns; one join for all that is looked up by one level."""
    rows = derived(f"SELECT * FROM {sources[APPLICATION.name]}", APPLICATION.derivations)
    joins, columns = [], [ordinal(each) for each in encoded(APPLICATION) if each.code is Code.ORDINAL]
    for place, (level, names) in enumerate(looked_up()):
        picked = ", ".join(f"any_value(value) FILTER (name = '{name}') AS {name}" for name in names)
        known = f"SELECT level, {picked} FROM {ENCODINGS} WHERE level IS NOT NULL GROUP BY level"
        joins.append(f"LEFT JOIN ({known}) AS l{place} ON l{place}.level = cast({level} AS varchar)")
        columns += [f"l{place}.{name} AS looked_up_{name}" for name in names]
    looked = f"SELECT a.*, {', '.join(columns)} FROM ({rows}) AS a {' '.join(joins)}"
    return f"SELECT *, {', '.join(applied())} FROM ({looked})"


def looked_up() -> Iterator[tuple[str, list[str]]]:
    """The expressions of a level, and the encodings that are looked up by each."""
    pairs = [(each.column, each.name) for each in frequencies()]
    pairs += [(each.group, each.name) for each in deviations(APPLICATION)]
    pairs += [(each.like, each.name) for each in expectations(APPLICATION)]
    for level, found in groupby(sorted(pairs), key=lambda pair: pair[0]):
        yield level, [name for _, name in found]


def ordinal(feature: Encoded) -> str:
    """The level's position in the declared order."""
    cases = " ".join(f"WHEN '{level}' THEN {place}" for place, level in enumerate(feature.order))
    return f"CASE {feature.column} {cases} END AS {feature.name}"


def applied() -> Iterable[str]:
    """The encoded columns, of what was looked up."""
    for code in frequencies():
        yield f"CASE WHEN {code.column} IS NOT NULL THEN coalesce(looked_up_{code.name}, 0) END AS {code.name}"
    for each in deviations(APPLICATION):
        overall = f"(SELECT value FROM {ENCODINGS} WHERE name = '{each.name}' AND level IS NULL)"
        yield f"cast({each.value} AS double) - coalesce(looked_up_{each.name}, {overall}) AS {each.name}"
    for expected in expectations(APPLICATION):
        yield f"looked_up_{expected.name} AS {expected.name}"
