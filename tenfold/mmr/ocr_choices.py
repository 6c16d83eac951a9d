"""The option that fits a page best: sizes, colours, places and directions of texts, without learning.

Each rule returns a cost per option, the least being the choice, or None where the page gives no hold; options that no
rule understands cost what a bad fit does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import UInt8

from tenfold.mmr.asked import (
    Asked,
    Place,
    Role,
    about_size,
    directed_anchors,
    direction_of,
    place_of,
    quoted,
    role_of,
    two_things,
    unquoted,
    wants_smaller,
)
from tenfold.mmr.ink import box_within, colour_distances, ink_height, ink_of
from tenfold.mmr.text_blocks import Text, blocks_of, lines_of
from tenfold.mmr.text_matching import find_text
from tenfold.mmr.text_places import direction_fit, nearest, place_cost
from tenfold.mmr.text_roles import find_role
from tenfold.ocr.page import Page

SAME = 1.12  # ratio of sizes up to which two texts are of one size
POOR = 0.7  # what an option costs that no rule understands, where costs are shares of the sides
FAR = 200.0  # ΔE that a colour costs whose name is in no list
Costs = Sequence[float]


@dataclass(frozen=True)
class Seen:
    """What the rules see: the image, its page, the page's lines and blocks."""

    image: UInt8[np.ndarray, "H W 3"]
    page: Page
    lines: Sequence[Text]
    blocks: Sequence[Text]

    @classmethod
    def of(cls, image: UInt8[np.ndarray, "H W 3"], page: Page) -> Seen:
        """Return a page in lines and blocks that hold letters or digits.

        Of words that reach beyond the image only the part on it is seen, of those without an area nothing.
        """
        boxed = ((word, box_within(image, word.box)) for word in page.words)
        page = replace(page, words=tuple(replace(word, box=box) for word, box in boxed if box is not None))
        lines = [line for line in lines_of(page) if line.readable]
        return cls(image, page, lines, blocks_of(lines, image))

    def size(self, text: Text) -> float:
        """Return the size of a text's type: the height of the ink of its tallest word, else that of boxes."""
        heights = [ink_height(self.image, word.box) for word in text.words]
        return max((height for height in heights if height is not None), default=text.size)

    def text(self, words: str) -> Text | None:
        """Return the text that some words of a question mean: what they quote, else a role that they name."""
        for phrase in quoted(words):
            found = find_text(phrase, self.lines, self.blocks)
            if found is not None:
                return found
        role = role_of(words)
        return None if role is None or quoted(words) else self.role(role)

    def role(self, role: Role, place: Place | None = None) -> Text | None:
        """Return the text that has a role, the one nearest to ``place`` if that is given; None if none has it."""
        return find_role(role, self.page, self.lines, self.blocks, place=place, size=self.size)


def size_costs(asked: Asked, seen: Seen) -> Costs | None:
    """Cost of each option of a question about sizes of type: the height of the ink of its text."""
    smaller = wants_smaller(asked.stem)
    named = [seen.text(option) or find_text(option, seen.lines, seen.blocks) for option in asked.options]
    known = [None if text is None else seen.size(text) for text in named]
    sizes = [size for size in known if size is not None]
    if len(sizes) >= 2 and not _alike(named):
        least, most = min(sizes), max(sizes)
        wanted = least if smaller else most
        same = 0.5 if most > SAME * least else -1.0
        return [
            same if _says_same(option) else 2.0 if size is None else abs(float(np.log(size / wanted)))
            for option, size in zip(asked.options, known, strict=True)
        ]
    pair = _pair(asked, seen)
    if pair is None:
        return None
    ratio = float(np.log(seen.size(pair[0]) / seen.size(pair[1])))
    said = [_size_said(option) for option in asked.options]
    return [2.0 if one is None else _size_cost(one, ratio) for one in said]


def colour_costs(asked: Asked, seen: Seen) -> Costs | None:
    """Cost of each option of a question about the colour of a text: ΔE between its ink and the colours named.

    An option may name several, as "black and red": each word has the nearest of them, each of them the nearest word.
    """
    text = seen.text(asked.stem) or seen.role("title")
    if text is None:
        return None
    inks = [ink_of(seen.image, word.box) for word in text.words]
    colours = [ink.colour for ink in inks if ink is not None]
    if not colours:
        return None
    costs = []
    for option in asked.options:
        names = tuple(name for name in unquoted(option).replace(",", " and ").split(" and ") if name.strip(" .”"))
        table = np.array([colour_distances(colour, names) for colour in colours]) if names else np.full((1, 1), FAR)
        table = np.minimum(table, FAR)  # (words, names)
        costs.append(float(table.min(axis=1).mean() + table.min(axis=0).mean()) / 2)
    return costs


