"""Another kind of model, as docs/extending.md says: a line through three features, kept as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from jobs.model import booster
from jobs.model.booster import Model, load_model, sha256_of
from jobs.model.measures import Vector
from jobs.model.predictor import Output, Predictor
from jobs.promotion.evidence import most_gaining
from jobs.runtime.errors import ModelRefused

FEATURES = ("EXT_SOURCE_MEAN", "CREDIT_INCOME_PERCENT", "NOISE")
FAMILIES = ("external scores", "affordability", "housing and region")
ROWS = pd.DataFrame([[1.0, 2.0, 0.5], [np.nan, 2.0, -0.5], [-1.0, np.nan, np.inf]], columns=list(FEATURES))


@dataclass(frozen=True)
class Line:
    """intercept + sum of slopes times values; an unknown value is the feature's mean."""

    slopes: Vector
    means: Vector
    intercept: float
    families: tuple[str, ...] = FAMILIES
    features: tuple[str, ...] = FEATURES
    feature_set: str = "0123456789ab"
    name: str = "a line (3 coefficients)"

    @property
    def size(self) -> int:
        return len(self.slopes)

    @property
    def file(self) -> bytes:
        kept = {"line": [self.slopes.tolist(), self.means.tolist(), self.intercept], "families": self.families}
        return json.dumps(kept).encode()

    def predict(self, values: Vector, outputs: Sequence[Output]) -> tuple[Vector, ...]:
        shares = self.slopes * (np.where(np.isnan(values), self.means, values) - self.means)
        base = self.intercept + self.slopes @ self.means
        contributions = np.column_stack([shares, np.full(len(values), base)])
        margin = contributions.sum(axis=1)
        of = {"contributions": contributions, "margin": margin, "probability": 1 / (1 + np.exp(-margin))}
        return tuple(of[output] for output in outputs)

    def gains(self) -> Mapping[str, float]:
        return {name: abs(slope) for name, slope in zip(self.features, self.slopes, strict=True) if slope}


def read_line(file: bytes) -> Predictor | None:
    if not file.startswith(b'{"line"'):
        return None
    kept = json.loads(file)
    slopes, means, intercept = kept["line"]
    return Line(np.array(slopes), np.array(means), intercept, tuple(kept["families"]))


LINE = Line(np.array([-2.0, 0.5, 0.0]), np.array([0.1, 1.0, 0.0]), -1.0)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.setattr(booster, "KINDS", (*booster.KINDS, read_line))
    return load_model(LINE.file, sha256_of(LINE.file))


def test_it_is_read_from_its_bytes_once_their_hash_is_right(line: Model) -> None:
    assert isinstance(line.predictor, Line)
    assert (line.features, line.families, line.file) == (FEATURES, FAMILIES, LINE.file)
    with pytest.raises(ModelRefused, match="it was changed"):
        load_model(LINE.file + b" ", line.sha256)
    strange = Line(LINE.slopes, LINE.means, LINE.intercept, ("luck",) * 3)
    with pytest.raises(ModelRefused, match="reasons of the family luck"):
        load_model(strange.file, sha256_of(strange.file))


def test_it_scores_in_points_and_decides(line: Model) -> None:
    scored = line.score(ROWS, threshold=0.2)
    margins = -1.0 + np.array([-2.0 + 1.0, -0.2 + 1.0])
    assert scored["probability"][:2].tolist() == pytest.approx((1 / (1 + np.exp(-margins))).tolist())
    assert scored["decision"].tolist() == ["approve", "decline", None]
    assert scored["reason_not_scored"].tolist() == [None, None, "NOISE is infinite"]
    assert scored["score"][0] > scored["score"][1]


def test_it_explains_and_its_contributions_add_up(line: Model) -> None:
    of_first, of_second = line.explain(ROWS[:2], most_reasons=4, most_contributions=1, tolerance=1e-9)
    assert [reason.family for reason in of_second.reasons] == ["affordability"]
    assert of_first.contributions[0].feature == "EXT_SOURCE_MEAN"
    for one in (of_first, of_second):
        told = sum(each.contribution for each in one.contributions)
        assert one.base_value + told + one.other_contributions == pytest.approx(one.margin)
    assert line.base_value() == of_first.base_value


def test_gates_and_pages_ask_it_for_gains_and_a_name(line: Model) -> None:
    assert most_gaining(line, 5) == ["EXT_SOURCE_MEAN", "CREDIT_INCOME_PERCENT"]
    assert line.predictor.name == "a line (3 coefficients)"


def test_a_kind_that_nothing_reads_is_refused() -> None:
    with pytest.raises(ModelRefused, match="of no kind of model that is known here"):
        load_model(LINE.file, sha256_of(LINE.file))
