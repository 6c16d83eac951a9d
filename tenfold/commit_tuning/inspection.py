"""What a training log says of the balance between encoder and LLM: a few lines of text.

Legend:  X the LLM · S the encoder · κ = K_X / K_S
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tenfold.commit_tuning.errors import InvalidTrace
from tenfold.commit_tuning.trace import COLUMNS, TRACE, json_rows, read_text
from tenfold.data.csv_dialect import records
from tenfold.data.csv_files import open_csv

LAST = 10  # estimates that say where a run ended
SHOWN = ("log_kappa", "ema", "lr_X", "lr_S", "g_X", "g_S", "loss")
UNDEFINED_SHARE = 0.25  # of the estimates, above which the summary says what it means
LARGEST_LOG = 700.0  # of a number that a float holds
FAR = math.log(2)  # |log κ| from which one component is said to move more

Rows = Sequence[Mapping[str, Any]]


def find_log(place: Path) -> Path:
    """Return the log in a folder: trace.jsonl, or its only .jsonl or .csv file; a file is itself.

    Raises InvalidTrace if there is none, or more than one.
    """
    if not place.is_dir():
        return place
    if (place / TRACE).is_file():
        return place / TRACE
    found = sorted(one for one in place.iterdir() if one.suffix in (".jsonl", ".csv"))
    if len(found) != 1:
        listed = f"several: {', '.join(one.name for one in found)}" if found else "no .jsonl or .csv file"
        raise InvalidTrace(f"{place} holds no {TRACE} and {listed}; name the file")
    return found[0]


def read_log(path: Path, names: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Return the rows of a log in JSON lines, CSV or a trainer_state.json; ``names`` gives its columns for ours.

    Lines without an update, or with no column that can be drawn, are those of other records and left out. Where there
    is no log κ but K_X and K_S are above 0, it is that of their ratio. Raises InvalidTrace for a file that cannot be
    read, a column that is not ours, no column of updates, or nothing that can be drawn; InvalidCSV.
    """
    theirs = {name: name for name in COLUMNS} | dict(names or {})
    if unknown := sorted(set(theirs) - set(COLUMNS)):
        raise InvalidTrace(f"there is no column {', '.join(unknown)}; there are {', '.join(COLUMNS)}")
    raw = _raw_rows(path, list((names or {}).values()))
    absent = [name for name in names or {} if not any(theirs[name] in row for row in raw)]
    if absent:
        raise InvalidTrace(f"{path} has no column {theirs[absent[0]]} to read {absent[0]} from")
    if not any(theirs["update"] in row for row in raw):
        seen = ", ".join(list(dict.fromkeys(name for row in raw for name in row))[:8]) or "nothing"
        raise InvalidTrace(
            f"{path} has no column {theirs['update']}, the number of each update; it has {seen}: "
            "say which one it is by --column update=…"
        )
    rows = [
        {name: _value(row.get(column), name, path, number) for name, column in theirs.items()}
        for number, row in enumerate(raw, 1)
    ]
    for row in rows:
        if row["log_kappa"] is None and min(row["K_X"] or 0, row["K_S"] or 0) > 0:
            row["log_kappa"] = math.log(row["K_X"]) - math.log(row["K_S"])
    rows = [row for row in rows if row["update"] is not None and any(row[name] is not None for name in SHOWN)]
    if not rows:
        raise InvalidTrace(f"{path} has nothing to draw: give its columns for {', '.join(SHOWN)} by --column")
    return sorted(rows, key=lambda row: row["update"])


