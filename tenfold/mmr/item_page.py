"""Items with the replies of models as one HTML page: image, boxes, how each reply was read, and why it scored so.

The official reading and the mended one stand side by side for each model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import open_image
from tenfold.mmr.errors import InvalidPredictions
from tenfold.mmr.item_boxes import boxes_of
from tenfold.mmr.items import IMAGES, Item, ItemSet
from tenfold.mmr.option_lines import split_options
from tenfold.mmr.predictions import Prediction, in_order
from tenfold.mmr.readings import Reading, as_text, readings_of
from tenfold.mmr.scores import MENDED, Scorer
from tenfold.mmr.tasks import CHOICE, GROUNDING
from tenfold.viewing.errors import PageTooLarge
from tenfold.viewing.page import write_page
from tenfold.viewing.sample import Message, Option, Sample, SampleImage, Tone, Verdict
from tenfold.viewing.selection import evenly

MOST = 150  # items on a page
MOST_BYTES = 20_000_000  # of a page
LARGEST_SIDE = 640  # pixels of an image
MOST_IMAGE_BYTES = 100_000
LEAST_IMAGE_BYTES = 12_000  # below this, fewer items are shown, not worse images
SYMBOLS = {number: 0x2400 + number for number in range(32) if chr(number) not in "\t\n\r"} | {127: 0x2421}  # ␀, ␛ …
LONGEST = 3000  # characters of a reply
RIGHT, PARTLY, WRONG, NO_ANSWER = "right", "half right", "wrong", "no answer"
TONES: dict[str, Tone] = {RIGHT: "good", PARTLY: "notice", WRONG: "bad", NO_ANSWER: "bad"}
FORMS = {"grounding_o": "box, shares of the sides", "grounding_t": "text and box, shares of the sides"}
SAME, OTHER = "official = mended", "official ≠ mended"
READING = (
    "Each reply is read twice: as the released scorer does, bug for bug, and by the mended one. Filters by model and "
    "the word beside an item are about the official points."
)
COLOURS = (
    "Boxes: blue the reference, green a model's box that scores, red one that does not, grey one that only the mended "
    "reading finds; beside them the intersection over union with the reference (IoU)."
)


@dataclass(frozen=True)
class _Row:
    """An item with what each model's reply to it is worth."""

    item: Item
    read: Mapping[str, Reading]
    path: Path | None  # of the image

    @cached_property
    def image(self) -> bytes | str:
        """The image's file, or why there is none to show, "" where none is here."""
        if self.path is None or not self.path.is_file():
            return ""
        data = self.path.read_bytes()
        try:
            open_image(data, name=self.item.file)
        except InvalidImages as error:
            return str(error)
        return data

    @property
    def differs(self) -> bool:
        return any(one.official.points != one.mended.points for one in self.read.values())

    @property
    def kind(self) -> tuple[str, ...]:
        """What the item is, for an even selection."""
        words = (word_of(one) for one in self.read.values())
        return (self.item.task, self.item.band, self.item.layout, str(self.differs), *words)


def write_item_page(
    items: ItemSet,
    predictions: Mapping[str, Sequence[Prediction]],
    path: Path,
    *,
    title: str = "Items of the reading benchmark",
    most: int = MOST,
    notes: Sequence[str] = (),
    most_bytes: int = MOST_BYTES,
    mended: Scorer = MENDED,
) -> None:
    """Write items as one HTML page; ``predictions`` are those of each model, by the model's name, and may be none.

    Of more than ``most`` items as many are shown, evenly over tasks, bands, layouts, and what replies are worth; images
    are reduced so that the page stays below ``most_bytes``, and items are left out where that does not do. The page
    says which were chosen. An item without an image here, or with one that cannot be read, is shown without one.
    ``mended`` is the scorer that stands beside the official one. Nothing is fetched.
    Raises InvalidPredictions for predictions that are not those of the items or a model without a name, and
    PageTooLarge if not even one item fits.
    """
    rows = _rows(items, predictions, mended)
    count = min(most, len(rows), max(1, int(most_bytes * 0.7 / LEAST_IMAGE_BYTES)))
    while True:
        places = evenly([row.kind for row in rows], count)
        shown = [rows[place] for place in places]
        samples = [_sample(row) for row in shown]
        written = [*notes, *_notes(len(rows), count, min(most, len(rows)), samples, bool(predictions))]
        images = sum(bool(sample.images) for sample in samples)
        room = int(most_bytes * 0.7 * 3 / 4 / max(images, 1))  # base64 takes four bytes for three
        try:
            write_page(
                samples,
                path,
                title=_shown(title),
                notes=[_shown(note) for note in written],
                largest_side=LARGEST_SIDE,
                most_image_bytes=min(MOST_IMAGE_BYTES, room),
                most_bytes=most_bytes,
            )
            return
        except PageTooLarge:
            if count <= 1:
                raise
            count //= 2


def _rows(items: ItemSet, predictions: Mapping[str, Sequence[Prediction]], mended: Scorer) -> list[_Row]:
    for name in predictions:
        if not name.strip():
            raise InvalidPredictions("a model has a name; the predictions of one have none")
    read = {name: readings_of(items, in_order(items, given), mended) for name, given in predictions.items()}
    folder = items.folder
    paths = [None if folder is None or not item.file else folder / IMAGES / item.file for item in items.rows]
    return [
        _Row(item, {name: own[place] for name, own in read.items()}, paths[place])
        for place, item in enumerate(items.rows)
    ]


