"""Sentences to unit vectors by a BERT-class encoder: mean of the last layer over a sentence's tokens.

The pooling is that of sentence-transformers' all-MiniLM-L6-v2 (Reimers & Gurevych 2019, Section 3).

Legend:  N sentences · T tokens · D width of the encoder
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from tenfold.data.checksums import sha256_file

WEIGHTS = "model.safetensors"
MAX_TOKENS = 256
BATCH = 64


class EncoderMismatch(RuntimeError):
    """A folder does not hold the encoder that it should."""


@dataclass(frozen=True)
class SentenceEncoder:
    """A loaded encoder; ``name`` and ``sha256`` (of its weights) belong beside whatever is computed with it."""

    name: str
    sha256: str
    width: int
    tokenizer: Any
    model: Any
    device: str

    def encode(
        self, sentences: Sequence[str], *, batch: int = BATCH, max_tokens: int = MAX_TOKENS
    ) -> Float32[np.ndarray, "N D"]:
        """Return unit vectors; sentences beyond ``max_tokens``, or beyond what the encoder can read, are cut off there.

        Sentences of like length share a batch, so that little is padding; the order of the result is that of
        ``sentences``. Padding is masked out, so a vector depends on its batch only by rounding.

        Raises EncoderMismatch if a sentence has no direction (a zero or non-finite vector).
        """
        import torch

        max_tokens = min(max_tokens, int(self.model.config.max_position_embeddings))
        order = np.argsort([len(sentence) for sentence in sentences], kind="stable")
        vectors = np.empty((len(sentences), self.width), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(order), batch):
                chosen = order[start : start + batch]
                vectors[chosen] = self._pooled([sentences[index] for index in chosen], max_tokens)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not (norms > 0).all():
            bad = int(np.flatnonzero(~(np.isfinite(norms) & (norms > 0)).ravel())[0])
            raise EncoderMismatch(f"sentence {bad} has no direction under {self.name}: leave it out")
        return vectors / norms

    def _pooled(self, sentences: list[str], max_tokens: int) -> np.ndarray:
        tokens = self.tokenizer(
            sentences, padding=True, truncation=True, max_length=max_tokens, return_tensors="pt"
        ).to(self.device)
        hidden = self.model(**tokens).last_hidden_state  # (B, T, D)
        mask = tokens["attention_mask"].unsqueeze(-1).to(hidden.dtype)  # (B, T, 1)
        return ((hidden * mask).sum(dim=1) / mask.sum(dim=1)).float().cpu().numpy()  # (B, D)


def load_encoder(folder: Path, *, device: str = "cpu") -> SentenceEncoder:
    """Load the encoder that a data stage brought into ``folder``; nothing is fetched.

    The weights are checked against the sum that source.json, beside them, lists.

    Raises EncoderMismatch if a file is missing, or the weights are not the listed ones.
    """
    record = folder / "source.json"
    if not record.is_file() or not (folder / WEIGHTS).is_file():
        raise EncoderMismatch(f"{folder} holds no encoder: it needs source.json and {WEIGHTS}. Bring the source again.")
    source = json.loads(record.read_text(encoding="utf-8"))
    listed, came = source["files"].get(WEIGHTS), sha256_file(folder / WEIGHTS)
    if came != listed:
        raise EncoderMismatch(f"{folder / WEIGHTS}: expected sha256 {listed}, but came {came}. Bring the source again.")
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).to(device).eval()
    name = "made-up encoder" if source["stand_in"] else str(source["title"])
    return SentenceEncoder(name, came, int(model.config.hidden_size), tokenizer, model, device)
