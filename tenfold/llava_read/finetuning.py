"""Teach a model the answers to questions about one's own images: cross-entropy on the answers' tokens alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenfold.language.errors import EmptyAnswer
from tenfold.llava_read.asking import Asked
from tenfold.llava_read.errors import Diverged, InvalidInputs
from tenfold.llava_read.reader import Reader
from tenfold.llava_read.training_parts import DecoderTraining, Vision, add_lora, merge_lora, set_trained

if TYPE_CHECKING:
    from torch import Generator
    from transformers.feature_extraction_utils import BatchFeature

LARGEST_NORM = 1.0
LARGEST_RATE = 1.0  # AdamW moves every weight by its rate
LARGEST_SEED = 2**63 - 1


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
    Raises InvalidInputs, before anything is trained, without lessons, for numbers that make no sense, and for a lesson
    whose answer the model could not give: see ``refusal``; EmptyAnswer for a lesson without an answer; Diverged where
    the loss or its gradient is no number. After an error no LoRA is left, and what was trained so far is.
    """
    import torch
    from peft import PeftModel

    from tenfold.nn.seeding import drawn_from

    if not lessons:
        raise InvalidInputs("there are no lessons to learn from")
    if (
        min(updates, batch_size, lora_rank or 1) < 1
        or not 0 < learning_rate <= LARGEST_RATE
        or not 0 <= seed <= LARGEST_SEED
    ):
        raise InvalidInputs(
            f"updates, batch_size and learning_rate are above 0, the last at most {LARGEST_RATE:g}, and a seed from 0 "
            f"to {LARGEST_SEED}: {updates}, {batch_size}, {learning_rate}, {seed}"
        )
    for one in lessons:
        if not one.answer.strip():
            raise EmptyAnswer(f"{one.name}: its answer is empty, so there is nothing to learn from")
        if refused := refusal(reader, one):
            raise InvalidInputs(refused)
    if lora_rank == 0:
        raise InvalidInputs("lora_rank is above 0, or None to train the whole decoder")
    model = reader.model
    decoder: DecoderTraining = "full" if lora_rank is None else "lora"
    order = torch.Generator().manual_seed(int(seed))
    try:
        if lora_rank is not None:
            with drawn_from(int(seed)):
                add_lora(model, rank=lora_rank, alpha=2 * lora_rank)
        set_trained(model, vision=vision, decoder=decoder)
        losses = _updates(reader, lessons, updates, batch_size, learning_rate, order, told)
        if lora_rank is not None:
            merge_lora(model)
    finally:
        if isinstance(model.language_model, PeftModel):
            model.language_model = model.language_model.unload()
        model.eval()
    return losses


def refusal(reader: Reader, lesson: Lesson) -> str:
    """Return why a lesson cannot be learned or its answer never be given; "" if it can.

    An answer is no longer than the reader's longest reply with its end, holds no character that the tokenizer lacks,
    and fits into what the model reads with its prompt.
    """
    tokenizer, longest = reader.processor.tokenizer, reader.asking.reply_tokens
    tokens = tokenizer(lesson.answer, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    if tokenizer.unk_token_id is not None and tokenizer.unk_token_id in tokens:
        return f"{lesson.name!r}: the answer {lesson.answer[:40]!r} has characters that {reader.name} does not know"
    if len(tokens) >= longest:
        return (
            f"{lesson.name!r}: an answer of {len(tokens)} tokens and its end exceed the longest reply of {longest}; "
            f"ask by reader.asking_by(reply_tokens={len(tokens) + 1}), or more"
        )
    told = reader.refusal(lesson.asked)
    return f"{lesson.name!r}: {told}" if told else ""


def _updates(
    reader: Reader,
    lessons: Sequence[Lesson],
    updates: int,
    batch_size: int,
    learning_rate: float,
    order: Generator,
    told: Callable[[int, float], None] | None,
) -> list[float]:
    import torch

    model = reader.model
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
        if not torch.isfinite(torch.nn.utils.clip_grad_norm_(trained, LARGEST_NORM)):
            raise Diverged(
                f"the gradient is no number at update {update}: lower the learning rate of {learning_rate:g}"
            )
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        if told is not None:
            told(update, losses[-1])
    return losses


def _batch(reader: Reader, lessons: Sequence[Lesson]) -> BatchFeature:
    conversations = [reader.processor.messages(one.asked.prompt, one.asked.image, one.answer) for one in lessons]
    found = reader.processor.supervised(conversations, names=[one.name for one in lessons])
    return found.to(reader.model.device)
