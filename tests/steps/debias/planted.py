"""Questions and answers with known effects, in the files in which the steps write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tenfold.debias.items import Condition, Item, Items, Polarity, write_items

UNKNOWN, TARGET, OTHER = 0, 1, 2
AGENTS = ("a0", "a1")
CONDITIONS: tuple[Condition, ...] = ("ambig", "disambig")


@dataclass(frozen=True)
class Reader:
    """How often a reader names the target and the other person where nothing is said, and is right where it is."""

    target: float
    other: float
    right: float = 0.9


BIASED = Reader(0.5, 0.1)
FAIR = Reader(0.1, 0.1)


def questions(templates: int = 30, contexts: int = 8) -> Items:
    """Return questions in three groups: per template and context both polarities, ambiguous and disambiguated."""
    rows = []
    for template in range(templates):
        for context in range(contexts):
            polarity: Polarity = "neg" if context % 2 else "nonneg"
            for condition in CONDITIONS:
                gold = UNKNOWN if condition == "ambig" else (TARGET, OTHER)[context % 4 // 2]
                rows.append(
                    Item(
                        key=f"{template}/{context}/{condition}",
                        question="Who was it?",
                        options=("Not known", "The first", "The second"),
                        gold=gold,
                        group=("Age", "Religion", "SES")[template % 3],
                        template=f"t{template}",
                        polarity=polarity,
                        condition=condition,
                        unknown=UNKNOWN,
                        target=TARGET,
                    )
                )
    return Items(tuple(rows))


def answered(items: Items, reader: Reader, seed: int) -> np.ndarray:
    """Return the answers (N,) of a reader."""
    generator = np.random.default_rng(seed)
    drawn, right = generator.random(len(items)), generator.random(len(items)) < reader.right
    guessed = np.select([drawn < reader.target, drawn < reader.target + reader.other], [TARGET, OTHER], UNKNOWN)
    return np.where(items.ambiguous, guessed, np.where(right, items.gold, UNKNOWN)).astype(np.int8)


def write_conversed(
    folder: Path, readers: Mapping[str, Mapping[str, Reader]], *, seeds: int = 3, hard: float = 0.5
) -> None:
    """Write what ``converse`` writes: per target the readers by protocol; everybody answers alone like ``single``."""
    items = questions()
    folder.mkdir(parents=True, exist_ok=True)
    write_items(items, folder / "items.jsonl")
    arrays: dict[str, np.ndarray] = {}
    for seed in range(seeds):
        places = np.arange(len(items))[items.templates != f"t{seed}"]  # seeds test different, overlapping templates
        asked = items.only(places)
        arrays[f"tested/{seed}"] = places
        for number, (target, by_protocol) in enumerate(readers.items()):
            generator = np.random.default_rng([seed, number])
            arrays[f"hard/{target}/{seed}"] = asked.ambiguous & (generator.random(len(asked)) < hard)
            for place, (protocol, reader) in enumerate(by_protocol.items()):
                turned = protocol in ("single", "centralized", "self_refine", "self_consistency")
                for agent, label in enumerate([f"{protocol}:{name}" for name in AGENTS] if turned else [protocol]):
                    key, own = f"{target}/{seed}/{label}", 1000 * seed + 100 * number + 10 * place + agent
                    arrays[key] = answered(asked, reader, own)
                    if protocol not in ("single", "vote", "self_consistency"):
                        first = [answered(asked, by_protocol["single"], own + 5 + each) for each in range(2)]
                        last = [arrays[key], answered(asked, reader, own + 7)]
                        arrays[f"{key}/rounds"] = np.stack([np.stack(first, 1), np.stack(last, 1)], axis=1)
    np.savez_compressed(folder / "answers.npz", allow_pickle=False, **arrays)


def write_live(folder: Path, reader: Reader) -> None:
    """Write what ``live`` writes of a model that answers in all protocols alike, some questions with planted peers."""
    items = questions()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").write_text('{"models": {"name": "small"}}')
    write_items(items, folder / "items.jsonl")
    places = np.arange(0, len(items), 10)
    arrays = {"places/planted": places, "places/free": places[:7]}
    labels = ["vote", "decentralized", "shuffled_peers", "rotated"]
    labels += [f"{protocol}:order {turn}" for protocol in ("single", "self_refine") for turn in (1, 2)]
    for number, label in enumerate(labels):
        arrays[label] = answered(items, reader, number)
    for label in ("decentralized", "decentralized:always_biased"):
        asked = items.only(places) if ":" in label else items
        arrays[f"{label}/rounds"] = np.stack([answered(asked, reader, each) for each in range(4)], 1).reshape(-1, 2, 2)
    arrays["decentralized:always_biased"] = answered(items.only(places), BIASED, 1)
    arrays["single:free"] = np.full(7, -1, dtype=np.int8)
    np.savez_compressed(folder / "answers.npz", allow_pickle=False, **arrays)


def write_recorded(folder: Path, readers: Mapping[str, Reader], votes: Reader) -> None:
    """Write what ``score_recorded`` writes: formats and votes over them."""
    items = questions()
    folder.mkdir(parents=True, exist_ok=True)
    write_items(items, folder / "items.jsonl")
    every = {**readers, **dict.fromkeys(("plurality_random", "plurality_first", "plurality_unknown"), votes)}
    arrays = {name: answered(items, reader, seed) for seed, (name, reader) in enumerate(every.items())}
    np.savez(folder / "answers.npz", allow_pickle=False, **arrays)
