"""Discriminators: a logit per place, a frozen network that stays frozen, and names that do not exist."""

from __future__ import annotations

import pytest
import torch

from tenfold.nn.convnet import ConvNet, ConvNetConfig
from tenfold.nn.discriminators import FeatureDiscriminator, PatchDiscriminator, discriminator
from tenfold.nn.errors import InvalidConfig

IMAGES = torch.rand(5, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_each_patch_has_a_logit():
    judge = discriminator("patch", 1)
    assert isinstance(judge, PatchDiscriminator) and judge(IMAGES).shape == (5, 4)


def test_each_place_of_each_map_has_a_logit_and_the_network_stays_frozen():
    network = ConvNet(ConvNetConfig(image_size=16, widths=(4, 6), features=3)).train()
    judge = discriminator("features", 1, network=network, widths=(4, 6)).train()
    assert isinstance(judge, FeatureDiscriminator) and judge(IMAGES).shape == (5, 8 * 8 + 4 * 4)
    assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())
    assert all(name.startswith("heads.") for name in judge.state_dict())


def test_what_does_not_exist_is_named():
    with pytest.raises(InvalidConfig, match="patch and features"):
        discriminator("style", 1)
    with pytest.raises(InvalidConfig, match="a network with maps"):
        discriminator("features", 1)
