"""What the models of NTK-Attention are trained to lower.

Legend:  B batch · T tokens
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from steps.step.training import Batch


def image_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Return the cross-entropy of the labels (B,) of images (B, channels, H, W), in nats per image."""
    pixels, labels = batch
    return nn.functional.cross_entropy(model(pixel_values=pixels).logits, labels)


def next_token_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Return the cross-entropy of each next token of windows (B, T + 1), in nats per token."""
    (window,) = batch
    logits = model(input_ids=window[:, :-1]).logits
    return nn.functional.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())


def answer_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Return the cross-entropy of the answers' tokens, in nats per token; ids and targets (B, T).

    The targets of tokens that are given are −100.
    """
    ids, targets = batch
    longest = int((targets >= 0).nonzero()[:, 1].max()) + 1  # places that are padding in every row are not computed
    logits = model(input_ids=ids[:, : longest - 1]).logits
    return nn.functional.cross_entropy(logits.flatten(0, 1), targets[:, 1:longest].flatten())


@torch.inference_mode()
def window_losses(model: Any, windows: torch.Tensor, size: int = 64) -> np.ndarray:
    """Return the mean loss of each window (N, T + 1), in nats per token, ``size`` windows at a time."""
    found = []
    for start in range(0, len(windows), size):
        window = windows[start : start + size]
        logits = model(input_ids=window[:, :-1]).logits.float()
        losses = nn.functional.cross_entropy(logits.transpose(1, 2), window[:, 1:], reduction="none")
        found.append(losses.mean(dim=1))
    return torch.cat(found).cpu().numpy()
