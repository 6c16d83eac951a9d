"""What the first steps write, small: real canvases and prompts, untrained networks of the real classes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from steps.artist import canvas_sets as sets
from steps.artist.arm_setup import new_artist, save_arm
from steps.artist.canvas_sets import PromptRow
from steps.artist.facts import CONTROLS
from steps.artist.saved_arms import MODELS, ROWS, TEXT_MODULES, model_name
from steps.artist.settings import SETTINGS, ModelParams, NoiseParams, Settings
from steps.step.json_files import write_json
from tenfold.artist.canvases import Canvases, CanvasStyle, draw_canvases
from tenfold.artist.quotations import quoted_words
from tenfold.rendering.assets import Assets
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.words import english_words, split_words
from tests.steps.artist.rows import control, row_of

WORDS = split_words(english_words(3, 4), {"train": 0.7, "validation": 0.1, "test": 0.2})
MODEL = ModelParams(
    block_out_channels=[8, 16],
    layers_per_block=1,
    cross_attention_dim=8,
    attention_heads=2,
    norm_groups=4,
    characters=4,
    longest=9,
)
SETTINGS_OF = Settings(model=MODEL, noise=NoiseParams(prediction="v_prediction", mean=0.0, deviation=1.0))
REAL_PROMPTS = (
    '{"source": "GlyphControl", "set": "SimpleBench", "bucket": "top_1000", "words": ["%s"], '
    '"prompt": "A sign that says \\"%s\\"."}\n'
)


def photographs(count: int) -> tuple[np.ndarray, ...]:
    """Return noisy gradients to cut backgrounds from."""
    generator = np.random.default_rng(5)
    ramps = np.linspace(0, 255, 96)[None, :, None] * generator.uniform(0.2, 1, (count, 1, 1, 3))
    noisy = ramps + generator.normal(0, 20, (count, 64, 96, 3))
    return tuple(np.clip(noisy, 0, 255).astype(np.uint8))


def canvases(part: str, count: int, seed: int, *, words: int = 1) -> Canvases:
    """Return composites on photographs smoothed to grey."""
    assets = Assets(bundled_fonts()[:2], WORDS[part], photographs(3))
    return draw_canvases(assets, count, np.random.default_rng(seed), style=CanvasStyle(words=words))


def test_canvases(prompts: int) -> Canvases:
    """Return real composites, a fourth of them of two words."""
    pairs = prompts // 4
    parts = [canvases("test", prompts - pairs, 1), *([canvases("test", pairs, 2, words=2)] if pairs else [])]
    return sets.joined(parts)


test_canvases.__test__ = False


def prompts_of(found: Canvases) -> list[PromptRow]:
    """Return the test prompts of composites; every third of one word is said to be of a held-out design."""
    return [
        PromptRow(
            number,
            said.text,
            "single" if quoted_words(said.text) else "none",
            layout.texts,
            layout.boxes,
            layout.width,
            layout.height,
            font,
            number % 3 != 2 or len(layout.words) > 1,
        )
        for number, (said, layout, font) in enumerate(zip(found.captions, found.layouts, found.fonts, strict=True))
    ]


def write_prepared(folder: Path, prompts: int = 8, stages: tuple[str, ...] = ("grey",)) -> Path:
    """Write what ``prepare`` writes and later steps read."""
    folder.mkdir(parents=True)
    write_json(folder / sets.WORDS, {name: list(words) for name, words in WORDS.items()})
    write_json(folder / sets.FONTS, [{"name": font.name, "part": "seen"} for font in bundled_fonts()[:2]])
    style = {"width": 64, "height": 16, "contrast": 7.0, "smallest": 1.0}
    write_json(folder / sets.ABOUT, {"stages": list(stages), "parameters": {"style": style}})
    found = test_canvases(prompts)
    for stage in stages:
        canvases("train", 12, 3).save(folder / sets.VISUAL / stage / "train")
        found.save(folder / sets.TEST / stage)
    for part in ("train", "test"):
        (folder / sets.BACKGROUNDS / part).mkdir(parents=True)
        for number, pixels in enumerate(photographs(3)):
            Image.fromarray(pixels).save(folder / sets.BACKGROUNDS / part / f"{number:03d}.png")
    sets.write_prompts(prompts_of(found), folder)
    return folder


def write_text(folder: Path, seeds: int = 1) -> Path:
    """Write untrained text modules where ``train_text`` writes trained ones."""
    from tenfold.artist.denoiser import Denoiser

    for seed in range(seeds):
        module = Denoiser.new(MODEL.text(), seed=seed)
        module.save_pretrained(folder / TEXT_MODULES / f"word_sentence-{seed}")
    write_json(folder / SETTINGS, {"settings": SETTINGS_OF.model_dump(mode="json"), "costs": {}})
    write_json(folder / CONTROLS, [control(seed) for seed in range(seeds)])
    return folder


def write_trained(folder: Path, text: Path, arms: dict[str, list[int]]) -> Path:
    """Write untrained arms, after the numbers of updates that are said, where ``train_visual`` writes trained ones."""
    from tenfold.nn.pretrained import weights_sha256

    rows = []
    for arm, lengths in arms.items():
        for updates in lengths:
            artist = new_artist(arm, 0, MODEL, text, "cpu", start=1)
            row = row_of(arm, updates=updates)
            sha256 = None if artist.text is None else weights_sha256(artist.text)
            row |= {"text_sha256_before": sha256, "text_sha256_after": sha256}
            save_arm(artist, arm, folder / MODELS / model_name(row))
            if artist.injector is not None:
                artist.injector.detach()
            rows.append(row)
    (folder / ROWS).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def write_real_prompts(folder: Path) -> Path:
    """Write prompts in the mirror's format: of two templates, a template that wants nothing, and TextDiffuser's."""
    folder.mkdir()
    lines = [REAL_PROMPTS % (word, word) for word in ("open", "stop", "accept")]
    lines += [line.replace("A sign that says", "A red wall with the words") for line in lines[:2]]
    lines.append(
        '{"source": "GlyphControl", "set": "CreativeBench_templates", "bucket": null, "words": [], '
        '"prompt": "A street sign on the street reads \\"\\""}\n'
    )
    lines.append(
        '{"source": "TextDiffuser", "set": "examples", "bucket": null, "words": [], '
        '"prompt": "a board saying Sessions"}\n'
    )
    (folder / "prompts.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder
