"""What a reader could score at best: how well it reads drawings whose words are known.

A generator of text cannot be measured beyond its reader's ceiling; print the ceiling beside each score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tenfold.ocr.crops import word_crops
from tenfold.ocr.descriptions import described
from tenfold.ocr.engine import Engine
from tenfold.ocr.errors import InvalidPages
from tenfold.ocr.reading import read, read_crops
from tenfold.ocr.word_recall import Recall, recall
from tenfold.rendering.drawing import Drawing
from tenfold.text.edit_distance import edit_distances


@dataclass(frozen=True)
class CropCeiling:
    """Counts over words, each read in its known box: words, those read exactly, letters, edits that are needed."""

    engine: str
    words: int
    exact: int
    letters: int
    edits: int

    @property
    def exact_share(self) -> float:
        """The share of words that are read letter by letter, case included."""
        return self.exact / self.words

    @property
    def letter_accuracy(self) -> float:
        """One less the edits per letter, at least 0."""
        return max(0.0, 1 - self.edits / self.letters)


def crop_ceiling(drawings: Sequence[Drawing], engine: Engine, *, enlarge: int = 4) -> CropCeiling:
    """Return how well ``engine`` reads each word in the box where it is known to stand, without detection.

    Small type wants ``enlarge``. Raises InvalidPages if the drawings hold no words.
    """
    wanted, came = [], []
    for drawing in drawings:
        crops = word_crops(drawing.image, (word.box for word in drawing.words))
        came += [text for text, _ in read_crops(crops, engine, enlarge=enlarge)]
        wanted += [word.text for word in drawing.words]
    if not wanted:
        raise InvalidPages("the drawings hold no words, so that there is no ceiling")
    edits = edit_distances(wanted, came)
    return CropCeiling(engine.version, len(wanted), int((edits == 0).sum()), sum(map(len, wanted)), int(edits.sum()))


def page_ceiling(drawings: Sequence[Drawing], engine: Engine, *, enlarge: int = 1) -> Recall:
    """Return how many words ``engine`` finds and reads on whole drawings. Raises InvalidPages if they hold none."""
    pages = read([drawing.image for drawing in drawings], engine, enlarge=enlarge)
    return recall([described(drawing) for drawing in drawings], pages)
