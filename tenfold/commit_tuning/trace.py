"""The training log: one JSON object per update, written as training goes, cut back where it is resumed.

Columns:  update · loss · log_kappa · ema · K_X, K_S (nats) · lr_X, lr_S (as used) · factor_X, factor_S · g_X, g_S
(gradient norms) · undefined (whether the estimate was; null where there was none); X is the LLM, S the encoder
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tenfold.commit_tuning.errors import InvalidTrace
from tenfold.commit_tuning.schedulers import Factors

TRACE = "trace.jsonl"
COLUMNS = (
    *("update", "loss", "log_kappa", "ema", "K_X", "K_S", "lr_X", "lr_S", "factor_X", "factor_S", "g_X", "g_S"),
    "undefined",
)


class TraceWriter:
    """Writes a trace; ``keep`` is the update that training resumes at, whose lines and those before are kept.

    Raises InvalidTrace if a trace is there and none is to be kept, or if the kept lines do not reach ``keep``.
    """

    def __init__(self, path: Path, *, keep: int | None = None) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if keep is None and path.exists():
            raise InvalidTrace(f"{path} is there already: move it away, or resume the run that wrote it")
        if keep is not None:
            self._cut(keep)
        self._file = path.open("a", encoding="utf-8")

    def _cut(self, keep: int) -> None:
        rows = [row for row in read_trace(self.path) if row["update"] <= keep] if self.path.exists() else []
        if len(rows) != keep:
            raise InvalidTrace(f"{self.path} holds {len(rows)} of the {keep} updates before the one to resume at")
        unfinished = self.path.with_name(self.path.name + ".unfinished")
        unfinished.write_text("".join(_line(row) for row in rows), encoding="utf-8")
        os.replace(unfinished, self.path)

    def write(self, row: Mapping[str, Any]) -> None:
        """Write one update; numbers that are not finite become null, as JSON has none of them."""
        self._file.write(_line(row))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _line(row: Mapping[str, Any]) -> str:
    known = {name: None if isinstance(one, float) and not math.isfinite(one) else one for name, one in row.items()}
    return json.dumps(known, allow_nan=False) + "\n"


def json_rows(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file of JSON lines; a last line that a killed process left half-written is left out.

    Raises InvalidTrace for a file that cannot be read, or a line that is no object.
    """
    lines = read_text(path).splitlines(keepends=True)
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            if number == len(lines) and not line.endswith("\n"):
                break
            row = None
        if not isinstance(row, dict):
            raise InvalidTrace(f"{path}, line {number}: no JSON object; a log has one per line")
        rows.append(row)
    return rows


def read_text(path: Path) -> str:
    """Return a text file in UTF-8. Raises InvalidTrace if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidTrace(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def read_trace(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a trace that TraceWriter wrote. Raises InvalidTrace, also for a row that lacks a column."""
    rows = json_rows(path)
    for number, row in enumerate(rows, 1):
        if missing := [name for name in COLUMNS if name not in row]:
            raise InvalidTrace(f"{path}, line {number}: no {missing[0]}; a trace has {', '.join(COLUMNS)}")
    return rows


def balances_before(rows: Sequence[Mapping[str, Any]], *, sign: int = 1) -> tuple[float, ...]:
    """Return ℓ before each update of a trace, for a placebo; ``sign`` is −1 for a trace of κ the other way up."""
    return (0.0, *(sign * float(row["ema"]) for row in rows[:-1]))


def factors_of(rows: Sequence[Mapping[str, Any]]) -> list[Factors]:
    """Return the factors that each update of a trace was made with."""
    return [Factors(llm=row["factor_X"], encoder=row["factor_S"]) for row in rows]
