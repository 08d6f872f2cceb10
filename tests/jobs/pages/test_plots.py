"""Every plot is drawn from few rows, ties and missing values among them."""

from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from jobs.pages import plots

RANDOM = np.random.default_rng(0)
LABELS = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0.0])
PROBABILITIES = np.array([0.6, 0.5, 0.5, 0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.04, 0.03, 0.01])
WEIGHTS = np.ones(12)
NAMES = ("EXT_SOURCE_MEAN", "never_known", "constant")
CONTRIBUTIONS = RANDOM.normal(size=(20, 3)) * [1.0, 0.1, 0.01]
VALUES = np.column_stack([RANDOM.normal(size=20), np.full(20, np.nan), np.ones(20)])

DRAWN: dict[str, Callable[[], Figure]] = {
    "roc": lambda: plots.roc(LABELS, PROBABILITIES, WEIGHTS),
    "precision_recall": lambda: plots.precision_recall(LABELS, PROBABILITIES, WEIGHTS),
    "gains": lambda: plots.gains(LABELS, PROBABILITIES, WEIGHTS),
    "kolmogorov_smirnov": lambda: plots.kolmogorov_smirnov(LABELS, PROBABILITIES, WEIGHTS),
    "calibration": lambda: plots.calibration(LABELS, PROBABILITIES, WEIGHTS),
    "score_distribution": lambda: plots.score_distribution(LABELS, PROBABILITIES, WEIGHTS, 1 / 11),
    "strategy": lambda: plots.strategy(LABELS, PROBABILITIES, WEIGHTS, 1 / 11),
    "importance": lambda: plots.importance(CONTRIBUTIONS, NAMES),
    "family_importance": lambda: plots.family_importance(CONTRIBUTIONS, ("external scores", "card use", "card use")),
    "beeswarm": lambda: plots.beeswarm(CONTRIBUTIONS, VALUES, NAMES),
    "by_class": lambda: plots.by_class(CONTRIBUTIONS, np.arange(20) % 2, NAMES),
    "dependence": lambda: plots.dependence(CONTRIBUTIONS, VALUES, NAMES),
    "waterfall": lambda: plots.waterfall(CONTRIBUTIONS[0], VALUES[0], NAMES, -2.0),
    "force": lambda: plots.force(CONTRIBUTIONS[0], VALUES[0], NAMES, -2.0),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_is_the_same_svg_each_time(name: str):
    drawn = plots.svg(DRAWN[name]())
    assert ElementTree.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
    assert plots.svg(DRAWN[name]()) == drawn


def text_of(figure: Figure) -> str:
    """All words of a figure."""
    return " ".join(ElementTree.fromstring(plots.svg(figure)).itertext())


def test_the_figures_say_what_was_measured():
    assert "AUC 0.734" in text_of(DRAWN["roc"]())
    assert "KS 0.625 at 0.300" in text_of(DRAWN["kolmogorov_smirnov"]())


def test_figures_are_weighted():
    """The good stand for four each: of the pairs nothing changes, of those found fewer are bad."""
    weights = np.where(LABELS == 1, 1.0, 4.0)
    assert "AUC 0.734" in text_of(plots.roc(LABELS, PROBABILITIES, weights))
    assert "by chance 0.111" in text_of(plots.precision_recall(LABELS, PROBABILITIES, weights))
    assert "by chance 0.333" in text_of(DRAWN["precision_recall"]())


def test_the_feature_that_moves_the_model_most_stands_on_top():
    (axes,) = plots.importance(CONTRIBUTIONS, NAMES).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(NAMES)


def test_each_class_has_the_mean_of_its_own_contributions():
    contributions, labels = np.array([[1.0], [0.5], [-0.5], [-0.1]]), np.array([1, 1, 0, 0])
    (axes,) = plots.by_class(contributions, labels, ("EXT_SOURCE_MEAN",)).axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.75, -0.3])


def test_the_colour_of_a_dependence_is_the_feature_that_interacts():
    first, second, third = RANDOM.normal(size=(3, 500))
    values = np.column_stack([first, second, third])
    contributions = np.column_stack([first * second, 0.1 * second, 0.2 * third])
    assert plots.interacting(contributions, values, 0) == 1


def test_contributions_within_a_family_cancel_out():
    against_each_other = np.array([[1.0, -1.0, 0.5], [-2.0, 2.0, 0.5]])
    (axes,) = plots.family_importance(against_each_other, ("one", "one", "other")).axes
    assert [(bar.get_width()) for bar in axes.patches] == [0.5, 0.0]


def test_a_long_curve_is_thinned_but_keeps_its_ends():
    label, score = RANDOM.integers(0, 2, 5000).astype(float), RANDOM.random(5000)
    (line, _) = plots.roc(label, score, np.ones(label.size)).axes[0].get_lines()
    assert len(line.get_xdata()) == plots.POINTS
    assert [float(line.get_xdata()[0]), float(line.get_xdata()[-1])] == [0.0, 1.0]
