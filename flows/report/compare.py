"""Results just made against those committed: what is the same, within rounding, within its interval, or differs."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path

from flows.report.claims import load_claims
from flows.report.errors import ReportError
from flows.report.verdicts import judge
from tenfold.metrics.measurement import Measurement

ROUNDING = 1e-6  # of a measurement, relative
LAST_DIGIT = 1.01e-5  # of a table's cell, relative: tables have six digits
SMALLEST = 1e-12  # the rounding of a number near 1 that should be 0
SHOWN = 20  # lines of one paper
TIMINGS = "tables/timings.json"


class NothingToCompare(ReportError):
    """There are no results at the revision, or no revision."""


class Sameness(StrEnum):
    """How one value relates to the committed one."""

    SAME = "same"
    ROUNDING = "same within rounding"
    INTERVAL = "within its interval"
    DIFFERS = "differs"
    MISSING = "missing"
    NEW = "new"
    TIMING = "timing"


BAD = (Sameness.DIFFERS, Sameness.MISSING)


@dataclass(frozen=True)
class Compared:
    """One paper: each value by name with what stood there and stands there now, and the verdicts that changed."""

    paper: str
    values: dict[str, tuple[Sameness, str, str]]
    verdicts: dict[str, tuple[str, str]]  # by claim, without those that timings alone decide
    figures: tuple[int, int]  # unchanged, of all

    @property
    def agrees(self) -> bool:
        return not self.verdicts and not any(sameness in BAD for sameness, _, _ in self.values.values())

    def lines(self) -> Iterator[str]:
        """Yield a line of counts, then one for each value that is not as it was and each changed verdict."""
        found = Counter(sameness for sameness, _, _ in self.values.values())
        counts = [f"{found[kind]} {kind.value}" for kind in Sameness if found[kind] and kind is not Sameness.TIMING]
        timings = f"; {found[Sameness.TIMING]} timings apart" if found[Sameness.TIMING] else ""
        yield f"{self.paper}: {', '.join(counts)}{timings}; {self.figures[0]} of {self.figures[1]} figures unchanged"
        worth = [
            f"  {kind.value:19} {name}: {before} → {now}"
            for name, (kind, before, now) in self.values.items()
            if kind in (*BAD, Sameness.INTERVAL)
        ]
        yield from (f"  verdict changed     {name}: {before} → {now}" for name, (before, now) in self.verdicts.items())
        yield from worth[:SHOWN]
        if len(worth) > SHOWN:
            yield f"  and {len(worth) - SHOWN} more"


def compare(root: Path, profile: str, revision: str) -> list[Compared]:
    """Compare the results of a profile in the working tree with those committed at a revision, paper by paper.

    Both are judged by the claims.yaml of the working tree. A paper without committed results is left out.
    Raises NothingToCompare, ReportError for results that cannot be read.
    """
    folder = f"results/{profile}"
    then = _committed(root, revision, folder)
    papers = sorted({name.split("/")[2] for name in then if name.count("/") > 2})
    found = {paper: published(root / folder / paper) for paper in papers}
    return [compare_paper(root, paper, _below(then, folder, paper), now) for paper, now in found.items()]


def published(folder: Path) -> dict[str, bytes]:
    """Return the files of a paper's results, by their paths in ``folder``; none where there is no such folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


def _committed(root: Path, revision: str, folder: str) -> dict[str, bytes]:
    command = ["git", "archive", "--format=tar", "--end-of-options", revision, folder]
    done = subprocess.run(command, cwd=root, capture_output=True)
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip()
        raise NothingToCompare(f"no results in {folder} at {revision}; commit some, or name another ({reason})")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        found = {item.name: archive.extractfile(item) for item in archive}
        return {name: stream.read() for name, stream in found.items() if stream is not None}


def _below(files: Mapping[str, bytes], folder: str, paper: str) -> dict[str, bytes]:
    start = f"{folder}/{paper}/"
    return {name.removeprefix(start): content for name, content in files.items() if name.startswith(start)}


