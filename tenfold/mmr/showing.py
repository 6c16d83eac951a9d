"""How items are shown to a model (image size, JPEG, padding, order of options), and what that makes of their answers.

A model that sees a padded image answers with boxes in that image, and one that sees other option numbers with those.
Replies are therefore scored against the items as they were shown, ``Showing.items``: overlap is the same in both
frames. ``Frame.original_box`` and ``original_choice`` take an answer back to the original, for people to look at.

Legend:  H, W height and width in pixels
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from tenfold.mmr.errors import InvalidItem, InvalidModel
from tenfold.mmr.items import Item, ItemSet
from tenfold.mmr.queries import Query
from tenfold.mmr.tasks import CHOICE, GROUNDING

if TYPE_CHECKING:
    from tenfold.mmr.prompts import Style

OPTIONS = 4
OPTION = re.compile(r"^([1-4])\. (.*)$")
GREY = 127  # of the bars that pad an image
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Frame:
    """Where an image lies in the square that it was padded to, as shares of the square's side."""

    left: float
    top: float
    right: float
    bottom: float

    def original_box(self, box: Sequence[float]) -> Box:
        """Return a box of the square, in shares of its side, as shares of the original image; nothing is clipped."""
        wide, high = self.right - self.left, self.bottom - self.top
        x0, y0, x1, y1 = box
        return (x0 - self.left) / wide, (y0 - self.top) / high, (x1 - self.left) / wide, (y1 - self.top) / high

    def shown_box(self, box: Sequence[float]) -> Box:
        """Return a box of the original image as shares of the square's side."""
        wide, high = self.right - self.left, self.bottom - self.top
        x0, y0, x1, y1 = box
        return self.left + x0 * wide, self.top + y0 * high, self.left + x1 * wide, self.top + y1 * high


def frame_of(width: int, height: int) -> Frame:
    """Return where an image of a size in pixels lies in its square, in the middle up to half a pixel."""
    side = max(width, height)
    left, top = (side - width) // 2, (side - height) // 2
    return Frame(left / side, top / side, (left + width) / side, (top + height) / side)


def letterboxed(image: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "S S 3"]:
    """Return an image padded with grey to a square of its longer side."""
    height, width = image.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), GREY, dtype=np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = image
    return square


def original_choice(choice: int, rotation: int) -> int:
    """Return which option of the item a number from 1 to 4 names where options were moved up by ``rotation`` lines."""
    return (choice - 1 + rotation) % OPTIONS + 1


def rotated(item: Item, rotation: int) -> Item:
    """Return a choice item with its options moved up by ``rotation`` lines, the first ones to the end.

    Raises InvalidItem unless the question holds four lines "1. …" to "4. …" and the answer is the number of one.
    """
    lines = item.question.split("\n")
    found = {int(match[1]): place for place, line in enumerate(lines) if (match := OPTION.match(line))}
    count = sum(OPTION.match(line) is not None for line in lines)
    if set(found) != set(range(1, OPTIONS + 1)) or count != OPTIONS:
        raise InvalidItem(f"{item.key}: its options cannot be moved; it needs four lines '1. …' to '4. …'")
    if item.answer not in {"1", "2", "3", "4"}:
        raise InvalidItem(f"{item.key}: the answer {item.answer!r} is no number of an option")
    texts = {number: lines[place].partition(". ")[2] for number, place in found.items()}
    for number, place in found.items():
        lines[place] = f"{number}. {texts[original_choice(number, rotation)]}"
    answer = (int(item.answer) - 1 - rotation) % OPTIONS + 1
    return replace(item, question="\n".join(lines), answer=str(answer))


