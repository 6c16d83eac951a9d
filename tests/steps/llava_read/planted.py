"""Pages, answers and readings with known effects, in the files in which the steps write them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steps.llava_read.estimates import GROUPS, Asked, asked_of, naming_of
from steps.llava_read.predictions import ARMS, PREDICTIONS, TEST, Answers
from steps.llava_read.probe import COLUMNS
from steps.llava_read.stage_one import HISTORY, STAGE, TASKS
from steps.step.json_files import write_json
from tenfold.llava_read.corruption import corrupted
from tenfold.llava_read.pages import ReadingPage, draw_pages, write_pages
from tenfold.llava_read.questions import Question
from tenfold.ocr.noise_model import NoiseModel
from tenfold.ocr.page import Page
from tenfold.rendering.fonts import bundled_fonts

SEEDS = (0, 1, 2)
RATE = {"grid": [1e-4, 3e-4, 1e-3], "chosen": 3e-4}


@dataclass(frozen=True)
class Model:
    """How often an arm is right, by group of questions, the last group that a question is in; else it guesses."""

    code: str
    right: Mapping[str, float]
    source: str = "none"
    seeds: Sequence[int] = SEEDS
    arm: str = ""
    noise: float = 0.0  # how much seeds differ in how often they are right
    about: Mapping[str, Any] = field(default_factory=dict)


SEES, READS = {"sight": 0.7}, {"text_rich": 0.7}
USUAL: Mapping[str, Model] = {
    "low_only": Model("A1", {"sight": 0.6, "large": 0.5, "between_sizes": 0.05}),
    "both_resolutions": Model("A2", {**SEES, "large": 0.6, "between_sizes": 0.4}),
    "full": Model("A5", {**SEES, **READS}, "ppocr6"),
    "ocr_only": Model("A6", READS, "ppocr6"),
    "blind": Model("question only", {}),
    "plain_order": Model("A3", {**SEES, **READS, "layout": 0.4}, "ppocr6"),
    "xy_cut": Model("A4", {**SEES, **READS, "layout": 0.5}, "ppocr6"),
    "without_stage_one": Model("A7", {**SEES, "text_rich": 0.5}, "ppocr6"),
    "without_T4": Model("A8", {**SEES, "text_rich": 0.55}, "ppocr6"),
    "language_full": Model("language", {**SEES, **READS}, "ppocr6"),
    "language_vision": Model("language", {**SEES, "large": 0.6}),
    "language_ocr": Model("language", READS, "ppocr6"),
}
LATER: Mapping[str, Model] = {
    "again": Model("A12", {**SEES, **READS}, "ppocr6", (0,), "full", about={"budget": 256}),
    "oracle": Model("A12", {**SEES, "text_rich": 0.9}, "oracle", (0,), "full", about={"budget": 256}),
    "corrupted": Model("A12", {**SEES, "text_rich": 0.2}, "corrupted_30", (0,), "full", about={"budget": 256}),
    "budget_64": Model("A13", {**SEES, "text_rich": 0.3}, "ppocr6", (0,), about={"budget": 64}),
    "merge_none": Model("A10", {"sight": 0.5, **READS}, "ppocr6", (0,)),
}


@lru_cache
def drawn(count: int) -> tuple[ReadingPage, ...]:
    """Return test pages."""
    return tuple(draw_pages("test", count, seed=0, fonts=bundled_fonts()))


def questions_of(count: int) -> list[Question]:
    return [question for page in drawn(count) for question in page.questions]


def answers_of(name: str, model: Model, questions: Sequence[Question], number: int = 0) -> Answers:
    """Return what an arm answers; seeds answer alike unless there is noise."""
    replies, prompts = {}, {}
    for seed in model.seeds:
        generator = np.random.default_rng([number, seed if model.noise else 0])
        shift = model.noise * generator.normal()
        replies[seed] = {one.id: _reply(model, one, shift, generator) for one in questions}
        prompts[seed] = {one.id: hashlib.sha256(f"{model.source}{one.id}".encode()).hexdigest() for one in questions}
    return Answers(model.arm or name, model.code, model.source, TEST, replies, prompts)


def _reply(model: Model, one: Question, shift: float, generator: np.random.Generator) -> str:
    chance = next((share for group, share in reversed(list(model.right.items())) if GROUPS[group](one)), None)
    lucky, guess = generator.random(2)
    if lucky < (0.0 if chance is None else chance + shift):
        return one.answers[0]
    return ("red", "blue")[int(guess < 0.5)] if GROUPS["colour"](one) else "something"


def arms_of(name: str, model: Model) -> list[dict[str, Any]]:
    """Return the rows of arms.json."""
    about = {"arm": model.arm or name, "code": model.code, "updates": 100, "examples": 3200, "rate": RATE}
    about |= {"start_updates": 50, "start_examples": 1600, "cpu_seconds": 1.5, "trained": {"decoder": 1000}}
    about |= {"budget": None if model.source == "none" else 1024}
    return [about | {"seed": seed} | dict(model.about) for seed in model.seeds]


def write_model(folder: Path, models: Mapping[str, Model], questions: Sequence[Question]) -> Path:
    """Write what the steps that train write."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {one.id: one.page for one in questions}
    rows = []
    for number, (name, model) in enumerate(models.items()):
        own = answers_of(name, model, questions, number)
        about = {"arm": own.arm, "code": own.code, "set": own.asked, "ocr_source": own.ocr_source}
        rows += [
            {**about, "seed": seed, "question": one, "page": pages[one], "prompt_sha256": sha, "reply": reply}
            for seed in own.seeds
            for (one, reply), sha in zip(own.replies[seed].items(), own.prompts[seed].values(), strict=True)
        ]
    (folder / PREDICTIONS).write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    write_json(folder / ARMS, [row for name, model in models.items() for row in arms_of(name, model)])
    return folder


