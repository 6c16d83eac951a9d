"""Readings and plans with known effects, as rows and in the files in which the steps write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from steps.artist.canvas_sets import PromptRow
from steps.artist.estimates import Evidence
from steps.artist.plan import CHAT, FORMS, QUOTED, REAL, REGEX, TAGGER, TEST, UNQUOTED, WORDLESS, write_plans
from steps.artist.read import CANVAS, CROP, READINGS, TEST_LAYOUTS
from steps.artist.sample import CASCADE, GIVEN
from steps.artist.saved_arms import model_name
from tenfold.artist.readings import COLUMNS, reading_table
from tests.steps.artist.rows import row_of

SEEDS, REPEATS, SIZE, UPDATES = (0, 1, 2), 2, 1000, 500
WORDS = ("open", "shut", "stop", "walk", "tea", "milk", "bread", "salt")
STAMP = {"engine": "ppocr6", "version": "PP-OCRv6 planted"}
HOW = {CROP: "in boxes", CANVAS: "whole"}


@dataclass(frozen=True)
class Model:
    """How often an arm's words are right, by stage and number of updates; ``noise`` is what seeds differ by."""

    arm: str
    right: float
    updates: int = UPDATES
    size: int = SIZE
    stages: Sequence[str] = ("grey",)
    seeds: Sequence[int] = SEEDS
    noise: float = 0.0
    planned: Mapping[str, float] = field(default_factory=dict)
    taken: Mapping[str, float] = field(default_factory=dict)  # right words by where the text image is taken from
    about: Mapping[str, Any] = field(default_factory=dict)


PLANNED = {"quote_regex-quoted": 0.7, "tagger-quoted": 0.7, "tagger-unquoted": 0.7}
LONGER = 1600
MENDED: Mapping[str, Model] = {  # as the profile `extended` would train with a search for every arm at its length
    "artist": Model("artist", 0.8, planned=PLANNED, taken={GIVEN: 0.8}),
    "visual": Model("visual_only", 0.3),
    "longer": Model("visual_only", 0.6, updates=LONGER, about={"searched_at": LONGER}),
    "random": Model("random_text_module", 0.05, taken={GIVEN: 0.3}),
    "glyphs": Model("glyph_image", 0.85, taken={CASCADE: 0.4}),
    "word_only": Model("word_only", 0.4),
    "sentence_only": Model("sentence_only", 0.5),
    "artist_250": Model("artist", 0.85, size=250),
    "visual_250": Model("visual_only", 0.2, size=250),
    "artist_4000": Model("artist", 0.8, size=4000),
    "visual_4000": Model("visual_only", 0.65, size=4000),
}
NO_SEARCH = {"searched": {}, "at_edge": None}
USUAL: Mapping[str, Model] = {  # as it does train: controls without a search, one of glyph_image, one seed of colour
    name: replace(
        one,
        about={} if one.arm in ("artist", "visual_only") else NO_SEARCH,
        seeds=(0,) if one.arm == "glyph_image" else SEEDS,
    )
    for name, one in MENDED.items()
} | {
    "artist_colour": Model("artist", 0.5, stages=("colour",), seeds=(0,)),
    "visual_colour": Model("visual_only", 0.3, stages=("colour",), seeds=(0,)),
}


def changed(**other: float | Model) -> dict[str, Model]:
    """Return the mended models with others in place of some, or with other shares of right words."""
    found = {name: one if isinstance(one, Model) else replace(MENDED[name], right=one) for name, one in other.items()}
    return {**MENDED, **found}