def place_costs(asked: Asked, seen: Seen) -> Costs | None:
    """Cost of each option of a question about where a text is: a part of the image, or a direction from a text."""
    text = seen.text(asked.stem)
    if text is None:
        return None
    costs = []
    for option in asked.options:
        direction, anchor = direction_of(option), seen.text(option)
        place = place_of(option)
        if direction is not None and anchor is not None and anchor is not text:
            costs.append(0.15 + 0.5 * (1 - direction_fit(text.box, anchor.box, direction)))
        elif place is not None:
            costs.append(place_cost(text.box, place, seen.page.width, seen.page.height))
        else:
            costs.append(POOR)
    return costs


def relation_costs(asked: Asked, seen: Seen) -> Costs | None:
    """Cost of each option of a question about two texts: where one is from the other, or which is next to it."""
    if about_size(asked.stem):
        return size_costs(asked, seen)
    if "color" in unquoted(asked.stem) or "colour" in unquoted(asked.stem):
        return None
    things = two_things(asked.stem)
    if things is not None:
        return _direction_costs(asked, seen, things)
    anchors = [(way, find_text(phrase, seen.lines, seen.blocks)) for way, phrase in directed_anchors(asked.stem)]
    known = [(way, text) for way, text in anchors if text is not None]
    if not known and (way := direction_of(asked.stem)) is not None:
        text = seen.text(asked.stem)
        known = [] if text is None else [(way, text)]
    if not known:
        return None
    named = [find_text((quoted(option) or (option,))[0], seen.lines, seen.blocks) for option in asked.options]
    left = [text for text in named if text is not None]
    costs = []
    for text in named:
        if text is None:
            costs.append(3.0)
        else:
            fit = min(direction_fit(text.box, anchor.box, way) for way, anchor in known)
            costs.append(1 - fit + (0.0 if text is nearest(left, known) else 0.3))
    return costs


def _direction_costs(asked: Asked, seen: Seen, things: tuple[str, str]) -> Costs | None:
    one, other = (seen.text(thing) for thing in things)
    costs, understood = [], False
    for option in asked.options:
        way = direction_of(option)
        subject, object_ = _subject_and_object(option, seen) or (one, other)
        if way is None or subject is None or object_ is None:
            costs.append(2.0)
            continue
        understood = True
        costs.append(1 - direction_fit(subject.box, object_.box, way))
    return costs if understood else None


def _subject_and_object(option: str, seen: Seen) -> tuple[Text, Text] | None:
    """Return the two texts of a sentence such as '"A" is below "B".' or "The author's name is above the title."."""
    parts = option.split(" is ", 1)
    if len(parts) < 2:
        return None
    subject, object_ = (seen.text(part) for part in parts)
    return None if subject is None or object_ is None else (subject, object_)


def _pair(asked: Asked, seen: Seen) -> tuple[Text, Text] | None:
    """Return the two texts whose sizes a question compares."""
    things = two_things(asked.stem)
    if things is not None:
        one, other = (seen.text(thing) for thing in things)
        return None if one is None or other is None else (one, other)
    found = [find_text(phrase, seen.lines, seen.blocks) for phrase in asked.quoted]
    known = [text for text in found if text is not None]
    return (known[0], known[1]) if len(known) >= 2 else None


def _alike(named: Sequence[Text | None]) -> bool:
    """Return whether all options name one and the same text, as "larger than A", "smaller than A" do."""
    return len({text.box for text in named if text is not None}) < 2


def _says_same(option: str) -> bool:
    plain = unquoted(option)
    return "same" in plain or "equal" in plain


def _size_said(option: str) -> int | None:
    plain = unquoted(option)
    return (
        0 if _says_same(option) else 1 if "larger" in plain or "bigger" in plain else -1 if "small" in plain else None
    )


def _size_cost(said: int, ratio: float) -> float:
    near = float(np.log(SAME))
    return abs(ratio) - near if said == 0 else near - said * ratio
