"""What an OCR engine reads on images: in the boxes where words are wanted, and on the whole canvas.

Legend:  N images · H, W height and width
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, UInt8

from tenfold.artist.layouts import InvalidLayout, Layout
from tenfold.ocr.crops import word_crops
from tenfold.ocr.engine import Engine
from tenfold.ocr.reading import read, read_crops
from tenfold.text.edit_distance import edit_distances, normalised_edit_similarity

Images = UInt8[np.ndarray, "N H W *C"]
ENLARGED = 4  # times, before an engine reads a small canvas
COLUMNS = ("words", "exact", "letters", "letters_right", "similarity", "images", "blank")


@dataclass(frozen=True)
class Reader:
    """An engine and how it was used: what scores may be compared by."""

    engine: str
    version: str
    how: str

    @classmethod
    def crops(cls, engine: Engine, enlarge: int = ENLARGED) -> Reader:
        """Return the reader of known boxes: recognition alone."""
        return cls(engine.name, engine.version, f"recognition in known boxes, enlarged {enlarge} times")

    @classmethod
    def canvases(cls, engine: Engine, enlarge: int, border: int) -> Reader:
        """Return the reader of whole canvases: detection and recognition."""
        how = f"detection and recognition, {border} pixels added around, enlarged {enlarge} times"
        return cls(engine.name, engine.version, how)


def read_in_boxes(
    images: Sequence[np.ndarray] | np.ndarray, layouts: Sequence[Layout], engine: Engine, *, enlarge: int = ENLARGED
) -> list[list[str]]:
    """Return what ``engine`` reads in each box of each image, "" for nothing. It is given pixels, and no word.

    Raises InvalidLayout if numbers or sizes differ.
    """
    if len(images) != len(layouts):
        raise InvalidLayout(f"{len(images)} images and {len(layouts)} layouts: one each is needed")
    rows = []
    for image, layout in zip(images, layouts, strict=True):
        if image.shape[:2] != (layout.height, layout.width):
            raise InvalidLayout(f"an image of {image.shape[1]}×{image.shape[0]} and a layout of another size: {layout}")
        rows.append([text for text, _ in read_crops(word_crops(image, layout.boxes), engine, enlarge=enlarge)])
    return rows


def read_lines(images: Sequence[np.ndarray], engine: Engine, *, enlarge: int = 1, border: int = 0) -> list[list[str]]:
    """Return the lines that ``engine`` finds on each whole image: what MARIO-Eval's scores take.

    ``border`` repeats the image's edge that many pixels outwards before it is enlarged: detectors bring small images to
    a size of their own, at which a word that fills its image is too large to be found.
    """
    widths = ((border, border), (border, border), (0, 0))
    framed = [np.pad(image, widths[: image.ndim], mode="edge") if border else image for image in images]
    return [[line.text for line in page.lines] for page in read(framed, engine, enlarge=enlarge)]


def reading_table(wanted: Sequence[Sequence[str]], came: Sequence[Sequence[str]]) -> Float64[np.ndarray, "N 7"]:
    """Return a row of sums for each image, in the order of ``COLUMNS``: what `clustered_estimate` resamples.

    ``came[n][k]`` is what was read in the box of ``wanted[n][k]``; case does not count, all else does. Of a word's
    letters those are right that its edit distance leaves, at least 0. ``similarity`` is the sum over words of
    1 − distance / (longer length + 1e-5). A ``blank`` image is one on which nothing was read although words were
    wanted: it counts, with 0 in all. Raises InvalidLayout if the numbers of words differ.
    """
    rows = np.zeros((len(wanted), len(COLUMNS)))
    for number, (targets, texts) in enumerate(zip(wanted, came, strict=True)):
        if len(targets) != len(texts):
            raise InvalidLayout(f"image {number}: {len(targets)} words are wanted, {len(texts)} boxes were read")
        one = [target.casefold() for target in targets]
        other = [text.strip().casefold() for text in texts]
        distances = edit_distances(one, other)
        lengths = np.array([len(target) for target in one], dtype=np.int64)
        similarity = normalised_edit_similarity(one, other).sum() if one else 0.0
        blank = bool(one) and not any(other)
        right = np.maximum(0, lengths - distances).sum()
        rows[number] = (len(one), (distances == 0).sum(), lengths.sum(), right, similarity, 1, blank)
    return rows


def word_accuracy(sums: np.ndarray) -> np.ndarray:
    """Return the share of words that are read exactly, from sums (…, 7); NaN without words."""
    return _ratio(sums, "exact", "words")


def letter_accuracy(sums: np.ndarray) -> np.ndarray:
    """Return the share of letters that are right, from sums (…, 7); NaN without letters."""
    return _ratio(sums, "letters_right", "letters")


def edit_similarity(sums: np.ndarray) -> np.ndarray:
    """Return the mean normalised edit similarity of words (AnyText's NED), from sums (…, 7); NaN without words."""
    return _ratio(sums, "similarity", "words")


def _ratio(sums: np.ndarray, above: str, below: str) -> np.ndarray:
    over, under = np.asarray(sums)[..., COLUMNS.index(above)], np.asarray(sums)[..., COLUMNS.index(below)]
    return np.divide(over, under, out=np.full(np.shape(over), np.nan), where=under > 0)
