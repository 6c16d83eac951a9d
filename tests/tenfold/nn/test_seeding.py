"""Draws from a seed and an update's number alone."""

from __future__ import annotations

import torch

from tenfold.nn.convnet import ConvNet, ConvNetConfig
from tenfold.nn.pretrained import weights_sha256
from tenfold.nn.seeding import draw_seed, drawn_from, seeded


def test_each_update_and_process_has_a_seed_of_its_own():
    seeds = {draw_seed(seed, number, process) for seed in range(3) for number in range(1, 9) for process in range(4)}
    assert len(seeds) == 3 * 8 * 4


def test_torch_s_own_generator_is_put_back():
    before = torch.random.get_rng_state()
    with drawn_from(3):
        first = torch.rand(4)
    networks = [seeded(ConvNet, ConvNetConfig(widths=(4,), features=2), seed) for seed in (5, 5, 6)]
    assert torch.equal(torch.random.get_rng_state(), before)
    with drawn_from(3, "cpu"):
        assert torch.equal(torch.rand(4), first)
    sums = [weights_sha256(network) for network in networks]
    assert sums[0] == sums[1] != sums[2]
