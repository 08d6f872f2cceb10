"""The report as one HTML page: what it says is a `ReportData`, how it looks is report.html.jinja and `plots`."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

import numpy as np
from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure
from numpy.typing import NDArray

from jobs import fairness, measures, plots
from jobs.inventory import StepRun, TableState
from jobs.measures import Vector
from jobs.settings import Decision


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
class HeldOutRows:
    """Labelled applicants that the model never saw; groups has their level of each audited attribute."""

    labels: Vector
    probabilities: Vector
    groups: Mapping[str, NDArray[np.str_]]


@dataclass(frozen=True)
class Drivers:
    """SHAP contributions (log-odds) and inputs of a sample, both (rows, features), and what the columns are."""

    contributions: Vector
    values: Vector
    names: tuple[str, ...]
    families: tuple[str, ...]


@dataclass(frozen=True)
class Applicant:
    """One applicant's decision, the sentences that give its reasons, and the contributions and inputs, (features,)."""

    id: int
    probability: float
    score: int
    decision: str
    reasons: tuple[str, ...]
    base_value: float
    contributions: Vector
    values: Vector


@dataclass(frozen=True)
class ReportData:
    """Everything that the page says."""

    run_date: date
    source: str
    steps: tuple[StepRun, ...]
    tables: tuple[TableState, ...]
    features: tuple[FeatureCount, ...]
    model: ModelIdentity
    decision: Decision
    test: HeldOutRows
    drivers: Drivers
    applicant: Applicant | None


def data_uri(figure: Figure) -> str:
    """The figure as the address of an image, so that the page needs no other file."""
    return "data:image/svg+xml;base64," + base64.b64encode(plots.svg(figure).encode()).decode()


def model_plots(test: HeldOutRows, threshold: float) -> dict[str, Figure]:
    """The plots of how good the model is, by name."""
    labels, probabilities = test.labels, test.probabilities
    return {
        "roc": plots.roc(labels, probabilities),
        "precision_recall": plots.precision_recall(labels, probabilities),
        "gains": plots.gains(labels, probabilities),
        "ks": plots.kolmogorov_smirnov(labels, probabilities),
        "calibration": plots.calibration(labels, probabilities),
        "score_distribution": plots.score_distribution(labels, probabilities, threshold),
        "strategy": plots.strategy(labels, probabilities, threshold),
    }


def driver_plots(drivers: Drivers) -> dict[str, Figure]:
    """The plots of what drives the model, by name."""
    return {
        "beeswarm": plots.beeswarm(drivers.contributions, drivers.values, drivers.names),
        "importance": plots.importance(drivers.contributions, drivers.names),
        "families": plots.family_importance(drivers.contributions, drivers.families),
        "dependence": plots.dependence(drivers.contributions, drivers.values, drivers.names),
    }


def applicant_plots(applicant: Applicant | None, names: tuple[str, ...]) -> dict[str, Figure]:
    """The plot of one applicant, by name; none without an applicant."""
    if applicant is None:
        return {}
    return {"waterfall": plots.waterfall(applicant.contributions, applicant.values, names, applicant.base_value)}


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
    test, threshold = data.test, data.decision.threshold
    figures = {
        **model_plots(test, threshold),
        **driver_plots(data.drivers),
        **applicant_plots(data.applicant, data.drivers.names),
    }
    tables, grid = feature_grid(data.features)
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = page.from_string(files("jobs").joinpath("report.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        data=data,
        found=measures.performance(test.labels, test.probabilities, data.decision),
        gains=measures.gains(test.labels, test.probabilities),
        decided=measures.confusion(test.labels, test.probabilities, threshold),
        audits=[
            fairness.audit(name, groups, test.labels, test.probabilities, threshold=threshold)
            for name, groups in test.groups.items()
        ],
        four_fifths=fairness.FOUR_FIFTHS,
        feature_tables=tables,
        feature_grid=grid,
        plots={name: data_uri(figure) for name, figure in figures.items()},
    )
