"""Plots of a model: arrays in, matplotlib figures out; nothing is read, written or shown.

Labels are 1 for default and 0 for none, probabilities are of default, both (rows,). Contributions are SHAP values in
log-odds and values the model's inputs, both (rows, features) in the order of
names. Colours are Okabe and Ito's, which
the colour-blind can tell apart. shap is imported where it draws because that takes seconds.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from jobs.model import measures
from jobs.model.measures import Curve, Vector

if TYPE_CHECKING:
    import shap

mpl.use("Agg")

BLUE, VERMILION, GREEN, GREY, INK = "#0072B2", "#D55E00", "#009E73", "#9CA3AF", "#374151"
LOW_TO_HIGH = LinearSegmentedColormap.from_list("low_to_high", [BLUE, "#C9CDD3", VERMILION]).with_extremes(bad=GREY)
LOG_ODDS = "contribution to the log-odds of default"

# More points than this cannot be told apart at the size of a page.
POINTS = 400
FIRST_FEW = 0.05
DOTS_PER_INCH = 200
PNG_DOTS_PER_INCH = 130


def svg(figure: Figure) -> str:
    """The figure as SVG text: words stay words, dense clouds of points are pixels, and no date is written."""
    for axes in figure.axes:
        for cloud in axes.collections:
            cloud.set_rasterized(True)
    text = StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "home-credit"}):
        figure.savefig(text, format="svg", dpi=DOTS_PER_INCH, bbox_inches="tight", metadata={"Date": None})
    return text.getvalue()


def png(figure: Figure) -> bytes:
    """The figure as a PNG image, for what shows no SVG."""
    image = BytesIO()
    figure.savefig(image, format="png", dpi=PNG_DOTS_PER_INCH, bbox_inches="tight", metadata={"Software": None})
    return image.getvalue()


def canvas(width: float = 6.0, height: float = 4.2) -> tuple[Figure, Axes]:
    """An empty figure (inches) of one axes, in the plots' common look."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    plain(axes)
    return figure, axes


