"""A model card: what a model is for, what it was made from, how good and how fair it is, and how to make it again.

Mitchell et al. (2019), Model cards for model reporting, FAT*. One `ModelCard` is shown as HTML and as Markdown.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as installed

import numpy as np

from features.spec import Named
from jobs.model import fairness, measures
from jobs.model.citations import CONVENTIONS, LAW, Citation
from jobs.model.drift import Drift
from jobs.model.fairness import Audit
from jobs.model.measured_on import MeasuredOn
from jobs.model.measures import Interval, Performance
from jobs.pages import rendering
from jobs.pages.plots import most_important
from jobs.registry.runs import Tried
from jobs.runtime.settings import Settings
from jobs.scoring.shap_sample import Drivers, Stability
from jobs.scoring.test_applicants import HeldOutRows

TOP = 15
PACKAGES = ("pyspark", "delta-spark", "xgboost", "shap", "mlflow", "numpy", "pandas")


USES = (
    "Ranking and deciding applications for consumer credit: the probability that the applicant will have payment "
    "difficulties (TARGET = 1) on the loan applied for.",
    "Telling a declined applicant the principal reasons, by reason family.",
    "Review by people: every score comes with exact contributions and the version of the model that gave it.",
)
MISUSES = (
    "setting prices, limits or collections, which are other questions with other costs",
    "applicants, products or countries unlike those of the delivery that it learned from",
    "a decision without recourse to a person where the law gives a right to one",
)


@dataclass(frozen=True)
class Part:
    """The applicants that a model is trained, stopped or measured on."""

    name: str
    rows: int
    bad: int


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from.

    Args:
        name: The registered model's.
        run_id: MLflow's, of the training.
        sha256: Of the model's file.
        kind: What it is and how large.
        ended: Why it has so many trees, in a line.
        run_date: The delivery that it learned from.
        source: Where that delivery came from.
        lake: The lake's address.
        features_version: The Delta version of the feature table.
        feature_set: The version of the features.
        parts: Its applicants.
    """

    name: str
    run_id: str
    sha256: str
    kind: str
    ended: str
    run_date: date
    source: str
    lake: str
    features_version: int
    feature_set: str
    measured_on: MeasuredOn
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Measured:
    """A measure of the model; interval bounds are None where the measure has none."""

    name: str
    value: float
    low: float | None
    high: float | None
    meaning: str


@dataclass(frozen=True)
class Driver:
    """A feature that moves the model, by its mean absolute contribution in log-odds."""

    name: str
    family: str
    description: str
    importance: float


@dataclass(frozen=True)
class ModelCard:
    """Everything that the card says."""

    provenance: Provenance
    settings: Settings
    features: Mapping[str, int]
    """Reason family to its number of features, most first."""
    rows: int
    """Applicants that the model was measured by."""
    weighting: str
    """How they count, where not once each."""
    measured: tuple[Measured, ...]
    audits: tuple[Audit, ...]
    drivers: tuple[Driver, ...]
    stability: Stability | None
    trials: tuple[Tried, ...]
    drift: Drift | None
    packages: Mapping[str, str]

    uses: tuple[str, ...] = USES
    misuses: tuple[str, ...] = MISUSES
    law: tuple[Citation, ...] = LAW
    conventions: tuple[Citation, ...] = CONVENTIONS

    @property
    def lead(self) -> str:
        """The model in two sentences."""
        area, weighted = self.measured[0], self.settings.train.weight
        of = self.provenance
        return (
            f"{of.kind[:1].upper()}{of.kind[1:]} over {sum(self.features.values()):,} features that give the "
            f"probability of payment difficulties. On {self.rows:,} {of.measured_on.applicants} the AUC is "
            f"{area.value:.4f} ({area.low:.4f} to {area.high:.4f}{f', weighted by {weighted}' if weighted else ''})."
        )

    @property
    def limits(self) -> tuple[str, ...]:
        """What a reviewer should keep in mind, by what was found."""
        adverse, weighted = ", ".join(self.adverse), self.settings.train.weight
        stands = f"known as far as {weighted} stands for them"
        refused = stands if weighted else "not known (reject inference was not done)"
        return (
            "Only applicants whose loan was granted have an outcome; how those refused before would have paid is "
            f"{refused}.",
            "Who it was measured by is of the same delivery as whom it learned from: a later delivery may differ.",
            f"Selection rates differ by more than the policy of the lender allows by: {adverse}."
            if adverse
            else "No audited attribute falls below the policy of the lender at this threshold.",
            "Protected attributes are no inputs, but others may stand in for them; age is an input and is audited.",
            f"By age the policy is of those of {fairness.ELDERLY_BAND} against the younger band that is approved most: "
            "younger applicants may be declined more where they default more.",
            "Few rows say little: groups without an interval are too small to measure, and a calibration error of few "
            "rows is mostly chance.",
            "Contributions say what moved the model, not what would change the outcome.",
            "No setting makes a lender compliant: the rules cited here are as of their day, to be checked against "
            "the text of today.",
        )

    @property
    def adverse(self) -> tuple[str, ...]:
        """The attributes whose selection rates call for a closer look, by the lender's policy."""
        compared = ((audit.attribute, audit.selection_rate_ratio) for audit in self.audits)
        least = self.settings.gates.selection_rate_ratio
        return tuple(name for name, ratio in compared if ratio is not None and ratio.value < least)


