"""A small model, its processor, and conversations for it."""

from __future__ import annotations

from typing import Any

import pytest

from tenfold.llava_read.model import LlavaReadForConditionalGeneration
from tenfold.llava_read.processor import LlavaReadProcessor
from tests.tenfold.llava_read.small_models import drawn_model, noise_image, small_config


@pytest.fixture
def model() -> LlavaReadForConditionalGeneration:
    return drawn_model()


@pytest.fixture(scope="session")
def processor() -> LlavaReadProcessor:
    return LlavaReadProcessor.for_config(small_config())


@pytest.fixture(scope="session")
def asked(processor: LlavaReadProcessor) -> list[list[dict[str, Any]]]:
    """Conversations of different lengths, with no, one and two images, square and not."""
    return [
        processor.messages("What is on it?", noise_image(336, 336, 1)),
        processor.messages("Text at <y5>?\nOCR:\n<y5>Total   9.50", noise_image(512, 300, 2)),
        processor.messages("Two", [noise_image(40, 20, 3), noise_image(64, 64, 4)]),
        processor.messages("None at all, and a rather long text instead of it"),
    ]
