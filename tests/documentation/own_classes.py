"""Folders of made-up images and sounds by class, as the documentation's commands name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import wavfile


def own_classes(draws: np.random.Generator) -> None:
    """Write animals/{cat,dog} of images and calls/{owl,wren} of sounds into the working folder, six of each."""
    for name, shade in (("cat", 70), ("dog", 190)):
        Path("animals", name).mkdir(parents=True)
        for number in range(6):
            pixels = np.clip(draws.normal(shade, 20, (24, 32, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(Path("animals", name, f"{number}.png"))
    for name, pitch in (("owl", 300), ("wren", 1800)):
        Path("calls", name).mkdir(parents=True)
        for number in range(6):
            tone = 9_000 * np.sin(2 * np.pi * pitch * np.arange(4_800) / 8_000) + draws.normal(0, 300, 4_800)
            wavfile.write(Path("calls", name, f"{number}.wav"), 8_000, tone.astype(np.int16))
