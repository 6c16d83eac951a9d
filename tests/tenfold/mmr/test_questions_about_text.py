"""Questions about texts: colours that may be taken for each other are no options."""

from __future__ import annotations

from collections import Counter

import numpy as np

from tenfold.mmr.page_contents import Contents, PageText
from tenfold.mmr.questions_about_text import ask_colours
from tenfold.rendering.colours import NAMED, delta_e


def page(*colours: str) -> Contents:
    rows = enumerate(zip(("tall grass", "river", "by the mill", "seven"), colours, strict=True))
    texts = (PageText(words, (10, 40 * n, 90, 40 * n + 20), "text", 16, 12, colour) for n, (words, colour) in rows)
    return Contents(400, 300, tuple(texts), ())


def test_colours_closer_than_20_are_not_asked_about():
    near = min(((delta_e(NAMED[a], NAMED[b]), a, b) for a in NAMED for b in NAMED if a < b), key=lambda pair: pair[0])
    assert near[0] < 20
    rejects: Counter[str] = Counter()
    far = [name for name in NAMED if all(delta_e(NAMED[name], NAMED[one]) >= 30 for one in near[1:])]
    other = next((a, b) for a in far for b in far if delta_e(NAMED[a], NAMED[b]) >= 30)
    assert ask_colours(page(*near[1:], *other), np.random.default_rng(0), rejects) == []
    assert rejects == {"colours closer than ΔE 20": 1}
