"""A sentence encoder that encodes each sentence once, for models that are fitted again and again to the same words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from jaxtyping import Float32

from tenfold.text.encoder import BATCH, MAX_TOKENS, SentenceEncoder


@dataclass(frozen=True)
class RememberingEncoder(SentenceEncoder):
    """An encoder that keeps every vector that it made."""

    kept: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)

    def encode(
        self, sentences: Sequence[str], *, batch: int = BATCH, max_tokens: int = MAX_TOKENS
    ) -> Float32[np.ndarray, "N D"]:
        """Return unit vectors; only sentences that were never encoded are. Raises EncoderMismatch as its base does."""
        new = [one for one in dict.fromkeys(sentences) if (one, max_tokens) not in self.kept]
        if new:
            vectors = super().encode(new, batch=batch, max_tokens=max_tokens)
            self.kept.update(((one, max_tokens), vector) for one, vector in zip(new, vectors, strict=True))
        return np.stack([self.kept[one, max_tokens] for one in sentences])


def remembering(encoder: SentenceEncoder) -> RememberingEncoder:
    """Return an encoder that remembers what it encodes."""
    return RememberingEncoder(**{one.name: getattr(encoder, one.name) for one in fields(encoder)})
