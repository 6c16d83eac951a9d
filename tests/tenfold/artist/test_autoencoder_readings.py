"""Trap 12: what can be read after an autoencoder bounds what a latent model can reach."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from tenfold.artist.autoencoder_readings import autoencoder_ceiling
from tenfold.artist.canvases import CanvasStyle, draw_canvases
from tenfold.artist.layouts import InvalidLayout
from tenfold.artist.noising import small_scheduler
from tenfold.artist.parts import fonts_of
from tenfold.artist.pipeline import ArtistPipeline
from tenfold.artist.stable_diffusion import from_stable_diffusion
from tenfold.artist.variants import build
from tenfold.ocr.reading import load_engine
from tenfold.rendering.assets import Assets
from tenfold.rendering.fonts import bundled_fonts
from tests.tenfold.artist.toys import TEXT, VISUAL

CANVASES = draw_canvases(
    Assets(fonts_of(bundled_fonts(), ["DejaVu Sans Book"]), ("open", "late", "shut")),
    3,
    np.random.default_rng(0),
    style=CanvasStyle(),
)


@pytest.mark.skipif(find_spec("rapidocr") is None, reason="the extra `ocr` is not installed")
def test_an_untrained_autoencoder_leaves_nothing_to_read_and_pixels_lose_nothing(checkpoint):
    engine = load_engine("ppocr6")
    blurred = autoencoder_ceiling(from_stable_diffusion(checkpoint), CANVASES.images, CANVASES.layouts, engine)
    found = blurred.described()
    assert found["before"]["word_accuracy"] == 1 and found["after"]["word_accuracy"] == 0
    assert found["images"] == 3 and "PP-OCRv6" in found["reader"]["version"]
    pixels = ArtistPipeline.of(build("visual_only", VISUAL, TEXT, seed=0), small_scheduler())
    assert np.array_equal(pixels.reconstructed(CANVASES.images), CANVASES.images)
    kept = autoencoder_ceiling(pixels, CANVASES.images, CANVASES.layouts, engine, batch=2)
    assert np.array_equal(kept.before, kept.after) and np.array_equal(kept.before, blurred.before)


def test_layouts_of_other_images_are_refused(checkpoint):
    from tenfold.ocr.engine import NoEngine

    with pytest.raises(InvalidLayout, match="one each is needed"):
        autoencoder_ceiling(from_stable_diffusion(checkpoint), CANVASES.images, CANVASES.layouts[:2], NoEngine())
