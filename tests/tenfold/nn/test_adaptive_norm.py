"""Blocks under a condition: the cache gives what the whole sequence gives, and the condition steers."""

from __future__ import annotations

import pytest
import torch

from tenfold.nn.adaptive_norm import AdaptiveBlock

T, D = 5, 16


@pytest.fixture
def block() -> AdaptiveBlock:
    torch.manual_seed(0)
    return AdaptiveBlock(D, 2, 0.0).double().eval()


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randn(3, T, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_token_by_token_with_the_cache_is_the_causal_whole(block, tokens):
    condition = tokens.mean(dim=1)
    whole, _ = block(tokens, condition, torch.ones(T, T, dtype=torch.bool).tril(), None)
    kept, parts = None, []
    for place in range(T):
        part, kept = block(tokens[:, place : place + 1], condition, None, kept)
        parts.append(part)
    assert torch.allclose(torch.cat(parts, dim=1), whole) and kept[0].shape == (3, 2, T, D // 2)


@torch.no_grad()
def test_closed_gates_leave_the_tokens_and_conditions_change_them(block, tokens):
    first, second = (block(tokens, condition, None, None)[0] for condition in (tokens[:, 0], tokens[:, 1]))
    assert not torch.allclose(first, second)
    block.condition.weight.zero_()
    block.condition.bias.zero_()
    assert torch.equal(block(tokens, tokens[:, 0], None, None)[0], tokens)