def plain(axes: Axes) -> None:
    """Thin grey axes on two sides and a pale grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=INK, length=0)
    axes.grid(color="#EEF0F3")
    axes.set_axisbelow(True)


def label_axes(axes: Axes, x: str, y: str) -> None:
    """Name what the axes show."""
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)


def in_percent(axes: Axes, x: bool = True, y: bool = True) -> None:
    """Write shares as percentages on the axes named."""
    for axis, wanted in ((axes.xaxis, x), (axes.yaxis, y)):
        if wanted:
            axis.set_major_formatter(PercentFormatter(1, decimals=None))


def thinned(curve: Curve) -> Curve:
    """At most `POINTS` points of the curve, its ends among them."""
    if curve.x.size <= POINTS:
        return curve
    kept = np.linspace(0, curve.x.size - 1, POINTS).round().astype(int)
    return Curve(curve.x[kept], curve.y[kept], curve.score[kept])


def roc(labels: Vector, probabilities: Vector, weights: Vector) -> Figure:
    """Receiver operating characteristic, with the AUC."""
    figure, axes = canvas()
    curve = thinned(measures.roc_curve(labels, probabilities, weights))
    axes.fill_between(curve.x, curve.y, curve.x, color=BLUE, alpha=0.08, linewidth=0)
    axes.plot(
        curve.x, curve.y, color=BLUE, linewidth=2, label=f"AUC {measures.auc(labels, probabilities, weights):.3f}"
    )
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="by chance")
    label_axes(axes, "good applicants declined", "bad applicants declined")
    in_percent(axes)
    axes.legend(frameon=False, loc="lower right")
    return figure


def precision_recall(labels: Vector, probabilities: Vector, weights: Vector) -> Figure:
    """Precision against recall, with the average precision and the bad rate as what chance gives."""
    figure, axes = canvas()
    curve = thinned(measures.precision_recall_curve(labels, probabilities, weights))
    bad_rate = float(np.average(labels, weights=weights))
    average = measures.average_precision(labels, probabilities, weights)
    axes.plot(curve.x, curve.y, color=BLUE, linewidth=2, label=f"average precision {average:.3f}")
    axes.axhline(bad_rate, color=GREY, linestyle="--", linewidth=1, label=f"by chance {bad_rate:.3f}")
    label_axes(axes, "share of the bad applicants found (recall)", "bad share of those found (precision)")
    in_percent(axes)
    axes.set_ylim(0, 1.02)
    axes.legend(frameon=False)
    return figure


def gains(labels: Vector, probabilities: Vector, weights: Vector) -> Figure:
    """Bad rate of each tenth of the ranking as bars, share of all bad applicants captured so far as a line."""
    figure, axes = canvas()
    table = measures.gains(labels, probabilities, weights=weights)
    bands = [row.band for row in table]
    axes.bar(bands, [row.bad_rate for row in table], color=BLUE, width=0.72)
    axes.axhline(float(np.average(labels, weights=weights)), color=GREY, linestyle="--", linewidth=1)
    label_axes(axes, "tenth of the applicants, riskiest first", "bad rate (bars)")
    axes.set_xticks(range(1, measures.BINS + 1))
    in_percent(axes, x=False)
    captured = axes.twinx()
    plain(captured)
    captured.grid(False)
    captured.plot(bands, [row.cumulative_capture for row in table], color=VERMILION, marker="o", markersize=4)
    captured.set_ylim(0, 1.05)
    captured.set_ylabel("share of the bad captured (line)", color=VERMILION)
    in_percent(captured, x=False)
    return figure


def kolmogorov_smirnov(labels: Vector, probabilities: Vector, weights: Vector) -> Figure:
    """Distribution functions of both classes and their largest distance."""
    figure, axes = canvas()
    score, bad, good = measures.class_shares(labels, probabilities, weights)
    distance = measures.kolmogorov_smirnov(labels, probabilities, weights)
    at = int(np.flatnonzero(score == distance.score)[0])
    for name, shares, colour in (("good", good, BLUE), ("bad", bad, VERMILION)):
        curve = thinned(Curve(score, 1 - shares, score))
        axes.step(curve.x, curve.y, where="post", color=colour, linewidth=2, label=name)
    axes.plot([distance.score] * 2, [1 - bad[at], 1 - good[at]], color=INK, linewidth=1.5, marker="_")
    axes.annotate(
        f"KS {distance.value:.3f} at {distance.score:.3f}",
        (distance.score, 1 - (bad[at] + good[at]) / 2),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
    )
    label_axes(axes, "probability of default", "share of applicants below")
    in_percent(axes)
    axes.legend(frameon=False, loc="lower right")
    return figure


def calibration(labels: Vector, probabilities: Vector, weights: Vector) -> Figure:
    """Observed against predicted in bins of equal numbers of rows, with the normal 95 % range of a perfect model."""
    figure, axes = canvas()
    table = measures.reliability(labels, probabilities, weights=weights)
    predicted = np.array([row.predicted for row in table])
    reach = 1.96 * np.sqrt(predicted * (1 - predicted) / np.array([row.effective_rows for row in table]))
    top = 1.1 * max(*predicted + reach, *(row.observed for row in table))
    axes.plot([0, top], [0, top], color=GREY, linestyle="--", linewidth=1, label="perfect")
    low, high = np.maximum(0, predicted - reach), predicted + reach
    axes.fill_between(predicted, low, high, color=GREY, alpha=0.25, linewidth=0, label="noise of a perfect model")
    axes.plot(predicted, [row.observed for row in table], color=BLUE, marker="o", markersize=5, label="this model")
    label_axes(axes, "predicted probability of default", "observed bad rate")
    in_percent(axes)
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.legend(frameon=False, loc="upper left")
    return figure


def score_distribution(labels: Vector, probabilities: Vector, weights: Vector, threshold: float) -> Figure:
    """Density of the probabilities by class, and the threshold of the decision."""
    figure, axes = canvas()
    bins = list(np.linspace(0, float(np.quantile(probabilities, 0.995)), 41))
    for name, value, colour in (("good", 0, BLUE), ("bad", 1, VERMILION)):
        of = labels == value
        axes.hist(probabilities[of], bins=bins, weights=weights[of], density=True, color=colour, alpha=0.5, label=name)
    axes.axvline(threshold, color=INK, linestyle=":", linewidth=1.5, label=f"declined from {threshold:.1%}")
    label_axes(axes, "probability of default", "density")
    in_percent(axes, y=False)
    axes.set_yticks([])
    axes.legend(frameon=False)
    return figure


def strategy(labels: Vector, probabilities: Vector, weights: Vector, threshold: float) -> Figure:
    """Bad rate of the approved against the share approved, and where the threshold stands."""
    figure, axes = canvas()
    curve = thinned(measures.strategy_curve(labels, probabilities, weights))
    here = measures.confusion(labels, probabilities, threshold, weights)
    axes.plot(curve.x, curve.y, color=BLUE, linewidth=2)
    axes.plot(here.approval_rate, here.bad_rate_of_approved, "o", color=VERMILION, markersize=8)
    axes.annotate(
        f"threshold: {here.approval_rate:.0%} approved,\n{here.bad_rate_of_approved:.1%} of them bad",
        (here.approval_rate, here.bad_rate_of_approved),
        xytext=(-10, 14),
        textcoords="offset points",
        ha="right",
        color=INK,
    )
    label_axes(axes, "share of applicants approved", "bad rate of the approved")
    in_percent(axes)
    # Among the first few approved one bad applicant is a spike that would flatten the rest.
    axes.set_ylim(0, 1.25 * max(0.01, *curve.y[curve.x >= FIRST_FEW]))
    return figure


def ranked_bars(sizes: Mapping[str, float], x: str, colour: str = BLUE) -> Figure:
    """Horizontal bars, largest on top."""
    ranked = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    figure, axes = canvas(height=0.9 + 0.27 * len(ranked))
    axes.barh([name for name, _ in ranked], [size for _, size in ranked], color=colour, height=0.7)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(x, color=INK)
    return figure


def importance(contributions: Vector, names: Sequence[str], top: int = 20) -> Figure:
    """Mean absolute contribution of the features that move the model most."""
    sizes = np.abs(contributions).mean(axis=0)
    largest = most_important(contributions, top)
    return ranked_bars({names[i]: float(sizes[i]) for i in largest}, f"mean |{LOG_ODDS}|")


def family_importance(contributions: Vector, families: Sequence[str]) -> Figure:
    """Mean absolute contribution of each reason family, its features' contributions summed within the applicant."""
    kinds = np.asarray(families)
    sizes = {f: float(np.abs(contributions[:, kinds == f].sum(axis=1)).mean()) for f in sorted(set(families))}
    return ranked_bars(sizes, f"mean |{LOG_ODDS}|", GREEN)


