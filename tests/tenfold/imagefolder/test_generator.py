"""Generators: nothing looks ahead, orders are as declared, losses stand at their own tokens."""

from __future__ import annotations

import math

import pytest
import torch

from tenfold.imagefolder.config import GeneratorConfig
from tenfold.imagefolder.generator import FoldedGenerator, generator_losses
from tenfold.imagefolder.layout import Layout, sequence_inputs
from tenfold.imagefolder.scales import slices
from tenfold.imagefolder.training import summarise
from tenfold.imagefolder.unfolded import UnfoldedGenerator
from tenfold.nn.errors import InvalidConfig


def test_the_folded_order_halves_the_positions(config):
    folded, unfolded = Layout(config.sides, 2, True), Layout(config.sides, 2, False)
    assert (folded.length, unfolded.length) == (14, 28)
    assert [segment.known for segment in folded.segments] == [(0, 0), (1, 1), (2, 2)]
    assert [(s.scale, s.branches, s.known) for s in unfolded.segments[:4]] == [
        (0, (1,), (0, 0)),
        (0, (0,), (0, 1)),
        (1, (1,), (1, 1)),
        (1, (0,), (1, 2)),
    ]
    mask = folded.mask()
    assert mask[0].sum() == 1 and mask[1:5].sum(1).eq(5).all() and mask[5:].all()


@torch.no_grad()
def test_no_logit_sees_its_own_token_or_a_later_one(generator, tokenizer, images):
    indices, labels = tokenizer.encode(images), torch.arange(12) % 3
    tokenizer = tokenizer.double()

    def logits(tokens):
        return generator(sequence_inputs(tokenizer.quantizer, tokens, generator.layout), labels)

    before, places = logits(indices), slices(tokenizer.config.sides)
    for segment in generator.segments:
        changed = indices.clone()
        for branch in segment.branches:
            changed[:, branch, places[segment.scale]] = (changed[:, branch, places[segment.scale]] + 3) % 16
        after = logits(changed)
        assert torch.equal(before[:, : segment.stop], after[:, : segment.stop])
        if segment is not generator.segments[-1]:
            assert not torch.allclose(before[:, segment.stop :], after[:, segment.stop :])


@torch.no_grad()
def test_losses_stand_at_their_own_tokens(generator, tokenizer, images):
    indices, labels = tokenizer.encode(images), torch.arange(12) % 3
    logits = torch.zeros(12, generator.layout.length, 2, 16)
    places = slices(tokenizer.config.sides)
    for segment in generator.segments:
        for branch in segment.branches:
            tokens = indices[:, branch, places[segment.scale]]
            logits[:, segment.start : segment.stop, branch].scatter_(2, tokens[..., None], 50.0)
    losses = generator_losses(generator, logits, indices)
    assert losses.shape == (2, 14) and losses.max() < 1e-6
    assert generator_losses(generator, torch.zeros_like(logits), indices).mean().item() == pytest.approx(math.log(16))
    assert labels.max() == 2


def test_nats_are_given_per_token_and_per_image():
    found = summarise(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert found == {"nats_per_token": 2.5, "nats_per_image": 10.0, "branch_0": 1.5, "branch_1": 3.5}


def test_folded_and_unfolded_differ_in_positions_only(config):
    settings = GeneratorConfig.for_tokenizer(config, classes=3, width=16, depth=1, heads=2)
    shapes = [
        {name: tensor.shape for name, tensor in kind(settings).state_dict().items()}
        for kind in (FoldedGenerator, UnfoldedGenerator)
    ]
    different = {name for name in shapes[0] if shapes[0][name] != shapes[1][name]}
    assert shapes[0].keys() == shapes[1].keys() and different == {"positions", "levels"}


def test_the_class_matters_and_a_share_of_classes_is_dropped(generator):
    first = generator.float().predict([0, 1])
    assert first.shape[0] == 2 and abs(first[0] - first[1]).max() > 1e-3
    labels = torch.zeros(4000, dtype=torch.long)
    dropped = generator.drop_classes(labels, torch.Generator().manual_seed(0)).eq(3).float().mean()
    assert 0.07 < dropped < 0.13


def test_a_wrong_configuration_is_named():
    with pytest.raises(InvalidConfig, match="class_dropout"):
        GeneratorConfig(class_dropout=1.0)
    with pytest.raises(InvalidConfig, match="has no colour"):
        GeneratorConfig.from_dict({"colour": 1})
