"""One training loop for every arm: AdamW without weight decay, a rate that falls linearly, the last update counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.data import TensorDataset

from steps.runtime.run import Run

Loss = Callable[[Any, tuple[torch.Tensor, ...]], torch.Tensor]


def train(
    run: Run, model: Any, data: TensorDataset, loss_of: Loss, *, name: str, learning_rate: float, updates: int,
    batch_size: int, order: str,
) -> Any:  # fmt: skip
    """Train what ``model`` leaves trainable, in place; batches come in an order that ``order`` alone decides."""
    accelerator = run.accelerator()
    optimiser = torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad], lr=learning_rate, weight_decay=0.0
    )
    model.train()
    prepared, optimiser = accelerator.prepare(model, optimiser)
    batches = run.batches(data, min(batch_size, len(data)), order)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda done: 1 - done / updates)
    state = {"model": prepared, "optimiser": optimiser, "batches": batches, "schedule": schedule}
    for update in run.updates(updates, state):
        loss = loss_of(prepared, tuple(next(batches)))
        accelerator.backward(loss)
        torch.nn.utils.clip_grad_norm_([p for p in prepared.parameters() if p.grad is not None], 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        if update % max(updates // 10, 1) == 0:
            run.log({f"{name}/loss": float(loss.detach())}, update=update)
    accelerator.free_memory()
    model.eval()
    return model


def picture_loss(model: Any, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    pixels, labels = batch
    return nn.functional.cross_entropy(model(pixel_values=pixels).logits, labels)


def text_loss(model: Any, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    ids, mask, labels = batch
    return nn.functional.cross_entropy(model(input_ids=ids, attention_mask=mask), labels)


def character_loss(model: Any, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Nats a character; windows (B, T + 1)."""
    (window,) = batch
    logits = model(input_ids=window[:, :-1]).logits
    return nn.functional.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())


@torch.inference_mode()
def predictions(
    model: Any, inputs: tuple[torch.Tensor, ...], call: Callable[..., torch.Tensor], size: int = 256
) -> Any:
    """Return the most likely class of every item."""
    found = [
        call(model, *(part[start : start + size] for part in inputs)).argmax(dim=-1)
        for start in range(0, len(inputs[0]), size)
    ]
    return torch.cat(found).cpu().numpy()


@torch.inference_mode()
def mean_loss(model: Any, data: TensorDataset, loss_of: Loss, size: int = 256) -> float:
    """Return the mean loss over the whole of ``data``, in evaluation mode."""
    device = next(model.parameters()).device
    total = 0.0
    for start in range(0, len(data), size):
        batch = tuple(part.to(device) for part in data[start : start + size])
        total += float(loss_of(model, batch)) * len(batch[0])
    return total / len(data)


@torch.inference_mode()
def nats_a_window(model: Any, windows: torch.Tensor, size: int = 64) -> Any:
    """Return each window's mean loss in nats a character."""
    found = []
    for start in range(0, len(windows), size):
        window = windows[start : start + size]
        logits = model(input_ids=window[:, :-1]).logits
        losses = nn.functional.cross_entropy(logits.transpose(1, 2), window[:, 1:], reduction="none")
        found.append(losses.mean(dim=1))
    return torch.cat(found).cpu().numpy()
