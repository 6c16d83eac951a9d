"""A convolutional recurrent network that reads a line of text (CRNN; Shi et al. 2015), as EasyOCR's english_g2.

Written from the paper and the shapes of the released weights: a VGG-like feature extractor that leaves one row, two
bidirectional LSTMs, and a character per column by connectionist temporal classification. It is differentiable.

Legend:  B images · W width · T columns · V characters and the blank
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

HEIGHT = 64  # pixels of a line
CHARACTERS = (
    "0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ €ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # 1 to V − 1
)
BLANK = 0


class Crnn(nn.Module):
    """The network: a grey line of 64 pixels' height to scores of characters in columns."""

    def __init__(self, width: int = 256, characters: int = len(CHARACTERS) + 1) -> None:
        super().__init__()
        self.FeatureExtraction = _Features(width)
        self.SequenceModeling = nn.Sequential(_BidirectionalLstm(width), _BidirectionalLstm(width))
        self.Prediction = nn.Linear(width, characters)

    def forward(self, lines: Float32[Tensor, "B 1 64 W"]) -> Float32[Tensor, "B T V"]:
        """Return the scores of characters, 0 being the blank, of lines with values from −1 to 1."""
        features = self.FeatureExtraction(lines)  # (B, D, rows, T)
        columns = features.mean(dim=2).transpose(1, 2)  # (B, T, D)
        return self.Prediction(self.SequenceModeling(columns))


class _Features(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        quarter, half = width // 4, width // 2
        self.ConvNet = nn.Sequential(
            *(nn.Conv2d(1, width // 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2)),
            *(nn.Conv2d(width // 8, quarter, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2)),
            *(nn.Conv2d(quarter, half, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(half, half, 3, padding=1), nn.ReLU(), nn.MaxPool2d((2, 1), (2, 1))),
            *(nn.Conv2d(half, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            nn.MaxPool2d((2, 1), (2, 1)),
            *(nn.Conv2d(width, width, 2), nn.ReLU()),
        )

    def forward(self, lines: Tensor) -> Tensor:
        return self.ConvNet(lines)


class _BidirectionalLstm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(width, width, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(2 * width, width)

    def forward(self, columns: Tensor) -> Tensor:
        return self.linear(self.rnn(columns)[0])


def load_crnn(weights: Mapping[str, Tensor]) -> Crnn:
    """Return the network with the released weights. Raises torch's RuntimeError if one is missing or too many."""
    model = Crnn()
    model.load_state_dict({name.removeprefix("module."): value for name, value in weights.items()}, strict=True)
    return model.eval()


def line_input(image: UInt8[np.ndarray, "H W 3"]) -> Float32[Tensor, "1 1 64 W"]:
    """Return an image of one line as the network reads it: grey, 64 pixels high, from −1 to 1."""
    from PIL import Image

    grey = Image.fromarray(image).convert("L")
    width = max(8, round(grey.width * HEIGHT / grey.height))
    resized = np.asarray(grey.resize((width, HEIGHT), Image.Resampling.BICUBIC), dtype=np.float32)
    return torch.from_numpy(resized[None, None] / 127.5 - 1)


def decoded(scores: Float32[Tensor, "T V"]) -> tuple[str, float]:
    """Return the text of the best path, repeats joined and blanks left out, and the mean chance of its characters."""
    chances, best = scores.softmax(dim=1).max(dim=1)
    kept = [
        (character, chance)
        for place, (character, chance) in enumerate(zip(best.tolist(), chances.tolist(), strict=True))
        if character != BLANK and (place == 0 or character != int(best[place - 1]))
    ]
    text = "".join(CHARACTERS[character - 1] for character, _ in kept).strip()
    return text, float(np.mean([chance for _, chance in kept])) if kept else 0.0