def compare_paper(root: Path, paper: str, then: Mapping[str, bytes], now: Mapping[str, bytes]) -> Compared:
    """Compare what a paper published, files by name, at two times; raises ReportError."""
    timed = {name for files in (then, now) for name in json.loads(files.get(TIMINGS, b"[]"))}
    before, after = (_measurements(files) for files in (then, now))
    values = _claims(before, after) | {
        f"{name}{place}": found
        for name in sorted({*then, *now})
        if name.endswith(".csv")
        for place, found in _table(then.get(name), now.get(name), Path(name).stem in timed).items()
    }
    values |= {name: (Sameness.TIMING, *values[name][1:]) for name in timed if name in values}
    pictures = [name for name in then if name.startswith("figures/") and not name.endswith(".json")]
    unchanged = sum(then[name] == now.get(name) for name in pictures)
    return Compared(paper, values, _verdicts(root, paper, before, after, timed), (unchanged, len(pictures)))


def _measurements(files: Mapping[str, bytes]) -> dict[str, Measurement]:
    raw = json.loads(files.get("claims.json", b"{}"))
    return {name: Measurement.model_validate_json(json.dumps(item)) for name, item in raw.items()}


def _claims(then: Mapping[str, Measurement], now: Mapping[str, Measurement]) -> dict[str, tuple[Sameness, str, str]]:
    return {
        name: (_measured(then.get(name), now.get(name)), _words(then.get(name)), _words(now.get(name)))
        for name in {**then, **now}
    }


def _measured(then: Measurement | None, now: Measurement | None) -> Sameness:
    if then is None or now is None:
        return Sameness.NEW if then is None else Sameness.MISSING
    if then.value is None or now.value is None:
        return Sameness.SAME if then.value is now.value else Sameness.DIFFERS
    numbers = [(then.value, now.value), *zip(then.bounds, now.bounds, strict=True)]
    if all(before == after for before, after in numbers):
        return Sameness.SAME
    if all(_close(before, after, ROUNDING) for before, after in numbers):
        return Sameness.ROUNDING
    low, high = then.bounds
    return Sameness.INTERVAL if then.interval and low <= now.value <= high else Sameness.DIFFERS


def _close(before: float, after: float, relative: float) -> bool:
    return abs(before - after) <= max(relative * max(abs(before), abs(after)), SMALLEST)


def _words(item: Measurement | None) -> str:
    if item is None:
        return "nothing"
    within = f" [{item.bounds[0]:.6g}, {item.bounds[1]:.6g}]" if item.interval else ""
    return "unavailable" if item.value is None else f"{item.value:.6g}{within}"


def _table(then: bytes | None, now: bytes | None, timed: bool) -> dict[str, tuple[Sameness, str, str]]:
    """Return each cell by its place, or one entry for the whole where rows or columns are others."""
    if then is None or now is None:
        return {"": (Sameness.NEW, "nothing", "a table") if then is None else (Sameness.MISSING, "a table", "nothing")}
    before, after = (list(csv.reader(io.StringIO(text.decode()))) for text in (then, now))
    if len(before) != len(after) or before[:1] != after[:1]:
        sizes = [f"{len(rows) - 1} rows of {', '.join(rows[0])}" for rows in (before, after)]
        return {"": (Sameness.DIFFERS, sizes[0], sizes[1])}
    return {
        f" {row}, {column}": (Sameness.TIMING if timed else _cell(old, new), old, new)
        for row, (olds, news) in enumerate(zip(before[1:], after[1:], strict=True), start=1)
        for column, old, new in zip_longest(before[0], olds, news, fillvalue="")
    }


def _cell(then: str, now: str) -> Sameness:
    if then == now:
        return Sameness.SAME
    try:
        return Sameness.ROUNDING if _close(float(then), float(now), LAST_DIGIT) else Sameness.DIFFERS
    except ValueError:  # a word
        return Sameness.DIFFERS


def _verdicts(
    root: Path, paper: str, then: Mapping[str, Measurement], now: Mapping[str, Measurement], timed: set[str]
) -> dict[str, tuple[str, str]]:
    """Return the verdicts that changed, but for those that timings alone decide."""
    found: dict[str, tuple[str, str]] = {}
    for entry in load_claims(root / "steps" / paper / "claims.yaml").entries:
        named = {name for test in entry.tests or () for name in test.measurements}
        with suppress(KeyError):  # a measurement that is missing or new, and shown as such
            before, after = (judge(entry, measured).verdict.value for measured in (then, now))
            if before != after and not named <= timed:
                found[entry.id] = before, after
    return found
