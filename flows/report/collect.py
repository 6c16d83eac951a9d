"""Everything the report says about one profile, gathered and checked, before anything is written."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import FiniteFloat

from flows.report.benchmark import Benchmark, load_benchmark
from flows.report.claims import Claims, load_claims, load_measurements, require_measurements
from flows.report.errors import ResultsError
from flows.report.provenance import Provenance, Source, distinct_sources, load_provenance
from flows.report.schema import read_json, typed
from flows.report.verdicts import VERDICTS, Judged, judge
from steps.step.params import GENERAL, PROFILES, read
from tenfold.metrics.measurement import Measurement

PICTURES = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Figure:
    """A picture with its caption; ``path`` is relative to the root."""

    path: Path
    caption: str
    content: bytes

    @property
    def media_type(self) -> str:
        return PICTURES[self.path.suffix]


@dataclass(frozen=True)
class Table:
    """A CSV file as text cells, with its caption; ``path`` is relative to the root."""

    path: Path
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Paper:
    """One paper's evidence under one profile."""

    slug: str
    declared: Claims
    measurements: dict[str, Measurement]
    claims: tuple[Judged, ...]
    findings: tuple[Judged, ...]
    facts: tuple[Judged, ...]
    metrics: dict[str, float]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    steps: dict[str, Provenance]
    sources: tuple[Source, ...]
    benchmark: Benchmark | None
    pages: tuple[Path, ...]  # to read, relative to the root

    @property
    def stand_ins(self) -> tuple[Source, ...]:
        return tuple(source for source in self.sources if source.origin == "stand_in")

    @property
    def publisher(self) -> Provenance:
        """The record of the step that wrote the measurements."""
        return list(self.steps.values())[-1]

    @property
    def dirty_steps(self) -> tuple[str, ...]:
        return tuple(name for name, record in self.steps.items() if record.dirty)

    @property
    def versions(self) -> list[tuple[dict[str, str], list[str]]]:
        """Each set of package versions with the steps that ran under it."""
        groups: list[tuple[dict[str, str], list[str]]] = []
        for name, record in self.steps.items():
            for versions, steps in groups:
                if versions == record.versions:
                    steps.append(name)
                    break
            else:
                groups.append((record.versions, [name]))
        return groups

    @property
    def judged(self) -> tuple[Judged, ...]:
        """Claims, findings and facts, as declared."""
        return (*self.claims, *self.findings, *self.facts)

    @property
    def untested(self) -> dict[str, Measurement]:
        """Measurements that no test names, and that are not shown beside one."""
        named = {name for item in self.judged for one in item.tested for name in one.measurements}
        named |= {name for item in self.judged for name in item.shown}
        return {name: item for name, item in self.measurements.items() if name not in named}

    def counts(self, among: str) -> dict[str, int]:
        """Return how many claims (or findings, or facts) have each verdict that they can have."""
        found = Counter(item.verdict for item in getattr(self, among))
        return {verdict.value: found[verdict] for verdict in VERDICTS[among]}


@dataclass(frozen=True)
class Report:
    """All papers with results under one profile, in the order declared."""

    profile: str
    papers: tuple[Paper, ...]
    absent: tuple[str, ...]  # declared papers without results under this profile


def collect(profile: str, root: Path, declared: Mapping[str, Sequence[str]] | None = None) -> Report:
    """Gather every paper that has results under ``profile``.

    ``declared`` maps each paper to its steps (``prepare``, ``solve-fast``, …), both in order, the step that publishes
    last. Without it papers come in the order of their names, and steps by the time they started.

    Raises a ReportError naming file and place if an input is missing or broken, and ResultsError if no
    paper has results, or one that is not declared has.
    """
    if profile not in PROFILES:
        raise ResultsError(f"unknown profile {profile!r}: it is one of {', '.join(PROFILES)}")
    order = list(declared) if declared is not None else _papers_with_parameters(root)
    results = root / "results" / profile
    present = sorted(path.name for path in results.glob("[!.]*") if path.is_dir())
    strangers = [name for name in present if name not in order]
    if strangers:
        raise ResultsError(
            f"{results} has results of {', '.join(strangers)}, which is no declared paper "
            f"({', '.join(order) or 'there is none'}): remove the folder or declare the paper"
        )
    if not present:
        raise ResultsError(f"{results} holds no results: run `dvc repro` under the profile {profile} first")
    chosen = [slug for slug in order if slug in present]
    papers = [collect_paper(slug, profile, root, declared[slug] if declared else None) for slug in chosen]
    return Report(profile, tuple(papers), tuple(slug for slug in order if slug not in present))


