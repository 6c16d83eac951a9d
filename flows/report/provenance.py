"""Who made each number: the record that stands beside every step's output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from flows.report.errors import ProvenanceError
from flows.report.schema import read_json, typed
from steps.runtime.provenance import SUFFIX, Provenance, Source

PUBLISH = "publish"  # copies what the step before it wrote, and is no source of a number


def load_provenance(folder: Path, profile: str, steps: Sequence[str] | None = None) -> dict[str, Provenance]:
    """Return the records of one paper's steps in ``artifacts/<profile>/<paper>/``, by step.

    ``steps`` names them in order (``prepare``, ``solve-fast``, …), the one that publishes last; without it, all that
    are there, by the time they started.

    Raises ProvenanceError if one is missing or broken, or was made under another profile.
    """
    there = [path.name.removesuffix(SUFFIX) for path in sorted(folder.glob(f"[!.]*{SUFFIX}"))]
    names = [name for name in there if name != PUBLISH] if steps is None else steps
    if not names:
        raise ProvenanceError(f"{folder}: no step has left its record there; run `dvc repro`")
    records = {name: _load(folder / f"{name}{SUFFIX}", profile) for name in names}
    return records if steps is not None else dict(sorted(records.items(), key=lambda item: item[1].started))


def distinct_sources(records: Iterable[Provenance]) -> tuple[Source, ...]:
    """Return the sources of all records, by name, each once (twice if it resolved in two ways)."""
    found = dict.fromkeys(source for record in records for source in record.sources)
    return tuple(sorted(found, key=lambda source: (source.name, source.origin, source.sha256 or "")))


def _load(path: Path, profile: str) -> Provenance:
    advice = "every step leaves it beside its output; run `dvc repro`, or `dvc pull` if others ran it"
    record: Provenance = typed(Provenance, read_json(path, ProvenanceError, advice), path, ProvenanceError)
    if record.profile != profile:
        raise ProvenanceError(
            f"{path}: made under the profile {record.profile}, the report is of {profile}; run `dvc repro`"
        )
    return record