def _notes(every: int, count: int, wanted: int, samples: Sequence[Sample], models: bool) -> Iterator[str]:
    if count < every:
        over = "tasks, difficulty bands and layouts" + (", and over what the replies are worth" if models else "")
        yield f"{count:,} of {every:,} items, a fixed choice, even over {over}."
    if count < wanted:
        yield "More of them would make the page too large."
    bare = sum(not sample.images for sample in samples)
    if bare:
        yield "Their images are not here." if bare == len(samples) else f"{bare:,} of them have no image here."
    if models:
        yield READING
    if any(image.boxes for sample in samples for image in sample.images):
        yield COLOURS


def word_of(reading: Reading) -> str:
    """Return in a word what a reply is worth by the official scorer."""
    got, possible = sum(reading.official.points), reading.official.possible
    if reading.prediction.answer is None:
        return NO_ANSWER
    return RIGHT if got >= possible else PARTLY if got > 0 else WRONG


def _sample(row: _Row) -> Sample:
    item = row.item
    stem, options = split_options(item.question) if item.task in CHOICE else (item.question, ())
    facets = {"task": item.task, "band": item.band, "layout": item.layout}
    if row.read:
        facets["readings"] = OTHER if row.differs else SAME
    if len(row.read) > 1:
        facets |= {f"model {name}": f"{name}: {word_of(one)}" for name, one in row.read.items()}
    images = tuple(_images(row))
    first = next((line for line in stem.splitlines() if line.strip()), item.key)
    return Sample(
        title=_shown(f"{first.removeprefix('Question:').strip()} · {item.key}"),
        facets={_shown(name): _shown(value) for name, value in facets.items()},
        question=_shown(stem),
        images=images,
        options=tuple(_options(row, options)),
        messages=(
            *_absence(row),
            _reference(item),
            *(message for one in row.read.items() for message in _messages(*one)),
        ),
        verdict=_verdict(row) if row.read else None,
    )


def _shown(text: str) -> str:
    return text.translate(SYMBOLS)


def _images(row: _Row) -> Iterator[SampleImage]:
    item, data = row.item, row.image
    if isinstance(data, str):
        return
    boxes = tuple(boxes_of(item, row.read, data))
    named = [f"{number}: {name}" for number, name in enumerate(row.read, 1)] if boxes and len(row.read) > 1 else []
    yield SampleImage(data, _shown("; ".join([item.image, *named])), boxes)


def _options(row: _Row, options: Sequence[str]) -> Iterator[Option]:
    for number, text in enumerate(options, 1):
        right = row.item.answer.strip() == str(number)
        marks = ["right"] if right else []
        for name, one in row.read.items():
            chosen = [said for said, how in (("official", one.official), ("mended", one.mended)) if how.chose(number)]
            if chosen:
                marks.append(name if len(chosen) == 2 else f"{name}, {chosen[0]} reading")
        yield Option(
            _shown(f"{number}. {text}"), tuple(map(_shown, marks)), "good" if right else "bad" if marks else "neutral"
        )


def _absence(row: _Row) -> Iterator[Message]:
    """Yield why an image is not shown, and where one that is not here was published."""
    if isinstance(row.image, str) and row.image:
        yield Message("of no use", _shown(row.image), heading="Image")
    elif not row.image and row.item.url:
        yield Message("not here; published at", _shown(row.item.url), heading="Image")


def _reference(item: Item) -> Message:
    also = f"also right: {'; '.join(item.also)}" if item.also else ""
    kind = FORMS.get(item.task, "option" if item.task in CHOICE else "text")
    return Message(kind, _shown(item.answer), heading="Reference", tag=_shown(also))


def _messages(name: str, reading: Reading) -> Iterator[Message]:
    """Yield a model's reply, its official reading and the mended one, which stand side by side."""
    prediction = reading.prediction
    status = "" if prediction.status == "answered" else ": ".join(filter(None, [prediction.status, prediction.why]))
    reply = "(none came)" if prediction.reply is None else prediction.reply
    if len(reply) > LONGEST:
        reply = f"{reply[:LONGEST]}… ({len(reply) - LONGEST:,} more characters)"
    yield Message("Reply", _shown(reply), heading=_shown(name), tag=_shown(status))
    for title, how in (("Official reading", reading.official), ("Mended reading", reading.mended)):
        got = float(np.sum(how.points))
        tone: Tone = "good" if got >= how.possible else "notice" if got > 0 else "bad"
        boxed = how.task in GROUNDING and how.parsed is not None  # of others the reason says what was read
        read = f"Read as {as_text(how.parsed)}\n" if boxed else ""
        reason = f"{how.reason[:1].upper()}{how.reason[1:]}."
        yield Message(title, _shown(f"{read}{reason}"), heading=_shown(name), change=how.worth, tone=tone)


def _verdict(row: _Row) -> Verdict:
    words = [word_of(one) for one in row.read.values()]
    if len(set(words)) == 1:
        word = words[0] if len(words) == 1 or words[0] in (PARTLY, NO_ANSWER) else f"all {words[0]}"
        return Verdict(word, tone=TONES[words[0]])
    right = words.count(RIGHT)
    return Verdict("some right" if right else "none right", tone="notice" if right or PARTLY in words else "bad")