def collect_paper(slug: str, profile: str, root: Path, steps: Sequence[str] | None = None) -> Paper:
    """Gather and judge one paper; raises as `collect` does."""
    folder = root / "results" / profile / slug
    claims_path, measured_path = root / "steps" / slug / "claims.yaml", folder / "claims.json"
    declared = load_claims(claims_path)
    measurements = load_measurements(measured_path)
    require_measurements(declared, measurements, claims_path, measured_path)
    records = load_provenance(root / "artifacts" / profile / slug, profile, steps)
    return Paper(
        slug=slug,
        declared=declared,
        measurements=measurements,
        claims=tuple(judge(claim, measurements) for claim in declared.claims),
        findings=tuple(judge(finding, measurements) for finding in declared.findings),
        facts=tuple(judge(fact, measurements) for fact in declared.facts),
        metrics=_metrics(folder / "metrics.json"),
        figures=_figures(folder / "figures", root),
        tables=_tables(folder / "tables", root),
        steps=records,
        sources=distinct_sources(records.values()),
        benchmark=load_benchmark(root / "benchmarks" / "results" / f"{slug}.json"),
        pages=tuple(path.relative_to(root) for path in sorted((folder / "pages").glob("[!.]*.html"))),
    )


def _papers_with_parameters(root: Path) -> list[str]:
    return [key for key in read(root) if key not in GENERAL]


def _metrics(path: Path) -> dict[str, float]:
    raw = read_json(path, ResultsError, "the step that publishes the paper writes it; run `dvc repro`")
    metrics: dict[str, float] = typed(dict[str, FiniteFloat], raw, path, ResultsError)
    return metrics


def _captions(folder: Path, suffixes: Sequence[str]) -> dict[str, str]:
    """Return captions by file name, checked against the files that are there."""
    files = {path.name for path in folder.glob("[!.]*") if path.suffix in suffixes}
    path = folder / "captions.json"
    if not files and not path.exists():
        return {}
    captions: dict[str, str] = typed(
        dict[str, str],
        read_json(path, ResultsError, "each figure and table has a caption there"),
        path,
        ResultsError,
    )
    if files != set(captions):
        without = ", ".join(sorted(files - set(captions))) or "none"
        absent = ", ".join(sorted(set(captions) - files)) or "none"
        raise ResultsError(f"{path}: files without a caption: {without}; captions without a file: {absent}")
    return captions


def _figures(folder: Path, root: Path) -> tuple[Figure, ...]:
    captions = _captions(folder, tuple(PICTURES))
    return tuple(
        Figure((folder / name).relative_to(root), caption, (folder / name).read_bytes())
        for name, caption in captions.items()
    )


def _tables(folder: Path, root: Path) -> tuple[Table, ...]:
    return tuple(_table(folder / name, caption, root) for name, caption in _captions(folder, (".csv",)).items())


def _table(path: Path, caption: str, root: Path) -> Table:
    with open(path, encoding="utf-8", newline="") as stream:
        lines = [tuple(line) for line in csv.reader(stream)]
    if not lines:
        raise ResultsError(f"{path} is empty: a table has a header")
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(lines[0]):
            raise ResultsError(f"{path}: line {number} has {len(line)} cells, the header {len(lines[0])}")
    return Table(path.relative_to(root), caption, lines[0], tuple(lines[1:]))
