"""Sketch and ledger in one safetensors file: the ledger is JSON in the file's metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from tenfold.dp_cross_attention.errors import InvalidMemory, UnledgeredSketch
from tenfold.dp_cross_attention.ledger import Ledger, digest_of

FORMAT = "tenfold private memory 1"


def save(path: Any, sketch: Float[np.ndarray, "r c"], ledger: Ledger) -> None:
    """Write the file. Raises UnledgeredSketch if the sketch is not the ledger's last release."""
    from safetensors.numpy import save_file

    ledger.require(sketch)
    metadata = {"format": FORMAT, "ledger": json.dumps(ledger.as_dict()), "statement": str(ledger.statement())}
    save_file({"sketch": np.ascontiguousarray(sketch)}, str(path), metadata=metadata)


def load(path: Any) -> tuple[Float[np.ndarray, "r c"], Ledger]:
    """Return sketch and ledger, checked against each other.

    Raises InvalidMemory if the file is missing or is not one that ``save`` wrote; UnledgeredSketch if the sketch is
    not the ledger's last release, or the noise is not what σ = Δ/μ asks.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise InvalidMemory(f"{path} does not exist")
    try:
        with safe_open(str(path), "np") as file:
            metadata = file.metadata() or {}
            sketch = file.get_tensor("sketch") if "sketch" in file.keys() else None  # noqa: SIM118
    except SafetensorError as error:
        raise InvalidMemory(f"{path} is not a safetensors file: {error}") from error
    if metadata.get("format") != FORMAT or sketch is None:
        raise InvalidMemory(f"{path} is not a {FORMAT!r}: it was written by something else")
    try:
        ledger = Ledger.from_dict(json.loads(metadata["ledger"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidMemory(f"{path}: its ledger cannot be read: {error!r}") from error
    if not ledger.releases or digest_of(sketch) != ledger.releases[-1].digest:
        raise UnledgeredSketch(f"{path}: its sketch is not the last release of its ledger; one of them was exchanged")
    for release in ledger.releases:
        release.require_calibrated()
    return sketch, ledger
