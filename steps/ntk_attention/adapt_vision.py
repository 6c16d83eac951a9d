"""Adapt the pretrained ViTs to the classes they have not seen, by every method."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from steps.ntk_attention.arms import Trained, compare, comparison, write_arms
from steps.ntk_attention.training import mean_loss, picture_loss, predictions, train
from steps.runtime.params import Field, dataclass
from steps.runtime.run import Run
from tenfold.ntk_attention.backbones import LORA_TARGETS, Backbone, vit_from_hub
from tenfold.ntk_attention.config import NTKAttentionConfig
from tenfold.ntk_attention.distillation import distil_prefix
from tenfold.ntk_attention.methods import Method, apply, trained_count

Count = Annotated[int, Field(gt=0)]
CLASSES = 5
HEAD = "classifier"


@dataclass
class AdaptVisionParams:
    """Which pictures, how long, which rates by kind of method, and the hub's model where that is adapted instead."""

    datasets: list[str]
    updates: Count
    batch_size: Count
    prefixes: list[int]
    rates: dict[str, list[float]]
    seeds: Count
    hub_model: str | None
    hub_revision: str | None


def adapt_vision(prepared: Path, pretrained: Path, *, out: Path, params: AdaptVisionParams, run: Run) -> None:
    """Adapt the pretrained ViTs to the classes they have not seen, by every method.

    Reads   prepared/<pictures>.npz; pretrained/models/<pictures>/
    Writes  arms.csv, search.csv, items.npz (whether each test picture is right)
    Logs    <pictures>/<method>/<rate>/<seed>/loss
    """
    write_arms(out, [_one(prepared, pretrained, name, params, run) for name in params.datasets])


def _one(prepared: Path, pretrained: Path, name: str, params: AdaptVisionParams, run: Run) -> Any:
    parts = load_pictures(prepared / f"{name}.npz")
    hub = (params.hub_model, params.hub_revision)
    config = fresh(pretrained, name, 0, *hub).config
    methods = comparison(
        layers=config.num_hidden_layers, heads=config.num_attention_heads,
        head_size=config.hidden_size // config.num_attention_heads, targets=LORA_TARGETS["vit"],
        prefixes=params.prefixes, lora_outputs=2 * config.hidden_size, run=run,
    )  # fmt: skip

    def one(method: Method, rate: float, seed: int) -> Trained:
        return train_pictures(
            run, fresh(pretrained, name, seed, *hub), method, parts, rate=rate, seed=seed, updates=params.updates,
            batch_size=params.batch_size, name=name,
        )  # fmt: skip

    return compare(run, name, methods, params.rates, params.seeds, "accuracy", one)


def load_pictures(path: Path) -> dict[str, torch.Tensor]:
    with np.load(path) as data:
        return {name: torch.from_numpy(data[name]) for name in data.files if not name.startswith("source")}


def fresh(pretrained: Path, name: str, seed: int, hub_model: str | None = None, hub_revision: str | None = None) -> Any:
    """Return the pretrained model, ours or the hub's, with a new classifier, the same for every method of a seed."""
    if hub_model is not None:
        model = vit_from_hub(hub_model, hub_revision, CLASSES)
    else:
        model = Backbone.load(pretrained / "models" / name).model
    torch.manual_seed(seed)
    model.classifier.reset_parameters()
    return model


def train_pictures(
    run: Run, model: Any, method: Method, parts: dict[str, torch.Tensor], *, rate: float, seed: int, updates: int,
    batch_size: int, name: str, head: str | None = HEAD,
) -> Trained:  # fmt: skip
    """Train one arm and score it. Pictures are brought to the size that the model reads."""
    size = model.config.image_size
    text = {"pixel_values": _sized(parts["train_x"][:1], size)}
    model = apply(model, method, head=head, seed=seed, text=text).to(run.device)
    data = TensorDataset(parts["train_x"], parts["train_y"])
    label = f"{name}/{method.name}/{rate:g}/{seed}"

    def loss(called: Any, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return picture_loss(called, (_sized(batch[0], size), batch[1]))

    train(
        run, model, data, loss, name=label, learning_rate=rate, updates=updates, batch_size=batch_size,
        order=f"order {seed}",
    )  # fmt: skip
    parameters, fitted = trained_count(model, head), mean_loss(model, data, loss)
    if method.distilled:
        distil_prefix(model, NTKAttentionConfig(**method.distilled))
    right = {}
    for split in ("validation", "test"):
        found = predictions(
            model, (parts[f"{split}_x"].to(run.device),), lambda called, x: called(pixel_values=_sized(x, size)).logits
        )
        right[split] = found == parts[f"{split}_y"].numpy()
    return Trained(parameters, fitted, right["validation"].mean(), right["test"].mean(), right["test"])


def _sized(pixels: torch.Tensor, size: int) -> torch.Tensor:
    if pixels.shape[-1] == size:
        return pixels
    pixels = pixels.expand(-1, 3, -1, -1)
    return torch.nn.functional.interpolate(pixels, (size, size), mode="bilinear", antialias=True)
