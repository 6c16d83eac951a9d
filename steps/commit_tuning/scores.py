"""What a training came to: its answers on a part, and what its trace says.

Legend:  Q questions · X the LLM · S the feature encoder · ℓ the average of log κ
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenfold.commit_tuning.schedulers import CLIP

if TYPE_CHECKING:
    from steps.commit_tuning.tasks import Encoded

LAST_ESTIMATES = 10
MEMORY = 0.9  # of the running mean of the loss that `updates_to` reads


@dataclass(frozen=True)
class Score:
    """Loss in nats per token of the answers; the share of questions that are answered exactly, and of names alone."""

    loss: float
    accuracy: float
    names: float


def score(model: Any, part: Encoded, *, never: int, size: int = 300) -> Score:
    """Return how a model answers a part's questions, ``size`` at a time; no answer holds the token ``never``."""
    import torch

    from tenfold.commit_tuning.question_batches import accuracy_by_kind, exact_matches
    from tenfold.multimodal.labels import IGNORED

    total, tokens, right = 0.0, 0, []
    with torch.inference_mode():
        for first in range(0, len(part), size):
            batch = part.batch(range(first, min(first + size, len(part))))
            logits = model(**{name: one for name, one in batch.items() if name != "labels"}).logits
            targets = batch["labels"][:, 1:]
            counted = targets != IGNORED
            losses = torch.nn.functional.cross_entropy(logits[:, :-1][counted], targets[counted], reduction="sum")
            total, tokens = total + float(losses), tokens + int(counted.sum())
            right += exact_matches(logits, batch["labels"], never=never).tolist()
    names = accuracy_by_kind(part.part.questions, right)["name"]
    return Score(total / tokens, sum(right) / len(right), names)


def of_trace(rows: Sequence[Mapping[str, Any]], reached: float) -> dict[str, Any]:
    """Return the fields of a `TuningRun` that its trace holds; ``reached`` is the loss whose update is counted."""
    losses = [row["loss"] for row in rows]
    estimated = [row for row in rows if row["undefined"] is False]
    last = estimated[-LAST_ESTIMATES:]
    logs = [row["log_kappa"] for row in estimated]
    return {
        "updates": len(rows),
        "parameter_updates_X": sum(row["factor_X"] > 0 for row in rows),
        "parameter_updates_S": sum(row["factor_S"] > 0 for row in rows),
        "auc": mean(losses),
        "log_auc": mean([math.log(max(loss, 1e-12)) for loss in losses]),
        "loss_last": mean(losses[-max(1, len(losses) // 10) :]),
        "updates_to": updates_to(losses, reached),
        "log_kappa_last": mean([abs(row["log_kappa"]) for row in last]) if last else None,
        "ema_last": mean([abs(row["ema"]) for row in last]) if last else None,
        "clipped_share": mean([abs(row["ema"]) >= CLIP for row in rows]) if estimated else None,
        "log_kappa_mean": mean(logs) if logs else None,
        "estimates": len(estimated),
        "undefined": sum(row["undefined"] is True for row in rows),
        "rate_X": mean([row["lr_X"] for row in rows]),
        "rate_S": mean([row["lr_S"] for row in rows]),
    }


def updates_to(losses: Sequence[float], reached: float) -> int | None:
    """Return the first update whose running mean of losses, corrected for its start, is below ``reached``."""
    raw = 0.0
    for update, loss in enumerate(losses, 1):
        raw = MEMORY * raw + (1 - MEMORY) * loss
        if raw / (1 - MEMORY**update) < reached:
            return update
    return None


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return math.fsum(values) / len(values)
