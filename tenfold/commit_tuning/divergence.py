"""Kullback-Leibler divergences between answers' next-token distributions, in float64.

Legend:  B rows of a batch · T tokens · V words of the vocabulary · A positions that predict a token of an answer

A logit shift of 1e-4 moves the divergence by 3e-9, of which a log-softmax in float32 leaves nothing that is right; in
float64, of float32 logits, 0.1 % is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tenfold.commit_tuning.errors import InvalidProbe
from tenfold.multimodal.labels import IGNORED

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


@dataclass(frozen=True)
class AnswerDistributions:
    """Teacher-forced log-probabilities at the positions that predict a token of an answer, and each position's row."""

    log_probabilities: Float[Tensor, "A V"]  # float64
    rows: Int[Tensor, " A"]
    batch: int


def answer_distributions(logits: Float[Tensor, "B T V"], targets: Int[Tensor, "B T"]) -> AnswerDistributions:
    """Return the distributions where a target counts; ``targets[:, t]`` is what ``logits[:, t]`` predict.

    Raises InvalidProbe for shapes that do not go together, a row without an answer, or logits that are not finite.
    """
    if logits.ndim != 3 or logits.shape[:2] != targets.shape:
        raise InvalidProbe(
            f"logits {tuple(logits.shape)} and targets {tuple(targets.shape)} do not go together: the processor must "
            "expand the placeholders of images and sounds, so that each token has its logits"
        )
    counted = targets != IGNORED  # (B, T)
    if not bool(counted.any(dim=1).all()):
        row = int((~counted.any(dim=1)).nonzero()[0])
        raise InvalidProbe(f"row {row} of the batch has no token of an answer; mask the prompt alone")
    chosen = logits[counted]  # (A, V)
    if not bool(torch.isfinite(chosen).all()):
        raise InvalidProbe("logits at positions of answers are not finite: the model has diverged, or masks words")
    return AnswerDistributions(chosen.double().log_softmax(dim=-1), counted.nonzero()[:, 0], len(targets))


def divergence(new: AnswerDistributions, old: AnswerDistributions) -> Float[Tensor, " B"]:
    """Return KL(new ‖ old) of each row in nats, averaged over the positions of its answer; gradients pass.

    Raises InvalidProbe if the two are not of the same positions.
    """
    if new.batch != old.batch or not torch.equal(new.rows, old.rows):
        raise InvalidProbe("the two distributions are of other positions: both must be of one batch")
    ratio = new.log_probabilities - old.log_probabilities
    by_position = (new.log_probabilities.exp() * ratio).sum(dim=-1)  # (A,)
    total = by_position.new_zeros(new.batch).index_add(0, new.rows, by_position)  # (B,)
    return total / torch.bincount(new.rows, minlength=new.batch)
