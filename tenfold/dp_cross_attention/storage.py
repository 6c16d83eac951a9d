"""Sketch and ledger in one safetensors file: the ledger is JSON in the file's metadata.

The file is also where the account is kept: a refit from a loaded copy is written into it before any noise is drawn, so
that the next one to load the file knows. A copy of the file keeps an account of its own from then on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from tenfold.dp_cross_attention.errors import InvalidMemory, UnledgeredSketch
from tenfold.dp_cross_attention.ledger import Ledger, digest_of
from tenfold.privacy.account import Charge, charges_of, kept_in

FORMAT = "tenfold private memory 1"


def save(path: Any, sketch: Float[np.ndarray, "r c"], ledger: Ledger) -> None:
    """Write the file. Raises UnledgeredSketch if the sketch is not the ledger's last release."""
    from safetensors.numpy import save_file

    ledger.require(sketch)
    metadata = {"format": FORMAT, "ledger": json.dumps(ledger.as_dict()), "statement": str(ledger.statement())}
    save_file({"sketch": np.ascontiguousarray(sketch)}, str(path), metadata=metadata)
    ledger.account.keep_in(Path(path), MemoryFile(Path(path), ledger.account.token, needed=False))


def load(path: Any) -> tuple[Float[np.ndarray, "r c"], Ledger]:
    """Return sketch and ledger, checked against each other; what the memory spends from now on is written back.

    Raises InvalidMemory if the file is missing or is not one that ``save`` wrote; UnledgeredSketch if the sketch is
    not the ledger's last release, or the noise is not what σ = Δ/μ asks; NoAccount for a file of an earlier version.
    """
    sketch, metadata = _content(path)
    try:
        content = json.loads(metadata["ledger"])
        kept_in(content, path)
        ledger = Ledger.from_dict(content)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidMemory(f"{path}: its ledger cannot be read: {error!r}") from error
    if not ledger.releases or digest_of(sketch) != ledger.releases[-1].digest:
        raise UnledgeredSketch(f"{path}: its sketch is not the last release of its ledger; one of them was exchanged")
    for release in ledger.releases:
        release.require_calibrated()
    ledger.account.keep_in(Path(path), MemoryFile(Path(path), ledger.account.token, needed=True))
    return sketch, ledger


@dataclass(frozen=True)
class MemoryFile:
    """A saved memory as the keeper of its account; ``needed`` where it was loaded, and must still be there."""

    path: Path
    token: str
    needed: bool

    def read(self) -> dict[str, Charge]:
        """Return the charges in the file. Raises InvalidMemory if it is needed, and gone or another memory's."""
        found = self._own()
        return {} if found is None else charges_of(json.loads(found[1]["ledger"])["account"])

    def write(self, charges: Mapping[str, Charge]) -> None:
        """Put the charges into the file, in one rename."""
        from safetensors.numpy import save_file

        found = self._own()
        if found is None:
            return
        sketch, metadata = found
        content = json.loads(metadata["ledger"])
        content["account"]["charges"] = {name: asdict(charge) for name, charge in charges.items()}
        ledger = Ledger.from_dict(content)
        metadata |= {"ledger": json.dumps(content), "statement": str(ledger.statement())}
        unfinished = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        save_file({"sketch": sketch}, str(unfinished), metadata=metadata)
        unfinished.replace(self.path)

    def _own(self) -> tuple[np.ndarray, dict[str, str]] | None:
        if not self.needed and not self.path.is_file():
            return None
        sketch, metadata = _content(self.path)
        if json.loads(metadata["ledger"])["account"]["token"] == self.token:
            return sketch, metadata
        if self.needed:
            raise InvalidMemory("it is another memory's by now")
        return None


def _content(path: Any) -> tuple[np.ndarray, dict[str, str]]:
    """Return the sketch and the metadata. Raises InvalidMemory for what ``save`` did not write."""
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
    return sketch, metadata
