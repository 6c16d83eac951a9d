"""Small data sets in the hub's format, and tiny checkpoints, made in a folder."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

PIECES = ["<|endoftext|>", "Ġ", "Ċ", "#", ".", *"abcdefghijklmnopqrstuvwxyzAQT:?", *"0123456789"]


def write_repository(folder: Path, tables: Mapping[str, Mapping[str, Any]], features: Any = None) -> Path:
    """Write ``{configuration: {split: columns}}`` as parquet files, and a README.md that lists the configurations."""
    import datasets

    lines = ["---", "configs:"]
    for configuration, splits in tables.items():
        lines += [f"- config_name: {configuration}", "  data_files:"]
        for split, columns in splits.items():
            path = folder / configuration / f"{split}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            known = None if features is None else datasets.Features(features)
            datasets.Dataset.from_dict(dict(columns), features=known).to_parquet(path)
            lines += [f"  - split: {split}", f"    path: {configuration}/{split}-*"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]), encoding="utf-8")
    return folder


def png(colour: int, side: int = 12) -> bytes:
    from PIL import Image

    pixels = np.random.default_rng(colour).integers(0, 60, (side, side + 4, 3)) + 60 * colour
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, format="PNG")
    return file.getvalue()


def images(folder: Path, *, train: int = 24, test: int = 9, classes: int = 3, **more: Any) -> Path:
    """Write a data set like uoft-cs/cifar100; ``more`` replaces columns of its training split."""
    import datasets

    def split(count: int) -> dict[str, Any]:
        labels = [number % classes for number in range(count)]
        return {
            "img": [{"bytes": png(label), "path": None} for label in labels],
            "fine_label": labels,
            "coarse_label": [0] * count,
        }

    names = [f"class {number}" for number in range(classes)]
    features = {
        "img": datasets.Image(),
        "fine_label": datasets.ClassLabel(names=names),
        "coarse_label": datasets.Value("int64"),
    }
    return write_repository(folder, {"cifar100": {"train": split(train) | more, "test": split(test)}}, features)


def sentences(count: int, *columns: str, label: int = 2) -> dict[str, list[Any]]:
    """Return columns of short texts, and labels."""
    generator = np.random.default_rng(count)
    found: dict[str, list[Any]] = {
        name: ["".join(generator.choice(list("abcdef "), 12)) for _ in range(count)] for name in columns
    }
    return found | {"label": [number % label for number in range(count)]}


def tiny_vit(folder: Path, side: int = 16) -> str:
    from transformers import ViTConfig, ViTForImageClassification
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    config = ViTConfig(
        image_size=side,
        patch_size=8,
        num_channels=3,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=7,
    )
    ViTForImageClassification(config).save_pretrained(folder)
    ViTImageProcessorPil(image_mean=[0.5, 0.5, 0.5], image_std=[0.25, 0.5, 0.5]).save_pretrained(folder)
    return str(folder)


def tiny_decoder(folder: Path) -> str:
    """Write a Qwen2 of one layer, whose tokens are characters."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

    torch.manual_seed(0)
    vocabulary = {piece: number for number, piece in enumerate(PIECES)}
    Qwen2Tokenizer(vocab=vocabulary, merges=[], unk_token="<|endoftext|>").save_pretrained(folder)
    config = Qwen2Config(
        vocab_size=len(PIECES),
        hidden_size=128,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=32,
        bos_token_id=0,
        eos_token_id=0,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return str(folder)


def problems(folder: Path, count: int = 12) -> Path:
    """Write a data set like meta-math/MetaMathQA: every question stands there in two ways."""
    table = {
        "type": ["GSM_Rephrased"] * count,
        "query": [f"what is {number}?" for number in range(count)],
        "original_question": [f"q {number // 2}" for number in range(count)],
        "response": [f"it is {number}.\n#### {number}\nThe answer is: {number}" for number in range(count)],
    }
    return write_repository(folder, {"default": {"train": table}})


def problems_to_test(folder: Path, count: int = 5, answer: str = "so 1,00{}\n#### 1,00{}") -> Path:
    """Write a data set like openai/gsm8k."""
    table = {
        "question": [f"what is {number}?" for number in range(count)],
        "answer": [answer.format(number, number) for number in range(count)],
    }
    return write_repository(folder, {name: {"train": table, "test": table} for name in ("main", "socratic")})


def text(folder: Path, lines: int = 40) -> Path:
    """Write a data set like Salesforce/wikitext."""
    table = {"text": ["" if number % 5 == 0 else f"abc {number}.\n" for number in range(lines)]}
    configurations = ("wikitext-2-raw-v1", "wikitext-103-raw-v1")
    return write_repository(
        folder, {name: {split: table for split in ("train", "validation", "test")} for name in configurations}
    )
