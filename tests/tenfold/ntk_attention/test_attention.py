"""The formula in three ways, against the prefix it stands for and at its limits."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.ntk_attention.attention import (
    BACKENDS,
    eager,
    error_bound,
    memory_from_prefix,
    merged,
    prefix_attention,
    read_memory,
)
from tenfold.ntk_attention.config import NTKAttentionConfig
from tenfold.ntk_attention.features import Elu1, FeatureMap, feature_map
from tenfold.ntk_attention.layer import NTKMemory

MAPS = ("elu1", "taylor1", "taylor2", "favor", "hedgehog")
B, H, T, S, d, v = 2, 3, 5, 7, 8, 6
SCALE = d**-0.5


def drawn(*shape: int, scale: float = 1.0, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return (scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).to(dtype)


def causal(rows: int, columns: int) -> torch.Tensor:
    return torch.ones(rows, columns, dtype=torch.bool).tril(columns - rows)[None, None]


def naive(q, k, w, Z, n, phi: FeatureMap, mask, scale):
    """The formula entry by entry."""
    out = torch.zeros(*q.shape[:-1], w.shape[-1], dtype=q.dtype)
    features = phi(q)
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            for t in range(q.shape[2]):
                numerator, denominator = features[b, h, t] @ Z[h], features[b, h, t] @ n[h]
                for j in range(k.shape[2]):
                    if mask is None or mask[b % mask.shape[0], 0, t, j]:
                        weight = math.exp(float(q[b, h, t] @ k[b, h, j]) * scale)
                        numerator, denominator = numerator + weight * w[b, h, j], denominator + weight
                out[b, h, t] = numerator / denominator
    return out


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_every_backend_is_the_formula(backend: str, masked: bool) -> None:
    q, k, w = drawn(B, H, T, d), drawn(B, H, S, d, seed=1), drawn(B, H, S, v, seed=2)
    phi = feature_map("elu1", d)
    Z, n = drawn(H, d, v, seed=3), drawn(H, d, seed=4).abs()
    mask = causal(T, S) if masked else None
    found = BACKENDS[backend](q, k, w, read_memory(phi(q), Z, n), mask, SCALE)
    tolerance = 1e-6 if backend == "merged" else 1e-12
    torch.testing.assert_close(found, naive(q, k, w, Z, n, phi, mask, SCALE), rtol=0, atol=tolerance)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("backend", ["marker", "merged"])
def test_gradients_agree_with_eager(backend: str, masked: bool) -> None:
    parts = [
        drawn(B, H, T, d),
        drawn(B, H, S, d, seed=1),
        drawn(B, H, S, v, seed=2),
        drawn(H, d, v, seed=3),
        drawn(H, d, seed=4).abs(),
    ]
    phi, weight = feature_map("elu1", d), drawn(B, H, T, v, seed=5)
    mask = causal(T, S) if masked else None

    def gradients(name: str) -> list[torch.Tensor]:
        leaves = [part.clone().requires_grad_() for part in parts]
        out = BACKENDS[name](*leaves[:3], read_memory(phi(leaves[0]), *leaves[3:]), mask, SCALE)
        return list(torch.autograd.grad((out * weight).sum(), leaves))

    tolerance = 1e-12 if backend == "marker" else 1e-5  # merged computes its log-sum-exp in float32
    for ours, theirs in zip(gradients(backend), gradients("eager"), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", MAPS)
def test_with_its_own_kernel_as_the_exponential_the_sums_are_the_prefix(name: str) -> None:
    """Replace e^{s} by φ(q)ᵀφ(p) for the prefix: (Z, k) loses nothing."""
    q, p, u = drawn(B, H, T, d, scale=0.3), drawn(H, 4, d, scale=0.3, seed=1), drawn(H, 4, v, seed=2)
    k, w = drawn(B, H, S, d, seed=3), drawn(B, H, S, v, seed=4)
    phi = feature_map(name, d)
    Z, n = memory_from_prefix(p, u, phi)
    found = eager(q, k, w, read_memory(phi(q), Z, n), None, SCALE)
    own = torch.exp(q @ k.mT * SCALE)  # (B, H, T, S)
    kernel = phi(q) @ phi(p).mT * phi.kernel_scale  # (B, H, T, m)
    total = own.sum(-1, keepdim=True) + kernel.sum(-1, keepdim=True)
    torch.testing.assert_close(found, (own @ w + kernel @ u) / total, rtol=1e-6, atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(["taylor1", "taylor2"]), st.floats(0.01, 0.5), st.integers(1, 30), st.integers(0, 10**6))
def test_the_error_is_within_the_computable_bound(name: str, scale: float, m: int, seed: int) -> None:
    q, p, u = (
        drawn(1, H, T, d, scale=scale, seed=seed),
        drawn(1, H, m, d, seed=seed + 1),
        drawn(1, H, m, v, seed=seed + 2),
    )
    k, w = drawn(1, H, S, d, seed=seed + 3), drawn(1, H, S, v, seed=seed + 4)
    phi = feature_map(name, d)
    Z, n = memory_from_prefix(p[0], u[0], phi)
    eta, bound = error_bound(q, p, u, w, phi, SCALE)
    found = eager(q, k, w, read_memory(phi(q), Z, n), None, SCALE)
    exact = prefix_attention(q, k, w, p, u, None, SCALE)
    assert float((found - exact).norm(dim=-1).max()) <= bound * (1 + 1e-9) or eta >= 1


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(["taylor1", "taylor2"]), st.floats(0.02, 0.4), st.integers(1, 30), st.integers(0, 10**6))
def test_a_memory_started_from_a_prefix_keeps_the_bound(name: str, scale: float, m: int, seed: int) -> None:
    """Sums of features of either sign have entries of either sign: k, too, has to keep them."""
    q, p, u = (drawn(H, n, d, scale=scale, seed=seed + i, dtype=torch.float32) for i, n in enumerate((T, m, m)))
    k, w = (drawn(1, H, S, d, seed=seed + i, dtype=torch.float32) for i in (3, 4))
    memory = NTKMemory(NTKAttentionConfig(phi=name, backend="eager"), H, d, d, torch.Generator().manual_seed(0))
    memory.initialise_from_prefix(p, u)
    _, k_sum = memory_from_prefix(p, u, memory.phi)
    torch.testing.assert_close(memory.normaliser, k_sum, rtol=1e-5, atol=1e-6)
    eta, bound = error_bound(q[None], p[None], u[None], w, memory.phi, SCALE)
    exact = prefix_attention(q[None], k, w, p[None], u[None], None, SCALE)
    found = memory(q[None], k, w, None, SCALE)
    assert float((found - exact).detach().norm(dim=-1).max()) <= bound * 1.001 + 1e-5 or eta >= 1


def test_a_prefix_of_length_zero_is_no_prefix() -> None:
    q, k, w = drawn(B, H, T, d), drawn(B, H, S, d, seed=1), drawn(B, H, S, v, seed=2)
    empty = torch.zeros(1, H, 0, d, dtype=q.dtype), torch.zeros(1, H, 0, v, dtype=q.dtype)
    plain = torch.nn.functional.scaled_dot_product_attention(q, k, w, scale=SCALE)
    torch.testing.assert_close(prefix_attention(q, k, w, *empty, None, SCALE), plain)


def test_a_zero_memory_is_ordinary_attention_and_a_zero_prefix_is_not() -> None:
    q, k, w = drawn(B, H, T, d), drawn(B, H, S, d, seed=1), drawn(B, H, S, v, seed=2)
    plain = torch.nn.functional.scaled_dot_product_attention(q, k, w, scale=SCALE)
    zero = torch.zeros(H, d, v, dtype=q.dtype), torch.zeros(H, d, dtype=q.dtype)
    for backend in ("eager", "marker"):
        out = BACKENDS[backend](q, k, w, read_memory(feature_map("elu1", d)(q), *zero), None, SCALE)
        torch.testing.assert_close(out, plain, rtol=0, atol=1e-12)
    zeros = torch.zeros(1, H, 1, d, dtype=q.dtype), torch.zeros(1, H, 1, v, dtype=q.dtype)
    assert (prefix_attention(q, k, w, *zeros, None, SCALE) - plain).abs().max() > 1e-2


@pytest.mark.parametrize("logit", [-20.0, -60.0])
@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_zero_memory_changes_nothing_where_all_logits_are_far_below_zero(backend: str, logit: float) -> None:
    q = torch.ones(1, 1, 2, d)
    k = drawn(1, 1, 3, d, scale=0.1, dtype=torch.float32) + logit / (d * SCALE)
    w = drawn(1, 1, 3, d, seed=1, dtype=torch.float32)
    zero = torch.zeros(1, d, d), torch.zeros(1, d)
    out = BACKENDS[backend](q, k, w, read_memory(feature_map("elu1", d)(q), *zero), None, SCALE)
    plain = torch.nn.functional.scaled_dot_product_attention(q, k, w, scale=SCALE)
    torch.testing.assert_close(out, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_logits_of_200_either_way_stay_finite(backend: str, dtype: torch.dtype) -> None:
    q = torch.full((1, 1, 2, d), 20.0, dtype=dtype)
    q[..., 1, :] *= -1
    k, w = torch.full((1, 1, 3, d), 3.5 * 0.25 * math.sqrt(d) * 1.2, dtype=dtype), drawn(1, 1, 3, v, dtype=dtype)
    assert float((q.float() @ k.float().mT * SCALE).abs().max()) > 150
    phi = feature_map("elu1", d)
    Z, n = drawn(1, d, v, seed=1, dtype=torch.float32), torch.ones(1, d)
    out = BACKENDS[backend](q, k, w, read_memory(phi(q), Z, n), None, SCALE)
    assert torch.isfinite(out).all()
    expected = w.float().mean(dim=-2)  # logits far above 0: the keys alone
    torch.testing.assert_close(out[0, 0, 0].float(), expected[0, 0], rtol=0, atol=2e-2)


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_row_without_keys_answers_from_the_memory_alone(backend: str) -> None:
    q, k, w = drawn(1, 1, 2, d), drawn(1, 1, 3, d, seed=1), drawn(1, 1, 3, d, seed=2)
    mask = torch.tensor([[False, False, False], [True, True, True]])[None, None]
    phi = feature_map("elu1", d)
    Z, n = drawn(1, d, d, seed=3), torch.ones(1, d, dtype=q.dtype)
    out = BACKENDS[backend](q, k, w, read_memory(phi(q), Z, n), mask, SCALE)
    alone = phi(q)[0, 0, 0] @ Z[0] / phi(q)[0, 0, 0].sum()
    torch.testing.assert_close(out[0, 0, 0], alone, rtol=1e-6, atol=1e-9)
    nothing = BACKENDS[backend](q, k, w, read_memory(phi(q), 0 * Z, 0 * n), mask, SCALE)
    assert torch.isfinite(nothing).all() and (nothing[0, 0, 0] == 0).all()


def test_a_future_logit_of_100_leaves_earlier_rows_alone() -> None:
    """The released language code took its maximum over future keys and gave NaN there."""
    q, k, w = drawn(1, 1, 4, d), drawn(1, 1, 4, d, seed=1), drawn(1, 1, 4, v, seed=2)
    far = k.clone()
    far[..., 3, :] *= 1000
    phi, Z, n = feature_map("elu1", d), drawn(1, d, v, seed=3), torch.ones(1, d, dtype=q.dtype)
    for function in BACKENDS.values():
        before, after = (
            function(q, keys, w, read_memory(phi(q), Z, n), causal(4, 4), SCALE)[..., :3, :] for keys in (k, far)
        )
        torch.testing.assert_close(before, after, rtol=0, atol=1e-6)


@pytest.mark.parametrize("hidden", ["nothing", "the future", "a whole row"])
def test_the_fused_kernels_gradients_are_those_of_the_formula(hidden: str) -> None:
    """Longer than one block of the kernel; a row without keys has gradients through the memory alone."""
    L, size = 70, 16
    parts = [drawn(B, H, L, size, seed=seed) for seed in range(3)]
    parts += [drawn(H, size, size, seed=3), drawn(H, size, seed=4).abs()]
    phi, weight = feature_map("elu1", size), drawn(B, H, L, size, seed=5)
    mask = None if hidden == "nothing" else causal(L, L).expand(B, 1, L, L).clone()
    if hidden == "a whole row":
        mask[:, :, 2] = False  # type: ignore[index]
    found = {}
    for backend in ("eager", "merged"):
        leaves = [part.clone().requires_grad_() for part in parts]
        out = BACKENDS[backend](*leaves[:3], read_memory(phi(leaves[0]), *leaves[3:]), mask, size**-0.5)
        found[backend] = [out, *torch.autograd.grad((out * weight).sum(), leaves)]
    for ours, theirs in zip(found["merged"], found["eager"], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("queries", [1, 70])
@pytest.mark.parametrize("logits", [0.0, -50.0, 50.0])
@pytest.mark.parametrize("size", [0.0, 1e-6, 1.0, 1e6])
def test_without_gradients_the_merged_form_is_the_formula(size: float, logits: float, queries: int) -> None:
    """Far from 0 in either direction, for memories from none to that of a million keys, some rows without keys."""
    wide = 16
    q = drawn(B, H, queries, wide, dtype=torch.float32) + 1
    k = drawn(B, H, 70, wide, seed=1, dtype=torch.float32) + logits / 4
    w = drawn(B, H, 70, wide, seed=2, dtype=torch.float32)
    Z, n = size * drawn(H, wide, wide, seed=3, dtype=torch.float32), torch.full((H, wide), size)
    mask = causal(queries, 70).expand(B, 1, queries, 70).clone()
    mask[0, :, 0] = False
    memory = read_memory(feature_map("elu1", wide)(q), Z, n)
    with torch.no_grad():
        found = merged(q, k, w, memory, mask, 0.25)
    torch.testing.assert_close(found, eager(q, k, w, memory, mask, 0.25), rtol=1e-5, atol=1e-5)


def test_a_negative_denominator_is_not_lost_in_the_merged_form() -> None:
    q, k, w = (drawn(1, 2, 4, d, seed=seed) for seed in range(3))
    memory = drawn(1, 2, 4, d, seed=3), -drawn(1, 2, 4, 1, seed=4).abs()
    exact = eager(q, k, w, memory, None, SCALE)
    torch.testing.assert_close(merged(q, k, w, memory, None, SCALE), exact)
    with torch.no_grad():
        torch.testing.assert_close(merged(q, k, w, memory, None, SCALE), exact)


def test_one_query_reads_the_memory_as_many_do() -> None:
    features, Z, k = drawn(B, H, T, d), drawn(H, d, v, seed=1), drawn(H, d, seed=2)
    together = read_memory(features, Z, k)
    for t in range(T):
        for one, all_of_them in zip(read_memory(features[:, :, t : t + 1], Z, k), together, strict=True):
            torch.testing.assert_close(one, all_of_them[:, :, t : t + 1])


def test_elu1_and_its_derivative_are_those_of_the_definition() -> None:
    x = torch.cat([drawn(200, 16, scale=9.0), torch.zeros(1, 16, dtype=torch.float64)]).requires_grad_()
    assert torch.autograd.gradcheck(Elu1(16), (x.detach()[:20].requires_grad_(),))
    y = x / 2
    by_cases = torch.where(y > 0, y + 1, y.clamp(max=0).exp())
    torch.testing.assert_close(Elu1(16)(x), by_cases, rtol=0, atol=0)
    weight = drawn(201, 16, seed=1)
    ours, theirs = (torch.autograd.grad((out * weight).sum(), x)[0] for out in (Elu1(16)(x), by_cases))
    torch.testing.assert_close(ours, theirs, rtol=1e-15, atol=0)


def test_elu1_underflows_nowhere_it_should_not() -> None:
    x = torch.full((1, 16), -8.0 * 2, dtype=torch.bfloat16)  # y = −8 at d = 16
    assert (torch.nn.functional.elu(x * 0.5) + 1 == 0).all()
    assert (Elu1(16)(x) > 0).all()


@pytest.mark.parametrize("name", MAPS)
def test_signs_and_scales_are_as_declared(name: str) -> None:
    phi = feature_map(name, d)
    x = drawn(200, d, scale=3.0)
    assert phi(x).shape == (200, phi.size)
    assert not phi.non_negative or (phi(x) >= 0).all()
    assert phi.odd == (name == "taylor1")
    zero = phi(torch.zeros(1, d, dtype=torch.float64)).detach()
    expected = 1.0 if name != "favor" else float(zero @ zero.mT)
    assert float(zero @ zero.mT) * phi.kernel_scale == pytest.approx(expected)
    if name == "taylor1":
        assert (phi(x) @ phi(-x).mT).diagonal().min() < 0


def test_favor_is_unbiased_for_the_exponential() -> None:
    q, p = drawn(1, d, scale=0.7), drawn(1, d, scale=0.7, seed=1)
    found = [
        float(feature_map("favor", d, size=64, seed=seed)(q) @ feature_map("favor", d, size=64, seed=seed)(p).mT)
        for seed in range(200)
    ]
    exact = math.exp(float(q @ p.mT) * SCALE)
    error = torch.tensor(found).std() / math.sqrt(len(found))
    assert abs(sum(found) / len(found) - exact) < 5 * error
