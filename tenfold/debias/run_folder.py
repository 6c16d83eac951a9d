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
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.chat.transcript import Transcript
from tenfold.command_line import InvalidOutput
from tenfold.debias.debate import Debate, write_debates
from tenfold.debias.items import NONE, Items

RUN, TRANSCRIPT, DEBATES = "run.json", "transcript.jsonl", "debates.jsonl"
SCORES, PAGE = "scores.json", "page.html"
LOCK = f".{TRANSCRIPT}.lock"
_UNFINISHED = re.compile(  # what a process that was killed left of a file of its run
    rf"\.({re.escape(RUN)}|{re.escape(DEBATES)}|predictions(\..+)?\.jsonl|{re.escape(SCORES)}|{re.escape(PAGE)})"
    r"\.\d+\.unfinished"
)


def check_folder(folder: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
    """Check that a run may be begun in a folder, or continued there; nothing is written.

    A run in which nothing was answered yet binds nobody, nor does what a process left that was killed.
    Raises InvalidOutput if something else is there, a run without ``resume``, or one with other settings.
    """
    if not folder.parent.is_dir():
        raise InvalidOutput(f"there is no folder {folder.parent} to write {folder.name} into; make it first")
    if not folder.exists() or _holds_nothing(folder):
        return
    begun = folder / RUN
    if not begun.is_file():
        raise InvalidOutput(f"{folder} holds something else than a run; give another --out")
    known = settings_of(folder)
    if not resume:
        raise InvalidOutput(f"{folder} holds a run already; continue it with --resume, or give another --out")
    other = list(_differences(known, json.loads(json.dumps(settings))))
    if other:
        raise InvalidOutput(f"{folder} holds another run ({'; '.join(other)}); give another --out")


@contextmanager
def open_run(folder: Path, settings: Mapping[str, Any], *, resume: bool) -> Iterator[Transcript]:
    """Make a run's folder, or find the one that was begun with the same settings, and yield its transcript.

    As long as that is open the folder is this process's alone; what killed ones left unfinished is removed. If it ends
    by an error before anything was answered, nothing of it is left.
    Raises what ``check_folder`` and ``Transcript`` raise.
    """
    check_folder(folder, settings, resume=resume)
    new = not folder.exists()
    folder.mkdir(exist_ok=True)
    with Transcript(folder / TRANSCRIPT) as transcript:
        check_folder(folder, settings, resume=resume)  # another process may have begun a run until now
        for left in [path for path in folder.iterdir() if path.is_file() and _UNFINISHED.fullmatch(path.name)]:
            left.unlink()
        if _holds_nothing(folder):
            _replace(folder / RUN, lambda path: _write_json(path, settings))
        try:
            yield transcript
        except BaseException:
            if _holds_nothing(folder):
                for name in (RUN, TRANSCRIPT, LOCK):
                    (folder / name).unlink(missing_ok=True)
                if new:
                    with suppress(OSError):  # another process is about to begin there
                        folder.rmdir()
            raise


def holds_replies(folder: Path) -> bool:
    """Return whether a run's folder holds replies that need not be asked for again."""
    transcript = folder / TRANSCRIPT
    return transcript.is_file() and transcript.stat().st_size > 0


def settings_of(folder: Path) -> dict[str, Any]:
    """Return the settings of the run in a folder. Raises InvalidOutput if they cannot be read."""
    path = folder / RUN
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidOutput(f"{path} cannot be read ({error}); mend it, or give another --out") from None
    if not isinstance(known, dict):
        raise InvalidOutput(f"{path} is of no run; give another --out")
    return known


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
    _replace(folder / SCORES, lambda path: _write_json(path, scores))
    _replace(folder / PAGE, lambda path: write_page(debates, path, notes=notes))
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


def _holds_nothing(folder: Path) -> bool:
    """Whether all that is in a folder is what a run leaves that has got no reply yet."""
    return folder.is_dir() and not holds_replies(folder) and all(map(_is_beginning, folder.iterdir()))


def _is_beginning(path: Path) -> bool:
    return path.is_file() and (path.name in (RUN, TRANSCRIPT, LOCK) or bool(_UNFINISHED.fullmatch(path.name)))


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
