"""Adapters are the identity at the start, let the other map in once trained, and take every pair of grids."""

from __future__ import annotations

import pytest
import torch

from tenfold.llava_read.errors import InvalidInputs
from tenfold.llava_read.merge import ResolutionAdapter, ResolutionSum, resized


def drawn(tokens: int = 16, side: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, tokens, 8, generator=generator), torch.randn(2, 6, side, side, generator=generator)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 6, 7, 8])
def test_an_adapter_starts_as_the_identity_whatever_the_grids(side):
    tokens, high = drawn(side=side)
    assert torch.equal(ResolutionAdapter(8, 6)(tokens, high), tokens)


def test_both_outputs_learn_from_the_first_update_on():
    torch.manual_seed(0)
    adapter = ResolutionAdapter(8, 6)
    tokens, high = drawn()
    adapter(tokens, high).square().sum().backward()
    for output in (adapter.low_out, adapter.high_out):
        assert output.weight.grad is not None and output.weight.grad.abs().max() > 0


def test_the_gate_is_one_number_per_image_between_minus_one_and_one():
    torch.manual_seed(0)
    adapter = ResolutionAdapter(8, 6)
    torch.nn.init.normal_(adapter.high_out.weight)
    tokens, high = drawn()
    seen = resized(adapter.high_out(torch.nn.functional.gelu(adapter.high_in(high))), 4).flatten(2).transpose(1, 2)
    ratio = (adapter(tokens, high) - tokens) / seen
    assert ratio.flatten(1).std(dim=1).max() < 1e-4 and ratio.abs().max() < 1
    assert (ratio[0].mean() - ratio[1].mean()).abs() > 1e-4


def test_1024_pixels_go_with_576_tokens():
    maps = torch.arange(32 * 32.0).view(1, 1, 32, 32)
    found = resized(maps, 24)
    assert found.shape == (1, 1, 24, 24)
    assert found.mean() == pytest.approx(maps.mean().item(), rel=1e-3)
    assert torch.equal(resized(maps, 16), torch.nn.functional.avg_pool2d(maps, 2))  # as LLaVA-HR where sides divide


def test_a_smaller_map_is_stretched_corner_to_corner():
    maps = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    assert resized(maps, 3)[0, 0].tolist() == [[0, 0.5, 1], [1, 1.5, 2], [2, 2.5, 3]]


def test_the_sum_adds_place_to_place():
    torch.manual_seed(0)
    merge = ResolutionSum(8, 6)
    tokens, high = drawn()
    found = merge(tokens, high)
    row, column = 2, 3
    expected = merge.low(tokens[:, 4 * row + column]) + merge.high(high[:, :, row, column])
    assert torch.allclose(found[:, 4 * row + column], expected, atol=1e-6)


def test_tokens_that_make_no_square_are_refused():
    tokens, high = drawn(tokens=15)
    with pytest.raises(InvalidInputs, match="15 tokens make no square"):
        ResolutionAdapter(8, 6)(tokens, high)
