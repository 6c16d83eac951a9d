"""What the official runner reads out of a reply, to the letter; None where it reads nothing, or would stop.

choice         the first run of digits, as a text
recognition    the reply without double quotes
grounding_o    the whole reply as a JSON list of four numbers
grounding_t    the text before the first "[", and a JSON list of four numbers after it

Source: ``auto_extract`` in ``util/model_handler.py`` and ``test_fn.py`` of the official repository at c897df0. Some of
its model classes take double quotes and outer white space off the reply first; the plain function is what stands here.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tenfold.mmr.coordinates import Box
from tenfold.mmr.tasks import CHOICE, RECOGNITION, Task

DROPPED = "ERROR"  # a reply to grounding_t that holds it is left out by the official runner
_DIGITS = re.compile(r"\d+")


def official(task: Task, reply: str) -> Any:
    """Return what the official runner takes from a reply: a text, a box, or a text with a box; None if nothing."""
    if task in CHOICE:
        return official_choice(reply)
    if task in RECOGNITION:
        return official_text(reply)
    return official_box(reply) if task == "grounding_o" else official_text_and_box(reply)


def official_choice(reply: str) -> str | None:
    """Return the first run of digits of a reply; without one the runner has the number 0, which equals no answer."""
    found = _DIGITS.search(reply)
    return found[0] if found else None


def official_text(reply: str) -> str:
    """Return a reply without double quotes."""
    return reply.replace('"', "")


def official_box(reply: str) -> Box | None:
    """Return the box that the whole reply is, as JSON; None if it is something else.

    The runner stops with an error for four members that are no numbers, which are None here.
    """
    found = _json(reply)
    if not isinstance(found, list) or len(found) != 4 or not all(isinstance(one, int | float) for one in found):
        return None
    return _floats(found)


def official_text_and_box(reply: str) -> tuple[str, Box] | None:
    """Return the text before the first "[" of a reply, and the JSON list of four numbers between it and a second "[".

    None if there is no such list, or the reply holds "ERROR" in its text: the runner leaves such an item out.
    """
    parts = reply.split("[")
    found = _json("[" + parts[1]) if len(parts) > 1 else None
    box = _floats(found) if isinstance(found, list) else None
    text = parts[0].replace('"', "").strip()
    return None if box is None or DROPPED in text else (text, box)


def _json(text: str) -> Any:
    """Return what JSON stands in a text, None if there is none, or it is nested too deeply."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _floats(values: list[Any]) -> Box | None:
    """Return four numbers, or texts that are numbers, as a box; None if they are not."""
    try:
        x0, y0, x1, y1 = (float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        return None
    return x0, y0, x1, y1
