"""What varies from run to run and so stands beside an output, never inside it: the record of one executed stage."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from steps.runtime import invocation
from steps.runtime.outputs import write_atomically
from steps.runtime.processes import cores, peak_memory
from steps.runtime.stage import Stage, content_digest, names

SUFFIX = ".provenance.json"
PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "accelerate",
    "transformers",
    "diffusers",
    "cvxpy",
    "dvc",
    "prefect",
)

SET_ASIDE = Path(".tenfold/parameters")  # files as they were before the run of a flow that has changed parameters
UNCLEAN = "unclean"  # a file there, if the checkout differed from its commit then


def _with_offset(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return text


class Record(BaseModel):
    """A frozen record whose known fields are strict; unknown ones, as in older records, are left out."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class Source(Record):
    """Data that a number rests on, and where it came from: what a data stage writes as source.json."""

    name: str
    origin: Literal["bundled", "packaged", "mirror", "official", "stand_in"]
    detail: str = ""
    sha256: str | None = None
    licence: str | None = None


class Provenance(Record):
    """One executed stage: what ran, from which commit, how long in seconds of wall clock, and on which data."""

    stage: str
    profile: str
    digest: str  # SHA-256 of everything that the output depends on
    output: str | None = None  # DVC's digest of what the step wrote; older records have none
    commit: str | None
    dirty: bool
    command: str
    started: Annotated[str, AfterValidator(_with_offset)]
    seconds: float
    peak_memory_bytes: int | None = None
    device: str
    processes: int = 1
    cores: int | None = None
    machine: str | None = None
    arithmetic: dict[str, str] = {}  # what sums and products are made by: library, kind of core, threads
    versions: dict[str, str]
    invocation: str | None = None  # which call of DVC ran it
    sources: tuple[Source, ...]

    @classmethod
    def read(cls, path: Path) -> Provenance:
        """Return the record that ``path`` holds; raises OSError or pydantic's ValidationError."""
        return cls.model_validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        """Write the record to ``path`` in one rename; raises OutputError."""
        write_atomically(path, self.model_dump_json(indent=1) + "\n")


def record(
    stage: Stage,
    profile: str,
    digest: str,
    commit: tuple[str | None, bool],
    started: float,
    out: Path,
    processes: int = 1,
) -> Provenance:
    """Return the provenance of a stage that began at the time ``started`` (seconds) and has now written ``out``."""
    return Provenance(
        stage=stage.name,
        profile=profile,
        digest=digest,
        output=content_digest(out),
        commit=commit[0],
        dirty=commit[1],
        command=" ".join(("python -m steps", *names(stage.words))),
        started=datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        seconds=round(time.time() - started, 3),
        peak_memory_bytes=peak_memory(),
        device=_device(stage),
        processes=processes,
        cores=cores(),
        machine=platform.machine(),
        arithmetic=arithmetic(),
        versions={"python": platform.python_version(), **_versions()},
        invocation=invocation.current(),
        sources=sources_of(stage, out),
    )


def commit(root: Path) -> tuple[str | None, bool]:
    """Return the checkout's commit and whether tracked code or parameters differ from it.

    Files made by running (results, reports, each dvc.lock, the README's table) do not make it dirty, nor does a
    profile or an override that a flow changes for one run.
    """
    made = [f":(exclude,glob){path}" for path in ("results/**", "reports/**", "**/dvc.lock", "README.md")]
    head = _git(root, "rev-parse", "HEAD")
    if head is None or (root / SET_ASIDE / UNCLEAN).is_file():
        return head, True
    if (root / SET_ASIDE).is_dir():
        made.append(":(exclude,glob)**/params.yaml")
    return head, bool(_git(root, "status", "--porcelain", "--", ".", *made))


def sources_of(stage: Stage, out: Path | None = None) -> tuple[Source, ...]:
    """Return the data that a stage's numbers rest on, by name: that in ``out``, or that behind its inputs."""
    if out is not None and (out / "source.json").is_file():
        return (_source(out),)
    found: dict[str, Source] = {}
    for folder in stage.inputs:
        beside = folder.with_name(folder.name + SUFFIX)
        if (folder / "source.json").is_file():
            items: tuple[Source, ...] = (_source(folder),)
        else:
            items = Provenance.read(beside).sources if beside.is_file() else ()
        found.update({item.name: item for item in items})
    return tuple(found[name] for name in sorted(found))


def _source(folder: Path) -> Source:
    return Source.model_validate_json((folder / "source.json").read_bytes())


def _device(stage: Stage) -> str:
    if not stage.has("gpu"):
        return "cpu"
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def arithmetic() -> dict[str, str]:
    """Return the libraries that this process computes with, and with which cores' instructions and threads."""
    from threadpoolctl import threadpool_info

    found = {
        f"{library['internal_api']} {library['version'] or ''}".strip(): ", ".join(
            filter(None, (library.get("architecture"), f"{library['num_threads']} threads"))
        )
        for library in threadpool_info()
    }
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        found["torch"] = f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"
    return dict(sorted(found.items()))


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _git(root: Path, *words: str) -> str | None:
    command = ["git", "-C", str(root), *words]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