def explanation(contributions: Vector, values: Vector, names: Sequence[str], base_value: float) -> "shap.Explanation":
    """The arrays as shap's plots want them; (rows, features)."""
    import shap

    return shap.Explanation(
        values=contributions,
        base_values=np.full(len(contributions), base_value),
        data=values,
        feature_names=list(names),
    )


def beeswarm(contributions: Vector, values: Vector, names: Sequence[str], top: int = 20) -> Figure:
    """One point for each applicant and feature: how far it moved the log-odds, coloured by the feature's value."""
    import shap
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(9, 0.9 + 0.33 * min(top, len(names))))
    # shap leaves no choice of a generator; without a seed the points' jitter differs each time.
    np.random.seed(0)
    shap.plots.beeswarm(
        explanation(contributions, values, names, 0.0),
        max_display=top + 1,
        show=False,
        plot_size=None,
        group_remaining_features=False,
    )
    figure.axes[0].set_xlabel(LOG_ODDS, color=INK, fontsize=10)
    for axes in figure.axes:
        axes.tick_params(labelsize=9)
        axes.yaxis.label.set_fontsize(10)
    plt.close(figure)
    return figure


def by_class(contributions: Vector, labels: Vector, names: Sequence[str], top: int = 15) -> Figure:
    """Mean contribution of the features that move the model most, of those who defaulted and of those who did not."""
    largest = most_important(contributions, top)
    figure, axes = canvas(height=1.1 + 0.34 * largest.size)
    places = np.arange(largest.size)
    for name, value, colour, shift in (("bad", 1, VERMILION, -0.2), ("good", 0, BLUE, 0.2)):
        means = contributions[labels == value][:, largest].mean(axis=0)
        axes.barh(places + shift, means, height=0.38, color=colour, label=name)
    axes.set_yticks(places, [names[i] for i in largest])
    axes.invert_yaxis()
    axes.axvline(0, color=GREY, linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"mean {LOG_ODDS}", color=INK)
    axes.legend(frameon=False, loc="lower right")
    return figure


