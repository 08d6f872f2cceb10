"""Figures of parts of a column, put together, are those of the whole."""

import numpy as np
import pyarrow as pa
import pytest

from jobs.lake.numbers import Numbers, numbers_of

CELLS = [*np.random.default_rng(1).normal(365_243, 20, 999).tolist(), None, -3.0, -7.5]


@pytest.mark.parametrize("cut", [0, 1, 500, 1000, 1002])
def test_parts_give_the_whole(cut: int) -> None:
    whole = np.array([cell for cell in CELLS if cell is not None])
    parts = numbers_of(pa.array(CELLS[:cut], pa.float64())) + numbers_of(pa.array(CELLS[cut:], pa.float64()))
    assert parts.rows == len(whole)
    assert parts.mean == pytest.approx(whole.mean(), rel=1e-12)
    assert parts.spread == pytest.approx(whole.std(), rel=1e-9)
    assert parts.age == 3.0


def test_of_no_cells_nothing_is_known() -> None:
    assert numbers_of(pa.nulls(3, pa.int64())) + Numbers() == Numbers()
    assert Numbers().spread == 0.0
    assert numbers_of(pa.array(["a", None])) == Numbers(rows=1)
    assert numbers_of(pa.array([1, 2])).age is None