def _raw_rows(path: Path, named: Sequence[str]) -> list[dict[str, Any]]:
    if path.suffix.lower() == ".csv":
        return _csv_rows(path, named)
    if path.suffix != ".json":
        return json_rows(path)
    try:
        history = json.loads(read_text(path))["log_history"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise InvalidTrace(f"{path} is no trainer_state.json: it has no log_history") from None
    return [row for row in history if isinstance(row, dict)]


def _csv_rows(path: Path, named: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of a file by the names in its line 1; empty cells are those of what was not logged."""
    file = open_csv(path, header=True, named=named)
    rows = []
    for line, cells in records(path, file.separator):
        if not cells or line == 1:
            continue
        if len(cells) != len(file.names):
            raise InvalidTrace(f"{path}, line {line} has {len(cells)} cells, not {len(file.names)}")
        rows.append(dict(zip(file.names, cells, strict=True)))
    return rows


def _value(value: Any, name: str, path: Path, number: int) -> Any:
    """Return a cell as a number, or None where it is empty or not finite."""
    if value is None or value == "" or (name == "undefined" and isinstance(value, bool)):
        return value if isinstance(value, bool) else None
    try:
        if name == "undefined":
            return {"true": True, "false": False, "1": True, "0": False}[str(value).lower()]
        found = float(value)
        return (int(found) if name == "update" else found) if math.isfinite(found) else None
    except (KeyError, TypeError, ValueError):
        raise InvalidTrace(f"{path}, row {number}: {name} is {value!r}, which is no number") from None


def series(rows: Rows, name: str) -> tuple[list[int], list[float]]:
    """Return the updates at which a column has a value, and the values."""
    found = [(row["update"], row[name]) for row in rows if row[name] is not None]
    return [update for update, _ in found], [value for _, value in found]


def summary(rows: Rows) -> list[str]:
    """Return the log in words: updates, κ and what moved more, undefined estimates, rates, gradient norms, loss."""
    lines = [f"updates {rows[0]['update']} to {rows[-1]['update']}, {len(rows)} of them logged"]
    lines += _of_kappa(rows)
    for column, word in (("lr_X", "LLM's rate"), ("lr_S", "encoder's rate")):
        lines += _of_range(rows, column, word)
    lines += _of_gradients(rows)
    _, losses = series(rows, "loss")
    if losses:
        lines.append(f"loss: {losses[0]:.4g} at first, {losses[-1]:.4g} at last")
    return lines


def _of_kappa(rows: Rows) -> list[str]:
    _, logs = series(rows, "log_kappa")
    undefined = sum(row["undefined"] is True for row in rows)
    count = len(logs) + undefined
    if not count:
        return ["κ: not estimated"]
    if not logs:
        return [
            f"κ: {count} estimates, all undefined: a component does not move the answers (frozen, detached, rate 0)"
        ]
    last = logs[-LAST:]
    mean = math.fsum(last) / len(last)
    size = math.fsum(map(abs, last)) / len(last)
    lines = [
        f"κ: {count} estimates, {undefined} undefined; {_exp(logs[0])} at first, {_exp(logs[-1])} at last",
        f"last {len(last)} estimates: mean |log κ| {size:.3g}, mean log κ {mean:+.3g}: {_who(mean)}",
    ]
    if undefined / count > UNDEFINED_SHARE:
        lines.append("many are undefined: one component hardly moves the answers, or its rate was 0 by turns")
    return lines


def _exp(log: float) -> str:
    return f"{math.exp(log):.3g}" if abs(log) < LARGEST_LOG else f"exp({log:.4g})"


def _who(mean: float) -> str:
    if abs(mean) < FAR:
        return "balanced within a factor of 2"
    return "the LLM moves the answers more" if mean > 0 else "the encoder moves the answers more"


def _of_range(rows: Rows, column: str, word: str) -> list[str]:
    _, values = series(rows, column)
    if not values:
        return []
    return [f"{word}: {values[0]:.3g} at first, {values[-1]:.3g} at last, from {min(values):.3g} to {max(values):.3g}"]


def _of_gradients(rows: Rows) -> list[str]:
    lines = []
    for column, word in (("g_X", "LLM's"), ("g_S", "encoder's")):
        _, values = series(rows, column)
        if values and values[0] > 0:
            lines.append(f"{word} gradient norm: {values[0]:.3g} at first, {values[-1] / values[0]:.3g} of it at last")
        elif values:
            lines.append(f"{word} gradient norm: 0 at first")
    return lines
