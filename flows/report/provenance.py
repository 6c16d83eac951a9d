"""Who made each number: the record that stands beside every step's output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from flows.report.errors import ProvenanceError
from flows.report.schema import read_json, typed

SUFFIX = ".provenance.json"
PUBLISHER = "evaluate"


def _with_offset(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return text


class Record(BaseModel):
    """A frozen record whose known fields are strict; others, such as a mirror's path, are not printed."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class Source(Record):
    """Data that a number rests on, and where it came from."""

    name: str
    origin: Literal["bundled", "packaged", "mirror", "official", "stand_in"]
    detail: str = ""
    sha256: str | None = None
    licence: str | None = None


class Provenance(Record):
    """One executed step: what ran, from which commit, how long, and on which data."""

    stage: str
    profile: str
    digest: str
    commit: str | None
    dirty: bool
    command: str
    seconds: float
    peak_memory_bytes: int | None = None
    started: Annotated[str, AfterValidator(_with_offset)]
    versions: dict[str, str]
    device: str
    cores: int | None = None
    machine: str | None = None
    sources: tuple[Source, ...]


def load_provenance(folder: Path, profile: str, steps: Sequence[str] | None = None) -> dict[str, Provenance]:
    """Return the records of one paper's steps in ``artifacts/<profile>/<paper>/``, by step.

    ``steps`` names them in order (``prepare``, ``solve-fast``, …); without it, all that are there, by
    the time they started.

    Raises ProvenanceError if one is missing or broken, or was made under another profile.
    """
    there = [path.name.removesuffix(SUFFIX) for path in sorted(folder.glob(f"[!.]*{SUFFIX}"))]
    names = dict.fromkeys([*(there if steps is None else steps), PUBLISHER])
    records = {name: _load(folder / f"{name}{SUFFIX}", profile) for name in names}
    if steps is None:
        return dict(sorted(records.items(), key=lambda item: (item[1].started, item[0] == PUBLISHER, item[0])))
    return records


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