def asked(
    planted: Mapping[str, Model] | None = None, *, count: int = 160, without: Sequence[str] = ()
) -> tuple[Asked, list[dict[str, Any]]]:
    """Return the test with the usual answers, and others in their place or beside them; and what arms.json says."""
    models = {name: one for name, one in {**USUAL, **(planted or {})}.items() if name not in without}
    questions = questions_of(count)
    answers = [answers_of(name, one, questions, number) for number, (name, one) in enumerate(models.items())]
    arms = [row for name, one in models.items() for row in arms_of(name, one)]
    return asked_of({TEST: questions}, answers, naming_of(drawn(count)))[TEST], arms


@dataclass(frozen=True)
class Reads:
    """Letters that a reader reads at 16 pixels and 8 words, what a doubling of each adds, and how much seeds differ."""

    at: float
    per_size: float
    per_words: float
    noise: float = 0.01
    seeds: Sequence[int] = SEEDS


USUAL_READERS: Mapping[str, Reads] = {
    "low": Reads(0.4, 0.2, -0.05),
    "high": Reads(0.5, 0.15, -0.05),
    "merged": Reads(0.5, 0.15, -0.05),
    "ppocr6": Reads(0.97, 0.01, 0.0, seeds=(0,)),
    "ppocr4": Reads(0.9, 0.03, 0.0, seeds=(0,)),
}
SIZES, WORDS = (8, 12, 16, 24, 32), (1, 4, 8, 16, 32)


def recall_table(readers: Mapping[str, Reads] | None = None, per_cell: int = 2) -> pd.DataFrame:
    """Return what ``probe`` writes; pages of 32 px hold 4 words at most."""
    cells = [(size, words) for size in SIZES for words in WORDS if size < 32 or words <= 4]
    rows = []
    for number, (name, one) in enumerate({**USUAL_READERS, **(readers or {})}.items()):
        for seed in one.seeds:
            generator = np.random.default_rng([number, seed])
            shift = one.noise * generator.normal()
            for size, words in cells:
                for place in range(per_cell):
                    steps = one.per_size * np.log2(size / 16) + one.per_words * np.log2(words / 8)
                    value = float(np.clip(one.at + shift + steps + 0.02 * generator.normal(), 0, 1))
                    rows.append((name, seed, f"{size}px-{words}-{place}", size, words, value**2, value**2, value, 0.0))
    return pd.DataFrame(rows, columns=COLUMNS)


def probe_about(readers: Sequence[str] = ("low", "high", "merged"), chosen: float = 3e-3) -> dict[str, Any]:
    """Return what ``probe`` says of its probes."""
    grid = [1e-3, 3e-3, 1e-2]
    return {
        "probes": [{"reader": name, "seed": seed, "grid": grid, "chosen": chosen} for name in readers for seed in SEEDS]
    }


