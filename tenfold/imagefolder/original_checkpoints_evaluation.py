"""Figures of the published checkpoints: reconstructions of given images, samples of every class.

Both are also written as ``arr_0`` of an npz file, which the public evaluator reads.

Legend:  N images · H, W height and width · C channels
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from tenfold.imagefolder.config import PAPER_GENERATOR, PAPER_TOKENIZER
from tenfold.imagefolder.original_checkpoints import released_pipeline, released_tokenizer
from tenfold.imagefolder.pipeline import ImageFolder, PipelineConfig
from tenfold.imagefolder.sampling import PAPER_GUIDANCE, PAPER_TOP_K, PAPER_TOP_P
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import as_pixels
from tenfold.imaging.pixels import to_pixels, to_tensor
from tenfold.metrics.fid import Network, ReferenceMoments, fid_figures, reference_moments
from tenfold.metrics.reconstruction import squared_errors
from tenfold.nn.errors import InvalidConfig

RECONSTRUCTIONS, SAMPLES = "reconstructions.npz", "samples.npz"


def write_for_evaluator(path: Path, pixels: UInt8[np.ndarray, "N H W C"]) -> None:
    """Write images as the public evaluator reads them: bytes (N, H, W, C) under arr_0."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, arr_0=pixels if pixels.ndim == 4 else pixels[..., None])


def evaluate_tokenizer(
    tokenizer: Tokenizer,
    pixels: UInt8[np.ndarray, "N H W *C"],
    folder: Path,
    network: Network | None,
    *,
    batch: int = 50,
    device: torch.device | str = "cpu",
) -> dict[str, Any]:
    """Reconstruct images into ``folder``; return their mse on [0, 1] and, with a network, the rFID (``fid``).

    The reference of the rFID is the images themselves. Raises InvalidImages unless they are of the tokenizer's size.
    """
    size = tokenizer.config.image_size
    if pixels.shape[1:3] != (size, size):
        raise InvalidImages(f"images of {pixels.shape[1:3]}: resize and cut them to {size}×{size} first")
    tokenizer = tokenizer.to(device).eval()
    parts = [pixels[start : start + batch] for start in range(0, len(pixels), batch)]
    found = np.concatenate([to_pixels(tokenizer.reconstruct(to_tensor(part).to(device))) for part in parts])
    write_for_evaluator(folder / RECONSTRUCTIONS, found)
    starts = range(0, len(pixels), batch)
    errors = [squared_errors(pixels[start : start + batch], found[start : start + batch]) for start in starts]
    figures: dict[str, Any] = {"mse": float(np.concatenate(errors).mean()), "n": len(pixels)}
    if network is not None:
        how = {"batch": batch, "device": device}
        figures |= fid_figures(found, ReferenceMoments.of(pixels, network, **how), network, **how)
    return figures


def evaluate_generator(
    pipeline: ImageFolder,
    folder: Path,
    network: Network | None,
    reference: ReferenceMoments | None,
    *,
    per_class: int = 50,
    batch: int = 50,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> dict[str, Any]:
    """Sample every class ``per_class`` times into ``folder``; return FID and IS if network and reference are given.

    The pipeline's own guidance, top-k and top-p hold. Raises InvalidReference or InvalidSamples as ``fid_figures``.
    """
    pipeline = pipeline.to(device).eval()
    classes = np.arange(pipeline.config.generator.classes)
    labels = np.tile(classes, per_class)
    pixels = pipeline.generate(labels, seed=seed, batch=batch)
    write_for_evaluator(folder / SAMPLES, pixels)
    config = pipeline.config
    sampling = {name: getattr(config, name) for name in ("guidance_scale", "top_k", "top_p")}
    figures: dict[str, Any] = {**sampling, "seed": seed, "n": len(pixels)}
    if network is not None and reference is not None:
        figures |= fid_figures(pixels, reference, network, batch=batch, device=device)
    return figures


def evaluate_released(
    folder: Path,
    network: Network | None,
    *,
    tokenizer: Path | None,
    images: Path | None,
    generator: Path | None,
    reference: Path | None,
    config: Path | None,
    per_class: int,
    batch: int,
    seed: int,
    device: str,
) -> dict[str, Any]:
    """Return the figures of published files: of a tokenizer with images, of a generator, or of both.

    ``config`` is a JSON file of a pipeline's configuration, for other sizes and sampling than the paper's. The
    reference is read before anything is sampled. Raises InvalidConfig for arguments that lack their counterparts,
    InvalidModel, UnknownWeights, and as above.
    """
    if tokenizer is None and generator is None:
        raise InvalidConfig("nothing to evaluate: give --tokenizer with --images, --generator, or both")
    if (tokenizer is None) != (images is None):
        raise InvalidConfig("--tokenizer and --images belong together: a tokenizer is judged by reconstructions")
    if generator is not None and network is not None and reference is None:
        raise InvalidConfig("the FID of samples wants --reference; with --no-fid they are only written")
    sizes = _sizes(config)
    how: dict[str, Any] = {"batch": batch, "device": device}
    real = None
    if network is not None and reference is not None:
        real = reference_moments(reference, network, **how)
    figures: dict[str, Any] = {}
    if tokenizer is not None and images is not None:
        model = released_tokenizer(tokenizer, config=sizes.tokenizer)
        pixels = as_pixels(images, channels=sizes.tokenizer.channels)
        figures["tokenizer"] = evaluate_tokenizer(model, pixels, folder, network, **how)
    if generator is not None:
        pipeline = released_pipeline(generator, tokenizer=sizes.tokenizer, generator=sizes.generator)
        pipeline.config = sizes
        figures["generator"] = evaluate_generator(
            pipeline, folder, network, real, per_class=per_class, seed=seed, **how
        )
    return figures


def _sizes(config: Path | None) -> PipelineConfig:
    if config is None:
        return PipelineConfig(
            PAPER_TOKENIZER,
            PAPER_GENERATOR,
            "folded",
            guidance_scale=PAPER_GUIDANCE,
            top_k=PAPER_TOP_K,
            top_p=PAPER_TOP_P,
        )
    try:
        return PipelineConfig.from_dict(json.loads(config.read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError) as error:
        raise InvalidConfig(f"{config} is no configuration: {error}") from None
