"""Random draws as Spark SQL text: each is a function of the row's ``identity`` and the draw's name."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
from pyspark.sql import DataFrame

from jobs.population.figures import Quantiles

PROBABILITIES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
"""Where `Quantiles` are known; between them the inverse distribution function is taken to be linear."""

CUBIC = 0.07056
LINEAR = 1.5976


def salt(name: str) -> str:
    """A BIGINT literal that stands for the name."""
    return f"{int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), 'big', signed=True) >> 1}L"


def child_identity(kind: str, *keys: str) -> str:
    """The identity of a row below the one at hand, from the columns that tell it from its siblings."""
    return f"xxhash64(identity, {', '.join(keys)}, {salt(kind)})"


def uniform(name: str, *keys: str) -> str:
    """Uniform on (0, 1), both ends excluded: 52 bits of the hash of identity, further keys and name."""
    hashed = f"xxhash64({', '.join(('identity', *keys, salt(name)))})"
    return f"((shiftrightunsigned({hashed}, 12) + 0.5D) * {2.0**-52!r}D)"


def normal(name: str, *keys: str) -> str:
    """Standard normal, by the exact inverse of `cumulative`."""
    u = uniform(name, *keys)
    outer = 2 * (LINEAR / (3 * CUBIC)) ** 0.5
    inner = 3 / (2 * LINEAR) * (3 * CUBIC / LINEAR) ** 0.5
    return f"({outer!r}D * sinh(asinh({inner!r}D * ln({u} / (1 - {u}))) / 3))"


def cumulative(z: str) -> str:
    """The standard normal distribution function of a column, within 0.00014.

    1 / (1 + exp(-(0.07056 z^3 + 1.5976 z))): Bowling, Khasawneh, Kaewkuekool and Cho, "A logistic approximation to
    the cumulative normal distribution", Journal of Industrial Engineering and Management 2 (2009).
    """
    return f"(1 / (1 + exp(-({z}) * ({CUBIC}D * ({z}) * ({z}) + {LINEAR}D))))"


def quantile(u: str, points: Quantiles) -> str:
    """The value below which the share ``u`` (a column) of the distribution lies."""
    steps = list(zip(PROBABILITIES, PROBABILITIES[1:], points, points[1:], strict=False))
    branches = [
        f"WHEN {u} < {upto!r}D THEN {low!r}D + ({u} - {start!r}D) * {(high - low) / (upto - start)!r}D"
        if high != low
        else f"WHEN {u} < {upto!r}D THEN {low!r}D"
        for start, upto, low, high in steps
    ]
    return f"(CASE {' '.join(branches)} END)"


def text(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def choice(u: str, shares: Mapping[str, float]) -> str:
    """One of the levels, by their shares (any positive weights) along ``u`` (a column), in the mapping's order."""
    edges = np.cumsum(list(shares.values())) / sum(shares.values())
    *levels, last = shares
    branches = [f"WHEN {u} < {float(edge)!r}D THEN {text(level)}" for level, edge in zip(levels, edges, strict=False)]
    return f"(CASE {' '.join(branches)} ELSE {text(last)} END)" if branches else text(last)


def null_where(condition: str, value: str) -> str:
    """The value, or an empty cell where the condition holds."""
    return f"(CASE WHEN NOT ({condition}) THEN {value} END)"


def weighted(weights: Mapping[str, float]) -> str:
    """A linear combination of columns."""
    return " + ".join(f"{weight!r}D * {column}" for column, weight in weights.items())


def correlated(names: Sequence[str], correlations: Sequence[Sequence[float]]) -> dict[str, str]:
    """Standard normals ``z_<name>`` from independent ones ``e_<name>``, with the rank correlations given.

    A Gaussian copula: rank correlation r needs the normal correlation 2 sin(pi r / 6) (Pearson 1907); the factor is
    Cholesky's.
    """
    factor = np.linalg.cholesky(2 * np.sin(np.pi * np.asarray(correlations) / 6))
    return {
        f"z_{name}": weighted(
            {f"e_{other}": round(float(w), 4) for other, w in zip(names, row, strict=True) if abs(w) >= 0.02}
        )
        for name, row in zip(names, factor, strict=True)
    }


def extend(frame: DataFrame, columns: Mapping[str, str]) -> DataFrame:
    """The frame with further columns, each computed from those it has; what nobody reads Spark prunes."""
    return frame.selectExpr("*", *(f"{sql} AS {name}" for name, sql in columns.items()))


def with_uniforms(frame: DataFrame, *names: str) -> DataFrame:
    """The frame with a uniform column ``u_<name>`` for each name."""
    return extend(frame, {f"u_{name}": uniform(name) for name in names})


def with_leanings(frame: DataFrame, leanings: Mapping[str, Mapping[str, float]]) -> DataFrame:
    """The frame with a uniform column ``u_<name>`` for each name, which rises with what the applicant is like.

    Args:
        frame: Its traits are standard normals, independent of each other.
        leanings: By name, how much of each trait is in the draw: the correlations of a Gaussian copula, so that what
            is made of the draw is distributed as ever.
    """
    frame = with_normals(frame, *leanings)
    drawn = {}
    for name, traits in leanings.items():
        rest = (1 - sum(share**2 for share in traits.values())) ** 0.5
        drawn[f"z_{name}"] = f"{weighted(traits)} + {rest!r}D * e_{name}"
    frame = extend(frame, drawn)
    return extend(frame, {f"u_{name}": cumulative(f"z_{name}") for name in leanings})


def with_normals(frame: DataFrame, *names: str) -> DataFrame:
    """The frame with an independent standard normal column ``e_<name>`` for each name."""
    return extend(frame, {f"e_{name}": normal(name) for name in names})
