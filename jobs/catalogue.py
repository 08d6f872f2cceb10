"""The features by name: all of them, one applicant's, or what changed between two feature sets."""

import argparse
from collections import Counter
from datetime import date
from itertools import groupby

from pyspark.sql import Row
from pyspark.sql import functions as F
from rich.console import Console
from rich.table import Table as Grid

from features.plan.feature_table import catalogue
from features.plan.nested_table import EVERY_FEATURE
from features.reason_families import FAMILIES
from features.spec import KEY, Named, Risk
from jobs.lake.options import add_lake, file_here, open_lake
from jobs.lake.tables import CATALOGUE, FEATURES, Lake, parse_run_date
from jobs.runtime.errors import UserError
from jobs.runtime.settings import Settings

HELP = "list the features, one applicant's values, or the difference between two feature sets"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_lake(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--markdown", metavar="FILE", help="write the catalogue as a Markdown page")
    what.add_argument("--applicant", type=int, metavar="ID", help="print an applicant's features by family")
    what.add_argument("--diff", nargs=2, metavar=("OLD", "NEW"), help="compare two feature sets of the lake")
    parser.add_argument("--run-date", metavar="DATE", help="the delivery of --applicant (default: the newest)")


def main(arguments: argparse.Namespace, settings: Settings) -> None:
    """Run the verb."""
    console = Console(width=None if Console().is_terminal else 160)
    if page := file_here(arguments.markdown, "--markdown"):
        page.write_text(markdown(EVERY_FEATURE), encoding="utf-8")
        console.print(f"{len(EVERY_FEATURE)} features in {page}")
    elif arguments.applicant is not None:
        run_date = parse_run_date(arguments.run_date) if arguments.run_date else None
        console.print(applicant_grid(applicant_row(open_lake(arguments, settings), arguments.applicant, run_date)))
    elif arguments.diff:
        for line in differences(open_lake(arguments, settings), *arguments.diff):
            console.print(line, highlight=False)
    else:
        console.print(catalogue_grid(EVERY_FEATURE))


def catalogue_grid(named: tuple[Named, ...]) -> Grid:
    """Every feature, for a terminal."""
    grid = Grid(title=f"{len(named)} features", title_justify="left", row_styles=("", "dim"))
    for heading in ("feature", "table", "family", "what it is"):
        grid.add_column(heading, overflow="fold")
    for feature in named:
        grid.add_row(feature.name, feature.table, feature.family, with_sign(feature))
    return grid


def markdown(named: tuple[Named, ...]) -> str:
    """The catalogue as a Markdown page: a section for each table, a line for each feature."""
    counts = Counter(feature.table for feature in named)
    lines = [
        "# Features",
        "",
        "Made by `make docs` from the declarations in `features/`; do not edit.",
        "",
        f"{len(named)} features: " + ", ".join(f"{count} from {table}" for table, count in counts.items()) + ".",
        "Those from scores of rows are there where `nested.enabled` is true.",
        "Where the risk rises or falls with a feature, `train.monotone` keeps the trees from saying otherwise.",
        "",
        "## Reason families",
        "",
        "| family | sentence | features |",
        "|---|---|---|",
    ]
    families = Counter(feature.family for feature in named)
    lines += [f"| {family} | {sentence} | {families[family]} |" for family, sentence in FAMILIES.items()]
    for table, members in groupby(named, key=lambda feature: feature.table):
        lines += ["", f"## {table}", "", "| feature | family | what it is |", "|---|---|---|"]
        lines += [
            f"| `{feature.name}` | {feature.family} | {with_sign(feature).replace('|', '&#124;')} |"
            for feature in members
        ]
    return "\n".join(lines) + "\n"


def with_sign(feature: Named) -> str:
    """What it is, and which way the risk goes with it where that is declared."""
    if feature.risk is None:
        return feature.description
    goes = "rises" if feature.risk is Risk.RISING else "falls"
    return f"{feature.description} The risk {goes} with it."


def applicant_row(lake: Lake, applicant: int, run_date: date | None) -> Row:
    """An applicant's row of the feature table, of a delivery or of the newest one that holds it."""
    rows = lake.read(FEATURES).where(F.col(KEY) == applicant)
    chosen = rows if run_date is None else rows.where(F.col("run_date") == F.lit(run_date))
    row = chosen.orderBy(F.col("run_date").desc()).first()
    if row is None:
        when = f"the delivery of {run_date}" if run_date else "any delivery"
        raise UserError(f"--applicant {applicant} is not in {when} of {lake.root}: check the {KEY}")
    return row


def applicant_grid(row: Row) -> Grid:
    """An applicant's features by family, for a terminal."""
    grid = Grid(title=f"applicant {row[KEY]}, delivery of {row['run_date']}", title_justify="left")
    grid.add_column("family")
    grid.add_column("feature")
    grid.add_column("value", justify="right")
    grid.add_column("what it is", overflow="fold")
    order = {family: place for place, family in enumerate(FAMILIES)}
    for feature in sorted(catalogue(), key=lambda named: order[named.family]):
        value = row[feature.name]
        grid.add_row(feature.family, feature.name, "" if value is None else f"{value:,.6g}", feature.description)
    return grid


def differences(lake: Lake, old: str, new: str) -> list[str]:
    """What two feature sets declare differently, a line a feature: + added, - gone, ~ changed."""
    declared = [declarations(lake, version) for version in (old, new)]
    before, after = declared
    lines = [f"+ {name}" for name in after if name not in before]
    lines += [f"- {name}" for name in before if name not in after]
    lines += [f"~ {name}" for name in after if name in before and after[name] != before[name]]
    return sorted(lines, key=lambda line: line[2:]) or [f"{old} and {new} declare the same features"]


def declarations(lake: Lake, version: str) -> dict[str, str]:
    """Feature to declaration, of a feature set that the lake has assembled."""
    stored = lake.read(CATALOGUE)
    rows = stored.where(F.col("feature_set") == version).select("name", "declaration").distinct().collect()
    if not rows:
        known = [row[0] for row in stored.select("feature_set").distinct().orderBy("feature_set").collect()]
        raise UserError(f"--diff {version}: no such feature set in {lake.root}; there are {', '.join(known)}")
    return {row["name"]: row["declaration"] for row in rows}
