"""ConvNeXt from checkpoints under timm's names, as OpenCLIP and timm publish them, in transformers' class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import ConvNextConfig, ConvNextModel

from tenfold.llava_read.errors import InvalidParts
from tenfold.nn.errors import UnknownWeights
from tenfold.nn.weight_names import Table, fill, layers, renamed, same

TRUNK = "visual.trunk."  # where OpenCLIP keeps the image encoder


def load_timm_convnext(file: Path) -> ConvNextModel:
    """Return the image encoder of a safetensors file under timm's names, with or without OpenCLIP's text encoder.

    Raises InvalidParts for weights that are not a ConvNeXt's.
    """
    from safetensors.torch import load_file

    weights = load_file(file)
    if any(name.startswith(TRUNK) for name in weights):
        weights = {name.removeprefix(TRUNK): one for name, one in weights.items() if name.startswith(TRUNK)}
    try:
        config = _config(weights)
        table = _table(config, "head.norm.weight" in weights)
        found = renamed(weights, table, ignored=lambda name: name.startswith("head."))
    except (KeyError, UnknownWeights) as error:
        raise InvalidParts(f"{file} holds no ConvNeXt under timm's names: {error}") from None
    model = ConvNextModel(config)
    fill(model, found, whole="head.norm.weight" in weights)
    return model.eval()


def _config(weights: Mapping[str, Tensor]) -> ConvNextConfig:
    blocks = [name.split(".") for name in weights if name.startswith("stages.") and name.endswith("conv_dw.weight")]
    stages = sorted({int(parts[1]) for parts in blocks})
    return ConvNextConfig(
        patch_size=weights["stem.0.weight"].shape[-1],
        num_stages=len(stages),
        depths=[sum(int(parts[1]) == stage for parts in blocks) for stage in stages],
        hidden_sizes=[int(weights[f"stages.{stage}.blocks.0.conv_dw.weight"].shape[0]) for stage in stages],
        layer_scale_init_value=1e-6 if "stages.0.blocks.0.gamma" in weights else 0.0,
        layer_norm_eps=1e-6,
    )


def _table(config: Any, normed: bool) -> Table:
    pairs = {"embeddings.patch_embeddings": "stem.0", "embeddings.layernorm": "stem.1"}
    scales: Table = {}
    for stage, depth in enumerate(config.depths):
        mine, theirs = f"encoder.stages.{stage}", f"stages.{stage}"
        if stage:
            pairs |= {f"{mine}.downsampling_layer.{part}": f"{theirs}.downsample.{part}" for part in (0, 1)}
        for block in range(depth):
            at, of = f"{mine}.layers.{block}", f"{theirs}.blocks.{block}"
            pairs |= {f"{at}.dwconv": f"{of}.conv_dw", f"{at}.layernorm": f"{of}.norm"}
            pairs |= {f"{at}.pwconv{part}": f"{of}.mlp.fc{part}" for part in (1, 2)}
            if config.layer_scale_init_value:
                scales[f"{at}.layer_scale_parameter"] = (same, (f"{of}.gamma",))
    if normed:
        pairs["layernorm"] = "head.norm"
    return layers(pairs) | scales
