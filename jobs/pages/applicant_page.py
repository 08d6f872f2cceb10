"""One applicant's explanation for people: on a terminal, and as a page that needs no other file."""

from dataclasses import dataclass

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from features.plan.nested_table import EVERY_FEATURE
from jobs.model.contributions import largest
from jobs.pages import plots, rendering
from jobs.scoring.one_applicant import Applicant


@dataclass(frozen=True)
class Line:
    """One feature of the applicant: its value as text, and its contribution in log-odds."""

    name: str
    value: str
    contribution: float
    family: str
    description: str


def lines_of(who: Applicant, most: int) -> tuple[Line, ...]:
    """The features with the largest absolute contributions, largest first."""
    descriptions = {named.name: named.description for named in EVERY_FEATURE}
    return tuple(
        Line(
            name=who.names[i],
            value="unknown" if np.isnan(who.values[i]) else f"{who.values[i]:,.6g}",
            contribution=float(who.contributions[i]),
            family=who.families[i],
            description=descriptions.get(who.names[i], ""),
        )
        for i in largest(who.contributions[None], most)[0]
    )


def terminal(who: Applicant, most: int) -> Group:
    """Score, decision, reasons and so many contributions."""
    heading = Text.assemble(
        (f"applicant {who.id}", "bold"),
        f", delivery of {who.run_date}: probability {who.probability:.2%}, score {who.score}, ",
        (who.decision, "bold"),
        f" (declined from {who.threshold:.2%} on), model version {who.model_version}\n",
    )
    reasons = [Text(f"  {place}. {reason.sentence}") for place, reason in enumerate(who.reasons, start=1)]
    grid = Table(title="Largest contributions, in log-odds of default", title_justify="left")
    grid.add_column("feature")
    grid.add_column("value", justify="right")
    grid.add_column("contribution", justify="right")
    grid.add_column("family")
    grid.add_column("what it is", overflow="fold")
    for line in lines_of(who, most):
        grid.add_row(line.name, line.value, f"{line.contribution:+.3f}", line.family, line.description)
    nothing = [Text("  no family of features raises this applicant's risk")]
    ends = Text(f"base value {who.base_value:+.3f}, with all contributions {who.margin:+.3f}")
    return Group(heading, Text("Reasons that raise the risk", style="bold"), *(reasons or nothing), Text(), grid, ends)


def html(who: Applicant, most: int) -> str:
    """The page, with the waterfall and so many contributions."""
    figures = {"waterfall": plots.waterfall(*who.explained)}
    return rendering.render(
        "applicant.html.jinja", {"who": who, "lines": lines_of(who, most), "plots": rendering.images(figures)}
    )
