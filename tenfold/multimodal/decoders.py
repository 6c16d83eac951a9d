"""A decoder that others trained, with one more token: the place of an image or a sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def load_decoder_with_placeholder(
    place: str | Path, placeholder: str, *, revision: str | None = None, dtype: str = "float32"
) -> tuple[Any, Any]:
    """Return a decoder's model and tokenizer, which reads ``placeholder`` as one special token of its own.

    Embeddings are added where there are too few, drawn by torch's own generator. Raises DecoderMismatch.
    """
    from tokenizers import AddedToken

    from tenfold.language.decoder import load_decoder

    decoder = load_decoder(place, revision=revision, dtype=dtype)
    model, tokenizer = decoder.model, decoder.tokenizer
    if placeholder not in tokenizer.get_vocab():
        tokenizer.add_tokens([AddedToken(placeholder, special=True, normalized=False)], special_tokens=True)
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    return model, tokenizer
