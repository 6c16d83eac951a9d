"""Models that are asked: greedy replies to questions about pages, as rows of predictions.jsonl."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from steps.llava_read.arms import Arm
from steps.llava_read.conversations import page_texts, prompt_tokens
from steps.llava_read.page_images import PageImages
from tenfold.llava_read.answering import greedy_replies
from tenfold.llava_read.pages import ReadingPage
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.llava_read.tasks import answer_samples
from tenfold.ocr.page import Page
from tenfold.text.matching import exact_match


def asked(
    model: Any,
    processor: LlavaReadProcessor,
    arm: Arm,
    pages: Sequence[ReadingPage],
    images: PageImages | None,
    read: Mapping[str, Page],
    *,
    budget: int,
    longest: int,
    batch: int,
) -> list[dict[str, Any]]:
    """Return a row per question about ``pages``: question, page, ocr_source, prompt_sha256, reply.

    ``images`` are those of the pages, in order, None for an arm that sees none; ``read`` what an engine read on them.
    Raises InvalidSample.
    """
    texts = page_texts(pages, read, arm.ocr, budget)
    samples = answer_samples(pages, texts=texts, with_image=arm.image)
    numbers = {page.id: number for number, page in enumerate(pages)}
    prompts = [prompt_tokens(processor, sample) for sample in samples]

    def seen(chosen: Sequence[int]) -> dict[str, Any]:
        if images is None:
            return {}
        return images.given([numbers[samples[number].page] for number in chosen], model.device)

    replies = greedy_replies(
        model, prompts, ends=frozenset([processor.tokenizer.eos_token_id]), longest=longest, images=seen, batch=batch
    )
    return [
        {
            "question": sample.id,
            "page": sample.page,
            "ocr_source": sample.ocr_source,
            "prompt_sha256": sample.prompt_sha256,
            "reply": processor.tokenizer.decode(reply.tokens, skip_special_tokens=True).strip(),
        }
        for sample, reply in zip(samples, replies, strict=True)
    ]


def share_right(rows: Iterable[Mapping[str, Any]], pages: Iterable[ReadingPage]) -> float:
    """Return the share of replies that are exactly one of the answers, as exact match has it."""
    answers = {question.id: question.answers for page in pages for question in page.questions}
    return float(np.mean([exact_match(row["reply"], answers[row["question"]]) for row in rows]))
