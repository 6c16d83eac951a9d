"""Small made-up images, digits and clips, and a small model for them."""

from __future__ import annotations

import numpy as np
import torch

from tenfold.commit_tuning import SmallModel, SmallModelConfig, words_of
from tenfold.commit_tuning.questions import SUBJECTS
from tenfold.data.images import LabelledImages
from tenfold.data.recordings import SoundClips, SpokenDigits
from tenfold.nn.seeding import seeded
from tenfold.nn.token_convnet import TokenConvNetConfig


def images(per_class: int, *, seed: int = 0, side: int = 8) -> LabelledImages:
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(10), per_class)
    return LabelledImages(generator.integers(0, 256, (len(labels), side, side, 3), dtype=np.uint8), labels)


def digits(takes: int = 12, *, seed: int = 0) -> SpokenDigits:
    generator = np.random.default_rng(seed)
    rows = [(digit, who, take) for digit in range(10) for who in ("ann", "bob", "cat") for take in range(takes)]
    return SpokenDigits(
        tuple(generator.integers(-999, 999, 400, dtype=np.int16) for _ in rows),
        np.array([digit for digit, _, _ in rows]),
        tuple(who for _, who, _ in rows),
        np.array([take for _, _, take in rows]),
    )


def clips(*, seed: int = 0) -> SoundClips:
    """Return 2 classes × 5 folds × 4 recordings × 2 clips of each."""
    generator = np.random.default_rng(seed)
    rows = [
        (label, fold, 100 * label + 10 * fold + recording, part)
        for label in range(2)
        for fold in range(1, 6)
        for recording in range(4)
        for part in "AB"
    ]
    return SoundClips(
        tuple(generator.integers(-999, 999, 400, dtype=np.int16) for _ in rows),
        np.array([label for label, _, _, _ in rows]),
        ("dog bark", "rain"),
        np.array([fold for _, fold, _, _ in rows]),
        tuple(f"{fold}-{recording}-{part}" for _, fold, recording, part in rows),
    )


def small_model(*, seed: int = 0, channels: int = 3, subjects: tuple[str, ...] = ("cifar10",)):
    """Return a small model and how its questions are encoded."""
    config = SmallModelConfig(
        words=words_of([SUBJECTS[name] for name in subjects]),
        encoder=TokenConvNetConfig(channels=channels, widths=(8, 16), grid=(2, 2)),
        hidden=32,
        heads=4,
    )
    model = seeded(SmallModel, config, seed)
    return model, model.questions()


def noise(rows: int, *, channels: int = 3, side: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, channels, side, side, generator=torch.Generator().manual_seed(seed))
