"""From a prompt, its words and their boxes to images: what ``tenfold artist generate`` does.

    pipe = load_pipeline("folder")
    layout = centred_words(["open"], width=64, height=16)
    made = generate(pipe, "a sign that says 'open'", layout, images=4, seed=0)

Legend:  B images of a batch · H, W canvas
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from tenfold.arguments import whole
from tenfold.artist.canvases import glyphs_in_boxes
from tenfold.artist.conditioning import condition
from tenfold.artist.conditions import Conditions
from tenfold.artist.errors import InvalidSampling
from tenfold.artist.latents import latent_mask
from tenfold.artist.layouts import InvalidLayout, Layout, PlacedWord
from tenfold.artist.outside_ink import box_mask
from tenfold.artist.pipeline import ArtistOutput, ArtistPipeline
from tenfold.artist.sampling import SamplingConfig
from tenfold.models.folder import InvalidModel
from tenfold.rendering.fonts import Font, bundled_fonts
from tenfold.rendering.word_canvases import largest_ink, parts_of

WIDE = 2.0  # width over height from which words stand side by side
BATCH = 16
Progress = Callable[[int, int], None]


def load_pipeline(folder: str | Path, device: str = "cpu") -> ArtistPipeline:
    """Return the pipeline in a folder, weights from safetensors alone. Raises InvalidModel, with what is missing."""
    path = Path(folder)
    if not (path / "model_index.json").is_file():
        raise InvalidModel(f"{path} holds no pipeline (model_index.json); give a folder that save_pretrained wrote")
    try:
        pipeline = ArtistPipeline.from_pretrained(str(path), use_safetensors=True, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidModel(f"{path} cannot be loaded: {str(error).splitlines()[0]}") from None
    return pipeline.to(device)


def canvas_of(pipeline: ArtistPipeline, width: int | None = None, height: int | None = None) -> tuple[int, int]:
    """Return width and height of the canvas: what was asked for, else what the pipeline was trained on.

    Raises InvalidLayout where neither is said, or a side does not divide into the network's places.
    """
    known: tuple[int | None, int | None] = pipeline.canvas or (None, None)
    width, height = (known[0] if width is None else width), (known[1] if height is None else height)
    if width is None or height is None:
        raise InvalidLayout("this pipeline does not say how large its canvases are; give width and height")
    halvings = 2 ** (len(pipeline.unet.config.block_out_channels) - 1)
    pitch = pipeline.pixels_per_place * halvings
    if width % pitch or height % pitch:
        raise InvalidLayout(f"a canvas of {width}×{height}; this pipeline's sides are multiples of {pitch} pixels")
    return width, height


def centred_words(words: Sequence[str], *, width: int, height: int, font: Font | None = None) -> Layout:
    """Return words each as large as its part of the canvas allows, in the middle of it; a box holds a word's ink.

    Parts are columns on a canvas at least twice as wide as high, else rows. The font is DejaVu Sans unless given.
    Raises TextDoesNotFit if a word is wider than its part at 6 px per em.
    """
    face, margin, placed = font or bundled_fonts()[0], max(1, min(width, height) // 32), []
    parts = parts_of((width, height), len(words), across=width >= WIDE * height) if words else []
    for word, (left, top, right, bottom) in zip(words, parts, strict=True):
        _, ink = largest_ink(word, face, right - left - 2 * margin, bottom - top - 2 * margin)
        x0, y0 = left + (right - left - ink.width) // 2, top + (bottom - top - ink.height) // 2
        placed.append(PlacedWord(word, (x0, y0, x0 + ink.width, y0 + ink.height)))
    return Layout(width, height, tuple(placed))


def pipeline_conditions(
    pipeline: ArtistPipeline, layouts: Sequence[Layout], prompts: Sequence[str], *, font: Font | None = None
) -> Conditions:
    """Return what a pipeline reads of layouts of one size and their prompts.

    ``font`` draws the text image for a pipeline that takes one as its input. Raises InvalidConditions for a prompt
    beyond the text encoder's length; what `tenfold.artist.conditioning.condition` raises.
    """
    if pipeline.tokenizer is not None:
        masks = torch.from_numpy(np.stack([box_mask(layout) for layout in layouts])[:, None].astype(np.float32))
        pitch = pipeline.pixels_per_place
        places = (layouts[0].height // pitch, layouts[0].width // pitch)
        words = [" ".join(layout.texts) for layout in layouts]
        return pipeline.conditions(latent_mask(masks, places).to(pipeline.device), prompts, words)
    arrays = condition(layouts, stride=pipeline.pixels_per_place, longest=pipeline.longest)
    found = Conditions.from_arrays(arrays)
    if not pipeline.config.glyphs:
        return found
    glyphs = pipeline.text_latents(drawn_text(layouts, font))
    return Conditions(found.mask, found.letters, found.places, found.sequence, glyphs)


def drawn_text(layouts: Sequence[Layout], font: Font | None = None) -> UInt8[np.ndarray, "B H W"]:
    """Return the words in white on black, each as large as its box allows; DejaVu Sans unless a font is given."""
    return np.stack([glyphs_in_boxes(layout, font or bundled_fonts()[0]) for layout in layouts])


def generate(
    pipeline: ArtistPipeline,
    prompt: str,
    layout: Layout,
    *,
    images: int = 4,
    config: SamplingConfig | None = None,
    seed: int = 0,
    font: Font | None = None,
    batch: int = BATCH,
    progress: Progress | None = None,
) -> ArtistOutput:
    """Return images of one prompt and layout, and their text images; the same call gives the same bytes.

    With ``font`` the text image is drawn in it, and not sampled. ``progress`` hears after each update how many there
    were, and how many there will be. Raises InvalidSampling, InvalidConditions, InvalidLayout.
    """
    whole(images, "images", least=1, error=InvalidSampling)
    whole(batch, "batch", least=1, error=InvalidSampling)
    config = config or default_config(pipeline)
    if font is not None and pipeline.text_unet is None and not pipeline.config.glyphs:
        raise InvalidSampling("a font draws the text image, which nothing in this pipeline reads; leave it out")
    counts = [min(batch, images - first) for first in range(0, images, batch)]
    made = []
    with _telling(pipeline, config, len(counts), progress):
        for number, count in enumerate(counts):
            found = pipeline_conditions(pipeline, [layout] * count, [prompt] * count, font=font)
            drawn = font is not None and pipeline.text_unet is not None
            text = drawn_text([layout] * count, font) if drawn else None
            made.append(pipeline(found, config=config, seed=seed, first=number * batch, text_images=text))
    texts = [one.text_images for one in made if one.text_images is not None]
    return ArtistOutput(np.concatenate([one.images for one in made]), np.concatenate(texts) if texts else None)


def default_config(pipeline: ArtistPipeline, steps: int | None = None, cfg: float | None = None) -> SamplingConfig:
    """Return how a pipeline samples unless it is told otherwise: 15 steps without guidance, with an autoencoder 50 and
    a guidance scale of 7.5, as TextDiffuser does."""
    usual = (15, 1.0) if pipeline.vae is None else (50, 7.5)
    return SamplingConfig(usual[0] if steps is None else steps, usual[1] if cfg is None else cfg)


@contextmanager
def _telling(
    pipeline: ArtistPipeline, config: SamplingConfig, batches: int, progress: Progress | None
) -> Iterator[None]:
    """Tell of each update that the visual network takes part in."""
    if progress is None:
        yield
        return
    scheduler: Any = type(pipeline.scheduler).from_config(pipeline.scheduler.config)
    scheduler.set_timesteps(config.num_inference_steps)
    done, total = 0, batches * len(scheduler.timesteps)

    def tell(*_: object) -> None:
        nonlocal done
        done += 1
        progress(done, total)

    handle = pipeline.unet.register_forward_hook(tell)
    try:
        yield
    finally:
        handle.remove()
