"""``tenfold artist`` as its user types it."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest

from tenfold.artist.canvases import CanvasStyle, draw_canvases
from tenfold.artist.captions import caption
from tenfold.artist.generation import centred_words
from tenfold.artist.layouts import Layout
from tenfold.artist.parts import fonts_of
from tenfold.artist.readings import ENLARGED
from tenfold.artist.tagger import train_tagger
from tenfold.imaging.files import open_image, save_images
from tenfold.rendering.assets import Assets
from tenfold.rendering.fonts import bundled_fonts

READ = ("--enlarge", 2, "--border", 40)


def test_a_prompt_is_planned_and_drawn(tenfold, tmp_path):
    plan = json.loads(tenfold("artist", "plan", "a sign 'open late'", "--image", tmp_path / "plan.png").out)
    assert (plan["how"], [word["text"] for word in plan["words"]]) == ("quotes", ["open", "late"])
    assert plan["clamped"] == plan["overlaps"] == [] and open_image(tmp_path / "plan.png").size == (512, 512)
    refused = tenfold("artist", "plan", "a sign 'open late'", "--image", tmp_path / "plan.png", status=1)
    assert "plan.png" in refused.err
    generator = np.random.default_rng(0)
    tagger, _ = train_tagger([caption(["word"], generator, quotes="none") for _ in range(400)], seed=0, updates=80)
    (tmp_path / "tagger").mkdir()
    tagger.save(tmp_path / "tagger")
    tagged = json.loads(tenfold("artist", "plan", "a sign that says open", "--tagger", tmp_path / "tagger").out)
    assert (tagged["how"], [word["text"] for word in tagged["words"]]) == ("tagger", ["open"])
    plain = tenfold("artist", "plan", "a cat")
    assert json.loads(plain.out)["how"] == "none" and "NoKeywords" in plain.err
    assert "come together" in tenfold("artist", "plan", "a cat", "--model", "x", status=2).err


def test_a_plan_places_words_as_generate_does_and_its_image_is_enlarged(tenfold, tmp_path):
    """From twice as wide as high words stand side by side; the layout is the one that `generate` would take."""
    size = {"width": 64, "height": 16}
    options = ("--width", 64, "--height", 16, "--image", tmp_path / "plan.png")
    plan = json.loads(tenfold("artist", "plan", "a sign 'open late'", *options).out)
    assert Layout.from_description(plan) == centred_words(["open", "late"], **size)
    first, second = (word["box"] for word in plan["words"])
    assert first[2] <= second[0]
    drawn = np.asarray(open_image(tmp_path / "plan.png", "RGB"))
    assert drawn.shape == (128, 512, 3)
    assert all(
        (drawn[8 * y0 : 8 * y1, 8 * x0 : 8 * x1] < 60).all(axis=2).mean() > 0.1 for x0, y0, x1, y1 in (first, second)
    )


@pytest.mark.skipif(find_spec("rapidocr") is None, reason="the extra `ocr` is not installed")
def test_a_folder_of_images_is_scored(tenfold, tmp_path):
    assets = Assets(fonts_of(bundled_fonts(), ["DejaVu Sans Book"]), ("open", "late", "shut"))
    canvases = draw_canvases(assets, 3, np.random.default_rng(0), style=CanvasStyle())
    canvases.save(tmp_path / "set")
    images = canvases.images.copy()
    images[2] = 128
    save_images(tmp_path / "images", images)
    asked = tmp_path / "set" / "canvases.jsonl"
    said = tenfold("artist", "evaluate", tmp_path / "images", asked, *READ, "--out", tmp_path / "scores.json")
    printed = said.out
    assert "image 3 of 3" in said.err
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["images"] == 3 and scores["blank"] == 1
    assert scores["mario_eval"]["corrected"]["recall"] == pytest.approx(2 / 3, abs=1e-6)
    assert scores["boxes"]["word_accuracy"] == pytest.approx(2 / 3)
    assert scores["glyph_control"]["official"]["skipped"] == 1
    assert scores["boxes"]["reader"]["how"].endswith(f"enlarged {ENLARGED} times")
    assert "PP-OCRv6" in printed and "in known boxes" in printed
    assert "prompts are there" in tenfold("artist", "evaluate", tmp_path, asked, status=1).err
