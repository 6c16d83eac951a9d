"""One training loop for every arm: AdamW without weight decay, a rate that falls linearly, the last update counts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal

import torch
from torch import nn

from steps.step.run import Run

Precision = Literal["no", "bf16"]
Loss = Callable[[Any, tuple[torch.Tensor, ...]], torch.Tensor]


def train(
    run: Run,
    model: Any,
    data: Any,
    loss_of: Loss,
    *,
    name: str,
    learning_rate: float,
    updates: int,
    batch_size: int,
    order: str,
    mixed_precision: Precision = "no",
    **loader: Any,
) -> Any:
    """Train what ``model`` leaves trainable, in place; batches come in an order that ``order`` alone decides.

    ``loader`` goes to torch's DataLoader.
    """
    accelerator = run.accelerator(mixed_precision=mixed_precision)
    optimiser = torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        lr=learning_rate,
        weight_decay=0.0,
        fused=True,
    )
    model.train()
    prepared, optimiser = accelerator.prepare(model, optimiser)
    batches = run.batches(data, min(batch_size, len(data)), order, **loader)
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
    if mixed_precision != "no":  # accelerate leaves it around the model's own forward
        for place in ("forward", "_original_forward"):
            model.__dict__.pop(place, None)
    model.eval()
    return model


def half(device: str, mixed_precision: Precision) -> AbstractContextManager[Any]:
    """Within, models compute as they did in training with this precision."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=mixed_precision == "bf16")


def picture_loss(model: Any, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    pixels, labels = batch
    return nn.functional.cross_entropy(model(pixel_values=pixels).logits, labels)


def character_loss(model: Any, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Nats a character; windows (B, T + 1)."""
    (window,) = batch
    logits = model(input_ids=window[:, :-1]).logits
    return nn.functional.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())


def answer_loss(model: Any, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Nats a token of the answers; ids and targets (B, T), the targets of what is given being -100."""
    ids, targets = batch
    longest = int((targets >= 0).nonzero()[:, 1].max()) + 1  # what is padding in every row is not computed
    logits = model(input_ids=ids[:, : longest - 1]).logits
    return nn.functional.cross_entropy(logits.flatten(0, 1), targets[:, 1:longest].flatten())


@torch.inference_mode()
def predictions(model: Any, data: Any, call: Callable[..., torch.Tensor], size: int = 256) -> tuple[Any, Any]:
    """Return the most likely class of every item of ``data``, whose batches end with labels, and those labels."""
    device = next(model.parameters()).device
    found, labels = [], []
    for start in range(0, len(data), size):
        *inputs, right = data[start : start + size]
        found.append(call(model, *(part.to(device) for part in inputs)).argmax(dim=-1).cpu())
        labels.append(right)
    return torch.cat(found).numpy(), torch.cat(labels).numpy()


@torch.inference_mode()
def mean_loss(model: Any, data: Any, loss_of: Loss, size: int = 256) -> float:
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
        logits = model(input_ids=window[:, :-1]).logits.float()
        losses = nn.functional.cross_entropy(logits.transpose(1, 2), window[:, 1:], reduction="none")
        found.append(losses.mean(dim=1))
    return torch.cat(found).cpu().numpy()
