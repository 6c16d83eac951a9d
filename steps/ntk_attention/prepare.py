"""Split images into the classes that a model is pretrained on and those it is adapted to; encode texts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.data.errors import TableMismatch
from tenfold.data.images import LabelledImages, read_images
from tenfold.data.text_tasks import TextItems, ascii_codes, encode, read_items, read_plain_text

HALF = 5  # classes 0 … 4 are the source, 5 … 9 the target


class PrepareParams(Params):
    """Sizes; images are counted per class, texts in all."""

    source_train: Count
    target_train: Count
    validation: Count
    test: Count
    text_train: Count
    text_validation: Count
    text_test: Count
    max_tokens: Count
    characters: Count  # of each text, at most


def prepare(
    fashion_mnist: Path,
    cifar10: Path,
    sst2: Path,
    trec: Path,
    rte: Path,
    cola: Path,
    copa: Path,
    wikitext2: Path,
    tinyshakespeare: Path,
    minilm: Path,
    *,
    out: Path,
    params: PrepareParams,
    run: Run,
) -> None:
    """Split images into the classes that a model is pretrained on and those it is adapted to; encode texts.

    Official test splits are kept apart; validation is cut from what is for training.

    Reads   the files and source.json of each source
    Writes  <images>.npz: source_x, train_x, validation_x, test_x (N, channels, H, W) float32 in [−1, 1], and labels
            <task>.npz: <split>_ids, <split>_mask (N, C, T), <split>_labels int64
            characters.npz: pretrain, train, validation, test int64; meta.json
    Raises  TableMismatch if a source has other columns or splits; CorruptArchive if a file is damaged
    """
    meta: dict[str, dict[str, object]] = {}
    for folder in (fashion_mnist, cifar10):
        _images(folder, out, params)
        meta[folder.name] = _origin(folder)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(minilm, local_files_only=True)
    for folder in (sst2, trec, rte, cola, copa):
        splits = _text_splits(folder, params, run)
        arrays: dict[str, np.ndarray] = {}
        for split, items in splits.items():
            ids, mask = encode(items, tokenizer, params.max_tokens)
            arrays |= {f"{split}_ids": ids, f"{split}_mask": mask, f"{split}_labels": items.labels}
        np.savez(out / f"{folder.name}.npz", **arrays, allow_pickle=False)
        meta[folder.name] = _origin(folder)
    _characters(wikitext2, tinyshakespeare, out, params)
    meta |= {folder.name: _origin(folder) for folder in (wikitext2, tinyshakespeare, minilm)}
    (out / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    run.say(", ".join(f"{name} ({entry['origin']})" for name, entry in meta.items()))


def _origin(folder: Path) -> dict[str, object]:
    record = json.loads((folder / "source.json").read_text(encoding="utf-8"))
    return {"origin": record["origin"], "stand_in": record["stand_in"]}


def _images(folder: Path, out: Path, params: PrepareParams) -> None:
    most = max(params.source_train, params.target_train + params.validation)
    train, test = read_images(folder, "train", per_class=most), read_images(folder, "test", per_class=params.test)
    first = np.concatenate([np.flatnonzero(train.labels == label)[: params.source_train] for label in range(HALF)])
    rest = [np.flatnonzero(train.labels == label) for label in range(HALF, 2 * HALF)]
    parts = {
        "source": (train, first),
        "train": (train, np.concatenate([places[: params.target_train] for places in rest])),
        "validation": (
            train,
            np.concatenate([places[params.target_train :][: params.validation] for places in rest]),
        ),
        "test": (test, np.flatnonzero(test.labels >= HALF)),
    }
    arrays: dict[str, np.ndarray] = {}
    for name, (images, chosen) in parts.items():
        arrays |= {f"{name}_x": _scaled(images, chosen), f"{name}_y": images.labels[chosen] % HALF}
    np.savez(out / f"{folder.name}.npz", **arrays, allow_pickle=False)


def _scaled(images: LabelledImages, chosen: np.ndarray) -> np.ndarray:
    pixels = images.pixels[chosen].astype(np.float32) / 127.5 - 1
    return pixels[:, None] if pixels.ndim == 3 else np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def _text_splits(folder: Path, params: PrepareParams, run: Run) -> dict[str, TextItems]:
    """Return the splits of a task: validation is cut from train; without a labelled test split the dev split tests."""
    known = {name: _read(folder, name) for name in ("train", "dev", "test")}
    test = known["test"] or known["dev"]
    train = known["train"] or known["dev"]  # COPA's dev split is what there is to train on
    if train is None or test is None or train is test:
        raise TableMismatch(f"{folder} has no two splits to train and to test on. Bring the source again.")
    order = run.generator(f"split of {folder.name}").permutation(len(train.labels))
    kept = run.generator(f"test of {folder.name}").permutation(len(test.labels))  # some come sorted
    shares = params.text_train + params.text_validation
    cut = len(order) * params.text_train // shares if len(order) < shares else params.text_train
    return {
        "train": train.only(order[:cut]),
        "validation": train.only(order[cut : cut + params.text_validation]),
        "test": test.only(kept[: params.text_test]),
    }


def _read(folder: Path, split: str) -> TextItems | None:
    try:
        return read_items(folder, split)
    except TableMismatch:
        return None


def _characters(first: Path, second: Path, out: Path, params: PrepareParams) -> None:
    pretrain = ascii_codes(read_plain_text(first)[: params.characters])
    adapt = ascii_codes(read_plain_text(second)[: params.characters])
    cuts = [len(adapt) * share // 10 for share in (6, 8)]
    train, validation, test = np.split(adapt, cuts)
    np.savez(out / "characters.npz", pretrain=pretrain, train=train, validation=validation, test=test)
