"""A few pages with what was read on them, and parameters of models that train in a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPVisionConfig, CLIPVisionModel, ConvNextConfig, ConvNextModel

from steps.llava_read.ablate import AblateParams
from steps.llava_read.pretrain import PretrainParams
from steps.llava_read.tune import TuneParams
from tenfold.llava_read.pages import ReadingPage, draw_pages, write_pages
from tenfold.llava_read.squares import box_tokens
from tenfold.llava_read.tasks import stage_one
from tenfold.ocr.page_files import write_pages as write_readings
from tenfold.rendering.fonts import bundled_fonts
from tests.tenfold.language.conftest import save as save_llama

COUNTS = {"train": 10, "validation": 3, "test": 5}
LENGTH: dict[str, Any] = {"updates": 2, "batch_size": 4}
STAGE = LENGTH | {"learning_rate": 1e-3}


def drawn_pages(part: Any, count: int | None = None) -> list[ReadingPage]:
    return list(draw_pages(part, count or COUNTS[part], seed=0, fonts=bundled_fonts()))


def write_inputs(folder: Path) -> tuple[Path, Path]:
    """Write what ``prepare`` and ``tasks`` write, as far as training reads it; the oracle stands for engines."""
    prepared, tasks = folder / "prepare", folder / "tasks"
    for part in COUNTS:
        pages = drawn_pages(part)
        write_pages(pages, prepared / "pages" / part)
        (tasks / "ocr" / part).mkdir(parents=True)
        for source in ("simulated",) if part == "train" else ("ppocr6", "oracle"):
            write_readings({page.id: page.truth for page in pages}, tasks / "ocr" / part / f"{source}.jsonl")
    samples = stage_one(drawn_pages("train"), seed=0, write_box=box_tokens).samples
    rows = (json.dumps(sample.to_json(), ensure_ascii=False) for sample in samples)
    (tasks / "stage_one.jsonl").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return prepared, tasks


def pretrain_params(model: dict[str, Any] | None = None, **start: Any) -> PretrainParams:
    return PretrainParams.model_validate(
        {
            "seeds": 1,
            "ocr_source": "simulated",
            "model": {
                "width": 16,
                "low_layers": 2,
                "low_side": 48,
                "high_widths": [4, 8, 8, 8],
                "high_side": 64,
                "decoder_width": 16,
                "decoder_layers": 2,
                "heads": 2,
                **(model or {}),
            },
            "start": {
                "lists": STAGE | {"muon": 1e-2, "updates": 1},
                "copying": STAGE | {"muon": 1e-2},
                "encoders": STAGE,
                "warm_up": STAGE,
                "stage_one": STAGE | {"updates": 3, "batch_size": 2},  # not as long as the warm-up
                "replay": 0.25,
                "together": 0.5,
                "short": 0.9,
                "turns": 2,
                "budget": 96,
                "longest": 900,
                "vision": "full",
                "decoder": "full",
                **start,
            },
        }
    )


def stage_two(**changes: Any) -> dict[str, Any]:
    return {
        "training": LENGTH,
        "rates": [1e-3],
        "search_updates": 1,
        "decoder": "full",
        "budget": 96,
        "reply": 4,
        "batch": 8,
        **changes,
    }


def tune_params(**changes: Any) -> TuneParams:
    return TuneParams.model_validate({"seeds": 1, "ocr_source": "ppocr6", "stage_two": stage_two(**changes)})


def ablate_params(arms: list[str], **changes: Any) -> AblateParams:
    sources = ["ppocr6", "oracle", "tesseract"]  # of which the last is not installed, and has read nothing
    settings = {"arms": arms, "seeds": 1, "seeds_beside": 1, "searched": [], "ocr_sources": sources}
    return AblateParams.model_validate(settings | {"stage_two": stage_two(**changes)})


def hub_parts(folder: Path) -> dict[str, Any]:
    """Write checkpoints of the paper's classes with a few parameters, and return them as the hub's parts."""
    vision = {"image_size": 28, "patch_size": 14, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 8}
    torch.manual_seed(0)
    CLIPVisionModel(CLIPVisionConfig(**vision, num_attention_heads=2)).save_pretrained(folder / "clip")
    ConvNextModel(ConvNextConfig(hidden_sizes=[4, 4, 8, 12], depths=[1, 1, 1, 1])).save_pretrained(folder / "convnext")
    save_llama(folder / "llama", context=1024)
    parts: dict[str, Any] = {"low_revision": None, "high_revision": None, "text_revision": None, "dtype": "float32"}
    return parts | {"low": str(folder / "clip"), "high": str(folder / "convnext"), "text": str(folder / "llama")}