def history(learnt: Mapping[str, float] | None = None, seeds: Sequence[int] = SEEDS) -> list[dict[str, Any]]:
    """Return what ``pretrain`` writes: losses in training, and of each task before Stage I and after it."""
    shares = {**dict.fromkeys(TASKS, 0.4), **(learnt or {})}
    rows = [{"start": "both", "seed": 0, "stage": STAGE, "task": "all", "update": 1, "loss": 9.0}]
    for start in ("both", "low"):
        for seed in seeds:
            told = {"start": start, "seed": seed, "stage": STAGE}
            for task, share in shares.items():
                losses = {0: 2.0, 100: 2.0 * (1 - share - 0.01 * seed)}
                rows += [told | {"task": task, "update": update, "loss": loss} for update, loss in losses.items()]
    return rows


def write_history(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write losses as ``pretrain`` does."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HISTORY).write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return folder


def noise_of(pages: Sequence[ReadingPage], share: float = 0.02) -> NoiseModel:
    """Return a noise model that is fitted to planted misreadings of pages."""
    return NoiseModel.fitted([page.truth for page in pages], [misread(page, share) for page in pages])


def misread(page: ReadingPage, share: float = 0.02) -> Page:
    """Return a page as an engine might have read it."""
    return replace(corrupted(page.truth, share, seed=0), engine="PP-OCRv6 planted")


def write_inputs(root: Path, count: int = 30) -> dict[str, Any]:
    """Write what all steps before ``evaluate`` write, and return its inputs."""
    from tenfold.ocr.page_files import write_pages as write_ocr

    pages = drawn(count)
    write_pages(pages, root / "prepared" / "pages" / "test")
    overlaps = dict.fromkeys(("words", "fonts", "layouts", "companies", "images"), 0)
    write_json(root / "prepared" / "about.json", {"overlaps": overlaps})
    ocr = root / "tasks" / "ocr" / "test"
    ocr.mkdir(parents=True)
    write_ocr({page.id: misread(page) for page in pages}, ocr / "ppocr6.jsonl")
    recalls = {"recall_words": 0.93, "recall_spaceless": 0.97}
    check = {"pages": 20, "real": recalls, "simulated": {"recall_words": 0.91, "recall_spaceless": 0.98}}
    write_json(root / "tasks" / "noise.json", {"model": noise_of(pages).to_json(), "fitted_on": 40, **check})
    statistics = [
        ("test", source, layout, budget, policy, 75.0, 205.0, 0.1, 0.9, 1 - 20 / budget - 0.01 * len(policy))
        for source in ("ppocr6", "oracle")
        for layout in ("plain", "space")
        for budget in (64, 128, 256, 512)
        for policy in ("head", "head_tail")
    ]
    columns = ["part", "source", "layout", "budget", "policy", "p50", "p95", "truncated", "read", "survived"]
    pd.DataFrame(statistics, columns=columns).to_csv(root / "tasks" / "statistics.csv", index=False)
    read = []
    for engine in ("ppocr6", "tesseract"):
        folder = root / engine
        folder.mkdir()
        sets = {"test": {"pages": count, **recalls, "cpu_seconds_per_page": 0.5}} if engine == "ppocr6" else {}
        why = "" if sets else "tesseract is not installed"
        write_json(folder / "read.json", {"engine": engine, "version": "1", "why_not": why, "sets": sets})
        read.append(folder)
    probed = root / "probed"
    probed.mkdir()
    recall_table().to_csv(probed / "recall.csv", index=False)
    write_json(probed / "probe.json", probe_about())
    questions = questions_of(count)
    main = ("low_only", "both_resolutions", "full", "ocr_only", "blind")
    tuned = [write_model(root / f"tune-{name}", {name: USUAL[name]}, questions) for name in main]
    others = {name: one for name, one in USUAL.items() if name not in main and not name.startswith("language")}
    language = {name: one for name, one in USUAL.items() if name.startswith("language")}
    return {
        "prepared": root / "prepared",
        "tasks": root / "tasks",
        "read": read,
        "pretrained": write_history(root / "pretrained", history()),
        "probed": probed,
        "tuned": tuned,
        "ablated": write_model(root / "ablated", {**others, **LATER}, questions),
        "language": write_model(root / "language", language, questions_of(count // 2)),  # the first pages
    }
