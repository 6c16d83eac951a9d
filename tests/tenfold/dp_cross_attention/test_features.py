"""Feature maps: kernels, counts and norms, in NumPy and in torch."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.dp_cross_attention.errors import InvalidSetting, TooManyFeatures
from tenfold.dp_cross_attention.features import RandomFeatures, TaylorFeatures, feature_count, features_of
from tenfold.dp_cross_attention.taylor import taylor


@settings(max_examples=40)
@given(st.integers(1, 6), st.sampled_from([2, 4, 6]), st.floats(0.3, 3), st.integers(0, 2**32))
def test_taylor_features_have_the_kernel_the_count_and_the_norm(dimension, degree, temperature, seed):
    generator = np.random.default_rng(seed)
    queries, keys = generator.uniform(-1, 1, (4, dimension)), generator.uniform(-1, 1, (5, dimension))
    features = TaylorFeatures(dimension, degree, temperature)
    Q, K = features_of(features, queries), features_of(features, keys)
    scale = taylor(np.abs(queries) @ np.abs(keys).T / temperature, degree)
    assert np.abs(Q @ K.T - taylor(queries @ keys.T / temperature, degree)).max() <= 1e-12 * scale.max()
    assert K.shape[1] == features.count == feature_count(dimension, degree) == math.comb(dimension + degree, degree)
    lengths = np.square(K).sum(axis=1)
    assert lengths == pytest.approx(features.norm_squared(np.square(keys).sum(axis=1)), rel=1e-12)


def test_every_monomial_occurs_once():
    primes = np.array([[2.0, 3.0, 5.0]])  # a product of primes names its monomial
    raw = TaylorFeatures(3, 4, 1.0).raw(primes)[:, 0]
    assert len(set(raw)) == len(raw) == 35
    assert raw.max() == 5.0**4


def test_random_features_have_the_norm_exactly_and_the_kernel_on_average():
    generator = np.random.default_rng(0)
    keys = generator.standard_normal((6, 8)) / 4
    exact = np.exp(keys @ keys.T / 0.7)
    estimates = [features_of(RandomFeatures(8, 256, 0.7, seed), keys) for seed in range(40)]
    for P in estimates:
        assert np.square(P).sum(axis=1) == pytest.approx(np.exp(np.square(keys).sum(axis=1) / 0.7), rel=1e-12)
    mean = np.mean([P @ P.T for P in estimates], axis=0)
    assert np.abs(mean - exact).max() < 0.06  # sd about 0.01


def test_the_random_features_are_not_the_noise_of_the_same_seed():
    drawn = RandomFeatures(4, 8, 1.0, seed=0).directions
    assert not np.isin(drawn, np.random.default_rng(0).standard_normal((4, 4))).any()


@pytest.mark.parametrize("features", [TaylorFeatures(3, 4, 0.8), RandomFeatures(3, 32, 0.8)])
def test_torch_gives_the_same_features_and_gradients(features):
    rows = np.random.default_rng(1).uniform(-1, 1, (5, 3))
    tensor = torch.tensor(rows, requires_grad=True)
    found = features.raw_torch(tensor)
    assert found.detach().numpy() == pytest.approx(features.raw(rows), abs=1e-12)
    assert torch.autograd.gradcheck(lambda x: features.raw_torch(x).sum(dim=0), tensor)


def test_too_many_features_say_what_to_do():
    with pytest.raises(TooManyFeatures, match="rff"):
        TaylorFeatures(384, 4, 1.0)
    with pytest.raises(InvalidSetting, match="even"):
        RandomFeatures(3, 7, 1.0)


def test_a_given_array_is_filled():
    features, rows = TaylorFeatures(2, 2, 1.0), np.random.default_rng(0).uniform(-1, 1, (7, 2))
    out = np.full((features.count, 7), np.nan)
    assert features.raw(rows, out) is out
    assert np.array_equal(out, features.raw(rows))
