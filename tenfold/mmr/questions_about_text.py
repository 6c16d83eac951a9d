"""Questions about what a text says, how large it is and in which colour: recognition, fonts, grounding of text."""

from __future__ import annotations

import json
from itertools import combinations
from math import hypot

import numpy as np

from tenfold.mmr.candidates import OPTIONS, Candidate, Rejects, four_of, nearest_text, one_of
from tenfold.mmr.page_contents import CLEAR, STRAIGHT, Contents, PageText
from tenfold.mmr.sheets import LARGE_TEXT
from tenfold.rendering.colours import NAMED, delta_e

LARGER = 1.25  # ratio of sizes, of fonts and of ink, from which one text is larger than another
DISTINCT = 20.0  # ΔE from which two colours are not taken for each other
LABELS = {"title": "title", "subtitle": "subtitle", "author": "author name"}
ASK_LABEL = (
    "What is the {label} in the image?",
    "What is the {label} shown in the image?",
    "What is the {label} written in the image?",
)
ASK_AT = (
    "What text is written at the {place} of the image?",
    "What text is displayed at the {place} of the image?",
    "Which text appears at the {place} of the image?",
)
ASK_NEXT_TO = (
    "What text is written directly {direction} {anchor}?",
    "What text is displayed directly {direction} {anchor} in the image?",
    "Which text appears directly {direction} {anchor} in the image?",
)
ASK_SIZE = (
    "Which text is larger in the image?",
    "Which text has the largest font size in the image?",
    "Comparing the font sizes, which of these texts is the largest?",
    "Which of the following texts is written in the largest font?",
)
ASK_COLOUR = (
    'What is the color of the {role} "{text}"?',
    'What color is the {role} "{text}" in the image?',
    'In which color is the {role} "{text}" written?',
)
ASK_BOX = (
    "What is the {role} at the {place} of the image? Where is it in the image?",
    "What does the {role} at the {place} of the image say? Where is it in the image?",
)
NEXT_TO = {"above": "above", "below": "below", "left": "to the left of", "right": "to the right of"}


def ask_labels(contents: Contents, generator: np.random.Generator, rejects: Rejects) -> list[Candidate]:
    """Ask for title, subtitle and author, where each can be told by its size, place or wording."""
    found = []
    for text in contents.texts:
        if text.role not in LABELS:
            continue
        if not _can_be_told(text, contents):
            rejects[f"the {text.role} does not stand out"] += 1
            continue
        question = one_of(ASK_LABEL, generator).format(label=LABELS[text.role])
        found.append(Candidate("recognition_label", question, text.text, stratum=text.role))
    return found


def ask_places(contents: Contents, generator: np.random.Generator, rejects: Rejects) -> list[Candidate]:
    """Ask for the only text in a ninth of the page, and for the text next to an object or another text."""
    found = []
    for text in contents.texts:
        place = _own_place(text, contents)
        if place is None:
            rejects["no text has the place to itself"] += 1
            continue
        question = one_of(ASK_AT, generator).format(place=place)
        found.append(Candidate("recognition_pos", question, text.text, stratum=f"place {place}"))
    anchors = [(f"the {one.name}", one.box) for one in contents.objects]
    anchors += [(f'"{one.text}"', one.box) for one in contents.texts]
    for anchor, box in anchors:
        for direction in STRAIGHT:
            nearest = nearest_text(contents, box, direction, CLEAR)
            if nearest is None:
                rejects["no text is clearly the next one"] += 1
                continue
            question = one_of(ASK_NEXT_TO, generator).format(direction=NEXT_TO[direction], anchor=anchor)
            kind = "text" if anchor.startswith('"') else "object"
            found.append(Candidate("recognition_pos", question, nearest.text, stratum=f"next to {kind} {direction}"))
    return found


