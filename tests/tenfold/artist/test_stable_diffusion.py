"""The full setting on a tiny checkpoint of Stable Diffusion's format and classes."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel

from tenfold.artist.errors import InvalidConditions, InvalidInjection
from tenfold.artist.latents import latent_mask
from tenfold.artist.losses import Batch, draw, visual_losses
from tenfold.artist.pipeline import ArtistPipeline
from tenfold.artist.sampling import SamplingConfig
from tenfold.artist.stable_diffusion import from_stable_diffusion, widened
from tenfold.models.folder import InvalidModel
from tests.tenfold.artist.toys import filled


@pytest.fixture(scope="module")
def pipe(checkpoint):
    return from_stable_diffusion(checkpoint)


def conditions(pipe, words=("open", "exit")):
    mask = torch.zeros(len(words), 1, 16, 16)
    mask[:, :, 4:9, 2:14] = 1
    return pipe.conditions(latent_mask(mask, (8, 8)), ["a sign"] * len(words), list(words))


def test_the_widened_network_computes_the_same_and_learns_the_mask(checkpoint):
    unet = UNet2DConditionModel.from_pretrained(checkpoint, subfolder="unet").eval()
    wide = widened(unet).eval()
    assert unet.config.in_channels == 4 and wide.config.in_channels == 5 == wide.conv_in.in_channels
    noisy, t, states = torch.randn(2, 4, 8, 8), torch.tensor([3, 900]), torch.randn(2, 12, 16)
    found = wide(torch.cat([noisy, torch.ones(2, 1, 8, 8)], dim=1), t, states).sample
    assert torch.allclose(found, unet(noisy, t, states).sample, atol=1e-6)
    found.square().mean().backward()
    assert wide.conv_in.weight.grad[:, 4].abs().max() > 0
    with pytest.raises(InvalidInjection, match="one channel at least"):
        widened(unet, 0)


def test_from_the_checkpoint_to_images_and_back(pipe, tmp_path):
    config = SamplingConfig(num_inference_steps=2, guidance_scale=7.5)
    first = pipe(conditions(pipe), config=config, seed=1)
    assert first.images.shape == (2, 16, 16, 3) and first.text_images.shape == (2, 16, 16, 3)
    assert len(pipe.injector.names) == 7 and type(pipe.scheduler).__name__ == "DDIMScheduler"
    filled(pipe.injector)
    pipe.save_pretrained(tmp_path / "full")
    loaded = ArtistPipeline.from_pretrained(tmp_path / "full")
    one, other = (p(conditions(p), config=config, seed=1).images.astype(int) for p in (pipe, loaded))
    assert abs(one - other).max() <= 1 < abs(one - first.images).max()


def test_words_reach_the_text_module_and_prompts_the_visual_one(pipe):
    config = SamplingConfig(num_inference_steps=2, guidance_scale=7.5)
    one, other = (pipe(conditions(pipe, words), config=config) for words in (("open", "exit"), ("shop", "exit")))
    assert (one.text_images[0] != other.text_images[0]).any() and (one.text_images[1] == other.text_images[1]).all()
    with pytest.raises(InvalidConditions, match="tokens, of which the text encoder reads 12"):
        pipe.states(["a very long prompt indeed"])


def test_it_trains(pipe):
    found = conditions(pipe)
    images = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8).numpy()
    batch = Batch(found, pipe.latents(images), pipe.latents(images[..., 0]))
    assert batch.images.shape == batch.text.shape == (2, 4, 8, 8)
    model = pipe.artist
    draws = draw(batch, torch.Generator().manual_seed(0), prompt_drop=0.5)
    visual_losses(model, pipe.scheduler, batch, draws)["visual"].backward()
    assert model.visual.unet.conv_in.weight.grad.abs().max() > 0
    assert model.injector.convolutions[0].weight.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in model.text.parameters())


def test_a_trained_text_module_is_taken(checkpoint, tmp_path):
    text = widened(UNet2DConditionModel.from_pretrained(checkpoint, subfolder="unet"))
    torch.nn.init.constant_(text.conv_out.bias, 0.25)
    text.save_pretrained(tmp_path / "text")
    pipe = from_stable_diffusion(checkpoint, text_unet=tmp_path / "text", inject="mid")
    assert float(pipe.text_unet.conv_out.bias[0].detach()) == 0.25 != float(pipe.unet.conv_out.bias[0].detach())
    assert pipe.injector.names == ("mid_block",)


def test_no_checkpoint_is_an_error_in_one_line(tmp_path):
    with pytest.raises(InvalidModel, match="give a folder or a hub id") as raised:
        from_stable_diffusion(tmp_path)
    assert "\n" not in str(raised.value)