def most_important(contributions: Vector, top: int) -> NDArray[np.int64]:
    """The places of the features with the largest mean absolute contribution, largest first, equal ones by place."""
    sizes = np.abs(contributions).mean(axis=0)
    return np.lexsort((np.arange(sizes.size), -sizes))[:top]


def dependence(contributions: Vector, values: Vector, names: Sequence[str], top: int = 6) -> Figure:
    """Contribution against value of the features that move the model most; an extreme percent of values is cut.

    Colour is the value of the other feature that seems to interact most: within narrow bins of the first feature, the
    one that goes with what is left of its contribution (Lundberg's approximate interactions, of the top features only).
    """
    largest = most_important(contributions, top)
    across = min(3, largest.size)
    down = -(-largest.size // across)
    figure = Figure(figsize=(4.2 * across, 3.1 * down), layout="constrained")
    for axes, i in zip(np.ravel(figure.subplots(down, across, squeeze=False)), largest, strict=False):
        plain(axes)
        axes.axhline(0, color=GREY, linewidth=1)
        other = interacting(contributions, values, int(i))
        low, high = bulk(values[:, other], 0.05)
        shown = axes.scatter(
            values[:, i],
            contributions[:, i],
            c=values[:, other],
            cmap=LOW_TO_HIGH,
            vmin=low,
            vmax=high,
            plotnonfinite=True,
            s=6,
            alpha=0.6,
            linewidths=0,
        )
        low, high = bulk(values[:, i], 0.005)
        if low < high:
            axes.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
        axes.xaxis.set_major_locator(MaxNLocator(4))  # amounts are long
        axes.set_title(names[i], fontsize=9, color=INK)
        bar = figure.colorbar(shown, ax=axes, ticks=[], aspect=30, pad=0.02)
        bar.outline.set_visible(False)
        bar.set_label(names[other], fontsize=7, color=INK)
    figure.supylabel("contribution (log-odds)", fontsize=9, color=INK)
    return figure


def interacting(contributions: Vector, values: Vector, place: int, candidates: int = 15) -> int:
    """The place of the feature, among those that move the model most, that seems to interact most with another one."""
    from shap.utils import approximate_interactions

    others = [int(i) for i in most_important(contributions, candidates) if i != place]
    if not others:
        return place
    tried = [place, *others]
    # It says 0 / 0 of a bin whose values are unknown, and goes on as it should.
    with np.errstate(invalid="ignore"):
        ranked = approximate_interactions(0, contributions[:, tried], values[:, tried])
    return next(tried[int(i)] for i in ranked if i != 0)


def bulk(values: Vector, cut: float) -> tuple[float, float]:
    """The range of the known values without the outermost ones, such a share on each side."""
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, (cut, 1 - cut)) if known.size else (0.0, 1.0)
    return float(low), float(high)


def waterfall(contributions: Vector, values: Vector, names: Sequence[str], base_value: float, top: int = 12) -> Figure:
    """How one applicant's contributions, (features,), lead from the base value to the margin."""
    import shap
    from matplotlib import pyplot as plt

    figure = plt.figure()
    of_applicant = explanation(contributions[None], values[None], names, base_value)[0]
    shap.plots.waterfall(of_applicant, max_display=top + 1, show=False)
    figure.set_size_inches(9, 1.2 + 0.42 * min(top + 1, len(names)))
    plt.close(figure)
    return figure


def force(contributions: Vector, values: Vector, names: Sequence[str], base_value: float) -> Figure:
    """One applicant's contributions, (features,), as forces on the log-odds: red raises the risk, blue lowers it."""
    import shap
    from matplotlib import pyplot as plt

    named = [f"{name} = {value:,.4g}" for name, value in zip(names, values, strict=True)]
    figure: Figure = shap.plots.force(
        base_value,
        contributions,
        feature_names=named,
        matplotlib=True,
        show=False,
        figsize=(16, 3.2),
        text_rotation=12,  # names are long
    )
    plt.close(figure)
    return figure


def signed_bars(sizes: Mapping[str, float], x: str) -> Figure:
    """Horizontal bars to both sides of 0, in the order given: below it in one colour, above it in another."""
    figure, axes = canvas(height=0.9 + 0.27 * len(sizes))
    colours = [VERMILION if size < 0 else BLUE for size in sizes.values()]
    axes.barh(list(sizes), list(sizes.values()), color=colours, height=0.7)
    axes.invert_yaxis()
    axes.axvline(0, color=GREY, linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(x, color=INK)
    return figure
