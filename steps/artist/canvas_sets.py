"""What ``prepare`` wrote, as every later step reads it: text images, visual sets, prompts, backgrounds, ceilings.

Legend:  N canvases · K most words of one · H, W height and width
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8

from steps.step.json_files import read_json
from tenfold.artist.canvases import Canvases
from tenfold.artist.layouts import InvalidLayout, Layout, PlacedWord
from tenfold.npz_files import opened

Stage = Literal["grey", "colour"]
Pixels = UInt8[np.ndarray, "H W 3"]
TEXT, VISUAL, TEST, BACKGROUNDS = "text", "visual", "test", "backgrounds"
WORDS, FONTS, CEILING, PROMPTS, ABOUT = "words.json", "fonts.json", "ceiling.json", "prompts.jsonl", "about.json"
TEXT_PARTS = ("words", "sentences", "validation_words", "validation_sentences")


@dataclass(frozen=True)
class GlyphSet:
    """Words in white on black, and the layout of each."""

    glyphs: UInt8[np.ndarray, "N H W"]
    layouts: tuple[Layout, ...]

    def __len__(self) -> int:
        return len(self.glyphs)

    def save(self, path: Path) -> None:
        """Write images, words (N, K), "" for none, and boxes (N, K, 4) to ``path``."""
        most = max(len(layout.words) for layout in self.layouts)
        words = [[*layout.texts, *[""] * (most - len(layout.words))] for layout in self.layouts]
        boxes = [[*layout.boxes, *[(0, 0, 0, 0)] * (most - len(layout.words))] for layout in self.layouts]
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, glyphs=self.glyphs, words=np.array(words), boxes=np.array(boxes, np.int16))

    @classmethod
    def load(cls, path: Path) -> GlyphSet:
        """Return what ``save`` wrote. Raises InvalidLayout if the file is damaged."""
        with opened(path, InvalidLayout, "text images") as archive:
            glyphs, words, boxes = archive["glyphs"], archive["words"], archive["boxes"]
        height, width = glyphs.shape[1:]
        layouts = []
        for texts, places in zip(words.tolist(), boxes.tolist(), strict=True):
            placed = (PlacedWord(str(text), tuple(box)) for text, box in zip(texts, places, strict=True) if text)
            layouts.append(Layout(width, height, tuple(placed)))
        return cls(glyphs, tuple(layouts))


@dataclass(frozen=True)
class PromptRow:
    """A prompt of the test: what stands in quotes or not, its words and where they are to stand, in pixels.

    ``quotes`` are "single", "double", "curly" or "none". ``font`` is the face whose proportions the boxes have;
    ``seen`` says whether training has seen its design. The real composite of the same words stands under the same
    number in the test set of the first stage.
    """

    number: int
    prompt: str
    quotes: str
    keywords: tuple[str, ...]
    boxes: tuple[tuple[int, int, int, int], ...]
    width: int
    height: int
    font: str
    seen: bool

    @property
    def quoted(self) -> bool:
        """Whether the words stand in quotes."""
        return self.quotes != "none"

    @property
    def layout(self) -> Layout:
        """The words in their boxes."""
        pairs = zip(self.keywords, self.boxes, strict=True)
        return Layout(self.width, self.height, tuple(PlacedWord(word, box) for word, box in pairs))

    def row(self) -> dict[str, Any]:
        """Return what JSON holds; ``quoted`` beside the fields."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"quoted": self.quoted}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> PromptRow:
        """Return what ``row`` gave."""
        known = {field.name: row[field.name] for field in fields(cls)}
        boxes = tuple((box[0], box[1], box[2], box[3]) for box in row["boxes"])
        return cls(**known | {"keywords": tuple(row["keywords"]), "boxes": boxes})


def write_prompts(prompts: Sequence[PromptRow], out: Path) -> None:
    """Write prompts.jsonl, a prompt per line."""
    lines = (json.dumps(prompt.row(), ensure_ascii=False) for prompt in prompts)
    (out / PROMPTS).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def prompt_rows(prepared: Path) -> list[PromptRow]:
    """Return the prompts of the test in the order of their numbers, from 0."""
    lines = (prepared / PROMPTS).read_text(encoding="utf-8").splitlines()
    return [PromptRow.from_row(json.loads(line)) for line in lines]


def text_set(prepared: Path, name: str) -> GlyphSet:
    """Return text images: words, sentences, validation_words, validation_sentences. Raises InvalidLayout."""
    return GlyphSet.load(prepared / TEXT / f"{name}.npz")


def visual_set(prepared: Path, stage: str, part: Literal["train", "validation"]) -> Canvases:
    """Return composites of a stage; the first n of the training part are the visual set of size n."""
    return Canvases.load(prepared / VISUAL / stage / part)


def real_composites(prepared: Path, stage: str) -> Canvases:
    """Return composites of the test's words: what the reader's ceiling and the backgrounds' distance are taken on.

    Canvas n of the first stage has the words, boxes and caption of prompt n.
    """
    return Canvases.load(prepared / TEST / stage)


def stages_of(prepared: Path) -> list[str]:
    """Return the stages that canvases were made for, the one of the prompts first."""
    found: list[str] = read_json(prepared / ABOUT)["stages"]
    return found


def backgrounds(prepared: Path, part: Literal["train", "test"]) -> tuple[Pixels, ...]:
    """Return the photographs that canvases of a part were made on."""
    from tenfold.imaging.files import open_image

    files = sorted((prepared / BACKGROUNDS / part).glob("*.png"))
    return tuple(np.asarray(open_image(file, "RGB")) for file in files)


def joined(parts: Sequence[Canvases]) -> Canvases:
    """Return canvases of one size, part after part."""
    return Canvases(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.glyphs for part in parts]),
        tuple(layout for part in parts for layout in part.layouts),
        tuple(font for part in parts for font in part.fonts),
        tuple(caption for part in parts for caption in part.captions),
        tuple(photograph for part in parts for photograph in part.photographs),
    )


def chosen(canvases: Canvases, numbers: Sequence[int]) -> Canvases:
    """Return some canvases, in the order of ``numbers``."""
    places = list(numbers)
    return Canvases(
        canvases.images[places],
        canvases.glyphs[places],
        tuple(canvases.layouts[place] for place in places),
        tuple(canvases.fonts[place] for place in places),
        tuple(canvases.captions[place] for place in places),
        tuple(canvases.photographs[place] for place in places),
    )


def ceilings(prepared: Path) -> list[dict[str, Any]]:
    """Return the reader's ceilings: stage, engine, version, mode, images, words, letters, wrong_words."""
    found: list[dict[str, Any]] = read_json(prepared / CEILING)
    return found
