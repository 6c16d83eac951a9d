"""Rows as the steps that train write them, of trainings that went well."""

from __future__ import annotations

from typing import Any

SIZE = 16


def control(seed: int, **other: Any) -> dict[str, Any]:
    """Return a row of controls.json of a text module that writes."""
    about = {"arm": "word_sentence", "seed": seed, "kind": "words", "images": 128, "engine": "ppocr6"}
    about |= {"learning_rate": 2e-3, "searched": {}, "at_edge": None}
    losses = {"validation_loss": 0.1, "validation_loss_permuted_letters": 0.2}
    return about | losses | {"words": 0.9, "letters": 0.97, "ceiling_words": 1.0, "ceiling_letters": 1.0} | other


def row_of(arm: str, *, stage: str = "grey", size: int = SIZE, seed: int = 0, updates: int = 500) -> dict[str, Any]:
    """Return a row of rows.jsonl of a model that was trained well."""
    flops = updates * 10**9
    sha256 = None if arm in ("visual_only", "glyph_image") else "a" * 64
    return {
        "arm": arm,
        "stage": stage,
        "size": size,
        "seed": seed,
        "learning_rate": 2e-3,
        "updates": updates,
        "samples_seen": 32 * updates,
        "flops": flops,
        "total_flops_with_text": flops + (900 * 10**9 if sha256 else 0),
        "validation_loss": 0.1,
        "validation_loss_permuted_letters": 0.15,
        "validation_loss_moved_times": None if sha256 is None else 0.12,
        "text_sha256_before": sha256,
        "text_sha256_after": sha256,
        "searched": {"0.001": 0.2, "0.002": 0.1, "0.004": 0.2},
        "at_edge": False,
    }