@lru_cache
def prompts(count: int = 192) -> tuple[PromptRow, ...]:
    """Return prompts: two thirds of one word, a sixth of one in a held-out design, a sixth of two words."""
    rows = []
    for number in range(count):
        kind = ("main", "main", "main", "main", "unseen", "two")[number * 6 // count]
        words = tuple(WORDS[(number + place) % len(WORDS)] for place in range(1 + (kind == "two")))
        boxes = tuple((32 * place + 2, 2, 32 * place + 30, 14) for place in range(len(words)))
        quotes = "single" if number % 2 else "none"
        said = f"'{' '.join(words)}'" if number % 2 else " ".join(words)
        rows.append(
            PromptRow(number, f"a sign saying {said}", quotes, words, boxes, 64, 16, "DejaVu", kind != "unseen")
        )
    return tuple(rows)


def rows_of(models: Mapping[str, Model]) -> list[dict[str, Any]]:
    """Return rows.jsonl."""
    return [
        row_of(one.arm, stage=stage, size=one.size, seed=seed, updates=one.updates) | dict(one.about)
        for one in models.values()
        for stage in one.stages
        for seed in one.seeds
    ]


def readings_of(
    models: Mapping[str, Model], *, ceiling: float = 1.0, asked: Sequence[PromptRow] | None = None
) -> list[dict[str, Any]]:
    """Return readings.jsonl, with those of real composites."""
    asked = prompts() if asked is None else asked
    rows = []
    stages = dict.fromkeys(stage for one in models.values() for stage in one.stages)
    for place, stage in enumerate(stages):
        rows += _images(f"real-{stage}", ceiling, np.random.default_rng([9, place]), asked, 1)
    for place, one in enumerate(models.values()):
        key = f"{place} {one} {asked[:3]} {len(asked)}"
        if key not in _known:
            _known[key] = _of_model(one, place, asked)
        rows += _known[key]
    return rows


_known: dict[str, list[dict[str, Any]]] = {}  # readings are the same wherever a model is


def _of_model(one: Model, place: int, asked: Sequence[PromptRow]) -> list[dict[str, Any]]:
    """Return what is read of a model's images; seeds are alike unless there is noise."""
    rows = []
    for stage in one.stages:
        for seed in one.seeds:
            drawn = [place, seed if one.noise else 0, int(stage == "colour")]
            generator = np.random.default_rng(drawn)
            name = model_name(row_of(one.arm, stage=stage, size=one.size, seed=seed, updates=one.updates))
            rows += _images(name, one.right + one.noise * generator.normal(), generator, asked, REPEATS)
            for layouts, right in one.taken.items():
                rows += [row for row in _images(name, right, generator, asked, 1, layouts) if row["mode"] == CROP]
            for images, right in one.planned.items():
                rows += _planned(name, images, right, np.random.default_rng(drawn), asked)
    return rows


def _images(
    name: str,
    right: float,
    generator: np.random.Generator,
    asked: Sequence[PromptRow],
    repeats: int,
    layouts: str = TEST_LAYOUTS,
) -> list[dict[str, Any]]:
    rows = []
    for prompt in asked:
        for repeat in range(repeats):
            wanted = list(prompt.keywords)
            read = [word if generator.random() < right else "x" + word[1:-1] for word in wanted]
            about = {"model": name, "layouts": layouts, "prompt": prompt.number, "repeat": repeat, **STAMP}
            counts = _counts(tuple(wanted), tuple(read))
            said = {"wanted": wanted, "read": read}
            rows.append({**about, "how": HOW[CROP], "mode": CROP, **said, **counts, "outside_ink": 0.25})
            if not repeat:
                lines = [" ".join(read)] if read != wanted else read
                rows.append({**about, "how": HOW[CANVAS], "mode": CANVAS, "wanted": wanted, "read": lines})
    return rows


@lru_cache
def _counts(wanted: tuple[str, ...], read: tuple[str, ...]) -> dict[str, float]:
    (sums,) = reading_table([wanted], [read]).tolist()
    return dict(zip(COLUMNS, sums, strict=True))


def _planned(
    name: str, images: str, right: float, generator: np.random.Generator, asked: Sequence[PromptRow]
) -> list[dict[str, Any]]:
    rows = []
    for one in asked:
        read = list(one.keywords) if generator.random() < right else ["else"]
        if one.quoted or images.endswith(UNQUOTED):
            about = {"model": name, "layouts": images, "prompt": one.number, "repeat": 0, **STAMP, "how": HOW[CROP]}
            rows.append({**about, "mode": CROP, "wanted": list(one.keywords), "read": read, "outside_ink": None})
    if images == f"{TAGGER}-{UNQUOTED}":  # a rule about quotes finds nothing there
        for row in list(rows):
            rows.append({**row, "layouts": f"{REGEX}-{UNQUOTED}", "read": []})
    return rows


def evidence(models: Mapping[str, Model] | None = None, **options: Any) -> Evidence:
    """Return what was read of the images of models."""
    own = MENDED if models is None else models
    return Evidence.of(rows_of(own), prompts(), readings_of(own, **options))


@dataclass(frozen=True)
class Planner:
    """How often a planner finds a word of a prompt in each form, how many others it takes, and how often it fails."""

    unquoted: float
    quoted: float = 1.0
    others: float = 0.0
    failed: float = 0.0
    own: float = 0.97  # of its own templates
    alarms: float = 0.05
    seeds: Sequence[int] = (0,)


PLANNERS: Mapping[str, Planner] = {
    REGEX: Planner(0.0),
    TAGGER: Planner(0.7, seeds=SEEDS, others=0.1),
    CHAT: Planner(0.6, quoted=0.8, others=0.1),
}


def plans_of(planners: Mapping[str, Planner] | None = None, templates: int = 60) -> list[dict[str, Any]]:
    """Return plans.jsonl: two real prompts of each template, and as many that want no words."""
    rows = []
    for place, (name, planner) in enumerate((PLANNERS if planners is None else planners).items()):
        for seed in planner.seeds:
            generator = np.random.default_rng([3, place, seed])
            for number in range(2 * templates):
                about = {"number": number, "template": f"template {number // 2}", "planner": name, "seed": seed}
                for form in FORMS:
                    rows.append(_plan(planner, REAL, form, [WORDS[number % 8]], generator) | about)
                rows.append(_plan(planner, WORDLESS, UNQUOTED, [], generator) | about)
                rows.append(_plan(planner, TEST, UNQUOTED, [WORDS[number % 8]], generator) | about)
    return rows


def _plan(planner: Planner, name: str, form: str, wanted: list[str], generator: np.random.Generator) -> dict[str, Any]:
    share = planner.quoted if form == QUOTED else planner.own if name == TEST else planner.unquoted
    found = [word for word in wanted if generator.random() < share]
    hits = len(found)
    found += ["sign"] if generator.random() < (planner.others if wanted else planner.alarms) else []
    fallback = bool(generator.random() < planner.failed)
    boxes = [[0.1, 0.1, 0.9, 0.9]] * len(found)
    about = {"set": name, "form": form, "prompt": "a sign", "wanted": wanted, "found": found, "boxes": boxes}
    return {**about, "hits": hits, "fallback": fallback, "how": "centred rows" if fallback else "quotes"}


def write_readings(rows: Iterable[Mapping[str, Any]], folder: Path) -> Path:
    """Write readings as ``read`` does."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / READINGS).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def write_planned(folder: Path, planners: Mapping[str, Planner] | None = None) -> Path:
    """Write plans as ``plan`` does."""
    folder.mkdir(parents=True, exist_ok=True)
    write_plans(plans_of(planners), folder)
    return folder
