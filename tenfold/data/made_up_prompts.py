"""Made-up prompts for images with written words, in the format of the mirror's ``prompts.jsonl``.

Nothing here is taken from a benchmark; its sets are named after those whose place they take.
"""

from __future__ import annotations

import json

import numpy as np

from tenfold.data.registry import StandIn

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fable", "grove", "harbor", "ivory", "juniper", "kettle", "lumen")
BUCKETS = ("top_1000", "1000_10000", "10000_100000", "100000_plus")
CREATIVE = (
    'A lamp in the garden with the words "{}" on its shade.',
    'This kite says "{}".',
    'The name "{}" is painted on the boat.',
    'A drum in the snow labeled "{}", photograph.',
    '"{}" written in chalk on the wall of the school.',
)


def text_prompts(stand_in: StandIn) -> tuple[str, dict[str, bytes]]:
    """Make prompts.jsonl: ``rows`` prompts, half of a plain kind and half of several kinds, a word each."""
    assert stand_in.rows
    generator = np.random.default_rng(stand_in.seed)
    lines = []
    for number in range(stand_in.rows):
        word = str(generator.choice(WORDS))
        plain = number % 2 == 0
        template = 'A sign that says "{}".' if plain else str(generator.choice(CREATIVE))
        row = {
            "source": "made up",
            "set": "SimpleBench" if plain else "CreativeBench",
            "bucket": BUCKETS[number // 2 % len(BUCKETS)],
            "words": [word],
            "prompt": template.format(word),
        }
        lines.append(json.dumps(row))
    detail = f"MADE-UP PROMPTS, {stand_in.rows:,} with a quoted word each, in the format of GlyphControl's benchmarks"
    return detail, {"prompts.jsonl": ("\n".join(lines) + "\n").encode()}
