"""Made-up files that stand in for pictures, texts, questions, fonts, sounds and models: the same bytes for a seed.

Legend:  N pictures or texts · C classes · V tokens of the vocabulary · D width of the encoder
"""

from __future__ import annotations

import gzip
import io
import json
import string
from collections.abc import Callable
from itertools import product

import numpy as np

from tenfold.data.made_up_decoder import decoder
from tenfold.data.made_up_encoder import image_encoder
from tenfold.data.made_up_prompts import text_prompts
from tenfold.data.made_up_questions import questions, recorded_answers
from tenfold.data.made_up_reading import reading_questions
from tenfold.data.made_up_receipts import receipts
from tenfold.data.made_up_sounds import sound_clips, spoken_digits, whisper
from tenfold.data.registry import StandIn
from tenfold.data.stand_in_fonts import fonts
from tenfold.data.stand_in_photographs import photographs

TRAIN_SHARE = 2 / 3
WORDS_A_TEXT = 12
WORDS_A_CLASS = 12
COMMON_WORDS = 40
LARGEST_LENGTH = 128

Files = tuple[str, dict[str, bytes]]


def made_up_files(stand_in: StandIn) -> Files:
    """Return what was made, in words, and its files by name."""
    assert stand_in.maker is not None
    return MAKERS[stand_in.maker](stand_in)


def _labels(rows: int, classes: int) -> tuple[np.ndarray, int]:
    """Return labels in turn, and how many of them are for training."""
    return np.arange(rows) % classes, round(rows * TRAIN_SHARE)


def images(stand_in: StandIn) -> Files:
    """Make pictures of each class from one smooth pattern, shifted and with noise: images.npz, uint8."""
    assert stand_in.rows and stand_in.shape and stand_in.classes
    generator = np.random.default_rng(stand_in.seed)
    labels, train = _labels(stand_in.rows, len(stand_in.classes))
    height, width = stand_in.shape[:2]
    coarse = generator.standard_normal((len(stand_in.classes), 4, 4, *stand_in.shape[2:]))  # (C, 4, 4[, 3])
    pattern = np.repeat(np.repeat(coarse, -(-height // 4), axis=1), -(-width // 4), axis=2)[:, :height, :width]
    pictures = np.stack([np.roll(pattern[label], generator.integers(0, 4, 2), axis=(0, 1)) for label in labels])
    pictures = 128 + 36 * (pictures + generator.standard_normal(pictures.shape))  # (N, H, W[, 3])
    pictures = np.clip(np.round(pictures), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        x_train=pictures[:train],
        y_train=labels[:train].astype(np.uint8),
        x_test=pictures[train:],
        y_test=labels[train:].astype(np.uint8),
    )
    return f"MADE-UP PICTURES, {stand_in.rows:,} of {len(stand_in.classes)} classes", {"images.npz": buffer.getvalue()}


def _word(generator: np.random.Generator) -> str:
    syllables = generator.integers(2, 4)
    return "".join(
        generator.choice(list("bcdfghklmnprstvw")) + generator.choice(list("aeiou")) for _ in range(syllables)
    )


def texts(stand_in: StandIn) -> Files:
    """Make texts of words that no language has; a third of a text's words are its class's own."""
    assert stand_in.rows and stand_in.classes and stand_in.file
    generator = np.random.default_rng(stand_in.seed)
    labels, train = _labels(stand_in.rows, len(stand_in.classes))
    common = [_word(generator) for _ in range(COMMON_WORDS)]
    own = [[_word(generator) for _ in range(WORDS_A_CLASS)] for _ in stand_in.classes]
    lines = ["split\tlabel\tname\ttext"]
    for index, label in enumerate(labels):
        words = [
            str(generator.choice(own[label] if generator.random() < 1 / 3 else common)) for _ in range(WORDS_A_TEXT)
        ]
        split = "train" if index < train else "test"
        lines.append(f"{split}\t{label}\t{stand_in.classes[label]}\t{' '.join(words)}")
    packed = gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)
    detail = f"MADE-UP TEXTS, {stand_in.rows:,} of {len(stand_in.classes)} classes, of words that no language has"
    return detail, {stand_in.file: packed}


def _vocabulary() -> list[str]:
    """Special tokens, then every letter, digit and pair of letters, at the start of a word and inside one."""
    letters = string.ascii_lowercase
    pieces = [*letters, *string.digits, *("".join(pair) for pair in product(letters, repeat=2))]
    return [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *string.punctuation,
        *pieces,
        *("##" + piece for piece in pieces),
    ]


def sentence_encoder(stand_in: StandIn) -> Files:
    """Make a one-layer BERT of random weights over pairs of letters: hashed n-grams under BERT's interface."""
    from safetensors.numpy import save

    assert stand_in.width
    generator = np.random.default_rng(stand_in.seed)
    vocabulary, width = _vocabulary(), stand_in.width

    def drawn(*shape: int, sd: float) -> np.ndarray:
        return (sd * generator.standard_normal(shape)).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": drawn(len(vocabulary), width, sd=1.0),  # (V, D)
        "embeddings.position_embeddings.weight": drawn(LARGEST_LENGTH, width, sd=0.01),
        "embeddings.token_type_embeddings.weight": drawn(2, width, sd=0.01),
    }
    layer = "encoder.layer.0."
    linear = {
        f"{layer}attention.self.query": (width, width),
        f"{layer}attention.self.key": (width, width),
        f"{layer}attention.self.value": (width, width),
        f"{layer}attention.output.dense": (width, width),
        f"{layer}intermediate.dense": (2 * width, width),
        f"{layer}output.dense": (width, 2 * width),
        "pooler.dense": (width, width),
    }
    for name, shape in linear.items():
        weights[f"{name}.weight"] = drawn(*shape, sd=0.02)
        weights[f"{name}.bias"] = np.zeros(shape[0], np.float32)
    for name in ("embeddings.LayerNorm", f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"):
        weights[f"{name}.weight"], weights[f"{name}.bias"] = np.ones(width, np.float32), np.zeros(width, np.float32)
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": len(vocabulary),
        "hidden_size": width,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 2 * width,
        "max_position_embeddings": LARGEST_LENGTH,
        "type_vocab_size": 2,
        "pad_token_id": 0,
    }
    tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": LARGEST_LENGTH}
    return f"MADE-UP WEIGHTS, a one-layer BERT of width {width} over pairs of letters", {
        "config.json": _json(config),
        "tokenizer_config.json": _json(tokenizer),
        "vocab.txt": ("\n".join(vocabulary) + "\n").encode(),
        "model.safetensors": save(weights, metadata={"format": "pt"}),
    }


def _json(content: dict[str, object]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


MAKERS: dict[str, Callable[[StandIn], Files]] = {
    "images": images,
    "texts": texts,
    "sentence_encoder": sentence_encoder,
    "questions": questions,
    "recorded_answers": recorded_answers,
    "decoder": decoder,
    "image_encoder": image_encoder,
    "fonts": fonts,
    "reading_questions": reading_questions,
    "receipts": receipts,
    "photographs": photographs,
    "spoken_digits": spoken_digits,
    "sound_clips": sound_clips,
    "whisper": whisper,
    "text_prompts": text_prompts,
}
