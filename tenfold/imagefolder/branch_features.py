"""What a branch's mean token says of an image: the features that probes read class labels off.

**Deviation:** the probe (``tenfold.metrics.probes``) is fitted to its optimum rather than by ten epochs of AdamW.

Legend:  N images · H, W height and width · C channels · P branches · D features, as many as code_dim
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.pixels import to_tensor

CAVEAT = (
    "A probe of features that a teacher shaped also measures what the teacher saw: here, unlabelled training images of "
    "the same data set; in the paper's setting, a pretraining pool that holds ImageNet-like images."
)


def branch_features(
    tokenizer: Tokenizer, pixels: UInt8[np.ndarray, "N H W *C"], *, batch: int = 250
) -> Float[np.ndarray, "N P D"]:
    """Return each branch's mean quantised token of images as bytes, padded to the tokenizer's size.

    Raises InvalidImages.
    """
    if not len(pixels):
        raise InvalidImages("there are no images to encode")
    size, device = tokenizer.config.image_size, next(tokenizer.parameters()).device
    mode = tokenizer.training
    tokenizer.eval()
    parts = [
        tokenizer.features(to_tensor(pixels[start : start + batch], size=size).to(device)).cpu().numpy()
        for start in range(0, len(pixels), batch)
    ]
    tokenizer.train(mode)
    return np.concatenate(parts).astype(np.float64)
