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
    """How long one stage lasts, and its highest learning rate.

    ``muon``: the highest learning rate of hidden matrices under Muon, ``learning_rate`` then being that of all else
    under AdamW; None for AdamW alone.
    """

    learning_rate: Positive
    muon: Positive | None = None


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
    if isinstance(stage, StageParams) and stage.muon is not None:
        return fit_with_muon(run, model.to(run.device), parts, images, stage, name=name)
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


def fit_with_muon(
    run: Run,
    model: Any,
    parts: Sequence[Sequence[Row]],
    images: PageImages | None,
    stage: StageParams,
    *,
    name: str,
) -> Any:
    """Train as ``fit`` does, hidden matrices by Muon: a decoder that starts from nothing copies in half the updates.

    Raises Diverged if a logged loss is not finite.
    """
    import torch

    accelerator = run.accelerator(mixed_precision=stage.mixed_precision)
    model.train()
    optimisers = muon_and_adamw(model, stage)
    prepared, *optimisers = accelerator.prepare(model, *optimisers)
    batches = run.batches(
        parts,
        stage.parts,
        f"order of {name}",
        collate_fn=lambda chosen: collate([row for part in chosen for row in part]),
    )
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(one, lambda done: rise_and_fall(done / stage.updates)) for one in optimisers
    ]
    state = {"model": prepared, "batches": batches}
    state |= {f"optimiser {place}": one for place, one in enumerate(optimisers)}
    state |= {f"schedule {place}": one for place, one in enumerate(schedules)}
    for update in run.updates(stage.updates, state):
        tokens, labels, mask, numbers = next(batches)
        loss = answer_loss(prepared, (tokens, labels, mask, numbers), images)
        accelerator.backward(loss)
        torch.nn.utils.clip_grad_norm_([one for one in prepared.parameters() if one.grad is not None], 1.0)
        for one in (*optimisers, *schedules):
            one.step()
        prepared.zero_grad()
        if update % max(stage.updates // 10, 1) == 0:
            run.log({f"{name}/loss": float(loss.detach())}, update=update)
    accelerator.free_memory()
    return model.eval()


def muon_and_adamw(model: Any, stage: StageParams) -> list[Any]:
    """Return Muon (Jordan 2024) for the hidden matrices that are trained, and AdamW for embeddings and all else."""
    import torch

    trained = [(name, one) for name, one in model.named_parameters() if one.requires_grad]
    matrices = [one for name, one in trained if one.ndim == 2 and not _is_table(name)]
    others = [one for name, one in trained if one.ndim != 2 or _is_table(name)]
    decay = stage.weight_decay
    return [
        torch.optim.Muon(matrices, lr=stage.muon or 0.0, weight_decay=decay, adjust_lr_fn="original"),
        torch.optim.AdamW(others, lr=stage.learning_rate, weight_decay=decay, fused=True),
    ]


def _is_table(name: str) -> bool:
    """Say whether a matrix is one of embeddings or of positions, or the decoder's last layer."""
    return any(word in name for word in ("embed", "position", "lm_head"))


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
