"""The page of a year: volume, approval, expected against realised, drift, fairness, refused deliveries."""

from matplotlib.figure import Figure

from jobs.monitoring.committee import CommitteeYear
from jobs.monitoring.expecting import ALL, APPROVED, AUC, BAD_RATE, BAND, DECLINED
from jobs.pages import night_plots, rendering
from jobs.runtime.settings import Settings

REALISED = ("bad_rate", "auc", "gini", "ks", "calibration_slope", "calibration_intercept", "calibration_error")


def html(year: CommitteeYear, settings: Settings) -> str:
    """The page."""
    figures: dict[str, Figure] = {
        "volume": night_plots.volume(year.nights),
        "shifts": night_plots.shifts(year.nights, settings.monitor),
    }
    for name, population, measure in (("auc", ALL, AUC), ("bad_rate", APPROVED, BAD_RATE)):
        if settled := year.figures(population, measure):
            figures[name] = night_plots.expected_and_realised(settled, measure)
    if year.months_on_book:
        figures["months_on_book"] = night_plots.months_on_book(year.months_on_book)
    populations = {population for found in year.vintages.values() for population, _ in found}
    attributes = sorted({name for ratios in year.ratios.values() for name in ratios})
    return rendering.render(
        "year.html.jinja",
        {
            "year": year,
            "first": year.nights[0],
            "last": year.nights[-1],
            "limits": settings.monitor,
            "gates": settings.gates,
            "attributes": attributes,
            "populations": (ALL, APPROVED, DECLINED),
            "bands": sorted(population for population in populations if population.startswith(BAND)),
            "measures": REALISED,
            "headline": tuple(each for each in year.settled if each.population in {ALL, APPROVED, DECLINED}),
            "plots": rendering.images(figures),
        },
    )
