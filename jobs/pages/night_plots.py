"""Plots over deliveries: what moved from night to night, in the common look of `plots`."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jobs.monitoring.history import Night
from jobs.pages import plots
from jobs.pages.plots import BLUE, GREY, VERMILION
from jobs.runtime.settings import Monitor


def shifts(nights: Sequence[Night], limits: Monitor) -> Figure:
    """The population stability index of the scores, with what chance stays below and the limit."""
    figure, axes = plots.canvas(height=3.2)
    places = range(len(nights))
    axes.plot(places, [night.score_shift for night in nights], color=BLUE, marker="o", markersize=4, label="scores")
    noise = [night.score_noise for night in nights]
    axes.fill_between(places, 0, noise, color=GREY, alpha=0.25, linewidth=0, label="by chance")
    axes.axhline(limits.score_shift, color=VERMILION, linestyle="--", linewidth=1, label="limit")
    mark_findings(axes, nights, [night.score_shift for night in nights])
    by_date(axes, nights)
    plots.label_axes(axes, "delivery", "population stability index")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure


def approvals(nights: Sequence[Night]) -> Figure:
    """The share approved of each delivery."""
    figure, axes = plots.canvas(height=3.2)
    rates = [night.approval_rate for night in nights]
    axes.plot(range(len(nights)), rates, color=BLUE, marker="o", markersize=4)
    mark_findings(axes, nights, rates)
    by_date(axes, nights)
    plots.label_axes(axes, "delivery", "share approved")
    plots.in_percent(axes, x=False)
    return figure


def mark_findings(axes: Axes, nights: Sequence[Night], heights: Sequence[float]) -> None:
    """Mark the deliveries of which a limit was passed."""
    places = [place for place, night in enumerate(nights) if night.findings]
    if places:
        above = [heights[place] for place in places]
        axes.plot(places, above, "o", color=VERMILION, markersize=8, label="a limit passed")


def by_date(axes: Axes, nights: Sequence[Night]) -> None:
    """Name the deliveries by their dates."""
    labels = [night.run_date.isoformat() for night in nights]
    axes.set_xticks(range(len(nights)), labels, rotation=60, ha="right", fontsize=8)
