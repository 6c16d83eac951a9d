"""The training loop around ``run.updates``, and the loops that evaluate what was trained."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal

import numpy as np
import torch

from steps.step.params import Count, Params
from steps.step.run import Run

Precision = Literal["no", "bf16"]
Batch = tuple[torch.Tensor, ...]
Loss = Callable[[Any, Batch], torch.Tensor]


class TrainingParams(Params):
    """How long one model is trained: updates, samples per update over all processes, and mixed precision."""

    updates: Count
    batch_size: Count
    mixed_precision: Precision = "no"


def linear_decay(done: float) -> float:
    """Return the factor of the learning rate after the share ``done`` of all updates: a straight line from 1 to 0."""
    return 1 - done


def train(
    run: Run,
    model: Any,
    data: Any,
    loss_of: Loss,
    training: TrainingParams,
    *,
    name: str,
    learning_rate: float,
    order: str,
    schedule: Callable[[float], float] = linear_decay,
    weight_decay: float = 0.0,
    largest_norm: float = 1.0,
    **loader: Any,
) -> Any:
    """Train in place what ``model`` leaves trainable, by AdamW with clipped gradients, and return it for evaluation.

    ``loss_of(model, batch)`` is logged as ``<name>/loss`` ten times. ``order`` is the purpose that seeds the order of
    the batches. ``schedule`` maps the share of updates done to a factor of ``learning_rate``. ``largest_norm`` bounds
    the norm of all gradients together. ``loader`` goes to torch's DataLoader. A batch is at most the whole of ``data``.

    Raises Diverged if a logged loss is not finite.
    """
    accelerator = run.accelerator(mixed_precision=training.mixed_precision)
    optimiser = torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        lr=learning_rate,
        weight_decay=weight_decay,
        fused=True,
    )
    model.train()
    prepared, optimiser = accelerator.prepare(model, optimiser)
    batches = run.batches(data, min(training.batch_size, len(data)), order, **loader)
    updates = training.updates
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda done: schedule(done / updates))
    state = {"model": prepared, "optimiser": optimiser, "batches": batches, "schedule": scheduler}
    for update in run.updates(updates, state):
        loss = loss_of(prepared, tuple(next(batches)))
        accelerator.backward(loss)
        torch.nn.utils.clip_grad_norm_([p for p in prepared.parameters() if p.grad is not None], largest_norm)
        optimiser.step()
        scheduler.step()
        optimiser.zero_grad()
        if update % max(updates // 10, 1) == 0:
            run.log({f"{name}/loss": float(loss.detach())}, update=update)
    accelerator.free_memory()
    if training.mixed_precision != "no":  # accelerate leaves its own around the model's forward
        for place in ("forward", "_original_forward"):
            model.__dict__.pop(place, None)
    model.eval()
    return model


def autocast(device: str, precision: Precision) -> AbstractContextManager[Any]:
    """Return the context within which models compute as ``train`` lets them compute with this precision."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16")


@torch.inference_mode()
def predict(model: Any, data: Any, call: Callable[..., torch.Tensor], size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Return the most likely class and the label of every item of ``data``, both (N,), ``size`` items at a time.

    The last part of each batch of ``data`` is the labels; ``call(model, *others)`` returns logits (B, …, classes).
    """
    device = next(model.parameters()).device
    found, labels = [], []
    for start in range(0, len(data), size):
        *inputs, right = data[start : start + size]
        found.append(call(model, *(part.to(device) for part in inputs)).argmax(dim=-1).cpu())
        labels.append(right)
    return torch.cat(found).numpy(), torch.cat(labels).numpy()


@torch.inference_mode()
def mean_loss(model: Any, data: Any, loss_of: Loss, size: int = 256) -> float:
    """Return the mean of ``loss_of`` over all of ``data``, ``size`` items at a time."""
    device = next(model.parameters()).device
    total = 0.0
    for start in range(0, len(data), size):
        batch = tuple(part.to(device) for part in data[start : start + size])
        total += float(loss_of(model, batch)) * len(batch[0])
    return total / len(data)
