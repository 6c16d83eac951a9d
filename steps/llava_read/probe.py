"""Measure who reads what: a linear probe on the frozen features of the encoders, and OCR engines, on the same pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from steps.llava_read.letters import letters_of_words, read_of_words
from steps.llava_read.page_sets import probe_pages_of
from steps.step.json_files import write_json
from steps.step.params import Count, Params
from steps.step.run import Run

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor

    from tenfold.llava_read.probe import ProbeWord, ReadingProbe
    from tenfold.llava_read.probe_pages import ProbePage

RECALL, ABOUT = "recall.csv", "probe.json"
MODELS, READINGS = "models", "probe_test.jsonl"
LOW, HIGH, MERGED = "low", "high", "merged"
COLUMNS = ["reader", "seed", "page", "text_size", "words", "recall", "recall_spaceless", "letters", "letters_by_chance"]
HELD_OUT = 5  # of so many training pages one chooses the learning rate
TOGETHER = 32  # images that are encoded at once
FIRST_SEED = 0  # that of an engine, which is not trained here


class NoEncoders(ValueError):
    """There is no model to probe under the name that the parameters give: correct ``starts``, or pretrain it."""


class ProbeParams(Params):
    """Which models are probed, and how the probes are trained.

    ``low_start`` and ``both_start`` name the models of one and of both resolutions among ``models`` of ``pretrain``.
    ``learning_rates`` is the grid that is searched on held-out pages with ``search_updates``, by the first seed for
    all; a grid of one is not searched.
    """

    low_start: str
    both_start: str
    updates: Count
    search_updates: Count
    batch_size: Count
    learning_rates: list[float]


def probe(prepared: Path, read: list[Path], pretrained: Path, *, out: Path, params: ProbeParams, run: Run) -> None:
    """Train a probe on the features of each encoder and seed; count what it and what each engine reads.

    The probe is told where each word stands, which an engine has to find.

    Reads   prepared/probe/train, test; read/probe_test.jsonl of each engine, where it has read them;
            pretrained/models/<name>-<seed>
    Writes  recall.csv: a row per reader (low, high, merged, or an engine), seed and test page, recalls and letters from
            0 to 1, these word by word, and what the readings score of other words; probe.json: each probe's grid of
            learning rates, held-out losses (nats per letter), winner
    Raises  NoEncoders; InvalidProbe for pages and readings that do not go together
    """
    import torch

    from tenfold.llava_read.probe import probe_words

    train, test = probe_pages_of(prepared, "train"), probe_pages_of(prepared, "test")
    words, asked = probe_words(train), probe_words(test)
    rows: list[pd.DataFrame] = []
    about: list[dict[str, Any]] = []
    rates: dict[str, tuple[float, list[float]]] = {}
    for seed, low, both in starts_of(pretrained, params.low_start, params.both_start):
        with torch.no_grad():
            of_train, of_test = (encoded(low, both, pages, run.device) for pages in (train, test))
        for reader in (LOW, HIGH, MERGED):
            if reader not in rates:
                rates[reader] = searched(of_train[reader], train, words, params, seed)
                run.say(f"{reader}: learning rate {rates[reader][0]:g} of {params.learning_rates}")
            rate, losses = rates[reader]
            trained = _trained(of_train[reader], words, rate, params.updates, params.batch_size, seed)
            rows.append(_of_probe(reader, seed, trained, of_test[reader], test, asked))
            run.log({f"{reader}/{seed}/letters": float(rows[-1]["letters"].mean())})
            known = {"reader": reader, "seed": seed, "updates": params.updates, "chosen": rate}
            about.append(known | {"grid": params.learning_rates, "held_out_loss": losses})
    engines = [table for folder in read if (table := of_engine(folder, test)) is not None]
    pd.concat([*rows, *engines])[COLUMNS].to_csv(out / RECALL, index=False, float_format="%.6f")
    counts = {"train_pages": len(train), "test_pages": len(test), "train_words": len(words)}
    write_json(out / ABOUT, {"probes": about, **counts})


def starts_of(pretrained: Path, low: str, both: str) -> list[tuple[int, Path, Path]]:
    """Return (seed, folder of the model of low resolution, folder of that of both) for each seed that has both."""
    found = []
    for path in sorted((pretrained / MODELS).glob(f"{both}-*")):
        seed = path.name.removeprefix(f"{both}-")
        other = pretrained / MODELS / f"{low}-{seed}"
        if seed.isdigit() and other.is_dir():
            found.append((int(seed), other, path))
    if not found:
        raise NoEncoders(
            f"{pretrained / MODELS} has no pair {low}-<seed>, {both}-<seed>; there are {_names(pretrained)}"
        )
    return sorted(found)


def encoded(low: Path, both: Path, pages: Sequence[ProbePage], device: str) -> dict[str, Float[Tensor, "P h w D"]]:
    """Return the features of pages by reader: the low resolution's own, the high resolution's map, and both merged.

    Raises NoEncoders for a model of the wrong resolutions.
    """
    import torch

    found: dict[str, list[torch.Tensor]] = {LOW: [], HIGH: [], MERGED: []}
    for folder, merges in ((low, False), (both, True)):
        model, images = _loaded(folder, merges, device)
        for start in range(0, len(pages), TOGETHER):
            shown = images([page.image for page in pages[start : start + TOGETHER]]).to(device)
            if not merges:
                found[LOW].append(_grid(model.vision(shown["pixel_values_low"], None)))
                continue
            found[MERGED].append(_grid(model.vision(shown["pixel_values_low"], shown["pixel_values_high"])))
            maps = model.vision.high(shown["pixel_values_high"])
            maps = maps if isinstance(maps, torch.Tensor) else maps.last_hidden_state  # (B, C, S, S)
            found[HIGH].append(maps.permute(0, 2, 3, 1).float().cpu())
    return {reader: torch.cat(parts) for reader, parts in found.items()}


def _loaded(folder: Path, merges: bool, device: str) -> tuple[Any, Any]:
    from tenfold.llava_read.model import LlavaReadForConditionalGeneration
    from tenfold.llava_read.processor import LlavaReadProcessor

    model: Any = LlavaReadForConditionalGeneration.from_pretrained(folder)
    model = model.to(device).eval()
    if (model.config.merge != "none") != merges:
        raise NoEncoders(f"{folder} merges {model.config.merge}: name a model of {'both' if merges else 'one'}")
    return model, LlavaReadProcessor.from_pretrained(folder).image_processor


def _grid(tokens: Float[Tensor, "B T D"]) -> Float[Tensor, "B h w D"]:
    side = round(tokens.shape[1] ** 0.5)
    return tokens.unflatten(1, (side, side)).float().cpu()


def searched(
    features: Float[Tensor, "P h w D"], pages: list[ProbePage], words: list[ProbeWord], params: ProbeParams, seed: int
) -> tuple[float, list[float]]:
    """Return the learning rate with the least loss on every ``HELD_OUT``-th of the pages, and the loss of each (nats).

    A grid of one is taken as it is, without losses.
    """
    from tenfold.llava_read.probe import spelling_loss

    rates = params.learning_rates
    if len(rates) == 1:
        return rates[0], []
    held = set(range(0, len(pages), HELD_OUT))
    kept, asked = [one for one in words if one.page not in held], [one for one in words if one.page in held]
    losses = []
    for rate in rates:
        trained = _trained(features, kept, rate, params.search_updates, params.batch_size, seed)
        losses.append(spelling_loss(trained, features, asked))
    return rates[int(np.argmin(losses))], losses


def _trained(
    features: Float[Tensor, "P h w D"], words: list[ProbeWord], rate: float, updates: int, batch: int, seed: int
) -> ReadingProbe:
    from tenfold.llava_read.probe import train_probe

    return train_probe(features, words, updates=updates, seed=seed, batch=batch, learning_rate=rate)


def _of_probe(
    reader: str,
    seed: int,
    trained: ReadingProbe,
    features: Float[Tensor, "P h w D"],
    pages: list[ProbePage],
    words: list[ProbeWord],
) -> pd.DataFrame:
    """Return the rows of a probe: its words stand where it was told, so that spaces play no part."""
    from tenfold.llava_read.probe import probe_recall

    recall = probe_recall(trained, features, words)
    said: list[list[str]] = [[] for _ in pages]
    for word, text in zip(words, trained.read(features, words), strict=True):
        said[word.page].append(text)
    return _table(reader, seed, pages, recall, recall, said)


def of_engine(folder: Path, pages: list[ProbePage]) -> pd.DataFrame | None:
    """Return the rows of an engine; None where it has not read the probe's pages."""
    from steps.step.json_files import read_json
    from tenfold.llava_read.probe import engine_recall
    from tenfold.ocr.page_files import load_pages

    path = folder / READINGS
    if not path.is_file():
        return None
    known = load_pages(path)
    read = [known[page.id] for page in pages]
    recalls = [engine_recall(pages, read, spaces=spaces) for spaces in (True, False)]
    name = read_json(folder / "read.json")["engine"]
    said = [read_of_words(page.truth, own) for page, own in zip(pages, read, strict=True)]
    return _table(name, FIRST_SEED, pages, recalls[0], recalls[1], said)


