"""What models are trained on: questions about pages as conversations, in tokens with labels of the answers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from steps.llava_read.arms import OcrLayout
from tenfold.llava_read.ocr_prompt import OcrText, Policy, ocr_text
from tenfold.llava_read.pages import ReadingPage
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.llava_read.tasks import Sample
from tenfold.multimodal.labels import IGNORED
from tenfold.ocr.page import Page

POLICY: Policy = "head_tail"  # of what a budget cuts, the end stays too: totals stand there
SEEN = np.zeros((1, 1, 3), dtype=np.uint8)  # stands for an image until the batch: only its tokens are laid out

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Row:
    """A conversation about at most one image: tokens and labels (T,), the image's number, and how many answers."""

    tokens: tuple[int, ...]
    labels: tuple[int, ...]
    image: int | None
    answers: int


def page_texts(
    pages: Sequence[ReadingPage], read: Mapping[str, Page], layout: OcrLayout, budget: int
) -> dict[str, OcrText] | None:
    """Return the OCR text of each page by its id, laid out and cut; None for no OCR text at all."""
    if layout == "none":
        return None
    how: Any = {"layout": "space"} if layout == "space" else {"order": layout}
    return {page.id: ocr_text(read[page.id], budget=budget, policy=POLICY, **how) for page in pages}


def conversation(processor: LlavaReadProcessor, samples: Sequence[Sample], number: int | None) -> Row:
    """Return samples about one page as one conversation: the first has the image and the OCR text, for all of them.

    ``number`` is that of the image; the samples say whether they see it. Raises EmptyAnswer, naming the sample.
    """
    messages: list[dict[str, Any]] = []
    sees = samples[0].image is not None
    for turn, sample in enumerate(samples):
        prompt = sample.prompt if turn == 0 else asked_alone(sample)
        messages += processor.messages(prompt, SEEN if sees and turn == 0 else None, sample.answer)
    tokens, labels = processor.all_answered(messages, name=samples[0].id)
    return Row(tuple(tokens), tuple(labels), number if sees else None, len(samples))


def asked_alone(sample: Sample) -> str:
    """Return a sample's question without the OCR text before it."""
    return sample.prompt if sample.ocr_source == "none" or sample.task == "T4" else sample.prompt.rpartition("\n")[2]


def prompt_tokens(processor: LlavaReadProcessor, sample: Sample) -> list[int]:
    """Return a sample's tokens as far as the answer."""
    image = None if sample.image is None else SEEN
    tokens, labels = processor.answered(processor.messages(sample.prompt, image, sample.answer), name=sample.id)
    return tokens[: next(place for place, label in enumerate(labels) if label != IGNORED)]


def collate(rows: Sequence[Row]) -> Batch:
    """Return tokens, labels and mask (B, T), padded on the right, and the numbers of the images (N,)."""
    widest = max(len(row.tokens) for row in rows)
    tokens = torch.zeros(len(rows), widest, dtype=torch.int64)
    labels, mask = torch.full_like(tokens, IGNORED), torch.zeros_like(tokens)
    for place, row in enumerate(rows):
        length = len(row.tokens)
        tokens[place, :length] = torch.tensor(row.tokens)
        labels[place, :length] = torch.tensor(row.labels)
        mask[place, :length] = 1
    return tokens, labels, mask, torch.tensor([row.image for row in rows if row.image is not None], dtype=torch.int64)


def of_like_length(
    rows: Sequence[Row], size: int, generator: np.random.Generator, *, window: int = 8
) -> list[list[Row]]:
    """Return rows as full batches in a drawn order; those of ``window`` batches are dealt out by their lengths.

    Every row is in one batch if ``size`` divides their number; those that are left over are in none.
    """
    found: list[list[Row]] = []
    kept = len(rows) // size * size
    for start in range(0, kept, size * window):
        chosen = sorted(rows[start : min(start + size * window, kept)], key=lambda row: len(row.tokens))
        found += [list(chosen[first : first + size]) for first in range(0, len(chosen), size)]
    return [found[place] for place in generator.permutation(len(found))]
