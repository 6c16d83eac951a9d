"""What answers of items are, and the sentences that say why a reply scored as it did."""

from __future__ import annotations

import json
import math
from typing import Any

from tenfold.mmr.coordinates import Box
from tenfold.mmr.errors import InvalidItem
from tenfold.mmr.items import Item
from tenfold.mmr.parsing import DROPPED
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.robust_parsing import option_numbers
from tenfold.mmr.tasks import CHOICE, RECOGNITION, Task

SHOWN = 60  # characters of a text in a sentence
_FORMS = {"grounding_o": "list of four numbers", "grounding_t": "text with a list of four numbers"}


def references(item: Item, *, several: bool) -> list[Any]:
    """Return an item's answers, numbers of options, texts, boxes, or texts with boxes; the first unless ``several``.

    Raises InvalidItem for an answer that is not of its task's form.
    """
    return [_reference(item, answer) for answer in (item.answer, *(item.also if several else ()))]


def _reference(item: Item, answer: str) -> Any:
    if item.task in CHOICE:
        known = option_numbers(item.question)
        if answer not in known:
            numbers = ", ".join(sorted(known))
            raise InvalidItem(f"{item.key}: the answer of {item.task} is one of the options {numbers}, not {answer!r}")
        return answer
    if item.task in RECOGNITION:
        return answer
    try:
        found = json.loads(answer)
        text, box = found if item.task == "grounding_t" else ("", found)
        x0, y0, x1, y1 = (float(value) for value in box)
        if not isinstance(text, str):
            raise TypeError
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise InvalidItem(f"{item.key}: the answer of {item.task} is a {_FORMS[item.task]}, not {answer!r}") from None
    return (text, (x0, y0, x1, y1)) if item.task == "grounding_t" else (x0, y0, x1, y1)


def no_answer(prediction: Prediction) -> str:
    """Return why a prediction is no answer."""
    if prediction.status == "failed":
        return f"no reply came: {prediction.why or 'the reason is not known'}"
    if prediction.status == "cut":
        return "the reply was cut off, so it is no answer"
    return "the reply is empty"


def unread(task: Task, reply: str, parser: str) -> str:
    """Return why a parser reads nothing in a reply."""
    if task in CHOICE:
        return "the reply names no number" if parser == "official" else "the reply names no option, or several"
    if parser == "official" and DROPPED in reply and task == "grounding_t":
        return f"the official runner leaves out a reply that holds {DROPPED!r}"
    whole = "is" if parser == "official" and task == "grounding_o" else "holds"
    return f"the reply {whole} no {_FORMS[task]}"


def said_of_choice(chosen: str, wanted: list[str]) -> str:
    """Return whether the chosen option is right, and which is."""
    if chosen in wanted:
        return f"chose {chosen}, which is right"
    return f"chose {_short(chosen)}, and {' or '.join(wanted)} is right"


def said_of_text(text: str, wanted: list[str], name: str, score: float, above: float) -> str:
    """Return a text's score against the threshold."""
    return f"read {_short(text)!r} where {_short(wanted[0])!r} stands: {_against(name, score, above)}"


def said_of_box(box: Box, overlap: float, above: float) -> str:
    """Return a box's intersection over union against the threshold, or why it has none."""
    if not all(math.isfinite(value) for value in box):
        return "the box holds a number that is not finite, so its IoU is 0"
    if box[2] <= box[0] or box[3] <= box[1]:
        return "the box is inverted or has no area, so its IoU is 0"
    outside = "" if overlap or max(box) <= 2 else ", since its numbers lie outside the image"
    return _against("IoU", overlap, above) + outside


def _against(name: str, value: float, above: float) -> str:
    """Return a value against a threshold, with as many decimals as the comparison needs."""
    decimals = next((d for d in range(2, 17) if (round(value, d) > above) == (value > above)), 17)
    return f"{name} {round(value, decimals)} is {'' if value > above else 'not '}above {above}"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
