"""Teach a model the answers to questions about one's own images: cross-entropy on the answers' tokens alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenfold.llava_read.asking import Asked
from tenfold.llava_read.errors import Diverged, InvalidInputs
from tenfold.llava_read.reader import Reader
from tenfold.llava_read.training_parts import DecoderTraining, Vision, add_lora, merge_lora, set_trained

if TYPE_CHECKING:
    from transformers.feature_extraction_utils import BatchFeature

LARGEST_NORM = 1.0


@dataclass(frozen=True)
class Lesson:
    """What is asked, and what should be answered; errors call it by its ``name``."""

    name: str
    asked: Asked
    answer: str


def finetune(
    reader: Reader,
    lessons: Sequence[Lesson],
    *,
    updates: int,
    batch_size: int = 8,
    learning_rate: float = 3e-4,
    vision: Vision = "frozen",
    lora_rank: int | None = None,
    seed: int = 0,
    told: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Train a reader's model in place, by AdamW with a rate that falls to zero; return the loss of each update (nats).

    The projector is trained with the decoder: all of it, or LoRA of ``lora_rank``, which is merged at the end.
    ``vision`` says what of the encoders is trained besides. ``told`` hears the number and the loss of each update.
    Raises InvalidInputs without lessons or for numbers below 1, EmptyAnswer for a lesson without an answer, Diverged
    where the loss is no number.
    """
    import torch

    from tenfold.nn.seeding import drawn_from

    if not lessons:
        raise InvalidInputs("there are no lessons to learn from")
    if min(updates, batch_size) < 1 or not learning_rate > 0:
        raise InvalidInputs(
            f"updates, batch_size and learning_rate are above 0: {updates}, {batch_size}, {learning_rate}"
        )
    model = reader.model
    decoder: DecoderTraining = "full" if lora_rank is None else "lora"
    if lora_rank is not None:
        with drawn_from(seed):
            add_lora(model, rank=lora_rank, alpha=2 * lora_rank)
    set_trained(model, vision=vision, decoder=decoder)
    order = torch.Generator().manual_seed(seed)
    trained = [one for one in model.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda done: 1 - done / updates)
    model.train()
    losses, waiting = [], list[int]()
    for update in range(1, updates + 1):
        if len(waiting) < min(batch_size, len(lessons)):
            waiting = torch.randperm(len(lessons), generator=order).tolist()
        chosen, waiting = waiting[:batch_size], waiting[batch_size:]
        batch = _batch(reader, [lessons[number] for number in chosen])
        loss = model(**batch).loss
        losses.append(float(loss.detach()))
        if not torch.isfinite(loss):
            raise Diverged(f"the loss is {losses[-1]} at update {update}: lower the learning rate of {learning_rate:g}")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, LARGEST_NORM)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        if told is not None:
            told(update, losses[-1])
    if lora_rank is not None:
        merge_lora(model)
    model.eval()
    return losses


def _batch(reader: Reader, lessons: Sequence[Lesson]) -> BatchFeature:
    conversations = [reader.processor.messages(one.asked.prompt, one.asked.image, one.answer) for one in lessons]
    found = reader.processor.supervised(conversations, names=[one.name for one in lessons])
    return found.to(reader.model.device)
