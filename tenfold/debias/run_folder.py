"""What a run of conversations leaves in its folder, and whether a folder may be written into.

run.json           what was asked of whom: a run is continued only as it was begun
transcript.jsonl   every reply with what was asked: what is known from here is not asked again
debates.jsonl      each debate with its turns and what came of it
predictions.jsonl  {key, answer}: the number of the option, null for none; where agents take turns, a file for each,
                   predictions.<agent>.jsonl
scores.json        by protocol: scores pooled and by group, those of the first answers beside them
page.html          the debates to read
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.command_line import InvalidOutput
from tenfold.debias.debate import Debate, write_debates
from tenfold.debias.items import NONE, Items

RUN, TRANSCRIPT, DEBATES = "run.json", "transcript.jsonl", "debates.jsonl"


def open_run(folder: Path, settings: Mapping[str, Any], *, resume: bool) -> Path:
    """Make a run's folder, or find the one that was begun with the same settings, and return its transcript's path.

    Raises InvalidOutput if something else is there, a run without ``resume``, or one with other settings.
    """
    if not folder.parent.is_dir():
        raise InvalidOutput(f"there is no folder {folder.parent} to write {folder.name} into; make it first")
    begun = folder / RUN
    if begun.is_file():
        known = json.loads(begun.read_text(encoding="utf-8"))
        if not resume:
            raise InvalidOutput(f"{folder} holds a run already; continue it with --resume, or give another --out")
        other = list(_differences(known, dict(settings)))
        if other:
            raise InvalidOutput(f"{folder} holds another run ({'; '.join(other)}); give another --out")
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidOutput(f"{folder} holds something else than a run; give another --out")
    else:
        folder.mkdir(exist_ok=True)
        _replace(begun, lambda path: _write_json(path, settings))
    return folder / TRANSCRIPT


def items_digest(items: Items) -> str:
    """Return the SHA-256 of questions, by which a run knows that it is asked the same ones again."""
    return hashlib.sha256(json.dumps([asdict(item) for item in items.rows]).encode()).hexdigest()


def write_run(folder: Path, debates: Sequence[Debate], notes: Sequence[str] = ()) -> dict[str, Any]:
    """Write all that comes of finished debates, each file whole or not at all, and return the scores."""
    from tenfold.debias.transcript_page import write_page

    scores = scores_of_debates(debates)
    _replace(folder / DEBATES, lambda path: write_debates(debates, path))
    for protocol, name in zip(scores, _prediction_files(list(scores)), strict=True):
        scores[protocol]["predictions"] = name
        own = [debate for debate in debates if debate.protocol == protocol]
        _replace(folder / name, partial(_write_predictions, own))
    _replace(folder / "scores.json", lambda path: _write_json(path, scores))
    _replace(folder / "page.html", lambda path: write_page(debates, path, notes=notes))
    return scores


def scores_of_debates(debates: Sequence[Debate]) -> dict[str, Any]:
    """Return for each protocol its scores, and beside them those of each agent's first answers."""
    found: dict[str, Any] = {}
    for protocol in dict.fromkeys(debate.protocol for debate in debates):
        own = [debate for debate in debates if debate.protocol == protocol]
        items = Items(tuple(debate.item for debate in own))
        turns = [turn for debate in own for turn in debate.turns]
        first: dict[str, Any] = {}
        for agent in dict.fromkeys(turn.agent for turn in turns if turn.round == 0):
            answers = [
                next((turn.choice for turn in debate.turns if turn.agent == agent and turn.round == 0), None)
                for debate in own
            ]
            own_calls = [turn for turn in turns if turn.agent == agent]
            lost = all(turn.failed is not None for turn in own_calls)
            first[agent] = _scores(items, answers) | ({"accuracy": None} if lost else {})
            first[agent]["failed_calls"] = sum(turn.failed is not None for turn in own_calls)
            first[agent]["calls"] = len(own_calls)
        found[protocol] = {
            **_scores(items, [debate.final for debate in own]),
            "calls": len(turns),
            "failed_calls": sum(turn.failed is not None for turn in turns),
            "cut_replies": sum(turn.cut for turn in turns),
            "first_answers": first,
        }
    return found


def _prediction_files(protocols: Sequence[str]) -> list[str]:
    """Return a file's name for each protocol; of several, by the agent that stands out."""
    if len(protocols) == 1:
        return ["predictions.jsonl"]
    names = [re.sub(r"[^\w.-]+", "_", protocol.partition(":")[2] or protocol) for protocol in protocols]
    if len(set(names)) < len(names):
        names = [f"{number}.{name}" for number, name in enumerate(names, 1)]
    return [f"predictions.{name}.jsonl" for name in names]


def _differences(known: Any, given: Any, name: str = "") -> Iterator[str]:
    """Yield in words each setting, by its path, that is not as it was."""
    if isinstance(known, dict) and isinstance(given, dict):
        for key in dict.fromkeys([*known, *given]):
            yield from _differences(known.get(key), given.get(key), f"{name}.{key}" if name else key)
    elif isinstance(known, list) and isinstance(given, list) and len(known) == len(given):
        for number, (one, other) in enumerate(zip(known, given, strict=True), 1):
            yield from _differences(one, other, f"{name} {number}")
    elif known != given:
        yield f"{name} was {known!r} and is {given!r}"


def _scores(items: Items, choices: Sequence[int | None]) -> dict[str, Any]:
    from tenfold.debias.accuracy import accuracy_of
    from tenfold.debias.scores import score, score_groups

    answers = np.array([NONE if choice is None else choice for choice in choices], dtype=np.int64)
    found = accuracy_of(items, answers)
    return {
        "questions": len(items),
        "without_answer": found.questions - found.parsed,
        "accuracy": found.accuracy,
        "graded": found.graded,
        "pooled": score(items, answers).reported(),
        "groups": {group: one.reported() for group, one in score_groups(items, answers).items()},
    }


def _write_predictions(debates: Sequence[Debate], path: Path) -> None:
    lines = ({"key": one.item.key, "answer": one.final} for one in debates)
    path.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), encoding="utf-8")


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _replace(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file beside its place and move it there."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
