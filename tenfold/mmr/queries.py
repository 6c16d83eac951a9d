"""What a model is shown of an item, without the answer or anything else about the page, and what it gives back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jaxtyping import UInt8

from tenfold.mmr.predictions import Prediction
from tenfold.mmr.tasks import Task


@dataclass(frozen=True)
class Query:
    """One question as a model sees it.

    ``question`` is the item's own text, ``prompt`` the whole user message around it, ``system`` the system message, if
    any. ``image`` is uint8 RGB (H, W, 3) after one normalisation for all models (EXIF rotation applied, transparency on
    white, palette resolved), None for a set without images; ``width`` and ``height`` are those of the original image.
    """

    key: str
    task: Task
    question: str
    prompt: str
    system: str = ""
    image: UInt8[np.ndarray, "H W 3"] | None = None
    width: int = 0
    height: int = 0

    @property
    def image_digest(self) -> str:
        """The sha256 of the image's shape and pixels, "" without one: what replies are cached by."""
        if self.image is None:
            return ""
        pixels = np.ascontiguousarray(self.image)
        return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()


class Model(Protocol):
    """A model under test. ``name`` is what tables call it."""

    name: str

    def identity(self) -> dict[str, Any]:
        """Return all that its replies depend on besides the query: kind, weights and revision, decoding, version."""
        ...

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return one prediction per query, in order. A query that fails is a prediction of status "failed"."""
        ...
