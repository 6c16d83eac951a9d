"""Made-up questions about images that do not exist, in the format of MMR's annotations (``mmr_qa.json``).

Nothing here is taken from MMR, and no score on it says anything about a model.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from tenfold.data.registry import StandIn

Answered = tuple[str, str]  # question, answer
WORDS = ("Amber", "Birch", "Cedar", "Delta", "Ember", "Fable", "Grove", "Harbor", "Ivory", "Juniper", "Kettle", "Lumen")
COLOURS = ("red", "blue", "green", "white", "black", "orange")
OBJECTS = ("lamp", "boat", "kite", "drum", "bell", "tree", "mug")
PLACES = ("top left", "top right", "middle", "bottom left", "bottom right")
RELATIONS = ("above", "below", "left of", "right of")
GROUNDINGS = 3  # rows of a grounding task for each of another


def reading_questions(stand_in: StandIn) -> tuple[str, dict[str, bytes]]:
    """Make mmr_qa.json: ``rows`` questions of each of the eleven tasks, three times as many for boxes."""
    assert stand_in.rows
    generator = np.random.default_rng(stand_in.seed)
    rows = []
    for task, ask in TASKS.items():
        for number in range(stand_in.rows * (GROUNDINGS if task.startswith("grounding") else 1)):
            image = f"made-up-{number // 2:04d}"  # two questions of a task about one image, several tasks about one
            question, answer = ask(generator)
            row = {"img_id": image, "url": f"https://images.invalid/{image}.jpg"}
            rows.append(row | {"Question": question, "Answer": answer, "task": task})
    content = json.dumps(rows, indent=4, ensure_ascii=False).encode()
    detail = f"MADE-UP QUESTIONS, {len(rows):,} about images that do not exist, in the format of MMR"
    return detail, {"mmr_qa.json": content}


def _title(generator: np.random.Generator, count: int = 2) -> str:
    return " ".join(generator.choice(WORDS, count, replace=False))


def _choice(asked: str, options: tuple[str, ...], generator: np.random.Generator) -> Answered:
    shown = [str(one) for one in generator.permutation(options)[:4]]
    lines = "\n".join(f"{number}. {option}" for number, option in enumerate(shown, 1))
    answer = generator.choice(4, p=(0.2, 0.4, 0.2, 0.2)) + 1  # not even, as people's answers are not
    return f"{asked}\nChoices:\n{lines}", str(answer)


def _box(generator: np.random.Generator, largest: float) -> list[float]:
    width, height = generator.uniform(largest / 3, largest, 2)
    left, top = generator.uniform(0, 1 - width), generator.uniform(0, 1 - height)
    return [round(float(value), 2) for value in (left, top, left + width, top + height)]


def _label(generator: np.random.Generator) -> Answered:
    return f"What is the {generator.choice(('title', 'subtitle', 'author'))}?", _title(generator)


def _position(generator: np.random.Generator) -> Answered:
    return f"What is the text at the {generator.choice(PLACES)}?", _title(generator)


def _colour(generator: np.random.Generator) -> Answered:
    return _choice(f"What is the color of the title '{_title(generator)}'", COLOURS, generator)


def _size(generator: np.random.Generator) -> Answered:
    return _choice("Which text has the largest font?", tuple(_title(generator) for _ in range(4)), generator)


def _place(thing: str, generator: np.random.Generator) -> Answered:
    return _choice(f"Where is the {thing}?", PLACES, generator)


def _relation(first: str, second: str, generator: np.random.Generator) -> Answered:
    return _choice(f"Where is the {first} relative to the {second}?", RELATIONS, generator)


def _two_objects(generator: np.random.Generator) -> Answered:
    first, second = generator.choice(OBJECTS, 2, replace=False)
    return _relation(first, second, generator)


def _ground_object(generator: np.random.Generator) -> Answered:
    return f"Where is the {generator.choice(OBJECTS)}?", json.dumps(_box(generator, 0.9))


def _ground_text(generator: np.random.Generator) -> Answered:
    return f"Where is the text about the {generator.choice(OBJECTS)}?", json.dumps(
        [_title(generator), _box(generator, 0.4)]
    )


TASKS: dict[str, Callable[[np.random.Generator], Answered]] = {
    "font_color": _colour,
    "font_size": _size,
    "localize_o": lambda generator: _place(str(generator.choice(OBJECTS)), generator),
    "localize_t": lambda generator: _place(f"text '{_title(generator)}'", generator),
    "spatial_oo": _two_objects,
    "spatial_ot": lambda generator: _relation(str(generator.choice(OBJECTS)), f"text '{_title(generator)}'", generator),
    "spatial_tt": lambda generator: _relation(
        f"text '{_title(generator)}'", f"text '{_title(generator, 1)}'", generator
    ),
    "recognition_label": _label,
    "recognition_pos": _position,
    "grounding_o": _ground_object,
    "grounding_t": _ground_text,
}
