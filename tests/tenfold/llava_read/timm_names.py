"""A ConvNeXt's weights under timm's names, written out from how timm's module tree is known to be."""

from __future__ import annotations

import re

from torch import Tensor
from transformers import ConvNextModel

RULES = (
    (r"^embeddings\.patch_embeddings", "stem.0"),
    (r"^embeddings\.layernorm", "stem.1"),
    (r"^encoder\.stages\.(\d+)\.downsampling_layer", r"stages.\1.downsample"),
    (r"^encoder\.stages\.(\d+)\.layers\.(\d+)\.dwconv", r"stages.\1.blocks.\2.conv_dw"),
    (r"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layernorm", r"stages.\1.blocks.\2.norm"),
    (r"^encoder\.stages\.(\d+)\.layers\.(\d+)\.pwconv", r"stages.\1.blocks.\2.mlp.fc"),
    (r"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer_scale_parameter", r"stages.\1.blocks.\2.gamma"),
    (r"^layernorm", "head.norm"),
)


def timm_weights(model: ConvNextModel, prefix: str) -> dict[str, Tensor]:
    found = {}
    for name, values in model.state_dict().items():
        renamed = [re.sub(old, new, name) for old, new in RULES if re.match(old, name)]
        assert len(renamed) == 1, name
        found[prefix + renamed[0]] = values.clone()
    return found
