"""Exact attention against torch's, and for logits that would overflow."""

import numpy as np
import pytest
import torch

from tenfold.dp_cross_attention.exact import exact_attention, exact_sums


@pytest.mark.parametrize("temperature", [1.0, 0.001])
def test_it_is_torchs_attention(temperature, monkeypatch):
    monkeypatch.setattr("tenfold.dp_cross_attention.exact.BLOCK", 7)
    generator = np.random.default_rng(0)
    q, k, v = (generator.standard_normal(shape) for shape in ((300, 3), (50, 3), (50, 2)))
    peer = torch.nn.functional.scaled_dot_product_attention(
        *(torch.tensor(part)[None] for part in (q, k, v)), scale=1 / temperature
    )[0]
    assert exact_attention(q, k, v, temperature) == pytest.approx(peer.numpy(), abs=1e-10)


def test_sums_are_numerator_and_denominator():
    generator = np.random.default_rng(0)
    q, k, v = (generator.uniform(-1, 1, shape) for shape in ((9, 3), (50, 3), (50, 2)))
    sums = exact_sums(q, k, np.concatenate([v, np.ones((50, 1))], axis=1), 0.5)
    assert sums[:, :2] / sums[:, 2:] == pytest.approx(exact_attention(q, k, v, 0.5), abs=1e-12)
