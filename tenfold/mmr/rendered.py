"""Items about rendered pages, in the form of the official annotations: every answer is known from the drawing.

    from tenfold.mmr.rendered import render_items, write_rendered
    rendered = render_items(per_task=50, seed=0, assets=assets_of("evaluation", bundled_fonts()))
    write_rendered(rendered, folder)

Half of the items of each task are about pages with small things (texts of 8 to below 12 pixels per em, objects of less
than 32 pixels), half about pages with large ones (texts of 12 pixels per em or more, objects in squares of 40 pixels or
more); an item's ``band`` is its page's. A page has at most four items, each of another task.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tenfold.mmr.candidates import OPTIONS, Asker, Candidate
from tenfold.mmr.errors import InvalidItem, NoItems
from tenfold.mmr.items import IMAGES, Item, write_items
from tenfold.mmr.layouts import LAYOUTS
from tenfold.mmr.page_contents import DIAGONAL, STRAIGHT, contents_of, flaw_of
from tenfold.mmr.pages import LONGEST_SIDE, SHORTEST_SIDE, draw_page
from tenfold.mmr.questions_about_places import (
    ask_object_and_text,
    ask_object_boxes,
    ask_object_regions,
    ask_objects,
    ask_text_regions,
    ask_texts,
)
from tenfold.mmr.questions_about_text import ask_colours, ask_labels, ask_places, ask_sizes, ask_text_boxes
from tenfold.mmr.sheets import BANDS, LONGEST_WORD, WORDS, Band
from tenfold.mmr.tasks import CHOICE, TASKS, Task
from tenfold.rendering.assets import Assets
from tenfold.rendering.drawing import Drawing
from tenfold.rendering.errors import TextDoesNotFit

PAGES = "pages.jsonl"
MOST_PER_PAGE, FEWEST_PER_PAGE = 4, 3
PATIENCE = 10  # pages of too few items in a row before one with fewer is taken
ASKERS: dict[Task, Asker] = {
    "recognition_label": ask_labels,
    "recognition_pos": ask_places,
    "font_size": ask_sizes,
    "font_color": ask_colours,
    "localize_o": ask_object_regions,
    "localize_t": ask_text_regions,
    "spatial_ot": ask_object_and_text,
    "spatial_oo": ask_objects,
    "spatial_tt": ask_texts,
    "grounding_o": ask_object_boxes,
    "grounding_t": ask_text_boxes,
}
RELATIONS = (*STRAIGHT, *DIAGONAL)
STRATA: dict[Task, tuple[str, ...]] = {  # of which each has its turn before any has another
    "recognition_label": ("title", "subtitle", "author"),
    "spatial_ot": tuple(f"{kind} {direction}" for kind in ("object", "text") for direction in RELATIONS),
    "spatial_oo": RELATIONS,
    "spatial_tt": (*RELATIONS, "next above", "next below"),
}


@dataclass(frozen=True)
class RenderedItems:
    """Items in the order of the tasks, the pages that they are about by name, and what was rejected, by reason.

    Reasons that begin with "page:" count pages, the others questions that a page did not allow.
    """

    items: tuple[Item, ...]
    pages: dict[str, Drawing]
    rejected: dict[str, int]


@dataclass
class _Selection:
    """What is still wanted of each task and band, and what has been taken."""

    wanted: dict[tuple[Task, Band], int]
    indices: dict[tuple[Task, Band], list[int]]
    taken: dict[Task, list[Item]] = field(default_factory=lambda: {task: [] for task in TASKS})
    strata: Counter[tuple[Task, str]] = field(default_factory=Counter)

    def left(self, band: Band) -> dict[Task, int]:
        """How many items are still wanted in a band, by task, where any is."""
        return {task: self.wanted[task, band] for task in TASKS if self.wanted[task, band] > 0}

    def in_turn(self, one: Candidate) -> bool:
        """Whether a candidate's stratum has no more items than any other that must have its turn."""
        turns = STRATA.get(one.task, ())
        return not turns or self.strata[one.task, one.stratum] == min(self.strata[one.task, turn] for turn in turns)


