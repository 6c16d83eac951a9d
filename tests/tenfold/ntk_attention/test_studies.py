"""The one-layer study, the approximation error and the corrections."""

from __future__ import annotations

import math

import pytest
import torch

from tenfold.ntk_attention import findings as corrections
from tenfold.ntk_attention.approximation import draw_prefix, measure_error
from tenfold.ntk_attention.one_layer import descend, draw_points, forward, kernel_at, start
from tenfold.ntk_attention.speed import Shape, layer_call


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_network_is_the_formula_and_starts_at_zero() -> None:
    W, a = start(6, 3, generator())
    x = torch.randn(2, 3, generator=generator(1), dtype=torch.float64)
    for i in range(2):
        weights = [math.exp(float(W[r] @ x[i])) for r in range(6)]
        expected = sum(a[r] * W[r] * weights[r] for r in range(6)) * math.sqrt(6) / sum(weights)
        torch.testing.assert_close(forward(W, a, x)[i], expected)
    assert forward(W, a, x).abs().max() < 1e-12


def test_the_kernel_is_the_jacobian_s_and_has_no_negative_eigenvalue() -> None:
    W, a = start(8, 3, generator())
    x = torch.randn(4, 3, generator=generator(1), dtype=torch.float64)
    kernel = kernel_at(W, a, x)
    W.requires_grad_(True)
    rows = [torch.autograd.grad(value, W, retain_graph=True)[0].flatten() for value in forward(W, a, x).flatten()]
    torch.testing.assert_close(kernel, torch.stack(rows) @ torch.stack(rows).T)
    assert torch.linalg.eigvalsh(kernel)[0] > -1e-10


def test_a_longer_prefix_has_a_larger_smallest_eigenvalue_and_every_loss_falls() -> None:
    points = draw_points(6, 4, generator())
    short, long = (descend(points, m, 60, 1.0, generator(1)) for m in (8, 256))
    assert long.smallest_eigenvalue > short.smallest_eigenvalue
    for found in (short, long):
        assert all(after <= before * (1 + 1e-9) for before, after in zip(found.losses, found.losses[1:], strict=False))
    assert long.kernel_drift < short.kernel_drift


@pytest.mark.parametrize("kind", ["random", "structured"])
def test_small_entries_are_approximated_and_exact_features_would_be(kind: str) -> None:
    prefix = draw_prefix(kind, 32, 16, 0.1, generator())
    by = {phi: measure_error(phi, kind, prefix, 0.1, 0) for phi in ("elu1", "taylor1", "taylor2")}
    assert by["taylor2"].error < by["taylor1"].error < by["elu1"].error < by["elu1"].without
    assert by["taylor2"].error < 1e-3 < by["taylor2"].both  # seen twice is another function
    assert all(row.difference <= row.bound for row in by.values())


def test_corrections() -> None:
    assert corrections.elu1_over_exponential(32) == pytest.approx(32, rel=0.15)
    assert corrections.elu1_over_exponential(16) == pytest.approx(16, rel=0.2)
    released, softplus = corrections.released_k_gradient()
    assert released == 0 < softplus
    finite, stable = corrections.released_overflow()
    assert finite < 0.9 and stable == 1
    assert corrections.released_overflow(scale=1.0) == (1, 1)
    assert corrections.dropout_in_evaluation() > 1e-3
    counts = corrections.published_counts()
    assert counts["ntk"] == 14_794_752 and counts["ntk, ViT-B"] == 599_040
    assert counts["lora, r = 8"] == 1_949_696 and counts["prefix, m = 10"] == 143_360
    free, averaged = corrections.outside_every_prefix()
    assert free > 1.5 and averaged <= 1


def test_what_is_timed_is_the_same_function() -> None:
    shape = Shape(batch=1, heads=2, length=12, head_size=8)
    found = {name: layer_call(name, shape)() for name in ("eager", "merged", "marker", "official")}
    for name in ("merged", "marker", "official"):
        torch.testing.assert_close(found[name], found["eager"], rtol=0, atol=1e-5)
    torch.testing.assert_close(layer_call("no prefix", shape)(), layer_call("prefix", shape, 0)())
    decode = layer_call("merged", Shape(1, 2, 12, 8, queries=1))()
    assert decode.shape == (1, 2, 1, 8)
    assert [part.shape for part in layer_call("marker", shape, gradients=True)()][3] == (2, 8, 8)
    layer = {name: layer_call(name, Shape(1, 2, 12, 8, projected=True))() for name in ("eager", "merged")}
    torch.testing.assert_close(layer["merged"], layer["eager"], rtol=0, atol=1e-5)
    in_a_row = {name: layer_call(name, shape, layers=3) for name in ("eager", "merged")}
    torch.testing.assert_close(in_a_row["merged"](), in_a_row["eager"](), rtol=0, atol=1e-5)
    assert not torch.allclose(in_a_row["eager"](), found["eager"], atol=0.1)
    assert len(layer_call("merged", shape, layers=3, gradients=True)()) == 1 + 3 * 4
    one = Shape(1, 2, 12, 8, queries=1, projected=True)
    assert layer["eager"].shape == (1, 12, 16) and layer_call("merged", one)().shape == (1, 1, 16)
    torch.testing.assert_close(layer_call("merged", one)(), layer_call("eager", one)(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("gradients", "projected"), [(True, False), (False, True)])
def test_compiled_layers_are_the_same_function(gradients: bool, projected: bool) -> None:
    shape = Shape(1, 2, 12, 8, queries=None if gradients else 1, projected=projected)
    found = [layer_call("merged", shape, layers=2, gradients=gradients, compiled=how)() for how in (False, True)]
    for plain, compiled in zip(*found, strict=True):
        torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-4)
    torch.compiler.reset()
