"""Conditions of a batch, the encoders that read them, and one denoiser."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from tenfold.artist.conditions import Conditions
from tenfold.artist.denoiser import Denoiser, DenoiserConfig
from tenfold.artist.encoders import CharacterEncoder, LetterEncoder
from tenfold.artist.errors import InvalidConditions
from tenfold.models.folder import InvalidModel
from tenfold.nn.errors import InvalidConfig
from tenfold.nn.pretrained import weights_sha256
from tests.tenfold.artist.toys import SIZES, TEXT, VISUAL, H, W, conditions


@dataclass
class Arrays:
    letters: np.ndarray
    places: np.ndarray
    mask: np.ndarray
    sequence: np.ndarray


def test_from_arrays_and_back():
    arrays = Arrays(np.ones((2, H, W), np.int64), np.zeros((2, 2, H, W), np.float32),
                    np.ones((2, 1, H, W), np.float32), np.array([[1, 2], [3, 0]]))  # fmt: skip
    found = Conditions.from_arrays(arrays)
    assert len(found) == 2 and found.sequence.dtype == torch.long and found.mask.dtype == torch.float32
    assert torch.equal(found.at(slice(1, 2)).sequence, torch.tensor([[3, 0]]))
    assert torch.equal(found.followed_by(found).at(torch.tensor([3, 0])).sequence, torch.tensor([[3, 0], [1, 2]]))


def test_what_does_not_fit_is_refused():
    found = conditions(3)
    with pytest.raises(InvalidConditions, match="sequence is of 2 canvases and mask of 3"):
        replace(found, sequence=found.sequence[:2])
    with pytest.raises(InvalidConditions, match="come together"):
        replace(found, places=None)
    with pytest.raises(InvalidConditions, match="a mask is"):
        replace(found, mask=found.mask[:, 0])
    with pytest.raises(InvalidConditions, match="one batch holds"):
        found.followed_by(replace(found, sequence=None))
    with pytest.raises(InvalidConditions, match="reads sequence, which the conditions do not hold"):
        Denoiser.new(VISUAL, seed=0)(torch.zeros(3, 12, H, W), torch.zeros(3).long(), replace(found, sequence=None))
    with pytest.raises(InvalidConditions, match="same number and places"):
        Denoiser.new(TEXT, seed=0)(torch.zeros(2, 4, H, W), torch.zeros(2).long(), found)


def test_a_dropped_prompt_leaves_the_layout():
    found = conditions(3)
    dropped = found.without_prompt(torch.tensor([True, False, True]))
    assert torch.equal(dropped.sequence[1], found.sequence[1]) and not dropped.sequence[[0, 2]].any()
    assert torch.equal(dropped.letters, found.letters) and torch.equal(dropped.mask, found.mask)
    prompt, empty = torch.ones(3, 2, 5), torch.full((3, 2, 5), 7.0)
    states = replace(found, prompt_states=prompt, empty_states=empty).without_prompt().prompt_states
    assert torch.equal(states, empty)
    with pytest.raises(InvalidConditions, match="empty_states"):
        replace(found, prompt_states=prompt).without_prompt()


def test_no_letter_stays_when_letters_are_exchanged():
    found = conditions(20, letters=5)
    other = found.with_other_letters(torch.Generator().manual_seed(0))
    here = found.letters > 0
    assert torch.equal(other.letters > 0, here) and (other.letters != found.letters)[here].all()
    pairs = {(int(a), int(b)) for a, b in zip(found.letters[here], other.letters[here], strict=True)}
    pairs |= {
        (int(a), int(b)) for a, b in zip(found.sequence.flatten(), other.sequence.flatten(), strict=True) if int(a)
    }
    assert len(pairs) == 5  # one letter for each, the same in the map and in the sequence
    with pytest.raises(InvalidConditions, match="1 different letters"):
        conditions(2, letters=1).with_other_letters(torch.Generator())


def test_the_character_map_is_a_function_of_letter_and_place():
    encoder, found = CharacterEncoder(), conditions(2, box=(0, 0, 4, 4))
    out = encoder(found.letters, found.places)
    assert out.shape == (2, 16, H, W) and not out[:, :, :, 4:].any() and out[:, :, :, :4].any()
    moved = conditions(2, box=(4, 0, 8, 4))
    assert torch.equal(encoder(moved.letters, moved.places)[:, :, :, 4:], out[:, :, :, :4])


def test_letters_beyond_the_positions_are_refused():
    assert LetterEncoder(longest=4)(torch.ones(2, 3, dtype=torch.long)).shape == (2, 3, 32)
    with pytest.raises(InvalidConditions, match="5 letters; this network was made for at most 4"):
        LetterEncoder(longest=4)(torch.ones(1, 5, dtype=torch.long))


def test_cross_attention_is_an_option_of_the_text_module():
    config = DenoiserConfig(latent_channels=4, letters=True, **SIZES)
    module, found = Denoiser.new(config, seed=0).eval(), conditions(1, letters=5)
    assert module.characters is None and config.in_channels == 5
    with torch.no_grad():
        noisy, t = torch.randn(1, 4, H, W), torch.tensor([400])
        other = found.with_other_letters(torch.Generator())
        assert not torch.equal(module(noisy, t, found), module(noisy, t, other))


def test_weights_come_from_the_seed_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, same, other = (Denoiser.new(TEXT, seed=seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["unet.conv_out.weight"], other["unet.conv_out.weight"])


def test_a_copy_is_its_own():
    module = Denoiser.new(TEXT, seed=0).freeze()
    copy = module.copied()
    assert copy.training and all(parameter.requires_grad for parameter in copy.parameters())
    assert all(torch.equal(a, b) for a, b in zip(copy.parameters(), module.parameters(), strict=True))
    assert {id(p) for p in copy.parameters()}.isdisjoint(id(p) for p in module.parameters())


@pytest.mark.parametrize("config", [TEXT, VISUAL, replace(VISUAL, glyph_channels=4)])
def test_a_module_is_saved_and_loaded(tmp_path, config):
    module = Denoiser.new(config, seed=0).eval()
    loaded = Denoiser.from_pretrained(module.save_pretrained(tmp_path / "module"))
    found = replace(conditions(1), glyphs=torch.ones(1, 4, H, W))
    noisy, t = torch.randn(1, config.latent_channels, H, W), torch.tensor([400])
    assert weights_sha256(loaded) == weights_sha256(module) and not loaded.training
    # where weights lie in memory decides the order of some sums
    assert torch.allclose(loaded(noisy, t, found), module(noisy, t, found), atol=1e-6)
    assert not list((tmp_path / "module").rglob("*.bin"))
    with pytest.raises(InvalidModel, match="holds no text or visual module"):
        Denoiser.from_pretrained(tmp_path)


def test_one_block_is_too_few():
    with pytest.raises(InvalidConfig, match="two blocks"):
        DenoiserConfig(block_out_channels=(8,))
    with pytest.raises(InvalidConfig, match="not both"):
        Denoiser(TEXT.unet(), letters=LetterEncoder(), states="text_states")
