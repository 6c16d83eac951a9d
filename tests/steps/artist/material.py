"""What ``prepare`` writes, of few canvases on made-up photographs; parameters of networks that train in a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from steps.artist.prepare import PrepareParams, prepare
from steps.artist.train_text import TrainTextParams
from steps.artist.train_visual import TrainVisualParams
from steps.step.run import Run
from tenfold.rendering.fonts import ALWAYS_THERE, bundled_fonts

FACES = ["DejaVu Sans Bold", "DejaVu Serif Bold"]
HELD_OUT = "STIXGeneral Bold"
OPTIMISER = {"batch_size": 4, "rise": 2, "weight_decay": 0.01, "largest_norm": 1.0, "ema_decay": 0.5}
MODEL = {
    "block_out_channels": [8, 16],
    "layers_per_block": 1,
    "cross_attention_dim": 8,
    "attention_heads": 2,
    "norm_groups": 4,
    "characters": 4,
    "longest": 9,
}


def prepare_params(**changes: Any) -> PrepareParams:
    """Return parameters of a small ``prepare`` of both stages."""
    values: dict[str, Any] = {
        "shortest": 3,
        "longest": 4,
        "fonts": FACES,
        "held_out": [HELD_OUT],
        "stages": ["grey", "colour"],
        "style": {"width": 64, "height": 16, "contrast": 7.0, "smallest": 1.0},
        "text": {"words": 24, "sentences": 12, "validation": 8},
        "visual": {"train": 20, "validation": 8, "two_words": 0.25},
        "test": {"one_word": 4, "unseen_font": 2, "two_words": 2},
        "photograph": 80,
        "engines": ["ppocr6"],
        "whole": {"images": 6, "border": 40, "enlarge": 2},
    }
    return PrepareParams.model_validate(values | changes)


def write_sources(top: Path, photographs: int = 6) -> dict[str, Path]:
    """Write the sources of ``prepare``: faces that are always there, and photographs of noise."""
    generator = np.random.default_rng(0)
    folders = {}
    for name in ("fonts", "caladea", "fredoka_one", "manrope", "source_sans", "source_serif", "photographs"):
        folders[name] = top / name
        folders[name].mkdir(parents=True)
        record = {"origin": "stand_in", "stand_in": True, "detail": "made up"}
        (folders[name] / "source.json").write_text(json.dumps(record), encoding="utf-8")
        if name != "photographs":
            face = bundled_fonts()[list(ALWAYS_THERE).index("DejaVuSans")]
            (folders[name] / face.path.name).write_bytes(face.path.read_bytes())
    for number in range(photographs):
        coarse = generator.integers(0, 256, (6, 9, 3)).astype(np.uint8)
        Image.fromarray(coarse).resize((96, 64), 3).save(folders["photographs"] / f"{number}.png")
    return folders


def make_prepared(top: Path, seed: int = 0, **changes: Any) -> Path:
    """Return the output of ``prepare`` on made-up sources."""
    out = top / "prepared"
    out.mkdir(parents=True)
    run = Run("artist", "prepare", out=out, seed=seed)
    prepare(**write_sources(top / "sources"), out=out, params=prepare_params(**changes), run=run)
    return out


def text_params(**changes: Any) -> TrainTextParams:
    """Return parameters of text modules that are trained for three updates."""
    values: dict[str, Any] = {
        "arms": {"word_sentence": 2, "word_only": 1},
        "model": MODEL,
        "noise": {"prediction": "v_prediction", "mean": 0.0, "deviation": 1.0},
        "optimiser": OPTIMISER,
        "learning_rates": [2e-3],
        "word_updates": 2,
        "sentence_updates": 1,
        "read": 2,
        "sampled_in": 2,
        "engine": "none",
    }
    return TrainTextParams.model_validate(values | changes)


def visual_params(**changes: Any) -> TrainVisualParams:
    """Return parameters of arms that are trained for two updates."""
    values: dict[str, Any] = {
        "stages": {"grey": {"updates": 2, "seeds": 2}, "colour": {"updates": 3, "seeds": 1}},
        "images": 16,
        "sizes": [8],
        "size_seeds": 1,
        "optimiser": OPTIMISER,
        "times": {"mean": -0.5, "deviation": 1.3},
        "rates": {"artist": [2e-3], "visual_only": [2e-3]},
        "controls": {"random_text_module": 1, "unfrozen": 1, "joint": 1, "skip_injection": 1, "glyph_image": 1},
    }
    return TrainVisualParams.model_validate(values | changes)


def run_of(step: str, out: Path, variant: str | None = None, seed: int = 0) -> Run:
    """Return a run that writes into ``out``, which is made."""
    out.mkdir(parents=True)
    return Run("artist", step, out=out, variant=variant, seed=seed)
