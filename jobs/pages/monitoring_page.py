"""The page of one delivery's monitoring: what has moved, what moved the scores, and the nights before."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from jobs.monitoring.history import Night
from jobs.monitoring.watched import Watched
from jobs.pages import night_plots, plots, rendering
from jobs.runtime.settings import Settings

MOVERS = 20
NIGHTS_SHOWN = 24


def html(watched: Watched, nights: Sequence[Night], settings: Settings) -> str:
    """The page.

    Args:
        watched: The delivery.
        nights: Up to and with it, oldest first.
        settings: Whose limits it is held to.
    """
    shown = nights[-NIGHTS_SHOWN:]
    figures = {"families": family_bars(watched)}
    if len(shown) > 1:
        figures |= {"shifts": night_plots.shifts(shown, settings.monitor), "approvals": night_plots.approvals(shown)}
    return rendering.render(
        "monitoring.html.jinja",
        {
            "watched": watched,
            "limits": settings.monitor,
            "gates": settings.gates,
            "movers": watched.movers[:MOVERS],
            "mattering": watched.features[: settings.monitor.features],
            "nights": tuple(reversed(shown)),
            "plots": rendering.images(figures),
        },
    )


def family_bars(watched: Watched) -> Figure:
    """What each reason family did to the share approved, in points."""
    parts = {family.family: 100 * family.approvals for family in watched.approvals.families}
    return plots.signed_bars(parts | {"all else": 100 * watched.approvals.other}, "points of the share approved")
