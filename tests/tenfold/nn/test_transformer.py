"""The vision transformer's blocks."""

from __future__ import annotations

import pytest
import torch

from tenfold.nn.transformer import Transformer


@pytest.mark.parametrize("wanted", [slice(3), slice(-4, None), slice(None)])
def test_tokens_that_nobody_wants_are_left_out_of_the_last_block_alone(wanted):
    torch.manual_seed(0)
    transformer = Transformer(16, 2, 2, 0.0, 0.5).double()
    tokens = torch.randn(2, 9, 16, dtype=torch.float64, requires_grad=True)
    some, every = transformer(tokens, wanted), transformer(tokens)[:, wanted]
    assert torch.allclose(some, every)
    first, second = (torch.autograd.grad(found.square().sum(), tokens)[0] for found in (some, every))
    assert torch.allclose(first, second)