def render_items(
    *, per_task: int, seed: int, assets: Assets, size: tuple[int, int] = (SHORTEST_SIDE, LONGEST_SIDE)
) -> RenderedItems:
    """Return ``per_task`` items of each of the eleven tasks, half of them about small things.

    ``size`` is the shortest and the longest side that a page may have, in pixels; ``assets`` are those of the part
    "evaluation" of tenfold.rendering.reading_parts wherever a model may have been trained on rendered pages. In each
    task that is a choice, every number from 1 to 4 is the answer equally often, ±1. The same arguments and version of
    Pillow give the same bytes.
    Raises InvalidItem for a ``per_task`` below 1 or sides that are out of order or below 256 pixels, and NoItems if
    the assets have fewer than 60 words of at most 8 letters, or their pages do not allow the questions.
    """
    if per_task < 1:
        raise InvalidItem(f"per_task = {per_task!r} must be 1 or more")
    if not 256 <= size[0] <= size[1]:
        raise InvalidItem(f"size = {size!r} must be the shortest and the longest side, 256 pixels or more each")
    short = sum(len(word) <= LONGEST_WORD for word in assets.words)
    if short < WORDS:
        raise NoItems(f"a page draws from {WORDS} words of at most {LONGEST_WORD} letters, and the assets have {short}")
    selection = _selection(per_task, seed)
    rejects: Counter[str] = Counter()
    pages: dict[str, Drawing] = {}
    poor, most = 0, 400 + 60 * per_task
    for number in range(most):
        band = max(BANDS, key=lambda one: sum(selection.left(one).values()))
        if not selection.left(band):
            break
        generator = np.random.default_rng([seed, number])
        layout = list(LAYOUTS)[int(generator.integers(0, len(LAYOUTS)))]
        try:
            drawing = draw_page(layout, band, (seed, number), assets=assets, sides=size)
        except TextDoesNotFit:
            rejects["page: a text does not fit its place"] += 1
            continue
        found = _candidates(drawing, selection, generator, rejects)
        if len(found) < min(FEWEST_PER_PAGE, len(selection.left(band))) - poor // PATIENCE or not found:
            rejects["page: it allows too few of the questions that are wanted"] += 1
            poor += 1
            continue
        poor = 0
        name = f"page-{len(pages):04d}"
        pages[name] = drawing
        _take(found, selection, name, drawing, generator)
    if any(selection.wanted.values()):
        missing = {f"{task} ({band})": count for (task, band), count in selection.wanted.items() if count}
        raise NoItems(f"{most} pages did not allow {missing}; take larger pages, or more fonts and words")
    rows = tuple(item for task in TASKS for item in selection.taken[task])
    return RenderedItems(rows, pages, dict(sorted(rejects.items())))


def write_rendered(rendered: RenderedItems, folder: Path) -> None:
    """Write items.jsonl, images/*.png and pages.jsonl into ``folder``, which is made if need be.

    pages.jsonl holds a page's name, file and description in each row: for those who check, never for a model.
    """
    from PIL import Image

    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    rows = []
    for name, drawing in rendered.pages.items():
        Image.fromarray(drawing.image).save(folder / IMAGES / f"{name}.png", compress_level=4)
        rows.append(json.dumps({"image": name, "file": f"{name}.png", **drawing.description()}, ensure_ascii=False))
    (folder / PAGES).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    write_items(rendered.items, folder)


def _selection(per_task: int, seed: int) -> _Selection:
    """Return what is wanted, with the right option's number for each choice, balanced over both bands together."""
    generator = np.random.default_rng([seed, per_task])
    wanted: dict[tuple[Task, Band], int] = {}
    indices: dict[tuple[Task, Band], list[int]] = {}
    for task in TASKS:
        places = generator.permutation(OPTIONS)
        start = 0
        for band, count in zip(BANDS, (per_task - per_task // 2, per_task // 2), strict=True):
            numbers = [1 + int(places[(start + place) % OPTIONS]) for place in range(count)]
            indices[task, band] = [numbers[place] for place in generator.permutation(count).tolist()]
            wanted[task, band] = count
            start += count
    return _Selection(wanted, indices)


def _candidates(
    drawing: Drawing, selection: _Selection, generator: np.random.Generator, rejects: Counter[str]
) -> dict[Task, list[Candidate]]:
    """Return what may be asked about a page and has its turn, by task, for tasks of which any is wanted."""
    contents = contents_of(drawing)
    flaw = flaw_of(contents)
    if flaw:
        rejects[f"page: {flaw}"] += 1
        return {}
    found = {task: ASKERS[task](contents, generator, rejects) for task in selection.left(drawing.facts["band"])}
    wanted = {task: [one for one in asked if selection.in_turn(one)] for task, asked in found.items()}
    return {task: asked for task, asked in wanted.items() if asked}


def _take(
    found: dict[Task, list[Candidate]],
    selection: _Selection,
    page: str,
    drawing: Drawing,
    generator: np.random.Generator,
) -> None:
    """Take one question of each of the tasks that want most, of the stratum that has fewest so far."""
    band: Band = drawing.facts["band"]
    order = generator.permutation(len(found)).tolist()
    tasks = [list(found)[place] for place in order]
    tasks.sort(key=lambda task: -selection.wanted[task, band])
    for task in tasks[:MOST_PER_PAGE]:
        asked = [found[task][place] for place in generator.permutation(len(found[task])).tolist()]
        chosen = min(asked, key=lambda one: selection.strata[task, one.stratum])
        selection.strata[task, chosen.stratum] += 1
        selection.wanted[task, band] -= 1
        selection.taken[task].append(_item(chosen, selection, page, drawing, generator))


def _item(
    chosen: Candidate, selection: _Selection, page: str, drawing: Drawing, generator: np.random.Generator
) -> Item:
    question, answer = chosen.question, chosen.answer
    band: Band = drawing.facts["band"]
    if chosen.task in CHOICE:
        number = selection.indices[chosen.task, band].pop()
        options = [chosen.wrong[place] for place in generator.permutation(OPTIONS - 1).tolist()]
        options.insert(number - 1, answer)
        lines = [f"{place}. {option}" for place, option in enumerate(options, 1)]
        question, answer = "\n".join((question, "Choices:", *lines)), str(number)
    height, width = drawing.image.shape[:2]
    return Item(
        key=f"{chosen.task}-{len(selection.taken[chosen.task]):04d}",
        image=page,
        task=chosen.task,
        question=question,
        answer=answer,
        file=f"{page}.png",
        width=width,
        height=height,
        band=band,
        layout=drawing.layout,
    )
