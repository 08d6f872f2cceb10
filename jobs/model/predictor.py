"""What a kind of model must be able to do, so that all else works with it: scoring, reasons, gates, pages, registry."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from jobs.model.contributions import Vector

Output = Literal["probability", "margin", "contributions"]


class Predictor(Protocol):
    """A fitted model of one kind, from features to log-odds of default, and back to its bytes."""

    @property
    def name(self) -> str:
        """What a card calls it."""

    @property
    def features(self) -> tuple[str, ...]:
        """In the order of its values."""

    @property
    def families(self) -> tuple[str, ...]:
        """The reason family of each feature."""

    @property
    def feature_set(self) -> str:
        """The version of the features that it was fitted on."""

    @property
    def size(self) -> int:
        """The parts that it adds up, such as trees or coefficients."""

    @property
    def file(self) -> bytes:
        """All of it: equal rows and settings give equal bytes, and one of `booster.KINDS` reads them."""

    def predict(self, values: Vector, outputs: Sequence[Output]) -> tuple[Vector, ...]:
        """What is asked of the rows, in that order.

        "margin" is (rows,), log-odds; "probability" (rows,), of that margin; "contributions" (rows, features + 1): each
        feature's share of the margin, then the base value. They add up to the margin, but for noise of float32.

        Args:
            values: (rows, features), nan where unknown, none infinite; possibly no rows.
            outputs: Which ones.
        """

    def gains(self) -> Mapping[str, float]:
        """How much it has from each feature that it uses, on a scale of its own; a feature that it doesn't use may be
        missing."""
