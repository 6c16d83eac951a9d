"""A page of sampled images: the image with its boxes, what was wanted, what was read, and why it is right or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steps.artist.canvas_sets import PromptRow
from steps.artist.compared_arms import Arm
from steps.artist.estimates import ENGINE, Evidence
from steps.artist.read import CANVAS
from tenfold.imaging.grids import png
from tenfold.viewing.page import write_page
from tenfold.viewing.sample import Box, Message, Sample, SampleImage, Verdict
from tenfold.viewing.selection import evenly

TITLE = "ARTIST: words on small canvases"
NOTE = (
    "Images of the first seed of each arm, the first of each prompt. Boxes are where words were asked for; what an OCR "
    "engine reads in them is right if it is the word letter by letter, whatever the case."
)
SCALE = 6  # times that an image is enlarged
MOST_BYTES = 3_000_000  # of a page
RIGHT, WRONG = "right", "wrong"


def write_samples(
    evidence: Evidence, arms: Sequence[Arm], images: Mapping[str, Path], path: Path, *, shown: int
) -> None:
    """Write at most ``shown`` images, evenly over arms and over what is right."""
    found: list[tuple[Arm, Mapping[str, Any], np.ndarray]] = []
    for arm in arms:
        name = arm.name(arm.seeds[0])
        with np.load(images[name]) as arrays:
            test = arrays["test"]
        rows = [row for row in evidence.readings(name) if not row["repeat"]]
        found += [(arm, row, test[row["prompt"]]) for row in rows]
    kinds = [(arm.key, row["exact"] == row["words"], len(row["wanted"])) for arm, row, _ in found]
    samples = [_sample(evidence, *found[place]) for place in evenly(kinds, shown)]
    write_page(samples, path, title=TITLE, notes=[NOTE], most_bytes=MOST_BYTES)


def _sample(evidence: Evidence, arm: Arm, row: Mapping[str, Any], image: np.ndarray) -> Sample:
    prompt = evidence.prompts[row["prompt"]]
    lines = _lines(evidence, arm, row)
    messages = [Message(f"{row['version']}, boxes", " ".join(row["read"]) or "(nothing)", "read", tag=row["how"])]
    if lines is not None:
        messages.append(Message(f"{row['version']}, whole canvas", " | ".join(lines) or "(nothing)", "read"))
    right = row["exact"] == row["words"]
    boxes = tuple(
        Box(SCALE * left, SCALE * top, SCALE * right, SCALE * bottom, word, "good" if _same(word, read) else "bad")
        for word, (left, top, right, bottom), read in zip(prompt.keywords, prompt.boxes, row["read"], strict=True)
    )
    return Sample(
        title=f"{arm.label}, {arm.key.stage}, prompt {prompt.number}",
        facets={
            "arm": arm.label,
            "stage": arm.key.stage,
            "visual set": f"{arm.key.size} images",
            "updates": str(arm.updates),
            "words": str(len(prompt.keywords)),
            "proportions": "of a seen design" if prompt.seen else "of a held-out design",
        },
        question=prompt.prompt,
        images=(SampleImage(png(image, scale=SCALE), f"{arm.updates} updates", boxes),),
        messages=tuple(messages),
        reply=" ".join(row["read"]) or "(nothing)",
        reference=" ".join(prompt.keywords),
        verdict=Verdict(RIGHT if right else WRONG, _reason(prompt, row), "good" if right else "bad"),
    )


def _reason(prompt: PromptRow, row: Mapping[str, Any]) -> str:
    """Say box by box what the scorer saw."""
    from tenfold.text.edit_distance import edit_distances

    one = [word.casefold() for word in prompt.keywords]
    other = [text.strip().casefold() for text in row["read"]]
    parts = []
    for word, text, distance in zip(one, other, edit_distances(one, other).tolist(), strict=True):
        if not distance:
            parts.append(f"{word}: letter by letter")
        elif not text:
            parts.append(f"{word}: nothing is read in its box")
        else:
            parts.append(f"{word}: read as {text}, {int(distance)} of {len(word)} letters are wrong")
    return "; ".join(parts)


def _same(word: str, read: str) -> bool:
    return word.casefold() == read.strip().casefold()


def _lines(evidence: Evidence, arm: Arm, row: Mapping[str, Any]) -> list[str] | None:
    """Return the lines read on the whole canvas; None where it was not read whole."""
    name = arm.name(arm.seeds[0])
    for other in evidence.readings(name, mode=CANVAS, engine=ENGINE):
        if (other["prompt"], other["repeat"]) == (row["prompt"], row["repeat"]):
            return list(other["read"])
    return None
