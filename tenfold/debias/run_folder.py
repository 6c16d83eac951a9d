"""What a run of conversations leaves in its folder, and whether a folder may be written into.

run.json           what was asked of whom: a run is continued only as it was begun
transcript.jsonl   every reply with what was asked: what is known from here is not asked again
debates.jsonl      each debate with its turns and what came of it
predictions.jsonl  {protocol, key, answer}: the number of the option, null for none
scores.json        by protocol: scores pooled and by group, those of the first answers beside them
page.html          the debates to read
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.command_line import InvalidOutput
from tenfold.debias.debate import Debate, write_debates
from tenfold.debias.items import NONE, Items

RUN, TRANSCRIPT = "run.json", "transcript.jsonl"


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
        other = sorted(name for name in {*known, *settings} if known.get(name) != settings.get(name))
        if other:
            said = "; ".join(f"{name} was {known.get(name)!r} and is {settings.get(name)!r}" for name in other)
            raise InvalidOutput(f"{folder} holds another run ({said}); give another --out")
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
    _replace(folder / "debates.jsonl", lambda path: write_debates(debates, path))
    for number, protocol in enumerate(scores, 1):
        name = "predictions.jsonl" if len(scores) == 1 else f"predictions.{number}.jsonl"
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
            first[agent] = _scores(items, answers)
        found[protocol] = {
            **_scores(items, [debate.final for debate in own]),
            "calls": len(turns),
            "failed_calls": sum(turn.failed is not None for turn in turns),
            "first_answers": first,
        }
    return found


def _scores(items: Items, choices: Sequence[int | None]) -> dict[str, Any]:
    from tenfold.debias.scores import score, score_groups

    answers = np.array([NONE if choice is None else choice for choice in choices], dtype=np.int64)
    graded = items.gold != NONE
    return {
        "questions": len(items),
        "without_answer": int((answers == NONE).sum()),
        "accuracy": float((answers == items.gold)[graded].mean()) if graded.any() else None,
        "pooled": score(items, answers).described(),
        "groups": {group: one.described() for group, one in score_groups(items, answers).items()},
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
