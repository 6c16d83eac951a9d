"""What canvases are made of, in parts that share nothing: words, designs of fonts, photographs.

Training, validation and test share no word. Training and test share no photograph. One design of fonts is held out:
canvases in it belong to no part, and what is read on them is reported by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import UInt8

from tenfold.rendering.assets import Assets
from tenfold.rendering.errors import MissingFonts
from tenfold.rendering.fonts import Font
from tenfold.rendering.splits import disjoint_parts
from tenfold.rendering.words import split_words

Photographs = Sequence[UInt8[np.ndarray, "H W 3"]]
WORD_SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
PHOTOGRAPH_SHARES = {"train": 0.7, "test": 0.3}


class SharedParts(ValueError):
    """Two parts that must have nothing in common share a word, a design of fonts or a photograph."""


@dataclass(frozen=True)
class Parts:
    """The assets of each part. ``held_out`` has the words and photographs of ``test`` in a design that no other has.

    Validation has the photographs of training: there it is the words that are new.
    Raises SharedParts.
    """

    train: Assets
    validation: Assets
    test: Assets
    held_out: Assets

    def __post_init__(self) -> None:
        words = {
            name: {word.casefold() for word in getattr(self, name).words} for name in ("train", "validation", "test")
        }
        for one, other in combinations(words, 2):
            if shared := sorted(words[one] & words[other]):
                raise SharedParts(f"{one} and {other} share {len(shared)} words, such as {shared[0]!r}")
        seen = {font.design for part in (self.train, self.validation, self.test) for font in part.fonts}
        if shared := sorted(seen & {font.design for font in self.held_out.fonts}):
            raise SharedParts(f"the held-out design {shared[0]!r} is also drawn in another part")
        known = {photograph.tobytes() for part in (self.train, self.validation) for photograph in part.photographs}
        if any(photograph.tobytes() in known for part in (self.test, self.held_out) for photograph in part.photographs):
            raise SharedParts("training and test share a photograph")


def split_parts(
    words: Sequence[str], fonts: Sequence[Font], photographs: Photographs = (), *, held_out: str, seed: int = 0
) -> Parts:
    """Return parts of words, fonts and photographs; ``held_out`` names a design, such as "lora".

    Raises MissingFonts if no font, or every font, is of that design, CannotSplit if there are too few words or
    photographs.
    """
    kept = tuple(font for font in fonts if font.design != held_out.casefold())
    apart = tuple(font for font in fonts if font.design == held_out.casefold())
    if not kept or not apart:
        there = ", ".join(sorted({font.design for font in fonts}))
        raise MissingFonts(f"holding out {held_out!r} leaves no font on one side; designs are {there}")
    word_parts = split_words(words, WORD_SHARES, seed=seed)
    order = (
        disjoint_parts(range(len(photographs)), PHOTOGRAPH_SHARES, seed=seed, key=int)
        if len(photographs)
        else dict.fromkeys(PHOTOGRAPH_SHARES, ())
    )
    pixels = {name: tuple(photographs[number] for number in numbers) for name, numbers in order.items()}
    return Parts(
        train=Assets(kept, word_parts["train"], pixels["train"]),
        validation=Assets(kept, word_parts["validation"], pixels["train"]),
        test=Assets(kept, word_parts["test"], pixels["test"]),
        held_out=Assets(apart, word_parts["test"], pixels["test"]),
    )


def fonts_of(fonts: Sequence[Font], names: Sequence[str]) -> tuple[Font, ...]:
    """Return fonts by name, such as "DejaVu Sans Book", in that order. Raises MissingFonts for an unknown one."""
    known = {font.name: font for font in fonts}
    if missing := [name for name in names if name not in known]:
        raise MissingFonts(f"no font is called {missing[0]!r}; there are {', '.join(known)}")
    return tuple(known[name] for name in names)
