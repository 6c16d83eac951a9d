"""What stands beside the squared error where no perceptual network is at hand: the error of the images' gradients.

Legend:  B images · C channels
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "B C H W"]


def gradient_difference(first: Images, second: Images) -> Float[Tensor, ""]:
    """Return the mean absolute error of neighbouring pixels' differences, down and across.

    Deviation: it stands in for LPIPS, whose network is no part of the small settings; it keeps edges sharp.
    """
    error = first - second
    return error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
