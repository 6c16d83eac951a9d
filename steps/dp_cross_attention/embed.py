"""Texts to unit vectors, each by itself: one record, one row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

from steps.step.json_files import read_json, write_json
from steps.step.params import Field, Params
from steps.step.run import Run
from tenfold.data.texts import read_texts
from tenfold.text.encoder import load_encoder


class EmbedParams(Params):
    """How many texts to embed, the first ones, and where they are cut off."""

    texts: Annotated[int, Field(ge=60)]
    max_tokens: Annotated[int, Field(ge=8)]


def embed(texts: Path, encoder: Path, *, out: Path, params: EmbedParams, run: Run) -> None:
    """Embed every text by itself, so that a record is one row and row privacy is record privacy.

    Reads   texts: a source of labelled texts, its test part; encoder: model.safetensors and tokenizer
    Writes  vectors.npy (N, D) float32 of length 1; labels.npy (N,) int64; meta.json: encoder, source, count
    Raises  EncoderMismatch, TableMismatch
    """
    found, model = read_texts(texts, "test"), load_encoder(encoder, device=run.device)
    chosen = found.texts[: params.texts]
    vectors = model.encode(chosen, max_tokens=params.max_tokens)
    np.save(out / "vectors.npy", vectors)
    np.save(out / "labels.npy", found.labels[: params.texts])
    source = read_json(texts / "source.json")
    meta = {"encoder": model.name, "encoder_sha256": model.sha256, "texts": source["title"], "count": len(chosen)}
    write_json(out / "meta.json", meta)
    run.say(f"{len(chosen)} texts by {model.name}: {vectors.shape[1]} numbers each")
