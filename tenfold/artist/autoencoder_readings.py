"""What can be read on real composites once an autoencoder has had them: no model behind it reads better.

A latent diffusion model sees and makes images through its autoencoder, which blurs small letters. What an engine reads
on VAE(x) of real composites x bounds what it can read on generated images, as its ceiling on x does without one.

Legend:  N images · H, W canvas
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8

from tenfold.artist.layouts import Layout
from tenfold.artist.pipeline import ArtistPipeline
from tenfold.artist.readings import (
    ENLARGED,
    Reader,
    edit_similarity,
    letter_accuracy,
    read_in_boxes,
    reading_table,
    word_accuracy,
)
from tenfold.ocr.engine import Engine


@dataclass(frozen=True)
class AutoencoderCeiling:
    """Sums of what was read (`tenfold.artist.readings.COLUMNS`) on N composites, before and after the autoencoder."""

    before: Float64[np.ndarray, "N 7"]
    after: Float64[np.ndarray, "N 7"]
    reader: Reader

    def described(self) -> dict[str, Any]:
        """Return word and letter accuracy and NED of both, with the engine and how it read."""
        found: dict[str, Any] = {"images": len(self.before), "reader": asdict(self.reader)}
        for name, rows in (("before", self.before), ("after", self.after)):
            sums = rows.sum(axis=0)
            found[name] = {
                "word_accuracy": float(word_accuracy(sums)),
                "letter_accuracy": float(letter_accuracy(sums)),
                "ned": float(edit_similarity(sums)),
            }
        return found


def autoencoder_ceiling(
    pipeline: ArtistPipeline,
    images: UInt8[np.ndarray, "N H W 3"],
    layouts: Sequence[Layout],
    engine: Engine,
    *,
    enlarge: int = ENLARGED,
    batch: int = 16,
) -> AutoencoderCeiling:
    """Return what ``engine`` reads in the boxes of real composites, and of the same after encoding and decoding.

    A pipeline without an autoencoder loses nothing: both are equal. Raises InvalidLayout if numbers or sizes differ.
    """
    words = [layout.texts for layout in layouts]
    after = np.concatenate([pipeline.reconstructed(images[i : i + batch]) for i in range(0, len(images), batch)])
    sums = [reading_table(words, read_in_boxes(pixels, layouts, engine, enlarge=enlarge)) for pixels in (images, after)]
    return AutoencoderCeiling(sums[0], sums[1], Reader.crops(engine, enlarge))
