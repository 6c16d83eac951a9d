"""Pretrain the small ViTs on the source classes, and the small Llama on the first text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from steps.ntk_attention.losses import image_loss, next_token_loss
from steps.step.params import Count, Params, Positive
from steps.step.run import Run
from steps.step.training import TrainingParams, train
from tenfold.ntk_attention.backbones import Backbone, small_llama, small_vit

IMAGES = ("fashion_mnist", "cifar10")
CLASSES = 5
CARD = """# A small {kind} for adaptation studies

Pretrained from scratch on {data}; {count:,} parameters, last training loss {loss:.3f}. Made to be adapted in the
reproduction of NTK-Attention (arXiv 2406.14036); of no use beyond that. License: that of the data.
"""


class PretrainParams(Params):
    """Sizes of the backbones, and how long each is trained."""

    width: Count
    heads: Count
    layers: Count
    patches: Count  # per side of an image
    context: Count  # characters that the Llama sees
    learning_rate: Positive
    images: TrainingParams
    characters: TrainingParams


def pretrain(prepared: Path, *, out: Path, params: PretrainParams, run: Run) -> None:
    """Pretrain the small ViTs on the source classes, and the small Llama on the first text.

    Reads   prepared/<images>.npz, prepared/characters.npz
    Writes  models/<images>/, models/characters/: config.json, model.safetensors
    Logs    <name>/loss (nats per image or character)
    """
    for name in IMAGES:
        with np.load(prepared / f"{name}.npz") as data:
            pixels, labels = torch.from_numpy(data["source_x"]), torch.from_numpy(data["source_y"])
        torch.manual_seed(int(run.generator(f"start of {name}").integers(2**31)))
        model = small_vit(
            size=pixels.shape[-1],
            patch=pixels.shape[-1] // params.patches,
            channels=pixels.shape[1],
            width=params.width,
            layers=params.layers,
            heads=params.heads,
            classes=CLASSES,
        )
        train(
            run,
            model,
            TensorDataset(pixels, labels),
            image_loss,
            params.images,
            name=name,
            learning_rate=params.learning_rate,
            order=f"order of {name}",
        )
        _keep(run, name, model, f"classes 0 to 4 of {name}", "ViT", pixels[:2].numpy())
    with np.load(prepared / "characters.npz") as data:
        windows = cut_windows(data["pretrain"], params.context)
    torch.manual_seed(int(run.generator("start of characters").integers(2**31)))
    model = small_llama(context=params.context, width=params.width, layers=params.layers, heads=params.heads)
    train(
        run,
        model,
        TensorDataset(windows),
        next_token_loss,
        params.characters,
        name="characters",
        learning_rate=params.learning_rate,
        order="order of characters",
    )
    _keep(run, "characters", model, "WikiText-2's characters", "Llama", windows[:2, :-1].numpy())


def cut_windows(characters: np.ndarray, context: int) -> torch.Tensor:
    """Return the windows (N, context + 1) of a text, one after the other."""
    count = len(characters) // (context + 1)
    return torch.from_numpy(characters[: count * (context + 1)].reshape(count, context + 1))


def _keep(run: Run, name: str, model: Any, data: str, kind: str, example: np.ndarray) -> None:
    losses = [entry[f"{name}/loss"] for entry in run.history if f"{name}/loss" in entry]
    backbone = Backbone(model.to("cpu"))
    count = sum(parameter.numel() for parameter in backbone.model.parameters())
    run.model(name, backbone, card=CARD.format(kind=kind, data=data, count=count, loss=losses[-1]), example=example)
    run.say(f"{name}: {count:,} parameters, loss {losses[-1]:.3f}")
