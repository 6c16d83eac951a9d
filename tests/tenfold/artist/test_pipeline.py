"""The pipeline through diffusers' public classes (symptom 8): saved, loaded, attached, the same bytes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel

from tenfold.artist.denoiser import Denoiser
from tenfold.artist.errors import InvalidConditions, InvalidSampling
from tenfold.artist.injector import Injector
from tenfold.artist.noising import small_scheduler
from tenfold.artist.pipeline import ArtistPipeline
from tenfold.artist.sampling import SamplingConfig
from tenfold.artist.variants import build
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import load_images, save_images
from tenfold.nn.pretrained import weights_sha256
from tests.tenfold.artist.toys import TEXT, VISUAL, conditions, filled

CONFIG = SamplingConfig(num_inference_steps=3)


@pytest.fixture(scope="module")
def pipe():
    artist = build("artist", VISUAL, TEXT, Denoiser.new(TEXT, seed=0), seed=1)
    filled(artist.injector)
    return ArtistPipeline.of(artist, small_scheduler())


@pytest.fixture(scope="module")
def folder(pipe, tmp_path_factory):
    path = tmp_path_factory.mktemp("pipeline") / "artist"
    pipe.save_pretrained(path)
    return path


def nearly(one, other):
    """Whether bytes differ by one level at most: where weights lie in memory decides the order of some sums."""
    return np.abs(one.astype(int) - other.astype(int)).max() <= 1


def test_a_loaded_pipeline_gives_the_same_bytes(pipe, folder):
    """Symptoms 5 and 8: the hooks are no weights, and are there again."""
    loaded, again = (ArtistPipeline.from_pretrained(folder) for _ in range(2))
    assert loaded.artist.injector.attached and loaded.artist.text.frozen
    found = conditions(2)
    first, mine, theirs = (one(found, config=CONFIG, seed=3) for one in (pipe, loaded, again))
    assert nearly(first.images, mine.images) and nearly(first.text_images, mine.text_images)
    assert mine.images.dtype == np.uint8 and mine.images.shape == (2, 8, 16, 3)
    assert mine.text_images.shape == (2, 8, 16)
    assert mine.images.tobytes() == theirs.images.tobytes()
    assert mine.text_images.tobytes() == theirs.text_images.tobytes()
    assert not nearly(mine.images, pipe(found, config=CONFIG, seed=4).images)


def test_each_part_loads_through_its_public_class(pipe, folder):
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet")
    assert weights_sha256(unet) == weights_sha256(pipe.unet)
    assert isinstance(DDIMScheduler.from_pretrained(folder, subfolder="scheduler"), DDIMScheduler)
    injector = Injector.from_pretrained(folder, subfolder="injector")
    assert weights_sha256(injector) == weights_sha256(pipe.injector) and not injector.attached
    assert not list(folder.rglob("*.bin")) and len(list(folder.rglob("*.safetensors"))) == 5


def test_the_index_and_the_card(pipe, folder):
    index = json.loads((folder / "model_index.json").read_text())
    assert index["_class_name"] == "ArtistPipeline" and index["vae"] == [None, None]
    assert index["unet"] == ["diffusers", "UNet2DConditionModel"] == index["text_unet"]
    assert index["injector"] == ["tenfold.artist.injector", "Injector"]
    card = (folder / "README.md").read_text()
    assert weights_sha256(pipe.artist.text) in card and "inject: both, tap: layer, at mid_block, up_blocks.0" in card
    assert "DDIMScheduler, predicts epsilon" in card


def test_a_visual_module_alone_is_a_pipeline_too(tmp_path):
    alone = ArtistPipeline.of(build("visual_only", VISUAL, TEXT, seed=1), small_scheduler())
    alone.save_pretrained(tmp_path / "alone")
    loaded = ArtistPipeline.from_pretrained(tmp_path / "alone")
    out = loaded(conditions(1), config=CONFIG)
    assert out.text_images is None and loaded.text_unet is None
    assert nearly(out.images, alone(conditions(1), config=CONFIG).images)


def test_another_scheduler_can_be_put_in(pipe):
    from diffusers import DPMSolverMultistepScheduler

    other = ArtistPipeline(**{**pipe.components, "scheduler": DPMSolverMultistepScheduler.from_config(
        pipe.scheduler.config)})  # fmt: skip
    assert other(conditions(1), config=CONFIG).images.shape == (1, 8, 16, 3)
    assert pipe.artist.injector.attached  # still: both share their networks
    assert pipe(conditions(1), config=CONFIG).images.shape == (1, 8, 16, 3)


def test_images_are_written_beside_none(pipe, tmp_path):
    """Symptom 5: a folder that holds images already is refused, and what is read back is what was made."""
    images = pipe(conditions(2), config=CONFIG).images
    save_images(tmp_path / "out", images)
    assert np.array_equal(load_images(tmp_path / "out", channels=3), images)
    with pytest.raises(InvalidImages, match="holds images already"):
        save_images(tmp_path / "out", images)


def test_bytes_and_latents_there_and_back(pipe):
    """Trap 10: range, order of channels and of pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 16, 3), np.uint8)
    latents = pipe.latents(pixels)
    assert latents.shape == (2, 12, 4, 8) and float(latents.min()) >= -1 and float(latents.max()) <= 1
    assert float(latents[0, 0, 0, 0]) == pytest.approx(pixels[0, 0, 0, 0] / 127.5 - 1)  # red, upper left
    assert float(latents[0, 7, 2, 3]) == pytest.approx(pixels[0, 5, 7, 1] / 127.5 - 1)  # green, lower right
    with pytest.raises(InvalidSampling, match=r"\(B, H, W\)"):
        pipe.text_latents(pixels)
    with pytest.raises(InvalidImages, match="multiples of 2"):
        pipe.latents(pixels[:, :7])


def test_given_text_images(pipe):
    text = np.random.default_rng(0).integers(0, 256, (2, 8, 16), np.uint8)
    out = pipe(conditions(2), config=CONFIG, text_images=text)
    assert np.array_equal(out.text_images, text)


def test_prompts_want_a_text_encoder(pipe):
    with pytest.raises(InvalidConditions, match="it has no text encoder"):
        pipe.states(["a sign"])


def test_it_runs_in_half_precision(folder):
    loaded = ArtistPipeline.from_pretrained(folder, torch_dtype=torch.bfloat16)
    assert loaded(conditions(1), config=CONFIG).images.shape == (1, 8, 16, 3)
