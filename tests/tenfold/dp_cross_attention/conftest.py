"""Small memories for the tests."""

import numpy as np
import pytest

from tenfold.dp_cross_attention.mixtures import Mixture, mixture


@pytest.fixture
def memory_rows() -> Mixture:
    """1,000 rows in three dimensions, two value columns, 40 queries; all of length at most 1."""
    return mixture(1000, 3, 2, 40, np.random.default_rng(0))


PUBLIC = {"delta": 1e-6, "radius": 1.0, "temperature": 1.0}
