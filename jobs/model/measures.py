"""How good probabilities of default are: discrimination, calibration and the decisions that follow.

Labels are 1 for default (bad) and 0 for none (good); a higher score means more risk. The arrays of a function have
one entry for each applicant. Rows are put in order before they are summed, so that no result depends on how they came.
Empty arrays, arrays of different lengths, labels other than 0 and 1, and scores that are not numbers raise ValueError;
so does a single class of label where a measure needs both.

Weights say how many applicants a row stands for, in any unit, more than 0; None is 1 for each. A whole number of them
gives what so many equal rows give. Not so an interval: a row that stands for many is one observation all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jobs.runtime.settings import Decision

Vector = NDArray[np.float64]

BINS = 10


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, its standard error and the bounds of its confidence interval."""

    value: float
    standard_error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class KolmogorovSmirnov:
    """The largest distance between the classes' distribution functions, and the score where it stands."""

    value: float
    score: float


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Applicants of like probability: how many, what was predicted on average, what came, the sum of their weights, and
    how many of one weight would tell as much."""

    rows: int
    predicted: float
    observed: float
    weight: float
    effective_rows: float


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """logit P(default) = intercept + slope * logit(probability); 0 and 1 where calibration is perfect."""

    intercept: float
    slope: float


@dataclass(frozen=True, slots=True)
class CalibrationNoise:
    """The calibration error that perfect probabilities would show on so few rows: its mean, and a bound."""

    mean: float
    bound: float


@dataclass(frozen=True, slots=True)
class GainsRow:
    """A band of the ranking, riskiest first; the cumulative figures include all riskier bands.

    capture is the share of all bad applicants, lift the bad rate over the bad rate of all. Of weighted rows these are
    weighted; rows and bad count.
    """

    band: int
    rows: int
    bad: int
    bad_rate: float
    lowest_score: float
    capture: float
    cumulative_capture: float
    lift: float
    cumulative_lift: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Decisions against what came, in applicants, or in the sums of their weights. Positive is bad: an applicant at or
    above the threshold is declined."""

    true_positive: float
    false_positive: float
    true_negative: float
    false_negative: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.true_positive + self.false_positive + self.true_negative + self.false_negative

    @property
    def accuracy(self) -> float:
        """Share of decisions that were right."""
        return (self.true_positive + self.true_negative) / self.total

    @property
    def precision(self) -> float:
        """Bad share of the declined; 0 where nobody is."""
        return share(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Declined share of the bad; 0 where nobody is bad."""
        return share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where nobody bad is declined. Van Rijsbergen (1979), chapter 7."""
        twice = 2 * self.true_positive
        return share(twice, twice + self.false_positive + self.false_negative)

    @property
    def approval_rate(self) -> float:
        """Share of applicants approved, the other side of the bad rate of the approved: see `strategy_curve`."""
        return (self.true_negative + self.false_negative) / self.total

    @property
    def bad_rate_of_approved(self) -> float:
        """Bad share of the approved; 0 where nobody is approved."""
        return share(self.false_negative, self.true_negative + self.false_negative)

    def cost(self, of_default: float, of_decline: float) -> float:
        """Mean cost of an applicant: a bad one approved costs of_default, a good one declined of_decline.

        Elkan (2001), The foundations of cost-sensitive learning, IJCAI.
        """
        return (of_default * self.false_negative + of_decline * self.false_positive) / self.total


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a curve; the score of a point is the lowest score that counts as risky there."""

    x: Vector
    y: Vector
    score: Vector


@dataclass(frozen=True, slots=True)
class Performance:
    """The measures of one model on one set of rows, flat, as they are logged."""

    rows: float
    bad_rate: float
    auc: float
    auc_low: float
    auc_high: float
    gini: float
    ks: float
    ks_score: float
    average_precision: float
    brier: float
    log_loss: float
    calibration_error: float
    calibration_error_noise: float
    calibration_intercept: float
    calibration_slope: float
    threshold: float
    f1: float
    accuracy: float
    cost: float
    approval_rate: float
    bad_rate_of_approved: float


def share(part: float, whole: float) -> float:
    """The part of the whole; 0 of nothing."""
    return part / whole if whole else 0.0


def in_order(labels: ArrayLike, *scores: ArrayLike, weights: ArrayLike | None = None) -> tuple[Vector, ...]:
    """Labels, scores and weights as checked arrays, sorted by the first score, then the next ones, then the label, then
    the weight."""
    label = np.asarray(labels, dtype=np.float64)
    columns = [np.asarray(score, dtype=np.float64) for score in scores]
    weight = weights_of(label, weights)
    if label.size == 0:
        raise ValueError("no rows: a measure needs at least one")
    if any(column.shape != label.shape or column.ndim != 1 for column in columns):
        shapes = ", ".join(str(column.shape) for column in [label, *columns])
        raise ValueError(f"labels and scores must be flat and of one length, not {shapes}")
    if not np.isin(label, (0.0, 1.0)).all():
        raise ValueError(f"labels must be 0 or 1, not {np.setdiff1d(label, (0.0, 1.0))[0]}")
    if not all(np.isfinite(column).all() for column in columns):
        raise ValueError("every score must be a finite number")
    order = np.lexsort((weight, label, *reversed(columns)))
    return label[order], *(column[order] for column in columns), weight[order]


def weights_of(values: Vector, weights: ArrayLike | None) -> Vector:
    """The weight of each value: as given, or 1."""
    if weights is None:
        return np.ones(values.size)
    weight = np.asarray(weights, dtype=np.float64)
    if weight.shape != values.shape:
        raise ValueError(f"weights must be as many as the rows, not {weight.shape} of {values.shape}")
    if not (np.isfinite(weight).all() and (weight > 0).all()):
        raise ValueError("every weight must be a finite number above 0: leave rows out that stand for nobody")
    return weight


def in_order_of_both_classes(
    labels: ArrayLike, *scores: ArrayLike, weights: ArrayLike | None = None
) -> tuple[Vector, ...]:
    """`in_order`, for measures that compare bad applicants with good ones."""
    rows = in_order(labels, *scores, weights=weights)
    if rows[0].min() == rows[0].max():
        raise ValueError(f"all {rows[0].size} labels are {rows[0][0]:.0f}: this measure needs both classes")
    return rows


def midranks(values: Vector, weights: ArrayLike | None = None) -> Vector:
    """Ranks from 1; equal values share the mean of their ranks. A row takes as many ranks as it weighs."""
    _, position = np.unique(values, return_inverse=True)
    counts = np.bincount(position, weights_of(values, weights))
    ranks: Vector = (np.cumsum(counts) - (counts - 1) / 2)[position]
    return ranks


def equal_mass_bins(scores: Vector, bins: int, weights: ArrayLike | None = None) -> NDArray[np.int64]:
    """The bin, from 0 for the lowest, of each score; equal scores share a bin, so that bins may be empty."""
    total = weights_of(scores, weights).sum()
    return np.minimum((midranks(scores, weights) - 0.5) * bins / total, bins - 1).astype(np.int64)


def placements(labels: Vector, scores: Vector, weights: Vector) -> tuple[Vector, Vector]:
    """For each bad row the share of good rows below it, for each good row the share of bad rows above it.

    Ties count half. The means of both are the AUC. Sun and Xu (2014), Fast implementation of DeLong's algorithm,
    IEEE Signal Processing Letters 21.
    """
    is_bad = labels == 1
    ranks = midranks(scores, weights)
    among_bad, among_good = (midranks(scores[of], weights[of]) for of in (is_bad, ~is_bad))
    of_bad = (ranks[is_bad] - among_bad) / weights[~is_bad].sum()
    of_good = 1 - (ranks[~is_bad] - among_good) / weights[is_bad].sum()
    return of_bad, of_good


def auc(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Chance that a bad applicant scores above a good one, ties counting half: Mann and Whitney's U, exact.

    Hanley and McNeil (1982), The meaning and use of the area under a ROC curve, Radiology 143.
    """
    label, score, weight = in_order_of_both_classes(labels, scores, weights=weights)
    of_bad, _ = placements(label, score, weight)
    return float(np.average(of_bad, weights=weight[label == 1]))


def spread(values: Vector, weights: Vector) -> float:
    """The variance that, over the number of values, is that of their weighted mean; of equal weights the sample's.

    A mean is a ratio of two sums over rows that were drawn with what they weigh, and is linearised: n / (n - 1) times
    the sum of (weight * (value - mean)) squared over the squared sum of the weights, times n. Cochran (1977), Sampling
    Techniques, section 2.11; Binder (1983), International Statistical Review 51.
    """
    off = weights * (values - np.average(values, weights=weights))
    return float((off * off).sum() / (values.size - 1) * (values.size / weights.sum()) ** 2)


def effective_rows(weights: Vector) -> float:
    """How many rows of one weight tell a mean as well. Kish (1965), Survey Sampling."""
    return float(weights.sum() ** 2 / (weights * weights).sum())


def normal_interval(of_bad: Vector, of_good: Vector, bad: Vector, good: Vector, confidence: float) -> Interval:
    """The mean of the placements with DeLong's standard error, unbounded.

    Args:
        of_bad: Placements of the bad rows.
        of_good: Of the good ones.
        bad: Weights of the bad rows.
        good: Of the good ones.
        confidence: Of the interval.
    """
    check_two_of_each(of_bad.size, of_good.size)
    error = float(np.sqrt(spread(of_bad, bad) / of_bad.size + spread(of_good, good) / of_good.size))
    value = float(np.average(of_bad, weights=bad))
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return Interval(value, error, value - reach, value + reach)


def check_two_of_each(bad: int, good: int) -> None:
    """Refuse classes too small for a standard error."""
    if min(bad, good) < 2:
        raise ValueError(f"{bad} bad and {good} good rows: a standard error needs two of each")


def mean_interval(values: ArrayLike, confidence: float = 0.95, weights: ArrayLike | None = None) -> Interval:
    """A mean with its normal interval, of any one number a row: a loss, or 1 for approved and 0 for declined."""
    value = np.asarray(values, dtype=np.float64)
    if not value.size:
        raise ValueError("no rows: a mean needs at least one")
    weight = weights_of(value, weights)
    order = np.lexsort((weight, value))
    value, weight = value[order], weight[order]
    mean = float(np.average(value, weights=weight))
    error = float(np.sqrt(spread(value, weight)) / np.sqrt(value.size)) if value.size > 1 else float("inf")
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return Interval(mean, error, mean - reach, mean + reach)


def auc_interval(
    labels: ArrayLike, scores: ArrayLike, confidence: float = 0.95, weights: ArrayLike | None = None
) -> Interval:
    """The AUC with its standard error and normal interval within [0, 1].

    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44. Needs two rows of each class. Weighted it is the
    estimate of Yao, Li and Graubard (2015), Estimation of ROC curve with complex survey data, Statistics in Medicine
    34. Its variance, which they take by the jackknife, is that of the weighted means of both classes' placements.

    Args:
        labels: (rows,).
        scores: (rows,), or (repeats, rows) of the same fits by other folds. Then it is the mean of their AUCs, and each
            row's placements are averaged: repeats lessen the noise of the folds, not that of the rows.
        confidence: Of the interval.
        weights: (rows,).
    """
    label, *repeats, weight = in_order_of_both_classes(labels, *np.atleast_2d(scores), weights=weights)
    of_bad, of_good = mean_placements([placements(label, score, weight) for score in repeats])
    of_all = normal_interval(of_bad, of_good, weight[label == 1], weight[label == 0], confidence)
    return Interval(of_all.value, of_all.standard_error, max(0.0, of_all.low), min(1.0, of_all.high))


def auc_by_chance(bad: float, good: float, confidence: float = 0.95) -> float:
    """What the AUC of scores without any skill stays below in `confidence` of samples of so many rows.

    Its error by Mann and Whitney (1947), Annals of Mathematical Statistics 18: unlike an estimated one it holds on a
    handful of bad rows too. It is exact for `effective_rows` of each class, where rows are weighted.
    """
    return 0.5 + NormalDist().inv_cdf(confidence) * auc_error_by_chance(bad, good)


def auc_told_from_chance(bad: float, good: float, confidence: float = 0.95, power: float = 0.8) -> float:
    """The AUC from which a model exceeds `auc_by_chance` in `power` of samples: what so few rows can tell.

    Power of four fifths is the convention of Cohen (1988), Statistical Power Analysis for the Behavioral Sciences.
    """
    reach = NormalDist().inv_cdf(confidence) + NormalDist().inv_cdf(power)
    return 0.5 + reach * auc_error_by_chance(bad, good)


def auc_error_by_chance(bad: float, good: float) -> float:
    """The standard error of the AUC of scores without any skill."""
    if not bad or not good:
        raise ValueError(f"{bad} bad and {good} good rows: this measure needs both classes")
    return float(np.sqrt((bad + good + 1) / (12 * bad * good)))


def auc_difference(
    labels: ArrayLike,
    scores: ArrayLike,
    others: ArrayLike,
    confidence: float = 0.95,
    weights: ArrayLike | None = None,
) -> Interval:
    """AUC of the scores minus AUC of the others on the same rows, with the interval of paired scores (DeLong 1988).

    Needs two rows of each class. Both may be repeats, as of `auc_interval`, each paired with the other's of its folds.
    """
    mine, theirs = np.atleast_2d(scores), np.atleast_2d(others)
    label, *columns, weight = in_order_of_both_classes(labels, *mine, *theirs, weights=weights)
    placed = [placements(label, score, weight) for score in columns]
    of_mine, of_theirs = mean_placements(placed[: len(mine)]), mean_placements(placed[len(mine) :])
    of_bad, of_good = (own - other for own, other in zip(of_mine, of_theirs, strict=True))
    return normal_interval(of_bad, of_good, weight[label == 1], weight[label == 0], confidence)


def mean_placements(repeats: Sequence[tuple[Vector, Vector]]) -> tuple[Vector, Vector]:
    """The placements of the bad and of the good rows, on average over repeats."""
    of_bad, of_good = (np.mean(side, axis=0) for side in zip(*repeats, strict=True))
    return of_bad, of_good


def gini(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """2 AUC - 1, also called accuracy ratio or Somers' D.

    Engelmann, Hayden and Tasche (2003), Testing rating accuracy, Risk 16.
    """
    return 2 * auc(labels, scores, weights) - 1


def class_shares(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> tuple[Vector, Vector, Vector]:
    """Each distinct score, highest first, with the shares of the bad and of the good rows at or above it."""
    rows = in_order_of_both_classes(labels, scores, weights=weights)
    label, score, weight = (column[::-1] for column in rows)
    last_of_its_score = np.append(np.flatnonzero(np.diff(score)), score.size - 1)
    bad, good = (np.cumsum(weight * of)[last_of_its_score] for of in (label, 1 - label))
    return score[last_of_its_score], bad / bad[-1], good / good[-1]


def kolmogorov_smirnov(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> KolmogorovSmirnov:
    """max over s of |F_bad(s) - F_good(s)|; the score is the lowest of those declined at the maximum.

    Smirnov (1948), Annals of Mathematical Statistics 19; of scorecards: Thomas, Edelman and Crook (2002), Credit
    Scoring and Its Applications.
    """
    score, bad, good = class_shares(labels, scores, weights)
    distance = np.abs(bad - good)
    return KolmogorovSmirnov(float(distance.max()), float(score[distance.argmax()]))


def roc_curve(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Curve:
    """x: share of the good rows declined, y: share of the bad rows declined, from (0, 0) to (1, 1).

    Fawcett (2006), An introduction to ROC analysis, Pattern Recognition Letters 27.
    """
    score, bad, good = class_shares(labels, scores, weights)
    return Curve(np.insert(good, 0, 0.0), np.insert(bad, 0, 0.0), np.insert(score, 0, np.inf))


def precision_recall_curve(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Curve:
    """x: recall, y: precision, at each distinct score, highest first. Davis and Goadrich (2006), ICML."""
    score, bad, good = class_shares(labels, scores, weights)
    label, weight = in_order(labels, weights=weights)
    total_bad = float((weight * label).sum())
    total_good = float(weight.sum()) - total_bad
    return Curve(bad, bad * total_bad / (bad * total_bad + good * total_good), score)


def average_precision(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Sum over the distinct scores of (gain in recall) * precision, without interpolation; the bad rate by chance.

    Davis and Goadrich (2006), The relationship between precision-recall and ROC curves, ICML, on why not interpolate.
    """
    curve = precision_recall_curve(labels, scores, weights)
    return float(np.sum(np.diff(curve.x, prepend=0.0) * curve.y))


def strategy_curve(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Curve:
    """x: share of applicants approved, y: their bad rate, approving the safest first, one point a distinct score.

    Thomas, Edelman and Crook (2002), Credit Scoring and Its Applications, "strategy curve".
    """
    label, score, weight = in_order(labels, scores, weights=weights)
    last_of_its_score = np.append(np.flatnonzero(np.diff(score)), score.size - 1)
    approved, bad = (np.cumsum(of)[last_of_its_score] for of in (weight, weight * label))
    next_score = np.append(score, np.inf)[last_of_its_score + 1]
    return Curve(approved / approved[-1], bad / approved, next_score)


def brier(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean of (probability - label) squared. Brier (1950), Monthly Weather Review 78."""
    label, probability, weight = in_order(labels, probabilities, weights=weights)
    return float(np.average((probability - label) ** 2, weights=weight))


def off_0_and_1(probabilities: Vector) -> Vector:
    """The probabilities, kept off 0 and 1 by the float's precision."""
    epsilon = np.finfo(np.float64).eps
    return np.clip(probabilities, epsilon, 1 - epsilon)


def log_odds_of(probabilities: Vector) -> Vector:
    """ln(p / (1 - p)), finite for 0 and 1 too."""
    safe = off_0_and_1(probabilities)
    odds: Vector = np.log(safe / (1 - safe))
    return odds


def probabilities_of(log_odds: Vector) -> Vector:
    """1 / (1 + exp(-log odds)), by the side of it that doesn't overflow."""
    small = np.exp(-np.abs(log_odds))
    probabilities: Vector = np.where(log_odds < 0, small, 1.0) / (1 + small)
    return probabilities


def log_loss(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean of -ln(probability given to what came); probabilities are kept off 0 and 1 by the float's precision.

    Good (1952), Rational decisions, Journal of the Royal Statistical Society B 14.
    """
    label, probability, weight = in_order(labels, probabilities, weights=weights)
    safe = off_0_and_1(probability)
    return float(-np.average(label * np.log(safe) + (1 - label) * np.log1p(-safe), weights=weight))


def log_losses(labels: Vector, margins: Vector) -> Vector:
    """The log loss of each row, from its margin; nan of nan."""
    with np.errstate(invalid="ignore"):
        return np.logaddexp(0.0, np.where(labels == 1, -margins, margins))


def reliability(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = BINS, weights: ArrayLike | None = None
) -> tuple[ReliabilityBin, ...]:
    """Predicted against observed in bins of equal numbers of rows, lowest first; empty bins are left out.

    Murphy and Winkler (1977), Reliability of subjective probability forecasts, Applied Statistics 26.
    """
    label, probability, weight = in_order(labels, probabilities, weights=weights)
    bin_of = equal_mass_bins(probability, bins, weight)
    groups = ((label[bin_of == b], probability[bin_of == b], weight[bin_of == b]) for b in np.unique(bin_of))
    return tuple(
        ReliabilityBin(
            rows=came.size,
            predicted=float(np.average(said, weights=each)),
            observed=float(np.average(came, weights=each)),
            weight=float(each.sum()),
            effective_rows=effective_rows(each),
        )
        for came, said, each in groups
    )


def calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = BINS, weights: ArrayLike | None = None
) -> float:
    """Expected calibration error: mean over the rows of |predicted - observed| of their bin, bins of equal mass.

    Naeini, Cooper and Hauskrecht (2015), AAAI; equal mass after Nixon et al. (2019), CVPR workshops.
    """
    table = reliability(labels, probabilities, bins, weights)
    return sum(b.weight * abs(b.predicted - b.observed) for b in table) / sum(b.weight for b in table)


def calibration_noise(
    probabilities: ArrayLike,
    confidence: float = 0.95,
    bins: int = BINS,
    draws: int = 500,
    seed: int = 0,
    weights: ArrayLike | None = None,
) -> CalibrationNoise:
    """What `calibration_error` gives where each label is drawn with exactly its probability.

    The bound is the confidence-quantile over the draws. On few rows even perfect probabilities show an error, which a
    gate must not hold against a model. Bröcker and Smith (2007), Weather and Forecasting 22, for reliability diagrams.
    """
    _, probability, weight = in_order(np.zeros(np.size(probabilities)), probabilities, weights=weights)
    bin_of = equal_mass_bins(probability, bins, weight)
    expected = np.bincount(bin_of, weight * probability, minlength=bins)
    random = np.random.default_rng(seed)

    def drawn() -> Vector:
        bad = random.random(probability.size) < probability
        return np.bincount(bin_of, weight * bad, minlength=bins)

    errors = [np.abs(drawn() - expected).sum() for _ in range(draws)]
    total = float(weight.sum())
    return CalibrationNoise(float(np.mean(errors)) / total, float(np.quantile(errors, confidence)) / total)


def calibration_line(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> CalibrationLine:
    """Logistic regression of the label on the probability's log-odds.

    Cox (1958), Two further applications of a model for binary regression, Biometrika 45. A slope below 1 says that the
    probabilities are spread too far. Both are nan where no maximum exists: the classes are separated by a probability,
    or all probabilities are the same.
    """
    label, probability, weight = in_order_of_both_classes(labels, probabilities, weights=weights)
    return logistic_line(log_odds_of(probability), label, weight)


def logistic_line(log_odds: Vector, targets: Vector, rows: Vector | None = None) -> CalibrationLine:
    """The line of greatest likelihood through targets in [0, 1], by Newton's method; nan where there is none.

    Args:
        log_odds: (points,).
        targets: (points,), shares of the bad where a point is of several rows.
        rows: (points,), how many rows each point is of; None is one each.
    """
    design = np.column_stack([np.ones(targets.size), log_odds])
    weights = np.ones(targets.size) if rows is None else rows
    mean = np.average(targets, weights=weights)
    line = np.array([np.log(mean / (1 - mean)), 0.0])  # from a slope of 1 it can overshoot for good
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-np.clip(design @ line, -500, 500)))
        information = (design * (weights * fitted * (1 - fitted))[:, None]).T @ design
        if np.linalg.cond(information) > 1e12:
            break
        step = np.linalg.solve(information, design.T @ (weights * (targets - fitted)))
        line = line + step
        if np.abs(step).max() < 1e-10:
            return CalibrationLine(float(line[0]), float(line[1]))
    return CalibrationLine(float("nan"), float("nan"))


def gains(
    labels: ArrayLike, scores: ArrayLike, bands: int = BINS, weights: ArrayLike | None = None
) -> tuple[GainsRow, ...]:
    """The gains table: bands of equal numbers of rows, riskiest first; empty bands (ties) are left out.

    Siddiqi (2006), Credit Risk Scorecards: capture, lift and bad rate by decile.
    """
    label, score, weight = in_order_of_both_classes(labels, scores, weights=weights)
    band_of = bands - equal_mass_bins(score, bands, weight)
    all_bad, bad_rate = float((weight * label).sum()), float(np.average(label, weights=weight))
    table, seen, seen_bad = [], 0.0, 0.0
    for band in np.unique(band_of):
        inside = band_of == band
        each, bad = float(weight[inside].sum()), float((weight * label)[inside].sum())
        seen, seen_bad = seen + each, seen_bad + bad
        table.append(
            GainsRow(
                band=int(band),
                rows=int(inside.sum()),
                bad=int(label[inside].sum()),
                bad_rate=bad / each,
                lowest_score=float(score[inside].min()),
                capture=bad / all_bad,
                cumulative_capture=seen_bad / all_bad,
                lift=bad / each / bad_rate,
                cumulative_lift=seen_bad / seen / bad_rate,
            )
        )
    return tuple(table)


def confusion(
    labels: ArrayLike, probabilities: ArrayLike, threshold: float, weights: ArrayLike | None = None
) -> Confusion:
    """Decisions at the threshold against what came."""
    label, probability, weight = in_order(labels, probabilities, weights=weights)
    bad, declined = label == 1, probability >= threshold
    return Confusion(
        true_positive=float(weight[declined & bad].sum()),
        false_positive=float(weight[declined & ~bad].sum()),
        true_negative=float(weight[~declined & ~bad].sum()),
        false_negative=float(weight[~declined & bad].sum()),
    )


def performance(
    labels: ArrayLike,
    probabilities: ArrayLike,
    decision: Decision,
    confidence: float = 0.95,
    weights: ArrayLike | None = None,
) -> Performance:
    """Every measure that is one number, of probabilities and of the decisions at the settings' threshold.

    Needs two rows of each class. calibration_error_noise is the bound of `calibration_noise`.
    """
    area = auc_interval(labels, probabilities, confidence, weights)
    distance = kolmogorov_smirnov(labels, probabilities, weights)
    line = calibration_line(labels, probabilities, weights)
    decisions = confusion(labels, probabilities, decision.threshold, weights)
    return Performance(
        rows=np.size(labels),
        bad_rate=(decisions.true_positive + decisions.false_negative) / decisions.total,
        auc=area.value,
        auc_low=area.low,
        auc_high=area.high,
        gini=2 * area.value - 1,
        ks=distance.value,
        ks_score=distance.score,
        average_precision=average_precision(labels, probabilities, weights),
        brier=brier(labels, probabilities, weights),
        log_loss=log_loss(labels, probabilities, weights),
        calibration_error=calibration_error(labels, probabilities, weights=weights),
        calibration_error_noise=calibration_noise(probabilities, confidence, weights=weights).bound,
        calibration_intercept=line.intercept,
        calibration_slope=line.slope,
        threshold=decision.threshold,
        f1=decisions.f1,
        accuracy=decisions.accuracy,
        cost=decisions.cost(decision.cost_of_default, decision.cost_of_decline),
        approval_rate=decisions.approval_rate,
        bad_rate_of_approved=decisions.bad_rate_of_approved,
    )
