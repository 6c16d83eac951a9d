"""Rotations turn, masks hide, statements are true, and the small parts learn from them alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tenfold.commit_tuning.pretexts import masked_band, pretrain_decoder, pretrain_encoder, rotated, statements
from tenfold.commit_tuning.questions import CIFAR10, SUBJECTS
from tenfold.nn import InvalidConfig
from tenfold.nn.pretrained import weights_sha256
from tests.tenfold.commit_tuning.question_samples import noise, small_model


def test_a_rotation_is_by_its_number_of_quarters():
    images = noise(12)
    turned, turns = rotated(images, torch.Generator().manual_seed(0))
    assert set(turns.tolist()) == {0, 1, 2, 3}
    for image, found, count in zip(images, turned, turns.tolist(), strict=True):
        assert np.array_equal(found.numpy(), np.rot90(image.numpy(), count, (1, 2)))


def test_a_mask_hides_one_band_and_its_level_is_the_target():
    sounds = torch.randn(6, 1, 16, 24)
    masked, levels = masked_band(sounds, torch.Generator().manual_seed(0))
    for sound, hidden, level in zip(sounds[:, 0], masked[:, 0], levels, strict=True):
        changed = (sound != hidden).any(dim=1).nonzero().flatten()
        assert len(changed) == 2 and int(changed[0]) % 2 == 0
        band = sound[changed]
        assert torch.allclose(hidden[changed], band.mean())
        assert torch.allclose(level, band.mean(dim=0).unflatten(0, (8, 3)).mean(dim=1), atol=1e-6)
    with pytest.raises(InvalidConfig, match="7 bands"):
        masked_band(torch.randn(1, 1, 7, 24), torch.Generator())


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_statements_say_the_truth(subject):
    found = dict(statements(subject))
    assert len(found) == len(subject.classes) * (1 + len(subject.properties) + len(subject.classes))
    for name in subject.classes:
        said = next(text for text, answer in found.items() if answer == name).removesuffix(" what is it ?")
        assert said.removesuffix(" .").endswith(f" {name}")
        assert sum(found[f"{said} is it {word} ?"] == "yes" for word in subject.properties) == sum(
            name in holders for holders in subject.properties.values()
        )


def test_each_part_learns_its_pretext_and_the_other_stays():
    model, encode = small_model()
    decoder = weights_sha256(model.language_model)
    ramps = torch.linspace(-2, 2, 8).expand(64, 3, 8, 8) + 0.1 * noise(64)  # brighter to the right
    losses = pretrain_encoder(model.encoder, ramps, "rotation", updates=40, seed=0, learning_rate=1e-2)
    assert np.mean(losses[-5:]) < 0.4 < 0.9 < losses[0]  # guessing costs log 4
    assert weights_sha256(model.language_model) == decoder
    encoder = weights_sha256(model.encoder)
    losses = pretrain_decoder(model, encode, [CIFAR10], updates=60, seed=0)
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:2]) and weights_sha256(model.encoder) == encoder
    with pytest.raises(InvalidConfig, match="rotation or masked_band"):
        pretrain_encoder(model.encoder, ramps, "jigsaw", updates=1, seed=0)  # type: ignore[arg-type]


def test_one_seed_pretrains_alike_and_leaves_the_global_generator():
    found = []
    for _ in range(2):
        model, _ = small_model()
        state = torch.get_rng_state()
        pretrain_encoder(model.encoder, noise(16), "rotation", updates=3, seed=5)
        assert torch.equal(torch.get_rng_state(), state)
        found.append(weights_sha256(model.encoder))
    assert found[0] == found[1]