def _table(
    reader: str, seed: int, pages: list[ProbePage], recall: np.ndarray, spaceless: np.ndarray, said: list[list[str]]
) -> pd.DataFrame:
    columns = {"page": [page.id for page in pages], "text_size": [page.text_size for page in pages]}
    columns |= {"words": [page.words for page in pages]}
    letters, chance = letters_of_pages(pages, said)
    found = {"recall": recall, "recall_spaceless": spaceless, "letters": letters, "letters_by_chance": chance}
    return pd.DataFrame({**columns, **found}).assign(reader=reader, seed=seed)


def letters_of_pages(
    pages: Sequence[ProbePage], said: Sequence[Sequence[str]]
) -> tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Return the mean over each page's words of the letters read, and of what chance gives; from 0 to 1.

    ``said`` are the readings of each page's words, in the page's order. Chance takes the words of all pages of the same
    text size.
    """
    from tenfold.text.normalise import normalised

    letters, chance = np.zeros(len(pages)), np.zeros(len(pages))
    for size in sorted({page.text_size for page in pages}):
        own = [number for number, page in enumerate(pages) if page.text_size == size]
        wanted = [normalised(word.text) for number in own for word in pages[number].truth.words]
        found = letters_of_words(wanted, [text for number in own for text in said[number]])
        ends = np.cumsum([len(said[number]) for number in own])[:-1]
        for column, values in zip((letters, chance), found, strict=True):
            column[own] = [part.mean() for part in np.split(values, ends)]
    return letters, chance


def _names(pretrained: Path) -> str:
    return ", ".join(sorted(path.name for path in (pretrained / MODELS).glob("*"))) or "none"
