"""Kind: what stands behind a mask is no data. Masked arrays that hide something are refused, others read as they are.

Joins: every public call that takes an array of a person's own, in ``CALLS``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tenfold.arguments import MaskedValues
from tenfold.dp_cross_attention import PrivateMemory
from tenfold.dp_cross_attention.continual import ContinualMemory
from tenfold.dp_cross_attention.gp_exact import ExactKernelMemory
from tenfold.dp_cross_attention.tree_memory import TreeMemory
from tenfold.dp_john import john_ellipsoid, private_john_ellipsoid
from tenfold.dp_ntk import PrivateNTKClassifier
from tenfold.imaging.files import as_pixels
from tenfold.imaging.pixels import to_tensor
from tenfold.metrics.generation import moments
from tenfold.metrics.intervals import student
from tenfold.metrics.reconstruction import squared_errors

BUDGET: dict[str, Any] = {"epsilon": 50.0, "delta": 1e-3, "insecure_seed": 0}
MEMORY: dict[str, Any] = {**BUDGET, "radius": 10.0, "value_radius": 10.0, "temperature": 100.0, "degree": 2}
ROWS = np.random.default_rng(0).uniform(0.5, 1.0, (12, 3))
LABELS = np.arange(12) % 2


def classifier() -> PrivateNTKClassifier:
    return PrivateNTKClassifier(**BUDGET, features=60, classes=[0, 1])


def continual(keys: Any, values: Any) -> Any:
    ContinualMemory(2, 3, 3, **MEMORY).append(keys, values)


CALLS: dict[str, Callable[[Any], Any]] = {
    "john_ellipsoid": john_ellipsoid,
    "private_john_ellipsoid": lambda x: private_john_ellipsoid(x, **BUDGET, mode="moment", row_norm_bound=10.0),
    "private_john_ellipsoid, paper": lambda x: private_john_ellipsoid(x, mode="paper", noise_sd=0.1, rounds=2),
    "PrivateMemory.fit, keys": lambda x: PrivateMemory.fit(x, ROWS, **MEMORY),
    "PrivateMemory.fit, values": lambda x: PrivateMemory.fit(ROWS, x, **MEMORY),
    "PrivateMemory.query": lambda x: PrivateMemory.fit(ROWS, ROWS, **MEMORY).query(x),
    "TreeMemory.fit": lambda x: TreeMemory.fit(x, ROWS, **MEMORY),
    "ExactKernelMemory.fit": lambda x: ExactKernelMemory.fit(x, ROWS, **{**MEMORY, "degree": 4}),
    "ContinualMemory.append": lambda x: continual(ROWS, x),
    "PrivateNTKClassifier.fit": lambda x: classifier().fit(x, LABELS),
    "PrivateNTKClassifier.predict": lambda x: classifier().fit(ROWS, LABELS).predict(x),
    "PrivateNTKClassifier.predict_scores": lambda x: classifier().fit(ROWS, LABELS).decision_function(x),
    "moments": moments,
    "student": lambda x: student(x[0]),
    "squared_errors": lambda x: squared_errors((255 * x[None]).astype(np.uint8), (255 * x[None]).astype(np.uint8)),
    "as_pixels": lambda x: as_pixels((255 * x[None]).astype(np.uint8), channels=1),
    "to_tensor": lambda x: to_tensor((255 * x[None]).astype(np.uint8)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call", CALLS)
def test_hidden_values_are_refused_and_whole_masked_arrays_are_read(call: str) -> None:
    hidden = np.ma.masked_array(ROWS.copy(), mask=np.zeros_like(ROWS, dtype=bool))
    hidden[0, 1] = np.ma.masked
    with pytest.raises(MaskedValues, match=r"hides \d"):
        CALLS[call](hidden)
    whole = np.ma.masked_equal(ROWS, -9999)
    found, expected = CALLS[call](whole), CALLS[call](ROWS)
    assert type(found) is type(expected) and not np.ma.isMaskedArray(found)


def test_hidden_labels_are_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(MaskedValues, match="y hides"):
            classifier().fit(ROWS, np.ma.masked_equal(LABELS, 1))
