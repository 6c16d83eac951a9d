"""Whether what a step is about to read is what the steps before it wrote.

DVC hashes an output after its stage's command has ended, and takes what it brings from its cache for whole: what is
damaged at such a moment is good in DVC's eyes until the stage runs again. The record beside the output holds the digest
of what its step wrote. A step hashes its inputs anyway, so that the comparison costs no more than reading that record.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from steps.runtime.provenance import SUFFIX, Provenance
from steps.runtime.stage import Stage


class DamagedInput(RuntimeError):
    """What stands where a step's input should be is not what the step that made the input wrote."""


def require_as_written(stage: Stage, parts: Mapping[str, str]) -> None:
    """Compare the inputs among ``parts``, digests by path, with the records beside them.

    An input without a record, or with an older one that holds no digest, is let through: there is nothing to compare.
    Raises DamagedInput naming the first that differs or has a record that cannot be read.
    """
    for folder in stage.inputs:
        place, beside = folder.relative_to(stage.root).as_posix(), folder.with_name(folder.name + SUFFIX)
        if not beside.is_file():
            continue
        try:
            written = Provenance.read(beside).output
        except ValidationError:
            raise _damaged(stage, place + SUFFIX, "cannot be read") from None
        if written not in (None, parts[place]):
            raise _damaged(stage, place, f"is not what its record says was written (MD5 {parts[place]}, not {written})")


def _damaged(stage: Stage, place: str, what: str) -> DamagedInput:
    return DamagedInput(f"stage {stage.name}: {place} {what}; run: python -m flows refresh, then the same again")