@dataclass(frozen=True)
class Showing:
    """How items are shown; see ``queries_of``.

    Raises InvalidModel for a side below 16 pixels, a JPEG quality outside 1 to 100, a rotation outside 0 to 3, or what
    only images have where there are none.
    """

    side: int | None = None
    jpeg: int | None = None
    rotation: int = 0
    letterbox: bool = False
    images: bool = True

    def __post_init__(self) -> None:
        for name, low, high in (("side", 16, 16384), ("jpeg", 1, 100), ("rotation", 0, OPTIONS - 1)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not low <= value <= high or value != int(value)):
                raise InvalidModel(f"{name} = {value!r}: must be a whole number from {low} to {high}")
        if not self.images and (self.side is not None or self.jpeg is not None or self.letterbox):
            raise InvalidModel("side, jpeg and letterbox are of no use without images")

    @property
    def as_published(self) -> bool:
        """Whether items are shown as the released code shows them, once encoded as JPEG or not."""
        return replace(self, jpeg=None) == Showing()

    def items(self, items: ItemSet) -> ItemSet:
        """Return the items as they are shown: what replies are scored against.

        Options are where they were shown; boxes, widths and heights are those of the image as it was shown.
        Raises InvalidItem for a choice item whose options cannot be moved, MissingImage where a size is needed that
        neither the item nor its image tells.
        """
        if self == Showing(jpeg=self.jpeg, images=self.images):
            return items
        return ItemSet(items.name, tuple(self._shown(items, item) for item in items.rows), items.folder)

    def queries(self, items: ItemSet, style: Style = "official") -> Iterator[Query]:
        """Yield the query of each item, in order. Raises what ``queries_of`` raises."""
        from tenfold.mmr.prompts import prompt_of, system_of

        for item in items.rows:
            question = rotated(item, self.rotation).question if self.rotation and item.task in CHOICE else item.question
            prompt, system = prompt_of(item.task, question, style), system_of(item.task, style)
            if not self.images:
                yield Query(item.key, item.task, question, prompt, system)
                continue
            original, image = self._images(items, item)
            height, width = original.shape[:2]
            yield Query(item.key, item.task, question, prompt, system, image, width, height)

    def _images(self, items: ItemSet, item: Item) -> tuple[UInt8[np.ndarray, "H W 3"], UInt8[np.ndarray, "h w 3"]]:
        """Return an item's image as it is and as it is shown."""
        from tenfold.mmr.images import load_image, resized

        original = load_image(items.image_path(item))
        image = letterboxed(original) if self.letterbox else original
        image = image if self.side is None else resized(image, self.side)
        return original, image if self.jpeg is None else through_jpeg(image, self.jpeg)

    def _shown(self, items: ItemSet, item: Item) -> Item:
        if self.rotation and item.task in CHOICE:
            item = rotated(item, self.rotation)
        if not self.letterbox and self.side is None:
            return item
        width, height = _size(items, item)
        if self.letterbox and item.task in GROUNDING:
            frame = frame_of(width, height)
            also = tuple(_moved(item.key, one, frame) for one in item.also)
            item = replace(item, answer=_moved(item.key, item.answer, frame), also=also)
        if self.letterbox:
            width = height = max(width, height)
        if self.side is not None:
            scale = min(1.0, self.side / max(width, height))
            width, height = max(1, round(width * scale)), max(1, round(height * scale))
        return replace(item, width=width, height=height)


def through_jpeg(image: UInt8[np.ndarray, "H W 3"], quality: int) -> UInt8[np.ndarray, "H W 3"]:
    """Return what is left of an image after it was encoded as JPEG at a quality from 1 to 100."""
    from tenfold.mmr.images import encoded, load_image

    return load_image(encoded(image, quality), name="an image encoded as JPEG")


def _size(items: ItemSet, item: Item) -> tuple[int, int]:
    """Return an item's width and height in pixels, from its image where the item does not tell."""
    if item.width > 0 and item.height > 0:
        return item.width, item.height
    from tenfold.mmr.images import load_image

    height, width = load_image(items.image_path(item)).shape[:2]
    return width, height


def _moved(key: str, answer: str, frame: Frame) -> str:
    """Return the answer of a grounding item with its box in a padded image."""
    try:
        parts: Any = json.loads(answer)
        if isinstance(parts[0], str):
            return json.dumps([parts[0], list(frame.shown_box(parts[1]))], ensure_ascii=False)
        return json.dumps(list(frame.shown_box(parts)))
    except (ValueError, TypeError, LookupError):
        raise InvalidItem(f"{key}: the reference {answer!r} has no box that could be moved into the padding") from None
