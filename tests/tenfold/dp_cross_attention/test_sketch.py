"""Building by blocks: a naive oracle, threads, torch, low precision."""

import numpy as np
import pytest
import torch

from tenfold.dp_cross_attention import sketch as building
from tenfold.dp_cross_attention.features import RandomFeatures, TaylorFeatures, features_of
from tenfold.dp_cross_attention.sketch import build, build_torch


@pytest.mark.parametrize("features", [TaylorFeatures(3, 4, 0.7), RandomFeatures(3, 10, 0.7)])
def test_blocks_sum_to_the_naive_product(features, monkeypatch):
    generator = np.random.default_rng(0)
    keys, columns = generator.uniform(-0.5, 0.5, (1003, 3)), generator.standard_normal((1003, 2))
    oracle = features_of(features, keys).T @ columns
    assert build(features, keys, columns) == pytest.approx(oracle, rel=1e-12, abs=1e-10)
    monkeypatch.setattr(building, "CHUNK", 128)
    monkeypatch.setattr(building, "block_rows", lambda features, budget=0: 48)
    one, four = (build(features, keys, columns, threads=count) for count in (1, 4))
    assert one == pytest.approx(oracle, rel=1e-12, abs=1e-10)
    assert np.array_equal(one, four)  # the same bytes for any number of threads
    tensors = build_torch(features, torch.tensor(keys), torch.tensor(columns))
    assert tensors == pytest.approx(oracle, rel=1e-12, abs=1e-10)


def test_features_in_low_precision_are_clipped_back_to_their_norm():
    """bfloat16 breaks ‖P(k)‖² = T_g(‖k‖²/τ): without clipping some rows would count for more than Δ allows."""
    generator, features = np.random.default_rng(0), TaylorFeatures(4, 4, 1.0)
    longest, clipped = 0.0, 0.0
    for _ in range(200):
        key = generator.standard_normal((1, 4))
        key /= np.linalg.norm(key)
        bound = np.sqrt(features.norm_squared(1.0))
        raw = features.raw_torch(torch.tensor(key, dtype=torch.bfloat16)).double().numpy()
        longest = max(longest, np.linalg.norm(features.scale[:, None] * raw) / bound)
        sums = build_torch(features, torch.tensor(key), torch.ones(1, 1, dtype=torch.float64), torch.bfloat16)
        clipped = max(clipped, np.linalg.norm(sums) / bound)
    assert longest > 1.001
    assert clipped <= 1 + 1e-12


def test_sums_stay_in_float64():
    """10⁵ rows of 1e-3 beside one of 1e6: float32 would lose them."""
    features = TaylorFeatures(1, 2, 1.0)
    keys, columns = np.zeros((100_001, 1)), np.full((100_001, 1), 1e-3)
    columns[0] = 1e6
    assert build(features, keys, columns)[0, 0] == pytest.approx(1e6 + 100, rel=1e-13)
