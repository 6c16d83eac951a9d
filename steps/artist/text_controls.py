"""Whether a text module reads its condition: other letters must cost it loss, and its own samples must be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from steps.artist.batches import as_images
from steps.artist.settings import NoiseParams, conditions_of
from tenfold.artist.canvases import Canvases
from tenfold.artist.denoiser import Denoiser
from tenfold.artist.layouts import Layout
from tenfold.artist.losses import Batch, control_loss
from tenfold.artist.model import Artist
from tenfold.artist.readings import letter_accuracy, read_in_boxes, reading_table, word_accuracy
from tenfold.artist.sampling import SamplingConfig, sample
from tenfold.ocr.reading import load_engine

KINDS = {"words": 1, "sentences": 2}  # words of a canvas
AT_A_TIME = 64  # images


def text_controls(
    module: Denoiser,
    noise: NoiseParams,
    validation: Mapping[str, Batch],
    canvases: Canvases,
    *,
    engine: str,
    count: int,
    longest: int,
    num_inference_steps: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Return a row per kind of text image: validation losses, right and with letters exchanged, and what is read.

    The losses are on new words; samples have the layouts of ``canvases``, whose text images give the ceiling. Of a
    kind without layouts among them, the shares read are None. Raises UnknownEngine, EngineNotInstalled.
    """
    rows = []
    for kind, batch in validation.items():
        losses = validation_losses(module, noise, batch, seed)
        places = [place for place, words in enumerate(canvases.words) if len(words) == KINDS[kind]][:count]
        layouts = [canvases.layouts[place] for place in places]
        images = sampled_text(module, noise, layouts, longest, num_inference_steps, seed) if places else None
        found = {"samples": images, "ceiling": canvases.glyphs[places]} if places else {}
        read = {name: _read(images, layouts, engine) for name, images in found.items()}
        words, letters = read.get("samples", (None, None))
        ceiling = read.get("ceiling", (None, None))
        rows.append(
            {
                "kind": kind,
                "validation_loss": losses[0],
                "validation_loss_permuted_letters": losses[1],
                "images": len(places),
                "engine": engine,
                "words": words,
                "letters": letters,
                "ceiling_words": ceiling[0],
                "ceiling_letters": ceiling[1],
            }
        )
    return rows


def validation_losses(module: Denoiser, noise: NoiseParams, batch: Batch, seed: int) -> tuple[float, float]:
    """Return the loss on text images of new words, and that with letters exchanged, from the noise of ``seed``."""
    draws = noise.draw(batch, torch.Generator().manual_seed(seed))
    right, exchanged = (
        control_loss(module, noise.scheduler(), batch, draws, permuted=permuted) for permuted in ("nothing", "letters")
    )
    return right, exchanged


def sampled_text(
    module: Denoiser, noise: NoiseParams, layouts: list[Layout], longest: int, num_inference_steps: int, seed: int
) -> np.ndarray:
    """Return a text image (N, H, W) uint8 of each layout, sampled by the module alone."""
    alone = Artist(module).eval()
    config = SamplingConfig(num_inference_steps=num_inference_steps)
    found = []
    for first in range(0, len(layouts), AT_A_TIME):
        conditions = conditions_of(layouts[first : first + AT_A_TIME], longest)
        latents, _ = sample(alone, noise.scheduler(), conditions, config, seed=seed, first=first)
        found.append(as_images(latents))
    return np.concatenate(found)


def _read(images: Any, layouts: list[Layout], engine: str) -> tuple[float, float]:
    came = read_in_boxes(list(images), layouts, load_engine(engine))
    sums = reading_table([layout.texts for layout in layouts], came).sum(axis=0)
    return float(word_accuracy(sums)), float(letter_accuracy(sums))
