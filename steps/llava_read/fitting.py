"""Training of one model on rows of conversations: equal updates and examples whatever a row holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steps.llava_read.conversations import Batch, Row, collate, of_like_length
from steps.llava_read.page_images import PageImages
from steps.step.params import Count, Params, Positive
from steps.step.run import Run
from steps.step.training import Precision, TrainingParams, train


class LengthParams(Params):
    """How long one training lasts: updates, and conversations per update.

    ``parts``: of so many each update's conversations are made up, each of like length; a multiple of the number of
    processes.
    """

    updates: Count
    batch_size: Count
    parts: Count = 1
    weight_decay: float = 0.01
    mixed_precision: Precision = "no"

    @property
    def examples(self) -> int:
        """The number of conversations of the whole stage."""
        return self.updates * self.batch_size


class StageParams(LengthParams):
    """How long one stage lasts, and its highest learning rate."""

    learning_rate: Positive


class UnevenParts(ValueError):
    """A batch cannot be made up of so many parts."""


def drawn_numbers(count: int, examples: int, generator: np.random.Generator) -> np.ndarray:
    """Return ``examples`` numbers below ``count``, epoch after epoch, each in an order of its own."""
    epochs = -(-examples // count)
    return np.concatenate([generator.permutation(count) for _ in range(epochs)])[:examples]


def fit(
    run: Run,
    model: Any,
    rows: Sequence[Row],
    images: PageImages | None,
    stage: LengthParams,
    learning_rate: float,
    *,
    name: str,
    generator: np.random.Generator,
) -> Any:
    """Train what of ``model`` is to be trained on each of ``rows`` once, and return it for evaluation.

    ``images`` are those that rows show; ``learning_rate`` is the highest, after a twentieth of the updates. Raises
    UnevenParts if the parts do not divide a batch, or there are not as many rows as the stage has examples.
    """
    size, rest = divmod(stage.batch_size, stage.parts)
    if rest or len(rows) != stage.examples:
        raise UnevenParts(
            f"{name}: {len(rows)} conversations for {stage.updates} updates of {stage.batch_size} in {stage.parts} "
            f"parts: the numbers must go into each other"
        )
    parts = of_like_length(rows, size, generator)
    training = TrainingParams(
        updates=stage.updates, batch_size=stage.parts, mixed_precision=stage.mixed_precision
    )  # one item of the data is a part
    return train(
        run,
        model.to(run.device),
        parts,
        lambda trained, batch: answer_loss(trained, (batch[0], batch[1], batch[2], batch[3]), images),
        training,
        name=name,
        learning_rate=learning_rate,
        order=f"order of {name}",
        schedule=rise_and_fall,
        weight_decay=stage.weight_decay,
        collate_fn=lambda chosen: collate([row for part in chosen for row in part]),
    )


def answer_loss(model: Any, batch: Batch, images: PageImages | None) -> Any:
    """Return the mean loss per token of the answers in a batch (nats)."""
    tokens, labels, mask, numbers = batch
    seen = {} if images is None else images.given(numbers.tolist(), tokens.device)
    return model(input_ids=tokens, attention_mask=mask, labels=labels, **seen).loss


def mean_answer_loss(model: Any, batches: Sequence[Sequence[Row]], images: PageImages | None) -> float:
    """Return the mean over batches of the mean loss per token of the answers (nats); nothing is trained."""
    import torch

    model.eval()
    with torch.inference_mode():
        losses = []
        for rows in batches:
            tokens, labels, mask, numbers = (part.to(model.device) for part in collate(rows))
            losses.append(float(answer_loss(model, (tokens, labels, mask, numbers), images)))
    return float(np.mean(losses))


def rise_and_fall(done: float) -> float:
    """Return the factor of the learning rate: up over the first twentieth of the updates, then down to zero."""
    return min(1.0, done / 0.05 + 0.01) * (1 - done)
