"""The small encoder's tokens: as many as the grid has cells, each of its own cell, none of a neighbour's image."""

from __future__ import annotations

import pytest
import torch

from tenfold.imaging.errors import InvalidImages
from tenfold.nn import InvalidConfig
from tenfold.nn.token_convnet import TokenConvNet, TokenConvNetConfig


@pytest.mark.parametrize(
    ("side", "grid"), [((32, 32), (2, 2)), ((28, 28), (2, 2)), ((32, 62), (1, 4)), ((32, 78), (2, 2))]
)
def test_shapes(side, grid):
    encoder = TokenConvNet(TokenConvNetConfig(channels=1, grid=grid, cells=(4, 2)))
    tokens = encoder(torch.randn(3, 1, *side))
    assert tokens.shape == (3, 4, 8 * 64) == (3, encoder.tokens, encoder.width)
    assert [len(stage) for stage in encoder.stages] == [3, 3, 3]


def test_no_image_depends_on_its_batch_in_training_either():
    encoder = TokenConvNet(TokenConvNetConfig()).train()
    images = torch.randn(4, 3, 32, 32)
    assert torch.allclose(encoder(images)[:1], encoder(images[:1]), atol=1e-5)


def test_tokens_stand_row_by_row_and_their_cells_side_by_side():
    encoder = TokenConvNet(TokenConvNetConfig(widths=(8,), grid=(2, 2), cells=(1, 1))).eval()
    maps = encoder.stages[0](images := torch.randn(1, 3, 16, 16))
    cells = [maps[0, :, y : y + 4, x : x + 4].mean(dim=(1, 2)) for y in (0, 4) for x in (0, 4)]
    assert torch.allclose(encoder(images)[0], torch.stack(cells), atol=1e-6)
    fine = TokenConvNet(TokenConvNetConfig(widths=(8,), grid=(1, 2), cells=(4, 2))).eval()
    fine.load_state_dict(encoder.state_dict())
    token = fine(images)[0, 1].unflatten(0, (8, 4, 2))  # the right half
    assert torch.allclose(token[:, 2, 1], maps[0, :, 4:6, 6:8].mean(dim=(1, 2)), atol=1e-6)


def test_a_token_of_cells_hears_the_pitch_that_an_average_does_not():
    low, high = torch.zeros(2, 1, 1, 32, 32)
    low[..., 10, :], high[..., 18, :] = 1.0, 1.0  # the same line, eight bands higher
    found = []
    for cells in ((1, 1), (4, 1)):
        torch.manual_seed(0)
        encoder = TokenConvNet(TokenConvNetConfig(channels=1, widths=(8, 8), grid=(1, 4), cells=cells)).eval()
        with torch.inference_mode():
            tokens = encoder(torch.cat([low, high]))
        found.append(float((tokens[0] - tokens[1]).norm() / tokens[0].norm()))
    assert found[0] < 1e-4 < 0.05 < found[1]


def test_odd_sizes_and_channels_are_refused():
    for sizes in ({"widths": ()}, {"grid": (0, 2)}, {"widths": (30,)}, {"grid": (2,)}, {"cells": (0, 1)}):
        with pytest.raises(InvalidConfig):
            TokenConvNetConfig(**sizes)
    with pytest.raises(InvalidImages, match=r"\(B, 3, H, W\)"):
        TokenConvNet(TokenConvNetConfig())(torch.zeros(1, 1, 8, 8))
    config = TokenConvNetConfig(channels=1, grid=(1, 4), cells=(4, 2))
    assert TokenConvNetConfig.from_dict(config.to_dict()) == config
    with pytest.raises(InvalidConfig, match="no depth"):
        TokenConvNetConfig.from_dict({"depth": 3})
