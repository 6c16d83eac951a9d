"""Images as the models read them, kept as bytes, and what frozen encoders make of them, kept as features.

Legend:  N images · h, H sides of low and high resolution · F, W tokens of an image and their width · C, S of the map
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from tenfold.llava_read.image_processor import LlavaReadImageProcessor
from tenfold.llava_read.squares import Square

AT_ONCE = 64  # images that go through the encoders together


@dataclass(frozen=True)
class PageImages:
    """Images in both resolutions (N, 3, side, side) uint8, and once they are computed the features of encoders."""

    normalise: LlavaReadImageProcessor
    low: torch.Tensor
    high: torch.Tensor | None
    features: tuple[torch.Tensor, torch.Tensor | None] | None = None

    @classmethod
    def of(cls, images: Iterable[np.ndarray], processor: LlavaReadImageProcessor) -> PageImages:
        """Return images (H, W, 3) uint8 padded and resized as ``processor`` does it."""
        from PIL import Image
        from PIL.Image import Resampling

        colour = tuple(round(255 * value) for value in processor.low_mean)
        sides = [processor.low_side, *([] if processor.high_side is None else [processor.high_side])]
        sized: list[list[np.ndarray]] = [[] for _ in sides]
        for pixels in images:
            square = Square(pixels.shape[1], pixels.shape[0]).padded(Image.fromarray(pixels), colour)  # type: ignore[arg-type]
            for place, side in enumerate(sides):
                one = square if square.size == (side, side) else square.resize((side, side), Resampling.BICUBIC)
                sized[place].append(np.asarray(one).transpose(2, 0, 1))
        stacked = [_stacked(each, side) for each, side in zip(sized, sides, strict=True)]
        return cls(processor, stacked[0], stacked[1] if len(stacked) > 1 else None)

    def __len__(self) -> int:
        return len(self.low)

    def only(self, numbers: Sequence[int]) -> PageImages:
        """Return the images of these numbers alone, in their order, without features."""
        chosen = torch.as_tensor(list(numbers), dtype=torch.int64)
        return PageImages(self.normalise, self.low[chosen], None if self.high is None else self.high[chosen])

    def encoded(self, model: Any) -> PageImages:
        """Return the same images with what the model's frozen encoders make of each, which ``given`` hands out."""
        found: list[tuple[torch.Tensor, torch.Tensor | None]] = []
        vision = model.vision.eval()
        with torch.no_grad():
            for start in range(0, len(self), AT_ONCE):
                low, high = self.pixels(range(start, min(start + AT_ONCE, len(self))), model.device)
                found.append(vision.encoded(low, high))
        maps = [features for _, features in found if features is not None]
        features = (torch.cat([tokens for tokens, _ in found]), torch.cat(maps) if maps else None) if found else None
        return replace(self, features=features)

    def pixels(self, numbers: Sequence[int], device: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return images as the encoders read them, normalised."""
        chosen = torch.as_tensor(list(numbers), dtype=torch.int64)
        return (
            _normal(self.low[chosen].to(device), self.normalise.low_mean, self.normalise.low_std),
            None
            if self.high is None
            else _normal(self.high[chosen].to(device), self.normalise.high_mean, self.normalise.high_std),
        )

    def given(self, numbers: Sequence[int], device: Any) -> dict[str, Any]:
        """Return what the model's forward takes of these images; nothing for none."""
        if not len(numbers):
            return {}
        if self.features is not None:
            chosen = torch.as_tensor(list(numbers), dtype=torch.int64, device=self.features[0].device)
            tokens, maps = self.features
            return {"image_features": (tokens[chosen], None if maps is None else maps[chosen])}
        low, high = self.pixels(numbers, device)
        return {"pixel_values_low": low} | ({} if high is None else {"pixel_values_high": high})


def _stacked(images: list[np.ndarray], side: int) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)) if images else torch.zeros((0, 3, side, side), dtype=torch.uint8)


def _normal(pixels: torch.Tensor, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    middle, spread = (torch.tensor(values, device=pixels.device)[:, None, None] for values in (mean, std))
    return (pixels.float() / 255 - middle) / spread
