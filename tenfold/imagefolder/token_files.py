"""Tokens in npz files, as the command line takes and gives them.

Legend:  N images · P branches · L positions
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from tenfold.imagefolder.errors import InvalidTokens
from tenfold.npz_files import opened

KEY = "indices"


def write_tokens(path: Path, indices: Int[np.ndarray, "N P L"]) -> None:
    """Write tokens, in two bytes each where the codebook allows."""
    small = indices.max(initial=0) < 2**16
    arrays: dict[str, Any] = {KEY: indices.astype(np.uint16 if small else np.int64)}
    with path.open("wb") as file:  # by its own name: savez would add to it
        np.savez_compressed(file, **arrays)


def read_tokens(path: Path) -> Int[np.ndarray, "N P L"]:
    """Return tokens as ``write_tokens`` wrote them. Raises InvalidTokens."""
    with opened(path, InvalidTokens, "tokens, as `tokenize` writes them") as content:
        indices = content[KEY]
    if indices.dtype.kind not in "iu" or not len(indices):
        raise InvalidTokens(
            f"{path}: tokens are whole numbers of at least one image, not {indices.dtype} {indices.shape}"
        )
    return indices.astype(np.int64)
