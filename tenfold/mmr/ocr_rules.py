"""A model of rules over OCR, without learning: what reading alone, without seeing or understanding, is worth.

Objects are not seen: the tasks about them have a constant reply, which `OBJECTS` lists and ``identity`` declares. Where
a text that a question quotes was not read, or nothing was, a choice is the first option and a text is empty; ``why`` of
each prediction names the rule.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tenfold.mmr.asked import Asked, asked, directed_anchors, direction_of, place_of, role_of
from tenfold.mmr.ocr_choices import Costs, Seen, colour_costs, place_costs, relation_costs, size_costs
from tenfold.mmr.predictions import Prediction, prediction_of
from tenfold.mmr.queries import Query
from tenfold.mmr.reading import page_of
from tenfold.mmr.tasks import CHOICE, RECOGNITION, Task
from tenfold.mmr.text_blocks import Text
from tenfold.mmr.text_matching import find_text
from tenfold.mmr.text_places import nearest, overlap, place_cost
from tenfold.ocr.page import Page
from tenfold.ocr.page_files import Pages, pages_digest

VERSION = 2  # of the rules: a change of what they answer is another model
OBJECTS: dict[Task, str] = {
    "localize_o": "1",
    "spatial_ot": "1",
    "spatial_oo": "1",
    "grounding_o": "[0.2, 0.2, 0.8, 0.8]",
}
FIRST = "1"
CHOICES: dict[Task, tuple[str, Callable[[Asked, Seen], Costs | None]]] = {
    "font_size": ("height of the ink of words", size_costs),
    "font_color": ("ink against the names of colours", colour_costs),
    "localize_t": ("place of the box", place_costs),
    "spatial_tt": ("direction between two boxes", relation_costs),
}


class OCRRules:
    """Rules over what an engine read: ``pages`` by the digest of their image, as ``read_pages`` makes them."""

    def __init__(self, pages: Pages, *, name: str = "") -> None:
        """Take the pages; ``name`` is "OCR rules" with the engine if not given."""
        self._pages, self._digest = pages, pages_digest(pages)
        self.engines = tuple(sorted({page.engine for page in pages.values()}))
        self.name = name or f"OCR rules ({', '.join(self.engines) or 'no pages'})"

    def identity(self) -> dict[str, Any]:
        """Return the version of the rules, engines, a digest of the pages, and the constants for what is not seen."""
        return {
            "kind": "ocr_rules",
            "version": VERSION,
            "engines": list(self.engines),
            "pages": self._digest,
            "objects": dict(OBJECTS),
        }

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return one prediction per query, in order. Raises MissingPage if the page of a query's image is not there."""
        seen: dict[str, Seen] = {}  # several questions are about one page
        return [self._answer(query, seen) for query in queries]

    def _answer(self, query: Query, known: dict[str, Seen]) -> Prediction:
        if query.task in OBJECTS:
            return prediction_of(query.key, OBJECTS[query.task], why="objects are not seen: a constant")
        page = page_of(self._pages, query)
        assert query.image is not None
        digest = query.image_digest
        seen = known[digest] = known.get(digest) or Seen.of(query.image, page)
        parts = asked(query.question)
        if query.task in CHOICE:
            return _choice(query, parts, seen)
        text, why = wanted_text(query.task, parts, seen)
        if text is None:
            return prediction_of(query.key, "", why=why)
        reply = text.text if query.task in RECOGNITION else text_and_box(text, page)
        return prediction_of(query.key, reply, why=why)


def wanted_text(task: Task, parts: Asked, seen: Seen) -> tuple[Text | None, str]:
    """Return the text that a question of recognition or grounding means, with the rule; None if nothing was read."""
    if not seen.blocks:
        return None, "nothing was read"
    place, role = place_of(parts.stem), role_of(parts.stem)
    anchored = _next_to(parts, seen)
    if anchored is not None:
        return anchored, "next to a text"
    if task == "grounding_t" and parts.quoted:
        found = find_text(parts.quoted[0], seen.lines, seen.blocks)
        if found is not None:
            return found, "union of matched words"
    if task != "recognition_pos" and role is not None:
        found = seen.role(role, place)
        if found is not None:
            return found, f"the page's {role}"
    if place is not None:
        width, height = seen.page.width, seen.page.height
        return min(seen.blocks, key=lambda one: place_cost(one.box, place, width, height)), "nearest to the place"
    if role is not None:
        found = seen.role(role)
        if found is not None:
            return found, f"the page's {role}"
    return max(seen.blocks, key=seen.size), "no rule fits: the largest text"


def text_and_box(text: Text, page: Page) -> str:
    """Return a reply to grounding_t: the text in quotation marks, and its box in shares of the sides.

    Brackets of the text are round ones, since the released parser cuts at the first square one.
    """
    x0, y0, x1, y1 = text.box
    shares = x0 / page.width, y0 / page.height, x1 / page.width, y1 / page.height
    said = text.text.replace("[", "(").replace("]", ")")
    return f'"{said}", {json.dumps([round(share, 4) for share in shares])}'


def _next_to(parts: Asked, seen: Seen) -> Text | None:
    """Return the line next to the texts in whose directions a question asks, or its block if they are not of it."""
    anchors = [(way, find_text(phrase, seen.lines, seen.blocks)) for way, phrase in directed_anchors(parts.stem)]
    known = [(way, text) for way, text in anchors if text is not None]
    unplaced = place_of(parts.stem) is None  # "at the left of the image" is no direction from a text
    if (
        not known
        and unplaced
        and (role := role_of(parts.stem)) is not None
        and (way := direction_of(parts.stem)) is not None
    ):
        text = seen.role(role)
        known = [] if text is None else [(way, text)]
    line = nearest(seen.lines, known) if known else None
    if line is None:
        return None
    block = next(block for block in seen.blocks if set(line.words) <= set(block.words))
    return line if any(overlap(block, anchor) for _, anchor in known) else block


def _choice(query: Query, parts: Asked, seen: Seen) -> Prediction:
    rule, costs_of = CHOICES[query.task]
    costs = costs_of(parts, seen) if parts.options and seen.blocks else None
    if costs is None:
        return prediction_of(query.key, FIRST, why="its texts were not read: the first option")
    return prediction_of(query.key, str(1 + min(range(len(costs)), key=lambda place: costs[place])), why=rule)
