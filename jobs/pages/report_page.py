"""The report as one HTML page: what it says is a `ReportData`, how it looks is report.html.jinja and `plots`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from jobs.lake.contents import TableState
from jobs.lake.step_log import StepRun
from jobs.model import measures
from jobs.model.drift import Drift
from jobs.model.measured_on import MeasuredOn
from jobs.pages import model_plots, plots, rendering
from jobs.registry.runs import Tried
from jobs.registry.versions import Verdict
from jobs.runtime.settings import Decision, Gates
from jobs.scoring.not_scored import NotScored
from jobs.scoring.one_applicant import Applicant
from jobs.scoring.shap_sample import Drivers, Stability
from jobs.scoring.test_applicants import HeldOutRows


@dataclass(frozen=True)
class FeatureCount:
    """How many features come from a table into a reason family."""

    table: str
    family: str
    features: int


@dataclass(frozen=True)
class ModelIdentity:
    """Which model is reported: its version in the registry, its file's hash, its run and what it was trained on."""

    name: str
    version: int
    sha256: str
    run_id: str
    feature_set: str
    trained_on: date
    features_version: int


@dataclass(frozen=True)
class ReportData:
    """Everything that the page says.

    verdicts are what the gates said of the model when they were tried; drift is from whom it was measured by to this
    delivery's new ones, None where it has none.
    """

    run_date: date
    source: str
    steps: tuple[StepRun, ...]
    tables: tuple[TableState, ...]
    features: tuple[FeatureCount, ...]
    model: ModelIdentity
    decision: Decision
    gates: Gates
    verdicts: tuple[Verdict, ...]
    not_scored: tuple[NotScored, ...]
    drift: Drift | None
    measured_on: MeasuredOn
    test: HeldOutRows
    drivers: Drivers
    stability: Stability | None
    trials: tuple[Tried, ...]
    applicant: Applicant | None


def feature_grid(counts: tuple[FeatureCount, ...]) -> tuple[list[str], dict[str, dict[str, int]]]:
    """The tables in the order they come in, and the number of features by family and table."""
    tables = list(dict.fromkeys(count.table for count in counts))
    families = dict.fromkeys(count.family for count in counts)
    grid = {family: dict.fromkeys(tables, 0) for family in families}
    for count in counts:
        grid[count.family][count.table] += count.features
    return tables, grid


def render(data: ReportData) -> str:
    """The page; needs at least two bad and two good test rows."""
    return page_of(data, drawn(data))


def drawn(data: ReportData) -> dict[str, str]:
    """The page's plots by name, as they stand in it."""
    figures = model_plots.model_plots(data.test, data.decision.threshold) | model_plots.driver_plots(data.drivers)
    if data.applicant is not None:
        figures |= {"waterfall": plots.waterfall(*data.applicant.explained)}
    return rendering.images(figures)


def page_of(data: ReportData, images: Mapping[str, str]) -> str:
    """The page with plots that are drawn already: of the same data, or of more."""
    test, threshold = data.test, data.decision.threshold
    tables, grid = feature_grid(data.features)
    return rendering.render(
        "report.html.jinja",
        {
            "data": data,
            "found": measures.performance(test.labels, test.probabilities, data.decision, weights=test.weights),
            "gains": measures.gains(test.labels, test.probabilities, weights=test.weights),
            "decided": measures.confusion(test.labels, test.probabilities, threshold, test.weights),
            "audits": test.audits(threshold),
            "feature_tables": tables,
            "feature_grid": grid,
            "plots": images,
        },
    )


def without_applicant(data: ReportData) -> ReportData:
    """What those may read who may not read of a single applicant."""
    return replace(data, applicant=None)
