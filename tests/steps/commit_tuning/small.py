"""A prepared task of made-up images, models to start from, and parameters of trainings that take a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from steps.commit_tuning.arms import TuningParams
from steps.commit_tuning.prepare import PrepareParams
from steps.commit_tuning.pretrain import PretrainParams
from steps.step.json_files import write_json
from steps.step.run import Run
from tests.tenfold.commit_tuning.question_samples import clips, digits, images

TASK = "cifar10"


def write_sources(folder: Path) -> dict[str, Path]:
    """Write what the data stages bring: small images and sounds in the formats of their files."""
    found = {}
    for seed, name in enumerate(("cifar10", "fashion_mnist", "fsdd", "esc10")):
        found[name] = folder / name
        found[name].mkdir(parents=True)
        write_json(found[name] / "source.json", {"origin": "made up", "stand_in": True})
        if name in ("cifar10", "fashion_mnist"):
            train, test = images(14, seed=seed), images(8, seed=10 + seed)
            parts = {"x_train": train.pixels, "y_train": train.labels, "x_test": test.pixels, "y_test": test.labels}
            np.savez(found[name] / "images.npz", **parts)  # type: ignore[arg-type]
    spoken, heard = digits(takes=9), clips()
    offsets = np.cumsum([0, *map(len, spoken.sounds)])
    more = {"digit": spoken.digits, "speaker": np.array(spoken.speakers), "take": spoken.takes, "sample_rate": 8000}
    np.savez(found["fsdd"] / "fsdd.npz", samples=np.concatenate(spoken.sounds), offsets=offsets, **more)  # type: ignore[arg-type]
    np.savez(
        found["esc10"] / "esc10.npz",
        samples=np.stack(heard.sounds),
        length=[len(one) for one in heard.sounds],
        label=heard.labels,
        fold=heard.folds,
        clip=np.array(heard.names),
        class_names=np.array(heard.class_names),
        sample_rate=8000,
    )
    return found


def prepare_params(*tasks: str) -> PrepareParams:
    return PrepareParams.model_validate(
        {
            "tasks": list(tasks or (TASK,)),
            "images": {"train": 4, "validation": 2, "probe": 2, "test": 2},
            "sounds": {
                "validation_takes": 1,
                "probe_takes": 1,
                "held_out_speaker": None,
                "test_fold": 5,
                "probe_recordings": 1,
            },
        }
    )


def pretrain_params(seeds: int = 2) -> PretrainParams:
    pretext = {"updates": 2, "batch_size": 4, "learning_rate": 1e-3}
    size = {"widths": [8, 8], "grid": [2, 2], "cells": [1, 1], "hidden": 16, "layers": 1, "heads": 2}
    return PretrainParams.model_validate(
        {"seeds": {TASK: seeds}, "model": size, "encoder": pretext, "decoder": pretext}
    )


def tuning(**changes: Any) -> TuningParams:
    values = {
        **{"updates": 12, "batch_size": 8, "weight_decay": 0.01, "every": 2, "probe": 4, "smoothing": 0.8},
        **{"block_updates": 2, "share_every": 2, "lora_rank": 2, "reached": {TASK: 9.0}},
    }
    return TuningParams.model_validate(values | changes)


def made(folder: Path, step: str, variant: str | None = "images", name: str | None = None) -> tuple[Path, Run]:
    """Return an output folder and a run with checkpoints."""
    key = name or step
    out = folder / key
    out.mkdir(parents=True)
    return out, Run("commit_tuning", step, variant=variant, out=out, checkpoints=folder / "checkpoints" / key)
