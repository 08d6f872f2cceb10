"""Plots over deliveries: what moved from night to night, in the common look of `plots`."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from jobs.monitoring.committee import Settled, VintageMonth
from jobs.monitoring.history import Night
from jobs.monitoring.settling import INSIDE, OUTSIDE
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


def volume(nights: Sequence[Night]) -> Figure:
    """Scored applicants as bars, the share approved as a line."""
    figure, axes = plots.canvas(height=3.2)
    places = range(len(nights))
    axes.bar(places, [night.scored for night in nights], color=GREY, width=0.7)
    by_date(axes, nights)
    plots.label_axes(axes, "delivery", "applicants scored (bars)")
    rates = axes.twinx()
    plots.plain(rates)
    rates.grid(False)
    approved = [night.approval_rate for night in nights]
    rates.plot(places, approved, color=BLUE, marker="o", markersize=4)
    mark_findings(rates, nights, approved)
    rates.set_ylim(0, 1)
    rates.set_ylabel("share approved (line)", color=BLUE)
    plots.in_percent(rates, x=False)
    return figure


def expected_and_realised(settled: Sequence[Settled], measure: str) -> Figure:
    """What was expected with its interval, and what came: red where it is outside."""
    figure, axes = plots.canvas(height=3.4)
    places = list(range(len(settled)))
    expected = [each.expected for each in settled]
    below = [each.expected - each.low for each in settled]
    above = [each.high - each.expected for each in settled]
    axes.errorbar(places, expected, yerr=[below, above], fmt="o", color=GREY, capsize=4, markersize=5, label="expected")
    for outcome, colour in ((INSIDE, BLUE), (OUTSIDE, VERMILION)):
        inside = [place for place in places if settled[place].outcome == outcome]
        if inside:
            came = [settled[place].realised for place in inside]
            axes.plot(inside, came, "D", color=colour, markersize=6, label=f"realised, {outcome}")
    axes.set_xticks(places, [each.run_date.isoformat() for each in settled], rotation=60, ha="right", fontsize=8)
    plots.label_axes(axes, "delivery", {"auc": "AUC", "bad_rate": "bad rate"}[measure])
    if measure == "bad_rate":
        plots.in_percent(axes, x=False)
    axes.legend(frameon=False)
    return figure


def months_on_book(months: Sequence[VintageMonth]) -> Figure:
    """The bad share of each vintage's approved, by month on book: later vintages are darker."""
    figure, axes = plots.canvas(height=3.4)
    vintages = sorted({month.vintage for month in months})
    for place, vintage in enumerate(vintages):
        own = [month for month in months if month.vintage == vintage]
        strength = 0.25 + 0.75 * (place + 1) / len(vintages)
        shares = [month.bad / month.approved for month in own]
        axes.plot([month.month_on_book for month in own], shares, color=BLUE, alpha=strength, marker="o", label=vintage)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    plots.label_axes(axes, "month on book", "bad, of all approved")
    plots.in_percent(axes, x=False)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    return figure