def card_of(
    provenance: Provenance,
    settings: Settings,
    inputs: Sequence[Named],
    test: HeldOutRows,
    drivers: Drivers,
    stability: Stability | None,
    trials: Sequence[Tried] = (),
    drift: Drift | None = None,
) -> ModelCard:
    """The card of a model with these inputs; drift is from the applicants that it was measured by to new ones."""
    sizes = drivers.importance
    return ModelCard(
        provenance=provenance,
        settings=settings,
        features=dict(Counter(named.family for named in inputs).most_common()),
        rows=len(test.labels),
        weighting=test.weighting,
        measured=measured(test, settings),
        audits=test.audits(settings.decision.threshold),
        drivers=tuple(
            Driver(inputs[i].name, inputs[i].family, inputs[i].description, float(sizes[i]))
            for i in most_important(drivers.contributions, TOP)
        ),
        stability=stability,
        trials=tuple(trials),
        drift=drift,
        packages={package: installed(package) for package in PACKAGES},
    )


def measured(test: HeldOutRows, settings: Settings) -> tuple[Measured, ...]:
    """The measures of a card, with intervals where a measure has one: DeLong's of the AUC, normal ones of means."""
    labels, probabilities, weights = test.labels, test.probabilities, test.weights
    confidence = settings.gates.confidence
    performance = measures.performance(labels, probabilities, settings.decision, confidence, weights)
    area = measures.auc_interval(labels, probabilities, confidence, weights)
    approved = probabilities < performance.threshold
    right = np.where(labels == 1, probabilities, 1 - probabilities)
    squares, losses = (probabilities - labels) ** 2, -np.log(np.clip(right, np.finfo(np.float64).eps, 1))
    means = [
        ("Brier score", squares, weights, "mean squared error of the probabilities"),
        ("Log loss", losses, weights, "negative logarithm of the probability given to what came, on average"),
        ("Approval rate", approved, weights, f"probability below {performance.threshold:.4f}"),
        ("Bad rate of all", labels, weights, "share of applicants with payment difficulties"),
        ("Bad rate of the approved", labels[approved], weights[approved], "the same, of those who would be approved"),
    ]
    return (
        with_interval("AUC", area, "a bad applicant is ranked above a good one"),
        Measured("Gini", performance.gini, 2 * area.low - 1, 2 * area.high - 1, "twice the AUC, less one"),
        *without_interval(performance),
        *(
            with_interval(name, measures.mean_interval(values, confidence, weight), said)
            for name, values, weight, said in means
            if values.size
        ),
    )


def without_interval(performance: Performance) -> tuple[Measured, ...]:
    """The measures that have no interval of a closed form."""
    noise = f"a perfect model stays below {performance.calibration_error_noise:.4f} on so few rows"
    return (
        Measured("KS", performance.ks, None, None, f"largest distance of the classes, at {performance.ks_score:.4f}"),
        Measured(
            "Average precision", performance.average_precision, None, None, f"by chance {performance.bad_rate:.4f}"
        ),
        Measured("Calibration error", performance.calibration_error, None, None, noise),
        Measured(
            "Calibration slope", performance.calibration_slope, None, None, "1 where probabilities are spread right"
        ),
        Measured("Cost", performance.cost, None, None, "of the average applicant, at the costs of the settings"),
    )


def with_interval(name: str, interval: Interval, meaning: str) -> Measured:
    """A measure with its interval."""
    return Measured(name, interval.value, interval.low, interval.high, meaning)


def html(card: ModelCard) -> str:
    """The card as one page that needs no other file."""
    return rendering.render("model_card.html.jinja", {"card": card})


def markdown(card: ModelCard) -> str:
    """The card as Markdown."""
    return rendering.render("model_card.md.jinja", {"card": card})
