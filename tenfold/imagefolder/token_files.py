"""Tokens in npz files, as the command line takes and gives them.

Legend:  N images · P branches · L positions
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from tenfold.imagefolder.errors import InvalidTokens

KEY = "indices"


def write_tokens(path: Path, indices: Int[np.ndarray, "N P L"]) -> None:
    """Write tokens, in two bytes each where the codebook allows."""
    small = indices.max(initial=0) < 2**16
    arrays: dict[str, Any] = {KEY: indices.astype(np.uint16 if small else np.int64)}
    np.savez_compressed(path, **arrays)


def read_tokens(path: Path) -> Int[np.ndarray, "N P L"]:
    """Return tokens as ``write_tokens`` wrote them. Raises InvalidTokens."""
    try:
        with np.load(path) as content:
            return content[KEY].astype(np.int64)
    except (OSError, ValueError, KeyError) as error:
        raise InvalidTokens(f"{path} holds no tokens ({error}); `tokenize` writes such files") from None
