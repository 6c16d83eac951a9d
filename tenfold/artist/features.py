"""What the text module's U-Net gives to the visual one in one call.

Legend:  B images · C channels of a place · h, w its size
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from tenfold.artist.errors import InvalidInjection


@dataclass(frozen=True)
class Features:
    """A map (B, C, h, w) per place, and how much of what each image's maps add is added; all of it by default."""

    maps: tuple[Float[Tensor, "B C h w"], ...]
    weights: Float[Tensor, " B"] | None = None

    def __len__(self) -> int:
        return len(self.maps[0])

    def repeated(self, times: int, *, silent: int = 0) -> Features:
        """Return the features of a batch that holds the images ``times`` times, one copy after the other.

        Under classifier-free guidance the batch is [without prompt, with prompt]. The first ``silent`` copies add
        nothing: 1 is injection into the pass with the prompt alone. Raises InvalidInjection.
        """
        if times < 1 or not 0 <= silent <= times:
            raise InvalidInjection(f"{silent} silent copies of {times} are not possible")
        maps = tuple(one.repeat(times, 1, 1, 1) for one in self.maps)
        if not silent and self.weights is None:
            return Features(maps)
        own = torch.ones(len(self), device=maps[0].device) if self.weights is None else self.weights
        return Features(maps, torch.cat([own * (copy >= silent) for copy in range(times)]))
