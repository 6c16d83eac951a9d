"""A made-up image encoder that stands in for EfficientNet-Lite0's weights: the same network, drawn."""

from __future__ import annotations

import json
import math

import numpy as np

from tenfold.data.registry import StandIn
from tenfold.vision.efficientnet_blocks import MODEL_TYPE, weight_shapes


def image_encoder(stand_in: StandIn) -> tuple[str, dict[str, bytes]]:
    """Make EfficientNet-Lite0 of random weights, as a folder that transformers reads: what a converted one looks like.

    Weights have the variance that keeps the size of maps (He et al. 2015); biases are 0.
    """
    from safetensors.numpy import save

    generator = np.random.default_rng(stand_in.seed)
    weights = {}
    for name, shape in weight_shapes().items():
        drawn = generator.standard_normal(shape, dtype=np.float32) if len(shape) > 1 else np.zeros(shape, np.float32)
        weights[name] = drawn * np.float32(math.sqrt(2 / math.prod(shape[1:])))
    config = {"architectures": ["EfficientNetLite0"], "model_type": MODEL_TYPE, "dtype": "float32"}
    return "MADE-UP WEIGHTS, EfficientNet-Lite0 drawn at random", {
        "config.json": (json.dumps(config, indent=1) + "\n").encode(),
        "model.safetensors": save(weights, metadata={"format": "pt"}),
    }
