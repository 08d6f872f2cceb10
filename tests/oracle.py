"""The naive second implementation of every aggregation: plain Python over plain rows, one feature at a time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from features.spec import Aggregation, By, Named, Ratio, Table, feature_names


@dataclass(frozen=True)
class Row:
    """One row as the engine sees it: values and slice membership by their SQL text."""

    entity: int
    age: float
    ties: tuple[int, ...]
    values: dict[str, float | None]
    slices: dict[str, bool]


def expected(rows: Sequence[Row], table: Table) -> dict[int, dict[str, float | None]]:
    """Every feature of every entity."""
    entities = sorted({row.entity for row in rows})
    return {
        entity: {
            named.name: one_feature([row for row in rows if row.entity == entity], named, table)
            for named in feature_names(table)
        }
        for entity in entities
    }


def one_feature(rows: Sequence[Row], named: Named, table: Table) -> float | None:
    assert named.slice is not None
    assert named.window is not None
    inside = [row for row in rows if row.slices[named.slice.where]]
    inside.sort(key=lambda row: (row.age, *row.ties))
    end = named.window.end
    if named.window.by is By.LAST:
        inside = inside[:end]
    elif named.window.by is By.FIRST:
        inside = inside[-end:] if end else inside
    elif end is not None:
        inside = [row for row in inside if row.age < end]
    if isinstance(named.declared, Ratio):
        return ratio(inside, named.declared)
    if named.aggregation is Aggregation.COUNT:
        return float(len(inside))
    pairs = [(row.age, row.values[named.declared.value]) for row in inside]
    known = [(age, value) for age, value in pairs if value is not None]
    return fold(known, named.aggregation, 365.25 if table.age_unit == "d" else 12.0)


def ratio(rows: Sequence[Row], declared: Ratio) -> float | None:
    pairs = [(row.values[declared.numerator], row.values[declared.denominator]) for row in rows]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    below = math.fsum(b for _, b in known)
    return math.fsum(a for a, _ in known) / below if below != 0 else None


def fold(known: Sequence[tuple[float, float]], aggregation: Aggregation | None, year: float) -> float | None:
    values = [value for _, value in known]
    if aggregation is Aggregation.SUM:
        return math.fsum(values)
    if not values:
        return None
    mean = math.fsum(values) / len(values)
    match aggregation:
        case Aggregation.MEAN:
            return mean
        case Aggregation.MIN:
            return min(values)
        case Aggregation.MAX:
            return max(values)
        case Aggregation.STD:
            if len(values) < 2:
                return None
            return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
        case Aggregation.DECAYED:
            weights = [math.exp(-age / year) for age, _ in known]
            return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights)
        case Aggregation.TREND:
            times = [-age for age, _ in known]
            middle = math.fsum(times) / len(times)
            spread = math.fsum((t - middle) ** 2 for t in times)
            if len(set(times)) < 2:
                return None
            return math.fsum((t - middle) * (v - mean) for t, v in zip(times, values, strict=True)) / spread
    raise AssertionError(f"no oracle for {aggregation}")
