"""Which plots are drawn of a model, by name: the report shows them and MLflow keeps them."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from jobs.model.measures import Vector
from jobs.pages import plots
from jobs.scoring.shap_sample import Drivers
from jobs.scoring.test_applicants import HeldOutRows


def model_plots(test: HeldOutRows, threshold: float) -> dict[str, Figure]:
    """How good the model is."""
    labels, probabilities, weights = test.labels, test.probabilities, test.weights
    return {
        "roc": plots.roc(labels, probabilities, weights),
        "precision_recall": plots.precision_recall(labels, probabilities, weights),
        "gains": plots.gains(labels, probabilities, weights),
        "ks": plots.kolmogorov_smirnov(labels, probabilities, weights),
        "calibration": plots.calibration(labels, probabilities, weights),
        "score_distribution": plots.score_distribution(labels, probabilities, weights, threshold),
        "strategy": plots.strategy(labels, probabilities, weights, threshold),
    }


def driver_plots(drivers: Drivers) -> dict[str, Figure]:
    """What drives the model."""
    contributions, values, names = drivers.contributions, drivers.values, drivers.names
    return {
        "beeswarm": plots.beeswarm(contributions, values, names),
        "importance": plots.importance(contributions, names),
        "families": plots.family_importance(contributions, drivers.families),
        "by_class": plots.by_class(contributions, drivers.labels, names),
        "dependence": plots.dependence(contributions, values, names),
    }


def applicant_plots(
    contributions: Vector, values: Vector, names: Sequence[str], base_value: float
) -> dict[str, Figure]:
    """Why one applicant has the score, by contributions and inputs, (features,)."""
    return {
        "waterfall": plots.waterfall(contributions, values, names, base_value),
        "force": plots.force(contributions, values, names, base_value),
    }
