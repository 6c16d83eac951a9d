"""Each row is given the image of its own page, in the order in which rows with an image stand in a batch."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from steps.llava_read import asking
from steps.llava_read.arms import COMPARED
from steps.llava_read.conversations import Row, collate
from steps.llava_read.fitting import answer_loss, mean_answer_loss
from steps.llava_read.page_images import PageImages
from tenfold.llava_read.answering import GreedyReply
from tenfold.llava_read.image_processor import LlavaReadImageProcessor
from tenfold.llava_read.processor import LlavaReadProcessor
from tests.steps.llava_read.small import drawn_pages
from tests.tenfold.llava_read.small_models import small_config


@dataclass
class Seeing:
    """A model that keeps what it was given."""

    given: list[dict[str, Any]]
    device: str = "cpu"

    def __call__(self, **given: Any) -> Any:
        self.given.append(given)
        return SimpleNamespace(loss=torch.tensor(0.0))

    def eval(self) -> None:
        """Stay as it is."""


def images() -> PageImages:
    """Return eight images, each grey of its own number."""
    normal = LlavaReadImageProcessor(4, 8, low_mean=(0, 0, 0), low_std=(1, 1, 1))
    return PageImages.of([np.full((8, 8, 3), number, np.uint8) for number in range(8)], normal)


def shown(given: dict[str, Any]) -> list[int]:
    return (255 * given["pixel_values_low"][:, 0, 0, 0]).round().int().tolist()


def test_a_loss_is_of_each_rows_own_image():
    numbers = (5, None, 2, 7)
    rows = [Row((3, 4, place), (-100, 4, place), number, 1) for place, number in enumerate(numbers)]
    model = Seeing([])
    answer_loss(model, collate(rows), images())
    mean_answer_loss(model, [rows[:1], rows[2:]], images())
    assert [shown(one) for one in model.given] == [[5, 2, 7], [5], [2, 7]]
    assert model.given[0]["input_ids"][:, 2].tolist() == [0, 1, 2, 3]


def test_a_question_is_asked_with_the_image_of_its_own_page(monkeypatch):
    pages, seen = drawn_pages("test"), []

    def greedy_replies(model, prompts, *, images, **more):
        for chosen in ([0], [len(prompts) - 1], list(reversed(range(len(prompts))))):
            seen.append(shown(images(chosen)))
        return [GreedyReply((), True) for _ in prompts]

    monkeypatch.setattr(asking, "greedy_replies", greedy_replies)
    processor = LlavaReadProcessor.for_config(small_config())
    rows = asking.asked(Seeing([]), processor, COMPARED["low_only"], pages, images(), {}, budget=9, longest=2, batch=2)
    numbers = [number for number, page in enumerate(pages) for _ in page.questions]
    assert [row["page"] for row in rows] == [pages[number].id for number in numbers]
    assert seen == [[0], [len(pages) - 1], numbers[::-1]]
