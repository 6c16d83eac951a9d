"""The small convolutional network: its shapes, and the sizes and images that it refuses."""

from __future__ import annotations

import pytest
import torch

from tenfold.imaging.errors import InvalidImages
from tenfold.nn.convnet import ConvNet, ConvNetConfig
from tenfold.nn.errors import InvalidConfig


def test_each_stage_halves_the_side():
    config = ConvNetConfig(image_size=16, channels=3, widths=(4, 6), features=5)
    network, images = ConvNet(config), torch.zeros(2, 3, 16, 16)
    assert [found.shape for found in network.maps(images)] == [(2, 4, 8, 8), (2, 6, 4, 4)]
    assert network(images).shape == (2, 5)
    assert ConvNetConfig.from_dict(config.to_dict()) == config
    with pytest.raises(InvalidImages, match="reads images"):
        network(images[:, :1])


def test_sizes_that_do_not_fit_are_named():
    with pytest.raises(InvalidConfig, match="no depth"):
        ConvNetConfig.from_dict({"depth": 3})
    with pytest.raises(InvalidConfig, match="to a fraction"):
        ConvNetConfig(image_size=28, widths=(8, 16, 32))
    with pytest.raises(InvalidConfig, match="at least 1"):
        ConvNetConfig(features=0)
