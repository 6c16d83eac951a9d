"""Any images, with the words that each should show, scored as MARIO-Eval, AnyText and GlyphControl do, and corrected.

    asked = read_asked(Path("prompts.txt"))
    pairs = images_in(Path("images"), asked)
    evaluation = evaluate(pairs, load_engine("ppocr6"), enlarge=1)
    evaluation.described()

Legend:  N images
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from tenfold.artist.asked import Shown
from tenfold.artist.readings import (
    Reader,
    edit_similarity,
    letter_accuracy,
    read_in_boxes,
    read_lines,
    reading_table,
    word_accuracy,
)
from tenfold.ocr.engine import Engine
from tenfold.text.line_scores import (
    PhraseScores,
    corrected_phrase_scores,
    official_phrase_scores,
)
from tenfold.text.word_scores import WordScores, corrected_word_table, mean_word_scores, official_word_table

Progress = Callable[[int, int], None]


class NothingToEvaluate(ValueError):
    """There are no images, or none of them is asked to show anything."""


@dataclass(frozen=True)
class Evaluation:
    """What was read on N images, and the scores.

    ``official`` are MARIO-Eval's, by lines as the engine returns them; ``official_split`` by the same rules with lines
    split into words; ``corrected`` by `tenfold.text.word_scores.corrected_word_scores`. ``tables`` holds accuracy,
    precision and recall of each image under each of these names. ``boxes`` has sums of what was read in known boxes
    (`tenfold.artist.readings.COLUMNS`), where layouts are known. ``blank`` counts images on which nothing was read
    although words were wanted; they count with 0 everywhere.
    """

    shown: tuple[Shown, ...]
    lines: tuple[tuple[str, ...], ...]
    reader: Reader
    tables: dict[str, Float64[np.ndarray, "N 3"]]
    phrases: PhraseScores
    phrases_corrected: PhraseScores
    boxes: Float64[np.ndarray, "N 7"] | None
    box_reader: Reader | None
    blank: int

    @property
    def prompts(self) -> np.ndarray:
        """The number of each image's prompt: images of one prompt are resampled together."""
        return np.array([one.number for one in self.shown], dtype=np.int64)

    def scores(self, name: str = "corrected") -> WordScores:
        """Return the means under one name: official, official_split, corrected."""
        return mean_word_scores(self.tables[name])

    def described(self) -> dict[str, Any]:
        """Return the scores as JSON holds them, with the engine and how it read; None for what is no number."""
        words = {name: asdict(self.scores(name)) | {"f": self.scores(name).f_measure} for name in self.tables}
        found: dict[str, Any] = {
            "images": len(self.shown),
            "blank": self.blank,
            "reader": asdict(self.reader),
            "mario_eval": words,
            "glyph_control": {"official": asdict(self.phrases), "corrected": asdict(self.phrases_corrected)},
        }
        if self.boxes is not None and self.box_reader is not None:
            sums = self.boxes.sum(axis=0)
            found["boxes"] = {
                "reader": asdict(self.box_reader),
                "word_accuracy": float(word_accuracy(sums)),
                "letter_accuracy": float(letter_accuracy(sums)),
                "ned": float(edit_similarity(sums)),
            }
        return _with_none(found)


def evaluate(
    shown: Sequence[Shown],
    engine: Engine,
    *,
    enlarge: int = 1,
    border: int = 0,
    watermark: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Return the scores of images by what ``engine`` reads on them, made ``enlarge`` times as large.

    ``border`` is that of `tenfold.artist.readings.read_lines`, which tiny canvases need.
    ``watermark`` blackens that many pixels at the lower right, as MARIO-Eval does with 64 of 512 for DeepFloyd. Where
    every image has a layout, what stands in each box is read as well, enlarged as elsewhere (`ENLARGED`): recognition
    brings a crop to its own height. ``progress`` hears after each image how many were read, of how many. Raises
    NothingToEvaluate without images or words.
    """
    if not any(one.asked.words for one in shown):
        raise NothingToEvaluate(f"{len(shown)} image(s), and none is asked to show a word: bring images and prompts")
    images = [without_watermark(one.image, watermark) for one in shown]
    lines = []
    for image in images:
        lines += read_lines([image], engine, enlarge=enlarge, border=border)
        if progress is not None:
            progress(len(lines), len(images))
    targets = [list(one.asked.words) for one in shown]
    words = [[word for line in read for word in line.split()] for read in lines]
    tables = {
        "official": official_word_table([list(one.asked.official) for one in shown], lines),
        "official_split": official_word_table([list(one.asked.official) for one in shown], words),
        "corrected": corrected_word_table(targets, lines),
    }
    phrases = [" ".join(target) for target in targets]
    boxes = None
    layouts = [one.asked.layout for one in shown if one.asked.layout is not None]
    if len(layouts) == len(shown):
        came = read_in_boxes(images, layouts, engine)
        boxes = reading_table([layout.texts for layout in layouts], came)
    return Evaluation(
        tuple(shown),
        tuple(map(tuple, lines)),
        Reader.canvases(engine, enlarge, border),
        tables,
        official_phrase_scores(phrases, lines),
        corrected_phrase_scores(phrases, lines),
        boxes,
        None if boxes is None else Reader.crops(engine),
        sum(bool(target) and not any(read) for target, read in zip(targets, lines, strict=True)),
    )


def _with_none(value: Any) -> Any:
    """Return what JSON can hold: None in place of numbers that are not finite, at any depth."""
    if isinstance(value, dict):
        return {name: _with_none(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def without_watermark(image: np.ndarray, side: int) -> np.ndarray:
    """Return an image with ``side`` × ``side`` pixels at its lower right in black."""
    if not side:
        return image
    covered = image.copy()
    covered[-side:, -side:] = 0
    return covered
