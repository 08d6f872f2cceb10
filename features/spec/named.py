"""The finished features of a table, by the names that are computed for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from features.spec.aggregation import KEEP_THE_SIGN, Aggregation, Risk, Window
from features.spec.feature_kinds import Declared, Derived, Learned, Ratio, Signed
from features.spec.rows import Slice

if TYPE_CHECKING:
    from features.spec.table import Table


@dataclass(frozen=True, slots=True)
class Named:
    """One finished feature: its name and what a reader of the catalogue wants to know of it."""

    name: str
    table: str
    family: str
    about: str
    aggregation: Aggregation | None
    slice: Slice | None
    window: Window | None
    declared: Declared

    @property
    def risk(self) -> Risk | None:
        """Which way the risk goes as the feature rises; None where nobody has said, or its aggregation has no sign."""
        if not isinstance(self.declared, Signed):
            return None
        return self.declared.risk if self.aggregation is None or self.aggregation in KEEP_THE_SIGN else None

    @property
    def description(self) -> str:
        """The feature in words: the value, then how it was folded."""
        if self.window is None:
            return self.about
        parts = [self.aggregation.value if self.aggregation else "ratio of sums"]
        if self.slice is not None and self.slice.name:
            parts.append(self.slice.about)
        if self.window.end is not None:
            unit = {"age": "age below", "last": "latest", "first": "earliest"}[self.window.by.value]
            parts.append(f"{unit} {self.window.end}")
        return f"{self.about} [{', '.join(parts)}]"


def joined_name(*parts: str) -> str:
    """The parts that are not empty, with underscores between."""
    return "_".join(part for part in parts if part)


def feature_names(table: "Table") -> Iterator[Named]:
    """Every feature that a table declares, in the order of its columns in the feature table."""
    for declared in table.features:
        if isinstance(declared, Derived | Learned):
            yield Named(declared.name, table.name, declared.family, declared.about, None, None, None, declared)
            continue
        aggregations = (None,) if isinstance(declared, Ratio) else declared.aggregations
        for slice_ in declared.slices:
            for window in declared.spans:
                for aggregation in aggregations:
                    name = joined_name(
                        table.prefix,
                        declared.name,
                        aggregation.value if aggregation else "",
                        slice_.name,
                        window.label(table.age_unit),
                    )
                    yield Named(
                        name, table.name, declared.family, declared.about, aggregation, slice_, window, declared
                    )
