"""Questions about where things are: in which part of the image, as seen from one another, and in which box."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np

from tenfold.mmr.candidates import OPTIONS, Candidate, Rejects, four_of, nearest_text, one_of
from tenfold.mmr.page_contents import CLEAR, DIAGONAL, OPPOSITE, STRAIGHT, Contents, Direction
from tenfold.mmr.tasks import Task
from tenfold.rendering.drawing import Box

ASK_REGION = (
    "Where is {thing} located in the image?",
    "Where is {thing} in the image?",
    "In which part of the image is {thing} located?",
)
ASK_RELATION = (
    "Where is {thing} in relation to {other} in the image?",
    "Where is {thing} located in relation to {other}?",
    "What is the position of {thing} relative to {other} in the image?",
)
ASK_NEXT = (
    'Which text appears directly {direction} "{text}" in the image?',
    'Which of the following texts is directly {direction} "{text}"?',
)
ASK_OBJECT = ("Where is the {name} in the image?", "Where is the {name} located in the image?")
SAID = {
    **{"above": "Above {it}", "below": "Below {it}"},
    **{"left": "To the left of {it}", "right": "To the right of {it}"},
    **{"above left": "Above and to the left of {it}", "above right": "Above and to the right of {it}"},
    **{"below left": "Below and to the left of {it}", "below right": "Below and to the right of {it}"},
}
Named = tuple[str, Box]  # how a thing is spoken of, and the box of its ink


def ask_text_regions(contents: Contents, generator: np.random.Generator, rejects: Rejects) -> list[Candidate]:
    """Ask in which ninth of the image one of four texts is, the other options being the ninths of the others."""
    return _regions("localize_t", _texts(contents), contents, generator, rejects)


def ask_object_regions(contents: Contents, generator: np.random.Generator, rejects: Rejects) -> list[Candidate]:
    """Ask in which ninth of the image one of four objects is, the other options being the ninths of the others."""
    return _regions("localize_o", _objects(contents), contents, generator, rejects)


def ask_object_and_text(contents: Contents, generator: np.random.Generator, rejects: Rejects) -> list[Candidate]:
    """Ask where an object is as seen from a text, and a text as seen from an object."""
    texts, objects = _texts(contents), _objects(contents)
    pairs = [(one, other) for one in objects for other in texts]
    return _relations("spatial_ot", pairs, "object", contents, generator, rejects) + _relations(
        "spatial_ot", [(other, one) for one, other in pairs], "text", contents, generator, rejects
    )


def ask_objects(contents: Contents, generator: np.random.Generator, rejects: Rejects) -> list[Candidate]:
    """Ask where an object is as seen from another."""
    return _relations("spatial_oo", list(permutations(_objects(contents), 2)), "", contents, generator, rejects)


def ask_texts(contents: Contents, generator: np.random.Generator, rejects: Rejects) -> list[Candidate]:
    """Ask where a text is as seen from another, and which of four is the one directly above or below."""
    pairs = list(permutations(_texts(contents), 2))
    return _relations("spatial_tt", pairs, "", contents, generator, rejects) + _next_texts(contents, generator, rejects)


def ask_object_boxes(contents: Contents, generator: np.random.Generator, rejects: Rejects) -> list[Candidate]:
    """Ask for the box of an object, by its colour and name."""
    return [
        Candidate("grounding_o", one_of(ASK_OBJECT, generator).format(name=one.name), contents.shares(one.box))
        for one in contents.objects
    ]


def _texts(contents: Contents) -> list[Named]:
    return [(f'the text "{text.text}"', text.box) for text in contents.phrases]


def _objects(contents: Contents) -> list[Named]:
    return [(f"the {one.name}", one.box) for one in contents.objects]


def _regions(
    task: Task, things: Sequence[Named], contents: Contents, generator: np.random.Generator, rejects: Rejects
) -> list[Candidate]:
    by_region: dict[str, str] = {}
    for name, box in four_of(things, generator) + list(things):
        region = contents.region(box)
        if region is None:
            rejects["a centre too near to the next part of the image"] += 1
        else:
            by_region.setdefault(region, name)
    four = four_of(list(by_region.items()), generator)
    if len(four) < OPTIONS:
        rejects["fewer than four parts of the image to choose from"] += 1
        return []
    ending = one_of(("", " of the image"), generator)
    options = [f"{'In' if region == 'center' else 'At'} the {region}{ending}" for region, _ in four]
    question = one_of(ASK_REGION, generator).format(thing=four[0][1])
    return [Candidate(task, question, options[0], tuple(options[1:]))]


def _relations(
    task: Task,
    pairs: Sequence[tuple[Named, Named]],
    kind: str,
    contents: Contents,
    generator: np.random.Generator,
    rejects: Rejects,
) -> list[Candidate]:
    """Ask about pairs, one of each direction: straight ones among the four straight ones, so that one is true."""
    by_direction: dict[Direction, list[tuple[str, str]]] = {}
    for (thing, box), (other, other_box) in pairs:
        direction = contents.direction(box, other_box)
        if direction is None:
            rejects["two things in no clear relation"] += 1
        else:
            by_direction.setdefault(direction, []).append((thing, other))
    found = []
    for direction, asked in by_direction.items():
        thing, other = one_of(asked, generator)
        it = one_of((other, "it"), generator) if len(other) < 32 else "it"
        family = STRAIGHT if direction in STRAIGHT else DIAGONAL
        question = one_of(ASK_RELATION, generator).format(thing=thing, other=other)
        wrong = tuple(SAID[one].format(it=it) for one in family if one != direction)
        stratum = f"{kind} {direction}".strip()
        found.append(Candidate(task, question, SAID[direction].format(it=it), wrong, stratum))
    return found


def _next_texts(contents: Contents, generator: np.random.Generator, rejects: Rejects) -> list[Candidate]:
    """Ask which of four texts is directly above or below a fifth, where no other of the four is above or below it."""
    found = []
    for direction in ("above", "below"):
        asked = []
        for anchor in contents.phrases:
            right = nearest_text(contents, anchor.box, direction, CLEAR)
            if right is None or right not in contents.phrases:
                rejects["no text is clearly the next one"] += 1
                continue
            beyond = [
                text
                for text in contents.phrases
                if text not in (right, anchor)
                and contents.direction(text.box, anchor.box) in (OPPOSITE[direction], *DIAGONAL, "left", "right")
            ]
            if len(beyond) >= OPTIONS - 1:
                asked.append((anchor, right, four_of(beyond, generator)[: OPTIONS - 1]))
        if not asked:
            continue
        anchor, right, wrong = one_of(asked, generator)
        question = one_of(ASK_NEXT, generator).format(direction=direction, text=anchor.text)
        options = tuple(f'"{text.text}"' for text in wrong)
        found.append(Candidate("spatial_tt", question, f'"{right.text}"', options, f"next {direction}"))
    return found