def ask_sizes(contents: Contents, generator: np.random.Generator, rejects: Rejects) -> list[Candidate]:
    """Ask which of four texts is the largest, by size of font and by ink alike.

    Texts of a small page are compared in capitals only: there, letters below the line outweigh a pixel of size.
    """
    largest = max(contents.phrases, key=lambda text: text.size)
    others = [text for text in contents.phrases if text is not largest]
    if len(others) < OPTIONS - 1:
        rejects["fewer than four texts to choose from"] += 1
        return []
    if any(largest.size < LARGER * text.size for text in others):
        rejects["sizes of fonts below a ratio of 1.25"] += 1
        return []
    if largest.size < LARGE_TEXT and not all(text.text.isupper() for text in contents.phrases):
        rejects["small texts of upper and lower case"] += 1
        return []
    wrong = four_of(others, generator)[: OPTIONS - 1]
    if any(largest.height < LARGER * text.height for text in wrong):
        rejects["heights of ink below a ratio of 1.25"] += 1
        return []
    options = tuple(f'"{text.text}"' for text in wrong)
    return [Candidate("font_size", one_of(ASK_SIZE, generator), f'"{largest.text}"', options)]


def ask_colours(contents: Contents, generator: np.random.Generator, rejects: Rejects) -> list[Candidate]:
    """Ask for the colour of one of four texts of four colours."""
    by_colour: dict[str, PageText] = {}
    for text in four_of(contents.texts, generator) + list(contents.texts):
        by_colour.setdefault(text.colour, text)
    four = four_of(list(by_colour.values()), generator)
    if len(four) < OPTIONS:
        rejects["fewer than four colours of text"] += 1
        return []
    if any(delta_e(NAMED[a.colour], NAMED[b.colour]) < DISTINCT for a, b in combinations(four, 2)):
        rejects["colours closer than ΔE 20"] += 1
        return []
    right, *wrong = four
    question = one_of(ASK_COLOUR, generator).format(role=LABELS.get(right.role, "text"), text=right.text)
    return [Candidate("font_color", question, right.colour, tuple(text.colour for text in wrong))]


def ask_text_boxes(contents: Contents, generator: np.random.Generator, rejects: Rejects) -> list[Candidate]:
    """Ask what a text says and where it is: one that has its ninth to itself, or a title, subtitle or author."""
    found = []
    for text in contents.texts:
        own = _own_place(text, contents)
        labelled = text.role in LABELS and _can_be_told(text, contents)
        place = contents.region(text.box) if labelled else own
        if place is None:
            rejects["no text has the place to itself"] += 1
            continue
        role = text.role if labelled else "text"
        question = one_of(ASK_BOX, generator).format(role=role, place=place)
        answer = f"[{json.dumps(text.text, ensure_ascii=False)}, {contents.shares(text.box)}]"
        found.append(Candidate("grounding_t", question, answer, stratum=role))
    return found


def _own_place(text: PageText, contents: Contents) -> str | None:
    """Return the ninth of the page in which a text is alone, None if its place is not clear or it is not alone."""
    place = contents.region(text.box)
    others = [other for other in contents.texts if other is not text]
    if place is None or any(contents.region(other.box) == place for other in others):
        return None
    return None if any(_near_unclear(text, other, contents) for other in others) else place


def _near_unclear(text: PageText, other: PageText, contents: Contents) -> bool:
    """Return whether another text, in no clear ninth, is near enough that one may find it in the same."""
    sides = ((0, contents.width), (1, contents.height))
    apart = [abs(sum(text.box[axis::2]) - sum(other.box[axis::2])) / 2 / side for axis, side in sides]
    return contents.region(other.box) is None and max(apart) < 1 / 3


def _can_be_told(text: PageText, contents: Contents) -> bool:
    """Return whether a title is the largest text, a subtitle the next below it, an author the only name."""
    others = [other for other in contents.texts if other is not text]
    if text.role == "title":
        return all(text.size >= LARGER * other.size and text.height >= LARGER * other.height for other in others)
    if text.role == "subtitle":
        title = next(other for other in others if other.role == "title")
        gap = text.box[1] - title.box[3]
        return gap >= 0 and all(_gap(text, other) > 2 * gap for other in others if other is not title)
    return sum(other.role == "author" for other in contents.texts) == 1


def _gap(one: PageText, other: PageText) -> float:
    """Return the distance between two boxes in pixels."""
    a, b = one.box, other.box
    across, down = (max(a[axis] - b[axis + 2], b[axis] - a[axis + 2], 0) for axis in (0, 1))
    return hypot(across, down)
